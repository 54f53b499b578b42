"""The way to PostgreSQL: one engine, short transactions, commits only here.

`Database.write` runs a unit of work, lets the wiring answer its events, commits, and retries when PostgreSQL asks for
it. `Database.read` gives a read-only transaction. SQLAlchemy keeps the connections; transactions and statements go to
the driver itself (docs/adr/0002).
"""

from __future__ import annotations

import asyncio
import json
import os
import random as jitter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
import pydantic_core
import structlog
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from server.kit.transaction import Tx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from server.kit.answers import Answers

T = TypeVar("T")
RETRIES = 5
RETRIED = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.InvalidCachedStatementError)
"""Serialisation failure, deadlock, and a schema that was changed while we looked."""
AWAY = frozenset({"08", "53", "57"})
"""Classes of SQL states: the connection broke, resources are short, an operator (or a crash) stepped in."""
log = structlog.get_logger(__name__)


def unavailable(error: BaseException) -> bool:
    """Whether the database was away, full or too busy: nothing is wrong with what was asked, and later it will work."""
    state = str(getattr(error, "sqlstate", None) or "")
    lost = isinstance(error, asyncpg.InterfaceError) and "closed" in str(error)
    busy = state in {"55P03", "40001", "40P01"}
    return lost or busy or state[:2] in AWAY or isinstance(error, (ConnectionError, PoolTimeout, DBAPIError))


def asyncpg_url(url: str) -> str:
    """Any `postgresql://` address, with our driver."""
    scheme, rest = url.split("://", 1)
    return f"postgresql+asyncpg://{rest}" if scheme.startswith("postgres") else url


def to_json(value: Any) -> str:
    """Compact JSON of anything made of plain values, dataclasses and models; ids and times as text."""
    return pydantic_core.to_json(value, fallback=str).decode()


def _encode_json(value: Any) -> bytes:
    """Text is JSON already."""
    return (value if isinstance(value, str) else to_json(value)).encode()


def _encode_jsonb(value: Any) -> bytes:
    return b"\x01" + _encode_json(value)


def _decode_jsonb(sent: bytes) -> Any:
    return json.loads(sent[1:])


async def _set_codecs(connection: asyncpg.Connection) -> None:
    """jsonb columns are Python values. In binary form, since COPY knows no other."""
    for name, encoder, decoder in (("json", _encode_json, json.loads), ("jsonb", _encode_jsonb, _decode_jsonb)):
        await connection.set_type_codec(name, encoder=encoder, decoder=decoder, schema="pg_catalog", format="binary")


def make_engine(url: str, *, pool_size: int) -> AsyncEngine:
    """The pool. Its connections leave transactions to us."""
    engine = create_async_engine(
        asyncpg_url(url),
        isolation_level="AUTOCOMMIT",
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        connect_args={
            "statement_cache_size": 500,
            "server_settings": {"application_name": "baton", "jit": "off", "timezone": "UTC"},
        },
    )

    def connected(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.run_async(_set_codecs)

    event.listen(engine.sync_engine, "connect", connected)
    return engine


class Database:
    """One PostgreSQL database and the answers that belong to its events."""

    def __init__(
        self,
        url: str,
        *,
        answers: Answers | None = None,
        pool_size: int = 10,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.url = url
        self.engine = make_engine(url, pool_size=pool_size)
        self.answers = answers
        self.clock = clock
        self.random = random

    async def close(self) -> None:
        await self.engine.dispose()

    async def _open(self, stack: AsyncExitStack) -> tuple[AsyncConnection, asyncpg.Connection]:
        """A connection of the pool, and the driver's, which lives. Raises ConnectionError where nobody is at home: with
        its server's death a socket may be gone as a file is."""
        try:
            conn = await stack.enter_async_context(self.engine.connect())
            driver = await _driver(conn)
            while driver.is_closed():
                await conn.invalidate()
                driver = await _driver(conn)
        except OSError as error:
            raise ConnectionError(f"the database cannot be reached: {error}") from error
        return conn, driver

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A living connection of the driver. One that broke is not given back to the pool; nor is one whose user was
        broken off (its client is gone): the rollback may have been broken off too, and nobody knows what it is in."""
        async with AsyncExitStack() as stack:
            conn, driver = await self._open(stack)
            try:
                yield driver
            except Exception:
                raise
            except BaseException:
                driver.terminate()
                raise
            finally:
                if not driver.is_closed() and driver.is_in_transaction():
                    driver.terminate()
                if driver.is_closed():
                    await conn.invalidate()

    async def write(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run `work` in a transaction, settle its events, commit. Retried at most five times when the database asks."""
        for attempt in range(RETRIES):
            try:
                async with self._connection() as conn, conn.transaction():
                    tx = Tx(conn=conn, now=self.clock(), random=self.random, settle=self._settle)
                    result = await work(tx)
                    await self._settle(tx)
                    if self.answers:
                        await self.answers.close(tx)
                    return result
            except RETRIED as error:
                if attempt == RETRIES - 1:
                    raise
                log.info("transaction retried", sqlstate=error.sqlstate, attempt=attempt + 1)
                await asyncio.sleep(jitter.uniform(0.002, 0.02) * (attempt + 1))
        raise AssertionError("unreachable")

    async def _settle(self, tx: Tx) -> None:
        if self.answers:
            await self.answers.settle(tx)

    async def read(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run `work` on one consistent, read-only snapshot."""
        async with self.reading() as tx:
            return await work(tx)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Tx]:
        """A read-only snapshot for work that streams."""
        async with self._connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
            yield Tx(conn=conn, now=self.clock(), random=self.random)

    async def ping(self) -> None:
        """Raises when the database does not answer or takes no writes."""
        async with self.engine.connect() as conn:
            if (await conn.execute(text("SELECT pg_is_in_recovery()"))).scalar():
                raise ConnectionError("the database is a standby and takes no writes")


async def _driver(conn: AsyncConnection) -> asyncpg.Connection:
    return (await conn.get_raw_connection()).driver_connection
