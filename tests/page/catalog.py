"""A catalog of its own for a test: the binary on a free port, filled through its interface."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("PIPECTL", str(ROOT / "target/release/pipectl"))
# Asks the catalog itself, whatever proxy the environment names.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Catalog:
    """A running `pipectl catalog serve`, ended with its data when the `with` block ends."""

    def __enter__(self) -> Catalog:
        self._data = tempfile.TemporaryDirectory(prefix="pipectl-page-")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PIPECTL_")}
        command = [BINARY, "catalog", "serve", "--listen", "127.0.0.1:0", "--data", self._data.name]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        assert self._process.stderr is not None
        line = self._process.stderr.readline()
        found = re.match(r"catalog: (http://\S+)", line)
        if found is None:
            self._process.kill()
            raise RuntimeError(f"the catalog did not start: {line}{self._process.stderr.read()}")
        self.address, self._token = found[1], None
        password = base64.b64encode(b"admin").decode()
        login = self.send("POST", "users/login", {"email": "admin@open-metadata.org", "password": password})
        self._token = login["accessToken"]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=30)
        self._data.cleanup()

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """A request below /api/v1; a refusal raises."""
        headers = {"content-type": "application/json"}
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/api/v1/{path}", data, headers, method=method)
        with DIRECT.open(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def database(self, name: str, kind: str) -> str:
        """A database service with one schema; returns the schema's name."""
        connection = {"config": {"type": kind}}
        self.send("PUT", "services/databaseServices", {"name": name, "serviceType": kind, "connection": connection})
        self.send("PUT", "databases", {"name": "shop", "service": name})
        self.send("PUT", "databaseSchemas", {"name": "public", "database": f"{name}.shop"})
        return f"{name}.shop.public"

    def table(self, schema: str, name: str, columns: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """A table."""
        return self.send("PUT", "tables", {"name": name, "databaseSchema": schema, "columns": columns, **more})

    def topic(self, service: str, name: str, columns: list[dict[str, Any]]) -> dict[str, Any]:
        """A topic, and its broker."""
        connection = {"config": {"type": "Kafka"}}
        self.send(
            "PUT", "services/messagingServices", {"name": service, "serviceType": "Kafka", "connection": connection}
        )
        schema = {"schemaType": "JSON", "schemaText": "{}", "schemaFields": columns}
        return self.send("PUT", "topics", {"name": name, "service": service, "partitions": 1, "messageSchema": schema})

    def pipeline(self, service: str, name: str, state: str | None, **more: Any) -> dict[str, Any]:
        """A pipeline whose last run is in `state`, with more of the run; without a state it has none."""
        connection = {"config": {"type": "CustomPipeline"}}
        body = {"name": service, "serviceType": "CustomPipeline", "connection": connection}
        self.send("PUT", "services/pipelineServices", body)
        made = self.send("PUT", "pipelines", {"name": name, "service": service})
        if state is not None:
            run = {"timestamp": 1_700_000_000_000, "executionStatus": state, **more}
            self.send("PUT", f"pipelines/{service}.{name}/status", run)
        return made

    def edge(self, start: tuple[str, Any], end: tuple[str, Any], pipeline: Any, columns: list[tuple[str, str]]) -> None:
        """An edge between two entities, each with its type, and what becomes of which column."""
        mappings = [{"fromColumns": [first], "toColumn": second} for first, second in columns]
        details = {"pipeline": {"id": pipeline["id"], "type": "pipeline"}, "columnsLineage": mappings}
        ends = [{"id": entity["id"], "type": kind} for kind, entity in (start, end)]
        edge = {"fromEntity": ends[0], "toEntity": ends[1], "lineageDetails": details}
        self.send("PUT", "lineage", {"edge": edge})


def column(name: str, kind: str = "TEXT", **more: Any) -> dict[str, Any]:
    """A column of a table or a field of a topic's messages."""
    return {"name": name, "dataType": kind, **more}
