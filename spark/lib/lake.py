"""Tables of the lake: made before data arrives, merged, registered in the metastore."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from lib import changes, deltalog
from lib.commits import commit_path, has_log
from lib.identifiers import spark_name, spark_text
from lib.pipeline import Pipeline, Table
from lib.storage import Storage

_MARK = "spark.databricks.delta.commitInfo.userMetadata"

# Deletion vectors: a MERGE then marks rows instead of writing their file anew.
_MERGED_PROPERTIES = {
    "delta.enableDeletionVectors": "true",
    "delta.checkpointInterval": "50",
}

# How long commits of the change log, and files that compaction has replaced, are kept: whoever follows the log reads both. One who was
# away longer begins anew (see lib.resume).
CHANGES_RETENTION_HOURS = 4


def retention(hours: int) -> dict[str, str]:
    """Table properties: how long old versions can be read."""
    kept = f"interval {hours} hours"
    return {"delta.logRetentionDuration": kept, "delta.deletedFileRetentionDuration": kept}


def create_change_log(spark: SparkSession, storage: Storage, pipeline: Pipeline) -> None:
    """Makes the change log where it does not exist."""
    properties = changes.PROPERTIES | retention(CHANGES_RETENTION_HOURS)
    _create(spark, storage, pipeline.changes_path, changes.COLUMNS, properties)


class LakeSchemaError(Exception):
    """A merged table has columns that pipeline.yml does not declare so any more."""


def prepare_merged_tables(spark: SparkSession, storage: Storage, pipeline: Pipeline) -> None:
    """Makes an empty table for every source table, where it does not exist; those that do get the columns they lack."""
    for table in pipeline.tables:
        columns = [f"{spark_name(column.name)} {column.type.spark}" for column in table.columns]
        columns += ["_offset bigint COMMENT 'Kafka offset of the last change'", "_lsn bigint"]
        properties = _MERGED_PROPERTIES | retention(pipeline.retention_hours)
        if not _create(spark, storage, pipeline.table_path(table), ", ".join(columns), properties):
            _add_columns(spark, pipeline.table_path(table), table)


def _add_columns(spark: SparkSession, path: str, table: Table) -> None:
    """Gives a table the columns that pipeline.yml declares since it was made."""
    there = dict(spark.read.format("delta").load(path).dtypes)
    declared = {column.name: column.type.spark for column in table.columns}
    other = next((name for name in there if not name.startswith("_") and declared.get(name) != there[name]), None)
    if other is not None:
        raise LakeSchemaError(
            f"the lake's table {table.name} has `{other} {there[other]}`, which pipeline.yml does not declare so any "
            "more; `pipectl repair resnapshot` makes the table anew from the source"
        )
    new = [f"{spark_name(name)} {kind}" for name, kind in declared.items() if name not in there]
    if new:
        # By its path and not by SQL, which would ask the metastore.
        schema = spark._jvm.org.apache.spark.sql.types.StructType.fromDDL(", ".join(new))
        empty = spark._jsparkSession.createDataFrame(spark._jvm.java.util.ArrayList(), schema)
        empty.write().format("delta").mode("append").option("mergeSchema", "true").save(path)


def _create(spark: SparkSession, storage: Storage, path: str, columns: str, properties: dict[str, str]) -> bool:
    """An empty table, by its path: SQL, even over a path, asks the metastore, which the flow must not depend on. False where there
    is one."""
    if has_log(storage, path):
        return False
    schema = spark._jvm.org.apache.spark.sql.types.StructType.fromDDL(columns).json()
    table = deltalog.NewTable(schema, properties)
    # Whoever's commit it is, the checksum has to be of the same.
    first = commit_path(path, 0)
    made = storage.create(first, table.commit())
    if made:
        storage.create(f"{first.removesuffix('.json')}.crc", table.checksum())
        # The driver outlives jobs, and may know a table that was here before and that somebody has dropped.
        jvm = spark._jvm
        jvm.org.apache.spark.sql.delta.DeltaLog.invalidateCache(
            spark._jsparkSession, jvm.org.apache.hadoop.fs.Path(path)
        )
    return made


def register(spark: SparkSession, pipeline: Pipeline) -> None:
    """Registers the tables in the Hive Metastore as <database>.<table>, the change log as <database>.changes."""
    database = spark_name(pipeline.lake_database)
    spark.sql(f"CREATE DATABASE IF NOT EXISTS {database} LOCATION {spark_text(pipeline.lake_path)}")
    paths = {"changes": pipeline.changes_path} | {table.name: pipeline.table_path(table) for table in pipeline.tables}
    for name, path in paths.items():
        spark.sql(f"CREATE TABLE IF NOT EXISTS {database}.{spark_name(name)} USING delta LOCATION {spark_text(path)}")
    for table in pipeline.tables:
        _keep_for(spark, f"{database}.{spark_name(table.name)}", retention(pipeline.retention_hours))


def _keep_for(spark: SparkSession, name: str, wanted: dict[str, str]) -> None:
    """Gives a table that was made with another retention the one that is declared now."""
    there = {row.key: row.value for row in spark.sql(f"SHOW TBLPROPERTIES {name}").collect()}
    if any(there.get(key) != value for key, value in wanted.items()):
        listed = ", ".join(f"{spark_text(key)} = {spark_text(value)}" for key, value in wanted.items())
        spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ({listed})")


def merge(spark: SparkSession, path: str, table: Table, source: DataFrame, truncated_at: int | None) -> None:
    """Applies the newest change per key to the table, in one commit.

    `_offset` guards every row, so applying the same changes again, or older ones, changes nothing. A truncate deletes the rows
    older than it that this batch does not bring again.
    """
    same = " AND ".join(f"t.{spark_name(name)} = s.{spark_name(name)}" for name in table.key)
    names = [*(column.name for column in table.columns), "_offset", "_lsn"]
    values = {spark_name(name): f"s.{spark_name(name)}" for name in names}
    target = spark._jvm.io.delta.tables.DeltaTable.forPath(spark._jsparkSession, path).alias("t")
    builder = (
        # One partition: the rows of a batch are few, and every partition becomes a file.
        target.merge(source.coalesce(1).alias("s")._jdf, same)
        .whenMatched("s._op = 'd' AND s._offset > t._offset")
        .delete()
        .whenMatched("s._offset > t._offset")
        .updateExpr(values)
        .whenNotMatched("s._op <> 'd'")
        .insertExpr(values)
    )
    if truncated_at is not None:
        builder = builder.whenNotMatchedBySource(f"t._offset < {int(truncated_at)}").delete()
    builder.execute()


def compact(spark: SparkSession, path: str) -> None:
    """Joins small files. Appends by others go on meanwhile, and streams do not see the files it writes as new data."""
    spark._jvm.io.delta.tables.DeltaTable.forPath(spark._jsparkSession, path).optimize().executeCompaction()


def checkpoint(spark: SparkSession, path: str, commits: int) -> None:
    """Writes down the state of a table whose last checkpoint is so many commits old: readers then need no older commit."""
    log, none = _log(spark, path), spark._jvm.scala.Option.empty()
    snapshot = log.update(False, none, none)
    if snapshot.version() - snapshot.checkpointProvider().version() >= commits:
        log.checkpoint(snapshot, none)


def clean(spark: SparkSession, path: str) -> None:
    """Removes commits that are older than the table's retention and that a checkpoint covers, then the files that only such versions
    need. Delta removes commits by itself, but only those of days that have passed."""
    log, jvm = _log(spark, path), spark._jvm
    none = jvm.scala.Option.empty()
    snapshot = log.update(False, none, none)
    log.cleanUpExpiredLogs(snapshot, none, none, jvm.org.apache.spark.sql.delta.TruncationGranularity.HOUR())
    jvm.io.delta.tables.DeltaTable.forPath(spark._jsparkSession, path).vacuum()


@contextlib.contextmanager
def marked(spark: SparkSession, metadata: str) -> Iterator[None]:
    """Commits that SQL statements make in this session inside the block carry the metadata."""
    spark.conf.set(_MARK, metadata)
    try:
        yield
    finally:
        spark.conf.unset(_MARK)


def version(spark: SparkSession, path: str) -> int:
    """The version this JVM knows of: right after a commit of its own, that commit."""
    return _log(spark, path).unsafeVolatileSnapshot().version()


def identity(spark: SparkSession, storage: Storage, path: str) -> str:
    """Delta's id of the table, which a table made anew does not share."""
    commit = storage.find(commit_path(path, 0))
    known = None if commit is None else deltalog.table_id(commit)
    if known is not None:
        return known
    # Delta's log clean-up has removed version 0; reading the state takes a job. Read from storage: a log this JVM opened before
    # the table was made has a snapshot with an invented id.
    none = spark._jvm.scala.Option.empty()
    return _log(spark, path).update(False, none, none).metadata().id()


def _log(spark: SparkSession, path: str) -> Any:
    return spark._jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, path)
