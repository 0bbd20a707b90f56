"""One transaction of many rows at the source, until all of them are in the destination. The generator must not run.

Prints rows per second.
"""

from __future__ import annotations

import argparse
import time

import flow

_PATIENCE = 600.0


def burst(ports: flow.Ports, number: int) -> float:
    """Rows per second from the begin of the transaction to the last row's arrival."""
    begun, mark = time.monotonic(), f"b{time.time_ns()}"
    flow.insert(ports.source, number, mark)
    flow.all_of_it(ports, f"{number} rows in the destination", _PATIENCE)
    took = time.monotonic() - begun
    flow.check_noted(ports, mark, number)
    return number / took


def main() -> None:
    """One burst."""
    parser = flow.ports(argparse.ArgumentParser(description=__doc__))
    parser.add_argument("--rows", type=int, default=100_000, help="how many")
    given = parser.parse_args()
    print(f"{burst(flow.Ports.given(given), given.rows):.0f}")


if __name__ == "__main__":
    main()
