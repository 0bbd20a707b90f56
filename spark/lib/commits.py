"""Our own marks in a Delta log: which query, which batch, and up to which Kafka offset a commit reaches.

The mark is the commit's ``userMetadata``, so it becomes visible in the same atomic rename as the data. Delta's own
``txnAppId``/``txnVersion`` would do the same, but asking for the last transaction makes it reconstruct the table's
state in every batch, several times the cost of the append itself.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

# A commit of the change log that is older, and with it the file that it names, may go at any moment, see `lake.clean`.
_GONE_AFTER_MS = 3 * 3_600_000

# What helps where the positions do not fit together any more.
RESNAPSHOT = "`pipectl repair resnapshot` starts again from the source"


class Files(Protocol):
    """What is needed of a file system (lib.storage.Storage has it)."""

    def names(self, directory: str) -> list[str]:
        """Names in a directory."""

    def find(self, path: str) -> str | None:
        """The text of a file; none where there is no such file."""

    def read(self, path: str) -> str:
        """The text of a file."""

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""

    def modified_ms(self, path: str) -> int:
        """When a file was last written, in milliseconds since 1970."""


class GuardError(Exception):
    """Table and checkpoint do not belong together; going on could lose or double changes."""


@dataclass(frozen=True)
class Mark:
    """What one of our commits says about itself."""

    app: str
    batch: int
    offsets: dict[str, int]  # topic -> end offset, exclusive
    version: int = -1
    # topic -> Kafka's id of it, which a topic made anew does not share
    topic_ids: dict[str, str] = field(default_factory=dict)

    def metadata(self) -> str:
        """The text for ``userMetadata``."""
        ids = {"topic_ids": self.topic_ids} if self.topic_ids else {}
        return json.dumps({"app": self.app, "batch": self.batch, "offsets": self.offsets} | ids, sort_keys=True)


def parse_commit(text: str, version: int) -> Mark | None:
    """The mark in the text of a commit file; none if somebody else made the commit."""
    for line in text.splitlines():
        action = json.loads(line)
        if "commitInfo" not in action:
            continue
        try:
            metadata = json.loads(action["commitInfo"].get("userMetadata") or "null")
        except json.JSONDecodeError:
            return None
        if isinstance(metadata, dict) and {"app", "batch", "offsets"} <= metadata.keys():
            ids = metadata.get("topic_ids") or {}
            return Mark(metadata["app"], metadata["batch"], metadata["offsets"], version, ids)
        return None
    return None


def versions(files: Files, table: str) -> list[int]:
    """Versions whose commit file is there, newest first."""
    names = files.names(f"{table}/_delta_log")
    return sorted((int(name[:-5]) for name in names if len(name) == 25 and name.endswith(".json")), reverse=True)


def commit_path(table: str, version: int) -> str:
    """The file of one commit."""
    return f"{table}/_delta_log/{version:020d}.json"


def has_log(files: Files, table: str) -> bool:
    """Whether there is a Delta table. Its first commit may be gone: Delta's log clean-up removes what a later checkpoint covers."""
    return files.exists(commit_path(table, 0)) or bool(versions(files, table))


def mark_at(files: Files, table: str, version: int) -> Mark | None:
    """The mark of one version; none where Delta's log clean-up has removed its commit."""
    text = files.find(commit_path(table, version))
    return None if text is None else parse_commit(text, version)


def marks(files: Files, table: str) -> Iterator[Mark]:
    """Marks of the table's log, newest first."""
    for version in versions(files, table):
        mark = mark_at(files, table, version)
        if mark is not None:
            yield mark


def newest_mark(files: Files, table: str, version: int) -> Mark | None:
    """The newest mark at or before a version; none where Delta's log clean-up has removed that version, and with it all before."""
    # Nearly always it is in that very commit, or in the one before a compaction. Listing a long log costs seconds.
    while version >= 0 and (text := files.find(commit_path(table, version))) is not None:
        mark = parse_commit(text, version)
        if mark is not None:
            return mark
        version -= 1
    return None


