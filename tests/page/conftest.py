"""One browser for all tests, and one catalog for each of the two seeds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import seeds
from chrome import Chrome

from catalog import Catalog


@pytest.fixture(scope="session")
def chrome() -> Iterator[Chrome]:
    with Chrome() as chrome:
        yield chrome


@pytest.fixture(scope="session")
def shop() -> Iterator[Catalog]:
    with Catalog() as catalog:
        seeds.shop(catalog)
        yield catalog


@pytest.fixture(scope="session")
def many() -> Iterator[Catalog]:
    with Catalog() as catalog:
        seeds.many(catalog)
        yield catalog
