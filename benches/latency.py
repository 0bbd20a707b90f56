"""Source commit to visible in the destination, under a steady load of changes to three tables. The generator must not run.

Prints the number of changes, and the 50th and 99th percentile in milliseconds. Every change is a transaction of its own; each
tenth is to a customer, each hundredth to a region. A marker order in every tenth of a second is watched for in the destination.
With --hops the median of each hop is written to a file: its name and milliseconds.
"""

from __future__ import annotations

import argparse
import random
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import flow
import hops
from flow import connect

# Orders that are changed: those made last.
_RECENT = 1000


@dataclass(frozen=True)
class Latency:
    """How many changes were made, and within how many milliseconds half of them and 99 of 100 arrived."""

    changes: int
    half: float
    most: float


def write(port: int, rate: int, until: float, committed: dict[int, float]) -> int:
    """Changes rows at a rate; notes when each marker was committed. Returns how many changes it made."""
    with connect(port).cursor() as cursor:
        cursor.execute("SELECT min(customer_id), max(customer_id) FROM customers")
        first, last = cursor.fetchone()
        made, begun = 0, time.monotonic()
        while time.monotonic() < until:
            if made % max(1, rate // 10) == 0:
                cursor.execute(
                    "INSERT INTO orders (customer_id, amount, quantity, status, note) VALUES (%s, 1, 1, 'new', 'latency') "
                    "RETURNING order_id",
                    (first,),
                )
                committed[cursor.fetchone()[0]] = time.monotonic()
            elif made % 100 == 1:
                cursor.execute("UPDATE regions SET name = rtrim(name, '.') || '.' WHERE region_id = 5")
            elif made % 10 == 2:
                cursor.execute("UPDATE customers SET active = NOT active WHERE customer_id = %s", (last,))
            else:
                order = random.choice(list(committed)[-_RECENT:])
                cursor.execute("UPDATE orders SET quantity = quantity + 1 WHERE order_id = %s", (order,))
            made += 1
            time.sleep(max(0.0, begun + made / rate - time.monotonic()))
        return made


def watch(port: int, committed: dict[int, float], writing: threading.Event) -> list[float]:
    """Milliseconds from each marker's commit to its first sight in the destination."""
    latencies: list[float] = []
    seen = 0
    give_up = 60.0
    with connect(port).cursor() as cursor:
        cursor.execute("SELECT coalesce(max(order_id), 0) FROM orders")
        seen = cursor.fetchone()[0]
        quiet_since = time.monotonic()
        while writing.is_set() or len(latencies) < len(committed):
            cursor.execute("SELECT order_id FROM orders WHERE order_id > %s AND note = 'latency' ORDER BY 1", (seen,))
            now = time.monotonic()
            for (order,) in cursor.fetchall():
                if order in committed:
                    latencies.append((now - committed[order]) * 1000)
                    quiet_since = now
                seen = order
            if now - quiet_since > give_up:
                raise SystemExit(f"no marker has arrived for {give_up:.0f} s")
            time.sleep(0.01)  # between two polls of the condition
    return latencies


def measure(ports: flow.Ports, rate: int, seconds: float, committed: dict[int, float]) -> Latency:
    """Writes and watches at the same time; notes when each marker was committed."""
    writing = threading.Event()
    writing.set()
    with ThreadPoolExecutor(max_workers=1) as watcher:
        watched = watcher.submit(watch, ports.dest, committed, writing)
        try:
            made = write(ports.source, rate, time.monotonic() + seconds, committed)
        finally:
            writing.clear()
        found = watched.result()
    if len(found) < 2:
        raise SystemExit("too few changes have arrived to say anything; does the generator delete them?")
    cuts = statistics.quantiles(found, n=100)
    return Latency(made, cuts[49], cuts[98])


def under_load(ports: flow.Ports, rate: int, seconds: float) -> tuple[Latency, dict[str, float]]:
    """The latency, and the median of the batches that each job did meanwhile, in milliseconds."""
    before = flow.counts(ports.jobs)
    found = measure(ports, rate, seconds, {})
    return found, flow.batch_ms(ports.jobs, before)


def with_hops(ports: flow.Ports, rate: int, seconds: float, pipectl: str) -> tuple[Latency, dict[str, float]]:
    """The latency, and the median of each hop in milliseconds."""
    committed: dict[int, float] = {}
    with hops.Batches(ports) as batches:
        found = measure(ports, rate, seconds, committed)
    since_1970 = time.time() - time.monotonic()
    messages = hops.messages(pipectl, batches.begin, set(committed))
    return found, hops.medians(batches, messages, {order: at + since_1970 for order, at in committed.items()})


def main() -> None:
    """One load."""
    parser = flow.ports(argparse.ArgumentParser(description=__doc__))
    parser.add_argument("--rate", type=int, default=100, help="changes a second")
    parser.add_argument("--seconds", type=float, default=60, help="how long")
    parser.add_argument("--hops", type=Path, help="file for the time of each hop")
    parser.add_argument("--pipectl", default="target/release/pipectl", help="the program, for what the broker has")
    given = parser.parse_args()
    ports = flow.Ports.given(given)
    if given.hops:
        found, times = with_hops(ports, given.rate, given.seconds, given.pipectl)
        given.hops.write_text("".join(f"{hop}\t{ms:.0f}\n" for hop, ms in times.items()))
    else:
        found = measure(ports, given.rate, given.seconds, {})
    print(f"{found.changes} {found.half:.0f} {found.most:.0f}")


if __name__ == "__main__":
    main()
