"""What the benchmarks of the flow share: connections, conditions, and what the jobs say of their batches."""

from __future__ import annotations

import argparse
import json
import statistics
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg2

# What a stack without settings of its own has.
DATABASE, USER, PASSWORD = "jadc2_db", "admin", "password"


@dataclass(frozen=True)
class Ports:
    """Published ports of the stack that is measured."""

    source: int
    dest: int
    jobs: int

    @classmethod
    def given(cls, arguments: argparse.Namespace) -> Ports:
        """Those of a program's arguments."""
        return cls(arguments.source, arguments.dest, arguments.jobs)


def ports(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Adds the ports to a program's arguments."""
    parser.add_argument("--source", type=int, default=5433, help="port of the source database")
    parser.add_argument("--dest", type=int, default=5434, help="port of the destination database")
    parser.add_argument("--jobs", type=int, default=4041, help="port that tells about the Spark jobs")
    return parser


def connect(port: int) -> psycopg2.extensions.connection:
    """A connection that commits every statement."""
    connection = psycopg2.connect(host="127.0.0.1", port=port, dbname=DATABASE, user=USER, password=PASSWORD)
    connection.autocommit = True
    return connection


def ask(port: int, statement: str, *values: Any) -> Any:
    """Runs a statement; the first value of its first row, if it has one."""
    connection = connect(port)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def insert(port: int, number: int, note: str) -> None:
    """Inserts so many orders in one transaction."""
    ask(
        port,
        "INSERT INTO orders (customer_id, amount, quantity, status, note) SELECT (SELECT min(customer_id) FROM customers), "
        "1 + mod(n, 100), 1, 'new', %s FROM generate_series(1, %s) n",
        note,
        number,
    )


def all_of_it(ports: Ports, what: str, seconds: float) -> None:
    """Waits until all that was committed at the source before is in the destination: until a row that is committed now is. Asking for
    one row by its key costs the destination nothing; counting rows again and again took a third of a core from what is measured."""
    insert(ports.source, 1, "marker")
    order = ask(ports.source, "SELECT max(order_id) FROM orders")
    arrived = "SELECT EXISTS (SELECT FROM orders WHERE order_id = %s)"
    until(what, lambda: ask(ports.dest, arrived, order), seconds)


def check_noted(ports: Ports, note: str, number: int) -> None:
    """Ends the program where the destination has not so many orders with a note."""
    found = ask(ports.dest, "SELECT count(*) FROM orders WHERE note = %s", note)
    if found != number:
        raise SystemExit(f"{found} of {number} rows are in the destination, and the one after them")


def until(what: str, condition: Callable[[], bool], seconds: float) -> None:
    """Waits until something is true; ends the program where it does not become so."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"after {seconds:.0f} s still not: {what}")
        time.sleep(0.2)  # between two looks at the condition


def jobs(port: int) -> dict[str, dict[str, Any]]:
    """Both jobs by name, as port 4041 describes them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/jobs", timeout=10) as answer:
        return {job["name"]: job for job in json.load(answer)["jobs"]}


def batch_ms(port: int, since: dict[str, int]) -> dict[str, float]:
    """Median time of each job's batches, of those after the given counts that it remembers, in milliseconds."""
    found = {}
    for name, job in jobs(port).items():
        batches = job["batches"]
        recent = batches["recent"][-max(1, batches["count"] - since.get(name, 0)) :]
        found[name] = statistics.median(batch["duration_ms"] for batch in recent) if recent else 0.0
    return found


def counts(port: int) -> dict[str, int]:
    """How many batches each job has done."""
    return {name: job["batches"]["count"] for name, job in jobs(port).items()}
