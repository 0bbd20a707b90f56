"""COPY's text format: a tab between columns, ``\\N`` for NULL, a backslash before what separates.

Source: https://www.postgresql.org/docs/17/sql-copy.html, "Text Format".
"""

from __future__ import annotations

NULL = r"\N"
ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def line(values: list[str]) -> str:
    """Of values that are none of them NULL."""
    return "\t".join(map(_escaped, values)) + "\n"


def _escaped(text: str) -> str:
    for separator, written in ESCAPES.items():
        text = text.replace(separator, written)
    return text
