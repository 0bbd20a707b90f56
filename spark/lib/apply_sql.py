"""The SQL that brings a batch into the destination. It is copied into temporary tables:

- ``pipectl_k_<table>``: the keys that changed, ``pipectl_r_<table>``: the transformed rows, both with the types of the destination
  (what has parts as JSON);
- ``pipectl_affected(aggregate, doc)``: the groups of an aggregate that have to be computed again. Those that later pieces or batches may
  change once more wait in the table ``pipectl.affected``, which outlives the session.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from lib.identifiers import postgres_name as name
from lib.identifiers import postgres_text as text

# The planner's default for pages read out of order is that of a rotating disk: it then reads a whole table for the few rows of a batch.
# Its 4 MB for a sort have the rows of a large group written to files.
SESSION = """
SET random_page_cost = 1.1;
SET work_mem = '32MB';
CREATE TABLE IF NOT EXISTS pipectl.affected (aggregate text NOT NULL, doc json NOT NULL);
CREATE TABLE IF NOT EXISTS pipectl.definitions ("table" text PRIMARY KEY, source text, fingerprint text NOT NULL,
    built_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TEMPORARY TABLE pipectl_affected (aggregate text, doc json) ON COMMIT DELETE ROWS;
"""

# The queries of aggregates name tables without their schema. What the session searched before comes after it: types and operators of
# extensions are there.
SEARCH = "SELECT set_config('search_path', concat_ws(', ', %s, nullif(current_setting('search_path'), '')), false)"

APPLIED = "SELECT topic, next_offset, change_log FROM pipectl.applied FOR UPDATE"

PUT_OFF = "INSERT INTO pipectl.affected SELECT aggregate, doc::json FROM (SELECT DISTINCT aggregate, doc::text FROM pipectl_affected) a"

TAKE_UP = """
WITH waiting AS (DELETE FROM pipectl.affected RETURNING aggregate, doc)
INSERT INTO pipectl_affected SELECT aggregate, doc FROM waiting
"""

ADVANCE = """
INSERT INTO pipectl.applied (topic, "partition", next_offset, change_log) VALUES (%s, 0, %s, %s)
ON CONFLICT (topic, "partition") DO UPDATE SET next_offset = excluded.next_offset, change_log = excluded.change_log
"""

# What the tables are made by, see lib.definitions; they stay when a table leaves pipeline.yml, as its rows do.
DEFINITIONS = 'SELECT "table", fingerprint FROM pipectl.definitions'

DEFINE = """
INSERT INTO pipectl.definitions ("table", source, fingerprint) VALUES (%s, %s, %s)
ON CONFLICT ("table") DO UPDATE SET source = excluded.source, fingerprint = excluded.fingerprint, built_at = clock_timestamp()
WHERE (definitions.source, definitions.fingerprint) IS DISTINCT FROM (excluded.source, excluded.fingerprint)
"""

# An aggregate that leaves pipeline.yml is not kept up to date: if it comes back, it is computed anew.
OUTDATE = "UPDATE pipectl.definitions SET fingerprint = '' WHERE source IS NULL AND \"table\" <> ALL(%s)"

FORGET = "DELETE FROM pipectl.applied WHERE topic = %s"

# Groups that wait by an earlier definition of their aggregate.
DROP_WAITING = "DELETE FROM pipectl.affected WHERE aggregate = %s"

LEDGER = """
INSERT INTO pipectl.ledger (query_id, batch_id, upserted, deleted, offsets) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (query_id, batch_id) DO UPDATE SET upserted = ledger.upserted + excluded.upserted,
    deleted = ledger.deleted + excluded.deleted, offsets = ledger.offsets || excluded.offsets, committed_at = clock_timestamp()
"""

PRUNE = "DELETE FROM pipectl.ledger WHERE committed_at < clock_timestamp() - make_interval(hours => %s)"

# Name, type, and whether it has parts: an array or a composite.
COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), t.typcategory IN ('A', 'C')
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass(frozen=True)
class Target:
    """A destination table and the columns the transformation fills."""

    schema: str
    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    types: dict[str, str]
    with_parts: frozenset[str] = frozenset()  # arrays and composites: they come as JSON

    @property
    def qualified(self) -> str:
        """Schema and table, quoted."""
        return f"{name(self.schema)}.{name(self.table)}"


def stage(target: Target, kind: str) -> str:
    """The typed temporary table of a kind."""
    full = f"pipectl_{kind}_{target.table}"
    # Longer names would be cut off, and two of them could become one.
    short = (
        full if len(full.encode()) < 64 else f"pipectl_{kind}_{hashlib.sha256(target.table.encode()).hexdigest()[:40]}"
    )
    return f"pg_temp.{name(short)}"


def staged_columns(target: Target, kind: str) -> Sequence[str]:
    """The columns of a kind: keys have only theirs."""
    return target.key if kind == "k" else target.columns


def create_stages(target: Target) -> list[str]:
    """Makes the temporary tables of a session."""
    return [
        f"CREATE TEMPORARY TABLE {stage(target, kind)} ({', '.join(_staged(target, kind))}) ON COMMIT DELETE ROWS"
        for kind in ("k", "r")
    ]


def _staged(target: Target, kind: str) -> list[str]:
    return [
        f"{name(column)} {'json' if column in target.with_parts else target.types[column]}"
        for column in staged_columns(target, kind)
    ]


def _value(target: Target, column: str, alias: str) -> str:
    """A column of the staged rows as the destination has it."""
    staged = f"{alias}.{name(column)}"
    if column not in target.with_parts:
        return staged
    return (
        f"(json_populate_record(NULL::{target.qualified}, json_build_object({text(column)}, {staged}))).{name(column)}"
    )


def copy(target: Target, kind: str) -> str:
    """Takes the lines of a batch."""
    return f"COPY {stage(target, kind)} FROM STDIN"


def truncate(target: Target) -> str:
    """Empties the table; DELETE, because readers of the other tables must not be locked out until the commit."""
    return f"DELETE FROM {target.qualified}"


def delete(target: Target) -> str:
    """Deletes rows whose key changed and that the transformation did not give back: deleted, or filtered out by it."""
    same = " AND ".join(f"d.{name(column)} = {_value(target, column, 'k')}" for column in target.key)
    kept = " AND ".join(f"{_value(target, column, 'n')} = {_value(target, column, 'k')}" for column in target.key)
    return (
        f"DELETE FROM {target.qualified} d USING {stage(target, 'k')} k WHERE {same} "
        f"AND NOT EXISTS (SELECT FROM {stage(target, 'r')} n WHERE {kept})"
    )


def upsert(target: Target) -> str:
    """Inserts the transformed rows, or brings existing ones to their state."""
    columns = ", ".join(name(column) for column in target.columns)
    values = ", ".join(_value(target, column, "r") for column in target.columns)
    key = ", ".join(name(column) for column in target.key)
    rest = [column for column in target.columns if column not in target.key]
    assigned = ", ".join(f"{name(column)} = excluded.{name(column)}" for column in rest)
    action = f"DO UPDATE SET {assigned}" if rest else "DO NOTHING"
    return (
        f"INSERT INTO {target.qualified} ({columns}) SELECT {values} FROM {stage(target, 'r')} r "
        f"ON CONFLICT ({key}) {action}"
    )


def find_affected(aggregate: str, changed: Target, query: str) -> str:
    """Notes the groups which the changed rows of a table belong to now."""
    key = ", ".join(f"{_value(changed, column, 'k')} AS {name(column)}" for column in changed.key)
    return (
        f"INSERT INTO pipectl_affected WITH changed AS (SELECT {key} FROM {stage(changed, 'k')} k) "
        f"SELECT {text(aggregate)}, to_json(q) FROM (\n{query}\n) q"
    )


def all_affected(aggregate: str, target: Target) -> str:
    """Notes every group there is: after a truncate nobody can say which rows belonged to which."""
    key = ", ".join(name(column) for column in target.key)
    return f"INSERT INTO pipectl_affected SELECT {text(aggregate)}, to_json(q) FROM (SELECT {key} FROM {target.qualified}) q"


def find_all(aggregate: str, table: Target, query: str) -> str:
    """Notes the groups which all rows of a table belong to."""
    key = ", ".join(name(column) for column in table.key)
    return (
        f"INSERT INTO pipectl_affected SELECT {text(aggregate)}, doc::json FROM (SELECT DISTINCT to_json(q)::text AS doc FROM ("
        f"\nWITH changed AS (SELECT {key} FROM {table.qualified}) SELECT * FROM (\n{query}\n) q) q) d"
    )


def renew(aggregate: str, target: Target, query: str) -> list[str]:
    """Computes the noted groups again."""
    key = ", ".join(f"r.{name(column)}" for column in target.key)
    affected = (
        f"SELECT DISTINCT {key} FROM pipectl_affected a, json_populate_record(NULL::{target.qualified}, a.doc) r "
        f"WHERE a.aggregate = {text(aggregate)}"
    )
    same = " AND ".join(f"d.{name(column)} = a.{name(column)}" for column in target.key)
    columns = ", ".join(name(column) for column in target.columns)
    return [
        f"DELETE FROM {target.qualified} d USING ({affected}) a WHERE {same}",
        f"INSERT INTO {target.qualified} ({columns}) WITH affected AS ({affected}) SELECT {columns} FROM (\n{query}\n) q",
    ]
