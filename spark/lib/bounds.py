"""Offsets in the conditions of a large batch, so that the Java generated for one batch is that of the next.

Spark writes a number into the code it generates. With another offset in it the code is another one: it is compiled anew, by Spark and then
by the JVM, for every batch. A struct is handed to the code as an object.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F


def bound(offset: int) -> Column:
    """What `position` is compared with."""
    return F.struct(F.lit(offset).cast("bigint").alias("offset"))


def position() -> Column:
    """The offset of a row, to be compared with a `bound`."""
    return F.struct(F.col("offset").alias("offset"))
