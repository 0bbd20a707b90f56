"""Job 1: Kafka -> change log in every batch -> merged tables at an interval."""

from __future__ import annotations

from lib import changes, lake, offsetlog, resume, sizes
from lib.commits import AppendGuard
from lib.job import Job, run
from lib.merging import MERGE_TRIGGER, MOST_TASKS, Merger
from lib.topics import Topics
from pyspark.sql import DataFrame


def main(job: Job) -> None:
    """Starts both queries and watches them."""
    pipeline, settings, spark = job.pipeline, job.settings, job.spark
    names = [pipeline.topic(table) for table in pipeline.tables]
    topics = Topics(spark, settings.kafka, names)
    topics.wait_for(job.stopping)
    lake.create_change_log(spark, job.storage, pipeline)
    checkpoint = job.checkpoint("changes")
    begin = resume.offsets(job.storage, checkpoint, pipeline.changes_path, names)
    guard = AppendGuard(job.storage, pipeline.changes_path, begin)
    offsets = offsetlog.KafkaOffsets(job.storage, checkpoint, begin)

    def append(rows: DataFrame, batch_id: int) -> None:
        query_id = job.query_id()
        if guard.is_done(query_id, batch_id):
            return
        with job.batch(batch_id) as report:
            report.offsets, report.rows = offsets.of(batch_id)
            ids = topics.ids()
            guard.check_topics(ids)
            mark = guard.mark(query_id, batch_id, report.offsets, ids)
            with sizes.planned_for(rows.sparkSession, report.rows):
                rows.write.format("delta").mode("append").option("userMetadata", mark.metadata()).save(
                    pipeline.changes_path
                )
            report.committed()
            guard.committed(mark)
            report.version = lake.version(spark, pipeline.changes_path)

    records = changes.read_topics(spark, settings.kafka, names, begin, settings.max_offsets_per_trigger)
    job.add(
        # One file per batch: its rows are few, and every file costs a task and a round of HDFS calls.
        changes.parse(records)
        .coalesce(1)
        .writeStream.queryName("ingest.changes")
        .foreachBatch(job.guarded(append))
        .option("checkpointLocation", checkpoint)
        .trigger(processingTime=settings.ingest_trigger)
        .start()
    )
    lake.prepare_merged_tables(spark, job.storage, pipeline)
    job.watch(lambda: start_merging(job), lambda: register(job))


def start_merging(job: Job) -> None:
    """The second query. Its first merge comes one interval after the start: the flow to the destination comes first."""
    job.rest(job.settings.merge_seconds)
    if job.stopping.is_set():
        return
    merger, log, checkpoint = Merger(job), job.pipeline.changes_path, job.checkpoint("merge")
    # The query takes the session's settings with it when it starts; the flow's is running.
    job.spark.conf.set("spark.sql.files.maxPartitionNum", MOST_TASKS)
    reader = resume.Reader(checkpoint, merger.topics, merger.applied, merger.catch_up)
    job.add(
        resume.change_log(job.spark, job.storage, log, reader)
        .load(log)
        .writeStream.queryName("ingest.merge")
        .foreachBatch(job.guarded(merger.merge))
        .option("checkpointLocation", checkpoint)
        .trigger(processingTime=MERGE_TRIGGER)
        .start()
    )


def register(job: Job) -> None:
    """Shows the tables in the metastore, after the first merge so that the two do not slow each other."""
    job.await_first_trigger()
    lake.register(job.spark, job.pipeline)


if __name__ == "__main__":
    run("ingest", main)
