"""Columns of changes against those that pipeline.yml declares. The change log holds a change as it came, whatever its columns;
what is computed from it stops at the first one that has others, before any value is lost or taken for NULL.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lib.facts import Facts
from lib.pipeline import Table


class SchemaChangedError(Exception):
    """The source's table is not what pipeline.yml declares any more; the message says what to do."""


# What `difference` tells of a change.
SAME, LACKS, UNKNOWN = 0, 1, 2


def difference(tables: Sequence[Table]) -> Column:
    """How the columns of the row after a change differ from those its table declares: all are there, some are not, or there are
    others. NULL for a change without such a row."""
    condition = F.lit(SAME)
    found = F.json_object_keys("after")
    for table in tables:
        declared = F.array(*[F.lit(column.name) for column in table.columns])
        kind = (
            F.when(found == declared, SAME)
            .when(F.size(F.array_except(found, declared)) > 0, UNKNOWN)
            .when(F.size(F.array_except(declared, found)) > 0, LACKS)
            .otherwise(SAME)
        )
        condition = F.when(F.col("table") == table.source, kind).otherwise(condition)
    return F.when(F.col("after").isNotNull(), condition)


def difference_of(table: Table | None, after: str | None) -> int | None:
    """The same of one change."""
    if table is None or after is None:
        return None
    found, declared = json.loads(after).keys(), {column.name for column in table.columns}
    return UNKNOWN if found - declared else LACKS if declared - found else SAME


def stop_at(
    log: DataFrame, tables: Sequence[Table], table: Table, facts: Facts, first_lacking: Callable[[int], int | None]
) -> int | None:
    """The offset of the first change that must not be applied; `first_lacking` finds the first after an offset that lacks a column.

    A change that lacks a column is older than the column where a later change of the table has all of them: there the source has
    NULL too, or the column's default, which comes when `pipectl up` has the table read again. Otherwise the column is gone.
    """
    if facts.lacking is None:
        return facts.unknown
    complete = facts.complete
    if complete < facts.lacking:
        later = log.where((F.col("table") == table.source) & (F.col("offset") > facts.lacking))
        found = later.where(difference(tables) == SAME).agg(F.max("offset")).collect()[0][0]
        complete = max(complete, -1 if found is None else found)
    return min((offset for offset in (facts.unknown, first_lacking(complete)) if offset is not None), default=None)


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
            "source, or declared before any change has it); bring pipeline.yml, the transformation and the destination in "
            "line, then `pipectl repair resnapshot`"
        )
    return SchemaChangedError(
        f"{place}: {_listed(added)} new, which pipeline.yml does not declare; declare it, add it to the destination's table "
        f"and to {table.transform.name}, then `pipectl up` goes on from there (rows that do not change keep the default of "
        "the destination's column; `pipectl repair resnapshot` reads them anew)"
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
