"""Reads pipeline.yml into typed values and refuses what the jobs could not run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lib.column_types import ColumnType, UnknownTypeError, parse_type

_HOURS = {"h": 1, "d": 24}


class PipelineError(Exception):
    """pipeline.yml or a file it names is wrong; the message says where."""


@dataclass(frozen=True)
class Column:
    """A column of a source table."""

    name: str
    type: ColumnType


@dataclass(frozen=True)
class Result:
    """What pipeline.yml says of the rows that a Python function makes."""

    columns: tuple[str, ...] = ()  # all of them; empty where it does not say
    passed_on: tuple[str, ...] = ()  # those of them that are the source's columns as they are
    keeps_rows: bool = False  # each row makes exactly one


@dataclass(frozen=True)
class Table:
    """A source table, its place in the lake and its destination."""

    source: str  # with its schema, as pipeline.yml and the change log name it: public.orders
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    destination: str
    transform: Path
    result: Result = Result()
    infinity_to_null: bool = False  # what becomes of infinite dates and times: NULL, or the job stops

    @property
    def name(self) -> str:
        """The name without schema: the lake's table, and the view a transformation reads."""
        return self.source.split(".", 1)[1]

    @property
    def key_columns(self) -> tuple[Column, ...]:
        """The key's columns in the key's order."""
        by_name = {column.name: column for column in self.columns}
        return tuple(by_name[name] for name in self.key)


@dataclass(frozen=True)
class Aggregate:
    """A destination table computed from other destination tables."""

    name: str
    table: str
    key: tuple[str, ...]
    query: Path
    affected: dict[str, Path]  # destination table -> SQL that finds the groups its changed rows belong to


@dataclass(frozen=True)
class Pipeline:
    """Everything pipeline.yml says that the jobs use."""

    topic_prefix: str
    lake_path: str
    checkpoints: str
    lake_database: str
    retention_hours: int  # how long old versions of the merged tables, and the ledger's rows, are kept
    destination_service: str
    destination_database: str
    destination_schema: str
    tables: tuple[Table, ...]
    aggregates: tuple[Aggregate, ...]

    def topic(self, table: Table) -> str:
        """The topic Debezium writes the table's changes to."""
        return f"{self.topic_prefix}.{table.source}"

    @property
    def changes_path(self) -> str:
        """The change log of all tables."""
        return f"{self.lake_path}/_changes"

    def table_path(self, table: Table) -> str:
        """The merged table."""
        return f"{self.lake_path}/{table.name}"

    def by_source(self, source: str) -> Table | None:
        """The table with this schema-qualified source name, if it is declared."""
        return next((table for table in self.tables if table.source == source), None)

    def by_name(self, name: str) -> Table | None:
        """The table with this lake name, if it is declared."""
        return next((table for table in self.tables if table.name == name), None)


