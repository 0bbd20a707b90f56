"""A transformation whose function has another name."""

from pyspark.sql import DataFrame


def transfrom(rows: DataFrame) -> DataFrame:
    """Never called."""
    return rows
