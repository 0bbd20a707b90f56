"""Control process of the Spark driver: starts its JVM, runs submitted jobs in it, answers questions about them and the lake."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import master
from api import Listener, ReadHandler, SubmitHandler
from jobs import Jobs
from jvm import Jvm, spark_options
from tables import Tables

log = logging.getLogger(__name__)

_READ_PORT = 4041
_SUBMIT_PORT = 4042
_HOME = Path("/opt/spark")
_MASTER_POLL_SECONDS = 3.0
# Not at the first sight: an application that has just registered may be missing from the page.
_MASTER_POLLS = 2


class JobServer:
    """Everything the listeners ask."""

    def __init__(self) -> None:
        self.jobs = Jobs()
        self._detail = "the JVM is starting"
        # Why there is none, where there is none; and the one of these that the log has.
        self._without_executor = "no executor"
        self._logged = ""
        self._jvm: Jvm | None = None
        self._tables: tuple[Path, Tables] | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    @property
    def jvm(self) -> Jvm:
        """The JVM; only asked for after `is_ready`."""
        assert self._jvm is not None
        return self._jvm

    @property
    def is_ready(self) -> bool:
        """Whether jobs can be run."""
        return self._jvm is not None and self._jvm.session is not None

    def health(self) -> tuple[int, dict[str, Any]]:
        """Ready when the application is registered and an executor runs."""
        if not self.is_ready:
            return 503, {"status": "starting", "detail": self._detail}
        cores = self.jvm.executor_cores()
        if not cores:
            return 503, {"status": "starting", "detail": self._without_executor}
        return 200, {"status": "ready", "app_id": self.jvm.app_id, "executors": len(cores), "cores": sum(cores)}

    def tables(self) -> Tables | None:
        """Readers of the lake, as the newest submitted pipeline.yml describes it."""
        root = self.jobs.newest_root()
        if root is None or not self.is_ready:
            return None
        with self._lock:
            if self._tables is None or self._tables[0] != root:
                self._tables = (root, Tables(self.jvm, root))
            return self._tables[1]

    def run(self) -> int:
        """Until the JVM ends or the process is asked to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        for listener in (Listener(_READ_PORT, ReadHandler, self), Listener(_SUBMIT_PORT, SubmitHandler, self)):
            threading.Thread(target=listener.serve_forever, daemon=True).start()
        arguments = f"@{_HOME}/conf/driver.args"
        options = spark_options(_HOME / "conf/spark-defaults.conf", dict(os.environ))
        jvm = Jvm(["java", f"-Xmx{os.environ['DRIVER_HEAP']}", arguments, *options])
        self._jvm = jvm
        threading.Thread(target=self._start_session, daemon=True).start()
        while not self._stopping.wait(0.2):
            if jvm.process.poll() is not None:
                log.error("the JVM has ended with code %s", jvm.process.returncode)
                return 1
        log.info("stopping")
        self.jobs.stop_all()
        jvm.stop(seconds=5)
        return 0

    def _start_session(self) -> None:
        self._detail = "waiting for the master"
        # An application whose first registration finds no master tries again only 20 s later.
        _wait_for(os.environ["SPARK_MASTER"], self._stopping)
        self._detail = "connecting to the master"
        try:
            self.jvm.start_session()
        except Exception:  # whatever it is, the container has to start anew
            log.exception("no Spark session")
            os.kill(os.getpid(), signal.SIGABRT)
        log.info("application %s", self.jvm.app_id)
        self._watch_master()

    def _look_for_executors(self, reason: str) -> None:
        """Keeps the reason why there is none, and logs it where it still holds at the next look: a start takes one or two."""
        missing = not self.jvm.executor_cores()
        if missing and reason == self._without_executor and reason != self._logged:
            log.error("%s", reason)
            self._logged = reason
        if not missing:
            self._logged = ""
        self._without_executor = reason

    def _watch_master(self) -> None:
        """Ends this container when the master has forgotten the application, which nothing else would ever mend.

        A master that was killed starts with an empty memory: it gives no executor to an application that it does not know, and
        the application waits for it for ever. The container's restart registers a new one, and the jobs are submitted to it again.
        """
        forgotten = 0
        while not self._stopping.wait(_MASTER_POLL_SECONDS):
            cluster = master.ask(os.environ["SPARK_MASTER"])
            self._look_for_executors(master.why_no_executor(cluster, self.jvm.app_id))
            forgotten = forgotten + 1 if cluster is not None and not cluster.knows(self.jvm.app_id) else 0
            if forgotten >= _MASTER_POLLS:
                log.error("the master does not know %s any more: starting anew", self.jvm.app_id)
                os.kill(os.getpid(), signal.SIGTERM)
                return


def _wait_for(address: str, stopping: threading.Event) -> None:
    """Until something listens at a `spark://host:port`."""
    host, _, port = address.removeprefix("spark://").rpartition(":")
    while not stopping.is_set():
        try:
            socket.create_connection((host, int(port)), timeout=2).close()
        except OSError:
            stopping.wait(0.1)
        else:
            return


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("py4j").setLevel(logging.WARNING)
    sys.exit(JobServer().run())
