"""A transformation as it should be."""

from pyspark.sql import DataFrame


def transform(rows: DataFrame) -> DataFrame:
    """Each row as it is."""
    return rows
