"""How a job learns that one of its queries has failed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import unittest
from subprocess import PIPE

from base import SparkTestCase
from lib.job import Job, LakeError, one_line
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException, StreamingQueryException
from pyspark.sql import DataFrame
from pyspark.sql.streaming import StreamingQuery


class FakeEvents:
    """Keeps what the job server would be told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def emit(self, kind: str, **values: str) -> None:
        self.warnings.append(values["message"])


class FakeStorage:
    """A file system that answers like this, one time after the other."""

    def __init__(self, *answers: bool | Exception) -> None:
        self.answers = list(answers)

    def is_in_safe_mode(self, path: str) -> bool:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Rests(unittest.TestCase):
    """All of these would take a minute if nothing ended the rest."""

    def setUp(self) -> None:
        self.job = Job.__new__(Job)
        self.job.stopping, self.job._hurried = threading.Event(), threading.Event()
        self.began = time.monotonic()

    def tearDown(self) -> None:
        self.assertLess(time.monotonic() - self.began, 60)

    def test_until_somebody_asks_for_what_comes_next(self) -> None:
        threading.Timer(0.1, self.job.hurry).start()
        self.job.rest(120)

    def test_not_where_somebody_has_asked_before(self) -> None:
        self.job.hurry()
        self.job.rest(120)
        # That was for one rest: the next one takes its time.
        began = time.monotonic()
        self.job.rest(0.2)
        self.assertGreaterEqual(time.monotonic() - began, 0.2)

    def test_not_at_all_once_the_job_is_to_stop(self) -> None:
        self.job.stop()
        self.job.rest(120)
        self.job.rest(120)


# A job of nothing but its signals.
_JOB = """
import signal, threading
from lib import job as jobs

signal.pthread_sigmask(signal.SIG_BLOCK, jobs._SIGNALS)
job = jobs.Job.__new__(jobs.Job)
job.stopping, job._hurried = threading.Event(), threading.Event()
threading.Thread(target=jobs._heed_signals, args=(job,), daemon=True).start()
def work():
    while not job.stopping.is_set():
        job.rest(0.001)
threading.Thread(target=work).start()
print("started", flush=True)
while not job.stopping.wait(0.001):
    pass
"""


class HeedsSignals(unittest.TestCase):
    def test_however_fast_they_come(self) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", _JOB]
        with subprocess.Popen(command, env=environment, stdout=PIPE, stderr=PIPE, text=True) as job:
            self.assertEqual(job.stdout.readline(), "started\n")
            for _ in range(20_000):
                job.send_signal(signal.SIGUSR1)
            job.terminate()
            _, errors = job.communicate(timeout=60)
        self.assertEqual((job.returncode, errors), (0, ""))


class WaitsForTheLake(SparkTestCase):
    def job(self, *answers: bool | Exception) -> Job:
        job = Job.__new__(Job)
        job.pipeline, job.stopping, job.events, job.storage = (
            self.pipeline,
            threading.Event(),
            FakeEvents(),
            FakeStorage(*answers),
        )
        return job

    def test_until_it_can_be_read_and_says_so(self) -> None:
        job = self.job(Py4JError("Connection refused"), True, False)
        job.await_lake(60)
        path = self.pipeline.lake_path
        self.assertEqual(
            job.events.warnings,
            [
                f"waiting for the lake: {path}: Connection refused",
                f"waiting for the lake: {path}: Name node is in safe mode",
                "",
            ],
        )

    def test_silently_where_nothing_is_wrong(self) -> None:
        job = self.job(False)
        job.await_lake(60)
        self.assertEqual(job.events.warnings, [])

    def test_not_for_ever(self) -> None:
        job = self.job(Py4JError("Connection refused"), Py4JError("Connection refused"))
        with self.assertRaisesRegex(LakeError, "Connection refused$"):
            job.await_lake(0)

    def test_the_local_file_system_has_no_safe_mode(self) -> None:
        self.assertFalse(self.storage.is_in_safe_mode(self.lake))


