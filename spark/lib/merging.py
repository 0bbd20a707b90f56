"""The second query of job 1: merges the change log into one table per source table."""

from __future__ import annotations

import time

from pyspark.sql import DataFrame, SparkSession

from lib import batch, commits, lake, slices
from lib.batch import TableChanges
from lib.commits import Mark
from lib.job import Job
from lib.offsetlog import delta_version, read
from lib.pace import pause_between_merges
from lib.pipeline import Table
from lib.typed import ChangedRows
from lib.upkeep import Upkeep

# Tasks of one query over a table's files. Spark makes one of 32 small files, so a merge of some hundred took all of the executor's slots, and
# the flow's tasks waited for more than a second.
MOST_TASKS = 2

# Of a piece: every merge reads the whole table, and the rows of a piece stay in the executors, which put down what their memory does not
# hold. With pieces as small as the destination's a table of a million rows was read several times for 100,000 changes.
MOST_CHANGES = 100_000
MOST_BYTES = 48 * 1024 * 1024

# How often the query looks whether there is anything new: it rests after every merge. Not as soon as there is, which would take the two
# cores away from the very change that ends a quiet time.
MERGE_TRIGGER = "2 seconds"


class Merger:
    """Applies batches of the change log to the merged tables, each table in one commit."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._log = job.spark.read.format("delta").load(job.pipeline.changes_path)
        self.topics = [job.pipeline.topic(table) for table in job.pipeline.tables]
        # Topic -> offset of the first change that is not in its table yet.
        self.applied: dict[str, int] = {}
        self._rows = {table.name: ChangedRows(job.spark, table) for table in job.pipeline.tables}
        self._upkeep = Upkeep(job.pipeline, job.storage)
        for table in job.pipeline.tables:
            newest = next(commits.marks(job.storage, job.pipeline.table_path(table)), None)
            self.applied.update(newest.offsets if newest is not None else {})

    def merge(self, frame: DataFrame, batch_id: int) -> None:
        """Merges one batch of the query."""
        job = self._job
        version = delta_version(read(job.storage, job.checkpoint("merge"), batch_id))
        begun = time.monotonic()
        merged = self._merge(frame, version, job.query_id(), batch_id)
        self._upkeep.after_merge(frame.sparkSession, merged)
        job.rest(pause_between_merges(time.monotonic() - begun, job.settings.merge_seconds, job.settings.merge_share))

    def catch_up(self, version: int) -> None:
        """Merges what the change log holds and no table has yet."""
        if version > 0:
            self._merge(self._log, version, "catch-up", version)

    def _merge(self, frame: DataFrame, version: int, query_id: str, batch_id: int) -> set[Table]:
        """Which tables had changes. Tables are independent: after a failure those already done are skipped by their offsets."""
        job = self._job
        merged: set[Table] = set()
        log = job.pipeline.changes_path
        for piece in slices.cut(frame, job.storage, log, version, self.topics, self.applied, MOST_CHANGES, MOST_BYTES):
            with batch.reduced(job.pipeline, self._log, piece, self.applied) as found:
                for change in found.tables:
                    self._merge_table(frame.sparkSession, query_id, batch_id, change)
                    merged.add(change.table)
                if found.stop is not None:
                    raise found.stop
        return merged

    def _merge_table(self, session: SparkSession, query_id: str, batch_id: int, change: TableChanges) -> None:
        job = self._job
        path = job.pipeline.table_path(change.table)
        source = self._rows[change.table.name].of(change)
        with lake.marked(session, Mark(query_id, batch_id, {change.topic: change.end}).metadata()):
            lake.merge(session, path, change.table, source, change.truncated_at)
        self.applied[change.topic] = change.end
        job.events.emit(
            "merge",
            table=change.table.name,
            version=lake.version(session, path),
            rows_merged=change.facts.changes,
            committed_ms=int(time.time() * 1000),
            offsets={change.topic: change.reached},
        )
