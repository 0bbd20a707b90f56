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


def ranges(topics, starts, ends, most):
    from lib import slices

    return [(piece.topic, piece.start, piece.end) for piece in slices.plan(topics, starts, ends, most)]


def test_a_small_batch_stays_whole():
    assert ranges(["a", "b"], {"a": 10}, {"a": 14, "b": 6}, most=10) == []


def test_a_large_one_is_cut_per_topic_in_the_order_of_its_offsets():
    assert ranges(["a", "b"], {"a": 10}, {"a": 35, "b": 3}, most=10) == [
        ("a", 10, 20),
        ("a", 20, 30),
        ("a", 30, None),
        ("b", 0, None),
    ]


def test_a_topic_nothing_is_known_of_is_taken_all_the_same():
    assert ("b", 7, None) in ranges(["a", "b"], {"b": 7}, {"a": 100}, most=10)


class FakeFiles:
    """A log whose odd versions carry no mark, as those of a compaction."""

    def names(self, directory):
        return [f"{version:020d}.json" for version in range(6)]

    def exists(self, path):
        return True

    def read(self, path):
        version = int(path[-25:-5])
        mark = {"app": "q", "batch": version, "offsets": {"a": version}}
        info = {} if version % 2 else {"userMetadata": json.dumps(mark)}
        return json.dumps({"commitInfo": info})


@pytest.mark.parametrize(("version", "found"), [(4, 4), (5, 4), (3, 2)])
def test_the_newest_mark_is_not_of_a_later_version(version, found):
    assert newest_mark(FakeFiles(), "/t", version).version == found


def test_before_the_first_version_there_is_none():
    assert newest_mark(FakeFiles(), "/t", -1) is None
