"""Rows of a frame as lines of COPY's text format.

What has parts (arrays, structs, maps) is written as JSON; the destination makes of it what its column is.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lib import keys, typed
from lib.batch import TableChanges
from lib.copytext import ESCAPES, NULL
from lib.identifiers import spark_name
from lib.julian import DAY_MICROS, JULIAN_EPOCH

_HAS_PARTS = ("array<", "map<", "struct<", "variant")
# Whose texts have nothing in them that separates.
_PLAIN = ("boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "date", "timestamp")


def of_rows(frame: DataFrame) -> DataFrame:
    """One column: the line of each row, with its end."""
    values = [F.coalesce(_value(name, kind), F.lit(NULL)) for name, kind in frame.dtypes]
    return frame.select(F.concat(F.concat_ws("\t", *values), F.lit("\n")))


def of_keys(change: TableChanges) -> list[str]:
    """The line of each key that changed."""
    if change.frame is not None:
        return [row[0] for row in of_rows(typed.keys(change.table, change.frame)).collect()]
    return [keys.line(change.table, found.key) for found in change.changes or [] if found.key is not None]


def _value(name: str, kind: str) -> Column:
    """The text that Postgres reads of a column's value, with what separates in it escaped."""
    text = _written(name, kind)
    if kind.startswith(_PLAIN):
        return text
    for separator, escaped in ESCAPES.items():
        text = F.replace(text, F.lit(separator), F.lit(escaped))
    return text


def _written(name: str, kind: str) -> Column:
    c = spark_name(name)
    if kind.startswith("array<"):
        element = _text("e", kind.removeprefix("array<").removesuffix(">"))
        return F.to_json(F.col(c) if element is None else F.expr(f"transform({c}, e -> {element})"))
    if kind.startswith(_HAS_PARTS):
        return F.to_json(F.col(c))
    text = _text(c, kind)
    return F.col(c).cast("string") if text is None else F.expr(text)


def _text(c: str, kind: str) -> str | None:
    """SQL of the text Postgres reads, for types that Spark writes otherwise.

    Postgres knows no year 0 and no year with a sign; a Julian day, as in J1721425, is the form it reads that has neither.
    """
    match kind:
        case "binary":
            return f"concat('\\\\x', lower(hex({c})))"
        case "date":
            julian = f"concat('J', CAST(unix_date({c}) + {JULIAN_EPOCH} AS string))"
            usual = f"{c} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'"
            return f"CASE WHEN {usual} THEN CAST({c} AS string) WHEN {c} IS NOT NULL THEN {julian} END"
        case "timestamp":
            usual = f"{c} BETWEEN TIMESTAMP '0001-01-01 00:00:00Z' AND TIMESTAMP '9999-12-31 23:59:59.999999Z'"
            return _moment(c, usual, f"unix_micros({c})", "yyyy-MM-dd\\'T\\'HH:mm:ss.SSSSSSXXX", "Z")
        case "timestamp_ntz":
            usual = f"{c} BETWEEN TIMESTAMP_NTZ '0001-01-01 00:00:00' AND TIMESTAMP_NTZ '9999-12-31 23:59:59.999999'"
            return _moment(c, usual, f"unix_micros(CAST({c} AS timestamp))", "yyyy-MM-dd\\'T\\'HH:mm:ss.SSSSSS", "")
    return None


def _moment(c: str, usual: str, micros: str, form: str, zone: str) -> str:
    rest = f"pmod({micros}, {DAY_MICROS})"
    day = f"CAST(({micros} - {rest}) div {DAY_MICROS} + {JULIAN_EPOCH} AS string)"
    julian = f"concat('J', {day}, ' ', date_format(timestamp_micros({rest}), 'HH:mm:ss.SSSSSS'), '{zone}')"
    return f"CASE WHEN {usual} THEN date_format({c}, '{form}') WHEN {c} IS NOT NULL THEN {julian} END"
