"""pipeline.yml: the shipped file, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from lib.column_types import UnknownTypeError, parse_type
from lib.pipeline import PipelineError, Result, load


def test_the_shipped_file_is_valid():
    pipeline = load(ROOT / "pipeline.yml")
    assert [table.name for table in pipeline.tables] == ["regions", "customers", "orders"]
    orders = pipeline.by_source("public.orders")
    assert orders.key == ("order_id",)
    assert pipeline.topic(orders) == "jadc2.public.orders"
    assert pipeline.table_path(orders) == "hdfs://namenode:9000/data/delta/orders"
    assert [column.type.name for column in orders.columns][2:4] == ["numeric", "integer"]


def test_a_masked_column_is_the_text_that_it_arrives_as(tmp_path):
    def mask(document):
        document["tables"]["public.orders"]["columns"]["note"] = {"type": "text", "mask": "hash"}

    orders = load(edited(tmp_path, mask)).by_source("public.orders")
    assert [column.type.name for column in orders.columns if column.name == "note"] == ["text"]


def test_what_has_a_default_may_be_left_out(tmp_path):
    def leave_out(document):
        del document["destination"]["schema"]
        document["tables"]["public.orders"]["key"] = "order_id"

    pipeline = load(edited(tmp_path, leave_out))
    assert (pipeline.destination_schema, pipeline.by_source("public.orders").key) == ("public", ("order_id",))


def test_infinity_stops_the_job_unless_declared_otherwise(tmp_path):
    assert not any(table.infinity_to_null for table in load(ROOT / "pipeline.yml").tables)
    # YAML's null and the word in quotes mean the same.
    for policy in (None, "null"):
        directory = tmp_path / str(policy == "null")
        directory.mkdir()
        path = edited(directory, lambda document, policy=policy: document.update(infinity=policy))
        assert all(table.infinity_to_null for table in load(path).tables)


def edited(tmp_path: Path, edit) -> Path:
    """The shipped file with a change, beside the files it names."""
    document = yaml.safe_load((ROOT / "pipeline.yml").read_text(encoding="utf-8"))
    edit(document)
    (tmp_path / "spark").symlink_to(ROOT / "spark")
    path = tmp_path / "pipeline.yml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d.update(version=2), "version: this release reads version 1"),
        (lambda d: d.update(infinity="never"), "infinity: expected stop or null, found 'never'"),
        (lambda d: d["lake"].pop("path"), "lake: `path` is missing"),
        (lambda d: d["tables"]["public.orders"].update(key=["nr"]), "tables.public.orders.key: unknown column 'nr'"),
        (lambda d: d["tables"]["public.orders"].update(key=[]), "tables.public.orders.key: a key is needed"),
        (
            lambda d: d["tables"]["public.orders"]["columns"].update(amount="money"),
            "tables.public.orders.columns.amount: `money` is not a type",
        ),
        (
            lambda d: d["tables"]["public.orders"]["destination"].update(transform="spark/transforms/none.sql"),
            "no such file: spark/transforms/none.sql",
        ),
        (lambda d: d["tables"].update({"orders": {}}), "tables.orders: expected a name with its schema"),
        (
            lambda d: d["tables"].update({"sales.orders": d["tables"]["public.orders"]}),
            "two tables are named `orders`",
        ),
        (
            lambda d: d["aggregates"]["revenue_by_region_day"]["affected"].update(items="x.sql"),
            "`items` is the destination of no table",
        ),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path, edit, message):
    with pytest.raises(PipelineError) as error:
        load(edited(tmp_path, edit))
    assert message in str(error.value)
    assert str(error.value).startswith("pipeline.yml: ")


def test_yaml_that_does_not_parse(tmp_path):
    path = tmp_path / "pipeline.yml"
    path.write_text("version: [1", encoding="utf-8")
    with pytest.raises(PipelineError, match="line 1"):
        load(path)


@pytest.mark.parametrize(
    ("text", "name", "spark"),
    [
        ("NUMERIC(12, 2)", "numeric", "decimal(12,2)"),
        ("numeric(5)", "numeric", "decimal(5,0)"),
        ("int8", "bigint", "bigint"),
        ("varchar(40)", "text", "string"),
        ("timestamp without time zone", "timestamp", "timestamp_ntz"),
        ("int[]", "integer[]", "array<int>"),
        ("numeric", "numeric", "string"),
        ("numeric(60,20)", "numeric", "string"),
        ("numeric(10,2)[]", "numeric[]", "array<decimal(10,2)>"),
        ("timestamp(3) with time zone", "timestamptz", "timestamp"),
        ("character(6)", "char", "string"),
        ("bytea", "bytea", "binary"),
        ("time", "time", "string"),
        ("enum", "enum", "string"),
    ],
)
def test_types(text, name, spark):
    found = parse_type(text)
    assert (found.name, found.spark) == (name, spark)


@pytest.mark.parametrize(
    "text", ["numeric(1001,2)", "numeric(2,3)", "money", "text[][]", "date(3)", "time[]", "enum[]"]
)
def test_types_that_are_not_carried(text):
    with pytest.raises(UnknownTypeError):
        parse_type(text)


def test_what_is_said_of_a_function():
    file = ROOT / "tests/cases/pipeline/function/pipeline.yml"
    pipeline = load(file)
    assert pipeline.retention_hours == 12
    assert pipeline.tables[0].result == Result(("id", "total"), ("id",), True)
    assert pipeline.tables[1].result == Result()
    assert load(ROOT / "pipeline.yml").retention_hours == 7 * 24


@pytest.mark.parametrize("retention", ["0d", "7", "-1h", "1w", "d", "\u0663d"])
def test_a_retention_is_hours_or_days(tmp_path, retention):
    text = (ROOT / "tests/cases/pipeline/function/pipeline.yml").read_text(encoding="utf-8")
    for name in ("orders.py", "items.py"):
        (tmp_path / name).touch()
    (tmp_path / "pipeline.yml").write_text(
        text.replace("retention: 12h", f"retention: '{retention}'"), encoding="utf-8"
    )
    with pytest.raises(PipelineError, match="lake.retention: expected a time such as 12h or 7d"):
        load(tmp_path / "pipeline.yml")
