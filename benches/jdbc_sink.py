"""Sets up what the flow is compared with: Debezium into the destination through its own JDBC sink, in one Connect worker.

The stack has to be that of `pipectl -f compose/compose.yaml -f benches/jdbc-sink/compose.yaml up jdbc-sink`: the worker, Kafka and
both databases, and nothing of the lake, which would take processor time from what is measured. Ends when all rows that are at the
source are in the destination.
"""

from __future__ import annotations

import argparse
import json
import urllib.error
import urllib.request
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import flow

_OURS = Path(__file__).parents[1] / "debezium" / "register-postgres.json"
_TABLES = ("regions", "customers", "orders")
_PREFIX = "jdbc"
_PATIENCE = 120.0
# The sink learns the columns' types from nothing but the messages.
_CONVERTERS = {
    f"{part}.converter{key}": value
    for part in ("key", "value")
    for key, value in (("", "org.apache.kafka.connect.json.JsonConverter"), (".schemas.enable", "true"))
}


def source() -> dict[str, str]:
    """The pipeline's own connector, tuned as it is, but for the form that the sink reads."""
    ours = json.loads(_OURS.read_text(encoding="utf-8"))["config"]
    # Settings with a variable are those of a project; signals and notifications are for what the sink does not have.
    same = {
        key: value
        for key, value in ours.items()
        if "${" not in value and not key.startswith(("signal.", "notification."))
    }
    return {
        **same,
        **_CONVERTERS,
        "database.hostname": "postgres-source",
        "database.port": "5432",
        "database.user": flow.USER,
        "database.password": flow.PASSWORD,
        "database.dbname": flow.DATABASE,
        "table.include.list": ",".join(f"public.{table}" for table in _TABLES),
        "slot.name": "jdbc_sink",
        "topic.prefix": _PREFIX,
        "decimal.handling.mode": "precise",
        # A tombstone does not say which table it is of; the delete before it does.
        "tombstones.on.delete": "false",
    }


def sink() -> dict[str, str]:
    """Upserts and deletes by key, in large batches."""
    return {
        **_CONVERTERS,
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "tasks.max": str(len(_TABLES)),
        "topics": ",".join(f"{_PREFIX}.public.{table}" for table in _TABLES),
        # One statement of many rows instead of many statements, which cannot change a row twice: hence the reduction.
        # Its other fast way, UNNEST, does not take timestamps in microseconds.
        "connection.url": f"jdbc:postgresql://postgres-dest:5432/{flow.DATABASE}?reWriteBatchedInserts=true",
        "connection.username": flow.USER,
        "connection.password": flow.PASSWORD,
        "use.reduction.buffer": "true",
        "batch.size": "5000",
        "consumer.override.max.poll.records": "5000",
        "collection.name.format": "${source.table}",
        "insert.mode": "upsert",
        "delete.enabled": "true",
        "primary.key.mode": "record_key",
    }


def call(address: str, method: str = "GET", body: dict[str, str] | None = None) -> Any:
    """A request to Connect."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def registered(connectors: str, name: str, config: dict[str, str]) -> bool:
    """Registers a connector; false while the worker is at distributing those that it has."""
    try:
        call(f"{connectors}/{name}/config", "PUT", config)
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.CONFLICT:
            return False
        raise SystemExit(f"{name} was refused: {error.read().decode()}") from error
    return True


def arrived(connectors: str, ports: flow.Ports) -> bool:
    """Whether the destination has as many rows as the source; ends the program where a connector has failed."""
    for name, told in call(f"{connectors}?expand=status").items():
        for part in (told["status"]["connector"], *told["status"]["tasks"]):
            if part["state"] == "FAILED":
                raise SystemExit(f"{name} has failed: {part.get('trace', 'no reason is given')}")
    counts = ("SELECT count(*) FROM " + table for table in _TABLES)
    return all(flow.ask(ports.source, count) == flow.ask(ports.dest, count) for count in counts)


def main() -> None:
    """Both connectors."""
    parser = flow.ports(argparse.ArgumentParser(description=__doc__))
    parser.add_argument("--connect", type=int, default=28084, help="port of the Connect worker")
    given = parser.parse_args()
    ports, connectors = flow.Ports.given(given), f"http://127.0.0.1:{given.connect}/connectors"
    # The sink computes nothing: what a transformation adds stays empty.
    flow.ask(ports.dest, "ALTER TABLE orders ALTER unit_price DROP NOT NULL")
    for name, config in (("jdbc-source", source()), ("jdbc-sink", sink())):
        flow.until(f"connector {name} registered", partial(registered, connectors, name, config), _PATIENCE)
    flow.until("the source's rows in the destination", lambda: arrived(connectors, ports), _PATIENCE)


if __name__ == "__main__":
    main()
