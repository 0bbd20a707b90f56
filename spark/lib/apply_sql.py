"""The SQL that brings a batch into the destination. It is copied into temporary tables:

- ``pipectl_stage(tbl, kind, doc)``: kind ``k`` the keys that changed, kind ``r`` the transformed rows, as documents;
- ``pipectl_k_<table>`` and ``pipectl_r_<table>``: the same with the types of the destination, which everything else reads: joins over
  documents would be nested loops;
- ``pipectl_affected(aggregate, doc)``: the groups of an aggregate that have to be computed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from lib.identifiers import postgres_name as name
from lib.identifiers import postgres_text as text

SESSION = """
CREATE TEMPORARY TABLE pipectl_stage (tbl text, kind "char", doc json) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE pipectl_affected (aggregate text, doc json) ON COMMIT DELETE ROWS;
"""

COPY = "COPY pipectl_stage (tbl, kind, doc) FROM STDIN"

APPLIED = "SELECT topic, next_offset, change_log FROM pipectl.applied FOR UPDATE"

ADVANCE = """
INSERT INTO pipectl.applied (topic, "partition", next_offset, change_log) VALUES (%s, 0, %s, %s)
ON CONFLICT (topic, "partition") DO UPDATE SET next_offset = excluded.next_offset, change_log = excluded.change_log
"""

LEDGER = """
INSERT INTO pipectl.ledger (query_id, batch_id, upserted, deleted, offsets) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (query_id, batch_id) DO UPDATE SET upserted = ledger.upserted + excluded.upserted,
    deleted = ledger.deleted + excluded.deleted, offsets = ledger.offsets || excluded.offsets, committed_at = clock_timestamp()
"""

PRUNE = "DELETE FROM pipectl.ledger WHERE committed_at < clock_timestamp() - make_interval(hours => %s)"

COLUMNS = """
SELECT a.attname, format_type(a.atttypid, NULL)
FROM pg_attribute a
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass(frozen=True)
class Target:
    """A destination table and the columns the transformation fills."""

    schema: str
    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    json_columns: dict[str, str]  # those of type json or jsonb: there a document's string is JSON text, not a string

    @property
    def qualified(self) -> str:
        """Schema and table, quoted."""
        return f"{name(self.schema)}.{name(self.table)}"


def copy_line(table: str, kind: str, document: str) -> str:
    """A line in COPY's text format."""
    escaped = document.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return f"{table}\t{kind}\t{escaped}\n"


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
    """Makes the typed temporary tables of a session."""
    return [
        f"CREATE TEMPORARY TABLE {stage(target, kind)} ON COMMIT DELETE ROWS AS "
        f"SELECT {', '.join(name(column) for column in staged_columns(target, kind))} FROM {target.qualified} WITH NO DATA"
        for kind in ("k", "r")
    ]


def fill_stages(target: Target) -> list[str]:
    """Gives the documents of the batch their types."""
    statements = []
    for kind in ("k", "r"):
        listed = ", ".join(
            f"(s.doc ->> {text(column)})::{target.json_columns[column]}"
            if column in target.json_columns
            else f"r.{name(column)}"
            for column in staged_columns(target, kind)
        )
        statements.append(
            f"INSERT INTO {stage(target, kind)} SELECT {listed} "
            f"FROM pipectl_stage s, json_populate_record(NULL::{target.qualified}, s.doc) r "
            f"WHERE s.tbl = {text(target.table)} AND s.kind = {text(kind)}"
        )
    return statements


def truncate(target: Target) -> str:
    """Empties the table; DELETE, because readers of the other tables must not be locked out until the commit."""
    return f"DELETE FROM {target.qualified}"


def delete(target: Target) -> str:
    """Deletes rows whose key changed and that the transformation did not give back: deleted, or filtered out by it."""
    same = " AND ".join(f"d.{name(column)} = k.{name(column)}" for column in target.key)
    kept = " AND ".join(f"n.{name(column)} = k.{name(column)}" for column in target.key)
    return (
        f"DELETE FROM {target.qualified} d USING {stage(target, 'k')} k WHERE {same} "
        f"AND NOT EXISTS (SELECT FROM {stage(target, 'r')} n WHERE {kept})"
    )


def upsert(target: Target) -> str:
    """Inserts the transformed rows, or brings existing ones to their state."""
    columns = ", ".join(name(column) for column in target.columns)
    key = ", ".join(name(column) for column in target.key)
    rest = [column for column in target.columns if column not in target.key]
    assigned = ", ".join(f"{name(column)} = excluded.{name(column)}" for column in rest)
    action = f"DO UPDATE SET {assigned}" if rest else "DO NOTHING"
    return (
        f"INSERT INTO {target.qualified} ({columns}) SELECT {columns} FROM {stage(target, 'r')} "
        f"ON CONFLICT ({key}) {action}"
    )


def find_affected(aggregate: str, changed: Target, query: str) -> str:
    """Notes the groups which the changed rows of a table belong to now."""
    return (
        f"INSERT INTO pipectl_affected WITH changed AS (SELECT * FROM {stage(changed, 'k')}) "
        f"SELECT {text(aggregate)}, to_json(q) FROM (\n{query}\n) q"
    )


def all_affected(aggregate: str, target: Target) -> str:
    """Notes every group there is: after a truncate nobody can say which rows belonged to which."""
    key = ", ".join(name(column) for column in target.key)
    return f"INSERT INTO pipectl_affected SELECT {text(aggregate)}, to_json(q) FROM (SELECT {key} FROM {target.qualified}) q"


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