def is_followed(files: Files, log: str, version: int, reached: Mapping[str, int]) -> bool:
    """Whether the commit after a version brings changes beyond these offsets: whoever follows the log is then sure to get another batch,
    which a commit without files, or one of a compaction, does not make."""
    text = files.find(commit_path(log, version + 1))
    if text is None or (mark := parse_commit(text, version + 1)) is None:
        return False
    goes_on = any(mark.offsets.get(topic, 0) > end for topic, end in reached.items())
    return goes_on and any("add" in json.loads(line) for line in text.splitlines())


def may_go(files: Files, log: str, version: int) -> bool:
    """Whether this commit of the change log is so old that a clean-up may remove it."""
    return files.modified_ms(commit_path(log, version)) < time.time() * 1000 - _GONE_AFTER_MS


class AppendGuard:
    """Lets each batch of one streaming query into an append-only table exactly once, whatever is killed and whenever.

    Spark writes the offsets of a batch down before it runs and marks it done afterwards, so a batch that was committed to Delta
    but not yet marked is run again with the same rows: its commit is then found and the batch skipped. `begin` says at which
    offsets the query's first batch begins.
    """

    def __init__(self, files: Files, table: str, begin: Mapping[str, int]) -> None:
        self._files = files
        self._table = table
        self._begin = begin
        self._last: Mark | None = None
        self._looked = False

    def is_done(self, app: str, batch: int) -> bool:
        """Whether the batch is in the table already. Raises GuardError where table and checkpoint disagree."""
        if not self._looked:
            self._last = next(marks(self._files, self._table), None)
            self._check(app, batch)
            self._looked = True
        return self._last is not None and self._last.app == app and self._last.batch >= batch

    def check_topics(self, ids: Mapping[str, str]) -> None:
        """Refuses topics that were deleted and made anew: what the old ones held and nobody had read is gone."""
        known = self._last.topic_ids if self._last is not None else {}
        other = next((topic for topic, topic_id in ids.items() if known.get(topic, topic_id) != topic_id), None)
        if other is not None:
            raise GuardError(
                f"topic {other} was deleted and made anew, with it the changes nobody had read yet; {RESNAPSHOT}"
            )

    def mark(self, app: str, batch: int, offsets: Mapping[str, int], ids: Mapping[str, str]) -> Mark:
        """The mark of the next commit. Of topics that are not read any more, because their tables left pipeline.yml, it says what the
        one before did: when such a table comes back, its topic is read on from there."""
        last = self._last
        kept, kept_ids = (last.offsets, last.topic_ids) if last is not None else ({}, {})
        return Mark(app, batch, {**kept, **offsets}, topic_ids={**kept_ids, **ids})

    def committed(self, mark: Mark) -> None:
        """Remembers a commit just made."""
        self._last = mark

    def _check(self, app: str, batch: int) -> None:
        """On the first batch after a start: the newest mark must be of this query, and of this batch or the one before; or the
        query begins where another one, whose checkpoint is lost, has ended."""
        if self._last is None:
            # Version 0 creates the table; anything beyond it without a mark of ours is data of unknown origin.
            if any(version > 0 for version in versions(self._files, self._table)):
                raise GuardError(f"{self._table} has data, but no commit of this job is left in its log; {RESNAPSHOT}")
            if batch > 0:
                raise GuardError(f"{self._table} is empty, but the checkpoint has reached batch {batch}; {RESNAPSHOT}")
        elif self._last.app != app:
            if batch > 0 or self._begin != self._last.offsets:
                raise GuardError(
                    f"{self._table} was written from another checkpoint ({self._last.app}, not {app}); {RESNAPSHOT}"
                )
        elif not self._last.batch <= batch <= self._last.batch + 1:
            raise GuardError(
                f"{self._table} holds batches up to {self._last.batch}, but the checkpoint runs batch {batch}; "
                f"{RESNAPSHOT}"
            )
