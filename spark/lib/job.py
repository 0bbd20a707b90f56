"""The frame of a job: session, settings, orderly stop, and reports to the job server."""

from __future__ import annotations

import contextlib
import logging
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import StreamingQuery

from lib.casts import stopped_at
from lib.commits import RESNAPSHOT
from lib.events import Events
from lib.pipeline import Pipeline, load
from lib.session import attach
from lib.settings import Settings
from lib.storage import Storage

log = logging.getLogger(__name__)

# To end, and to do now what is done at an interval.
_SIGNALS = {signal.SIGTERM, signal.SIGUSR1}
_WATCH_SECONDS = 0.5
_LAKE_POLL_SECONDS = 0.5
_FIRST_TRIGGER_POLL_SECONDS = 0.05
# How messages begin of Spark's Kafka source and of py4j, and what says which topic a task could not read on.
_LOST = "Some data may have been lost"
_JAVA_CALL = "An error occurred while calling "
_OUT_OF_RANGE = re.compile(r"is out of range for partition (\S+)-\d+")
# Characters of a failed batch's message that Spark gets to see.
_MOST_TOLD = 500


class LakeError(Exception):
    """The lake's file system does not answer."""


class BatchFailedError(Exception):
    """What Spark is told of a failed batch."""


@dataclass
class BatchReport:
    """What a batch did, filled in while it runs."""

    batch: int
    rows: int = 0
    offsets: dict[str, int] = field(default_factory=dict)  # topic -> end offset, exclusive
    version: int | None = None
    committed_ms: int | None = None

    def committed(self) -> None:
        """Notes the time at which others can see the batch."""
        self.committed_ms = int(time.time() * 1000)


class Job:
    """One job's surroundings, handed to its script."""

    def __init__(self, name: str, settings: Settings, events: Events) -> None:
        self.name = name
        self.settings = settings
        self.events = events
        self.pipeline: Pipeline = load(settings.root / "pipeline.yml")
        self.spark: SparkSession = attach()
        self.storage = Storage(self.spark)
        self.stopping = threading.Event()
        self._hurried = threading.Event()
        self._queries: list[StreamingQuery] = []
        self._failure: Exception | None = None

    def await_lake(self, seconds: float = 120) -> None:
        """Until the lake's file system can be read. One that was killed comes back within seconds, and a job that ended each time it asks
        meanwhile would be restarted in a loop."""
        deadline, told = time.monotonic() + seconds, ""
        while not self.stopping.is_set() and (problem := self._lake_problem()):
            if time.monotonic() > deadline:
                raise LakeError(problem)
            if problem != told:
                log.warning("waiting for the lake: %s", problem)
                self.events.emit("warning", message=f"waiting for the lake: {problem}")
                told = problem
            self.stopping.wait(_LAKE_POLL_SECONDS)
        if told:
            self.events.emit("warning", message="")

    def _lake_problem(self) -> str:
        path = self.pipeline.lake_path
        try:
            return f"{path}: Name node is in safe mode" if self.storage.is_in_safe_mode(path) else ""
        except (PySparkException, Py4JError) as error:
            return f"{path}: {one_line(error)}"

    def notice(self, text: str) -> None:
        """Tells what takes so long before the job is ready; nothing once it is over."""
        if text:
            log.info("%s", text)
        self.events.emit("notice", message=text)

    def rest(self, seconds: float) -> None:
        """Waits, and no longer once somebody asks for what comes next (also if that was before), or the job is to stop."""
        if not self.stopping.is_set():
            self._hurried.wait(seconds)
            self._hurried.clear()

    def hurry(self) -> None:
        """Ends the present rest, or the next one."""
        self._hurried.set()

    def stop(self) -> None:
        """Asks the job to end."""
        self.stopping.set()
        self._hurried.set()

    def checkpoint(self, query: str) -> str:
        """Where a query of this job keeps its place."""
        return f"{self.pipeline.checkpoints}/{self.name}/{query}"

    def query_id(self) -> str:
        """Inside foreachBatch: the id of the running query, which its checkpoint keeps over restarts."""
        return self.spark.sparkContext.getLocalProperty("sql.streaming.queryId")

    @contextlib.contextmanager
    def batch(self, batch_id: int) -> Iterator[BatchReport]:
        """Reports the batch done in the block; nothing is reported for one that fails."""
        started = time.monotonic()
        report = BatchReport(batch_id)
        yield report
        self.events.emit(
            "batch",
            batch=batch_id,
            rows=report.rows,
            duration_ms=int((time.monotonic() - started) * 1000),
            committed_ms=report.committed_ms or int(time.time() * 1000),
            offsets=report.offsets,
            version=report.version,
        )

    def guarded(self, work: Callable[[DataFrame, int], None]) -> Callable[[DataFrame, int], None]:
        """The same function for foreachBatch, whose failure ends the job with what was really raised.

        Spark gets only the beginning of it: the message can hold a whole plan, and a query that is being stopped searches it with
        a recursive regular expression, which overflows the stack.
        """

        def batch(frame: DataFrame, batch_id: int) -> None:
            try:
                work(frame, batch_id)
            except Exception as error:  # noqa: BLE001 - raised again where the job is watched
                if not self.stopping.is_set():
                    self._failure = error
                raise BatchFailedError(one_line(error)[:_MOST_TOLD]) from None

        return batch

    def add(self, query: StreamingQuery) -> None:
        """Has `watch` watch this query too."""
        self._queries.append(query)

    def watch(self, *after_start: Callable[[], None]) -> None:
        """Returns when the job is asked to stop; raises what a query failed with.

        `after_start` is work that nothing in the flow waits for: it is done one after the other once the queries run.
        """
        self.await_first_trigger()
        if self.stopping.is_set():
            return
        self.events.emit("ready")
        log.info("ready: %s", ", ".join(query.name for query in self._queries))
        threading.Thread(target=self._in_background, args=after_start, daemon=True).start()
        while not self.stopping.wait(_WATCH_SECONDS):
            self._raise_failure()

    def await_first_trigger(self) -> None:
        """Until every query has looked at its source once: from then on it takes up what arrives."""
        while not self.stopping.wait(_FIRST_TRIGGER_POLL_SECONDS):
            self._raise_failure()
            if all(_has_looked(query) for query in self._queries):
                return

    def _in_background(self, *works: Callable[[], None]) -> None:
        """Each is tried until it succeeds; what waiting cannot mend ends the job."""
        for work in works:
            pause = 5.0
            while not self.stopping.is_set():
                try:
                    work()
                    self.events.emit("warning", message="")
                    break
                except (PySparkException, Py4JError) as error:
                    log.warning("%s; trying again in %.0f s", one_line(error), pause)
                    self.events.emit("warning", message=one_line(error))
                except Exception as error:  # noqa: BLE001 - raised again where the job is watched
                    self._failure = error
                    return
                self.stopping.wait(pause)
                pause = min(2 * pause, 60.0)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
        for query in self._queries:
            failure = query.exception()
            if failure is not None:
                raise failure
            if not query.isActive:
                raise RuntimeError(f"query {query.name} has stopped")


