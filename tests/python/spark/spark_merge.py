"""Reducing a batch to the newest change per key, and merging it."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import threading
import unittest
from pathlib import Path

from base import SparkTestCase, order
from lib import batch, changes, lake, resume, slices, toast, typed, upkeep
from lib.commits import Mark, marks
from pyspark.sql import DataFrame
from pyspark.sql import functions as F


class Parse(SparkTestCase):
    """Kafka records as rows of the change log."""

    def parsed(self, *records: tuple[int, str, str]) -> list[tuple]:
        """(offset, op, snapshot) of records, as (offset, op, key, after) in the log."""
        values = [
            (
                offset,
                bytearray(b'{"id": 1}'),
                bytearray(
                    json.dumps(
                        {
                            "op": op,
                            "after": {"id": 1},
                            "source": {"schema": "public", "table": "t", "snapshot": snapshot},
                        }
                    ).encode()
                ),
                "jadc2.public.t",
                0,
            )
            for offset, op, snapshot in records
        ]
        schema = "offset bigint, key binary, value binary, topic string, partition int"
        rows = changes.parse(self.spark.createDataFrame(values, schema)).collect()
        return [(row.offset, row.op, row.key, row.after) for row in rows]

    def test_a_change_is_one_row(self) -> None:
        row = ('{"id": 1}', '{"id":1}')
        self.assertEqual(self.parsed((7, "u", "false"), (8, "r", "true")), [(7, "u", *row), (8, "r", *row)])

    def test_the_first_row_of_a_snapshot_is_a_truncate_too_where_something_came_before(self) -> None:
        row = ('{"id": 1}', '{"id":1}')
        self.assertEqual(self.parsed((0, "r", "first")), [(0, "r", *row)])
        for first in ("first", "first_in_data_collection"):
            self.assertEqual(self.parsed((9, "r", first)), [(9, "t", None, None), (9, "r", *row)])


class Reduce(SparkTestCase):
    def reduce(self, frame: DataFrame, applied: dict[str, int] | None = None) -> batch.TableChanges:
        found = self.reduced(frame, applied).tables
        self.assertEqual(len(found), 1)
        return found[0]

    def newest(self, change: batch.TableChanges) -> dict[str, tuple]:
        rows = change.changes if change.frame is None else change.frame.collect()
        return {row.key: (row.offset, row.op) for row in rows}

    def test_the_newest_change_of_each_key_counts(self) -> None:
        frame = self.log((0, "c", 1, order(1)), (1, "c", 2, order(2)), (2, "u", 1, order(1)), (3, "d", 2, None))
        change = self.reduce(frame)
        self.assertEqual(self.newest(change), {'{"order_id": 1}': (2, "u"), '{"order_id": 2}': (3, "d")})
        self.assertEqual((change.end, change.reached, change.facts.deleted), (4, 5, 1))

    def test_a_truncate_undoes_what_was_before_it_only(self) -> None:
        frame = self.log((0, "c", 1, order(1)), (1, "t", None, None), (2, "c", 2, order(2)))
        change = self.reduce(frame)
        self.assertEqual(change.truncated_at, 1)
        self.assertEqual(self.newest(change), {'{"order_id": 2}': (2, "c")})

    def test_a_snapshot_that_begins_again_undoes_what_was_before_it_and_not_its_first_row(self) -> None:
        frame = self.log((0, "r", 1, order(1)), (1, "r", 2, order(2)), (2, "t", None, None), (2, "r", 2, order(2)))
        change = self.reduce(frame)
        self.assertEqual(self.newest(change), {'{"order_id": 2}': (2, "r")})
        # The same where all that came before has been applied.
        change = self.reduce(frame, {"jadc2.public.orders": 2})
        self.assertEqual((change.truncated_at, self.newest(change)), (2, {'{"order_id": 2}': (2, "r")}))

    def test_changes_that_were_applied_are_left_out(self) -> None:
        frame = self.log((0, "c", 1, order(1)), (1, "c", 2, order(2)))
        change = self.reduce(frame, {"jadc2.public.orders": 1})
        self.assertEqual(self.newest(change), {'{"order_id": 2}': (1, "c")})
        self.assertEqual(self.reduced(frame, {"jadc2.public.orders": 2}).tables, [])

    def test_values_a_change_lacks_come_from_the_change_before(self) -> None:
        log = self.log((0, "c", 1, order(1, note="long")), (1, "u", 1, order(1, note=toast.MARKER, quantity=5)))
        change = self.reduced(log.where("offset = 1"), log=log).tables[0]
        row = typed.ChangedRows(self.spark, change.table).of(change).collect()[0]
        self.assertEqual((row.note, row.quantity), ("long", 5))

    def test_a_table_that_is_not_declared(self) -> None:
        """It left pipeline.yml; the change log goes on having what it had."""
        other = self.log((7, "c", 1, order(1)), (8, "t", None, None)).withColumn("table", F.lit("public.other"))
        found = self.reduced(self.log((0, "c", 1, order(1))).union(other))
        self.assertEqual([change.table.source for change in found.tables], ["public.orders"])


class ReduceLarge(Reduce):
    """The same of a batch that the executors reduce."""

    changes = 1_000_000


class FakeLog:
    """A change log with one commit, which reaches up to these offsets."""

    def __init__(self, offsets: dict[str, int]) -> None:
        self.mark = Mark("q", 1, offsets).metadata()

    def find(self, path: str) -> str:
        return json.dumps({"commitInfo": {"userMetadata": self.mark}})


class Cut(SparkTestCase):
    def test_tables_that_left_are_in_no_piece(self) -> None:
        rows = [(number, "c", number, order(number)) for number in range(500)]
        other = self.log(*rows).withColumn("topic", F.lit("jadc2.public.left"))
        frame = self.log((7, "c", 1, order(1))).union(other)
        here = "jadc2.public.orders"
        for ends, found in (({here: 8, "jadc2.public.left": 500}, 1), ({here: 8}, 501)):
            pieces = list(slices.cut(frame, FakeLog(ends), "log", 1, [here], {}))
            self.assertEqual([(piece.rows.count(), piece.changes) for piece in pieces], [(found, 8)])


class OtherColumns(SparkTestCase):
    """Changes whose columns are not those of pipeline.yml."""

    def outcome(self, frame: DataFrame, log: DataFrame | None = None) -> tuple[int, str]:
        """Up to where changes may be applied, and why not further."""
        found = self.reduced(frame, log=log)
        return max((change.end for change in found.tables), default=0), str(found.stop or "")

    def test_everything_before_the_first_change_with_a_new_column_is_applied(self) -> None:
        frame = self.log((0, "c", 1, order(1)), (1, "c", 2, order(2, priority=1)), (2, "c", 3, order(3)))
        end, why = self.outcome(frame)
        self.assertEqual(end, 1)
        self.assertRegex(why, r"public.orders has other columns since offset 1.*`priority` new.*declare it.*pipectl up")

    def test_a_column_that_is_gone_is_not_taken_for_null(self) -> None:
        gone = order(2)
        del gone["note"]
        end, why = self.outcome(self.log((0, "c", 1, order(1)), (1, "u", 2, gone), (2, "d", 3, None)))
        self.assertEqual(end, 1)
        self.assertRegex(why, r"since offset 1.*`note` gone.*pipectl repair resnapshot")

    def test_a_renamed_column_is_both(self) -> None:
        renamed = order(1, remark="x")
        del renamed["note"]
        self.assertRegex(self.outcome(self.log((0, "c", 1, renamed)))[1], r"`note` gone, `remark` new")

    def test_changes_older_than_a_column_have_null_there(self) -> None:
        older = order(1)
        del older["note"]
        both = self.log((0, "c", 1, older), (1, "c", 2, order(2, note="here")))
        self.assertEqual(self.outcome(both), (2, ""))
        # The change that shows the column to be new comes in a later batch.
        self.assertEqual(self.outcome(both.where("offset = 0"), log=both), (1, ""))

    def test_the_order_of_columns_does_not_matter(self) -> None:
        self.assertEqual(self.outcome(self.log((0, "c", 1, dict(reversed(order(1).items()))))), (1, ""))


class OtherColumnsLarge(OtherColumns):
    """The same of a batch that the executors reduce."""

    changes = 1_000_000


class Typed(SparkTestCase):
    def test_every_column_has_its_declared_type(self) -> None:
        frame = typed.rows(self.table("orders"), self.log((0, "c", 1, order(1))))
        row = frame.collect()[0]
        self.assertEqual(str(row.amount), "12.50")
        self.assertEqual(str(row.delivery_date), "2026-01-02")
        self.assertEqual(row.details, '{"channel": "web"}')
        types = dict(frame.dtypes)
        self.assertEqual((types["amount"], types["updated_at"]), ("decimal(12,2)", "timestamp_ntz"))
        micros = frame.selectExpr("unix_micros(ordered_at)", "unix_micros(CAST(updated_at AS timestamp))").collect()[0]
        self.assertEqual(tuple(micros), (1767323045678901, 1767322445678901))

    def test_a_value_that_does_not_fit_is_an_error_and_not_a_null(self) -> None:
        for bad in ({"amount": "NAN"}, {"amount": "99999999999.99"}, {"quantity": 3000000000}):
            with self.subTest(bad), self.assertRaises(Exception) as error:
                typed.rows(self.table("orders"), self.log((0, "c", 1, order(1, **bad)))).collect()
            self.assertRegex(str(error.exception), r'public.orders, column \w+, key \{"order_id": 1\}: ')


class Merge(SparkTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = f"{self.lake}/orders"
        columns = [f"{column.name} {column.type.spark}" for column in self.table("orders").columns]
        ddl = ", ".join([*columns, "_offset bigint", "_lsn bigint"])
        lake._create(self.spark, self.storage, self.path, ddl, lake._MERGED_PROPERTIES)

    def merge(self, *rows: tuple, applied: int = 0) -> None:
        frame = self.log(*rows)
        for change in self.reduced(frame, {"jadc2.public.orders": applied}).tables:
            source = typed.ChangedRows(self.spark, change.table).of(change)
            lake.merge(self.spark, self.path, change.table, source, change.truncated_at)

    def rows(self) -> dict[int, int]:
        frame = self.spark.read.format("delta").load(self.path)
        return {row.order_id: row.quantity for row in frame.collect()}

    FIRST = ((0, "r", 1, order(1)), (1, "r", 2, order(2)), (2, "r", 3, order(3)))
    SECOND = ((3, "u", 1, order(1, quantity=7)), (4, "d", 2, None), (5, "c", 4, order(4)))

    def test_insert_update_delete(self) -> None:
        self.merge(*self.FIRST)
        self.merge(*self.SECOND)
        self.assertEqual(self.rows(), {1: 7, 3: 2, 4: 2})

    def test_a_large_batch_is_computed_by_the_executors_with_the_same_result(self) -> None:
        self.changes = 1_000_000
        self.merge(*self.FIRST, *self.SECOND)
        self.assertEqual(self.rows(), {1: 7, 3: 2, 4: 2})

    def test_the_same_batch_twice_changes_nothing(self) -> None:
        self.merge(*self.FIRST)
        self.merge(*self.SECOND)
        self.merge(*self.SECOND)
        self.assertEqual(self.rows(), {1: 7, 3: 2, 4: 2})

    def test_an_older_batch_does_not_bring_old_values_back(self) -> None:
        self.merge(*self.FIRST)
        self.merge(*self.SECOND)
        self.merge(*self.FIRST, applied=6)
        self.assertEqual(self.rows(), {1: 7, 3: 2, 4: 2})

    def test_a_truncate_in_the_middle_of_a_batch(self) -> None:
        self.merge(*self.FIRST)
        self.merge((3, "u", 1, order(1, quantity=7)), (4, "t", None, None), (5, "c", 3, order(3, quantity=9)))
        self.assertEqual(self.rows(), {3: 9})

    def test_a_snapshot_that_begins_again(self) -> None:
        self.merge(*self.FIRST)
        self.merge((3, "t", None, None), (3, "r", 1, order(1)), (4, "r", 3, order(3)), applied=3)
        self.assertEqual(self.rows(), {1: 2, 3: 2})

    def test_a_truncate_alone(self) -> None:
        self.merge(*self.FIRST)
        self.merge((3, "t", None, None))
        self.assertEqual(self.rows(), {})

    def test_deleted_and_inserted_again(self) -> None:
        self.merge(*self.FIRST)
        self.merge((3, "d", 1, None), (4, "c", 1, order(1, quantity=8)))
        self.assertEqual(self.rows()[1], 8)

    def test_commits_carry_the_mark(self) -> None:
        frame = self.log(*self.FIRST)
        change = self.reduced(frame).tables[0]
        with lake.marked(self.spark, Mark("q", 4, {"jadc2.public.orders": 3}).metadata()):
            source = typed.ChangedRows(self.spark, change.table).of(change)
            lake.merge(self.spark, self.path, change.table, source, None)
        mark = next(marks(self.storage, self.path))
        self.assertEqual((mark.app, mark.batch, mark.offsets), ("q", 4, {"jadc2.public.orders": 3}))
        self.assertEqual(json.loads(mark.metadata())["batch"], 4)


class Identity(SparkTestCase):
    def test_a_table_that_was_dropped_and_made_anew_is_not_the_old_one(self) -> None:
        path = f"{self.lake}/orders"
        lake._create(self.spark, self.storage, path, "id bigint", {})
        for _ in range(2):
            self.spark.range(3).write.format("delta").mode("append").save(path)
        self.assertEqual(lake.version(self.spark, path), 2)
        shutil.rmtree(path)
        lake._create(self.spark, self.storage, path, "id bigint", {})
        self.spark.range(1).write.format("delta").mode("append").save(path)
        self.assertEqual(lake.version(self.spark, path), 1)
        self.assertEqual(self.spark.read.format("delta").load(path).count(), 1)

    def test_a_table_made_after_its_log_was_opened_has_its_own_id(self) -> None:
        made, opened = f"{self.lake}/made", f"{self.lake}/opened"
        lake._create(self.spark, self.storage, made, "id bigint", {})
        lake._log(self.spark, opened)
        # As another process would: this JVM's log does not know.
        shutil.copytree(made, opened)
        self.assertEqual(lake.identity(self.spark, self.storage, opened), lake.identity(self.spark, self.storage, made))


class Upkeep(SparkTestCase):
    """What is removed from a table that lives long, and what is not."""

    def setUp(self) -> None:
        super().setUp()
        self.caught_up: list[int] = []

    def append(self, table: Path, first: int) -> None:
        rows = [(number, "c", number, order(number)) for number in range(first, first + 10)]
        self.log(*rows).coalesce(1).write.format("delta").mode("append").save(str(table))

    def age(self, table: Path, hours: float) -> None:
        """Everything in the table becomes so much older."""
        for path in table.rglob("*"):
            moment = path.stat().st_mtime - hours * 3600
            os.utime(path, (moment, moment))

    def commits(self, table: Path) -> list[int]:
        return sorted(int(path.stem) for path in (table / "_delta_log").glob("*.json") if path.stem.isdigit())

    def follow(self, table: Path) -> int:
        """Rows that a query with a checkpoint has got since it was last asked."""
        rows = []
        checkpoint = f"{self.lake}/checkpoint"
        query = (
            resume.change_log(
                self.spark, self.storage, str(table), resume.Reader(checkpoint, [], [], self.caught_up.append)
            )
            .load(str(table))
            .writeStream.foreachBatch(lambda frame, _: rows.extend(frame.collect()))
            .option("checkpointLocation", checkpoint)
            .trigger(availableNow=True)
            .start()
        )
        query.awaitTermination()
        return len(rows)

    def test_small_files_of_a_merged_table_are_joined_now_and_then(self) -> None:
        pipeline = dataclasses.replace(self.pipeline, lake_path=self.lake)
        table = self.table("orders")
        lake.prepare_merged_tables(self.spark, self.storage, pipeline)
        for number in range(3):
            self.append(Path(self.lake) / "orders.rows", number * 10)
        rows = self.spark.read.format("delta").load(f"{self.lake}/orders.rows")
        source = typed.changed_rows(table, rows)
        for number in range(3):
            here = source.where(f"_offset div 10 = {number}")
            lake.merge(self.spark, pipeline.table_path(table), table, here, None)
        merged = self.spark.read.format("delta").load(pipeline.table_path(table))
        self.assertEqual(len(merged.inputFiles()), 3)
        done = upkeep.Upkeep(pipeline, self.storage)
        for _ in range(upkeep.MERGES_OF_A_TABLE):
            self.assertEqual(len(merged.inputFiles()), 3)
            done.after_merge(self.spark, [table])
        merged = self.spark.read.format("delta").load(pipeline.table_path(table))
        self.assertEqual((len(merged.inputFiles()), merged.count()), (1, 30))

    def test_what_a_compaction_has_written_is_not_written_again_once_it_is_large(self) -> None:
        table = f"{self.lake}/large"
        # Random, so that it is as large when it is compressed: 20 MiB.
        self.spark.range(1).selectExpr("id", "randstr(20971520, 1) AS text").write.format("delta").save(table)
        (large,) = Path(table).glob("*.parquet")
        for number in range(3):
            small = self.spark.range(1).selectExpr(f"id + {number} AS id", "'small' AS text")
            small.coalesce(1).write.format("delta").mode("append").save(table)
        lake.compact(self.spark, table)
        files = {Path(name).name for name in self.spark.read.format("delta").load(table).inputFiles()}
        self.assertIn(large.name, files)
        self.assertEqual(len(files), 2)

    def test_old_commits_and_files_go_and_rows_and_readers_stay(self) -> None:
        table = Path(self.lake) / "_changes"
        pipeline = dataclasses.replace(self.pipeline, lake_path=self.lake)
        lake.create_change_log(self.spark, self.storage, pipeline)
        self.assertEqual(self.follow(table), 0)
        for batch_number in range(6):
            self.append(table, batch_number * 10)
        self.assertEqual(self.follow(table), 60)
        lake.compact(self.spark, str(table))
        self.spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
        lake.checkpoint(self.spark, str(table), 100)
        self.assertEqual(list((table / "_delta_log").glob("*.checkpoint.parquet")), [])
        lake.checkpoint(self.spark, str(table), 7)
        self.assertEqual(len(list((table / "_delta_log").glob("*.checkpoint.parquet"))), 1)
        files = len(list(table.glob("*.parquet")))

        lake.clean(self.spark, str(table))
        self.assertEqual((len(self.commits(table)) >= 8, len(list(table.glob("*.parquet")))), (True, files))

        self.age(table, lake.CHANGES_RETENTION_HOURS + 2)
        self.append(table, 60)
        self.assertEqual(self.follow(table), 10)
        self.spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
        lake.clean(self.spark, str(table))
        self.assertNotIn(0, self.commits(table))
        self.assertNotIn(5, self.commits(table))
        self.assertEqual(self.spark.read.format("delta").load(str(table)).count(), 70)
        # Who is up to date goes on, although the version it began at is gone.
        self.append(table, 65)
        known = list(self.caught_up)
        self.assertEqual((self.follow(table), self.caught_up), (10, known))
        # Who was away begins anew.
        for batch_number in range(7, 9):
            self.append(table, batch_number * 10)
        self.age(table, 5)
        self.append(table, 90)
        self.follow(table)
        self.assertEqual(self.caught_up, [*known, self.commits(table)[-1]])

    def test_the_commit_that_says_how_far_the_change_log_goes_stays_however_old_it_is(self) -> None:
        pipeline = dataclasses.replace(self.pipeline, lake_path=self.lake)
        lake.create_change_log(self.spark, self.storage, pipeline)
        log = Path(pipeline.changes_path)
        self.append(log, 0)
        with lake.marked(self.spark, Mark("q", 0, {"jadc2.public.orders": 20}).metadata()):
            self.append(log, 10)
        lake.compact(self.spark, str(log))
        lake.checkpoint(self.spark, str(log), 1)
        # The machine slept.
        self.age(log, lake.CHANGES_RETENTION_HOURS + 2)
        moment = 0.0
        done = upkeep.Upkeep(pipeline, self.storage, lambda: moment)

        def after_ten_minutes() -> list[int]:
            nonlocal moment
            moment += 600
            self.spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
            done.after_merge(self.spark, [])
            return self.commits(log)

        self.assertEqual(after_ten_minutes(), [0, 1, 2, 3])
        with lake.marked(self.spark, Mark("q", 1, {"jadc2.public.orders": 30}).metadata()):
            self.append(log, 20)
        self.assertNotIn(2, after_ten_minutes())

    def test_a_start_after_the_first_commit_was_removed_takes_the_tables_as_they_are(self) -> None:
        pipeline = dataclasses.replace(self.pipeline, lake_path=self.lake)
        log = Path(pipeline.changes_path)
        tables = [log, *(Path(pipeline.table_path(table)) for table in pipeline.tables)]

        def start() -> list[str]:
            lake.create_change_log(self.spark, self.storage, pipeline)
            lake.prepare_merged_tables(self.spark, self.storage, pipeline)
            changes.wait_for(self.storage, str(log), threading.Event(), seconds=0)
            return [lake.identity(self.spark, self.storage, str(table)) for table in tables]

        made = start()
        self.append(log, 0)
        for table in tables:
            # What a commit of anybody does.
            self.spark.sql(f"ALTER TABLE delta.`{table}` SET TBLPROPERTIES ('delta.checkpointInterval' = '77')")
            lake.checkpoint(self.spark, str(table), 1)
            self.age(table, 24 * 365)
            self.spark.sql(f"ALTER TABLE delta.`{table}` SET TBLPROPERTIES ('delta.checkpointInterval' = '78')")
            lake.clean(self.spark, str(table))
            self.assertNotIn(0, self.commits(table))
        self.spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
        self.assertEqual(start(), made)
        for table in tables:
            self.assertNotIn(0, self.commits(table))
        self.assertEqual(self.spark.read.format("delta").load(str(log)).count(), 10)


if __name__ == "__main__":
    unittest.main()
