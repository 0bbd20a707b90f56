"""The destination database: one transaction per batch for rows, aggregates and the record of what was applied."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lib import apply_sql
from lib.apply_sql import Target
from lib.definitions import Definition
from lib.every import Every
from lib.identifiers import postgres_name
from lib.pace import Pace
from lib.pipeline import Aggregate, Pipeline

log = logging.getLogger(__name__)

_GIVE_UP_SECONDS = 60
_PRUNE_SECONDS = 3600.0
# Between two times that aggregates are computed in a backlog; and as a multiple of what it took: a backlog in one group would otherwise
# cost more with every batch of it.
_AGGREGATES_SECONDS = 5.0
_AGGREGATES_TIMES = 9.0


class DestinationError(Exception):
    """The destination is not what the pipeline needs; the message says what to do."""


@dataclass
class TableBatch:
    """What a batch does to one table."""

    table: str
    keys: list[str]  # lines of all changed keys
    rows: list[str]  # lines of the transformed rows
    truncated: bool
    topic: str
    base: int  # offset below which changes were left out, because they had been applied
    end: int


@dataclass
class Batch:
    """What a batch does to the destination."""

    query_id: str
    batch_id: int
    change_log: str
    tables: list[TableBatch] = field(default_factory=list)
    # Of a large one this may be a piece. Aggregates are computed with the last: what a group costs does not depend on how much of it
    # has changed.
    last: bool = True
    # Another batch is sure to come, so that they may wait for it as well.
    followed: bool = False


class Destination:
    """Applies batches. `connect` opens a psycopg2 connection; `lost` are the exceptions that mean it has gone."""

    def __init__(
        self,
        pipeline: Pipeline,
        columns: dict[str, list[str]],
        connect: Callable[[], Any],
        lost: tuple[type[Exception], ...],
    ) -> None:
        self._schema = pipeline.destination_schema
        self._columns = columns
        self._keys = {table.destination: table.key for table in pipeline.tables}
        self._aggregates = pipeline.aggregates
        self._queries = {
            path: path.read_text(encoding="utf-8").strip().rstrip(";")
            for aggregate in pipeline.aggregates
            for path in (aggregate.query, *aggregate.affected.values())
        }
        self._connect = connect
        self._lost = lost
        self._retention_hours = pipeline.retention_hours
        self._prune = Every(_PRUNE_SECONDS, _PRUNE_SECONDS)
        self._renewals = Pace(_AGGREGATES_SECONDS, _AGGREGATES_TIMES)
        self._connection: Any = None
        self._targets: dict[str, Target] = {}
        # Whether groups may wait from an earlier piece or batch; a process before this one may have left some.
        self._waiting = True

    def open(self) -> None:
        """Connects and compares the tables there with what the transformations produce."""
        self._with_retry(lambda cursor: None)

    def applied(self, change_log: str) -> dict[str, int]:
        """Topic -> offset of the first change not yet applied. Refuses a destination that follows another change log."""
        return self._with_retry(lambda cursor: self._applied(cursor, change_log))

    def apply(self, batch: Batch) -> tuple[int, int]:
        """Applies the batch, all of it or nothing; returns rows upserted and deleted.

        A connection lost during the commit leaves open whether it happened. The transaction is then run again, and the
        offsets recorded with the rows tell which tables of it are done.
        """
        renews = batch.last and (not batch.followed or self._renewals.is_due())
        done = self._with_retry(lambda cursor: self._apply(cursor, batch, renews))
        # Committed: only now is it known.
        self._waiting = not renews
        return done

    def definitions(self) -> dict[str, str]:
        """The fingerprints of what its tables were made by."""
        return self._with_retry(self._definitions)

    def define(self, definitions: Iterable[Definition]) -> None:
        """Notes what tables are made by that need not be built anew, and that what is declared no more is not kept up to date."""

        def work(cursor: Any) -> None:
            _define(cursor, definitions)
            cursor.execute(apply_sql.OUTDATE, ([aggregate.table for aggregate in self._aggregates],))

        self._with_retry(work)

    def empty(self, tables: Mapping[str, str], definitions: Iterable[Definition]) -> None:
        """Empties tables, given with their topics, and forgets what was applied to them: all of it comes again. Aggregates show what they
        do until the last of it is there; then their groups are computed."""
        self._with_retry(lambda cursor: self._empty(cursor, tables, definitions))

    def compute(self, aggregates: Sequence[Aggregate], definitions: Iterable[Definition]) -> None:
        """Computes aggregates from nothing, in one transaction: readers see what was there before until it is done."""
        self._with_retry(lambda cursor: self._compute(cursor, aggregates, definitions))

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _with_retry(self, work: Callable[[Any], Any]) -> Any:
        deadline = time.monotonic() + _GIVE_UP_SECONDS
        pause = 0.1
        while True:
            try:
                if self._connection is None:
                    self._connection = self._open_session()
                with self._connection, self._connection.cursor() as cursor:
                    return work(cursor)
            except self._lost as error:
                self._connection = None
                if time.monotonic() + pause > deadline:
                    raise
                log.warning("destination: %s; trying again in %.1f s", str(error).strip(), pause)
                time.sleep(pause)
                pause = min(2 * pause, 5.0)

    def _open_session(self) -> Any:
        connection = self._connect()
        with connection, connection.cursor() as cursor:
            cursor.execute(apply_sql.SESSION)
            cursor.execute(apply_sql.SEARCH, (postgres_name(self._schema),))
            self._targets = {table: self._target(cursor, table, key) for table, key in self._keys.items()}
            for target in self._targets.values():
                for statement in apply_sql.create_stages(target):
                    cursor.execute(statement)
            for aggregate in self._aggregates:
                self._targets[aggregate.table] = self._target(cursor, aggregate.table, aggregate.key)
        return connection

    def _target(self, cursor: Any, table: str, key: tuple[str, ...]) -> Target:
        qualified = f"{postgres_name(self._schema)}.{postgres_name(table)}"
        cursor.execute("SELECT to_regclass(%s)", (qualified,))
        if cursor.fetchone()[0] is None:
            raise DestinationError(f"the destination has no table {qualified}; create it in postgresql/init_dest.sql")
        cursor.execute(apply_sql.COLUMNS, (qualified,))
        found = cursor.fetchall()
        types = {column: kind for column, kind, _ in found}
        columns = tuple(self._columns.get(table, types))
        unknown = [column for column in columns if column not in types]
        if unknown:
            raise DestinationError(f"{qualified} has no column `{unknown[0]}`, which its transformation produces")
        with_parts = frozenset(column for column, _, has_parts in found if has_parts)
        return Target(self._schema, table, key, columns, types, with_parts)

    def _applied(self, cursor: Any, change_log: str) -> dict[str, int]:
        cursor.execute(apply_sql.APPLIED)
        rows = cursor.fetchall()
        other = next((found for _, _, found in rows if found != change_log), None)
        if other is not None:
            raise DestinationError(
                f"the destination was filled from another change log ({other}, not {change_log}); "
                "`pipectl repair resnapshot` starts both again from the source"
            )
        return {topic: next_offset for topic, next_offset, _ in rows}

    def _apply(self, cursor: Any, batch: Batch, renews: bool) -> tuple[int, int]:
        # The row locks taken here also keep a second writer out until the commit.
        applied = self._applied(cursor, batch.change_log)
        tables = [table for table in batch.tables if table.end > applied.get(table.topic, 0)]
        for table in tables:
            if applied.get(table.topic, 0) > table.base:
                raise DestinationError(
                    f"another process has applied changes of {table.topic} meanwhile; only one may run"
                )
        self._copy(cursor, tables)
        # A round trip for each group of statements and not for each: a small batch takes less time than the way there and back.
        _run(cursor, self._note_affected(tables, before=True))
        upserted = deleted = 0
        for table in tables:
            target = self._targets[table.table]
            if table.truncated:
                cursor.execute(apply_sql.truncate(target))
                deleted += cursor.rowcount
            cursor.execute(apply_sql.delete(target))
            deleted += cursor.rowcount
            cursor.execute(apply_sql.upsert(target))
            upserted += cursor.rowcount
        noted = self._note_affected(tables, before=False)
        if renews:
            with self._renewals.work():
                _run(cursor, [*noted, *self._renew_aggregates(tables)])
        else:
            _run(cursor, [*noted, apply_sql.PUT_OFF])
        for table in tables:
            cursor.execute(apply_sql.ADVANCE, (table.topic, table.end, batch.change_log))
        if tables:
            offsets = json.dumps({table.topic: table.end for table in tables})
            cursor.execute(apply_sql.LEDGER, (batch.query_id, batch.batch_id, upserted, deleted, offsets))
        if self._prune.is_due():
            cursor.execute(apply_sql.PRUNE, (self._retention_hours,))
        return upserted, deleted

    def _definitions(self, cursor: Any) -> dict[str, str]:
        cursor.execute(apply_sql.DEFINITIONS)
        return dict(cursor.fetchall())

    def _empty(self, cursor: Any, tables: Mapping[str, str], definitions: Iterable[Definition]) -> None:
        concerned = [aggregate for aggregate in self._aggregates if tables.keys() & aggregate.affected.keys()]
        # They wait in a table that outlives this process.
        noted = [apply_sql.all_affected(aggregate.name, self._targets[aggregate.table]) for aggregate in concerned]
        _run(cursor, [*noted, apply_sql.PUT_OFF])
        for table, topic in tables.items():
            cursor.execute(apply_sql.truncate(self._targets[table]))
            cursor.execute(apply_sql.FORGET, (topic,))
        _define(cursor, definitions)

    def _compute(self, cursor: Any, aggregates: Sequence[Aggregate], definitions: Iterable[Definition]) -> None:
        for aggregate in aggregates:
            target = self._targets[aggregate.table]
            cursor.execute(apply_sql.DROP_WAITING, (aggregate.name,))
            cursor.execute(apply_sql.truncate(target))
            found = [
                apply_sql.find_all(aggregate.name, self._targets[table], self._queries[query])
                for table, query in aggregate.affected.items()
            ]
            _run(cursor, [*found, *apply_sql.renew(aggregate.name, target, self._queries[aggregate.query])])
        _define(cursor, definitions)

    def _copy(self, cursor: Any, tables: list[TableBatch]) -> None:
        for table in tables:
            target = self._targets[table.table]
            for kind, lines in (("k", table.keys), ("r", table.rows)):
                if lines:
                    cursor.copy_expert(apply_sql.copy(target, kind), io.StringIO("".join(lines)))

    def _concerned(self, tables: list[TableBatch]) -> list[Aggregate]:
        changed = {table.table for table in tables}
        return [aggregate for aggregate in self._aggregates if changed & aggregate.affected.keys()]

    def _renew_aggregates(self, tables: list[TableBatch]) -> list[str]:
        renewed = self._aggregates if self._waiting else self._concerned(tables)
        take_up = [apply_sql.TAKE_UP] if self._waiting else []
        return take_up + [
            statement
            for aggregate in renewed
            for statement in apply_sql.renew(
                aggregate.name, self._targets[aggregate.table], self._queries[aggregate.query]
            )
        ]

    def _note_affected(self, tables: list[TableBatch], *, before: bool) -> list[str]:
        statements = []
        for aggregate in self._concerned(tables):
            for table in tables:
                query = aggregate.affected.get(table.table)
                if query is None:
                    continue
                if table.truncated and before:
                    statements.append(apply_sql.all_affected(aggregate.name, self._targets[aggregate.table]))
                statements.append(
                    apply_sql.find_affected(aggregate.name, self._targets[table.table], self._queries[query])
                )
        return statements


def _define(cursor: Any, definitions: Iterable[Definition]) -> None:
    for definition in definitions:
        cursor.execute(apply_sql.DEFINE, (definition.table, definition.source, definition.fingerprint))


def _run(cursor: Any, statements: list[str]) -> None:
    if statements:
        # Each begins on a line of its own: a query of the user's may end in a comment.
        cursor.execute(";\n".join(f"{statement}\n" for statement in statements))
