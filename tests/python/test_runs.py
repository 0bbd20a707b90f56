"""What the driver remembers of a job's runs."""

from __future__ import annotations

import uuid

from runs import History, Run, now_ms


def test_a_run_counts_what_it_committed_and_ends_once() -> None:
    before = now_ms()
    run = Run()
    for rows in (3, 0, None, 4):
        run.batch(rows)
    going = run.describe("running", "")
    assert uuid.UUID(going["id"]).version == 4
    assert before <= going["started_ms"] <= now_ms()
    assert (going["batches"], going["rows"], going["ended_ms"]) == (4, 7, None)
    run.end()
    ended = run.describe("failed", "out of memory")
    assert ended["id"] == going["id"]
    assert ended["ended_ms"] >= ended["started_ms"]
    assert (ended["state"], ended["detail"]) == ("failed", "out of memory")


def test_the_newest_runs_are_kept_by_job() -> None:
    history = History()
    for number in range(60):
        history.add("ingest", {"id": str(number)})
    kept = [run["id"] for run in history.of("ingest")]
    assert (len(kept), kept[0], kept[-1]) == (50, "10", "59")
    assert history.of("process") == []
