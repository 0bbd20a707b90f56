"""Cuts a batch into pieces that memory holds.

A batch is bounded in bytes of compressed files, which say nothing of rows or of their size: after a large transaction one can have
any number, and a thousand rows of repeated text are a few kilobytes. The pieces are ranges of offsets of one topic, in their order,
so each can be applied and noted down by itself.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lib import commits
from lib.commits import Files

# Of a piece for the destination: the driver holds its keys and lines several times over.
MOST_CHANGES = 50_000
MOST_BYTES = 24 * 1024 * 1024
# Up to so many changes a batch is not weighed: that costs a job of its own. Of a megabyte each they still fit.
_FEW = 300
# Offsets that are weighed together, and never cut apart.
_STEP = 100


@dataclass(frozen=True)
class Step:
    """How much some consecutive offsets of a topic are."""

    topic: str
    start: int
    changes: int
    bytes: int


@dataclass(frozen=True)
class Slice:
    """Changes of a topic from an offset on, up to another one or to the end."""

    topic: str
    start: int
    end: int | None
    changes: int
    bytes: int


def plan(
    topics: Sequence[str], steps: Iterable[Step], most: int = MOST_CHANGES, most_bytes: int = MOST_BYTES
) -> list[Slice]:
    """The pieces of a batch; none where it is small enough as a whole."""
    by_topic: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        by_topic[step.topic].append(step)
    every = [step for listed in by_topic.values() for step in listed]
    if sum(step.changes for step in every) <= most and sum(step.bytes for step in every) <= most_bytes:
        return []
    slices = []
    for topic in topics:
        groups: list[list[Step]] = []
        for step in sorted(by_topic[topic], key=lambda step: step.start):
            fits = groups and (
                sum(other.changes for other in groups[-1]) + step.changes <= most
                and sum(other.bytes for other in groups[-1]) + step.bytes <= most_bytes
            )
            if fits:
                groups[-1].append(step)
            else:
                groups.append([step])
        for group, following in itertools.zip_longest(groups, groups[1:]):
            end = following[0].start if following else None
            changes, size = sum(step.changes for step in group), sum(step.bytes for step in group)
            slices.append(Slice(topic, group[0].start, end, changes, size))
    return slices


@dataclass(frozen=True)
class Piece:
    """Rows of the change log, about how many they are, and how large where that was asked."""

    rows: DataFrame
    changes: int
    bytes: int = 0
    is_last: bool = True


def cut(
    frame: DataFrame,
    files: Files,
    log: str,
    version: int,
    topics: Sequence[str],
    starts: Mapping[str, int],
    most: int = MOST_CHANGES,
    most_bytes: int = MOST_BYTES,
) -> Iterator[Piece]:
    """The pieces of a batch that ends at a version of the change log, or the batch as it is."""
    mark = commits.newest_mark(files, log, version)
    ends = mark.offsets if mark is not None else {}
    if not ends.keys() <= set(topics):
        # Tables that left pipeline.yml, of which the log may have any number of changes.
        frame = frame.where(F.col("topic").isin(list(topics)))
    changes = sum(max(0, ends.get(topic, 0) - starts.get(topic, 0)) for topic in topics)
    if changes <= _FEW:
        yield Piece(frame, changes)
        return
    steps = [step for step in weigh(frame) if step.start + _STEP > starts.get(step.topic, 0)]
    slices = plan(topics, steps, most, most_bytes)
    if not slices:
        yield Piece(frame, changes, sum(step.bytes for step in steps))
    for number, piece in enumerate(slices, 1):
        rows = frame.where((F.col("topic") == piece.topic) & (F.col("offset") >= piece.start))
        if piece.end is not None:
            rows = rows.where(F.col("offset") < piece.end)
        yield Piece(rows, piece.changes, piece.bytes, is_last=number == len(slices))


def weigh(frame: DataFrame) -> list[Step]:
    """How much there is, step by step."""
    start = (F.expr(f"offset div {_STEP}") * _STEP).alias("start")
    size = F.sum(F.coalesce(F.octet_length("after"), F.lit(0)) + F.coalesce(F.octet_length("key"), F.lit(0)))
    weighed = frame.groupBy("topic", start).agg(F.count("*").alias("changes"), size.alias("bytes"))
    return [Step(row.topic, row.start, row.changes, row.bytes) for row in weighed.collect()]
