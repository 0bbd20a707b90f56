"""What decides over the changes of one table in a batch, without their rows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Facts:
    """Of the newest change of every key, and the last truncate."""

    table: str  # the source's name
    topic: str
    changes: int  # that no truncate has undone
    deleted: int  # of them
    last: int  # offset
    last_op: str
    truncated_at: int | None  # offset of the truncate
    incomplete: bool  # whether a row lacks a value that its change did not carry
    # Offsets of changes by how their columns differ from the declared ones (see lib.schemas).
    unknown: int | None  # the first one
    lacking: int | None  # the last one
    complete: int  # the last one that has all columns; -1 where there is none
