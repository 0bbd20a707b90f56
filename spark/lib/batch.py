"""A batch of the change log, reduced to what has to be applied: the newest change of every key."""

from __future__ import annotations

import contextlib
import functools
import operator
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lib import changes, schemas, sizes, toast
from lib.pipeline import Pipeline, Table
from lib.slices import Piece


@dataclass(frozen=True)
class Change:
    """The newest change of a key, of a batch that is in the driver."""

    table: str
    topic: str
    key: str | None  # JSON; none of a truncate
    op: str
    offset: int
    source_us: int | None
    after: str | None
    lsn: int | None
    difference: int | None
    incomplete: bool


@dataclass
class TableChanges:
    """What happened to one table in the batch. The newest change of every key is in one of `changes` and `frame`."""

    table: Table
    topic: str
    changes: list[Change] | None = None  # of a small batch
    frame: DataFrame | None = None  # of a large one, kept by the executors
    keys: list[str] = field(default_factory=list)  # JSON of every key that changed
    deleted: int = 0
    end: int = 0  # offset after the last change
    ends_in_delete: bool = False
    truncated_at: int | None = None
    source_us: int = 0  # newest commit time at the source

    @property
    def reached(self) -> int:
        """The end as Kafka counts it: a delete is followed by its tombstone, which is not in the change log."""
        return self.end + 1 if self.ends_in_delete else self.end


@dataclass
class Reduced:
    """What a batch comes to."""

    tables: list[TableChanges] = field(default_factory=list)
    # Why nothing after these may be applied.
    stop: schemas.SchemaChangedError | None = None


@contextlib.contextmanager
def reduced(pipeline: Pipeline, log: DataFrame, piece: Piece, applied: dict[str, int]) -> Iterator[Reduced]:
    """A batch by table, without the changes below the offset `applied` gives for their topic; its frames live as long as the block.

    `log` is the whole change log; it is read only where a change lacks a value.
    """
    if not sizes.is_large(piece.changes, piece.bytes):
        yield _reduce(pipeline, log, _newest(pipeline, piece.rows), None, applied)
        return
    with sizes.planned_for(piece.rows.sparkSession, piece.changes, piece.bytes):
        # A checkpoint and not a cache: Delta refuses a MERGE from what is cached, as it could change meanwhile.
        kept = changes.newest_per_key(piece.rows).localCheckpoint()
        try:
            yield _reduce(pipeline, log, _described(pipeline, kept), kept, applied)
        finally:
            kept._jdf.queryExecution().analyzed().rdd().unpersist(False)


def _newest(pipeline: Pipeline, frame: DataFrame) -> list[Change]:
    """The newest change of every key, and the last truncate of every table, as `changes.newest_per_key` finds them."""
    newest: dict[tuple[str, str | None], Any] = {}
    for row in frame.drop("before").collect():
        place = (row.table, row.key)
        if place not in newest or newest[place].offset < row.offset:
            newest[place] = row
    tables = {table.source: table for table in pipeline.tables}
    return [
        Change(
            table=row.table,
            topic=row.topic,
            key=row.key,
            op=row.op,
            offset=row.offset,
            source_us=row.source_us,
            after=row.after,
            lsn=row.lsn,
            difference=schemas.difference_of(tables.get(row.table), row.after),
            incomplete=row.after is not None and any(sign in row.after for sign in toast.SIGNS),
        )
        for row in newest.values()
    ]


def _described(pipeline: Pipeline, newest: DataFrame) -> list[Any]:
    """What decides over them, without the rows themselves."""
    incomplete = functools.reduce(operator.or_, (F.col("after").contains(sign) for sign in toast.SIGNS))
    return newest.select(
        "table",
        "topic",
        "key",
        "op",
        "offset",
        "source_us",
        incomplete.alias("incomplete"),
        schemas.difference(pipeline.tables).alias("difference"),
    ).collect()


