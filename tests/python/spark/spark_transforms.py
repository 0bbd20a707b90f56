"""The SQL users edit: the shipped files, and mistakes in them."""

from __future__ import annotations

import dataclasses
import unittest
from pathlib import Path

from base import ROOT, SparkTestCase, order, values
from lib import fingerprint, lines
from lib.column_types import parse_type
from lib.pipeline import Column
from lib.transforms import Transform, TransformError


class Transforms(SparkTestCase):
    def transform(self, sql: str) -> Transform:
        path = Path(self.lake) / "orders.sql"
        path.write_text(sql, encoding="utf-8")
        return Transform(dataclasses.replace(self.table("orders"), transform=path), Path(self.lake), self.spark)

    def test_the_shipped_files_are_valid(self) -> None:
        for table in self.pipeline.tables:
            with self.subTest(table.name):
                Transform(table, ROOT, self.spark).check()

    def test_lines_are_what_postgres_reads(self) -> None:
        transform = Transform(self.table("orders"), ROOT, self.spark)
        transform.check()
        change = self.change((0, "c", 1, order(1)), (1, "d", 2, None))
        (line,) = transform.lines(change)
        row = dict(zip(transform.columns, values(line), strict=True))
        self.assertEqual(row["unit_price"], "6.25")
        self.assertEqual(row["ordered_at"], "2026-01-02T03:04:05.678901Z")
        self.assertEqual(row["updated_at"], "2026-01-02T02:54:05.678901")
        self.assertEqual(row["delivery_date"], "2026-01-02")
        self.assertEqual(row["details"], '{"channel": "web"}')
        self.assertIsNone(row["note"])
        self.assertEqual(sorted(lines.of_keys(change)), ["1\n", "2\n"])

    def test_a_syntax_error_names_file_and_line(self) -> None:
        with self.assertRaises(TransformError) as error:
            self.transform("SELECT order_id,\n  amount\nFORM orders x y").check()
        message = str(error.exception)
        self.assertRegex(message, r"^orders\.sql, line 3, column \d+: \[PARSE_SYNTAX_ERROR\]")
        self.assertNotIn("\n", message)

    def test_an_unknown_column_names_file_and_line(self) -> None:
        with self.assertRaisesRegex(TransformError, r"^orders\.sql, line 2, column \d+: .*UNRESOLVED_COLUMN"):
            self.transform("SELECT order_id,\n  amonut FROM orders").check()

    def test_the_key_must_stay(self) -> None:
        with self.assertRaisesRegex(TransformError, "the key column `order_id` is not in"):
            self.transform("SELECT amount FROM orders").check()


class TransformsLarge(Transforms):
    """The same of a batch that the executors compute."""

    changes = 1_000_000


class Fingerprint(SparkTestCase):
    """The Postgres side of these values is in the live test; here the text per type must not change unnoticed."""

    def checksum(self, kind: str, literal: str) -> str:
        column = Column("c", parse_type(kind))
        self.spark.sql(f"SELECT CAST({literal} AS {column.type.spark}) AS c").createOrReplaceTempView("one")
        return self.spark.sql(fingerprint.query("one", (column,))).collect()[0].checksum

    def test_canonical_texts(self) -> None:
        import hashlib

        cases = {
            ("bigint", "-5"): "-5",
            ("numeric(20,10)", "0.0000001"): "0.0000001000",
            ("boolean", "false"): "f",
            ("date", "'1815-12-10'"): "-56270",
            ("timestamp", "'2026-01-02 02:54:05.678901'"): "1767322445678901",
            ("timestamptz", "'2026-01-02 03:54:05.678901+01:00'"): "1767322445678901",
            ("text[]", "array('a', NULL, 'b,c', '')"): "1:a,-,3:b,c,0:",
            ("text[]", "array()"): "",
            ("text[]", "NULL"): "\\N",
            ("double precision", "0.1D"): "4591870180066957722",
            ("text", "NULL"): "\\N",
        }
        for (kind, literal), text in cases.items():
            with self.subTest(kind=kind, literal=literal):
                digits = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:8]
                self.assertEqual(self.checksum(kind, literal), str(int(digits, 16)))


if __name__ == "__main__":
    unittest.main()
