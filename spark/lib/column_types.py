"""Column types: how a value travels from Debezium's JSON into a Spark column.

Debezium is configured with ``decimal.handling.mode=string`` and ``time.precision.mode=adaptive_time_microseconds``. A change's
row is first read with every column as text (Spark keeps the JSON text of a value that is no string), then each column is cast
by the expression below. Spark runs in ANSI mode, so a value that does not fit its declared type stops the job with a
message; it never becomes a silent NULL.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


class UnknownTypeError(Exception):
    """The type is not one this pipeline carries."""


@dataclass(frozen=True)
class ColumnType:
    """A Postgres type and its Spark counterpart."""

    name: str  # canonical name, for example numeric or text[]
    spark: str  # Spark's DDL type
    cast: Callable[[str], str]  # SQL over the raw text expression
    precision: int | None = None
    scale: int | None = None

    @property
    def is_array(self) -> bool:
        """Whether the values are arrays."""
        return self.name.endswith("[]")


# What Debezium sends for 'infinity' and '-infinity' timestamps: numbers that are no time anybody meant.
_INFINITE_MICROS = "(9223372036825200000, -9223372036832400000)"


def _plain(spark: str) -> Callable[[str], str]:
    return lambda raw: f"CAST({raw} AS {spark})"


def _timestamp(raw: str) -> str:
    micros = f"CAST({raw} AS bigint)"
    return (
        f"CASE WHEN {micros} IN {_INFINITE_MICROS} "
        f"THEN CAST(raise_error('an infinite timestamp cannot be carried') AS timestamp_ntz) "
        f"ELSE CAST(timestamp_micros({micros}) AS timestamp_ntz) END"
    )


def _array(element: str) -> Callable[[str], str]:
    return lambda raw: f"from_json({raw}, 'array<{element}>', map('mode', 'FAILFAST'))"


_SIMPLE: dict[str, ColumnType] = {
    "smallint": ColumnType("smallint", "smallint", _plain("smallint")),
    "integer": ColumnType("integer", "int", _plain("int")),
    "bigint": ColumnType("bigint", "bigint", _plain("bigint")),
    "real": ColumnType("real", "float", _plain("float")),
    "double precision": ColumnType("double precision", "double", _plain("double")),
    "boolean": ColumnType("boolean", "boolean", _plain("boolean")),
    "text": ColumnType("text", "string", lambda raw: raw),
    "uuid": ColumnType("uuid", "string", lambda raw: raw),
    "jsonb": ColumnType("jsonb", "string", lambda raw: raw),
    "date": ColumnType("date", "date", lambda raw: f"date_from_unix_date(CAST({raw} AS int))"),
    "timestamp": ColumnType("timestamp", "timestamp_ntz", _timestamp),
    "timestamptz": ColumnType("timestamptz", "timestamp", _plain("timestamp")),
    "text[]": ColumnType("text[]", "array<string>", _array("string")),
    "integer[]": ColumnType("integer[]", "array<int>", _array("int")),
    "bigint[]": ColumnType("bigint[]", "array<bigint>", _array("bigint")),
}

_ALIASES = {
    "int2": "smallint",
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "double": "double precision",
    "float8": "double precision",
    "bool": "boolean",
    "varchar": "text",
    "character varying": "text",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "int[]": "integer[]",
    "varchar[]": "text[]",
}

_NUMERIC = re.compile(r"(?:numeric|decimal)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")
_LENGTH = re.compile(r"(varchar|character varying)\s*\(\s*\d+\s*\)")


def parse_type(text: str) -> ColumnType:
    """The type with this Postgres name."""
    name = " ".join(text.lower().split())
    numeric = _NUMERIC.fullmatch(name)
    if numeric:
        precision, scale = int(numeric[1]), int(numeric[2] or 0)
        if not 1 <= precision <= 38 or scale > precision:
            raise UnknownTypeError(f"`{text}`: a precision of 1 to 38 and a scale within it are needed")
        spark = f"decimal({precision},{scale})"
        return ColumnType("numeric", spark, _plain(spark), precision, scale)
    name = _LENGTH.sub(r"\1", name)
    name = _ALIASES.get(name, name)
    if name not in _SIMPLE:
        known = ", ".join([*_SIMPLE, "numeric(p,s)"])
        raise UnknownTypeError(f"`{text}` is not a type this pipeline carries ({known})")
    return _SIMPLE[name]
