"""Job 2: change log -> the user's SQL -> destination, one transaction per batch."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg2
from lib import batch, changes, commits, definitions, lake, lines, resume, sizes, slices
from lib.batch import TableChanges
from lib.destination import Batch, Destination, TableBatch
from lib.job import Job, run
from lib.offsetlog import delta_version, read
from lib.transforms import Transform
from pyspark.sql import DataFrame


def main(job: Job) -> None:
    """Checks the transformations, then starts the query and watches it."""
    pipeline, settings, spark = job.pipeline, job.settings, job.spark
    transforms = {table.name: Transform(table, settings.root, spark) for table in pipeline.tables}
    for transform in transforms.values():
        transform.check()

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
    checkpoint = job.checkpoint("destination")
    wanted = definitions.of(pipeline)
    anew = definitions.changed(pipeline, destination.definitions(), destination.applied(change_log))
    destination.define([definition for definition in wanted if definition.table not in anew.names])
    if anew.tables:
        job.notice(anew.told())
        # In this order: killed in between, the next start finds nothing done, and the checkpoint costs nothing.
        job.storage.delete(checkpoint)
        emptied = {table.destination: pipeline.topic(table) for table in anew.tables}
        destination.empty(emptied, [definition for definition in wanted if definition.table in emptied])
    applied = destination.applied(change_log)
    reached = dict(applied)
    log = spark.read.format("delta").load(pipeline.changes_path)

    topics = [pipeline.topic(table) for table in pipeline.tables]

    def apply(frame: DataFrame, batch_id: int) -> None:
        with job.batch(batch_id) as report:
            report.version = delta_version(read(job.storage, checkpoint, batch_id))
            report.rows = apply_changes(frame, report.version, job.query_id(), batch_id)
            report.committed()
            report.offsets = dict(reached)

    def catch_up(version: int) -> None:
        if version > 0:
            told = anew.told() or "the destination takes up what the change log has and it has not"
            # No query's batch: the ledger names the change log itself and its version.
            apply_changes(log, version, change_log, version, lambda rows: job.notice(f"{told} ({rows} changes so far)"))

    def apply_changes(
        frame: DataFrame, version: int, query_id: str, batch_id: int, tell: Callable[[int], None] = lambda rows: None
    ) -> int:
        """Reads the next piece while the destination takes the one before; both are one at a time, and in their order."""
        rows, taken = 0, Future[tuple[int, int]]()
        taken.set_result((0, 0))
        with ThreadPoolExecutor(1) as writer:
            for piece in slices.cut(frame, job.storage, pipeline.changes_path, version, topics, applied):
                with batch.reduced(pipeline, log, piece, applied) as found:
                    tables = [table_batch(change) for change in found.tables]
                last = piece.is_last or found.stop is not None
                rows += sum(taken.result())
                tell(rows)
                applied.update({change.topic: change.end for change in found.tables})
                reached.update({change.topic: change.reached for change in found.tables})
                # Without changes too, the last one brings the aggregates up to date.
                if tables or last:
                    one = Batch(
                        query_id, batch_id, change_log, tables, last, found.stop is None and is_followed(piece, version)
                    )
                    taken = writer.submit(destination.apply, one)
                if found.stop is not None:
                    break
            rows += sum(taken.result())
        if found.stop is not None:
            raise found.stop
        return rows

    def is_followed(piece: slices.Piece, version: int) -> bool:
        # After a small one nobody looks: its aggregates do not wait.
        if not piece.is_last or not sizes.is_large(piece.changes, piece.bytes):
            return False
        ends = {topic: reached.get(topic, 0) for topic in topics}
        return commits.is_followed(job.storage, pipeline.changes_path, version, ends)

    def table_batch(change: TableChanges) -> TableBatch:
        return TableBatch(
            table=change.table.destination,
            keys=lines.of_keys(change),
            rows=transforms[change.table.name].lines(change),
            truncated=change.truncated_at is not None,
            topic=change.topic,
            base=applied.get(change.topic, 0),
            end=change.end,
        )

    # Catches up with what was emptied.
    reader = resume.Reader(checkpoint, topics, applied, catch_up)
    stream = resume.change_log(spark, job.storage, pipeline.changes_path, reader)
    if anew.aggregates:
        job.notice(anew.told())
        # From rows that are all there.
        computed = {aggregate.table for aggregate in anew.aggregates}
        destination.compute(anew.aggregates, [definition for definition in wanted if definition.table in computed])
    job.notice("")
    query = (
        # Soft bound: at least one file. A backlog comes in files of MAX_OFFSETS_PER_TRIGGER changes each.
        stream.option("maxBytesPerTrigger", "2m")
        .load(pipeline.changes_path)
        .writeStream.queryName("process.destination")
        .foreachBatch(job.guarded(apply))
        .option("checkpointLocation", checkpoint)
        .trigger(processingTime=settings.process_trigger)
        .start()
    )
    job.add(query)
    job.watch()


if __name__ == "__main__":
    run("process", main)
