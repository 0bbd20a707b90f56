"""What the standalone master tells about the cluster, and why an application has no executor."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Cluster:
    """What the master's page says; sizes in MiB."""

    # What an executor of each application needs, by the application's id.
    applications: dict[str, int] = field(default_factory=dict)
    # What each worker that is alive has in all.
    workers: list[int] = field(default_factory=list)

    def knows(self, application: str) -> bool:
        """Whether the application is registered."""
        return application in self.applications


def ask(address: str) -> Cluster | None:
    """The state at a `spark://host:port`; nothing while the master does not answer or is not the one that decides."""
    host = address.removeprefix("spark://").rpartition(":")[0]
    try:
        with urllib.request.urlopen(f"http://{host}:8080/json/", timeout=2) as answer:
            return read(json.load(answer))
    except (OSError, ValueError):
        return None


def read(page: dict[str, Any]) -> Cluster | None:
    """The page as Spark writes it (org.apache.spark.deploy.JsonProtocol)."""
    if page["status"] != "ALIVE":
        return None
    return Cluster(
        applications={found["id"]: found["memoryperexecutor"] for found in page["activeapps"]},
        workers=[found["memory"] for found in page["workers"] if found["state"] == "ALIVE"],
    )


def why_no_executor(cluster: Cluster | None, application: str) -> str:
    """Why the application has none, for the case that it has none."""
    if cluster is None:
        return "no executor: the master does not answer"
    if not cluster.workers:
        return "no executor: no worker is registered"
    needed, largest = cluster.applications.get(application), max(cluster.workers)
    if needed is not None and needed > largest:
        return f"no executor: it needs {needed} MiB, and no worker has more than {largest} MiB"
    return "no executor: a worker is starting one"
