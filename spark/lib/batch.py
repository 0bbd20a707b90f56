"""A batch of the change log, reduced to what has to be applied: the newest change of every key."""

from __future__ import annotations

import contextlib
import functools
import operator
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lib import changes, schemas, sizes, toast
from lib.pipeline import Pipeline, Table
from lib.slices import Piece


@dataclass
class TableChanges:
    """What happened to one table in the batch."""

    table: Table
    topic: str
    frame: DataFrame  # newest change per key, kept in memory
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
    with sizes.planned_for(piece.rows.sparkSession, piece.changes, piece.bytes):
        newest = changes.newest_per_key(piece.rows)
        if not sizes.is_large(piece.changes, piece.bytes):
            yield _reduce(pipeline, log, _in_driver(newest), applied)
            return
        # A checkpoint and not a cache: Delta refuses a MERGE from what is cached, as it could change meanwhile.
        kept = newest.localCheckpoint()
        try:
            yield _reduce(pipeline, log, kept, applied)
        finally:
            kept._jdf.queryExecution().analyzed().rdd().unpersist(False)


def _reduce(pipeline: Pipeline, log: DataFrame, newest: DataFrame, applied: dict[str, int]) -> Reduced:
    incomplete = functools.reduce(operator.or_, (F.col("after").contains(sign) for sign in toast.SIGNS))
    found = newest.select(
        "table",
        "topic",
        "key",
        "op",
        "offset",
        "source_us",
        incomplete.alias("incomplete"),
        schemas.difference(pipeline.tables).alias("difference"),
    ).collect()

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
            after = newest.where((F.col("table") == source) & (F.col("offset") == different)).select("after").collect()
            result.stop = schemas.explain(table, different, after[0][0])
            rows = [row for row in rows if row.offset < different]
        if rows:
            result.tables.append(_table_changes(table, newest, log, rows, start, different))
    return result


def _table_changes(
    table: Table, newest: DataFrame, log: DataFrame, rows: list, start: int, stop: int | None
) -> TableChanges:
    """The changes of one table from one offset on and up to another one."""
    truncated_at = max((row.offset for row in rows if row.op == "t"), default=None)
    live = [row for row in rows if row.op != "t" and (truncated_at is None or row.offset > truncated_at)]
    here = newest.where(
        (F.col("table") == table.source)
        & (F.col("op") != "t")
        & (F.col("offset") >= start)
        & changes.not_truncated(truncated_at)
    )
    if stop is not None:
        here = here.where(F.col("offset") < stop)
    incomplete = [row for row in live if row.incomplete]
    last = max(rows, key=lambda row: row.offset)
    return TableChanges(
        table=table,
        topic=rows[0].topic,
        frame=_complete(log, here, incomplete) if incomplete else here,
        keys=[row.key for row in live],
        deleted=sum(row.op == "d" for row in live),
        end=last.offset + 1,
        ends_in_delete=last.op == "d",
        truncated_at=truncated_at,
        source_us=max(row.source_us or 0 for row in rows),
    )


def _in_driver(frame: DataFrame) -> DataFrame:
    """The same rows as a local relation: projections and filters over it are computed in the driver, without a job each."""
    session = frame.sparkSession
    rows = frame._jdf.collectAsList()
    return DataFrame(session._jsparkSession.createDataFrame(rows, frame._jdf.schema()), session)


def _complete(log: DataFrame, here: DataFrame, incomplete: list) -> DataFrame:
    """Replaces placeholders by the values in the keys' earlier changes."""
    session = here.sparkSession
    wanted = {row.key: row.offset for row in incomplete}
    history: dict[str, list[tuple[int, str, str | None]]] = defaultdict(list)
    topic = incomplete[0].topic
    earlier = log.where((F.col("topic") == topic) & F.col("key").isin(list(wanted)))
    for row in earlier.select("key", "offset", "op", "after").collect():
        if row.offset <= wanted[row.key]:
            history[row.key].append((row.offset, row.op, row.after))
    resolved = [
        (key, toast.resolve((op, after) for _, op, after in sorted(entries, key=lambda entry: entry[0])))
        for key, entries in history.items()
    ]
    values = session.createDataFrame(resolved, "key string, resolved string")
    return (
        here.join(values, on="key", how="left")
        .withColumn("after", F.coalesce("resolved", "after"))
        .select(*here.columns)
    )
