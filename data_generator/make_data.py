"""Keeps the source database changing: every few seconds customers and orders are inserted, updated and deleted.

Environment:
    SOURCE_HOST, SOURCE_PORT, SOURCE_DATABASE    where the source is (postgres-source, 5432, jadc2_db)
    POSTGRES_USER, POSTGRES_PASSWORD             how to log in (admin, password)
    POSTGRES_PASSWORD_FILE                       file with the password, in place of POSTGRES_PASSWORD
    GENERATE_INTERVAL                            seconds between rounds (5)
    GENERATE_ROWS                                changes per round (10)
    GENERATE_SEED                                makes the values repeatable; not set: different each time
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

log = logging.getLogger("data-generator")

# Rows of `pipectl verify` carry these marks; changing them under its eyes would make a proof fail that is right.
# (%% because the statements they are part of have parameters.)
_OUR_CUSTOMERS = "email NOT LIKE 'verify+%%@pipectl.invalid'"
_OUR_ORDERS = "coalesce(note, '') NOT LIKE 'pipectl verify %%'"

_STATUSES = ("new", "paid", "shipped", "delivered", "returned")
_CHANNELS = ("web", "shop", "phone")
_LONGEST_PAUSE = 30.0


@dataclass(frozen=True)
class Settings:
    """What the environment says."""

    interval: float
    rows: int
    seed: int | None
    connection: dict[str, str]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Reads the environment; a variable set to nothing counts as not set."""

        def get(name: str, default: str) -> str:
            return environment.get(name) or default

        seed = environment.get("GENERATE_SEED")
        password_file = environment.get("POSTGRES_PASSWORD_FILE")
        password = (
            Path(password_file).read_text("utf-8").rstrip("\n")
            if password_file
            else get("POSTGRES_PASSWORD", "password")
        )
        settings = cls(
            interval=float(get("GENERATE_INTERVAL", "5")),
            rows=int(get("GENERATE_ROWS", "10")),
            seed=int(seed) if seed else None,
            connection={
                "host": get("SOURCE_HOST", "postgres-source"),
                "port": get("SOURCE_PORT", "5432"),
                "dbname": get("SOURCE_DATABASE", "jadc2_db"),
                "user": get("POSTGRES_USER", "admin"),
                "password": password,
            },
        )
        if settings.interval <= 0 or settings.rows < 1:
            raise ValueError("GENERATE_INTERVAL must be above 0 and GENERATE_ROWS at least 1")
        return settings


