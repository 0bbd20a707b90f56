"""Queries planned once: the same rows as when they are planned for every batch, and what cannot be kept."""

from __future__ import annotations

import json
import unittest

from base import SparkTestCase, order, values
from lib import lines
from lib.prepared import Prepared
from pyspark.sql import DataFrame

COLUMNS = "id bigint, name string"
ROWS = [{"id": 1, "name": 'a\n"b" [ü], 😀'}, {"id": 2, "name": None}, {"id": 3, "name": ""}]


class Kept(SparkTestCase):
    def query(self, sql: str) -> Prepared:
        def run(rows: DataFrame) -> DataFrame:
            rows.createOrReplaceTempView("given")
            return lines.of_rows(self.spark.sql(sql))

        return Prepared(self.spark, COLUMNS, run)

    def test_rows_come_as_they_are_in_every_batch(self) -> None:
        query = self.query("SELECT id, name, length(name) AS n FROM given")
        self.assertTrue(query.is_kept)
        for rows in (ROWS, ROWS[::-1], ROWS[:1], []):
            found = [values(text)[:2] for text in query.texts(rows)]
            self.assertEqual(found, [[str(row["id"]), row["name"]] for row in rows])

    def test_filters_are_kept_too(self) -> None:
        query = self.query("SELECT id FROM (SELECT id + 1 AS id FROM given WHERE name IS NOT NULL) WHERE id > 2")
        self.assertTrue(query.is_kept)
        self.assertEqual(query.texts(ROWS), ["4\n"])
        self.assertEqual(query.texts(ROWS[:2]), [])

    def test_what_is_more_than_a_projection_is_planned_for_every_batch(self) -> None:
        for sql, expected in (
            ("SELECT count(*) AS n FROM given", ["3\n"]),
            ("SELECT max(id) AS n FROM given GROUP BY name IS NULL ORDER BY n", ["2\n", "3\n"]),
            ("SELECT a.id FROM given a JOIN given b ON a.id = b.id + 2", ["3\n"]),
            ("SELECT id FROM given UNION ALL SELECT 9", ["1\n", "2\n", "3\n", "9\n"]),
            ("SELECT explode(array(id, 0)) AS n FROM given WHERE id = 1", ["1\n", "0\n"]),
            ("SELECT (SELECT max(id) FROM given) AS n FROM given WHERE id = 1", ["3\n"]),
        ):
            with self.subTest(sql):
                query = self.query(sql)
                self.assertFalse(query.is_kept)
                self.assertEqual(query.texts(ROWS), expected)

    def test_what_is_another_thing_every_time_is_not_kept(self) -> None:
        for function in ("uuid()", "rand()", "current_timestamp()", "current_date()", "now()"):
            with self.subTest(function):
                self.assertFalse(self.query(f"SELECT id, {function} AS other FROM given").is_kept)

    def test_the_result_can_be_a_frame(self) -> None:
        query = Prepared(self.spark, COLUMNS, lambda rows: rows.where("id > 1").selectExpr("id * 2 AS twice"))
        for rows in (ROWS, ROWS[:2]):
            frame = query.frame(rows)
            self.assertEqual([row.twice for row in frame.collect()], [2 * row["id"] for row in rows if row["id"] > 1])
        self.assertEqual(frame._jdf.queryExecution().analyzed().nodeName(), "LocalRelation")

    def test_an_error_in_a_row_is_told_as_always(self) -> None:
        from lib import typed

        query = Prepared(self.spark, typed.CHANGE, lambda rows: typed.rows(self.table("orders"), rows))
        bad = {"key": '{"order_id": 1}', "after": json.dumps(order(1, quantity=3000000000))}
        with self.assertRaisesRegex(Exception, r'public.orders, column quantity, key \{"order_id": 1\}: '):
            query.frame([bad])


if __name__ == "__main__":
    unittest.main()
