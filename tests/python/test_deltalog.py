"""The first commit of a table, which readers other than Spark have to understand too."""

from __future__ import annotations

import json

from lib.deltalog import NewTable, table_id


def schema(*types: object) -> str:
    fields = [{"name": f"c{n}", "type": kind, "nullable": True, "metadata": {}} for n, kind in enumerate(types)]
    return json.dumps({"type": "struct", "fields": fields})


def actions(table: NewTable) -> dict[str, dict]:
    return {name: body for line in table.commit().splitlines() for name, body in json.loads(line).items()}


def test_version_0_says_what_the_table_is():
    table = NewTable(schema("long"), {"delta.checkpointInterval": "50"}, id="a-b", created_ms=7)
    found = actions(table)
    assert list(found) == ["commitInfo", "metaData", "protocol"]
    assert found["metaData"]["schemaString"] == schema("long")
    assert found["metaData"]["configuration"] == {"delta.checkpointInterval": "50"}
    assert found["protocol"] == {"minReaderVersion": 1, "minWriterVersion": 2}


def test_the_protocol_names_what_the_table_uses_and_nothing_else():
    array = {"type": "array", "elementType": "timestamp_ntz", "containsNull": True}
    table = NewTable(schema("long", array), {"delta.enableDeletionVectors": "true"})
    assert actions(table)["protocol"] == {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": ["deletionVectors", "timestampNtz"],
        "writerFeatures": ["deletionVectors", "timestampNtz", "invariants", "appendOnly"],
    }


def test_a_column_that_is_called_like_a_type_does_not_count():
    named = json.dumps({"type": "struct", "fields": [{"name": "timestamp_ntz", "type": "long", "metadata": {}}]})
    assert actions(NewTable(named, {}))["protocol"]["minReaderVersion"] == 1


def test_the_checksum_is_of_the_same_table():
    table = NewTable(schema("long"), {})
    checksum = json.loads(table.checksum())
    assert checksum["metadata"] == actions(table)["metaData"]
    assert checksum["protocol"] == actions(table)["protocol"]
    assert (checksum["numFiles"], checksum["allFiles"]) == (0, [])


def test_the_id_is_found_in_the_commit_that_has_it():
    table = NewTable(schema("long"), {})
    assert table_id(table.commit()) == table.id
    assert table_id('{"commitInfo": {}}\n{"add": {}}\n') is None
