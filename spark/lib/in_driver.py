"""A small batch, reduced in the job's Python: what it costs is starting tasks, so its rows are fetched in one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pyspark.sql import DataFrame

from lib import schemas, toast
from lib.facts import Facts
from lib.pipeline import Pipeline, Table


@dataclass(frozen=True)
class Change:
    """The newest change of a key."""

    table: str
    topic: str
    key: str | None  # JSON; none of a truncate
    op: str
    offset: int
    after: str | None
    lsn: int | None
    difference: int | None
    incomplete: bool


class InDriver:
    """The newest change of every key, and the last truncate of every table, as `changes.newest_per_key` finds them."""

    def __init__(self, pipeline: Pipeline, frame: DataFrame) -> None:
        newest: dict[tuple[str, str | None], Any] = {}
        for row in frame.drop("before").collect():
            place = (row.table, row.key)
            if place not in newest or newest[place].offset < row.offset:
                newest[place] = row
        tables = {table.source: table for table in pipeline.tables}
        self._rows: dict[str, list[Change]] = defaultdict(list)
        for row in newest.values():
            self._rows[row.table].append(_change(tables.get(row.table), row))

    def facts(self, starts: Mapping[str, int]) -> Iterator[Facts]:
        """Those of every table that has changes at or after the start of its topic."""
        for rows in self._rows.values():
            found = _facts([row for row in rows if row.offset >= starts.get(row.topic, 0)])
            if found is not None:
                yield found

    def facts_between(self, table: Table, start: int, stop: int) -> Facts | None:
        """Those of one table's changes from an offset on and before another one."""
        return _facts([row for row in self._rows[table.source] if start <= row.offset < stop])

    def first_lacking(self, table: Table, start: int, after: int) -> int | None:
        """Offset of the first change, from the start on and after another offset, that lacks a declared column."""
        offsets = [row.offset for row in self._rows[table.source] if row.difference == schemas.LACKS]
        return min((offset for offset in offsets if offset >= start and offset > after), default=None)

    def after(self, table: Table, offset: int) -> str:
        """The row after one change."""
        return next(row.after for row in self._rows[table.source] if row.offset == offset and row.after is not None)

    def changes(self, log: DataFrame, table: Table, facts: Facts, start: int) -> list[Change]:
        """Those that no truncate has undone, with all values."""
        live = [
            row
            for row in self._rows[table.source]
            if start <= row.offset <= facts.last and _is_live(row, facts.truncated_at)
        ]
        resolved = toast.resolved(log, facts.topic, {row.key: row.offset for row in live if row.incomplete})
        return [replace(row, after=resolved.get(row.key, row.after)) for row in live] if resolved else live


def _change(table: Table | None, row: Any) -> Change:
    return Change(
        table=row.table,
        topic=row.topic,
        key=row.key,
        op=row.op,
        offset=row.offset,
        after=row.after,
        lsn=row.lsn,
        difference=schemas.difference_of(table, row.after),
        incomplete=row.after is not None and any(sign in row.after for sign in toast.SIGNS),
    )


def _is_live(row: Change, truncated_at: int | None) -> bool:
    # The first row of a snapshot has the offset of the truncate that goes before it.
    return row.op != "t" and (truncated_at is None or row.offset >= truncated_at)


def _facts(rows: list[Change]) -> Facts | None:
    if not rows:
        return None
    truncated_at = max((row.offset for row in rows if row.op == "t"), default=None)
    live = [row for row in rows if _is_live(row, truncated_at)]
    last = max(rows, key=lambda row: row.offset)
    offsets = defaultdict(list)
    for row in rows:
        offsets[row.difference].append(row.offset)
    return Facts(
        table=last.table,
        topic=last.topic,
        changes=len(live),
        deleted=sum(row.op == "d" for row in live),
        last=last.offset,
        last_op=last.op,
        truncated_at=truncated_at,
        incomplete=any(row.incomplete for row in live),
        unknown=min(offsets[schemas.UNKNOWN], default=None),
        lacking=max(offsets[schemas.LACKS], default=None),
        complete=max(offsets[schemas.SAME], default=-1),
    )
