"""The key of a change as a JSON document that Postgres reads into the destination's columns."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

from lib.pipeline import Table

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def document(table: Table, key: str) -> str:
    """Debezium's key, with its numbers for days and microseconds written as dates and times."""
    values = json.loads(key)
    for column in table.key_columns:
        value = values[column.name]
        if column.type.name == "date":
            values[column.name] = date.fromordinal(date(1970, 1, 1).toordinal() + int(value)).isoformat()
        elif column.type.name == "timestamp":
            moment = _EPOCH + timedelta(microseconds=int(value))
            values[column.name] = moment.replace(tzinfo=None).isoformat(timespec="microseconds")
    return json.dumps(values, ensure_ascii=False)