def _reduce(
    pipeline: Pipeline, log: DataFrame, found: Sequence[Any], newest: DataFrame | None, applied: dict[str, int]
) -> Reduced:
    by_table: dict[str, list] = defaultdict(list)
    for row in found:
        if row.offset >= applied.get(row.topic, 0):
            by_table[row.table].append(row)

    result = Reduced()
    for source, rows in by_table.items():
        table = pipeline.by_source(source)
        if table is None:
            # A topic is subscribed because its table is declared; anything else means two versions of pipeline.yml.
            raise KeyError(f"the change log has changes of {source}, which pipeline.yml does not declare")
        start = applied.get(rows[0].topic, 0)
        different = schemas.stop_at(log, pipeline.tables, table, rows)
        if different is not None:
            result.stop = schemas.explain(table, different, _after(newest, rows, table, different))
            rows = [row for row in rows if row.offset < different]
        if rows:
            change, live = _table_changes(table, rows)
            if newest is None:
                change.changes = _complete(log, live)
            else:
                change.frame = _complete_frame(log, _within(newest, change, start, different), live)
            result.tables.append(change)
    return result


def _after(newest: DataFrame | None, rows: Sequence[Any], table: Table, offset: int) -> str:
    """The row after one change."""
    if newest is None:
        return next(row.after for row in rows if row.offset == offset)
    place = (F.col("table") == table.source) & (F.col("offset") == offset)
    return newest.where(place).select("after").collect()[0][0]


def _table_changes(table: Table, rows: list) -> tuple[TableChanges, list]:
    """The changes of one table, and which of them no truncate has undone."""
    truncated_at = max((row.offset for row in rows if row.op == "t"), default=None)
    live = [row for row in rows if row.op != "t" and (truncated_at is None or row.offset > truncated_at)]
    last = max(rows, key=lambda row: row.offset)
    change = TableChanges(
        table=table,
        topic=rows[0].topic,
        keys=[row.key for row in live],
        deleted=sum(row.op == "d" for row in live),
        end=last.offset + 1,
        ends_in_delete=last.op == "d",
        truncated_at=truncated_at,
        source_us=max(row.source_us or 0 for row in rows),
    )
    return change, live


def _within(newest: DataFrame, change: TableChanges, start: int, stop: int | None) -> DataFrame:
    """The rows of a table from one offset on and up to another one."""
    here = newest.where(
        (F.col("table") == change.table.source)
        & (F.col("op") != "t")
        & (F.col("offset") >= start)
        & changes.not_truncated(change.truncated_at)
    )
    return here if stop is None else here.where(F.col("offset") < stop)


def _complete(log: DataFrame, live: list[Change]) -> list[Change]:
    """Replaces placeholders by the values in the keys' earlier changes."""
    resolved = _resolved(log, [change for change in live if change.incomplete])
    return [replace(change, after=resolved.get(change.key, change.after)) for change in live] if resolved else live


def _complete_frame(log: DataFrame, here: DataFrame, live: list) -> DataFrame:
    """The same of a large batch."""
    resolved = _resolved(log, [row for row in live if row.incomplete])
    if not resolved:
        return here
    values = here.sparkSession.createDataFrame(list(resolved.items()), "key string, resolved string")
    return (
        here.join(values, on="key", how="left")
        .withColumn("after", F.coalesce("resolved", "after"))
        .select(*here.columns)
    )


def _resolved(log: DataFrame, incomplete: Sequence[Any]) -> dict[str, str]:
    """Key -> its row with all values."""
    if not incomplete:
        return {}
    wanted = {row.key: row.offset for row in incomplete}
    history: dict[str, list[tuple[int, str, str | None]]] = defaultdict(list)
    earlier = log.where((F.col("topic") == incomplete[0].topic) & F.col("key").isin(list(wanted)))
    for row in earlier.select("key", "offset", "op", "after").collect():
        if row.offset <= wanted[row.key]:
            history[row.key].append((row.offset, row.op, row.after))
    return {
        key: toast.resolve((op, after) for _, op, after in sorted(entries, key=lambda entry: entry[0]))
        for key, entries in history.items()
    }