class FailingBatches(SparkTestCase):
    def job(self) -> Job:
        """A job around the tests' session, without the job server that starts real ones."""
        job = Job.__new__(Job)
        job.spark, job.stopping, job._queries, job._failure = self.spark, threading.Event(), [], None
        return job

    def started(self, job: Job, work) -> StreamingQuery:
        self.spark.range(1).write.format("delta").save(f"{self.lake}/source")
        query = (
            self.spark.readStream.format("delta")
            .load(f"{self.lake}/source")
            .writeStream.foreachBatch(job.guarded(work))
            .option("checkpointLocation", f"{self.lake}/checkpoint")
            .start()
        )
        self.addCleanup(query.stop)
        job.add(query)
        return query

    def test_a_failure_with_a_whole_plan_in_its_message_ends_query_and_job(self) -> None:
        # Without the guard Spark's search in this message overflows the stack of the query's thread, and nobody is told.
        plan = (
            "py4j.protocol.Py4JJavaError: An error occurred while calling o1.execute.\n"
            + "Project [a#1, b#2]\n" * 50_000
        )

        def work(frame: DataFrame, batch_id: int) -> None:
            raise ValueError(plan)

        job = self.job()
        query = self.started(job, work)
        deadline = time.monotonic() + 60
        while query.isActive and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertFalse(query.isActive, "the query has ended")
        with self.assertRaises(ValueError) as raised:
            job._raise_failure()
        self.assertEqual(str(raised.exception), plan)

    def test_a_failure_inside_spark_is_told_in_its_own_words(self) -> None:
        def work(frame: DataFrame, batch_id: int) -> None:
            frame.selectExpr("assert_true(id < 0, 'no id is below zero')").collect()

        job = self.job()
        query = self.started(job, work)
        with self.assertRaises(StreamingQueryException):
            query.awaitTermination(60)
        with self.assertRaisesRegex(PySparkException, "no id is below zero"):
            job._raise_failure()


class OneLine(unittest.TestCase):
    """What is told of Spark's long messages."""

    def test_records_that_went_while_a_task_wanted_them(self) -> None:
        text = (
            "An error occurred while calling o538.save.\n"
            ": org.apache.spark.SparkException: Job aborted due to stage failure\n"
            "\tat org.apache.spark.scheduler.DAGScheduler.abortStage(DAGScheduler.scala:1)\n"
            "Caused by: org.apache.spark.sql.kafka010.KafkaIllegalStateException: Some data may have been lost because "
            "they are not available in Kafka any more;\n"
            "Caused by: org.apache.kafka.clients.consumer.OffsetOutOfRangeException: Fetch position FetchPosition{offset=12} "
            "is out of range for partition jadc2.public.regions-0"
        )
        self.assertEqual(
            one_line(Exception(text)),
            "changes that had not been read are gone (the next ones of topic jadc2.public.regions are not kept any more); "
            "`pipectl repair resnapshot` starts again from the source",
        )

    def test_records_that_had_gone_before_a_batch_began(self) -> None:
        text = "Some data may have been lost because\nReason: the topic was deleted.\n\tat somewhere"
        self.assertIn("changes that had not been read are gone (the topic was deleted)", one_line(Exception(text)))

    def test_a_value_that_does_not_fit_is_told_without_the_words_around_it(self) -> None:
        text = (
            "An error occurred while calling o9.collect.\n: org.apache.spark.SparkException: Job aborted\n"
            "Caused by: org.apache.spark.SparkRuntimeException: [USER_RAISED_EXCEPTION] public.orders, column quantity, "
            'key {"order_id":1}: 3000000000 does not fit integer: declare it SQLSTATE: P0001\n\tat x.Y.z(Y.scala:3)'
        )
        self.assertEqual(
            one_line(Exception(text)),
            'public.orders, column quantity, key {"order_id":1}: 3000000000 does not fit integer: declare it',
        )

    def test_a_call_into_the_jvm_is_told_by_its_innermost_cause(self) -> None:
        text = (
            "An error occurred while calling o9.save.\n: org.apache.spark.SparkException: Job aborted\n\tat x.Y.z(Y.scala:1)\n"
            "Caused by: java.io.IOException: first\n\tat x.Y.z(Y.scala:2)\n"
            "Caused by: java.net.ConnectException: Connection refused\n\tat x.Y.z(Y.scala:3)"
        )
        self.assertEqual(one_line(Exception(text)), "java.net.ConnectException: Connection refused")

    def test_and_without_a_cause_by_what_the_jvm_threw(self) -> None:
        text = (
            "An error occurred while calling o9.save.\n: java.lang.IllegalStateException: closed\n\tat x.Y.z(Y.scala:1)"
        )
        self.assertEqual(
            one_line(Exception(text)),
            "An error occurred while calling o9.save: java.lang.IllegalStateException: closed",
        )


if __name__ == "__main__":
    unittest.main()
