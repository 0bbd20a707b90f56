"""The SQL files users edit: checked when the job starts, applied to every batch."""

from __future__ import annotations

import re
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from lib import documents, typed
from lib.identifiers import spark_name
from lib.pipeline import Table

_PLACE = re.compile(r"\(?[;,]?\s*line (\d+),? pos(?:ition)?:? (\d+)\)?")


class TransformError(Exception):
    """A transformation cannot be used; the message names file, line and reason."""


class Transform:
    """The SELECT of one table."""

    def __init__(self, table: Table, root: Path) -> None:
        self.table = table
        self.file = str(table.transform.relative_to(root))
        self._sql = table.transform.read_text(encoding="utf-8").strip().rstrip(";")
        self.columns: list[str] = []

    def check(self, spark: SparkSession) -> None:
        """Analyses the SELECT over an empty view, so that a mistake stops the job at once and not with the first row."""
        ddl = ", ".join(f"{spark_name(column.name)} {column.type.spark}" for column in self.table.columns)
        empty = spark._jvm.java.util.ArrayList()
        schema = spark._jvm.org.apache.spark.sql.types.StructType.fromDDL(ddl)
        frame = DataFrame(spark._jsparkSession.createDataFrame(empty, schema), spark)
        self.columns = self._select(frame).columns
        missing = [name for name in self.table.key if name not in self.columns]
        if missing:
            raise TransformError(f"{self.file}: the key column `{missing[0]}` is not in the SELECT's result")

    def documents(self, changes: DataFrame) -> list[str]:
        """The transformed rows of a batch as JSON texts."""
        result = self._select(typed.rows(self.table, changes))
        try:
            return [row[0] for row in result.select(documents.column(result)).collect()]
        except PySparkException as error:
            raise TransformError(describe(self.file, str(error))) from error

    def _select(self, rows: DataFrame) -> DataFrame:
        rows.createOrReplaceTempView(spark_name(self.table.name))
        try:
            return rows.sparkSession.sql(self._sql)
        except PySparkException as error:
            raise TransformError(describe(self.file, str(error))) from error


def describe(file: str, message: str) -> str:
    """File, line and the first line of Spark's message, in one line."""
    place = _PLACE.search(message)
    first = _PLACE.sub("", message.strip().splitlines()[0]).rstrip(" ;")
    return f"{file}, line {place[1]}, column {int(place[2]) + 1}: {first}" if place else f"{file}: {first}"
