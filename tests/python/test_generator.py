"""The data generator against a connection that only records."""

from __future__ import annotations

import random
import threading

import make_data
import pytest


class FakeLostError(Exception):
    """The connection has gone."""


class FakeWords:
    """Stands in for Faker."""

    def name(self):
        return "Ann Smith"

    def domain_name(self):
        return "example.org"

    def date_of_birth(self, minimum_age, maximum_age):
        return "1990-01-01"

    def words(self, count):
        return ["word"] * count

    def sentence(self, count):
        return "A sentence."


class FakeCursor:
    rowcount = 1

    def __init__(self):
        self.statements = []
        self.answer = (1,)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def execute(self, statement, values=()):
        if values:
            # As psycopg2 does: a percent sign that is no placeholder has to be doubled.
            statement = statement % tuple("?" for _ in values)
        self.statements.append((statement, values))
        self.answer = (1, 9) if "min(" in statement else (4,)

    def fetchone(self):
        return self.answer


class FakeConnection:
    def __init__(self, cursor):
        self._cursor = cursor

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def cursor(self):
        return self._cursor

    def close(self):
        pass


def generator(seed=7, rows=200):
    return make_data.Generator(FakeWords(), random.Random(seed), rows)


def test_all_kinds_of_changes_and_their_number():
    counts = generator().round(FakeCursor())
    assert sum(counts.values()) == 200
    assert all(counts.values())


def test_the_same_seed_gives_the_same_changes():
    first, second = FakeCursor(), FakeCursor()
    assert generator().round(first) == generator().round(second)
    assert [text for text, _ in first.statements] == [text for text, _ in second.statements]


def test_rows_of_verify_are_never_chosen():
    cursor = FakeCursor()
    generator().round(cursor)
    for statement, _ in cursor.statements:
        if statement.startswith("SELECT customer_id"):
            assert "NOT LIKE 'verify+%@pipectl.invalid'" in statement
        if statement.startswith("SELECT order_id"):
            assert "NOT LIKE 'pipectl verify %'" in statement


def test_it_connects_again_and_stops_when_asked():
    stopping = threading.Event()
    attempts = []

    def connect():
        attempts.append(1)
        if len(attempts) == 1:
            raise FakeLostError("refused")
        return FakeConnection(FakeCursor())

    class FakeGenerator:
        def round(self, cursor):
            stopping.set()
            return {"orders inserted": 1}

    settings = make_data.Settings.from_environment({"GENERATE_INTERVAL": "0.01"})
    make_data.run(settings, FakeGenerator(), connect, (FakeLostError,), stopping)
    assert len(attempts) == 2


@pytest.mark.parametrize("environment", [{"GENERATE_INTERVAL": "0"}, {"GENERATE_ROWS": "0"}, {"GENERATE_ROWS": "x"}])
def test_settings_that_make_no_sense(environment):
    with pytest.raises(ValueError):
        make_data.Settings.from_environment(environment)


def test_the_password_may_be_in_a_file(tmp_path):
    file = tmp_path / "password"
    file.write_text("geheim 4711\n", "utf-8")
    environment = {"POSTGRES_PASSWORD_FILE": str(file), "POSTGRES_PASSWORD": "another"}
    assert make_data.Settings.from_environment(environment).connection["password"] == "geheim 4711"
