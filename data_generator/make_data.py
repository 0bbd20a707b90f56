"""Keeps changing the source database: new, changed and deleted customers and orders, round after round.

Settings come from the environment:

==================  ============================================================================
SOURCE_HOST, _PORT  where the source database answers (postgres-source, 5432)
SOURCE_DATABASE     its name (jadc2_db)
POSTGRES_USER       user (admin)
POSTGRES_PASSWORD   password (password)
GENERATE_INTERVAL   seconds between two rounds (5)
GENERATE_ROWS       changes per round and table (3)
GENERATE_SEED       makes the values repeatable; random when empty
==================  ============================================================================

Rows that ``pipectl verify`` marks (``verify+...@pipectl.invalid``, ``pipectl verify ...``) are left alone.
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import psycopg2
from faker import Faker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

LOG = logging.getLogger("data-generator")

STATUSES = ("new", "paid", "shipped", "delivered", "cancelled")
TAGS = ("early adopter", "newsletter", "wholesale", "partner", "vip")
CHANNELS = ("web", "shop", "phone")
# Below so many rows nothing is deleted, so that there is always something to change.
KEEP_CUSTOMERS = 20
KEEP_ORDERS = 50
# Above so many rows more is deleted than made: the demo runs for days on a laptop.
MOST_ORDERS = 5_000
LONGEST_WAIT = 10.0

NOT_VERIFY_CUSTOMER = "email NOT LIKE 'verify+%%@pipectl.invalid'"
NOT_VERIFY_ORDER = "coalesce(note, '') NOT LIKE 'pipectl verify %%'"


class Cursor(Protocol):
    """What is used of a database cursor."""

    rowcount: int

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> None:
        """Runs one statement."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows of the last query."""


@dataclass(frozen=True)
class Settings:
    """What the environment says."""

    dsn: dict[str, str]
    interval: float
    rows: int
    seed: int | None

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Reads the settings; a value that is no number ends the program with its name."""
        dsn = {
            "host": environment.get("SOURCE_HOST") or "postgres-source",
            "port": environment.get("SOURCE_PORT") or "5432",
            "dbname": environment.get("SOURCE_DATABASE") or "jadc2_db",
            "user": environment.get("POSTGRES_USER") or "admin",
            "password": environment.get("POSTGRES_PASSWORD") or "password",
        }
        interval = number(environment, "GENERATE_INTERVAL", 5.0)
        rows = int(number(environment, "GENERATE_ROWS", 3))
        seed = environment.get("GENERATE_SEED")
        return cls(dsn, interval, rows, int(number(environment, "GENERATE_SEED", 0)) if seed else None)


def number(environment: Mapping[str, str], name: str, default: float) -> float:
    """A number that must not be negative."""
    text = environment.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        raise SystemExit(f"{name} must be a number, it is {text!r}") from None
    if value < 0:
        raise SystemExit(f"{name} must not be negative, it is {text!r}")
    return value


@dataclass
class Round:
    """What one round did."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    def __str__(self) -> str:
        return f"{self.inserted} inserted, {self.updated} updated, {self.deleted} deleted"


