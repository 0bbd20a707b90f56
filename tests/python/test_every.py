"""Work that is due now and then."""

from __future__ import annotations

from lib.every import Every


def test_it_is_due_once_for_each_time_that_comes_and_not_for_those_that_were_missed():
    times = [100.0, 104.9, 105.0, 106.0, 115.0, 150.0, 151.0, 160.0]
    clock = iter([100.0, *times])
    every = Every(10.0, 5.0, lambda: next(clock))
    assert [every.is_due() for _ in times] == [False, False, True, False, True, True, False, True]
