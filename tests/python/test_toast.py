"""Values that a change does not carry."""

from __future__ import annotations

import json

import pytest
from lib.toast import MARKER, SIGNS, UnresolvedValueError, resolve


def row(**values):
    return json.dumps(values)


def test_the_previous_value_is_taken():
    history = [("c", row(id=1, note="long", n=1)), ("u", row(id=1, note=MARKER, n=2))]
    assert json.loads(resolve(history)) == {"id": 1, "note": "long", "n": 2}


def test_over_several_changes_and_in_arrays():
    history = [
        ("r", row(id=1, note="long", tags=["a"])),
        ("u", row(id=1, note=MARKER, tags=["b"])),
        ("u", row(id=1, note=MARKER, tags=[MARKER])),
    ]
    assert json.loads(resolve(history)) == {"id": 1, "note": "long", "tags": ["b"]}


def test_every_type_has_its_placeholder():
    # As Debezium 3.6 was seen to send them for uuid[], bytea, bytea[], and integer[], bigint[] and date[].
    uuids, encoded = ["b68a35a7-17ad-35b3-af2a-ae46edb4545a"], "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="
    for placeholder in (MARKER, uuids, encoded, [encoded], list(MARKER.encode())):
        changed = json.dumps({"id": 1, "c": placeholder}, separators=(",", ":"))
        assert any(sign in changed for sign in SIGNS)
        assert json.loads(resolve([("c", row(id=1, c="was")), ("u", changed)]))["c"] == "was"


def test_a_deleted_row_passes_nothing_on():
    history = [("c", row(id=1, note="old")), ("d", None), ("c", row(id=1, note="new")), ("u", row(id=1, note=MARKER))]
    assert json.loads(resolve(history))["note"] == "new"


def test_a_value_that_is_nowhere():
    with pytest.raises(UnresolvedValueError, match="REPLICA IDENTITY FULL"):
        resolve([("c", row(id=2, note=MARKER))])


def test_an_inserted_row_takes_nothing_from_the_one_that_had_its_key_before():
    with pytest.raises(UnresolvedValueError):
        resolve([("c", row(id=1, note="old")), ("c", row(id=1, note=MARKER))])
