"""What every test shares: async tests run on asyncio, and PostgreSQL tests get a migrated database of their own."""

from __future__ import annotations

import inspect
import itertools
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from server.kit import logs, migrate, postgres
from tests import build

_numbers = itertools.count(1)
logs.configure(level="WARNING")
TEMPLATE = "template_baton"


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> None:
    """Every `async def test_...` runs under anyio's plugin, without saying so."""
    if name.startswith("test") and inspect.iscoroutinefunction(
        getattr(getattr(obj, "hypothesis", obj), "inner_test", obj)
    ):
        pytest.mark.anyio(obj)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def pg() -> Iterator[postgres.Running]:
    """One embedded server for the test session (one per xdist worker), with a migrated template database."""
    with postgres.temporary() as running:
        running.create_database(TEMPLATE)
        migrate.upgrade(running.url(None, TEMPLATE))
        yield running


@pytest.fixture
def database_url(pg: postgres.Running) -> Iterator[str]:
    """A fresh migrated database."""
    name = pg.create_database(f"test_{next(_numbers)}", TEMPLATE)
    yield pg.url(None, name)
    pg.drop_database(name)


@pytest.fixture
def second_url(pg: postgres.Running) -> Iterator[str]:
    """Another fresh migrated database."""
    name = pg.create_database(f"test_{next(_numbers)}", TEMPLATE)
    yield pg.url(None, name)
    pg.drop_database(name)


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[build.World]:
    """The application on a fresh database, with a client and an admin's key: see `tests/build.py`."""
    async with build.world(database_url) as made:
        yield made
