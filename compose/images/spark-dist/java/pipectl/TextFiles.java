package pipectl;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.commons.io.IOUtils;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.Path;

/** Small files, read in one call: from Python each call here is a message to this JVM and back, and every batch reads several files. */
public final class TextFiles {
  private final Configuration conf;

  public TextFiles(Configuration conf) {
    this.conf = conf;
  }

  /** The text of a file; null where there is none. */
  public String read(String name) throws IOException {
    Path path = new Path(name);
    try (FSDataInputStream stream = path.getFileSystem(conf).open(path)) {
      return IOUtils.toString(stream, StandardCharsets.UTF_8);
    } catch (FileNotFoundException absent) {
      return null;
    }
  }
}
