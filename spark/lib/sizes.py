"""Small batches are planned for latency, large ones for throughput.

What a small one costs is planning and starting tasks: it is computed in the driver where it can be, and no Java is generated for it.
A large one is computed by the executors, with generated Java: per row that is a tenth of the work.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pyspark.sql import SparkSession

# From here on compiling a plan costs less than interpreting it, and the driver's memory is not the place for the rows.
_LARGE = 4_000
_LARGE_BYTES = 4 * 1024 * 1024

# Beside spark-defaults.conf, which has the settings for small ones.
_SETTINGS = {
    "spark.sql.codegen.wholeStage": "true",
    "spark.sql.codegen.factoryMode": "FALLBACK",
    "spark.sql.shuffle.partitions": "2",
}


def is_large(changes: int, size: int = 0) -> bool:
    """Whether a batch of so many changes and bytes is worth generated code and tasks."""
    return changes >= _LARGE or size >= _LARGE_BYTES


@contextlib.contextmanager
def planned_for(session: SparkSession, changes: int, size: int = 0) -> Iterator[None]:
    """Plans made in this session inside the block suit a batch of so many changes and bytes."""
    if not is_large(changes, size):
        yield
        return
    before = {name: session.conf.get(name) for name in _SETTINGS}
    for name, value in _SETTINGS.items():
        session.conf.set(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            session.conf.set(name, value)
