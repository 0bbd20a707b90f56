"""Does in the driver what the pipeline's jobs do, on small data: Kafka to a change log, merges, reads, transformations.

usage: work.py CONF-DIRECTORY STOP-FILE
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

CONF, STOP = Path(sys.argv[1]), Path(sys.argv[2])
LAKE = "hdfs://localhost:9000/data/delta"
LOG = f"{LAKE}/_changes"
TABLES = ("regions", "customers", "orders")
COLUMNS = ("id", "amount", "name", "active", "tags", "attributes", "born", "created_at", "updated_at")
# Generous: a machine that builds several images at once is slow, and nobody waits for this in daily use.
_DEADLINE = time.monotonic() + 1800


def start_driver() -> subprocess.Popen[bytes]:
    """The driver's JVM as the job server starts it; its gateway's address goes into the environment for pyspark."""
    options = []
    for line in (CONF / "spark-defaults.conf").read_text(encoding="utf-8").splitlines():
        name, _, value = line.strip().partition(" ")
        if name and not name.startswith("#"):
            options.append(f"-D{name}={os.path.expandvars(value.strip())}")
    info = Path(tempfile.mkdtemp()) / "gateway"
    process = subprocess.Popen(
        ["java", "-Xmx640m", f"@{CONF}/driver.args", *options, "org.apache.spark.api.python.PythonGatewayServer"],
        stdin=subprocess.PIPE,
        env=os.environ | {"_PYSPARK_DRIVER_CONN_INFO_PATH": str(info)},
    )
    while not info.exists():
        if process.poll() is not None:
            sys.exit("the driver has ended")
        time.sleep(0.05)
    data = info.read_bytes()
    port, length = struct.unpack("!ii", data[:8])
    os.environ["PYSPARK_GATEWAY_PORT"] = str(port)
    os.environ["PYSPARK_GATEWAY_SECRET"] = data[8 : 8 + length].decode()
    return process


DRIVER = start_driver()

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.getOrCreate()
jvm = spark._jvm
jvm.pipectl.HadoopDefaults.leaveOut(spark.sparkContext._jsc.hadoopConfiguration())


def until(condition, what: str) -> None:
    """Waits for something to become true."""
    while not condition():
        if time.monotonic() > _DEADLINE or DRIVER.poll() is not None:
            sys.exit(f"waiting for {what}")
        time.sleep(0.1)


def make_topics() -> None:
    """Three topics."""
    settings = jvm.java.util.Properties()
    settings.put("bootstrap.servers", "localhost:9092")
    admin = jvm.org.apache.kafka.clients.admin.AdminClient.create(settings)
    topics = jvm.java.util.ArrayList()
    for table in TABLES:
        topics.add(jvm.org.apache.kafka.clients.admin.NewTopic(f"train.public.{table}", 1, 1))
    admin.createTopics(topics).all().get()
    until(lambda: len(set(admin.listTopics().names().get())) >= len(TABLES), "topics")
    admin.close()


class Producer:
    """Writes changes as Debezium does."""

    def __init__(self) -> None:
        settings = jvm.java.util.Properties()
        settings.put("bootstrap.servers", "localhost:9092")
        settings.put("compression.type", "lz4")
        for side in ("key", "value"):
            settings.put(f"{side}.serializer", "org.apache.kafka.common.serialization.StringSerializer")
        self._producer = jvm.org.apache.kafka.clients.producer.KafkaProducer(settings)
        self.sent = dict.fromkeys(TABLES, 0)

    def send(self, table: str, op: str, number: int) -> None:
        """One change."""
        row = {
            "id": number,
            "amount": "12.50",
            "name": f"name {number}",
            "active": True,
            "tags": ["a", "b"],
            "attributes": '{"k": 1}',
            "born": 20455,
            "created_at": 1767322445678901,
            "updated_at": "2026-01-02T03:04:05.678901Z",
        }
        source = {"schema": "public", "table": table, "lsn": self.sent[table], "txId": 1, "ts_us": 1767322445678901}
        value = {
            "op": op,
            "before": None if op in "cr" else row,
            "after": None if op in "dt" else row,
            "source": source,
        }
        record = jvm.org.apache.kafka.clients.producer.ProducerRecord
        key = None if op == "t" else json.dumps({"id": number})
        self._producer.send(record(f"train.public.{table}", key, json.dumps(value)))
        self.sent[table] += 1
        if op == "d":
            self._producer.send(record(f"train.public.{table}", key, None))

    def flush(self) -> None:
        """Until the broker has everything."""
        self._producer.flush()


ENVELOPE = "op string, before string, after string, source struct<schema: string, table: string, lsn: bigint, txId: bigint, ts_us: bigint>"
CHANGE = (
    "table string, op string, key string, before string, after string, topic string, partition int, offset bigint, "
    "lsn bigint, tx_id bigint, source_us bigint, ingested_at timestamp"
)
ROW = (
    "id bigint, amount decimal(12,2), name string, active boolean, tags array<string>, attributes string, born date, "
    "created_at timestamp_ntz, updated_at timestamp"
)
TYPED = (
    "CAST(row.amount AS decimal(12,2)) AS amount",
    "row.name AS name",
    "CAST(row.active AS boolean) AS active",
    "from_json(row.tags, 'array<string>', map('mode', 'FAILFAST')) AS tags",
    "row.attributes AS attributes",
    "date_from_unix_date(CAST(row.born AS int)) AS born",
    (
        "CASE WHEN CAST(row.created_at AS bigint) IN (1, 2) THEN CAST(raise_error('x') AS timestamp_ntz) "
        "ELSE CAST(timestamp_micros(CAST(row.created_at AS bigint)) AS timestamp_ntz) END AS created_at"
    ),
    "CAST(row.updated_at AS timestamp) AS updated_at",
)


def create(path: str, ddl: str, **properties: str) -> None:
    """An empty Delta table."""
    schema = jvm.org.apache.spark.sql.types.StructType.fromDDL(ddl)
    empty = spark._jsparkSession.createDataFrame(jvm.java.util.ArrayList(), schema)
    DataFrame(empty, spark).write.format("delta").options(**properties).save(path)


def parse(records: DataFrame) -> DataFrame:
    """Job 1's rows."""
    return (
        records.where(F.col("value").isNotNull())
        .withColumn("envelope", F.from_json(F.col("value").cast("string"), ENVELOPE, {"mode": "FAILFAST"}))
        .select(
            F.concat_ws(".", "envelope.source.schema", "envelope.source.table").alias("table"),
            "envelope.op",
            F.col("key").cast("string"),
            "envelope.before",
            "envelope.after",
            "topic",
            "partition",
            "offset",
            "envelope.source.lsn",
            F.col("envelope.source.txId").alias("tx_id"),
            F.col("envelope.source.ts_us").alias("source_us"),
            F.current_timestamp().alias("ingested_at"),
        )
        .coalesce(1)
    )


