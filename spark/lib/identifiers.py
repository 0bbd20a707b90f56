"""Quoting of names and texts in SQL, for Spark and for Postgres."""

from __future__ import annotations


def spark_name(name: str) -> str:
    """A quoted Spark identifier."""
    return "`" + name.replace("`", "``") + "`"


def spark_text(text: str) -> str:
    """A Spark string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def postgres_name(name: str) -> str:
    """A quoted Postgres identifier."""
    return '"' + name.replace('"', '""') + '"'


def postgres_text(text: str) -> str:
    """A Postgres string literal (standard_conforming_strings)."""
    return "'" + text.replace("'", "''") + "'"