def _has_looked(query: StreamingQuery) -> bool:
    return query.lastProgress is not None or query.status["message"].startswith("Waiting for")


def one_line(error: BaseException) -> str:
    """What went wrong, without the stack traces Spark puts into its messages."""
    text = str(error).strip()
    if misfit := stopped_at(text):
        return misfit
    # What a foreachBatch function raised comes back inside a Java exception, as Python's own traceback.
    for line in reversed(text.splitlines()):
        name, separator, message = line.partition(": ")
        if separator and name.startswith("lib.") and name.rsplit(".", 1)[-1].endswith("Error"):
            return message
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # Kafka has not the records any more that come next: removed by its retention, or with their topic. Noticed before a batch or, when
    # they go in the meantime, by one of its tasks.
    if _LOST in text:
        partition = _OUT_OF_RANGE.search(text)
        told = next((line[8:].rstrip(".") for line in lines if line.startswith("Reason: ")), "Reason not told")
        reason = f"the next ones of topic {partition[1]} are not kept any more" if partition else told
        return f"changes that had not been read are gone ({reason}); {RESNAPSHOT}"
    # What failed in the JVM: the call says nothing, the cause that stands last says most.
    if lines and lines[0].startswith(_JAVA_CALL):
        causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
        return causes[-1] if causes else " ".join(lines[:2]).replace(". : ", ": ")
    return lines[0] if lines else type(error).__name__


def run(name: str, main: Callable[[Job], None]) -> None:
    """Runs a job's main function and exits: 0 when it was asked to stop, 1 when it failed."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("py4j").setLevel(logging.WARNING)
    started = time.monotonic()
    events = Events()
    # Before there are any threads, each of which would take them otherwise.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    job = None
    try:
        job = Job(name, Settings.from_environment(), events)
        threading.Thread(target=_heed_signals, args=(job,), daemon=True).start()
        log.info("attached to %s after %.1f s", job.spark.sparkContext.applicationId, time.monotonic() - started)
        job.await_lake()
        main(job)
    except Exception as error:  # noqa: BLE001 - the outermost handler: whatever it is, the job ends with it
        expected = type(error).__module__.startswith("lib.") or isinstance(error, PySparkException)
        log.error("%s", error, exc_info=not expected)
        events.emit("error", message=one_line(error))
        sys.exit(1)
    finally:
        if job is not None:
            stop_queries(job.spark)
    events.emit("stopped")


def _heed_signals(job: Job) -> None:
    """In a thread of its own. A handler would run in the middle of whatever the main thread does, another handler included, and wait for
    ever for a lock that the main thread holds."""
    while True:
        if signal.sigwait(_SIGNALS) == signal.SIGTERM:
            job.stop()
        else:
            job.hurry()


def stop_queries(spark: SparkSession) -> None:
    """Stops the queries of this job's session; a batch that is cut off runs again at the next start."""
    for query in spark.streams.active:
        try:
            query.stop()
        except PySparkException as error:
            log.warning("stopping %s: %s", query.name, one_line(error))
