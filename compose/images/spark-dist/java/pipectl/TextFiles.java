package pipectl;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.apache.commons.io.IOUtils;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.Path;

/**
 * Small files and directories, read in one call: from Python each call here is a message to this JVM and back. Every batch reads several
 * files, and a log can have fifty thousand, of which a list's elements would be as many calls.
 */
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

  /** The names in a directory, one a line and in no order; null where there is no such directory. */
  public String names(String name) throws IOException {
    Path path = new Path(name);
    try {
      return Arrays.stream(path.getFileSystem(conf).listStatus(path))
          .map(status -> status.getPath().getName())
          .collect(Collectors.joining("\n"));
    } catch (FileNotFoundException absent) {
      return null;
    }
  }
}
