"""The files users edit, SQL or Python: checked when the job starts, applied to every batch."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from lib import casts, lines, typed
from lib.batch import TableChanges
from lib.functions import Function, FunctionError
from lib.identifiers import spark_name
from lib.pipeline import Table
from lib.prepared import Prepared

_PLACE = re.compile(r"\(?[;,]?\s*line (\d+),? pos(?:ition)?:? (\d+)\)?")


class TransformError(Exception):
    """A transformation cannot be used; the message names file, line and reason."""


class Transform:
    """What makes destination rows of one table's rows: a SELECT or a Python function."""

    def __init__(self, table: Table, root: Path, spark: SparkSession) -> None:
        self.table = table
        self._spark = spark
        self.file = str(table.transform.relative_to(root))
        self.columns: list[str] = []
        self._function: Function | None = None
        self._sql = ""
        if table.transform.suffix == ".py":
            with self._explained():
                self._function = Function(self.file, table.transform)
        else:
            self._sql = table.transform.read_text(encoding="utf-8").strip().rstrip(";")
        # A function is called for every batch: what it says may be another thing every time.
        self._prepared = Prepared(spark, typed.CHANGE, self._lines, keep=self._function is None)

    def check(self) -> None:
        """Analyses it over an empty frame, so that a mistake stops the job at once and not with the first row."""
        ddl = ", ".join(f"{spark_name(column.name)} {column.type.spark}" for column in self.table.columns)
        spark = self._spark
        empty = spark._jvm.java.util.ArrayList()
        schema = spark._jvm.org.apache.spark.sql.types.StructType.fromDDL(ddl)
        frame = DataFrame(spark._jsparkSession.createDataFrame(empty, schema), spark)
        result = self._apply(frame)
        self.columns = result.columns
        missing = [name for name in self.table.key if name not in self.columns]
        if missing:
            raise TransformError(f"{self.file}: the key column `{missing[0]}` is not in the {self._kind} result")
        if self._function is not None:
            with self._explained():
                self._function.check(frame, result, self.table.result)

    def lines(self, change: TableChanges) -> list[str]:
        """The transformed rows of a batch as lines of COPY's text format, with the columns in the order of `columns`."""
        with self._explained():
            if change.frame is not None:
                return [row[0] for row in self._lines(change.frame).collect()]
            return self._prepared.texts([typed.row(found) for found in change.changes or [] if found.after is not None])

    def _lines(self, changes: DataFrame) -> DataFrame:
        return lines.of_rows(self._apply(typed.rows(self.table, changes)))

    @property
    def _kind(self) -> str:
        return "SELECT's" if self._function is None else "function's"

    def _apply(self, rows: DataFrame) -> DataFrame:
        with self._explained():
            if self._function is not None:
                return self._function(rows)
            rows.createOrReplaceTempView(spark_name(self.table.name))
            return rows.sparkSession.sql(self._sql)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """What is raised in the block is told with file and line."""
        try:
            yield
        except FunctionError as error:
            raise TransformError(str(error)) from error
        except PySparkException as error:
            # A value that does not fit is not the transformation's mistake.
            if misfit := casts.stopped_at(str(error)):
                raise TransformError(misfit) from error
            told = describe(self.file, str(error)) if self._function is None else str(self._function.error(error))
            raise TransformError(told) from error


def describe(file: str, message: str) -> str:
    """File, line and the first line of Spark's message, in one line."""
    place = _PLACE.search(message)
    first = _PLACE.sub("", message.strip().splitlines()[0]).rstrip(" ;")
    return f"{file}, line {place[1]}, column {int(place[2]) + 1}: {first}" if place else f"{file}: {first}"