def append(rows: DataFrame, batch_id: int) -> None:
    """Job 1's batch."""
    rows.write.format("delta").mode("append").option("userMetadata", json.dumps({"batch": batch_id})).save(LOG)


def reduce(frame: DataFrame) -> dict[str, list[dict[str, object]]]:
    """Newest change per key, by table."""
    newest: dict[tuple[str, str | None], object] = {}
    for row in frame.collect():
        place = (row.table, row.key)
        if place not in newest or newest[place].offset < row.offset:
            newest[place] = row
    by_table: dict[str, list[dict[str, object]]] = {}
    for row in newest.values():
        if row.op != "t":
            names = ("key", "op", "offset", "lsn", "after")
            by_table.setdefault(row.table, []).append({name: row[name] for name in names})
    return by_table


def typed(changes: DataFrame) -> DataFrame:
    """Typed rows of a table."""
    text = ", ".join(f"{name} string" for name in COLUMNS)
    return (
        changes.withColumn("row", F.from_json("after", text, {"mode": "FAILFAST"}))
        .withColumn("key_row", F.from_json("key", "id string", {"mode": "FAILFAST"}))
        .selectExpr("CAST(key_row.id AS bigint) AS id", *TYPED, "op AS _op", "offset AS _offset", "lsn AS _lsn")
    )


def documents(changes: DataFrame) -> DataFrame:
    """Job 2's rows."""
    typed(changes).drop("_op", "_offset", "_lsn").createOrReplaceTempView("rows")
    result = spark.sql("SELECT *, CAST(amount / 2 AS decimal(12,2)) AS half, lower(name) AS lower FROM rows")
    moments = [f"date_format({name}, 'yyyy-MM-dd HH:mm:ss.SSSSSS') AS {name}" for name in ("created_at", "updated_at")]
    shown = result.selectExpr(*[name for name in result.columns if not name.endswith("_at")], *moments)
    return shown.select(F.to_json(F.struct(*shown.columns)))


def prepare(make) -> object:
    """A plan made once, see pipectl.PreparedPlan."""
    schema = jvm.org.apache.spark.sql.types.StructType.fromDDL("row string")
    leaf = DataFrame(spark._jsparkSession.createDataFrame(spark.sparkContext._jsc.emptyRDD(), schema), spark)
    row = F.from_json("row", "key string, op string, offset bigint, lsn bigint, after string", {"mode": "FAILFAST"})
    execution = make(leaf.select(row.alias("row")).select("row.*"))._jdf.queryExecution()
    assert execution.analyzed().deterministic()
    plan = jvm.pipectl.PreparedPlan.of(execution.optimizedPlan())
    assert plan is not None
    return plan


def texts(rows: list[dict[str, object]]) -> str:
    """Rows as a prepared plan takes them."""
    return json.dumps([json.dumps(row) for row in rows])


merged: dict[str, int] = {}


