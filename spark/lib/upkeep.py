"""Keeps the lake from growing without end: joins small files, and removes old commits and files that no version in use needs.

It is done by the query that merges, between two batches: so no merge and no compaction of the same table run at once, and the flow to
the destination does not wait. No row is removed: the change log keeps every change.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pyspark.sql import SparkSession

from lib import lake
from lib.every import Every
from lib.pipeline import Pipeline

# A batch of job 1 leaves a commit, its checksum and a small file; several a second come to a million files in a day, more than the
# NameNode holds.
_CHANGE_LOG_SECONDS = 600.0
# The merged tables have a commit per merge.
_TABLES_SECONDS = 24 * 3600.0
_FIRST_TABLES_SECONDS = 3600.0


class Upkeep:
    """What is done to the tables between two merges."""

    def __init__(self, pipeline: Pipeline, clock: Callable[[], float] = time.monotonic) -> None:
        self._pipeline = pipeline
        self._change_log = Every(_CHANGE_LOG_SECONDS, _CHANGE_LOG_SECONDS, clock)
        self._tables = Every(_TABLES_SECONDS, _FIRST_TABLES_SECONDS, clock)

    def after_merge(self, spark: SparkSession) -> None:
        """Does what is due. Only ever called after new commits to the change log: the newest of them, which says how far it goes,
        is then too young to be removed."""
        if self._change_log.is_due():
            lake.compact(spark, self._pipeline.changes_path)
            lake.clean(spark, self._pipeline.changes_path)
        if self._tables.is_due():
            # Their small files are joined as they are written, see `lake.merged_properties`.
            for table in self._pipeline.tables:
                lake.clean(spark, self._pipeline.table_path(table))
