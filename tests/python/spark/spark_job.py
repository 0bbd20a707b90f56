"""How a job learns that one of its queries has failed."""

from __future__ import annotations

import threading
import time
import unittest

from base import SparkTestCase
from lib.job import Job
from pyspark.errors import PySparkException, StreamingQueryException
from pyspark.sql import DataFrame
from pyspark.sql.streaming import StreamingQuery


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


if __name__ == "__main__":
    unittest.main()
