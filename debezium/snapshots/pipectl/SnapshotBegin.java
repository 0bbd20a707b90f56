package pipectl;

import io.debezium.config.CommonConnectorConfig;
import io.debezium.function.BlockingConsumer;
import io.debezium.pipeline.notification.InitialSnapshotNotificationService;
import io.debezium.pipeline.notification.Notification;
import io.debezium.pipeline.notification.SnapshotStatus;
import io.debezium.pipeline.notification.channels.ConnectChannel;
import io.debezium.pipeline.notification.channels.NotificationChannel;
import io.debezium.pipeline.spi.OffsetContext;
import io.debezium.pipeline.spi.Offsets;
import io.debezium.pipeline.spi.Partition;
import io.debezium.schema.SchemaFactory;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends a truncate before the first row that a snapshot reads of a table, the first snapshot and every later reading.
 *
 * <p>A snapshot says nothing of rows that are not there any more. Where one is begun again after a crash, or a table is read anew, what an
 * earlier one has sent would stay. Debezium marks the first row of a table, but not where it has a single one, and of an empty table it
 * sends nothing; that it begins with a table it tells its notification channels in any case, in the thread that then reads the rows.
 *
 * <p>{@code notification.enabled.channels} names it: {@code truncate}.
 *
 * @see <a href="https://debezium.io/documentation/reference/stable/configuration/notification.html">Debezium notifications</a>
 */
public final class SnapshotBegin implements NotificationChannel, ConnectChannel {
  private static final Logger LOG = LoggerFactory.getLogger(SnapshotBegin.class);

  private static final Schema SOURCE =
      SchemaBuilder.struct()
          .name("pipectl.SnapshotBegin.Source")
          .field("connector", Schema.STRING_SCHEMA)
          .field("name", Schema.STRING_SCHEMA)
          .field("snapshot", Schema.STRING_SCHEMA)
          .field("schema", Schema.STRING_SCHEMA)
          .field("table", Schema.STRING_SCHEMA)
          .field("lsn", Schema.OPTIONAL_INT64_SCHEMA)
          .field("txId", Schema.OPTIONAL_INT64_SCHEMA)
          .field("ts_us", Schema.OPTIONAL_INT64_SCHEMA)
          .build();
  private static final Schema VALUE =
      SchemaBuilder.struct()
          .name("pipectl.SnapshotBegin.Envelope")
          .field("before", Schema.OPTIONAL_STRING_SCHEMA)
          .field("after", Schema.OPTIONAL_STRING_SCHEMA)
          .field("source", SOURCE)
          .field("op", Schema.STRING_SCHEMA)
          .field("ts_ms", Schema.INT64_SCHEMA)
          .build();

  private String prefix;
  private BlockingConsumer<SourceRecord> queue;

  @Override
  public String name() {
    return "truncate";
  }

  @Override
  public void init(CommonConnectorConfig config) {
    prefix = config.getLogicalName();
  }

  @Override
  public void initConnectChannel(SchemaFactory schemas, BlockingConsumer<SourceRecord> consumer) {
    queue = consumer;
  }

  /** Without a position there is no snapshot that it is about. */
  @Override
  public void send(Notification notification) {}

  @Override
  public <P extends Partition, O extends OffsetContext> void send(Notification notification, Offsets<P, O> position) {
    String table = notification.getAdditionalData().get(InitialSnapshotNotificationService.CURRENT_COLLECTION_IN_PROGRESS);
    if (table == null || !SnapshotStatus.IN_PROGRESS.name().equals(notification.getType())) {
      return;
    }
    Map<String, ?> offset = position.getTheOnlyOffset().getOffset();
    try {
      queue.accept(truncate(table, position.getTheOnlyPartition().getSourcePartition(), offset));
    } catch (InterruptedException stopped) {
      // The task is stopped, and the snapshot with it: it is begun again.
      LOG.warn("Truncate of {} not sent: the task stops", table);
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {}

  /** As Debezium tells of a TRUNCATE. */
  private SourceRecord truncate(String table, Map<String, String> partition, Map<String, ?> offset) {
    String[] name = table.split("\\.", 2);
    Struct source =
        new Struct(SOURCE)
            .put("connector", "postgresql")
            .put("name", prefix)
            // Tells it from a TRUNCATE at the source.
            .put("snapshot", "begin")
            .put("schema", name[0])
            .put("table", name[1])
            .put("lsn", offset.get("lsn"))
            .put("txId", offset.get("txId"))
            .put("ts_us", offset.get("ts_usec"));
    Struct value = new Struct(VALUE).put("source", source).put("op", "t").put("ts_ms", System.currentTimeMillis());
    return new SourceRecord(partition, new HashMap<>(offset), prefix + "." + table, null, null, VALUE, value);
  }
}
