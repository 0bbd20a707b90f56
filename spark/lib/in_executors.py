"""A large batch, reduced by the executors: the driver learns what decides over it, and its rows stay there."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator, Mapping
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lib import schemas, toast
from lib.bounds import bound, position
from lib.facts import Facts
from lib.pipeline import Pipeline, Table


class InExecutors:
    """The newest change of every key, and the last truncate of every table: a frame as `changes.newest_per_key` makes it, and keeps."""

    def __init__(self, pipeline: Pipeline, newest: DataFrame) -> None:
        self._newest = newest
        self._difference = schemas.difference(pipeline.tables)

    def facts(self, starts: Mapping[str, int]) -> Iterator[Facts]:
        """Those of every table that has changes at or after the start of its topic."""
        start = bound(0)
        for topic, offset in starts.items():
            start = F.when(F.col("topic") == topic, bound(offset)).otherwise(start)
        yield from self._facts(self._newest.where(position() >= start))

    def facts_between(self, table: Table, start: int, stop: int) -> Facts | None:
        """Those of one table's changes from an offset on and before another one."""
        return next(self._facts(self._of(table).where((F.col("offset") >= start) & (F.col("offset") < stop))), None)

    def first_lacking(self, table: Table, start: int, after: int) -> int | None:
        """Offset of the first change, from the start on and after another offset, that lacks a declared column."""
        later = self._of(table).where((F.col("offset") >= start) & (F.col("offset") > after))
        return later.where(self._difference == schemas.LACKS).agg(F.min("offset")).collect()[0][0]

    def after(self, table: Table, offset: int) -> str:
        """The row after one change."""
        here = self._of(table).where((F.col("offset") == offset) & (F.col("op") != "t"))
        return here.select("after").collect()[0][0]

    def changes(self, log: DataFrame, table: Table, facts: Facts, start: int) -> DataFrame:
        """Those that no truncate has undone, with all values."""
        here = self._of(table).where(position().between(bound(start), bound(facts.last)) & _is_live(facts.truncated_at))
        if not facts.incomplete:
            return here
        incomplete = {row.key: row.offset for row in here.where(_incomplete()).select("key", "offset").collect()}
        resolved = toast.resolved(log, facts.topic, incomplete)
        values = here.sparkSession.createDataFrame(list(resolved.items()), "key string, resolved string")
        joined = here.join(values, on="key", how="left").withColumn("after", F.coalesce("resolved", "after"))
        return joined.select(*here.columns)

    def _of(self, table: Table) -> DataFrame:
        return self._newest.where(F.col("table") == table.source)

    def _facts(self, rows: DataFrame) -> Iterator[Facts]:
        offset, is_truncate = F.col("offset"), F.col("op") == "t"
        described = rows.withColumn("difference", self._difference).withColumn("incomplete", _incomplete())
        of = {
            kind: F.when(F.col("difference") == kind, offset) for kind in (schemas.SAME, schemas.LACKS, schemas.UNKNOWN)
        }
        found = described.groupBy("table", "topic").agg(
            F.count_if(~is_truncate).alias("changes"),
            F.count_if(F.col("op") == "d").alias("deleted"),
            F.max("offset").alias("last"),
            F.max_by("op", "offset").alias("last_op"),
            F.max(F.when(is_truncate, offset)).alias("truncated_at"),
            F.coalesce(F.bool_or("incomplete"), F.lit(False)).alias("incomplete"),
            F.min(of[schemas.UNKNOWN]).alias("unknown"),
            F.max(of[schemas.LACKS]).alias("lacking"),
            F.coalesce(F.max(of[schemas.SAME]), F.lit(-1)).alias("complete"),
        )
        for row in found.collect():
            values: dict[str, Any] = row.asDict()
            if row.truncated_at is not None:
                # What it has undone does not count; a truncate is rare.
                live = rows.where((F.col("table") == row.table) & _is_live(row.truncated_at))
                values |= (
                    live.agg(F.count("*").alias("changes"), F.count_if(F.col("op") == "d").alias("deleted"))
                    .collect()[0]
                    .asDict()
                )
            yield Facts(**values)


def _is_live(truncated_at: int | None) -> Column:
    """Changes of rows that no truncate has undone; the first row of a snapshot has the offset of the truncate that goes before it."""
    live = F.col("op") != "t"
    return live if truncated_at is None else live & (F.col("offset") >= truncated_at)


def _incomplete() -> Column:
    return functools.reduce(operator.or_, (F.col("after").contains(sign) for sign in toast.SIGNS))
