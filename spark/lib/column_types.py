"""Column types: which there are, what each becomes in Spark, and how their names are read.

How a value travels is in :mod:`lib.casts`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# Spark's type of each Postgres type without parameters. `numeric` has more digits than any number of Spark's, and NaN: text.
_SCALARS = {
    "smallint": "smallint",
    "integer": "int",
    "bigint": "bigint",
    "numeric": "string",
    "real": "float",
    "double precision": "double",
    "boolean": "boolean",
    "text": "string",
    "char": "string",
    "uuid": "string",
    "json": "string",
    "jsonb": "string",
    "bytea": "binary",
    "date": "date",
    "time": "string",
    "timestamp": "timestamp_ntz",
    "timestamptz": "timestamp",
    "interval": "string",
    "inet": "string",
    "cidr": "string",
    "macaddr": "string",
    "enum": "string",
}

# Arrays of these do not arrive: Debezium cuts times to milliseconds, leaves intervals and enums out, and a document of JSON
# texts cannot be told from one of JSON values.
_NO_ARRAY = {"time", "interval", "enum", "json", "jsonb"}

_ALIASES = {
    "int2": "smallint",
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "decimal": "numeric",
    "float4": "real",
    "double": "double precision",
    "float8": "double precision",
    "bool": "boolean",
    "varchar": "text",
    "character varying": "text",
    "character": "char",
    "bpchar": "char",
    "time without time zone": "time",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
}

# What stands in parentheses behind these has no part in how a value travels.
_LENGTHS = {"text", "char", "time", "timestamp", "timestamptz", "interval"}

# `timestamp(3) with time zone` has its precision in the middle.
_NAME = re.compile(r"([a-z0-9 ]+?)\s*(?:\(\s*([0-9 ,]+?)\s*\)\s*((?:with|without) time zone)?)?(\[\])?")

# Digits of Spark's widest decimal.
_MOST_DIGITS = 38


class UnknownTypeError(Exception):
    """The type is not one this pipeline carries."""


@dataclass(frozen=True)
class ColumnType:
    """A Postgres type and its Spark counterpart."""

    name: str  # canonical, without parameters: numeric, text[]
    spark: str  # Spark's DDL type
    precision: int | None = None  # of a numeric that is a decimal in Spark
    scale: int | None = None

    @property
    def is_array(self) -> bool:
        """Whether the values are arrays."""
        return self.name.endswith("[]")

    @property
    def element(self) -> ColumnType:
        """The type of an array's elements."""
        inner = self.spark.removeprefix("array<").removesuffix(">")
        return ColumnType(self.name.removesuffix("[]"), inner, self.precision, self.scale)


def parse_type(text: str) -> ColumnType:
    """The type with this Postgres name."""
    found = _NAME.fullmatch(" ".join(text.lower().split()))
    if found is None:
        raise _unknown(text)
    base = " ".join(filter(None, (found[1], found[3])))
    name = _ALIASES.get(base, base)
    if name not in _SCALARS:
        raise _unknown(text)
    if found[2] and name not in _LENGTHS and name != "numeric":
        raise _unknown(text)
    scalar = _numeric(text, found[2]) if name == "numeric" and found[2] else ColumnType(name, _SCALARS[name])
    if found[4] is None:
        return scalar
    if name in _NO_ARRAY:
        raise UnknownTypeError(f"`{text}`: arrays of {name} do not arrive whole from Debezium")
    return ColumnType(f"{name}[]", f"array<{scalar.spark}>", scalar.precision, scalar.scale)


def _numeric(text: str, parameters: str) -> ColumnType:
    numbers = [int(number) for number in parameters.split(",")]
    precision, scale = (*numbers, 0)[:2]
    if len(numbers) > 2 or not 1 <= precision <= 1000 or scale > precision:
        raise UnknownTypeError(f"`{text}`: a precision of 1 to 1000 and a scale within it are needed")
    if precision > _MOST_DIGITS:
        return ColumnType("numeric", "string")
    return ColumnType("numeric", f"decimal({precision},{scale})", precision, scale)


def _unknown(text: str) -> UnknownTypeError:
    arrays = ", ".join(f"{name}[]" for name in _SCALARS if name not in _NO_ARRAY)
    return UnknownTypeError(f"`{text}` is not a type this pipeline carries ({', '.join(_SCALARS)}, {arrays})")
