"""The first commit of a Delta table, written as the protocol describes it.

Having Spark write an empty table takes a job, a Parquet file and seconds of a cold JVM for each table.
Source: https://github.com/delta-io/delta/blob/master/PROTOCOL.md, "Actions".
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field


@dataclass(frozen=True)
class NewTable:
    """An empty, unpartitioned table."""

    schema: str  # Spark's JSON of a StructType
    properties: dict[str, str]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_ms: int = field(default_factory=lambda: int(time.time() * 1000))

    def commit(self) -> str:
        """The text of version 0."""
        info = {
            "timestamp": self.created_ms,
            "operation": "CREATE TABLE",
            "operationParameters": {},
            "isolationLevel": "Serializable",
            "isBlindAppend": True,
            "operationMetrics": {},
            "engineInfo": "pipectl",
        }
        actions = [
            {"commitInfo": info},
            {"metaData": self._metadata()},
            {"protocol": _protocol(self.schema, self.properties)},
        ]
        return "".join(json.dumps(action) + "\n" for action in actions)

    def checksum(self) -> str:
        """The text of version 0's checksum file ("Version Checksum File"): with it a reader needs no job to learn the state."""
        state = {
            "tableSizeBytes": 0,
            "numFiles": 0,
            "numMetadata": 1,
            "numProtocol": 1,
            "setTransactions": [],
            "domainMetadata": [],
            "metadata": self._metadata(),
            "protocol": _protocol(self.schema, self.properties),
            "allFiles": [],
        }
        return json.dumps(state)

    def _metadata(self) -> dict[str, object]:
        return {
            "id": self.id,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": self.schema,
            "partitionColumns": [],
            "configuration": self.properties,
            "createdTime": self.created_ms,
        }


def table_id(commit: str) -> str | None:
    """The table's id, where the text of this commit has it: version 0 does, and nothing changes it later."""
    for line in commit.splitlines():
        metadata = json.loads(line).get("metaData")
        if metadata is not None:
            return metadata["id"]
    return None


def _protocol(schema: str, properties: dict[str, str]) -> dict[str, object]:
    """The lowest protocol that allows what the table uses."""
    features = []
    if properties.get("delta.enableDeletionVectors") == "true":
        features.append("deletionVectors")
    if _uses(json.loads(schema), "timestamp_ntz"):
        features.append("timestampNtz")
    if not features:
        return {"minReaderVersion": 1, "minWriterVersion": 2}
    # What writer version 2 implies has to be named once features are listed.
    writer = [*features, "invariants", "appendOnly"]
    return {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": writer}


def _uses(schema: object, name: str) -> bool:
    """Whether a type occurs in a schema, at any depth."""
    if isinstance(schema, dict):
        return any(_uses(value, name) for key, value in schema.items() if key not in ("name", "metadata"))
    if isinstance(schema, list):
        return any(_uses(value, name) for value in schema)
    return schema == name
