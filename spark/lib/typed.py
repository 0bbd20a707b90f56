"""From the JSON of a change to typed columns."""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lib.batch import TableChanges
from lib.casts import Place, cast
from lib.identifiers import spark_name
from lib.in_driver import Change
from lib.pipeline import Column as Declared
from lib.pipeline import Table
from lib.prepared import Prepared

# What the functions here read of a change.
CHANGE = "key string, op string, offset bigint, lsn bigint, after string"


def text_struct(columns: list[str]) -> str:
    """DDL of a struct with these columns, all of them text."""
    return ", ".join(f"{spark_name(name)} string" for name in columns)


def value(table: Table, column: Declared, source: str) -> Column:
    """The typed value of a column, read from the text columns of struct `source`."""
    place = Place(table.source, column.name, "key", table.infinity_to_null)
    return F.expr(cast(column.type, f"{source}.{spark_name(column.name)}", place)).alias(column.name)


def rows(table: Table, changes: DataFrame) -> DataFrame:
    """Rows after the change, typed as declared. Deletes are left out: they have no row after the change."""
    text = text_struct([column.name for column in table.columns])
    return (
        changes.where(F.col("after").isNotNull())
        .withColumn("row", F.from_json("after", text, {"mode": "FAILFAST"}))
        .select(*(value(table, column, "row") for column in table.columns))
    )


def keys(table: Table, changes: DataFrame) -> DataFrame:
    """The key of each change, typed as declared."""
    return changes.select("key", _key_row(table).alias("key_row")).select(
        *(value(table, column, "key_row") for column in table.key_columns)
    )


def changed_rows(table: Table, changes: DataFrame) -> DataFrame:
    """Key, row, op, offset and lsn of each change; the row's other columns are NULL for a delete."""
    text = text_struct([column.name for column in table.columns])
    # A delete has only its key, so the key is read from there always.
    values = [value(table, column, "key_row" if column.name in table.key else "row") for column in table.columns]
    return (
        changes.withColumn("row", F.from_json("after", text, {"mode": "FAILFAST"}))
        .withColumn("key_row", _key_row(table))
        .select(*values, F.col("op").alias("_op"), F.col("offset").alias("_offset"), F.col("lsn").alias("_lsn"))
    )


def _key_row(table: Table) -> Column:
    return F.from_json("key", text_struct(list(table.key)), {"mode": "FAILFAST"})


def row(change: Change) -> dict[str, Any]:
    """`CHANGE` of one that is in the driver."""
    return {"key": change.key, "op": change.op, "offset": change.offset, "lsn": change.lsn, "after": change.after}


class ChangedRows:
    """`changed_rows` of one table, batch after batch."""

    def __init__(self, spark: SparkSession, table: Table) -> None:
        self._table = table
        self._prepared = Prepared(spark, CHANGE, self._of)

    def of(self, batch: TableChanges) -> DataFrame:
        """Those of a batch."""
        if batch.frame is not None:
            return self._of(batch.frame)
        return self._prepared.frame([row(change) for change in batch.changes or []])

    def _of(self, changes: DataFrame) -> DataFrame:
        return changed_rows(self._table, changes)
