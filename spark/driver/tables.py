"""Reads the lake for the read-only API. What is read is the current Delta version, not a report of the jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jvm import Jvm
from lib import fingerprint
from lib.identifiers import spark_name, spark_text
from lib.pipeline import Column, Pipeline, Table, load


class BadRequestError(Exception):
    """The request names something that is not there."""


class Tables:
    """Queries over the merged tables and the change log."""

    def __init__(self, jvm: Jvm, root: Path) -> None:
        self._jvm = jvm
        self._pipeline: Pipeline = load(root / "pipeline.yml")
        self._session = jvm.session.newSession()

    def summary(self) -> dict[str, Any]:
        """Version and size of every table, from its log alone."""
        paths = {"changes": self._pipeline.changes_path}
        paths |= {table.name: self._pipeline.table_path(table) for table in self._pipeline.tables}
        return {name: described for name, path in paths.items() if (described := self._describe(path)) is not None}

    def _describe(self, path: str) -> dict[str, Any] | None:
        log = self._log(path)
        version = log.update(False, self._none(), self._none()).version()
        if version < 0:
            return None
        # Rows and files are left out: counting them reads the state of the whole table, seconds beside a running merge.
        return {"version": version, "rows": None, "path": path, "files": None}

    def schema(self, name: str) -> dict[str, Any]:
        """Columns of the current version in Spark's JSON form, from the table's log."""
        path = self._pipeline.table_path(self._table(name))
        snapshot = self._log(path).update(False, self._none(), self._none())
        if snapshot.version() < 0:
            raise BadRequestError(f"{path} does not exist yet")
        return {"version": snapshot.version(), "schema": json.loads(snapshot.schema().json())}

    def rows(self, name: str, key: dict[str, Any]) -> dict[str, Any]:
        """Rows with this key, every value as text."""
        table = self._table(name)
        by_name = {column.name: column for column in table.columns}
        if not key or any(column not in by_name for column in key):
            raise BadRequestError(f"the key must name columns of {name}")
        version, relation = self._current(table)
        listed = ", ".join(f"{_shown(column)} AS {spark_name(column.name)}" for column in table.columns)
        conditions = " AND ".join(
            f"{spark_name(column)} <=> {_typed(value, by_name[column])}" for column, value in key.items()
        )
        frame = self._session.sql(f"SELECT {listed} FROM {relation} WHERE {conditions}")
        documents = [json.loads(text) for text in frame.toJSON().collectAsList()]
        return {"version": version, "rows": [{column: row.get(column) for column in by_name} for row in documents]}

    def fingerprint(self, name: str) -> dict[str, Any]:
        """Row count and checksum, see lib.fingerprint."""
        table = self._table(name)
        version, relation = self._current(table)
        row = self._session.sql(fingerprint.query(relation, table.columns)).collectAsList()[0]
        return {"version": version, "rows": row.getLong(0), "checksum": row.getString(1)}

    def _table(self, name: str) -> Table:
        table = self._pipeline.by_name(name)
        if table is None:
            raise BadRequestError(f"pipeline.yml declares no table {name}")
        return table

    def _current(self, table: Table) -> tuple[int, str]:
        """The current version and a view of it. Read by path: names would ask the metastore."""
        path = self._pipeline.table_path(table)
        version = self._log(path).update(False, self._none(), self._none()).version()
        if version < 0:
            raise BadRequestError(f"{path} does not exist yet")
        frame = self._session.read().format("delta").option("versionAsOf", version).load(path)
        view = f"{table.name}_{version}"
        frame.createOrReplaceTempView(spark_name(view))
        return version, spark_name(view)

    def _log(self, path: str) -> Any:
        return self._jvm.gateway.jvm.org.apache.spark.sql.delta.DeltaLog.forTable(self._session, path)

    def _none(self) -> Any:
        return self._jvm.gateway.jvm.scala.Option.empty()


def _shown(column: Column) -> str:
    """A column as text; bytes as Postgres shows them."""
    name = spark_name(column.name)
    return f"concat('\\\\x', lower(hex({name})))" if column.type.name == "bytea" else f"CAST({name} AS string)"


def _typed(value: Any, column: Column) -> str:
    """A value of a column's type, given as Postgres shows it."""
    if column.type.name == "bytea":
        return f"unhex(substring({_literal(value)}, 3))"
    return f"CAST({_literal(value)} AS {column.type.spark})"


def _literal(value: Any) -> str:
    return "NULL" if value is None else spark_text(str(value))
