"""A local Spark with Delta, and changes as the change log has them."""

from __future__ import annotations

import atexit
import functools
import json
import os
import re
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "spark"), str(ROOT / "spark/driver")]

from jvm import Jvm
from lib import batch, changes
from lib.batch import Reduced, TableChanges
from lib.pipeline import Pipeline, Table, load
from lib.session import attach
from lib.slices import Piece
from lib.storage import Storage
from pyspark.sql import DataFrame, SparkSession


def driver_settings() -> list[tuple[str, str]]:
    """spark-defaults.conf, which is for the driver, without what names another server."""
    lines = [line.split(maxsplit=1) for line in Path("/opt/spark/conf/spark-defaults.conf").read_text().splitlines()]
    return [(line[0], line[1]) for line in lines if len(line) == 2 and line[0] != "#" and "${" not in line[1]]


@functools.cache
def local_session() -> SparkSession:
    """One core, small plans. The JVM is started and attached to as the job server and the jobs do it."""
    own = {
        "spark.app.name": "tests",
        "spark.master": "local[1]",
        "spark.ui.enabled": "false",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": tempfile.mkdtemp(),
        "spark.hadoop.fs.defaultFS": "file:///",
    }
    # The last one counts.
    settings = [*driver_settings(), *own.items()]
    options = [f"-D{name}={value}" for name, value in dict(settings).items()]
    jvm = Jvm(["java", "-Xmx768m", "@/opt/spark/conf/driver.args", *options])
    atexit.register(jvm.stop, 10)
    jvm.start_session()
    gateway = jvm.open_job()
    os.environ["PIPECTL_GATEWAY_PORT"] = str(gateway.port)
    os.environ["PIPECTL_GATEWAY_SECRET"] = gateway.secret
    spark = attach()
    # Before the JVM goes: what it has connected to would report the end of the connection as an error.
    atexit.register(spark.sparkContext._accumulatorServer.shutdown)
    return spark


class SparkTestCase(unittest.TestCase):
    """Shares the session; every test has a lake of its own."""

    spark: SparkSession
    pipeline: Pipeline
    # About how many changes a batch is said to have: large ones are computed elsewhere, with the same result.
    changes = 1

    @classmethod
    def setUpClass(cls) -> None:
        cls.spark = local_session()
        cls.pipeline = load(ROOT / "pipeline.yml")
        cls.storage = Storage(cls.spark)

    def setUp(self) -> None:
        self.lake = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.lake)

    def table(self, name: str) -> Table:
        table = self.pipeline.by_name(name)
        assert table is not None
        return table

    def reduced(self, rows: DataFrame, applied: dict[str, int] | None = None, log: DataFrame | None = None) -> Reduced:
        """A batch reduced; what it holds lives until the test ends."""
        piece = Piece(rows, self.changes)
        return self.enterContext(batch.reduced(self.pipeline, rows if log is None else log, piece, applied or {}))

    def change(self, *rows: tuple) -> TableChanges:
        """What a batch of these changes of public.orders comes to."""
        return self.reduced(self.log(*rows)).tables[0]

    def log(self, *rows: tuple) -> DataFrame:
        """Changes of public.orders, given as (offset, op, key, after)."""
        values = [
            (
                "public.orders",
                op,
                None if key is None else json.dumps({"order_id": key}),
                None,
                None if after is None else json.dumps(after),
                "jadc2.public.orders",
                0,
                offset,
                1000 + offset,
                1,
                1767322445678901,
                None,
            )
            for offset, op, key, after in rows
        ]
        return self.spark.createDataFrame(values, changes.COLUMNS)


def values(line: str) -> list[str | None]:
    """The values of a line in COPY's text format, as Postgres reads them."""
    assert line.endswith("\n")
    meant = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
    return [
        None if value == r"\N" else re.sub(r"\\(.)", lambda found: meant[found[1]], value)
        for value in line[:-1].split("\t")
    ]


def order(order_id: int, **values) -> dict:
    """An order as Debezium sends it."""
    return {
        "order_id": order_id,
        "customer_id": 1,
        "amount": "12.50",
        "quantity": 2,
        "status": "new",
        "note": None,
        "details": '{"channel": "web"}',
        "ordered_at": "2026-01-02T03:04:05.678901Z",
        "delivery_date": 20455,
        "updated_at": 1767322445678901,
    } | values
