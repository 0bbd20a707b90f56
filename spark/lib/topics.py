"""The topics job 1 reads."""

from __future__ import annotations

import logging
import threading
import time

from pyspark.sql import SparkSession

log = logging.getLogger(__name__)


class MissingTopicsError(Exception):
    """Topics did not appear in time."""


def wait_for(
    spark: SparkSession, bootstrap: str, names: list[str], stopping: threading.Event, seconds: float = 120
) -> None:
    """Until all topics exist. They are made by `pipectl up`, or by Debezium with its first record."""
    jvm = spark._jvm
    settings = jvm.java.util.Properties()
    settings.put("bootstrap.servers", bootstrap)
    admin = jvm.org.apache.kafka.clients.admin.AdminClient.create(settings)
    try:
        deadline = time.monotonic() + seconds
        reported: set[str] = set()
        while missing := set(names) - set(admin.listTopics().names().get()):
            if time.monotonic() > deadline:
                raise MissingTopicsError(f"no topic {', '.join(sorted(missing))} within {seconds:.0f} s")
            if missing != reported:
                log.info("waiting for topics: %s", ", ".join(sorted(missing)))
                reported = missing
            if stopping.wait(0.2):
                return
    finally:
        admin.close()
