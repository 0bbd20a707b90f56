r"""A checksum of a table's rows that Spark and Postgres compute alike.

    checksum = sum over all rows of the first 8 hexadecimal digits of md5(text of the row), read as an integer

The order of rows does not matter and a row that is there twice counts twice. The text of a row is its columns in declared
order, joined by ``|``, each in the canonical text below, NULL as ``\N``. Canonical texts do not depend on a session's settings
(time zone, DateStyle, extra_float_digits). For a column ``c``:

===================  =====================================================  =============================================
type                 Postgres                                               Spark (session time zone UTC)
===================  =====================================================  =============================================
smallint, integer,   ``c::text``                                            ``CAST(c AS string)``
bigint, numeric(p,s)
boolean              ``CASE WHEN c THEN 't' ELSE 'f' END``                  ``IF(c, 't', 'f')``
text, uuid, jsonb    ``c::text``                                            ``c``
date                 ``(c - DATE '1970-01-01')::text``                      ``CAST(unix_date(c) AS string)``
timestamp            ``(extract(epoch FROM c) * 1000000)::bigint::text``    ``CAST(unix_micros(CAST(c AS timestamp)) AS
                                                                            string)``
timestamptz          the same                                               ``CAST(unix_micros(c) AS string)``
real, double         ``('x' || encode(float8send(c::float8), 'hex'))        ``java_method('java.lang.Double',
precision            ::bit(64)::bigint::text``                              'doubleToLongBits', CAST(c AS double))``
text[], integer[],   ``coalesce((SELECT string_agg(coalesce(                ``array_join(transform(c, e -> coalesce(
bigint[]             char_length(e::text) || ':' || e::text, '-'), ','      concat(char_length(CAST(e AS string)), ':',
                     ORDER BY n) FROM unnest(c) WITH ORDINALITY             CAST(e AS string)), '-')), ',')``
                     AS u(e, n)), '')``
===================  =====================================================  =============================================

The row's checksum in Postgres is ``('x' || substr(md5(row), 1, 8))::bit(32)::bigint``, in Spark
``CAST(conv(substr(md5(row), 1, 8), 16, 10) AS bigint)``.

Three remarks. jsonb compares as text because Debezium sends Postgres' own text of it. Arrays are written as length, colon,
element instead of JSON, because the two sides escape control characters in JSON differently. -0.0 and 0.0 differ, NaN
equals NaN.
"""

from __future__ import annotations

from lib.identifiers import postgres_name, postgres_text, spark_name, spark_text
from lib.pipeline import Column

_NULL = "\\N"


def postgres_value(column: Column) -> str:
    """The column's canonical text in Postgres, NULL for NULL."""
    c = postgres_name(column.name)
    kind = column.type.name
    if column.type.is_array:
        return (
            f"CASE WHEN {c} IS NOT NULL THEN coalesce((SELECT string_agg("
            f"coalesce(char_length(e::text) || ':' || e::text, '-'), ',' ORDER BY n) "
            f"FROM unnest({c}) WITH ORDINALITY AS u(e, n)), '') END"
        )
    if kind == "boolean":
        return f"CASE WHEN {c} THEN 't' WHEN NOT {c} THEN 'f' END"
    if kind == "date":
        return f"({c} - DATE '1970-01-01')::text"
    if kind in ("timestamp", "timestamptz"):
        return f"(extract(epoch FROM {c}) * 1000000)::bigint::text"
    if kind in ("real", "double precision"):
        return f"('x' || encode(float8send({c}::float8), 'hex'))::bit(64)::bigint::text"
    return f"{c}::text"


def spark_value(column: Column) -> str:
    """The column's canonical text in Spark, NULL for NULL."""
    c = spark_name(column.name)
    kind = column.type.name
    if column.type.is_array:
        element = "coalesce(concat(char_length(CAST(e AS string)), ':', CAST(e AS string)), '-')"
        return f"array_join(transform({c}, e -> {element}), ',')"
    if kind == "boolean":
        return f"CASE WHEN {c} THEN 't' WHEN NOT {c} THEN 'f' END"
    if kind == "date":
        return f"CAST(unix_date({c}) AS string)"
    if kind == "timestamp":
        return f"CAST(unix_micros(CAST({c} AS timestamp)) AS string)"
    if kind == "timestamptz":
        return f"CAST(unix_micros({c}) AS string)"
    if kind in ("real", "double precision"):
        bits = f"java_method('java.lang.Double', 'doubleToLongBits', CAST({c} AS double))"
        return f"CASE WHEN {c} IS NOT NULL THEN {bits} END"
    return f"CAST({c} AS string)"


def postgres_query(qualified: str, columns: tuple[Column, ...]) -> str:
    """Rows and checksum of a table; `qualified` is its quoted name."""
    values = [f"coalesce({postgres_value(column)}, {postgres_text(_NULL)})" for column in columns]
    row = " || '|' || ".join(values)
    checksum = f"('x' || substr(md5({row}), 1, 8))::bit(32)::bigint"
    return f'SELECT count(*) AS "rows", coalesce(sum({checksum}), 0)::text AS checksum FROM {qualified}'


def spark_query(relation: str, columns: tuple[Column, ...]) -> str:
    """The same for Spark; `relation` is what follows FROM."""
    values = [f"coalesce({spark_value(column)}, {spark_text(_NULL)})" for column in columns]
    row = f"concat_ws('|', {', '.join(values)})"
    checksum = f"CAST(conv(substr(md5({row}), 1, 8), 16, 10) AS bigint)"
    # Computed below the aggregate: Spark takes java_method for non-deterministic and refuses it inside.
    return (
        "SELECT count(*) AS `rows`, CAST(coalesce(sum(checksum), 0) AS string) AS checksum "
        f"FROM (SELECT {checksum} AS checksum FROM {relation})"
    )
