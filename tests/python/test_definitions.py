"""What tables of the destination are made by: what changes it, and what does not."""

from __future__ import annotations

import dataclasses

import pytest
from conftest import ROOT
from lib import definitions
from lib.pipeline import load

PIPELINE = load(ROOT / "pipeline.yml")
TOPICS = [PIPELINE.topic(table) for table in PIPELINE.tables]


def noted(pipeline=PIPELINE) -> dict[str, str]:
    return {definition.table: definition.fingerprint for definition in definitions.of(pipeline)}


def said(tmp_path, text: str, suffix: str = ".sql") -> str:
    file = tmp_path / f"statement{suffix}"
    file.write_text(text)
    return definitions.statement(file)


@pytest.mark.parametrize(
    "other",
    [
        "select a,  b\nfrom t ;\n",
        "-- what it is for\nselect a, b -- and why\nfrom t",
        "/* it's /* not */ b */ select a, b/**/ from t",
    ],
)
def test_comments_and_blanks_make_no_other_statement(tmp_path, other):
    assert said(tmp_path, other) == said(tmp_path, "select a, b from t")


@pytest.mark.parametrize(
    "other",
    [
        "select a, b from u",
        "select a, '  ' from t",
        "select a, '--' b from t",
        "select a, '--', b from t",
        'select a, "b -- c" from t',
        "select /*+ BROADCAST(t) */ a, b from t",
        "select a, 'it''s -- c' from t",
        "select a, 'it\\'s -- c' from t",
        "select a, $$ -- c $$ from t",
    ],
)
def test_everything_else_does(tmp_path, other):
    plain = ["select a, b from t", "select a, ' ' from t", "select a, '", 'select a, "b']
    assert said(tmp_path, other) not in [said(tmp_path, text) for text in plain]


def test_texts_that_begin_like_comments_are_kept(tmp_path):
    for text in ("select 'it''s -- c' from t", "select 'it\\'s -- c' from t", "select $$ -- c $$ from t"):
        assert "-- c" in said(tmp_path, text)


def test_a_function_is_what_python_reads(tmp_path):
    plain = "def transform(rows):\n    return rows\n"
    assert said(tmp_path, "# why\n\n" + plain.replace("rows\n", "rows  # as they are\n"), ".py") == said(
        tmp_path, plain, ".py"
    )
    assert said(tmp_path, plain.replace("return rows", "return rows.limit(1)"), ".py") != said(tmp_path, plain, ".py")
    # Its mistakes are told by the check of the transformation.
    assert said(tmp_path, "def transform(", ".py") == "def transform("


def test_nothing_is_built_anew_where_nothing_differs_or_nothing_was_noted():
    for found in (noted(), {}, {"of a table that left": "x"}):
        anew = definitions.changed(PIPELINE, found, TOPICS)
        assert (anew.names, anew.told()) == ([], "")


def test_a_table_whose_transformation_differs_is_built_anew_if_something_of_it_is_there():
    before = noted() | {"orders": "another"}
    anew = definitions.changed(PIPELINE, before, TOPICS)
    assert ([table.destination for table in anew.tables], anew.aggregates) == (["orders"], ())
    assert anew.told() == "orders is built anew: its definition changed"
    assert definitions.changed(PIPELINE, before, []).tables == ()


def test_a_table_that_goes_elsewhere_is_built_there():
    moved = dataclasses.replace(PIPELINE.tables[2], destination="purchases")
    pipeline = dataclasses.replace(PIPELINE, tables=(*PIPELINE.tables[:2], moved))
    assert definitions.changed(pipeline, noted(), TOPICS).names == ["purchases"]


def test_an_aggregate_that_joins_or_changes_is_computed_anew_with_those_that_read_it(tmp_path):
    first = PIPELINE.aggregates[0]
    query = tmp_path / "yearly.sql"
    query.write_text(f"SELECT region_id, sum(revenue) FROM {first.table} GROUP BY region_id")
    second = dataclasses.replace(first, name="yearly", table="yearly", key=("region_id",), query=query)
    pipeline = dataclasses.replace(PIPELINE, aggregates=(first, second))
    assert definitions.changed(pipeline, noted(), TOPICS).names == ["yearly"]
    other = tmp_path / "other.sql"
    other.write_text(first.query.read_text().replace("count(*)", "count(DISTINCT o.order_id)"))
    changed = dataclasses.replace(pipeline, aggregates=(dataclasses.replace(first, query=other), second))
    anew = definitions.changed(changed, noted(pipeline), TOPICS)
    assert anew.names == [first.table, "yearly"]
    assert anew.told() == f"{first.table}, yearly are built anew: their definition changed"
    # Which groups a change belongs to is a part of it.
    affected = {**first.affected, "orders": other}
    finds = dataclasses.replace(PIPELINE, aggregates=(dataclasses.replace(first, affected=affected),))
    assert definitions.changed(finds, noted(), TOPICS).names == [first.table]