def merge(frame: DataFrame, batch_id: int) -> None:
    """Job 1's second query."""
    for source, rows in reduce(frame).items():
        table = source.split(".")[1]
        session = frame.sparkSession
        names = [*COLUMNS, "_offset", "_lsn"]
        values = {f"`{name}`": f"s.`{name}`" for name in names}
        session.conf.set("spark.databricks.delta.commitInfo.userMetadata", json.dumps({"batch": batch_id}))
        target = jvm.io.delta.tables.DeltaTable.forPath(session._jsparkSession, f"{LAKE}/{table}").alias("t")
        plan = jvm.org.apache.spark.sql.classic.Dataset.ofRows(spark._jsparkSession, prepare(typed).over(texts(rows)))
        builder = (
            target.merge(DataFrame(plan, spark).coalesce(1).alias("s")._jdf, "t.id = s.id")
            .whenMatched("s._op = 'd' AND s._offset > t._offset")
            .delete()
            .whenMatched("s._offset > t._offset")
            .updateExpr(values)
            .whenNotMatched("s._op <> 'd'")
            .insertExpr(values)
        )
        if merged.get(table, 0) % 3 == 2:
            builder = builder.whenNotMatchedBySource("t._offset < 1").delete()
        builder.execute()
        merged[table] = merged.get(table, 0) + 1


applied = [0]


def apply(frame: DataFrame, batch_id: int) -> None:
    """Job 2's batch, without the destination."""
    for rows in reduce(frame).values():
        prepare(documents).texts(texts([row for row in rows if row["after"] is not None]))
    applied[0] += 1


def stream(frame: DataFrame, work, name: str, trigger: str):
    """Starts a query."""
    return (
        frame.writeStream.queryName(name)
        .foreachBatch(work)
        .option("checkpointLocation", f"hdfs://localhost:9000/checkpoints/{name}")
        .trigger(processingTime=trigger)
        .start()
    )


def main() -> None:
    """All of it."""
    make_topics()
    create(LOG, CHANGE, **{"delta.checkpointInterval": "10", "delta.dataSkippingNumIndexedCols": "0"})
    kafka = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", "localhost:9092")
        .option("subscribe", ",".join(f"train.public.{table}" for table in TABLES))
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", "20000")
        .option("kafka.fetch.max.wait.ms", "10")
        .load()
    )
    queries = [stream(parse(kafka), append, "ingest.changes", "200 milliseconds")]
    for table in TABLES:
        properties = {
            "delta.enableDeletionVectors": "true",
            "delta.checkpointInterval": "3",
        }
        create(f"{LAKE}/{table}", f"{ROW}, _offset bigint, _lsn bigint", **properties)
    log = spark.readStream.format("delta")
    queries.append(stream(log.load(LOG), merge, "ingest.merge", "2 seconds"))
    queries.append(stream(log.option("maxBytesPerTrigger", "2m").load(LOG), apply, "process", "200 milliseconds"))

    producer = Producer()
    for table in TABLES:
        for number in range(300):
            producer.send(table, "r", number)
    producer.flush()
    for step in range(12):
        before = applied[0]
        for number, op in enumerate("cud" if step != 8 else "tcu"):
            producer.send(TABLES[step % 3], op, 300 + step if number else 1000 + step)
        producer.flush()
        until(lambda at=before: applied[0] > at, "a batch")
        for query in queries:
            if query.exception() is not None:
                raise query.exception()
    until(lambda: all(merged.get(table, 0) >= 2 for table in TABLES), "merges")
    read()
    for query in queries:
        # Not in the middle of a batch: an interrupted one would be learnt too.
        query.processAllAvailable()
        query.stop()


def read() -> None:
    """What the read-only API asks."""
    for table in TABLES:
        log = jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, f"{LAKE}/{table}")
        version = log.update(False, jvm.scala.Option.empty(), jvm.scala.Option.empty()).version()
        log.unsafeVolatileSnapshot().numOfFiles()
        frame = spark.read.format("delta").option("versionAsOf", version).load(f"{LAKE}/{table}")
        frame.createOrReplaceTempView("current")
        text = (
            "concat_ws('|', coalesce(CAST(id AS string), ''), array_join(transform(tags, e -> concat(char_length(e), e)), ','), \
CAST(unix_micros(CAST(created_at AS timestamp)) AS string), CAST(unix_date(born) AS string))"
        )
        spark.sql(
            f"SELECT count(*), sum(CAST(conv(substr(md5({text}), 1, 8), 16, 10) AS bigint)) FROM current"
        ).collect()
        spark.sql(
            "SELECT CAST(created_at AS string) AS c FROM current WHERE id <=> CAST('3' AS bigint)"
        ).toJSON().collect()
    executors = spark._jsc.sc().statusStore().executorList(True)
    [executors.apply(n).totalCores() for n in range(executors.size())]
    for page in ("jobs/", "stages/", "executors/", "SQL/", "StreamingQuery/", "environment/"):
        with urllib.request.urlopen(f"http://localhost:4040/{page}", timeout=30) as answer:
            answer.read()


main()
STOP.with_suffix(".ready").touch()
until(STOP.exists, "the end")
# The JVM ends with its stdin, writing down what it has learnt.
DRIVER.stdin.close()
code = DRIVER.wait(600)
sys.exit(0 if code in (0, 143) else f"the driver ended with {code}")
