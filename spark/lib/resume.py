"""Where a query begins that has no checkpoint yet: where its own output says, so that a lost checkpoint costs nothing.

Each decision is written next to the checkpoint before the query starts. Spark's own notes come later, and a start that was killed
in between must decide the same again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from lib import commits

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming import DataStreamReader


class Files(commits.Files, Protocol):
    """What is needed of a file system."""

    def create(self, path: str, text: str) -> bool:
        """Writes a file unless it exists."""


def offsets(files: Files, checkpoint: str, log: str) -> dict[str, int]:
    """Topic -> offset of the first record that the query with this checkpoint reads.

    For a new checkpoint that is the end of what the change log holds: every commit to it says up to where it goes.
    """
    note = f"{checkpoint}/starting_offsets"
    if not files.exists(note):
        newest = next(commits.marks(files, log), None)
        files.create(note, json.dumps(newest.offsets if newest is not None else {}, sort_keys=True))
    return json.loads(files.read(note))


def starting_offsets(topics: list[str], begin: Mapping[str, int]) -> str:
    """The same as Spark's option: every topic has one partition; -2 is the earliest record there is."""
    return json.dumps({topic: {"0": begin.get(topic, -2)} for topic in topics})


def change_log(
    spark: SparkSession, files: Files, checkpoint: str, log: str, catch_up: Callable[[int], None]
) -> DataStreamReader:
    """A reader of the change log for the query with this checkpoint.

    A stream that begins with a whole table gets its files by their age, and compaction makes old changes young: a change would
    come after a newer one and be taken for applied. So what a new checkpoint finds in the log is given to `catch_up`, with the
    log's version, to be applied in the order of offsets; the stream begins with the commits after that.
    """
    note = f"{checkpoint}/starting_version"
    if not files.exists(note):
        version = commits.versions(files, log)[0]
        catch_up(version)
        files.create(note, str(version))
    return spark.readStream.format("delta").option("startingVersion", files.read(note))
