"""Rows as JSON documents that Postgres reads into the destination's columns without loss."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lib.identifiers import spark_name
from lib.julian import DAY_MICROS, JULIAN_EPOCH


def column(frame: DataFrame) -> Column:
    """The document of each row."""
    return F.to_json(F.struct(*(_value(name, kind).alias(name) for name, kind in frame.dtypes)))


def _value(name: str, kind: str) -> Column:
    c = spark_name(name)
    if kind.startswith("array<"):
        text = _text("e", kind.removeprefix("array<").removesuffix(">"))
        return F.col(c) if text is None else F.expr(f"transform({c}, e -> {text})")
    text = _text(c, kind)
    return F.col(c) if text is None else F.expr(text)


def _text(c: str, kind: str) -> str | None:
    """SQL of the text Postgres reads, for types that to_json writes otherwise.

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
