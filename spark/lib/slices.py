"""Cuts a batch into pieces that the driver's memory holds.

A batch is bounded in bytes, and bytes of compressed files say nothing of rows: after a large transaction one can have any number.
The pieces are ranges of offsets of one topic, in their order, so each can be applied and noted down by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lib import commits
from lib.commits import Files

# Changes in a piece: about 60 MiB of the driver's heap at 1 KiB a row.
MOST = 20_000


@dataclass(frozen=True)
class Slice:
    """Changes of a topic from an offset on, up to another one or to the end."""

    topic: str
    start: int
    end: int | None


def plan(topics: Sequence[str], starts: Mapping[str, int], ends: Mapping[str, int], most: int = MOST) -> list[Slice]:
    """The pieces of a batch; none where it is small enough as a whole.

    The last piece of each topic has no end: should `ends` fall short of what the batch holds, nothing is left out.
    """
    sizes = {topic: max(0, ends.get(topic, 0) - starts.get(topic, 0)) for topic in topics}
    if sum(sizes.values()) <= most:
        return []
    slices = []
    for topic, size in sizes.items():
        first = starts.get(topic, 0)
        cuts = list(range(first, first + max(size, 1), most))
        slices += [Slice(topic, start, end) for start, end in zip(cuts, [*cuts[1:], None], strict=True)]
    return slices


@dataclass(frozen=True)
class Piece:
    """Rows of the change log, and about how many they are."""

    rows: DataFrame
    changes: int


def cut(
    frame: DataFrame, files: Files, log: str, version: int, topics: Sequence[str], starts: Mapping[str, int]
) -> Iterator[Piece]:
    """The pieces of a batch that ends at a version of the change log, or the batch as it is."""
    mark = commits.newest_mark(files, log, version)
    ends = mark.offsets if mark is not None else {}
    pieces = plan(topics, starts, ends)
    if not pieces:
        yield Piece(frame, sum(max(0, end - starts.get(topic, 0)) for topic, end in ends.items()))
    for piece in pieces:
        rows = frame.where((F.col("topic") == piece.topic) & (F.col("offset") >= piece.start))
        if piece.end is not None:
            rows = rows.where(F.col("offset") < piece.end)
        yield Piece(rows, (piece.end or max(ends.get(piece.topic, 0), piece.start)) - piece.start)
