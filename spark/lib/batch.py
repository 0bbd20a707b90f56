"""A batch of the change log, reduced to what has to be applied: the newest change of every key."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pyspark.sql import DataFrame

from lib import changes, schemas, sizes
from lib.facts import Facts
from lib.in_driver import Change, InDriver
from lib.in_executors import InExecutors
from lib.pipeline import Pipeline, Table
from lib.slices import Piece


@dataclass
class TableChanges:
    """What happened to one table in the batch. The newest change of every key is in one of `changes` and `frame`."""

    table: Table
    facts: Facts
    changes: list[Change] | None = None  # of a small batch
    frame: DataFrame | None = None  # of a large one, kept by the executors

    @property
    def topic(self) -> str:
        """The table's topic."""
        return self.facts.topic

    @property
    def truncated_at(self) -> int | None:
        """Offset of the last truncate."""
        return self.facts.truncated_at

    @property
    def end(self) -> int:
        """Offset after the last change."""
        return self.facts.last + 1

    @property
    def reached(self) -> int:
        """The end as Kafka counts it: a delete is followed by its tombstone, which is not in the change log."""
        return self.end + 1 if self.facts.last_op == "d" else self.end


@dataclass
class Reduced:
    """What a batch comes to."""

    tables: list[TableChanges] = field(default_factory=list)
    # Why nothing after these may be applied.
    stop: schemas.SchemaChangedError | None = None


@contextlib.contextmanager
def reduced(pipeline: Pipeline, log: DataFrame, piece: Piece, applied: Mapping[str, int]) -> Iterator[Reduced]:
    """A batch by table, without the changes below the offset `applied` gives for their topic; its frames live as long as the block.

    `log` is the whole change log; it is read only where a change lacks a value.
    """
    if not sizes.is_large(piece.changes, piece.bytes):
        yield _reduce(pipeline, log, InDriver(pipeline, piece.rows), applied)
        return
    with sizes.planned_for(piece.rows.sparkSession, piece.changes, piece.bytes):
        # A checkpoint and not a cache: Delta refuses a MERGE from what is cached, as it could change meanwhile.
        kept = changes.newest_per_key(piece.rows).localCheckpoint()
        try:
            yield _reduce(pipeline, log, InExecutors(pipeline, kept), applied)
        finally:
            kept._jdf.queryExecution().analyzed().rdd().unpersist(False)


def _reduce(pipeline: Pipeline, log: DataFrame, newest: InDriver | InExecutors, applied: Mapping[str, int]) -> Reduced:
    result = Reduced()
    for found in newest.facts(applied):
        table, start = pipeline.by_source(found.table), applied.get(found.topic, 0)
        if table is None:
            # It left pipeline.yml. What the log has of it stays there; if it comes back, that is caught up with.
            continue
        facts: Facts | None = found
        different = schemas.stop_at(
            log, pipeline.tables, table, found, functools.partial(newest.first_lacking, table, start)
        )
        if different is not None:
            result.stop = schemas.explain(table, different, newest.after(table, different))
            facts = newest.facts_between(table, start, different)
        if facts is not None:
            result.tables.append(_table_changes(newest, log, table, facts, start))
    return result


def _table_changes(
    newest: InDriver | InExecutors, log: DataFrame, table: Table, facts: Facts, start: int
) -> TableChanges:
    if isinstance(newest, InDriver):
        return TableChanges(table, facts, changes=newest.changes(log, table, facts, start))
    return TableChanges(table, facts, frame=newest.changes(log, table, facts, start))
