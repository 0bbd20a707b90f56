"""The topics job 1 reads."""

from __future__ import annotations

import logging
import threading
import time

from pyspark.sql import SparkSession

log = logging.getLogger(__name__)


class MissingTopicsError(Exception):
    """Topics did not appear in time."""


class Topics:
    """What the broker says of them."""

    def __init__(self, spark: SparkSession, bootstrap: str, names: list[str]) -> None:
        jvm = spark._jvm
        settings = jvm.java.util.Properties()
        settings.put("bootstrap.servers", bootstrap)
        self._admin = jvm.org.apache.kafka.clients.admin.AdminClient.create(settings)
        self._names = names
        self._java_names = jvm.java.util.ArrayList()
        for name in names:
            self._java_names.add(name)

    def wait_for(self, stopping: threading.Event, seconds: float = 120) -> None:
        """Until all exist. They are made by `pipectl up`, or by Debezium with its first record."""
        deadline = time.monotonic() + seconds
        reported: set[str] = set()
        while missing := set(self._names) - set(self._admin.listTopics().names().get()):
            if time.monotonic() > deadline:
                raise MissingTopicsError(f"no topic {', '.join(sorted(missing))} within {seconds:.0f} s")
            if missing != reported:
                log.info("waiting for topics: %s", ", ".join(sorted(missing)))
                reported = missing
            if stopping.wait(0.2):
                return

    def ids(self) -> dict[str, str]:
        """Kafka's id of each: a topic that was deleted and made anew has another one, and the same name."""
        described = self._admin.describeTopics(self._java_names).allTopicNames().get()
        return {name: described.get(name).topicId().toString() for name in self._names}
