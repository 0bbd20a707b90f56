"""Backlogs, and whether a batch costs more in a large table. The generator must not run.

Prints one line for each figure: its name, the value, its unit.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

import flow
from latency import under_load

_PATIENCE = 3600.0


def rows(port: int) -> int:
    """Rows of the table that grows."""
    return flow.ask(port, "SELECT count(*) FROM orders")


def show(name: str, value: float, unit: str) -> None:
    """A figure."""
    print(f"{name}\t{value:.0f}\t{unit}", flush=True)


def grow(ports: flow.Ports, to: int) -> float:
    """Inserts what is missing, in transactions of 50,000 rows; rows per second until all are in the destination."""
    begun, first = time.monotonic(), rows(ports.source)
    while (there := rows(ports.source)) < to:
        flow.insert(ports.source, min(50_000, to - there), "volume")
    flow.all_of_it(ports, f"{to} rows in the destination", _PATIENCE)
    took = time.monotonic() - begun
    check_same(ports)
    return (to - first) / took


def check_same(ports: flow.Ports) -> None:
    """Ends the program where the destination has not as many rows as the source."""
    here, there = rows(ports.source), rows(ports.dest)
    if here != there:
        raise SystemExit(f"the source has {here} rows, the destination {there}")


def update(ports: flow.Ports, number: int) -> float:
    """Changes so many rows in one transaction; rows per second until all are in the destination."""
    begun, mark = time.monotonic(), f"u{time.time_ns()}"
    flow.ask(
        ports.source,
        "UPDATE orders SET note = %s WHERE order_id IN (SELECT order_id FROM orders ORDER BY order_id DESC LIMIT %s)",
        mark,
        number,
    )
    flow.all_of_it(ports, "all changes in the destination", _PATIENCE)
    took = time.monotonic() - begun
    flow.check_noted(ports, mark, number)
    return number / took


def snapshot(ports: flow.Ports, pipectl: str) -> float:
    """Has the source read anew; rows per second until the destination has all of them again."""
    number, begun = rows(ports.source), time.monotonic()
    subprocess.run([pipectl, "repair", "resnapshot", "--yes", "--quiet"], check=True, stdout=sys.stderr)
    flow.all_of_it(ports, "the snapshot in the destination", _PATIENCE)
    took = time.monotonic() - begun
    check_same(ports)
    return number / took


def main() -> None:
    """All of it, the small sizes first."""
    parser = flow.ports(argparse.ArgumentParser(description=__doc__))
    parser.add_argument("--pipectl", default="pipectl", help="the program")
    parser.add_argument("--sizes", default="10000,1000000", help="rows at which batches are timed, ascending")
    parser.add_argument("--backlog", type=int, default=500_000, help="rows of the snapshot")
    parser.add_argument("--updates", type=int, default=100_000, help="rows changed in the largest table")
    given = parser.parse_args()
    ports = flow.Ports.given(given)
    sizes = [int(size) for size in given.sizes.split(",")]
    show(f"inserts up to {sizes[0]} rows", grow(ports, sizes[0]), "rows/s")
    for size in sizes:
        if rows(ports.source) < given.backlog <= size:
            show(f"inserts up to {given.backlog} rows", grow(ports, given.backlog), "rows/s")
            show(f"snapshot of {given.backlog} rows, to the destination", snapshot(ports, given.pipectl), "rows/s")
        if size > rows(ports.source):
            grow(ports, size)
        _, batches = under_load(ports, rate=100, seconds=30)
        for job, ms in batches.items():
            show(f"batch of job {job} with {size} rows in the table", ms, "ms")
    show(f"{given.updates} updates among {rows(ports.source)} rows", update(ports, given.updates), "rows/s")


if __name__ == "__main__":
    main()
