"""Values that a change does not carry because they were large and left alone.

Postgres keeps large values apart (TOAST) and logs them only when they change; Debezium then sends a placeholder. With REPLICA
IDENTITY FULL this does not happen. Without it the value is the one of the key's previous change, which the change log has.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MARKER = "__debezium_unavailable_value"
_BYTES = MARKER.encode()
_BASE64 = base64.b64encode(_BYTES).decode()
# Java's UUID.nameUUIDFromBytes.
_UUID = str(uuid.UUID(bytes=hashlib.md5(_BYTES, usedforsecurity=False).digest(), version=3))

# Each stands for a value of another type; arrays of types that have none end the connector's task, see
# event.converting.failure.handling.mode.
_PLACEHOLDERS: tuple[Any, ...] = (MARKER, _BASE64, [MARKER], [_BASE64], [_UUID], list(_BYTES))

# What the JSON of a row with a placeholder contains, and hardly another row's.
SIGNS = (MARKER, _BASE64, _UUID, json.dumps(list(_BYTES), separators=(",", ":")))


class UnresolvedValueError(Exception):
    """A value is in no change of its row; the source has to be asked for it."""


def is_placeholder(value: Any) -> bool:
    """Whether Debezium put this where it had no value."""
    return value in _PLACEHOLDERS


def resolved(log: DataFrame, topic: str, incomplete: Mapping[str | None, int]) -> dict[str, str]:
    """The whole rows of keys whose change at an offset lacks values, from the keys' earlier changes in the log."""
    if not incomplete:
        return {}
    history: dict[str, list[tuple[int, str, str | None]]] = defaultdict(list)
    # A truncate has no key and ends the history of all.
    earlier = log.where((log["topic"] == topic) & (log["key"].isin(list(incomplete)) | log["key"].isNull()))
    for row in earlier.select("key", "offset", "op", "after").collect():
        for key in incomplete if row.key is None else [row.key]:
            if row.offset <= incomplete[key]:
                history[key].append((row.offset, row.op, row.after))
    return {
        # The first row of a snapshot has the offset of the truncate that goes before it.
        key: resolve((op, after) for _, op, after in sorted(entries, key=lambda entry: (entry[0], entry[1] != "t")))
        for key, entries in history.items()
    }


def resolve(history: Iterable[tuple[str, str | None]]) -> str:
    """The last row of a key's changes, given as (op, after) in order, with its placeholders replaced."""
    row: dict[str, Any] = {}
    for op, after in history:
        if op in ("d", "t") or after is None:
            row = {}
            continue
        change = json.loads(after)
        if op in ("c", "r"):
            # Whatever had this key before was another row.
            row = {}
        row = {name: row.get(name, value) if is_placeholder(value) else value for name, value in change.items()}
    missing = [name for name, value in row.items() if is_placeholder(value)]
    if missing:
        raise UnresolvedValueError(
            f"the value of column `{missing[0]}` is in no change of its row; "
            "ALTER TABLE ... REPLICA IDENTITY FULL, then `pipectl repair resnapshot`"
        )
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))
