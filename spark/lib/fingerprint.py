r"""A checksum of a table's rows that Spark and Postgres compute alike.

    checksum = sum over all rows of the first 8 hexadecimal digits of md5(text of the row), read as an integer

The order of rows does not matter and a row that is there twice counts twice. The text of a row is its columns in declared
order, joined by ``|``, each in the canonical text below, NULL as ``\N``. Canonical texts do not depend on a session's settings
(time zone, DateStyle, extra_float_digits). This is Spark's side, in a session whose time zone is UTC; Postgres' is in
src/pipeline/canonical.rs, which the same table describes.

===============================  ===================================================================================
type                             canonical text
===============================  ===================================================================================
integers, numeric, text, uuid,   as Postgres prints it, ``char(n)`` with its blanks
json, jsonb, char, inet, cidr,
macaddr, enum
boolean                          ``t`` or ``f``
date                             days since 1970-01-01
timestamp, timestamptz           microseconds since 1970-01-01 (UTC)
time                             ``HH:MM:SS.ffffff``
interval                         ``P1Y-2M3DT4H5M-6.5S``, every field there
real, double precision           the bits of the value as double precision, as a signed integer
bytea                            lower-case hexadecimal digits
arrays                           for each element its length in characters, colon, its canonical text, or ``-`` for NULL;
                                 joined by commas
===============================  ===================================================================================

The row's checksum in Postgres is ``('x' || substr(md5(row), 1, 8))::bit(32)::bigint``, in Spark
``CAST(conv(substr(md5(row), 1, 8), 16, 10) AS bigint)``.

Three remarks. jsonb compares as text because Debezium sends Postgres' own text of it. Arrays are written as length, colon,
element instead of JSON, because the two sides escape control characters in JSON differently. -0.0 and 0.0 differ, NaN
equals NaN.
"""

from __future__ import annotations

from lib.column_types import ColumnType
from lib.identifiers import spark_name, spark_text
from lib.pipeline import Column

_NULL = "\\N"


def value(column: Column) -> str:
    """The column's canonical text in Spark, NULL for NULL."""
    c = spark_name(column.name)
    if not column.type.is_array:
        return _scalar(c, column.type)
    texts = f"transform({c}, e -> {_scalar('e', column.type.element)})"
    return f"array_join(transform({texts}, e -> coalesce(concat(char_length(e), ':', e), '-')), ',')"


def _scalar(c: str, type_: ColumnType) -> str:
    match type_.name:
        case "boolean":
            return f"CASE WHEN {c} THEN 't' WHEN NOT {c} THEN 'f' END"
        case "date":
            return f"CAST(unix_date({c}) AS string)"
        case "timestamp":
            return f"CAST(unix_micros(CAST({c} AS timestamp)) AS string)"
        case "timestamptz":
            return f"CAST(unix_micros({c}) AS string)"
        case "real" | "double precision":
            bits = f"java_method('java.lang.Double', 'doubleToLongBits', CAST({c} AS double))"
            return f"CASE WHEN {c} IS NOT NULL THEN {bits} END"
        case "bytea":
            return f"lower(hex({c}))"
    return f"CAST({c} AS string)"


def query(relation: str, columns: tuple[Column, ...]) -> str:
    """Rows and checksum of a table; `relation` is what follows FROM."""
    values = [f"coalesce({value(column)}, {spark_text(_NULL)})" for column in columns]
    row = f"concat_ws('|', {', '.join(values)})"
    checksum = f"CAST(conv(substr(md5({row}), 1, 8), 16, 10) AS bigint)"
    # Computed below the aggregate: Spark takes java_method for non-deterministic and refuses it inside.
    return (
        "SELECT count(*) AS `rows`, CAST(coalesce(sum(checksum), 0) AS string) AS checksum "
        f"FROM (SELECT {checksum} AS checksum FROM {relation})"
    )
