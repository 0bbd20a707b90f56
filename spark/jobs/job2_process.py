"""Job 2: change log -> the user's SQL -> destination, one transaction per batch."""

from __future__ import annotations

import psycopg2
from lib import batch, changes, keys, lake
from lib.destination import Batch, Destination, TableBatch
from lib.job import Job, run
from lib.offsetlog import delta_version, read
from lib.transforms import Transform
from pyspark.sql import DataFrame


def main(job: Job) -> None:
    """Checks the transformations, then starts the query and watches it."""
    pipeline, settings, spark = job.pipeline, job.settings, job.spark
    transforms = {table.name: Transform(table, settings.root) for table in pipeline.tables}
    for transform in transforms.values():
        transform.check(spark)

    destination = Destination(
        pipeline,
        columns={table.destination: transforms[table.name].columns for table in pipeline.tables},
        connect=lambda: psycopg2.connect(
            host=pipeline.destination_service,
            dbname=pipeline.destination_database,
            user=settings.destination_user,
            password=settings.destination_password,
            application_name="pipectl process",
            connect_timeout=5,
        ),
        lost=(psycopg2.OperationalError, psycopg2.InterfaceError),
    )
    destination.open()
    changes.wait_for(job.storage, pipeline.changes_path, job.stopping)
    change_log = lake.identity(spark, job.storage, pipeline.changes_path)
    applied = destination.applied(change_log)
    reached = dict(applied)
    log = spark.read.format("delta").load(pipeline.changes_path)
    checkpoint = job.checkpoint("destination")

    def apply(frame: DataFrame, batch_id: int) -> None:
        with job.batch(batch_id) as report:
            found = batch.reduce(pipeline, log, frame, applied)
            work = Batch(job.query_id(), batch_id, change_log)
            for change in found:
                rows = transforms[change.table.name].documents(change.frame)
                work.tables.append(
                    TableBatch(
                        table=change.table.destination,
                        keys=[keys.document(change.table, key) for key in change.keys],
                        rows=rows,
                        truncated=change.truncated_at is not None,
                        topic=change.topic,
                        base=applied.get(change.topic, 0),
                        end=change.end,
                    )
                )
            upserted, deleted = destination.apply(work)
            report.committed()
            report.rows = upserted + deleted
            applied.update({change.topic: change.end for change in found})
            reached.update({change.topic: change.reached for change in found})
            report.offsets = dict(reached)
            report.version = delta_version(read(job.storage, checkpoint, batch_id))

    query = (
        spark.readStream.format("delta")
        # Soft bound: at least one file. A backlog comes in files of MAX_OFFSETS_PER_TRIGGER changes each.
        .option("maxBytesPerTrigger", "2m")
        .load(pipeline.changes_path)
        .writeStream.queryName("process.destination")
        .foreachBatch(apply)
        .option("checkpointLocation", checkpoint)
        .trigger(processingTime=settings.process_trigger)
        .start()
    )
    job.add(query)
    job.watch()


if __name__ == "__main__":
    run("process", main)
