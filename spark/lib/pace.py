"""How often something is done whose cost grows while it is put off."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

_LONGEST_PAUSE = 60.0


def pause_between_merges(took: float, interval: float, share: int) -> float:
    """Seconds until the next merge may begin: one begins every `interval` seconds, and they take `share` percent of the time at most.

    However slow the machine: the flow to the destination needs the rest of the time. A merge of minutes had a backlog, though, and who
    reads the tables waits for the next one.
    """
    return max(interval - took, min(took * (100 - share) / share, _LONGEST_PAUSE))


class Pace:
    """Leaves a pause after each time: so many seconds, or so many times as long as the work has taken, whichever is longer."""

    def __init__(self, seconds: float, times: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._times = times
        self._clock = clock
        self._next = clock()

    def is_due(self) -> bool:
        """Whether the pause is over."""
        return self._clock() >= self._next

    @contextlib.contextmanager
    def work(self) -> Iterator[None]:
        """Takes the time of the work in the block."""
        begun = self._clock()
        yield
        now = self._clock()
        self._next = now + max(self._seconds, (now - begun) * self._times)
