"""Work that is due now and then, done by whoever passes by."""

from __future__ import annotations

import time
from collections.abc import Callable


class Every:
    """Tells when so many seconds have passed, the first time after `first`."""

    def __init__(self, seconds: float, first: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._next = clock() + first

    def is_due(self) -> bool:
        """True once for each time that has come; times that were missed are not made up for."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True
