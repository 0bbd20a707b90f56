"""The exactly-once guard, against files that only a test holds."""

from __future__ import annotations

import json
import time

import pytest
from lib.commits import AppendGuard, GuardError, Mark, has_log, is_followed, marks, parse_commit
from lib.offsetlog import KafkaOffsets, delta_version, parse

TABLE = "hdfs://x/_changes"


class FakeFiles:
    """A directory of texts."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.written_ms: dict[str, float] = {}  # those that are not new

    def names(self, directory):
        return [path.removeprefix(directory + "/") for path in self.texts if path.startswith(directory + "/")]

    def read(self, path):
        return self.texts[path]

    def find(self, path):
        return self.texts.get(path)

    def exists(self, path):
        return path in self.texts or bool(self.names(path))

    def create(self, path, text):
        if path in self.texts:
            return False
        self.texts[path] = text
        return True

    def modified_ms(self, path):
        return self.written_ms.get(path, time.time() * 1000)

    def delete(self, path):
        self.texts = {
            name: text for name, text in self.texts.items() if name != path and not name.startswith(path + "/")
        }

    def commit(self, version: int, metadata: str | None) -> None:
        info = {"commitInfo": {"operation": "WRITE"} | ({"userMetadata": metadata} if metadata else {})}
        text = json.dumps(info) + "\n" + json.dumps({"add": {"path": "x"}})
        self.texts[f"{TABLE}/_delta_log/{version:020d}.json"] = text


def log_with(*batches: int, app: str = "q") -> FakeFiles:
    files = FakeFiles()
    files.commit(0, None)
    for version, batch in enumerate(batches, 1):
        files.commit(version, Mark(app, batch, {"t": batch * 10}).metadata())
    return files


def test_first_batch_of_an_empty_table():
    assert not AppendGuard(log_with(), TABLE, {}).is_done("q", 0)


def test_the_position_in_a_topic_that_is_read_no_more_goes_on_being_told():
    files = FakeFiles()
    files.commit(1, Mark("q", 0, {"t": 10, "left": 7}, topic_ids={"t": "A", "left": "B"}).metadata())
    guard = AppendGuard(files, TABLE, {"t": 10, "left": 7})
    assert not guard.is_done("r", 0)
    for batch, end in ((0, 12), (1, 15)):
        mark = guard.mark("r", batch, {"t": end}, {"t": "A"})
        assert (mark.offsets, mark.topic_ids) == ({"t": end, "left": 7}, {"t": "A", "left": "B"})
        guard.committed(mark)
    # Deleted while nobody read it: its offsets would not be those of before.
    with pytest.raises(GuardError, match="topic left was deleted and made anew"):
        guard.check_topics({"t": "A", "left": "C"})


def test_batch_committed_before_the_crash_is_skipped_and_the_next_is_not():
    guard = AppendGuard(log_with(0, 1, 2), TABLE, {})
    assert guard.is_done("q", 2)
    assert not guard.is_done("q", 3)


def test_batch_after_the_newest_commit():
    assert not AppendGuard(log_with(0, 1), TABLE, {}).is_done("q", 2)


def test_commits_of_others_in_between_do_not_matter():
    files = log_with(0, 1)
    files.commit(3, None)
    files.commit(4, "OPTIMIZE by hand")
    assert AppendGuard(files, TABLE, {}).is_done("q", 1)


def test_own_commits_are_remembered_without_reading_again():
    files = log_with()
    guard = AppendGuard(files, TABLE, {})
    assert not guard.is_done("q", 0)
    guard.committed(Mark("q", 0, {}))
    files.texts.clear()
    assert guard.is_done("q", 0)


@pytest.mark.parametrize(
    ("files", "app", "batch", "message"),
    [
        (log_with(0, 1, app="other"), "q", 2, "written from another checkpoint"),
        (log_with(0, 1), "q", 5, "holds batches up to 1, but the checkpoint runs batch 5"),
        (log_with(0, 1, 2, 3), "q", 1, "holds batches up to 3, but the checkpoint runs batch 1"),
        (log_with(), "q", 4, "is empty, but the checkpoint has reached batch 4"),
    ],
)
def test_table_and_checkpoint_that_do_not_belong_together(files, app, batch, message):
    with pytest.raises(GuardError, match=message) as error:
        AppendGuard(files, TABLE, {}).is_done(app, batch)
    assert "pipectl repair resnapshot" in str(error.value)


def test_data_without_any_commit_of_ours():
    files = log_with()
    files.commit(1, None)
    with pytest.raises(GuardError, match="no commit of this job is left"):
        AppendGuard(files, TABLE, {}).is_done("q", 0)


def test_a_new_checkpoint_that_begins_where_the_log_ends_goes_on():
    guard = AppendGuard(log_with(0, 1, app="lost"), TABLE, {"t": 10})
    assert not guard.is_done("new", 0)
    guard.committed(Mark("new", 0, {"t": 30}))
    assert guard.is_done("new", 0)


@pytest.mark.parametrize(("begin", "batch"), [({"t": 0}, 0), ({}, 0), ({"t": 10}, 1)])
def test_a_new_checkpoint_that_begins_elsewhere_is_refused(begin, batch):
    with pytest.raises(GuardError, match="written from another checkpoint"):
        AppendGuard(log_with(0, 1, app="lost"), TABLE, begin).is_done("new", batch)


def test_a_topic_made_anew_is_refused():
    files = log_with()
    files.commit(1, Mark("q", 0, {"t": 10}, topic_ids={"t": "first"}).metadata())
    guard = AppendGuard(files, TABLE, {})
    guard.is_done("q", 1)
    guard.check_topics({"t": "first", "added": "x"})
    with pytest.raises(GuardError, match="topic t was deleted and made anew.*pipectl repair resnapshot"):
        guard.check_topics({"t": "second", "added": "x"})


def test_marks_come_newest_first():
    assert [mark.batch for mark in marks(log_with(0, 1, 2), TABLE)] == [2, 1, 0]


@pytest.mark.parametrize("metadata", [None, "free text", '"a string"', '{"app": "x"}'])
def test_foreign_metadata_is_no_mark(metadata):
    files = FakeFiles()
    files.commit(7, metadata)
    assert parse_commit(next(iter(files.texts.values())), 7) is None


def test_offset_log():
    text = 'v1\n{"batchWatermarkMs":0}\n{"t":{"0":17}}'
    assert parse(text) == {"t": {"0": 17}}
    with pytest.raises(ValueError, match="not an offset log entry"):
        parse("garbage")


def test_records_of_a_batch_are_counted_from_its_predecessor():
    files = FakeFiles()
    for batch, ends in enumerate(({"a": {"0": 5}}, {"a": {"0": 7}, "b": {"0": 1}})):
        files.texts[f"c/offsets/{batch}"] = f"v1\n{{}}\n{json.dumps(ends)}"
    assert KafkaOffsets(files, "c", {"a": 2}).of(1) == ({"a": 7, "b": 1}, 3)
    offsets = KafkaOffsets(files, "c", {"a": 2})
    assert offsets.of(0) == ({"a": 5}, 3)  # the query began at 2
    assert offsets.of(1) == ({"a": 7, "b": 1}, 3)


def test_delta_offset():
    assert delta_version({"reservoirVersion": 12, "index": -1}) == 11


def test_a_table_whose_first_commits_were_removed_is_still_there():
    files = FakeFiles()
    assert not has_log(files, TABLE)
    files.commit(0, None)
    files.commit(1, None)
    assert has_log(files, TABLE)
    files.delete(f"{TABLE}/_delta_log/{0:020d}.json")
    assert has_log(files, TABLE)


def test_a_commit_is_followed_by_one_that_has_files_and_goes_further():
    files = log_with(1, 2)  # versions 1 and 2, up to offsets 10 and 20
    assert is_followed(files, TABLE, 1, {"t": 10})
    assert not is_followed(files, TABLE, 1, {"t": 20}), "of these there is nothing new in it"
    assert not is_followed(files, TABLE, 1, {"other": 0}), "or of these"
    assert not is_followed(files, TABLE, 2, {"t": 20}), "it is the newest"
    files.commit(3, None)
    assert not is_followed(files, TABLE, 2, {"t": 20}), "a compaction adds no changes"
    files.texts[f"{TABLE}/_delta_log/{4:020d}.json"] = json.dumps(
        {"commitInfo": {"userMetadata": Mark("q", 3, {"t": 30}).metadata()}}
    )
    assert not is_followed(files, TABLE, 3, {"t": 20}), "no file, no batch"
