"""The change log: one append-only Delta table for all source tables, one row per change, independent of their columns.

One table means one commit per batch, however many tables changed, and a new source column needs no change here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lib import resume
from lib.commits import Files, has_log

COLUMNS = """
    table string COMMENT 'source table with its schema',
    op string COMMENT 'r snapshot, c insert, u update, d delete, t truncate',
    key string COMMENT 'JSON; NULL for a truncate',
    before string COMMENT 'JSON of the row before the change',
    after string COMMENT 'JSON of the row after the change',
    topic string,
    partition int,
    offset bigint,
    lsn bigint,
    tx_id bigint,
    source_us bigint COMMENT 'commit time at the source, microseconds since 1970',
    ingested_at timestamp
"""

# A commit per batch makes many. A checkpoint costs seconds, and the batch whose commit is due for one waits for it: `lib.upkeep` makes
# them beside the flow, and the interval is for the case that it does not come to it. Column statistics would cost more to compute
# than any reader of this table could gain.
PROPERTIES = {"delta.checkpointInterval": "100000", "delta.dataSkippingNumIndexedCols": "0"}

# before and after as string: Spark keeps the JSON text of an object there.
_ENVELOPE = """
    op string, before string, after string,
    source struct<schema: string, table: string, lsn: bigint, txId: bigint, ts_us: bigint, snapshot: string>
"""

# What Debezium says of the first row that a snapshot reads of a table: of the first table, and of any other one.
_FIRST_OF_SNAPSHOT = ("first", "first_in_data_collection")


def read_topics(
    spark: SparkSession, bootstrap: str, topics: list[str], begin: Mapping[str, int], max_offsets: int
) -> DataFrame:
    """The stream of Kafka records; a new checkpoint begins at these offsets, by topic, where others at the first record."""
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", bootstrap)
        .option("subscribe", ",".join(topics))
        .option("startingOffsets", resume.starting_offsets(topics, begin))
        # A record that retention removed before it was read is lost: stop and say so.
        .option("failOnDataLoss", "true")
        .option("maxOffsetsPerTrigger", str(max_offsets))
        # Spark asks for the end offsets on the connection where the consumer's long poll is parked; the broker answers one
        # request at a time, so the default of 500 ms is added to every batch, twice per topic.
        .option("kafka.fetch.max.wait.ms", "1")
        # How many rows are in memory, unpacked, and how many bytes of packed ones: by default 500 of up to 16 MiB each. A larger
        # record comes all the same, alone. Fewer rows cost time: after each lot Spark asks for the ends of the topic, in two requests.
        .option("kafka.max.poll.records", "250")
        .option("kafka.max.partition.fetch.bytes", str(2 * 1024 * 1024))
        .load()
    )


def parse(records: DataFrame) -> DataFrame:
    """Kafka records as rows of the change log. Tombstones (no value), which follow each delete, carry no change.

    A snapshot that is begun again, because the connector was killed in the first one or a table is read anew, says nothing of rows that
    were deleted meanwhile. So its first row, unless it is the first of the topic, is two changes: a truncate of all that came before,
    and the row itself, with the same offset.
    """
    envelope = F.from_json(F.col("value").cast("string"), _ENVELOPE, {"mode": "FAILFAST"})
    source = "envelope.source"
    begins_again = F.col(f"{source}.snapshot").isin(*_FIRST_OF_SNAPSHOT) & (F.col("offset") > 0)
    row = F.col("op") != "t"
    return (
        records.where(F.col("value").isNotNull())
        .withColumn("envelope", envelope)
        .withColumn(
            "op", F.explode(F.when(begins_again, F.array(F.lit("t"), "envelope.op")).otherwise(F.array("envelope.op")))
        )
        .select(
            F.concat_ws(".", f"{source}.schema", f"{source}.table").alias("table"),
            "op",
            F.when(row, F.col("key").cast("string")).alias("key"),
            F.when(row, F.col("envelope.before")).alias("before"),
            F.when(row, F.col("envelope.after")).alias("after"),
            "topic",
            "partition",
            "offset",
            F.col(f"{source}.lsn"),
            F.col(f"{source}.txId").alias("tx_id"),
            F.col(f"{source}.ts_us").alias("source_us"),
            F.current_timestamp().alias("ingested_at"),
        )
    )


def newest_per_key(changes: DataFrame) -> DataFrame:
    """The last change of every key, plus one row (key NULL) for the last truncate of a table.

    A topic of the pipeline has one partition, so the offset orders all changes of a table.
    """
    newest = F.max_by(F.struct("op", "after", "lsn"), "offset").alias("newest")
    return (
        changes.groupBy("table", "topic", "partition", "key")
        .agg(newest, F.max("offset").alias("offset"))
        .select("table", "topic", "partition", "key", "offset", "newest.*")
    )


class NoChangeLogError(Exception):
    """Job 1 has not made the change log."""


def wait_for(files: Files, path: str, stopping: threading.Event, seconds: float = 120) -> None:
    """Until job 1 has made the change log: the two jobs start at the same time."""
    deadline = time.monotonic() + seconds
    while not has_log(files, path):
        if time.monotonic() > deadline:
            raise NoChangeLogError(f"{path} has not appeared within {seconds:.0f} s; is the ingest job running?")
        if stopping.wait(0.1):
            return
