"""A local Spark with Delta, and changes as the change log has them."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "spark"))

from lib import changes
from lib.pipeline import Pipeline, Table, load
from lib.storage import Storage
from pyspark.sql import DataFrame, SparkSession


def local_session() -> SparkSession:
    """One core, small plans."""
    settings = {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.shuffle.partitions": "1",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.sql.warehouse.dir": tempfile.mkdtemp(),
    }
    builder = SparkSession.builder.master("local[1]").appName("tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


class SparkTestCase(unittest.TestCase):
    """Shares the session; every test has a lake of its own."""

    spark: SparkSession
    pipeline: Pipeline

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
