"""Keeps the lake from growing without end: joins small files, and removes old commits and files that no version in use needs.

It is done by the query that merges, between two batches: so no merge and no compaction of the same table run at once, and the flow to
the destination does not wait. No row is removed: the change log keeps every change.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable

from pyspark.sql import SparkSession

from lib import commits, lake
from lib.commits import Files
from lib.every import Every
from lib.pipeline import Pipeline, Table

# A batch of job 1 leaves a commit, its checksum and a small file; several a second come to a million files in a day, more than the
# NameNode holds. All who follow the log read what a compaction says of each file that it joined, so there are many small ones.
_COMPACTION_SECONDS = 120.0
_CHANGE_LOG_SECONDS = 600.0
# Each reader of the log reads all commits since the last checkpoint.
_CHANGE_LOG_COMMITS = 200
# The merged tables have a commit, a small file and a deletion vector per merge; every merge reads them all.
MERGES_OF_A_TABLE = 30
_TABLES_SECONDS = 24 * 3600.0
_FIRST_TABLES_SECONDS = 3600.0


class Upkeep:
    """What is done to the tables between two merges."""

    def __init__(self, pipeline: Pipeline, files: Files, clock: Callable[[], float] = time.monotonic) -> None:
        self._pipeline = pipeline
        self._files = files
        self._change_log = Every(_CHANGE_LOG_SECONDS, _CHANGE_LOG_SECONDS, clock)
        self._compaction = Every(_COMPACTION_SECONDS, _COMPACTION_SECONDS, clock)
        self._tables = Every(_TABLES_SECONDS, _FIRST_TABLES_SECONDS, clock)
        self._merges: Counter[str] = Counter()

    def after_merge(self, spark: SparkSession, merged: Iterable[Table]) -> None:
        """Does what is due after these tables were merged."""
        lake.checkpoint(spark, self._pipeline.changes_path, _CHANGE_LOG_COMMITS)
        if self._compaction.is_due():
            lake.compact(spark, self._pipeline.changes_path)
        if self._change_log.is_due() and self._ends_lately():
            lake.clean(spark, self._pipeline.changes_path)
        for table in merged:
            self._merges[table.name] += 1
            if self._merges[table.name] >= MERGES_OF_A_TABLE:
                lake.compact(spark, self._pipeline.table_path(table))
                self._merges[table.name] = 0
        if self._tables.is_due():
            for table in self._pipeline.tables:
                lake.clean(spark, self._pipeline.table_path(table))

    def _ends_lately(self) -> bool:
        """Whether the newest commit of job 1, which says how far the change log goes, is too young to be removed: a machine may have
        slept since then."""
        log = self._pipeline.changes_path
        newest = next(commits.marks(self._files, log), None)
        return newest is not None and not commits.may_go(self._files, log, newest.version)
