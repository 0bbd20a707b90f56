package pipectl;

import io.delta.storage.HDFSLogStore;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.protocol.DirectoryListing;
import org.apache.hadoop.hdfs.protocol.HdfsFileStatus;

/**
 * Delta's log on HDFS, listed from where it is asked for.
 *
 * <p>Delta lists a log several times in every batch, each time from the newest checkpoint on, which are a few files. Its own class for
 * HDFS fetches the whole directory and leaves out what comes before: with a commit for every batch that is thousands of files after an
 * hour, and every batch takes longer than the one before. The NameNode can begin at a name, see
 * {@code ClientProtocol.getListing(src, startAfter, needLocation)}, which sorts names by their bytes, as Delta does.
 */
public final class TailLogStore extends HDFSLogStore {
  public TailLogStore(Configuration conf) {
    super(conf);
  }

  @Override
  public Iterator<FileStatus> listFrom(Path path, Configuration conf) throws IOException {
    FileSystem system = path.getFileSystem(conf);
    if (!(system instanceof DistributedFileSystem)) {
      return super.listFrom(path, conf);
    }
    DistributedFileSystem hdfs = (DistributedFileSystem) system;
    Path directory = hdfs.makeQualified(path.getParent());
    String from = path.getName();
    List<FileStatus> found = new ArrayList<>();
    byte[] after = HdfsFileStatus.EMPTY_NAME;
    if (!from.isEmpty()) {
      // The listing begins behind a name, and `from` itself may exist: behind the names that are shorter by its last character.
      after = from.substring(0, from.length() - 1).getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }
    while (true) {
      DirectoryListing page = hdfs.getClient().listPaths(directory.toUri().getPath(), after);
      if (page == null) {
        throw new FileNotFoundException("No such file or directory: " + directory);
      }
      for (HdfsFileStatus status : page.getPartialListing()) {
        FileStatus file = status.makeQualified(hdfs.getUri(), directory);
        if (file.getPath().getName().compareTo(from) >= 0) {
          found.add(file);
        }
      }
      if (!page.hasMore()) {
        return found.iterator();
      }
      after = page.getLastName();
    }
  }
}
