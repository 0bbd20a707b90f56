"""Reads Spark's offset log: which source offsets a batch ends at, known before the batch runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lib.commits import Files


def parse(text: str) -> Any:
    """The offset of the only source: the last line, after version and metadata."""
    lines = text.splitlines()
    if len(lines) < 3 or not lines[0].startswith("v"):
        raise ValueError(f"not an offset log entry: {text[:80]!r}")
    return json.loads(lines[-1])


def read(files: Files, checkpoint: str, batch: int) -> Any:
    """The end offset of a batch."""
    return parse(files.read(f"{checkpoint}/offsets/{batch}"))


class KafkaOffsets:
    """End offsets of the batches of a query that reads Kafka."""

    def __init__(self, files: Files, checkpoint: str, begin: Mapping[str, int]) -> None:
        self._files = files
        self._checkpoint = checkpoint
        self._begin = begin
        self._previous: tuple[int, dict[str, int]] | None = None

    def of(self, batch: int) -> tuple[dict[str, int], int]:
        """Topic -> end offset of the batch, and how many records it has."""
        ends = kafka_ends(read(self._files, self._checkpoint, batch))
        if self._previous is None or self._previous[0] != batch - 1:
            starts = kafka_ends(read(self._files, self._checkpoint, batch - 1)) if batch else self._begin
        else:
            starts = self._previous[1]
        self._previous = (batch, ends)
        return ends, sum(end - starts.get(topic, 0) for topic, end in ends.items())


def kafka_ends(offset: dict[str, dict[str, int]]) -> dict[str, int]:
    """Topic -> end offset of a Kafka source's offset. Partitions are added up: topics of the pipeline have one."""
    return {topic: sum(partitions.values()) for topic, partitions in offset.items()}


def delta_version(offset: dict[str, Any]) -> int:
    """The last version a Delta source's offset covers completely.

    An offset is (version, index of a file in it); index -1 stands for "before its first file".
    """
    return int(offset["reservoirVersion"]) - 1
