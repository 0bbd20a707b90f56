"""What the destination's tables are made by, and which of them have to be built anew because that has changed.

A changed SELECT says nothing of the rows that are there already: they would keep what the old one made of them until they change
themselves. So the destination notes a fingerprint of each table's definition, and a job that finds another one builds the table anew.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from lib.pipeline import Aggregate, Pipeline, Table

# Where these are, telling comments from texts takes more than is done below.
_HARD_TO_READ = re.compile(r"[\\$]")
_PIECES = re.compile(
    r"""(?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`)|(?P<hint>/\*\+)|(?P<comment>--[^\n]*|/\*)|(?P<blank>\s+)"""
)


@dataclass(frozen=True)
class Definition:
    """What a table of the destination is made by."""

    table: str
    source: str | None  # the source's table; none of an aggregate
    fingerprint: str


@dataclass(frozen=True)
class Anew:
    """What has to be built anew, in the order of pipeline.yml."""

    tables: tuple[Table, ...]
    aggregates: tuple[Aggregate, ...]

    @property
    def names(self) -> list[str]:
        """The tables of the destination."""
        return [*(table.destination for table in self.tables), *(aggregate.table for aggregate in self.aggregates)]

    def told(self) -> str:
        """For people, while it lasts; empty where there is nothing to do."""
        names = self.names
        if not names:
            return ""
        are, their = ("is", "its") if len(names) == 1 else ("are", "their")
        return f"{', '.join(names)} {are} built anew: {their} definition changed"


def of(pipeline: Pipeline) -> list[Definition]:
    """The definitions of every table of the destination."""
    found = [
        Definition(table.destination, table.source, _hash(table.key, statement(table.transform)))
        for table in pipeline.tables
    ]
    above: dict[str, str] = {}
    for aggregate in pipeline.aggregates:
        files = {name: statement(path) for name, path in aggregate.affected.items()}
        query = statement(aggregate.query)
        # It can read the aggregates above it. That a name stands in the query is enough: to build one too many costs time.
        read = {name: known for name, known in above.items() if name in query}
        above[aggregate.table] = _hash(aggregate.key, query, files, read)
        found.append(Definition(aggregate.table, None, above[aggregate.table]))
    return found


def changed(pipeline: Pipeline, noted: Mapping[str, str], applied: Collection[str]) -> Anew:
    """What was built by another definition than the one of now, or by none: `noted` has their fingerprints by table, `applied` the topics
    of which something is in the destination."""
    wanted = of(pipeline)
    if not any(definition.table in noted for definition in wanted):
        # It is empty, or of a version that has noted nothing down.
        return Anew((), ())
    differs = {definition.table for definition in wanted if noted.get(definition.table) != definition.fingerprint}
    return Anew(
        tuple(table for table in pipeline.tables if table.destination in differs and pipeline.topic(table) in applied),
        tuple(aggregate for aggregate in pipeline.aggregates if aggregate.table in differs),
    )


def statement(path: Path) -> str:
    """What a file says, without what only people read: comments, and how it is laid out."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        try:
            return ast.dump(ast.parse(text))
        except (SyntaxError, ValueError):
            # The check of the transformation tells it with its line.
            return text
    return _without_comments(text) if not _HARD_TO_READ.search(text) else text


def _without_comments(text: str) -> str:
    parts: list[str] = []
    at = 0
    while found := _PIECES.search(text, at):
        parts.append(text[at : found.start()])
        at = _end_of_comment(text, found.end()) if found["comment"] == "/*" else found.end()
        # A comment stands between words, like a blank.
        parts.append(found["quoted"] or found["hint"] or " ")
    parts = [part for part in [*parts, text[at:]] if part]
    blanks = zip(parts, ["", *parts], strict=False)
    return "".join(part for part, before in blanks if part != " " or before != " ").strip(" ;")


def _end_of_comment(text: str, at: int) -> int:
    """Comments can have comments in them."""
    depth = 1
    for found in re.finditer(r"/\*|\*/", text[at:]):
        depth += 1 if found[0] == "/*" else -1
        if depth == 0:
            return at + found.end()
    return len(text)


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
