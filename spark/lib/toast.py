"""Values that a change does not carry because they were large and left alone.

Postgres keeps large values apart (TOAST) and logs them only when they change; Debezium then sends a placeholder. With REPLICA
IDENTITY FULL this does not happen. Without it the value is the one of the key's previous change, which the change log has.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

MARKER = "__debezium_unavailable_value"
_PLACEHOLDERS: tuple[Any, ...] = (MARKER, [MARKER], base64.b64encode(MARKER.encode()).decode())


class UnresolvedValueError(Exception):
    """A value is in no change of its row; the source has to be asked for it."""


def is_placeholder(value: Any) -> bool:
    """Whether Debezium put this where it had no value."""
    return value in _PLACEHOLDERS


def resolve(history: Iterable[tuple[str, str | None]]) -> str:
    """The last row of a key's changes, given as (op, after) in order, with its placeholders replaced."""
    row: dict[str, Any] = {}
    for op, after in history:
        if op in ("d", "t") or after is None:
            row = {}
            continue
        change = json.loads(after)
        row = {name: row.get(name, value) if is_placeholder(value) else value for name, value in change.items()}
    missing = [name for name, value in row.items() if is_placeholder(value)]
    if missing:
        raise UnresolvedValueError(
            f"the value of column `{missing[0]}` is in no change of its row; "
            "ALTER TABLE ... REPLICA IDENTITY FULL, then `pipectl repair resnapshot`"
        )
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))
