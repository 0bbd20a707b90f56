"""The key of a change as a JSON document that Postgres reads into the destination's columns."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

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


def document(table: Table, key: str) -> str:
    """Debezium's key, with its numbers for days and microseconds written as dates and times."""
    values = json.loads(key)
    for column in table.key_columns:
        written = _WRITTEN.get(column.type.name)
        if written is not None:
            values[column.name] = written(values[column.name])
    return json.dumps(values, ensure_ascii=False)
