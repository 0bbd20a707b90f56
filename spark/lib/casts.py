"""How a value travels: SQL from the text in Debezium's JSON to the typed Spark column.

Debezium is configured with ``decimal.handling.mode=string``, ``time.precision.mode=microseconds`` and
``interval.handling.mode=string``. A change's row is first read with every column as text (Spark keeps the JSON text of a value
that is no string), then each column is cast by the expression below. A value that does not fit its declared type stops the
job with table, column, key and what to do; it never becomes a silent NULL or another number.

The sentinels and limits below are what Debezium 3.6 was seen to send.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from lib.column_types import ColumnType
from lib.identifiers import spark_text

# Postgres' first date, 4714-11-24 BC, and its last, 5874897-12-31. Infinite dates arrive as numbers outside of both, different
# ones from the snapshot and from the log. A finite one cannot: a column's dates arrive as the days they are, and those inside of an array
# that are moved become dates AD.
_FIRST_DAY, _LAST_DAY = -2_440_588, 2_145_042_905
_FIRST_MICROS = -210_866_803_200_000_000
# 'infinity' and '-infinity' of a timestamp. Two finite ones are the same numbers, and nothing in the event tells them apart:
# 294247-01-09 20:00:00, and 294247-01-10 04:01:17.151616, which wraps around. With `infinity: null` they are NULL, and `verify` names them.
_INFINITE_MICROS = (9_223_372_036_825_200_000, -9_223_372_036_832_400_000)
# Elements of arrays come through another calendar: before 1582-10-15 they are moved, by days or from BC to AD. What was moved
# lies before this day.
_ARRAY_FIRST_DAY = -141_418 + 1
_DAY = 86_400_000_000

_RESET = "then `pipectl repair resnapshot`"
# What `raise_error` of SQL makes of a message, a SELECT of the user's among them.
_RAISED = re.compile(r"\[USER_RAISED_EXCEPTION\] (?P<told>[^\n]*?, column .*?, key .*?) SQLSTATE: P0001", re.DOTALL)


@dataclass(frozen=True)
class Place:
    """Where a value stands, for messages."""

    table: str
    column: str
    key: str  # SQL of the row's key as text
    infinity_to_null: bool = False  # pipeline.yml's `infinity: null`

    def stop(self, raw: str, type_: str, why: str) -> str:
        """SQL that ends the query with the reason, where a value of this Spark type is expected."""
        start = spark_text(f"{self.table}, column {self.column}, key ")
        shown = f"coalesce(left({raw}, 80), 'NULL')"
        message = f"concat({start}, coalesce({self.key}, '?'), ': ', {shown}, {spark_text(' ' + why)})"
        return f"CAST(raise_error({message}) AS {type_})"

    def infinite(self, raw: str, type_: str) -> str:
        """SQL of an infinite date or time: the declared policy."""
        if self.infinity_to_null:
            return f"CAST(NULL AS {type_})"
        why = (
            "stands for infinity, which no date or time of Spark's can be: set `infinity: null` in pipeline.yml "
            f"or change it at the source, {_RESET}"
        )
        return self.stop(raw, type_, why)


def stopped_at(message: str) -> str | None:
    """What SQL of ``Place.stop`` said, out of what Spark made of it; nothing when the message is of something else."""
    found = _RAISED.search(message)
    return found["told"] if found else None


def cast(type_: ColumnType, raw: str, place: Place) -> str:
    """SQL of the typed value of a text."""
    if not type_.is_array:
        return _CASTS[type_.name](type_, raw, place)
    element = type_.element
    inner = _ARRAY_ELEMENTS.get(element.name, _CASTS[element.name])(element, "e", place)
    values = f"from_json({raw}, 'array<string>', map('mode', 'FAILFAST'))"
    if inner != "e":
        values = f"transform({values}, e -> {inner})"
    several = place.stop(
        raw,
        type_.spark,
        "is how Debezium sends an array of several dimensions, which is not carried (an array of nothing but NULLs looks the "
        f"same, unless it is one of text): change it at the source, {_RESET}",
    )
    return f"CASE WHEN {raw} RLIKE {spark_text(_suspect(element))} THEN {several} ELSE {values} END"


def _suspect(element: ColumnType) -> str:
    """What {{a,b},{c,d}} arrives as: ["[Ljava.lang.String;@65cecc5e", ...] of texts, [null,null] of numbers."""
    object_name = r'"\[+L[a-zA-Z.]+;@[0-9a-f]+"'
    return object_name if element.name in ("text", "char") else rf"^\[null(,null)*\]$|{object_name}"


def _as_is(type_: ColumnType, raw: str, place: Place) -> str:
    return raw


def _plain(type_: ColumnType, raw: str, place: Place) -> str:
    return _checked(raw, f"try_cast({raw} AS {type_.spark})", type_, place)


def _checked(raw: str, tried: str, type_: ColumnType, place: Place) -> str:
    """The value of an expression that is NULL for what does not fit."""
    why = f"does not fit {_declared(type_)}: declare the column as the source does, {_RESET}"
    return f"CASE WHEN {raw} IS NOT NULL THEN coalesce({tried}, {place.stop(raw, type_.spark, why)}) END"


def _declared(type_: ColumnType) -> str:
    return type_.name if type_.precision is None else f"numeric({type_.precision},{type_.scale})"


def _numeric(type_: ColumnType, raw: str, place: Place) -> str:
    special = {"NAN": "NaN", "POSITIVE_INFINITY": "Infinity", "NEGATIVE_INFINITY": "-Infinity"}
    if type_.precision is None:
        branches = " ".join(f"WHEN '{sent}' THEN '{text}'" for sent, text in special.items())
        return f"CASE {raw} {branches} ELSE {raw} END"
    why = f"is not in {_declared(type_)} of Spark's: declare the column `numeric`, {_RESET}"
    listed = ", ".join(f"'{sent}'" for sent in special)
    misfit = f"does not fit {_declared(type_)}: declare the column as the source does, {_RESET}"
    # A cast would round digits that the declaration has no place for.
    fits = f"instr({raw}, '.') = 0 OR length({raw}) - instr({raw}, '.') <= {type_.scale}"
    return (
        f"CASE WHEN {raw} IS NOT NULL THEN coalesce(CASE WHEN {fits} THEN try_cast({raw} AS {type_.spark}) END, "
        f"CASE WHEN {raw} IN ({listed}) THEN {place.stop(raw, type_.spark, why)} "
        f"ELSE {place.stop(raw, type_.spark, misfit)} END) END"
    )


def _bytea(type_: ColumnType, raw: str, place: Place) -> str:
    return _checked(raw, f"try_to_binary({raw}, 'base64')", type_, place)


def _date(type_: ColumnType, raw: str, place: Place) -> str:
    days = _plain(ColumnType("integer", "int"), raw, place)
    # So short a number needs no more questions; nearly all are.
    return (
        f"CASE WHEN length({raw}) <= 6 THEN date_from_unix_date({days}) "
        f"WHEN CAST({raw} AS bigint) NOT BETWEEN {_FIRST_DAY} AND {_LAST_DAY} THEN {place.infinite(raw, 'date')} "
        f"ELSE date_from_unix_date({days}) END"
    )


def _time(type_: ColumnType, raw: str, place: Place) -> str:
    micros = f"CAST({raw} AS bigint)"
    text = f"CASE WHEN {micros} BETWEEN 0 AND {_DAY - 1} THEN date_format(timestamp_micros({micros}), 'HH:mm:ss.SSSSSS') END"
    return f"CASE WHEN {micros} = {_DAY} THEN '24:00:00.000000' ELSE {_checked(raw, text, type_, place)} END"


def _timestamp(type_: ColumnType, raw: str, place: Place) -> str:
    micros = f"CAST({raw} AS bigint)"
    infinite = ", ".join(map(str, _INFINITE_MICROS))
    # Later ones are more microseconds than 64 bits count; Debezium sends the largest number, or one that has wrapped around.
    fits = f"{micros} BETWEEN {_FIRST_MICROS} AND {_INFINITE_MICROS[0]}"
    tried = f"CASE WHEN {fits} THEN CAST(timestamp_micros({micros}) AS timestamp_ntz) END"
    why = f"is no time between 4714 BC and 294247, which is what can be carried: change it at the source, {_RESET}"
    outside = place.stop(raw, "timestamp_ntz", why)
    return (
        f"CASE WHEN length({raw}) <= 17 THEN CAST(timestamp_micros({micros}) AS timestamp_ntz) "
        f"WHEN {micros} IN ({infinite}) THEN {place.infinite(raw, 'timestamp_ntz')} "
        f"WHEN {raw} IS NOT NULL THEN coalesce({tried}, {outside}) END"
    )


def _timestamptz(type_: ColumnType, raw: str, place: Place) -> str:
    # The last is what '-infinity' becomes inside of an array.
    infinite = "'infinity', '-infinity', '+292269055-12-02T23:00:00.000000Z'"
    return (
        f"CASE WHEN {raw} IN ({infinite}) THEN {place.infinite(raw, 'timestamp')} "
        f"ELSE {_checked(raw, f'try_cast({raw} AS timestamp)', type_, place)} END"
    )


def _interval(type_: ColumnType, raw: str, place: Place) -> str:
    # P1Y-2M3DT4H5M-6.5S; an infinite one is something else.
    number = "-?[0-9]+"
    pattern = f"'^P{number}Y{number}M{number}DT{number}H{number}M{number}([.][0-9]+)?S$'"
    return _checked(raw, f"CASE WHEN {raw} RLIKE {pattern} THEN {raw} END", type_, place)


def _early(before: str, value: str, raw: str, type_: ColumnType, place: Place) -> str:
    why = (
        "may not be what the source has: Debezium reads dates and times inside of arrays by another calendar before "
        f"1582-10-15. Keep such values in a column of their own, {_RESET}"
    )
    return f"CASE WHEN {before} THEN {place.stop(raw, type_.spark, why)} ELSE {value} END"


def _array_date(type_: ColumnType, raw: str, place: Place) -> str:
    before = f"CAST({raw} AS bigint) BETWEEN {_FIRST_DAY} AND {_ARRAY_FIRST_DAY - 1}"
    return _early(before, _date(type_, raw, place), raw, type_, place)


def _array_timestamp(type_: ColumnType, raw: str, place: Place) -> str:
    # Moved ones lie before Postgres' first by up to a few weeks.
    first = (_FIRST_DAY - 60) * _DAY
    before = f"CAST({raw} AS bigint) BETWEEN {first} AND {_ARRAY_FIRST_DAY * _DAY - 1}"
    return _early(before, _timestamp(type_, raw, place), raw, type_, place)


def _array_timestamptz(type_: ColumnType, raw: str, place: Place) -> str:
    before = f"try_cast({raw} AS timestamp) < TIMESTAMP '1582-10-25 00:00:00Z'"
    return _early(before, _timestamptz(type_, raw, place), raw, type_, place)


_CASTS: dict[str, Callable[[ColumnType, str, Place], str]] = {
    "smallint": _plain,
    "integer": _plain,
    "bigint": _plain,
    "numeric": _numeric,
    "real": _plain,
    "double precision": _plain,
    "boolean": _plain,
    "text": _as_is,
    "char": _as_is,
    "uuid": _as_is,
    "json": _as_is,
    "jsonb": _as_is,
    "bytea": _bytea,
    "date": _date,
    "time": _time,
    "timestamp": _timestamp,
    "timestamptz": _timestamptz,
    "interval": _interval,
    "inet": _as_is,
    "cidr": _as_is,
    "macaddr": _as_is,
    "enum": _as_is,
}

_ARRAY_ELEMENTS = {"date": _array_date, "timestamp": _array_timestamp, "timestamptz": _array_timestamptz}
