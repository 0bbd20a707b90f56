package pipectl;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.mapreduce.util.ConfigUtil;

/**
 * Hadoop's configuration as Spark sends it around: what was set for this pipeline, without what Hadoop knows anyway.
 *
 * <p>Every scan and every write broadcasts the configuration. Hadoop writes all of its settings, a thousand of them defaults of its
 * own, and with each the files that it came from, gzipped one by one ({@code Configuration.write}). A fifth of the driver's CPU time
 * and a sixth of the executor's went there, and executors had to evict what they had got, which writes it once more.
 */
public final class HadoopDefaults {
  private HadoopDefaults() {}

  /** Leaves out of a configuration, and of its copies, what is in no file but those of Hadoop's jars. */
  public static void leaveOut(Configuration conf) {
    // Whoever loads these later would have all configurations read again, with the defaults.
    HdfsConfiguration.init();
    ConfigUtil.loadResources();
    List<String> names = new ArrayList<>();
    for (Map.Entry<String, String> setting : conf) {
      if (isDefault(conf.getPropertySources(setting.getKey())) && !isNowhereElse(setting.getKey())) {
        names.add(setting.getKey());
      }
    }
    names.forEach(conf::unset);
  }

  private static boolean isDefault(String[] sources) {
    return sources != null && sources.length == 1 && sources[0].endsWith("-default.xml");
  }

  /** The classes of file systems are in core-default.xml and not in the code. */
  private static boolean isNowhereElse(String name) {
    return name.startsWith("fs.") && name.endsWith(".impl");
  }
}
