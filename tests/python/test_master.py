"""Why an application has no executor, from the master's page as Spark 4.2 writes it."""

from __future__ import annotations

from typing import Any

import master
import pytest


def page(*workers: tuple[int, str], application: int = 384) -> dict[str, Any]:
    """A page with workers of so many MiB in a state, and one application."""
    return {
        "status": "ALIVE",
        "workers": [
            {"id": f"worker-{n}", "memory": memory, "state": state} for n, (memory, state) in enumerate(workers)
        ],
        "activeapps": [{"id": "app-1", "memoryperexecutor": application, "state": "WAITING"}],
    }


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (page(), "no worker is registered"),
        (page((512, "DEAD")), "no worker is registered"),
        (page((128, "ALIVE"), (256, "ALIVE")), "it needs 384 MiB, and no worker has more than 256 MiB"),
        (page((512, "ALIVE")), "a worker is starting one"),
        ({"status": "STANDBY", "workers": [], "activeapps": []}, "the master does not answer"),
    ],
)
def test_the_reason_is_told(found: dict[str, Any], reason: str) -> None:
    assert master.why_no_executor(master.read(found), "app-1") == f"no executor: {reason}"


def test_an_application_that_the_master_forgot() -> None:
    cluster = master.read(page((512, "ALIVE")))
    assert cluster is not None
    assert cluster.knows("app-1")
    assert not cluster.knows("app-2")