@dataclass
class Generator:
    """Makes the changes of one round after the other."""

    rows: int
    seed: int | None = None
    random: random.Random = field(init=False)
    fake: Faker = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - demo data, not secrets
        self.fake = Faker()
        self.fake.seed_instance(self.random.getrandbits(64))

    def round(self, cursor: Cursor) -> Round:
        """One transaction's worth of changes."""
        done = Round()
        for _ in range(self.rows):
            done.inserted += self.insert_customer(cursor) if self.random.random() < 0.4 else 0  # noqa: PLR2004
            done.inserted += self.insert_order(cursor)
            done.updated += self.update_order(cursor)
            done.updated += self.update_customer(cursor) if self.random.random() < 0.4 else 0  # noqa: PLR2004
        done.deleted += self.delete_orders(cursor)
        done.deleted += self.delete_customer(cursor)
        return done

    def insert_customer(self, cursor: Cursor) -> int:
        """A new customer of a random region."""
        tags = self.random.sample(TAGS, self.random.randint(0, 2))
        attributes = {"tier": self.random.choice(("bronze", "silver", "gold")), "points": self.random.randint(0, 999)}
        cursor.execute(
            "INSERT INTO customers (name, email, region_id, birth_date, active, tags, attributes) "
            "SELECT %s, %s, region_id, %s, %s, %s, %s FROM regions ORDER BY random() LIMIT 1",
            (
                self.fake.name(),
                self.fake.unique.email(),
                self.fake.date_of_birth(minimum_age=18),
                self.random.random() < 0.9,  # noqa: PLR2004
                tags,
                json.dumps(attributes),
            ),
        )
        return cursor.rowcount

    def insert_order(self, cursor: Cursor) -> int:
        """A new order of a random customer."""
        cents = self.random.randint(99, 250_000)
        cursor.execute(
            "INSERT INTO orders (customer_id, amount, quantity, status, note, details, delivery_date) "  # noqa: S608
            f"SELECT customer_id, %s, %s, 'new', %s, %s, %s FROM customers WHERE {NOT_VERIFY_CUSTOMER} "
            "ORDER BY random() LIMIT 1",
            (
                f"{cents // 100}.{cents % 100:02}",
                self.random.randint(1, 9),
                self.fake.sentence() if self.random.random() < 0.3 else None,  # noqa: PLR2004
                json.dumps({"channel": self.random.choice(CHANNELS)}),
                self.fake.date_between("today", "+30d") if self.random.random() < 0.7 else None,  # noqa: PLR2004
            ),
        )
        return cursor.rowcount

    def update_order(self, cursor: Cursor) -> int:
        """Moves a random order to another status."""
        cursor.execute(
            "UPDATE orders SET status = %s, updated_at = now() AT TIME ZONE 'UTC' WHERE order_id = "  # noqa: S608
            f"(SELECT order_id FROM orders WHERE {NOT_VERIFY_ORDER} ORDER BY random() LIMIT 1)",
            (self.random.choice(STATUSES),),
        )
        return cursor.rowcount

    def update_customer(self, cursor: Cursor) -> int:
        """Moves a random customer to another region, which moves revenue from one group to another."""
        cursor.execute(
            "UPDATE customers SET region_id = (SELECT region_id FROM regions ORDER BY random() LIMIT 1), "  # noqa: S608
            "updated_at = now() WHERE customer_id = "
            f"(SELECT customer_id FROM customers WHERE {NOT_VERIFY_CUSTOMER} ORDER BY random() LIMIT 1)",
        )
        return cursor.rowcount

    def delete_orders(self, cursor: Cursor) -> int:
        """Removes one order, or many once there are too many."""
        total = count(cursor, "orders")
        if total <= KEEP_ORDERS:
            return 0
        most = 1 if total < MOST_ORDERS else 2 * self.rows
        cursor.execute(
            "DELETE FROM orders WHERE order_id IN "  # noqa: S608
            f"(SELECT order_id FROM orders WHERE {NOT_VERIFY_ORDER} AND status IN ('delivered', 'cancelled') "
            "ORDER BY order_id LIMIT %s)",
            (most,),
        )
        return cursor.rowcount

    def delete_customer(self, cursor: Cursor) -> int:
        """Removes a customer that has no order: the foreign key allows no other."""
        if count(cursor, "customers") <= KEEP_CUSTOMERS:
            return 0
        cursor.execute(
            "DELETE FROM customers WHERE customer_id = (SELECT customer_id FROM customers c "  # noqa: S608
            f"WHERE {NOT_VERIFY_CUSTOMER} AND NOT EXISTS (SELECT FROM orders o WHERE o.customer_id = c.customer_id) "
            "ORDER BY customer_id LIMIT 1)",
        )
        return cursor.rowcount


def count(cursor: Cursor, table: str) -> int:
    """Rows of a table."""
    cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - one of two literals above
    return int(cursor.fetchall()[0][0])


def run(settings: Settings, stop: threading.Event) -> None:
    """Makes rounds until told to stop; connects again, with growing pauses, when the database goes away."""
    generator = Generator(settings.rows, settings.seed)
    wait = 0.5
    while not stop.is_set():
        try:
            connection = psycopg2.connect(**settings.dsn, connect_timeout=5, application_name="data-generator")
        except psycopg2.OperationalError as error:
            LOG.warning("the source database does not answer, trying again in %.1f s: %s", wait, first_line(error))
            stop.wait(wait)
            wait = min(wait * 2, LONGEST_WAIT)
            continue
        wait = 0.5
        try:
            while not stop.is_set():
                with connection, connection.cursor() as cursor:
                    done = generator.round(cursor)
                LOG.info("%s", done)
                stop.wait(settings.interval)
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            LOG.warning("lost the source database: %s", first_line(error))
        finally:
            connection.close()


def first_line(error: Exception) -> str:
    """The part of a driver's message that fits a log line."""
    return str(error).strip().partition("\n")[0]


def main() -> None:
    """Runs until SIGTERM or Ctrl-C."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    run(Settings.read(os.environ), stop)
    LOG.info("stopped")


if __name__ == "__main__":
    main()
