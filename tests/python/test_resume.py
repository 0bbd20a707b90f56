"""Where a query with a new checkpoint begins: nothing is lost and nothing comes twice, also when its start is cut off."""

from __future__ import annotations

import json
import time

from lib import resume
from lib.commits import Mark
from test_commits import TABLE, FakeFiles, log_with


def test_the_first_start_ever_begins_at_the_first_record():
    begin = resume.offsets(log_with(), "c", TABLE, ["a", "b"])
    assert begin == {}
    assert json.loads(resume.starting_offsets(["a", "b"], begin)) == {"a": {"0": -2}, "b": {"0": -2}}


def test_a_lost_checkpoint_begins_where_the_change_log_ends():
    begin = resume.offsets(log_with(0, 1, 2), "c", TABLE, ["t", "added"])
    assert begin == {"t": 20}
    assert json.loads(resume.starting_offsets(["t", "added"], begin)) == {"t": {"0": 20}, "added": {"0": -2}}


def test_what_was_decided_once_stays_whatever_the_log_says_later():
    files = log_with(0)
    assert resume.offsets(files, "c", TABLE, ["t"]) == {"t": 0}
    files.commit(2, None)
    files.texts[f"{TABLE}/_delta_log/{3:020d}.json"] = log_with(0, 1, 2, 3).texts[f"{TABLE}/_delta_log/{3:020d}.json"]
    assert resume.offsets(files, "c", TABLE, ["t"]) == {"t": 0}


def test_a_checkpoint_of_other_tables_is_dropped_and_reading_goes_on_where_the_log_ends():
    files = log_with(0)
    assert resume.offsets(files, "c", TABLE, ["t", "left"]) == {"t": 0}
    files.texts["c/offsets/0"] = "v1"
    files.commit(2, Mark("q", 1, {"t": 10, "left": 4}).metadata())
    # The same ones in another order are no others.
    assert resume.offsets(files, "c", TABLE, ["left", "t"]) == {"t": 0}
    assert "c/offsets/0" in files.texts
    assert resume.offsets(files, "c", TABLE, ["t"]) == {"t": 10, "left": 4}
    assert "c/offsets/0" not in files.texts


def test_a_checkpoint_that_does_not_say_its_tables_is_dropped():
    files = log_with(0, 1)
    files.texts |= {"c/starting_offsets": "{}", "c/offsets/0": "v1"}
    assert resume.offsets(files, "c", TABLE, ["t"]) == {"t": 10}
    assert "c/offsets/0" not in files.texts


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


def begin(files: FakeFiles, caught_up: list[int], topics: list[str] | None = None) -> str:
    reader = resume.Reader("c", topics or ["t", "u"], ["t", "u"], caught_up.append)
    return resume.change_log(FakeReader(), files, TABLE, reader).options["startingVersion"]


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
        resume.change_log(FakeReader(), files, TABLE, resume.Reader("c", ["t"], [], fails))
    except OSError:
        files.commit(2, None)
    assert begin(files, caught_up) == "2"
    assert caught_up == [2]


def reached(files: FakeFiles, version: int) -> None:
    """The query has done a batch that ends before this version of the change log."""
    files.texts["c/starting_version"] = "0"
    files.texts["c/offsets/6"] = "v1\n{}\n" + json.dumps({"reservoirVersion": version - 1, "index": -1})
    files.texts["c/offsets/7"] = "v1\n{}\n" + json.dumps({"reservoirVersion": version, "index": -1})
    files.texts["c/commits/7"] = "v1\n{}"


def commit_path(version: int) -> str:
    return f"{TABLE}/_delta_log/{version:020d}.json"


def test_a_query_that_is_not_far_behind_goes_on():
    files, caught_up = log_with(0, 1, 2, 3), []
    reached(files, 2)
    assert (begin(files, caught_up), caught_up) == ("1", [])
    # A change log that was quiet for long is no reason either: its newest commit is in use.
    for version in range(5):
        files.written_ms[commit_path(version)] = 0
    for version in (4, 5):
        reached(files, version)
        assert (begin(files, caught_up), caught_up) == (str(version - 1), [])


def test_a_query_whose_next_commit_may_be_cleaned_away_begins_anew():
    files, caught_up = log_with(0, 1, 2, 3), []
    reached(files, 2)
    files.written_ms[commit_path(2)] = (time.time() - 4 * 3600) * 1000
    assert (begin(files, caught_up), caught_up) == ("4", [4])
    assert "c/offsets/7" not in files.texts


def test_a_query_whose_next_commit_is_gone_begins_anew():
    files, caught_up = log_with(0, 1, 2, 3), []
    reached(files, 2)
    del files.texts[commit_path(2)]
    assert (begin(files, caught_up), caught_up) == ("4", [4])


def test_spark_looks_for_the_last_batch_again():
    files, caught_up = log_with(0, 1, 2, 3), []
    reached(files, 3)
    del files.texts[commit_path(2)]
    assert (begin(files, caught_up), caught_up) == ("4", [4])


def test_a_batch_that_was_begun_only_counts_as_not_done():
    files, caught_up = log_with(0, 1, 2, 3), []
    reached(files, 2)
    files.texts["c/offsets/8"] = files.texts["c/offsets/7"].replace("2", "4")
    del files.texts[commit_path(2)]
    assert (begin(files, caught_up), caught_up) == ("4", [4])


def test_a_table_that_comes_back_is_caught_up_with_and_one_that_leaves_or_joins_is_not():
    files, caught_up = log_with(0, 1, 2, 3), []
    reached(files, 2)
    assert (begin(files, caught_up), caught_up) == ("1", [])
    assert (begin(files, caught_up, ["t"]), caught_up) == ("1", [])
    assert (begin(files, caught_up, ["t", "new"]), caught_up) == ("1", [])
    # Changes of it were passed over meanwhile.
    assert (begin(files, caught_up, ["t", "new", "u"]), caught_up) == ("4", [4])
    assert (begin(files, caught_up, ["t", "new", "u"]), caught_up) == ("4", [4])
