"""The way to PostgreSQL: one engine, short transactions, commits only here.

`Database.write` runs a unit of work, lets the wiring answer its events, commits, and retries when PostgreSQL asks for
it (serialisation failure 40001, deadlock 40P01). `Database.read` gives a read-only transaction.
"""

from __future__ import annotations

import asyncio
import json
import os
import random as jitter
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from server.kit.transaction import Tx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from server.kit.answers import Answers

T = TypeVar("T")
RETRIES = 5
RETRY_STATES = frozenset({"40001", "40P01"})
log = structlog.get_logger(__name__)


def asyncpg_url(url: str) -> str:
    """Any `postgresql://` address, with our driver."""
    scheme, rest = url.split("://", 1)
    return f"postgresql+asyncpg://{rest}" if scheme.startswith("postgres") else url


def to_json(value: Any) -> str:
    """Compact JSON; ids and times as text."""
    return json.dumps(value, default=str, separators=(",", ":"), ensure_ascii=False)


def _as_it_is(value: Any) -> Any:
    return value


def make_engine(url: str, *, pool_size: int) -> AsyncEngine:
    """An engine whose jsonb columns are Python values, in text statements too."""
    engine = create_async_engine(
        asyncpg_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        json_serializer=_as_it_is,
        json_deserializer=_as_it_is,
        connect_args={
            "prepared_statement_cache_size": 500,
            "server_settings": {"application_name": "baton", "jit": "off", "timezone": "UTC"},
        },
    )

    def set_codecs(dbapi_connection: Any, _record: Any) -> None:
        for name in ("json", "jsonb"):
            dbapi_connection.run_async(
                lambda connection, name=name: connection.set_type_codec(
                    name, encoder=to_json, decoder=json.loads, schema="pg_catalog", format="text"
                )
            )

    event.listen(engine.sync_engine, "connect", set_codecs)
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

    async def write(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run `work` in a transaction, settle its events, commit. Retried at most five times when the database asks."""
        for attempt in range(RETRIES):
            try:
                async with self.engine.begin() as conn:
                    tx = Tx(conn=conn, now=self.clock(), random=self.random, settle=self._settle)
                    result = await work(tx)
                    await self._settle(tx)
                    if self.answers:
                        await self.answers.close(tx)
                    return result
            except DBAPIError as error:
                state = getattr(error.orig, "sqlstate", None)
                if state not in RETRY_STATES or attempt == RETRIES - 1:
                    raise
                log.info("transaction retried", sqlstate=state, attempt=attempt + 1)
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
        async with self.engine.connect() as conn:
            await conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield Tx(conn=conn, now=self.clock(), random=self.random)
            await conn.rollback()

    async def ping(self) -> None:
        """Raises when the database does not answer or takes no writes."""
        async with self.engine.connect() as conn:
            if (await conn.execute(text("SELECT pg_is_in_recovery()"))).scalar():
                raise ConnectionError("the database is a standby and takes no writes")
