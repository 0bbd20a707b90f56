"""The key of a change as a line of COPY's text format."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from lib import copytext
from lib.julian import date_text, time_text, timestamp_text, timestamptz_text
from lib.pipeline import Table

_NUMBERS = {"NAN": "NaN", "POSITIVE_INFINITY": "Infinity", "NEGATIVE_INFINITY": "-Infinity"}

# How Debezium's value of a type is written; other types are as Postgres reads them.
_WRITTEN: dict[str, Callable[[Any], str]] = {
    "bytea": lambda value: "\\x" + base64.b64decode(value).hex(),
    "date": lambda value: date_text(int(value)),
    "numeric": lambda value: _NUMBERS.get(value, value),
    "time": lambda value: time_text(int(value)),
    "timestamp": lambda value: timestamp_text(int(value)),
    "timestamptz": timestamptz_text,
}


def line(table: Table, key: str) -> str:
    """The key columns of Debezium's key, its numbers for days and microseconds written as dates and times."""
    values = json.loads(key)
    return copytext.line([_written(column.type.name, values[column.name]) for column in table.key_columns])


def _written(kind: str, value: Any) -> str:
    if kind in _WRITTEN:
        return _WRITTEN[kind](value)
    # What is no text in JSON stands there as Postgres reads it.
    return value if isinstance(value, str) else json.dumps(value)
