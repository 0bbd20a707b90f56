"""Transformations that are Python functions: what they give, and every mistake told with file and line."""

from __future__ import annotations

import dataclasses
import unittest
from pathlib import Path

from base import SparkTestCase, order, values
from lib.pipeline import Result
from lib.transforms import Transform, TransformError

HEAD = "from pyspark.sql import DataFrame\nfrom pyspark.sql import functions as F\n\n"
PRICE = (
    HEAD + "def transform(rows: DataFrame) -> DataFrame:\n    return rows.withColumn('total', F.col('amount') * 2)\n"
)
UDF = (
    HEAD
    + """@F.udf("string")
def shout(text):
    return loud(text)


def loud(text):
    if text == "bad":
        raise ValueError("no such status")
    return text.upper()


def transform(rows: DataFrame) -> DataFrame:
    return rows.select("order_id", shout("status").alias("status"))
"""
)


UNDECLARED = Result()


class Functions(SparkTestCase):
    def transform(self, code: str, result: Result = UNDECLARED) -> Transform:
        path = Path(self.lake) / "orders.py"
        path.write_text(code, encoding="utf-8")
        return Transform(
            dataclasses.replace(self.table("orders"), transform=path, result=result), Path(self.lake), self.spark
        )

    def refused(self, code: str, message: str, result: Result = UNDECLARED) -> None:
        with self.assertRaisesRegex(TransformError, message) as error:
            self.transform(code, result).check()
        self.assertNotIn("\n", str(error.exception))

    def test_a_function_makes_the_rows(self) -> None:
        transform = self.transform(PRICE)
        transform.check()
        self.assertEqual(transform.columns, [*(column.name for column in self.table("orders").columns), "total"])
        lines = transform.lines(self.change((0, "c", 1, order(1)), (1, "d", 2, None)))
        self.assertEqual([values(line)[-1] for line in lines], ["25.00"])

    def test_its_own_functions_run_on_the_executors(self) -> None:
        transform = self.transform(UDF)
        transform.check()
        self.assertEqual(transform.lines(self.change((0, "c", 1, order(1)))), ["1\tNEW\n"])

    def test_what_fails_with_a_row_names_file_and_line(self) -> None:
        transform = self.transform(UDF)
        with self.assertRaisesRegex(TransformError, r"^orders\.py, line 11: ValueError: no such status$"):
            transform.lines(self.change((0, "c", 1, order(1, status="bad"))))

    def test_mistakes_name_file_and_line(self) -> None:
        define = HEAD + "def transform(rows):\n"
        self.refused(define + "    return rows.select(\n", r"^orders\.py, line 5: SyntaxError: ")
        self.refused(define + "    return rows.select('amonut')\n", r"^orders\.py, line 5: .*UNRESOLVED_COLUMN")
        self.refused(define + "    return 1 / 0\n", r"^orders\.py, line 5: ZeroDivisionError: division by zero$")
        self.refused(HEAD + "import nowhere\n", r"^orders\.py, line 4: ModuleNotFoundError: ")
        self.refused(define + "    return 1\n", r"^orders\.py: `transform` returns int and not a DataFrame$")
        self.refused("def transfrom(rows):\n    return rows\n", r"^orders\.py: it has no function `transform\(")
        self.refused("def transform():\n    pass\n", r"^orders\.py, line 1: `transform` has to take one argument")
        self.refused(
            define + "    return rows.drop('order_id')\n", r"the key column `order_id` is not in the function's"
        )
        twice = "    return rows.select('order_id', 'note', F.lit(1).alias('note'))\n"
        self.refused(define + twice, "two columns named `note`")

    def test_what_pipeline_yml_says_of_it_is_held_against_it(self) -> None:
        define = HEAD + "def transform(rows):\n"
        columns = ("order_id", "note")
        same = Result(columns, passed_on=columns, keeps_rows=True)
        self.transform(define + "    return rows.select('order_id', 'note')\n", same).check()
        self.refused(
            define + "    return rows.select('order_id')\n", "no column `note`, which pipeline.yml lists", same
        )
        self.refused(define + "    return rows\n", "a column `customer_id`, which pipeline.yml does not list", same)
        upper = define + "    return rows.select('order_id', F.upper('note').alias('note'))\n"
        self.refused(upper, r"column `note` is computed, .*; write `note: \[note\]` there", same)
        where = define + "    return rows.where('amount > 0').select('order_id', 'note')\n"
        self.refused(where, r"not one row for each row \(it needs Filter\)", same)
        self.transform(where, dataclasses.replace(same, keeps_rows=False)).check()


if __name__ == "__main__":
    unittest.main()
