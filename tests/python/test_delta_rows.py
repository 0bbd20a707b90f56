"""The reader of Delta that shares nothing with Spark: values as canonical texts."""

from __future__ import annotations

from decimal import Decimal

import delta_rows
import pyarrow as pa
import pytest


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("text", None, None),
        ("boolean", True, "t"),
        ("double precision", -0.0, "-9223372036854775808"),
        ("double precision", float("nan"), "9221120237041090560"),
        ("real", 0.1, "4591870180066957722"),
        ("numeric(20,10)", Decimal("0.0000001000"), "0.0000001000"),
        ("bytea", b"\x00\xff", "00ff"),
        ("text[]", ["a", None, "", "b,c"], "1:a,-,0:,3:b,c"),
        ("boolean[]", [False, None], "1:f,-"),
        ("text[]", [], ""),
    ],
)
def test_canonical_texts(kind, value, text):
    assert delta_rows.canonical(kind, value) == text


def test_dates_and_times_that_python_has_no_value_for():
    days = pa.chunked_array([pa.array([-719163, 2145042905, None], pa.int32()).cast(pa.date32())])
    assert delta_rows.plain(days).to_pylist() == [-719163, 2145042905, None]
    micros = pa.array([[-210866803200000000, None]], pa.list_(pa.int64())).cast(pa.list_(pa.timestamp("us", "UTC")))
    assert delta_rows.plain(pa.chunked_array([micros])).to_pylist() == [[-210866803200000000, None]]


def test_times_in_another_unit_are_not_read_as_if_they_were_microseconds():
    with pytest.raises(SystemExit, match="not in microseconds"):
        delta_rows.plain(pa.chunked_array([pa.array([1], pa.timestamp("ns"))]))


def test_long_texts_are_shown_by_their_digest():
    assert delta_rows.shown("x" * 200) == "x" * 200
    assert delta_rows.shown("x" * 201) == "3ea01af1716230e4a1484e78b3199f61"
