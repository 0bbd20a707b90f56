"""Every type from what Debezium 3.6 sends to Delta's value, to the text that the destination reads, and what stops the job."""

from __future__ import annotations

import json
import unittest

from base import SparkTestCase, values
from lib import fingerprint, lines
from lib.casts import Place, cast
from lib.column_types import parse_type
from lib.pipeline import Column
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

# Type, JSON value of the change, canonical text in Delta, what the destination reads: a list stands for its JSON.
CARRIED: list[tuple[str, object, str, object]] = [
    ("smallint", -32768, "-32768", -32768),
    ("bigint", 9223372036854775807, "9223372036854775807", 9223372036854775807),
    ("numeric(12,2)", "-9999999999.99", "-9999999999.99", -9999999999.99),
    ("numeric(12,2)", "1.5", "1.50", 1.5),
    ("numeric", "123456789012345678901234567890123456789012345678.000100", "", "as sent"),
    ("numeric(60,20)", "1.50000000000000000000", "", "as sent"),
    ("numeric", "NAN", "NaN", "NaN"),
    ("numeric", "POSITIVE_INFINITY", "Infinity", "Infinity"),
    ("numeric", "NEGATIVE_INFINITY", "-Infinity", "-Infinity"),
    ("real", 0.1, "4591870180174331904", 0.1),
    ("real", "NaN", "9221120237041090560", "NaN"),
    ("real", 1.4e-45, "3936146074321813504", 1.4e-45),
    ("double precision", -0.0, "-9223372036854775808", -0.0),
    ("double precision", "-Infinity", "-4503599627370496", "-Infinity"),
    ("double precision", 5e-324, "1", 5e-324),
    ("boolean", True, "t", True),
    ("text", "", "", "as sent"),
    ("text", "a\\b\n\t\r\"'\u0085\u2028\U0001f600\u0001", "", "as sent"),
    ("char(6)", "ab    ", "", "as sent"),
    ("json", '{"a":  1, "a": 2}', "", "as sent"),
    ("jsonb", '{"n": 1.10}', "", "as sent"),
    ("bytea", "AP8Q", "00ff10", "\\x00ff10"),
    ("bytea", "", "", "\\x"),
    ("date", -1, "-1", "1969-12-31"),
    ("date", -141432, "-141432", "1582-10-10"),
    ("date", -719163, "-719163", "J1721425"),
    ("date", -2440588, "-2440588", "J0"),
    ("date", 2932897, "2932897", "J5373485"),
    ("date", 2145042905, "2145042905", "J2147483493"),
    ("time", 45296789012, "12:34:56.789012", "as Delta"),
    ("time", 86400000000, "24:00:00.000000", "as Delta"),
    ("timestamp", -1, "-1", "1969-12-31T23:59:59.999999"),
    ("timestamp", -12219721076999999, "-12219721076999999", "1582-10-10T01:02:03.000001"),
    ("timestamp", -62135596800000001, "-62135596800000001", "J1721425 23:59:59.999999"),
    ("timestamp", -210866803200000000, "-210866803200000000", "J0 00:00:00.000000"),
    ("timestamp", 253402300800000000, "253402300800000000", "J5373485 00:00:00.000000"),
    ("timestamptz", "2026-01-02T02:04:05.678901Z", "1767319445678901", "2026-01-02T02:04:05.678901Z"),
    ("timestamptz", "0000-12-31T23:59:59.999999Z", "-62135596800000001", "J1721425 23:59:59.999999Z"),
    ("timestamptz", "-4712-01-02T00:00:00.000000Z", "-210863433600000000", "J39 00:00:00.000000Z"),
    ("timestamptz", "2263-01-01T00:00:00.000001Z", "9246182400000001", "2263-01-01T00:00:00.000001Z"),
    ("timestamptz", "+10000-01-01T00:00:00.000000Z", "253402300800000000", "J5373485 00:00:00.000000Z"),
    ("interval", "P-1Y-2M3DT-4H-5M-6.000001S", "", "as sent"),
    ("inet", "10.0.0.1/8", "", "as sent"),
    ("cidr", "2001:db8::/32", "", "as sent"),
    ("macaddr", "08:00:2b:01:02:03", "", "as sent"),
    ("enum", 'it\'s "fine"', "", "as sent"),
    ("smallint[]", [1, None, -2], "1:1,-,2:-2", [1, None, -2]),
    ("bigint[]", [9223372036854775807, None], "19:9223372036854775807,-", [9223372036854775807, None]),
    ("boolean[]", [True, False, None], "1:t,1:f,-", [True, False, None]),
    ("text[]", ["a", None, "", "NULL", 'a,b"\\'], '1:a,-,0:,4:NULL,5:a,b"\\', ["a", None, "", "NULL", 'a,b"\\']),
    ("text[]", [None], "-", [None]),
    ("text[]", [], "", []),
    ("real[]", [0.1, None], "19:4591870180174331904,-", [0.1, None]),
    ("double precision[]", ["NaN", -0.0], "19:9221120237041090560,20:-9223372036854775808", ["NaN", -0.0]),
    ("numeric[]", ["1.50", None], "4:1.50,-", ["1.50", None]),
    ("numeric(10,2)[]", ["1.5", None], "4:1.50,-", [1.5, None]),
    ("uuid[]", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"], "", "as sent"),
    ("date[]", [20455, None], "5:20455,-", ["2026-01-02", None]),
    ("timestamp[]", [1767323045678901, None], "16:1767323045678901,-", ["2026-01-02T03:04:05.678901", None]),
    ("timestamptz[]", ["2026-01-02T02:04:05.678901Z"], "16:1767319445678901", ["2026-01-02T02:04:05.678901Z"]),
    ("inet[]", ["10.0.0.1/8", None], "10:10.0.0.1/8,-", ["10.0.0.1/8", None]),
    ("bytea[]", ["AP8=", None], "4:00ff,-", ["\\x00ff", None]),
]

INFINITE: list[tuple[str, object]] = [
    ("date", -622191234),
    ("date", -2147472692),
    ("date", 2147483647),
    ("timestamp", 9223372036825200000),
    ("timestamp", -9223372036832400000),
    ("timestamptz", "infinity"),
    ("timestamptz", "-infinity"),
    ("date[]", [20455, -625821272]),
    ("timestamp[]", [9223372036825200000]),
    ("timestamptz[]", ["+292269055-12-02T23:00:00.000000Z"]),
]

STOPPED: list[tuple[str, object, str]] = [
    ("numeric(12,2)", "NAN", "declare the column `numeric`"),
    ("numeric(12,2)", "99999999999.99", r"does not fit numeric\(12,2\)"),
    ("numeric(12,2)", "0.001", r"does not fit numeric\(12,2\)"),
    ("integer", 3000000000, "does not fit integer"),
    ("integer", "x", "does not fit integer"),
    ("timestamp", -9223372036853775810, "no time between 4714 BC and 294247"),
    ("timestamp", 9223372036854775807, "no time between 4714 BC and 294247"),
    ("timestamptz", "+294276-12-31T23:59:59.999999Z", "does not fit timestamptz"),
    ("interval", "infinity", "does not fit interval"),
    ("time", 86400000001, "does not fit time"),
    ("integer[]", [None, None], "several dimensions"),
    ("text[]", ["[Ljava.lang.String;@65cecc5e"], "several dimensions"),
    ("date[]", [-141422], "another calendar"),
    ("timestamp[]", [-62135769600000001], "another calendar"),
    ("timestamp[]", [-210870086400000000], "another calendar"),
    ("timestamptz[]", ["1582-10-20T01:02:03.000001Z"], "another calendar"),
]


class Types(SparkTestCase):
    def changes(self, values: list[object]) -> DataFrame:
        """One change per value, as rows of the change log."""
        rows = [(json.dumps({"id": n}), json.dumps({"c": value})) for n, value in enumerate(values)]
        return self.spark.createDataFrame(rows, "key string, after string").withColumn(
            "row", F.from_json("after", "c string", {"mode": "FAILFAST"})
        )

    def typed(self, kind: str, *values: object, infinity_to_null: bool = False) -> DataFrame:
        place = Place("public.t", "c", "key", infinity_to_null)
        return self.changes(list(values)).select(F.expr(cast(parse_type(kind), "row.c", place)).alias("c"))

    def meant(self, text: str, expected: object) -> object:
        """A text as a value of the expected one's kind."""
        if isinstance(expected, bool):
            return {"true": True, "false": False}[text]
        if isinstance(expected, list):
            return json.loads(text)
        return type(expected)(text)

    def test_values_arrive_whole(self) -> None:
        for kind, sent, canonical, read in CARRIED:
            with self.subTest(kind=kind, sent=sent):
                frame = self.typed(kind, sent, None)
                self.assertEqual(dict(frame.dtypes)["c"], parse_type(kind).spark)
                if isinstance(sent, str) and read == "as sent":
                    canonical = sent
                if isinstance(sent, list) and read == "as sent":
                    canonical = ",".join(f"{len(element)}:{element}" for element in sent)
                text = fingerprint.value(Column("c", parse_type(kind)))
                found = frame.selectExpr(f"{text} AS text").withColumn("n", F.monotonically_increasing_id())
                self.assertEqual([row.text for row in found.orderBy("n").collect()], [canonical, None])
                expected = {"as sent": sent, "as Delta": canonical}.get(str(read), read)
                first, second = (values(row[0]) for row in lines.of_rows(frame).collect())
                self.assertEqual(second, [None])
                self.assertEqual(repr(self.meant(first[0], expected)), repr(expected))

    def test_infinity_stops_the_job_or_becomes_null(self) -> None:
        for kind, sent in INFINITE:
            with self.subTest(kind=kind, sent=sent):
                with self.assertRaisesRegex(Exception, r'public.t, column c, key \{"id": 0\}: .*infinity: null'):
                    self.typed(kind, sent).collect()
                frame = self.typed(kind, sent, infinity_to_null=True)
                canonical = fingerprint.value(Column("c", parse_type(kind)))
                expected = {"date[]": "5:20455,-", "timestamp[]": "-", "timestamptz[]": "-"}.get(kind)
                self.assertEqual(frame.selectExpr(f"{canonical} AS text").collect()[0].text, expected)

    def test_no_finite_value_is_taken_for_infinity(self) -> None:
        """The ends of what Postgres has, and the neighbours of what stands for infinity."""
        for kind, finite in (
            ("date", [-2_440_588, 2_145_042_905]),
            ("timestamp", [-210_866_803_200_000_000, 9_223_372_036_825_199_999]),
            ("timestamptz", ["-4713-11-24T00:00:00Z", "+294247-01-09T19:59:59.999999Z"]),
        ):
            with self.subTest(kind=kind):
                frame = self.typed(kind, *finite, infinity_to_null=True)
                self.assertEqual(frame.where("c IS NULL").count(), 0)
        for days in (-2_440_589, 2_145_042_906):
            self.assertEqual(self.typed("date", days, infinity_to_null=True).where("c IS NULL").count(), 1)

    def test_what_cannot_be_carried_stops_the_job_and_says_why(self) -> None:
        for kind, sent, why in STOPPED:
            with self.subTest(kind=kind, sent=sent):
                for infinity_to_null in (False, True):
                    with self.assertRaisesRegex(Exception, r'public.t, column c, key \{"id": 0\}: .*' + why):
                        self.typed(kind, sent, infinity_to_null=infinity_to_null).collect()

    def test_delta_keeps_them(self) -> None:
        """Written and read again: Parquet has calendars and units of its own."""
        fields = {f"c{n}": (kind, sent) for n, (kind, sent, _, _) in enumerate(CARRIED)}
        after = json.dumps({name: sent for name, (_, sent) in fields.items()})
        text = ", ".join(f"{name} string" for name in fields)
        changes = self.spark.createDataFrame([("1", after)], "key string, after string")
        changes = changes.withColumn("row", F.from_json("after", text, {"mode": "FAILFAST"}))
        place = Place("public.t", "c", "key")
        frame = changes.select(
            *(F.expr(cast(parse_type(kind), f"row.{name}", place)).alias(name) for name, (kind, _) in fields.items())
        )
        frame.write.format("delta").save(f"{self.lake}/all")
        texts = [fingerprint.value(Column(name, parse_type(kind))) for name, (kind, _) in fields.items()]
        again = self.spark.read.format("delta").load(f"{self.lake}/all")
        self.assertEqual(again.selectExpr(*texts).collect(), frame.selectExpr(*texts).collect())


if __name__ == "__main__":
    unittest.main()
