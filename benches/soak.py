"""A steady mixed load for long: whether memory, batch times and latency stay what they were.

The generator must not run. Prints a line a minute, then the first quarter beside the last one. That all stores are equal at the end is
for `pipectl verify` to say.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time

import flow
from latency import Latency, under_load


def memory(pipectl: str) -> int:
    """MiB of all containers."""
    told = subprocess.run([pipectl, "status", "--json"], check=False, capture_output=True, text=True).stdout
    return sum(container["memory"] or 0 for container in json.loads(told)["containers"]) // 2**20


def minute(ports: flow.Ports, rate: int) -> tuple[Latency, dict[str, float]]:
    """One minute of load: the latency, and the median of each job's batches in milliseconds."""
    found = under_load(ports, rate, seconds=60)
    # Inserts and updates are what the latency is measured with; a mixed load deletes too.
    flow.ask(ports.source, "DELETE FROM orders WHERE note = 'latency' AND mod(order_id, 10) = 0")
    return found


def main() -> None:
    """The load, then the comparison."""
    parser = flow.ports(argparse.ArgumentParser(description=__doc__))
    parser.add_argument("--pipectl", default="pipectl", help="the program")
    parser.add_argument("--minutes", type=int, default=60, help="how long")
    parser.add_argument("--rate", type=int, default=100, help="changes a second")
    given = parser.parse_args()
    ports = flow.Ports.given(given)
    seen: list[dict[str, float]] = []
    begun = time.monotonic()
    print(f"{'minute':>6} {'MiB':>6} {'p50 ms':>7} {'p99 ms':>7} {'ingest ms':>10} {'process ms':>10}", flush=True)
    while time.monotonic() < begun + given.minutes * 60:
        latency, batches = minute(ports, given.rate)
        seen.append({"MiB": memory(given.pipectl), "p50 ms": latency.half, "p99 ms": latency.most} | batches)
        now = (time.monotonic() - begun) / 60
        last = seen[-1]
        print(
            f"{now:6.0f} {last['MiB']:6.0f} {latency.half:7.0f} {latency.most:7.0f} {last['ingest']:10.0f} {last['process']:10.0f}",
            flush=True,
        )
    quarter = max(1, len(seen) // 4)
    print("\nmedian of the first quarter, of the last one, and their ratio")
    for name in seen[0]:
        first, last_ = (statistics.median(row[name] for row in part) for part in (seen[:quarter], seen[-quarter:]))
        print(f"{name:>10} {first:8.0f} {last_:8.0f} {last_ / first if first else 0:6.2f}x")


if __name__ == "__main__":
    main()
