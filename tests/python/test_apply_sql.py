"""The destination's SQL and the transaction around it, without a database."""

from __future__ import annotations

import dataclasses
import io
import json

import pytest
from conftest import ROOT
from lib import apply_sql, copytext, keys
from lib.apply_sql import Target
from lib.column_types import parse_type
from lib.definitions import Definition
from lib.destination import Batch, Destination, DestinationError, TableBatch
from lib.pace import Pace
from lib.pipeline import Column, Table, load

TYPES = {"order_id": "bigint", "amount": "numeric(12,2)", "details": "jsonb", "tags": "text[]"}
OTHER_KEYS = {"customer_id": "bigint", "region_id": "integer", "day": "date"}
ORDERS = Target("public", "orders", ("order_id",), tuple(TYPES), TYPES, frozenset({"tags"}))


def test_copy_escapes_what_separates():
    assert copytext.line(["a\tb\nc\\d\r", "e"]) == "a\\tb\\nc\\\\d\\r\te\n"


def test_rows_are_copied_into_the_types_of_the_destination_and_what_has_parts_as_json():
    assert apply_sql.create_stages(ORDERS) == [
        'CREATE TEMPORARY TABLE pg_temp."pipectl_k_orders" ("order_id" bigint) ON COMMIT DELETE ROWS',
        'CREATE TEMPORARY TABLE pg_temp."pipectl_r_orders" ("order_id" bigint, "amount" numeric(12,2), "details" jsonb, '
        '"tags" json) ON COMMIT DELETE ROWS',
    ]
    assert apply_sql.copy(ORDERS, "r") == 'COPY pg_temp."pipectl_r_orders" FROM STDIN'


def test_upsert():
    assert apply_sql.upsert(ORDERS) == (
        'INSERT INTO "public"."orders" ("order_id", "amount", "details", "tags") '
        'SELECT r."order_id", r."amount", r."details", '
        '(json_populate_record(NULL::"public"."orders", json_build_object(\'tags\', r."tags")))."tags" '
        'FROM pg_temp."pipectl_r_orders" r '
        'ON CONFLICT ("order_id") DO UPDATE SET "amount" = excluded."amount", "details" = excluded."details", '
        '"tags" = excluded."tags"'
    )


def test_a_key_with_parts_is_compared_as_the_destination_has_it():
    target = Target("public", "t", ("k",), ("k",), {"k": "integer[]"}, frozenset({"k"}))

    def typed(alias: str) -> str:
        return f'(json_populate_record(NULL::"public"."t", json_build_object(\'k\', {alias}."k")))."k"'

    assert apply_sql.delete(target).endswith(
        f'k WHERE d."k" = {typed("k")} '
        f'AND NOT EXISTS (SELECT FROM pg_temp."pipectl_r_t" n WHERE {typed("n")} = {typed("k")})'
    )
    assert f'SELECT {typed("k")} AS "k" FROM' in apply_sql.find_affected("a", target, "SELECT 1")


def test_temporary_tables_of_long_names_stay_apart():
    longest = ["x" * 62 + end for end in "ab"]
    stages = [apply_sql.stage(Target("public", table, ("k",), ("k",), {}), "r") for table in longest]
    assert stages[0] != stages[1]
    assert all(len(name) <= len('pg_temp.""') + 63 for name in stages)


def test_a_table_that_is_all_key():
    target = Target("public", "pairs", ("a", "b"), ("a", "b"), {})
    assert apply_sql.upsert(target).endswith('ON CONFLICT ("a", "b") DO NOTHING')


def test_names_are_quoted():
    target = Target("public", 'we"ird', ("k",), ("k",), {"k": "text"})
    assert '"we""ird"' in apply_sql.delete(target)
    assert '"pipectl_k_we""ird"' in apply_sql.create_stages(target)[0]


@pytest.mark.parametrize(
    ("kind", "sent", "written"),
    [
        ("uuid", "a-b", "a-b"),
        ("date", 20455, "2026-01-02"),
        ("date", -719163, "J1721425"),
        ("date", 2932897, "J5373485"),
        ("timestamp", 1767322445678901, "2026-01-02T02:54:05.678901"),
        ("timestamp", -62135596800000001, "J1721425 23:59:59.999999"),
        ("timestamptz", "2026-01-02T00:00:00.000000Z", "2026-01-02T00:00:00.000000Z"),
        ("timestamptz", "0000-12-31T23:59:59.999999Z", "J1721425 23:59:59.999999Z"),
        ("timestamptz", "-4712-01-02T00:00:00.000000Z", "J39 00:00:00.000000Z"),
        ("timestamptz", "+10000-01-01T00:00:00.000000Z", "J5373485 00:00:00.000000Z"),
        ("time", 86400000000, "24:00:00.000000"),
        ("time", 1, "00:00:00.000001"),
        ("bytea", "AP8=", "\\x00ff"),
        ("integer", 7, "7"),
        ("boolean", True, "true"),
        ("numeric", "NAN", "NaN"),
        ("numeric", "1.50", "1.50"),
        ("double precision", "NaN", "NaN"),
    ],
)
def test_keys_are_written_as_postgres_reads_them(kind, sent, written):
    table = Table("public.x", ("k",), (Column("k", parse_type(kind)),), "x", ROOT)
    assert keys.line(table, json.dumps({"k": sent})) == copytext.line([written])