def load(path: Path) -> Pipeline:
    """Reads the file; names in it are relative to its directory."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise PipelineError(f"{path.name}: {error}") from error
    reader = _Reader(path.name, path.parent)
    return reader.pipeline(document)


class _Reader:
    """Turns the document into values; every complaint names the file and the place in it."""

    def __init__(self, file: str, root: Path) -> None:
        self.file = file
        self.root = root

    def fail(self, where: str, what: str) -> PipelineError:
        return PipelineError(f"{self.file}: {where}: {what}")

    def get(self, mapping: Any, key: str, where: str, kind: type) -> Any:
        if not isinstance(mapping, dict):
            raise self.fail(where, "expected a mapping")
        if key not in mapping:
            raise self.fail(where, f"`{key}` is missing")
        value = mapping[key]
        if not isinstance(value, kind):
            raise self.fail(f"{where}.{key}", f"expected {kind.__name__}, found {type(value).__name__}")
        return value

    def file_in(self, mapping: Any, key: str, where: str) -> Path:
        path = self.root / self.get(mapping, key, where, str)
        if not path.is_file():
            raise self.fail(f"{where}.{key}", f"no such file: {path.relative_to(self.root)}")
        return path

    def pipeline(self, document: Any) -> Pipeline:
        if self.get(document, "version", "document", int) != 1:
            raise self.fail("version", "this release reads version 1")
        lake = self.get(document, "lake", "document", dict)
        destination = self.get(document, "destination", "document", dict)
        declared = self.get(document, "tables", "document", dict)
        infinity_to_null = self.infinity_to_null(document)
        tables = tuple(self.table(source, value, infinity_to_null) for source, value in declared.items())
        names = [table.name for table in tables]
        for name in names:
            if names.count(name) > 1:
                raise self.fail("tables", f"two tables are named `{name}`; the lake needs different names")
        aggregates = document.get("aggregates") or {}
        return Pipeline(
            topic_prefix=self.get(document, "topic_prefix", "document", str),
            lake_path=self.get(lake, "path", "lake", str).rstrip("/"),
            checkpoints=self.get(lake, "checkpoints", "lake", str).rstrip("/"),
            lake_database=self.get(lake, "database", "lake", str),
            retention_hours=self.hours({"retention": "7d", **lake}, "retention", "lake"),
            destination_service=self.get(destination, "service", "destination", str),
            destination_database=self.get(destination, "database", "destination", str),
            destination_schema=self.get({"schema": "public", **destination}, "schema", "destination", str),
            tables=tables,
            aggregates=tuple(self.aggregate(name, value, tables) for name, value in aggregates.items()),
        )

    def hours(self, mapping: dict[str, Any], key: str, where: str) -> int:
        text = self.get(mapping, key, where, str)
        number, unit = text[:-1], text[-1:]
        if not (number.isascii() and number.isdigit()) or int(number) == 0 or unit not in _HOURS:
            raise self.fail(f"{where}.{key}", f"expected a time such as 12h or 7d, found {text!r}")
        return int(number) * _HOURS[unit]

    def infinity_to_null(self, document: dict[str, Any]) -> bool:
        policy = document.get("infinity", "stop")
        if policy not in ("stop", "null", None):
            raise self.fail("infinity", f"expected stop or null, found {policy!r}")
        # YAML reads the word null as nothing.
        return policy != "stop"

    def table(self, source: str, value: Any, infinity_to_null: bool) -> Table:
        where = f"tables.{source}"
        if source.count(".") != 1:
            raise self.fail(where, "expected a name with its schema, such as public.orders")
        columns = tuple(
            self.column(name, kind, where) for name, kind in self.get(value, "columns", where, dict).items()
        )
        key = self.key(value, where)
        unknown = [name for name in key if name not in {column.name for column in columns}]
        if not key or unknown:
            raise self.fail(f"{where}.key", f"unknown column {unknown[0]!r}" if unknown else "a key is needed")
        destination = self.get(value, "destination", where, dict)
        return Table(
            source=source,
            key=key,
            columns=columns,
            destination=self.get(destination, "table", f"{where}.destination", str),
            transform=self.file_in(destination, "transform", f"{where}.destination"),
            result=self.result(destination, f"{where}.destination"),
            infinity_to_null=infinity_to_null,
        )

    def result(self, destination: dict[str, Any], where: str) -> Result:
        columns = self.get({"columns": {}, **destination}, "columns", where, dict)
        return Result(
            columns=tuple(columns),
            # A column's own name says that it is passed on; a list says what it is computed from.
            passed_on=tuple(name for name, made in columns.items() if made == name),
            keeps_rows=self.get({"keeps_rows": False, **destination}, "keeps_rows", where, bool),
        )

    def key(self, value: Any, where: str) -> tuple[str, ...]:
        """One column may stand without brackets."""
        if isinstance(value, dict) and isinstance(value.get("key"), str):
            return (value["key"],)
        return tuple(self.get(value, "key", where, list))

    def column(self, name: str, kind: Any, where: str) -> Column:
        if isinstance(kind, dict):
            # `mask` is Debezium's work: what arrives here is text already.
            kind = self.get(kind, "type", f"{where}.columns.{name}", str)
        try:
            return Column(name, parse_type(str(kind)))
        except UnknownTypeError as error:
            raise self.fail(f"{where}.columns.{name}", str(error)) from error

    def aggregate(self, name: str, value: Any, tables: tuple[Table, ...]) -> Aggregate:
        where = f"aggregates.{name}"
        affected = self.get(value, "affected", where, dict)
        destinations = {table.destination for table in tables}
        for table in affected:
            if table not in destinations:
                raise self.fail(f"{where}.affected", f"`{table}` is the destination of no table")
        return Aggregate(
            name=name,
            table=self.get(value, "table", where, str),
            key=self.key(value, where),
            query=self.file_in(value, "query", where),
            affected={table: self.file_in(affected, table, f"{where}.affected") for table in affected},
        )
