"""What a job reports to the job server: one JSON object per line on a pipe, apart from its log on stderr."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any


class Events:
    """Writes events to the descriptor the job server passed, or to stdout where there is none."""

    def __init__(self, descriptor: int | None = None) -> None:
        given = os.environ.get("PIPECTL_EVENTS_FD")
        number = descriptor if descriptor is not None else int(given) if given else sys.stdout.fileno()
        self._file = os.fdopen(os.dup(number), "w", buffering=1, encoding="utf-8")
        self._lock = threading.Lock()

    def emit(self, event: str, **fields: Any) -> None:
        """Writes one event."""
        line = json.dumps({"event": event, "at_ms": int(time.time() * 1000), **fields})
        with self._lock:
            self._file.write(line + "\n")