class FakeLostError(Exception):
    """The connection has gone."""


class FakeDatabase:
    """Answers what the destination asks; keeps what it was told."""

    def __init__(self) -> None:
        self.applied: list[tuple[str, int, str]] = []
        self.statements: list[str] = []
        self.executed: list[tuple[str, object]] = []
        self.copied: dict[str, str] = {}
        self.commits = 0
        self.connections = 0
        self.fail_once_at: str | None = None

    def connect(self):
        self.connections += 1
        return FakeConnection(self)


class FakeConnection:
    def __init__(self, database):
        self.database = database

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.database.commits += kind is None

    def cursor(self):
        return FakeCursor(self.database)

    def close(self):
        pass


class FakeCursor:
    rowcount = 1

    def __init__(self, database):
        self.database = database
        self.rows = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def execute(self, statement, values=None):
        if self.database.fail_once_at and self.database.fail_once_at in statement:
            self.database.fail_once_at = None
            raise FakeLostError("server closed the connection")
        self.database.statements.append(statement)
        self.database.executed.append((statement, values))
        if statement == apply_sql.APPLIED:
            self.rows = list(self.database.applied)
        elif statement == apply_sql.COLUMNS:
            self.rows = [(name, kind, name == "tags") for name, kind in (TYPES | OTHER_KEYS).items()]
        else:
            self.rows = [("oid",)]

    def copy_expert(self, statement, file: io.StringIO):
        self.database.copied[statement] = file.read()

    def fetchone(self):
        return self.rows[0]

    def fetchall(self):
        return self.rows


@pytest.fixture
def database():
    return FakeDatabase()


@pytest.fixture
def destination(database):
    pipeline = load(ROOT / "pipeline.yml")
    columns = {table.destination: ["order_id", "amount", "details"] for table in pipeline.tables}
    return Destination(pipeline, columns, database.connect, (FakeLostError,))


def batch(base: int = 0, end: int = 5) -> Batch:
    table = TableBatch("orders", ["1\n"], ["1\t2.50\t\\N\n"], False, "t.public.orders", base, end)
    return Batch("q", 3, "log-1", [table])


def test_rows_aggregate_and_record_go_in_one_transaction(destination, database):
    destination.open()
    before = database.commits
    assert destination.apply(batch()) == (1, 1)
    assert database.commits == before + 1
    text = "\n".join(database.statements)
    order = [
        text.index("INSERT INTO pipectl_affected"),
        text.index('DELETE FROM "public"."orders"'),
        text.index('INSERT INTO "public"."orders"'),
        text.rindex("INSERT INTO pipectl_affected"),
        text.index('INSERT INTO "public"."revenue_by_region_day"'),
        text.index("INSERT INTO pipectl.applied"),
    ]
    assert order == sorted(order)
    assert list(database.copied.values()) == ["1\n", "1\t2.50\t\\N\n"]


def test_queries_find_the_tables_of_the_destinations_schema(database):
    pipeline = dataclasses.replace(load(ROOT / "pipeline.yml"), destination_schema="serving")
    columns = {table.destination: ["order_id"] for table in pipeline.tables}
    Destination(pipeline, columns, database.connect, (FakeLostError,)).open()
    searched = [values for statement, values in database.executed if statement == apply_sql.SEARCH]
    assert searched == [('"serving"',)]
    # Types that the session does not find by their name alone would have their schema before it, and so they are read after this.
    statements = [statement for statement, _ in database.executed]
    assert statements.index(apply_sql.SEARCH) < statements.index(apply_sql.COLUMNS)


def renewed(database) -> int:
    return sum('INSERT INTO "public"."revenue_by_region_day"' in statement for statement in database.statements)


def test_aggregates_wait_for_the_last_piece_of_a_batch(destination, database):
    destination.apply(batch())
    database.statements.clear()
    destination.apply(dataclasses.replace(batch(5, 9), last=False))
    assert renewed(database) == 0
    assert any(apply_sql.PUT_OFF in statement for statement in database.statements)
    # Nothing is left of the batch but this.
    assert destination.apply(Batch("q", 3, "log-1")) == (0, 0)
    assert renewed(database) == 1
    assert any(apply_sql.TAKE_UP in statement for statement in database.statements)
    assert not any("pipectl.ledger" in statement for statement in database.statements[-2:])


