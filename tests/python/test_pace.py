"""How often what is expensive is done."""

from __future__ import annotations

import pytest
from lib.pace import pause_between_merges


@pytest.mark.parametrize(
    ("took", "share", "seconds"),
    [
        (2, 25, 18),  # the interval is what counts on a fast machine,
        (10, 25, 30),  # on a slow one the share of the time,
        (10, 100, 10),
        (40, 100, 0),
        (600, 25, 60),  # and after a backlog the longest pause.
    ],
)
def test_pause_after_a_merge(took: float, share: int, seconds: float) -> None:
    assert pause_between_merges(took, 20, share) == seconds
