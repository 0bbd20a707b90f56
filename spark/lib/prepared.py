"""Queries over the rows of small batches, planned once.

Spark analyses and optimises a query anew for every batch, which costs a hundred times what its few rows do. Most transformations
and all casts are projections and filters, though, which Spark's own optimiser computes when their input is in the driver. So the
optimised plan is kept, and every batch only gives it its rows; see PreparedPlan.java.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

# Values by column, as JSON has them.
Row = Mapping[str, Any]

_COLUMN = "row"


class Prepared:
    """A query over frames with these columns.

    What cannot be kept is planned for every batch: a plan with more than projections and filters, and one that has to say something
    else every time, such as ``current_timestamp()`` or ``uuid()``.
    """

    def __init__(
        self, spark: SparkSession, columns: str, query: Callable[[DataFrame], DataFrame], *, keep: bool = True
    ) -> None:
        self._spark = spark
        self._columns = columns
        self._make = query
        self._keep = keep

    @property
    def is_kept(self) -> bool:
        """Whether the plan is made once."""
        return self._plan is not None

    def frame(self, rows: Sequence[Row]) -> DataFrame:
        """The query's result over rows."""
        if self._plan is None:
            return self._query(self._given(rows))
        dataset = self._spark._jvm.org.apache.spark.sql.classic.Dataset
        return DataFrame(dataset.ofRows(self._spark._jsparkSession, self._plan.over(_texts(rows))), self._spark)

    def texts(self, rows: Sequence[Row]) -> list[str]:
        """The result of a query that makes one column of texts."""
        if not rows:
            return []
        if self._plan is None:
            return [row[0] for row in self._query(self._given(rows)).collect()]
        return json.loads(self._plan.texts(_texts(rows)))

    @functools.cached_property
    def _plan(self) -> Any:
        """Made with the first batch: a start has no time for tables that may not change for long."""
        if not self._keep:
            return None
        jvm = self._spark._jvm
        schema = jvm.org.apache.spark.sql.types.StructType.fromDDL(f"{_COLUMN} string")
        # Not a local relation, which the optimiser would compute at once.
        leaf = self._spark._jsparkSession.createDataFrame(self._spark.sparkContext._jsc.emptyRDD(), schema)
        execution = self._query(leaf)._jdf.queryExecution()
        analyzed = execution.analyzed()
        current = jvm.org.apache.spark.sql.catalyst.trees.TreePattern.CURRENT_LIKE()
        if not analyzed.deterministic() or analyzed.containsPattern(current):
            return None
        return jvm.pipectl.PreparedPlan.of(execution.optimizedPlan())

    def _given(self, rows: Sequence[Row]) -> Any:
        """A local relation; in one call, whatever the number of rows."""
        jvm = self._spark._jvm
        texts = jvm.com.fasterxml.jackson.databind.ObjectMapper().readValue(
            _texts(rows), jvm.java.lang.Class.forName("java.util.ArrayList")
        )
        return self._spark._jsparkSession.createDataset(texts, jvm.org.apache.spark.sql.Encoders.STRING())

    def _query(self, given: Any) -> DataFrame:
        row = F.from_json(_COLUMN, self._columns, {"mode": "FAILFAST"}).alias(_COLUMN)
        return self._make(DataFrame(given, self._spark).toDF(_COLUMN).select(row).select(f"{_COLUMN}.*"))


def _texts(rows: Sequence[Row]) -> str:
    """A JSON array with the JSON of each row."""
    return json.dumps([json.dumps(row) for row in rows])
