"""Batches that are too large for the driver's memory are cut by offsets."""

from __future__ import annotations

import json
import sys
import types

import pytest
from lib.commits import newest_mark


@pytest.fixture(autouse=True)
def fake_pyspark(monkeypatch):
    """slices needs pyspark for the cutting alone, which tests/python/spark covers."""
    sql = types.ModuleType("pyspark.sql")
    sql.DataFrame = sql.functions = object
    monkeypatch.setitem(sys.modules, "pyspark", types.ModuleType("pyspark"))
    monkeypatch.setitem(sys.modules, "pyspark.sql", sql)


def ranges(topics, steps, most=30, most_bytes=3000):
    from lib import slices

    weighed = [slices.Step(*step) for step in steps]
    return [(piece.topic, piece.start, piece.end) for piece in slices.plan(topics, weighed, most, most_bytes)]


def test_a_small_batch_stays_whole():
    assert ranges(["a", "b"], [("a", 100, 20, 100), ("b", 0, 10, 100)]) == []


def test_a_large_one_is_cut_per_topic_in_the_order_of_its_offsets():
    steps = [("a", 300, 10, 100), ("a", 100, 20, 100), ("a", 200, 20, 100), ("b", 0, 3, 100)]
    assert ranges(["a", "b"], steps) == [("a", 100, 200), ("a", 200, None), ("b", 0, None)]


def test_a_topic_without_changes_has_no_piece():
    assert ranges(["a", "b"], [("b", 0, 20, 100), ("b", 100, 20, 100)]) == [("b", 0, 100), ("b", 100, None)]


def test_few_changes_are_cut_too_where_they_are_large():
    assert ranges(["a"], [("a", 0, 5, 2000), ("a", 100, 5, 2000), ("a", 200, 5, 900)]) == [
        ("a", 0, 100),
        ("a", 100, None),
    ]


def test_a_step_that_is_too_large_by_itself_is_a_piece():
    assert ranges(["a"], [("a", 0, 1, 10), ("a", 100, 1, 9000), ("a", 200, 1, 10)]) == [
        ("a", 0, 100),
        ("a", 100, 200),
        ("a", 200, None),
    ]


class FakeFiles:
    """A log whose odd versions carry no mark, as those of a compaction. It cannot be listed, which takes seconds when it is long."""

    def find(self, path):
        version = int(path[-25:-5])
        mark = {"app": "q", "batch": version, "offsets": {"a": version}}
        info = {} if version % 2 else {"userMetadata": json.dumps(mark)}
        return json.dumps({"commitInfo": info})


@pytest.mark.parametrize(("version", "found"), [(4, 4), (5, 4), (3, 2)])
def test_the_newest_mark_is_not_of_a_later_version(version, found):
    assert newest_mark(FakeFiles(), "/t", version).version == found


def test_before_the_first_version_there_is_none():
    assert newest_mark(FakeFiles(), "/t", -1) is None
