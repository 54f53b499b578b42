"""Requests that are broken off (their client is gone, the network with it) leave nothing behind in the pool."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

import anyio
import pytest

from server.kit.database import Database
from server.kit.transaction import Tx

pytestmark = pytest.mark.postgres


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url, pool_size=1)
    yield made
    await made.close()


async def _slow(tx: Tx) -> None:
    await tx.value("SELECT 1")
    await tx.value("SELECT pg_sleep(5)")


async def _one(tx: Tx) -> object:
    return await tx.value("SELECT 1")


@pytest.mark.parametrize("way", ["read", "write"])
async def test_a_connection_whose_user_was_broken_off_serves_the_next_one(db: Database, way: str) -> None:
    """A web server breaks off whoever streams to a client that is gone, and breaks off the rollback too."""
    ask = getattr(db, way)
    assert await ask(_one) == 1
    with anyio.move_on_after(0.1) as scope:
        await ask(_slow)
    assert scope.cancelled_caught
    for _ in range(3):
        assert await ask(_one) == 1


async def test_one_that_was_broken_off_while_it_began_serves_the_next_one_too(db: Database) -> None:
    for pause in (0.0, 0.0001, 0.0003, 0.001, 0.002):
        with anyio.move_on_after(pause):
            await db.read(_slow)
        assert await db.read(_one) == 1


async def test_a_stream_that_is_given_up_halfway_leaves_the_pool_whole(db: Database) -> None:
    async def rows() -> AsyncGenerator[object]:
        async with db.reading() as tx:
            yield await tx.value("SELECT 1")
            yield await tx.value("SELECT 2")

    stream = rows()
    assert await anext(stream) == 1
    await stream.aclose()
    assert await db.read(_one) == 1
