"""What is remembered of the runs of a job: the catalog's history of runs is made of it."""

from __future__ import annotations

import time
import uuid
from collections import deque
from typing import Any

# As many as a catalog that was away for a while may have missed.
_REMEMBERED = 50


class Run:
    """One run of a job, from its submission to its end, with what it has done since it began."""

    def __init__(self) -> None:
        # Of the run itself, so that whoever tells of it twice tells of the same.
        self.id = str(uuid.uuid4())
        self.started_ms = now_ms()
        self.ended_ms: int | None = None
        self.batches = 0
        self.rows = 0

    def batch(self, rows: int | None) -> None:
        """Counts a committed micro-batch."""
        self.batches += 1
        self.rows += rows or 0

    def end(self) -> None:
        """The job has ended; its state says how."""
        self.ended_ms = now_ms()

    def describe(self, state: str, detail: str) -> dict[str, Any]:
        """The run for GET /jobs."""
        return {
            "id": self.id,
            "started_ms": self.started_ms,
            "ended_ms": self.ended_ms,
            "state": state,
            "detail": detail,
            "batches": self.batches,
            "rows": self.rows,
        }


class History:
    """The newest ended runs by job, oldest first."""

    def __init__(self) -> None:
        self._runs: dict[str, deque[dict[str, Any]]] = {}

    def add(self, job: str, run: dict[str, Any]) -> None:
        """Keeps what a run has ended as."""
        self._runs.setdefault(job, deque(maxlen=_REMEMBERED)).append(run)

    def of(self, job: str) -> list[dict[str, Any]]:
        """The ended runs of a job."""
        return list(self._runs.get(job, ()))


def now_ms() -> int:
    """The time, milliseconds since 1970."""
    return int(time.time() * 1000)
