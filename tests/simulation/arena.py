"""One database for many stories: opened once, put back to its beginning before each of them.

The beginning (a shop, its people and tablets) is kept in a second schema; to begin anew is to empty and copy, which
takes a few hundredths of a second where a database of its own takes a few tenths.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import asyncpg
import httpx

from server.backup import after_restore
from server.kit import limits, outbox
from server.kit.database import Database
from server.kit.transaction import Tx
from server.people import tokens
from server.sync import api as sync_api
from server.sync import service as sync
from shared import passes
from shared.sync import SCHEMA
from store_app.engine.transport import Answer
from tests import build
from tests.shop import OTHER, STORE, Shop, Tablet, activate, open_shop
from tests.simulation.history import LOOKING
from tests.simulation.lines import ServerDown
from tests.simulation.timeline import Timeline

T = TypeVar("T")
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
STOCK = 6
"""Units of each item at each node at the start: few, so that orders fight for them."""
TABLETS = {STORE: 3, OTHER: 2}
_TABLES = (
    "SELECT relname AS tablename FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    " AND relname <> 'alembic_version' ORDER BY 1"
)
"""Tables that hold rows themselves: partitions, not what they are parts of."""
_COLUMNS = (
    "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"
    " WHERE attrelid = ('public.' || quote_ident($1))::regclass AND attnum > 0 AND attgenerated = ''"
    " AND NOT attisdropped"
)
_SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1"


class MortalDatabase(Database):
    """`fuse` counts transactions down; the server dies with the one that reaches zero, before its commit or after."""

    fuse: int | None = None
    after_commit = False
    writes = 0
    """Transactions begun."""
    died: asyncio.Event
    """Set by the transaction that killed the server."""

    async def write(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        self.writes += 1
        if self.fuse is None:
            return await super().write(work)
        self.fuse -= 1
        if self.fuse > 0:
            return await super().write(work)
        self.fuse = None
        if self.after_commit:
            await super().write(work)
            self.died.set()
            raise ServerDown

        async def dying(tx: Tx) -> T:
            await work(tx)
            await self._settle(tx)
            raise ServerDown

        try:
            return await super().write(dying)
        finally:
            self.died.set()

    async def while_it_lives(self, work: Coroutine[Any, Any, T]) -> T:
        """What the server does, broken off when it dies. Raises `ServerDown` then."""
        self.died = asyncio.Event()
        task = asyncio.ensure_future(work)
        death = asyncio.ensure_future(self.died.wait())
        try:
            await asyncio.wait({task, death}, return_when=asyncio.FIRST_COMPLETED)
            if self.died.is_set():
                raise ServerDown
            return task.result()
        finally:
            for each in (task, death):
                each.cancel()
            await asyncio.gather(task, death, return_exceptions=True)


@dataclass
class Arena:
    """The application, the shop as it opens, and the way back to that."""

    world: build.World
    shop: Shop
    tablets: dict[str, list[Tablet]]
    db: MortalDatabase
    _plain: asyncpg.Connection
    _to_the_beginning: str
    _transport: httpx.ASGITransport
    timeline: Timeline
    chance: Random
    backed_up: str = ""
    """The script that brings the backup back, once there is one."""

    async def begin(self, seed: int) -> None:
        """Back to the opening of the shop."""
        await self._plain.execute(self._to_the_beginning)
        self.timeline = Timeline(START)
        self.chance = Random(seed + 1_000_000)
        self.shop._bought = 0
        self.db.fuse = None
        self.backed_up = ""
        self.speak(SCHEMA, SCHEMA)
        self.restart()

    async def back_up(self) -> None:
        """Keep everything as it is now."""
        await self._plain.execute("DROP SCHEMA IF EXISTS backup CASCADE")
        self.backed_up = await _keep(self._plain, "backup")

    async def restore(self) -> None:
        """Back to what was kept, as `baton db restore` does it."""
        await self._plain.execute(self.backed_up)
        self.restart()
        await self.world.write(lambda tx: after_restore(tx, "operator", "a backup"))

    def speak(self, oldest: int, newest: int) -> None:
        """A release of the server that talks to apps of these versions."""
        sync.SCHEMA, sync_api.SPOKEN_SCHEMAS = newest, range(oldest, newest + 1)

    def restart(self) -> None:
        """What a new process does not remember is forgotten."""
        self.world.parts.caches.clear()
        self.world.app.state.resolve_actor.forget()

    async def ask(
        self, method: str, path: str, json: Any, params: Mapping[str, str], headers: Mapping[str, str]
    ) -> Answer:
        """A request of a device, in this process."""
        async with httpx.AsyncClient(transport=self._transport, base_url="http://baton.test") as client:
            body = {"content" if isinstance(json, bytes) else "json": json}
            answer = await client.request(method, path, **body, params=params, headers=headers)
        return answer.status_code, answer.headers, answer.content

    async def heads(self) -> dict[str, int]:
        """How far each feed goes."""
        return {r["stream"]: r["last_seq"] for r in await self._plain.fetch("SELECT stream, last_seq FROM feed_head")}

    async def tidy(self) -> None:
        """What autovacuum would do; switched off, since it may change the order in which rows are found."""
        await self._plain.execute("VACUUM")


@contextlib.asynccontextmanager
async def arena(url: str) -> AsyncIterator[Arena]:
    """The application on a migrated database, with a shop that has opened."""
    ids = Random(0)
    made: list[Arena] = []

    def clock() -> datetime:
        return made[0].timeline.look() if made else START - timedelta(days=1)

    def random(n: int) -> bytes:
        return (made[0].chance if made else ids).randbytes(n)

    async with contextlib.AsyncExitStack() as stack:
        letters = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(_quick())
        world = await stack.enter_async_context(
            build.world(
                url, config=build.settings(data_dir=letters), clock=clock, random=random, database=MortalDatabase
            )
        )
        shop = await open_shop(world, stock=STOCK)
        await shop.offer_substitutes()
        await activate(world, LOOKING)
        tablets = {node: [await shop.tablet(node) for _ in range(count)] for node, count in TABLETS.items()}
        plain = await asyncpg.connect(url)
        stack.push_async_callback(plain.close)
        transport = httpx.ASGITransport(app=world.app, raise_app_exceptions=False)
        assert isinstance(world.db, MortalDatabase)
        script = await _keep(plain, "beginning")
        made.append(Arena(world, shop, tablets, world.db, plain, script, transport, Timeline(START), Random(0)))
        yield made[0]
        made[0].speak(SCHEMA, SCHEMA)


async def _keep(plain: asyncpg.Connection, schema: str) -> str:
    """Copy every table into a schema of its own; the script that brings it all back."""
    tables = [r["tablename"] for r in await plain.fetch(_TABLES)]
    await plain.execute(f"CREATE SCHEMA {schema}")
    # Emptied by TRUNCATE: rows come to lie where they lay before, so that the same plans find them in the same order.
    emptied = ", ".join(f'public."{table}"' for table in tables)
    script = ["BEGIN", "SET LOCAL session_replication_role = replica", f"TRUNCATE {emptied}"]
    for table in tables:
        await plain.execute(f'CREATE UNLOGGED TABLE {schema}."{table}" AS TABLE public."{table}"')
        await plain.execute(f'ALTER TABLE public."{table}" SET (autovacuum_enabled = off)')
        if await plain.fetchval(f'SELECT EXISTS (SELECT 1 FROM {schema}."{table}")'):
            columns = await plain.fetchval(_COLUMNS, table)
            script.append(
                f'INSERT INTO public."{table}" ({columns}) OVERRIDING SYSTEM VALUE'
                f' SELECT {columns} FROM {schema}."{table}"'
            )
    for row in await plain.fetch(_SEQUENCES):
        value = row["last_value"]
        name = f"'public.\"{row['sequencename']}\"'"
        script.append(f"SELECT setval({name}, {value or 1}, {str(value is not None).lower()})")
    return ";\n".join([*script, "COMMIT"])


@contextlib.contextmanager
def _quick() -> Any:
    """Without what costs seconds and decides nothing (the price of a hash) or goes by the real clock (rate limits, what
    is remembered of tokens). Answers after the commit are given one by one: their order follows from the seed."""
    kept = outbox.BATCH, passes.SHORT_CODE_COST, limits.Buckets.take, tokens.REMEMBER_S
    outbox.BATCH = 1
    passes.SHORT_CODE_COST = passes.Cost(1, 8)
    tokens.REMEMBER_S = float("inf")
    limits.Buckets.take = lambda *_, **__: 0.0  # type: ignore[method-assign]
    try:
        yield
    finally:
        outbox.BATCH, passes.SHORT_CODE_COST, limits.Buckets.take, tokens.REMEMBER_S = kept  # type: ignore[method-assign]
