"""Where a query begins that has no checkpoint yet: where its own output says, so that a lost checkpoint costs nothing.

Each decision is written next to the checkpoint before the query starts. Spark's own notes come later, and a start that was killed
in between must decide the same again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lib import commits, offsetlog

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming import DataStreamReader


_logger = logging.getLogger(__name__)


class Files(commits.Files, Protocol):
    """What is needed of a file system."""

    def create(self, path: str, text: str) -> bool:
        """Writes a file unless it exists."""

    def delete(self, path: str) -> None:
        """Removes a file, or a directory with all that is in it, where it is there."""


def offsets(files: Files, checkpoint: str, log: str, topics: Sequence[str]) -> dict[str, int]:
    """Topic -> offset of the first record that the query with this checkpoint reads.

    For a new checkpoint that is the end of what the change log holds: every commit to it says up to where it goes. One that was made
    for other topics is dropped: to Spark a topic that it does not read any more has lost its records, and one that it did not read
    before begins at its first record, whatever of it is in the log already.
    """
    if files.exists(checkpoint) and _noted(files, checkpoint) != sorted(topics):
        _logger.info("pipeline.yml has other tables than before; reading goes on where the change log ends")
        files.delete(checkpoint)
    _note(files, checkpoint, topics)
    note = f"{checkpoint}/starting_offsets"
    if not files.exists(note):
        newest = next(commits.marks(files, log), None)
        files.create(note, json.dumps(newest.offsets if newest is not None else {}, sort_keys=True))
    return json.loads(files.read(note))


def starting_offsets(topics: list[str], begin: Mapping[str, int]) -> str:
    """The same as Spark's option: every topic has one partition; -2 is the earliest record there is."""
    return json.dumps({topic: {"0": begin.get(topic, -2)} for topic in topics})


@dataclass(frozen=True)
class Reader:
    """Who follows the change log."""

    checkpoint: str
    topics: Sequence[str]  # of the tables that pipeline.yml declares
    applied: Collection[str]  # topics that it has applied changes of, declared or not
    catch_up: Callable[[int], None]  # applies all that the log holds up to a version and that has not been


def change_log(spark: SparkSession, files: Files, log: str, reader: Reader) -> DataStreamReader:
    """The change log as a stream for a query with a checkpoint.

    A stream that begins with a whole table gets its files by their age, and compaction makes old changes young: a change would
    come after a newer one and be taken for applied. So what a new checkpoint finds in the log is given to `catch_up`, with the
    log's version, to be applied in the order of offsets; the stream begins with the commits after that. A table that left pipeline.yml
    and is back is caught up with in the same way: its changes in between were passed over.
    """
    checkpoint = reader.checkpoint
    position, newest = _position(files, checkpoint), _newest(files, log)
    if position is not None and _is_gone(files, log, position, newest):
        _logger.warning("%s was away for longer than the change log keeps its commits; it begins anew", checkpoint)
        files.delete(checkpoint)
        position = None
    if position is not None and (back := _returned(files, reader)):
        _logger.info("%s is in pipeline.yml again; what the change log has of it is applied first", ", ".join(back))
        files.delete(checkpoint)
        position = None
    if position is None:
        reader.catch_up(newest)
        files.create(f"{checkpoint}/starting_version", str(newest))
        position = (newest, newest)
    _note(files, checkpoint, reader.topics)
    # A checkpoint knows better where to begin, and still this has to be a version that can be read.
    return spark.readStream.format("delta").option("startingVersion", str(min(position[0], newest)))


def _returned(files: Files, reader: Reader) -> list[str]:
    """Topics that the query did not read when it was last started, and had read before."""
    noted = _noted(files, reader.checkpoint)
    return [] if noted is None else [name for name in reader.topics if name not in noted and name in reader.applied]


def _noted(files: Files, checkpoint: str) -> list[str] | None:
    """The topics of the query's last start."""
    text = files.find(f"{checkpoint}/topics")
    return None if text is None else json.loads(text)


def _note(files: Files, checkpoint: str, topics: Sequence[str]) -> None:
    if _noted(files, checkpoint) != sorted(topics):
        # A file is never written over. Killed in between, the next start has the same topics or those of before, and has read nothing.
        files.delete(f"{checkpoint}/topics")
        files.create(f"{checkpoint}/topics", json.dumps(sorted(topics)))


def _position(files: Files, checkpoint: str) -> tuple[int, int] | None:
    """The versions of the change log at which the query's last batch began, and at which the next one does; none for a new checkpoint.
    When it is started, Spark looks for the commits of the last batch again."""
    done = [int(name) for name in files.names(f"{checkpoint}/commits") if name.isdigit()]
    note = f"{checkpoint}/starting_version"

    def after(batch: int) -> int:
        if files.exists(f"{checkpoint}/offsets/{batch}"):
            return offsetlog.delta_version(offsetlog.read(files, checkpoint, batch)) + 1
        return int(files.read(note))

    if done:
        return after(max(done) - 1), after(max(done))
    return (int(files.read(note)),) * 2 if files.exists(note) else None


def _newest(files: Files, log: str) -> int:
    return next(iter(commits.versions(files, log)), -1)


def _is_gone(files: Files, log: str, position: tuple[int, int], newest: int) -> bool:
    """Whether a commit that the query needs has been removed, or may be while it is read.

    Without this the query would stop at a file that is not there, and somebody would have to remove its checkpoint. What the newest
    commit added is in use still.
    """

    if any(version < newest and not files.exists(commits.commit_path(log, version)) for version in position):
        return True
    following = position[1]
    return following < newest and commits.may_go(files, log, following)
