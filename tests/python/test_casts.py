"""The SQL that types values; what Spark makes of it is in tests/python/spark."""

from __future__ import annotations

import re

from lib.casts import Place, cast
from lib.column_types import parse_type


def infinite_days(kind: str) -> set[int]:
    """Numbers that stand for an infinite date."""
    sql = cast(parse_type(kind), "raw", Place("public.t", "c", "key", infinity_to_null=True))
    listed = re.findall(r"IN \(([-0-9, ]+)\) THEN CAST\(NULL AS date\)", sql)
    assert len(listed) == 1, "nothing else becomes NULL"
    assert sql.count("CAST(NULL AS date)") == 1
    return {int(number) for number in listed[0].split(", ")}


def test_only_the_numbers_of_infinite_dates_become_null():
    scalar = {2147483647, -2147483648, -622191234, -2147472692}
    assert infinite_days("date") == scalar
    assert infinite_days("date[]") == scalar | {-625821272}
