"""Where a query with a new checkpoint begins: nothing is lost and nothing comes twice, also when its start is cut off."""

from __future__ import annotations

import json

from lib import resume
from test_commits import TABLE, FakeFiles, log_with


def test_the_first_start_ever_begins_at_the_first_record():
    begin = resume.offsets(log_with(), "c", TABLE)
    assert begin == {}
    assert json.loads(resume.starting_offsets(["a", "b"], begin)) == {"a": {"0": -2}, "b": {"0": -2}}


def test_a_lost_checkpoint_begins_where_the_change_log_ends():
    begin = resume.offsets(log_with(0, 1, 2), "c", TABLE)
    assert begin == {"t": 20}
    assert json.loads(resume.starting_offsets(["t", "added"], begin)) == {"t": {"0": 20}, "added": {"0": -2}}


def test_what_was_decided_once_stays_whatever_the_log_says_later():
    files = log_with(0)
    assert resume.offsets(files, "c", TABLE) == {"t": 0}
    files.commit(2, None)
    files.texts[f"{TABLE}/_delta_log/{3:020d}.json"] = log_with(0, 1, 2, 3).texts[f"{TABLE}/_delta_log/{3:020d}.json"]
    assert resume.offsets(files, "c", TABLE) == {"t": 0}


class FakeReader:
    """Keeps its options."""

    def __init__(self) -> None:
        self.options: dict[str, str] = {}
        self.readStream = self

    def format(self, name):
        return self

    def option(self, name, value):
        self.options[name] = value
        return self


def begin(files: FakeFiles, caught_up: list[int]) -> str:
    reader = resume.change_log(FakeReader(), files, "c", TABLE, caught_up.append)
    return reader.options["startingVersion"]


def test_a_new_checkpoint_catches_up_once_and_then_follows_the_commits():
    files, caught_up = log_with(0, 1), []
    assert begin(files, caught_up) == "2"
    files.commit(3, None)
    assert begin(files, caught_up) == "2"
    assert caught_up == [2]


def test_a_catching_up_that_fails_is_done_again():
    files, caught_up = log_with(0), []

    def fails(version: int) -> None:
        raise OSError("cut off")

    try:
        resume.change_log(FakeReader(), files, "c", TABLE, fails)
    except OSError:
        files.commit(2, None)
    assert begin(files, caught_up) == "2"
    assert caught_up == [2]