class Generator:
    """Makes one round of changes after the other. `fake` is a faker.Faker, `chance` the source of every decision."""

    def __init__(self, fake: Any, chance: random.Random, rows: int) -> None:
        self._fake = fake
        self._chance = chance
        self._rows = rows

    def round(self, cursor: Any) -> dict[str, int]:
        """Makes the changes of one round; returns how many of each kind took place."""
        actions: dict[str, tuple[int, Callable[[Any], bool]]] = {
            "orders inserted": (40, self._insert_order),
            "orders updated": (25, self._update_order),
            "orders deleted": (10, self._delete_order),
            "customers inserted": (12, self._insert_customer),
            "customers updated": (10, self._update_customer),
            "customers deleted": (3, self._delete_customer),
        }
        names = list(actions)
        weights = [weight for weight, _ in actions.values()]
        counts = dict.fromkeys(names, 0)
        for name in self._chance.choices(names, weights, k=self._rows):
            counts[name] += actions[name][1](cursor)
        return counts

    def _insert_customer(self, cursor: Any) -> bool:
        region = self._pick(cursor, "regions", "region_id", "true")
        if region is None:
            return False
        name = self._fake.name()
        cursor.execute(
            "INSERT INTO customers (name, email, region_id, birth_date, active, tags, attributes) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb)",
            (
                name,
                f"{name.lower().replace(' ', '.')}@{self._fake.domain_name()}",
                region,
                self._fake.date_of_birth(minimum_age=18, maximum_age=90),
                self._chance.random() < 0.9,
                self._fake.words(self._chance.randint(0, 3)),
                json.dumps({"tier": self._chance.choice(("basic", "gold")), "points": self._chance.randint(0, 500)}),
            ),
        )
        return True

    def _update_customer(self, cursor: Any) -> bool:
        customer = self._pick(cursor, "customers", "customer_id", _OUR_CUSTOMERS)
        region = self._pick(cursor, "regions", "region_id", "true")
        if customer is None or region is None:
            return False
        cursor.execute(
            "UPDATE customers SET region_id = %s, active = %s, attributes = %s::jsonb, updated_at = now() "
            "WHERE customer_id = %s",
            (region, self._chance.random() < 0.9, json.dumps({"points": self._chance.randint(0, 500)}), customer),
        )
        return cursor.rowcount > 0

    def _delete_customer(self, cursor: Any) -> bool:
        """Only a customer without orders can go; its orders would have to go first."""
        without_orders = "NOT EXISTS (SELECT FROM orders o WHERE o.customer_id = customers.customer_id)"
        customer = self._pick(cursor, "customers", "customer_id", f"{_OUR_CUSTOMERS} AND {without_orders}")
        if customer is None:
            return False
        cursor.execute(f"DELETE FROM customers WHERE customer_id = %s AND {without_orders}", (customer,))
        return cursor.rowcount > 0

    def _insert_order(self, cursor: Any) -> bool:
        customer = self._pick(cursor, "customers", "customer_id", _OUR_CUSTOMERS)
        if customer is None:
            return False
        ordered_at = datetime.now(UTC) - timedelta(seconds=self._chance.randint(0, 3 * 86400))
        cursor.execute(
            "INSERT INTO orders (customer_id, amount, quantity, status, note, details, ordered_at, delivery_date) "
            "VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s, %s)",
            (
                customer,
                Decimal(self._chance.randint(100, 100_000)) / 100,
                self._chance.randint(1, 9),
                "new",
                self._fake.sentence(4) if self._chance.random() < 0.3 else None,
                json.dumps({"channel": self._chance.choice(_CHANNELS)}),
                ordered_at,
                (ordered_at + timedelta(days=self._chance.randint(1, 14))).date(),
            ),
        )
        return True

    def _update_order(self, cursor: Any) -> bool:
        order = self._pick(cursor, "orders", "order_id", _OUR_ORDERS)
        if order is None:
            return False
        cursor.execute(
            "UPDATE orders SET status = %s, amount = %s, updated_at = now() AT TIME ZONE 'UTC' WHERE order_id = %s",
            (self._chance.choice(_STATUSES), Decimal(self._chance.randint(100, 100_000)) / 100, order),
        )
        return cursor.rowcount > 0

    def _delete_order(self, cursor: Any) -> bool:
        order = self._pick(cursor, "orders", "order_id", _OUR_ORDERS)
        if order is None:
            return False
        cursor.execute("DELETE FROM orders WHERE order_id = %s", (order,))
        return cursor.rowcount > 0

    def _pick(self, cursor: Any, table: str, key: str, condition: str) -> Any:
        """A row of the table. Cheap on a large table too: a random place in the key's range, and the next row that fits."""
        cursor.execute(f"SELECT min({key}), max({key}) FROM {table}")
        low, high = cursor.fetchone()
        if low is None:
            return None
        start = self._chance.randint(low, high)
        for comparison, order in ((">=", "ASC"), ("<", "DESC")):
            cursor.execute(
                f"SELECT {key} FROM {table} WHERE {key} {comparison} %s AND {condition} ORDER BY {key} {order} LIMIT 1",
                (start,),
            )
            row = cursor.fetchone()
            if row is not None:
                return row[0]
        return None


def run(
    settings: Settings,
    generator: Generator,
    connect: Callable[[], Any],
    lost: tuple[type[Exception], ...],
    stopping: threading.Event,
) -> None:
    """Rounds until asked to stop. A connection that is lost or not there yet is tried again, less often each time."""
    connection = None
    pause = 0.5
    number = 0
    while not stopping.is_set():
        try:
            if connection is None:
                connection = connect()
            with connection, connection.cursor() as cursor:
                counts = generator.round(cursor)
            number += 1
            pause = 0.5
            log.info("round %d: %s", number, ", ".join(f"{count} {name}" for name, count in counts.items()))
            stopping.wait(settings.interval)
        except lost as error:
            connection = None
            log.warning("%s; trying again in %.1f s", str(error).strip(), pause)
            stopping.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
    if connection is not None:
        connection.close()
    log.info("stopped after %d rounds", number)


def main() -> int:
    """Runs until SIGTERM."""
    import psycopg2
    from faker import Faker

    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(message)s")
    settings = Settings.from_environment()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    fake = Faker("en_US")
    if settings.seed is not None:
        fake.seed_instance(settings.seed)
    generator = Generator(fake, random.Random(settings.seed), settings.rows)
    run(
        settings,
        generator,
        lambda: psycopg2.connect(**settings.connection, application_name="pipectl data-generator", connect_timeout=5),
        (psycopg2.OperationalError, psycopg2.InterfaceError),
        stopping,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
