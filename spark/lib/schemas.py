"""Columns of changes against those that pipeline.yml declares. The change log holds a change as it came, whatever its columns;
what is computed from it stops at the first one that has others, before any value is lost or taken for NULL.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

from lib.pipeline import Table


class SchemaChangedError(Exception):
    """The source's table is not what pipeline.yml declares any more; the message says what to do."""


def differs(tables: Sequence[Table]) -> Column:
    """Whether the row after a change has other columns than its table declares; false for a change without such a row."""
    condition = F.lit(False)
    found = F.array_sort(F.json_object_keys("after"))
    for table in tables:
        declared = F.array(*[F.lit(name) for name in sorted(column.name for column in table.columns)])
        condition = F.when(F.col("table") == table.source, found != declared).otherwise(condition)
    return F.coalesce(condition, F.lit(False))


def explain(table: Table, offset: int, after: str) -> SchemaChangedError:
    """What is different, and what to do."""
    declared = {column.name for column in table.columns}
    found = json.loads(after).keys()
    added = [name for name in found if name not in declared]
    missing = [column.name for column in table.columns if column.name not in found]
    place = f"{table.source} has other columns since offset {offset} of its topic"
    if missing:
        return SchemaChangedError(
            f"{place}: {_listed(missing)} gone{', ' + _listed(added) + ' new' if added else ''} (dropped or renamed at the "
            "source); bring pipeline.yml, the transformation and the destination in line, then `pipectl repair resnapshot`"
        )
    return SchemaChangedError(
        f"{place}: {_listed(added)} new, which pipeline.yml does not declare; declare it, add it to the destination's table "
        f"and to {table.transform.name}, then `pipectl up` goes on from there (rows that do not change keep the default of "
        "the destination's column; `pipectl repair resnapshot` reads them anew)"
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