def test_aggregates_wait_for_a_batch_that_is_sure_to_come_as_long_as_they_take(destination, database):
    now = 0.0
    destination._renewals = Pace(5, 9, lambda: now)
    backlog = [dataclasses.replace(batch(end, end + 1), followed=True) for end in range(5)]

    def computed(one: Batch) -> bool:
        database.statements.clear()
        destination.apply(one)
        waits = any(apply_sql.PUT_OFF in statement for statement in database.statements)
        assert waits != bool(renewed(database))
        return not waits

    # At the beginning, and after the pause.
    assert [computed(one) for one in backlog[:2]] == [True, False]
    now = 5.0
    assert [computed(one) for one in backlog[2:4]] == [True, False]
    # The last one finds all that wait.
    assert computed(batch(5, 6))
    assert any(apply_sql.TAKE_UP in statement for statement in database.statements)


def test_a_pause_is_so_many_times_as_long_as_the_work():
    now = 0.0
    pace = Pace(5, 9, lambda: now)
    with pace.work():
        now = 2.0
    now = 19.0
    assert not pace.is_due()
    now = 20.0
    assert pace.is_due()


def test_groups_that_a_process_before_left_waiting_are_taken_up(destination, database):
    destination.apply(batch())
    assert any(apply_sql.TAKE_UP in statement for statement in database.statements)


def test_a_batch_that_has_been_applied_is_left_out(destination, database):
    database.applied = [("t.public.orders", 5, "log-1")]
    assert destination.apply(batch()) == (0, 0)
    assert not any(statement.startswith('INSERT INTO "public"') for statement in database.statements)


def test_offsets_that_moved_under_this_batch(destination, database):
    database.applied = [("t.public.orders", 4, "log-1")]
    with pytest.raises(DestinationError, match="another process"):
        destination.apply(batch(base=2, end=9))


def test_another_change_log(destination, database):
    database.applied = [("t.public.orders", 5, "log-0")]
    with pytest.raises(DestinationError, match="another change log.*repair resnapshot"):
        destination.applied("log-1")


def test_a_lost_connection_is_opened_again(destination, database):
    database.fail_once_at = "INSERT INTO pipectl.ledger"
    assert destination.apply(batch()) == (1, 1)
    assert database.connections == 2


ORDERS_NOW = Definition("orders", "public.orders", "f")


def test_a_table_is_emptied_with_its_position_and_its_definition_in_one_transaction(destination, database):
    destination.open()
    before = database.commits
    destination.empty({"orders": "t.public.orders"}, [ORDERS_NOW])
    assert database.commits == before + 1
    # The groups of now wait until the rows are there again.
    waiting = next(statement for statement in database.statements if apply_sql.PUT_OFF in statement)
    assert 'to_json(q) FROM (SELECT "region_id", "day" FROM "public"."revenue_by_region_day") q' in waiting
    assert 'DELETE FROM "public"."orders"' in database.statements
    assert database.executed[-2:] == [
        (apply_sql.FORGET, ("t.public.orders",)),
        (apply_sql.DEFINE, ("orders", "public.orders", "f")),
    ]
    assert 'DELETE FROM "public"."revenue_by_region_day"' not in database.statements


def test_an_aggregate_is_computed_from_all_rows_in_one_transaction(destination, database):
    destination.open()
    before = database.commits
    destination.compute(load(ROOT / "pipeline.yml").aggregates, [Definition("revenue_by_region_day", None, "f")])
    assert database.commits == before + 1
    text = "\n".join(database.statements)
    order = [
        text.index(apply_sql.DROP_WAITING),
        text.index('DELETE FROM "public"."revenue_by_region_day"'),
        text.index('WITH changed AS (SELECT "order_id" FROM "public"."orders")'),
        text.index('WITH changed AS (SELECT "customer_id" FROM "public"."customers")'),
        text.index('INSERT INTO "public"."revenue_by_region_day"'),
        text.index(apply_sql.DEFINE),
    ]
    assert order == sorted(order)


def test_an_aggregate_that_left_is_not_taken_for_kept_up_to_date(destination, database):
    destination.define([ORDERS_NOW])
    assert database.executed[-2:] == [
        (apply_sql.DEFINE, ("orders", "public.orders", "f")),
        (apply_sql.OUTDATE, (["revenue_by_region_day"],)),
    ]


def test_the_ledger_is_pruned_now_and_then(destination, database):
    destination.apply(batch())
    assert not [statement for statement in database.statements if "DELETE FROM pipectl.ledger" in statement]
    destination._prune._next = 0
    database.applied.clear()
    destination.apply(batch())
    database.applied.clear()
    destination.apply(batch())
    assert len([statement for statement in database.statements if "DELETE FROM pipectl.ledger" in statement]) == 1


def test_columns_the_destination_lacks(database):
    pipeline = load(ROOT / "pipeline.yml")
    columns = {table.destination: ["order_id", "colour"] for table in pipeline.tables}
    with pytest.raises(DestinationError, match="no column `colour`"):
        Destination(pipeline, columns, database.connect, (FakeLostError,)).open()
