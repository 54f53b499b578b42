"""The whole retailer in fast motion, without a screen: orders, stores at work, customers, carriers, tills, the sums.

The server is the real one in this process, asked over its API; only its clock is the demo's. Time goes in steps of an
hour: what happened in the hour arrives, answers after the commit are given, stores work, customers come, schedules
run. After the last order it goes on until every order has come to its end, or for eight days.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from fastapi import FastAPI

from server import app as application
from server import check, wiring
from server.demo import retailer as making
from server.demo.chance import dice
from server.demo.crowd import AT_ONCE, Crowd
from server.demo.demand import Happening, OnlineOrder, replay
from server.demo.floor import TO_DO, Store
from server.demo.load import is_loaded, load
from server.demo.retailer import Retailer
from server.demo.summary import Summary, summarise
from server.demo.world import world_behind
from server.fulfilment import schedule
from server.kit import keys, migrate, outbox, postgres
from server.kit.auth import SYSTEM
from server.kit.database import Database
from server.kit.transaction import Tx
from server.kit.web import Parts
from server.orders import payments
from server.people import devices
from server.people import keys as api_keys
from server.people.rules import NewKey
from server.routing import service as routing
from server.routing import waits
from server.settings import Settings
from shared.errors import Conflict
from shared.exceptions import TO_COUNT
from shared.fulfilment import Fulfilment

START = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday; the baskets keep weekday and hour."""
STEP = timedelta(hours=1)
AFTERWARDS = timedelta(days=8)
WORKING_HOURS = range(7, 22)
"""By the store's own clock."""
FEW_AT_ONCE = 8
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Choices:
    """What can be said on the command line."""

    orders: int = 2000
    stores: int = 40
    items: int | None = making.ITEMS
    weeks: tuple[int, int] = making.WEEKS
    seed: int = 1
    data: Path | None = None


@dataclass
class Clock:
    """The demo's time; only the driver moves it."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


def run(choices: Choices, progress: Progress) -> Summary:
    """Play everything on an embedded PostgreSQL of its own (in `data`, or gone afterwards), and add up."""
    retailer = making.build(stores=choices.stores, items=choices.items, weeks=choices.weeks, seed=choices.seed)
    with _postgres(choices.data) as url:
        migrate.upgrade(url)
        return asyncio.run(play(url, retailer, choices, progress))


@contextlib.contextmanager
def _postgres(data: Path | None) -> Iterator[str]:
    running = postgres.temporary(fast=True) if data is None else postgres.start(data, fast=True)
    with running as started:
        yield started.url(None)


async def play(url: str, retailer: Retailer, choices: Choices, progress: Progress) -> Summary:
    """The same on any migrated, empty database."""
    began = time.monotonic()
    clock = Clock()
    quiet = Database(url, clock=clock)
    try:
        if await is_loaded(quiet):
            raise Conflict("There is a retailer in this database already.", remedy="Give an empty folder.")
        await load(quiet, retailer, await keys.load(quiet), pins_at=[], progress=progress)
    finally:
        await quiet.close()
    loaded = time.monotonic()
    async with _town(url, retailer, choices, clock) as town:
        await town.live(list(replay(retailer, orders=choices.orders, start=START, seed=choices.seed)), progress)
        summary = await summarise(town.db, town.crowd.counts, list(town.stores.values()))
        findings = await check.check(town.db)
        summary.invariants = {each.name: each.violations for each in findings}
        summary.examples = [dict(row) for each in findings for row in each.examples]
    summary.seconds = {"loading": round(loaded - began, 1), "playing": round(time.monotonic() - loaded, 1)}
    summary.days = round((clock.now - START) / timedelta(days=1), 1)
    return summary


@contextlib.asynccontextmanager
async def _town(url: str, retailer: Retailer, choices: Choices, clock: Clock) -> AsyncIterator[Town]:
    """The server in this process, and everybody who talks to it."""
    async with contextlib.AsyncExitStack() as stack:
        db = Database(url, answers=wiring.ANSWERS, clock=clock, pool_size=FEW_AT_ONCE)
        stack.push_async_callback(db.close)
        app = application.create_app(Settings(database_url=url, role="api"), db=db)
        await stack.enter_async_context(app.router.lifespan_context(app))
        parts: Parts = app.state.parts
        new = NewKey.model_validate({"name": "Demo channels, carriers and partners", "roles": ["integration", "agent"]})
        key = (await db.write(lambda tx: api_keys.create_key(tx, SYSTEM, new))).key
        client = await stack.enter_async_context(_client(app, "192.0.2.1", key))
        world = world_behind(retailer.positions, choices.seed)
        stores = {}
        for number, node in enumerate(retailer.stores):
            tablet = await stack.enter_async_context(_client(app, f"198.51.100.{number % 250}"))
            stores[node.code] = Store(node.code, tablet, world, clock, dice(choices.seed, "floor", node.code))
        zones = {node.code: ZoneInfo(node.time_zone) for node in retailer.nodes}
        crowd = Crowd(client, world, clock, parts.keys, stores, zones, choices.seed)
        yield Town(parts, retailer, clock, crowd, dice(choices.seed, "partners"))


def _client(app: FastAPI, address: str, token: str | None = None) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, client=(address, 1))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(transport=transport, base_url="http://baton.demo", headers=headers)


@dataclass
class Town:
    """Drives the clock and lets everybody act."""

    parts: Parts
    retailer: Retailer
    clock: Clock
    crowd: Crowd
    chance: Random

    @property
    def db(self) -> Database:
        return self.parts.db

    @property
    def stores(self) -> dict[str, Store]:
        return self.crowd.stores

    async def live(self, happenings: list[Happening], progress: Progress) -> None:
        """Everything that happens, then the time it takes to come to an end."""
        at = 0
        while at < len(happenings):
            await self._step(happenings, at, until := self._hour_of(happenings, at))
            at = until
            progress("happenings", at, len(happenings))
        over = self.clock.now + AFTERWARDS
        while self.clock.now < over and await self._is_open():
            await self._step([], 0, 0)
            progress("hours afterwards", int((AFTERWARDS - (over - self.clock.now)) / STEP), int(AFTERWARDS / STEP))

    def _hour_of(self, happenings: list[Happening], at: int) -> int:
        """Where the happenings of the coming hour end."""
        end = self.clock.now + STEP
        while at < len(happenings) and happenings[at].at <= end:
            at += 1
        return at

    async def _step(self, happenings: list[Happening], start: int, end: int) -> None:
        self.clock.now += STEP
        mine = happenings[start:end]
        await self.crowd.order_all([h for h in mine if isinstance(h, OnlineOrder)])
        await self.crowd.sell([h for h in mine if not isinstance(h, OnlineOrder)])
        await self._answers()
        deeds = self.crowd.agenda.due(self.clock.now)
        for first in range(0, len(deeds), AT_ONCE):
            await _few(deeds[first : first + AT_ONCE])
        await self._work()
        await self._answers()
        self.crowd.expect(await self.db.read(self.crowd.unexpected))
        await self._schedules()

    async def _answers(self) -> None:
        await outbox.drain(self.parts)

    async def _schedules(self) -> None:
        """What the worker does by the clock."""
        await self.db.write(schedule.expire_due)
        await self.db.write(routing.route_waiting)
        patience = timedelta(hours=self.parts.settings.backorder_hours)
        await self.db.write(lambda tx: waits.cancel_overdue(tx, after=patience))
        await payments.ask_again(self.parts)
        await self._answers()

    async def _work(self) -> None:
        """Every place with something to do, if anybody is there at this hour."""
        busy = await self.db.read(_busy)
        here = [code for code in busy if self.clock.now.astimezone(self.crowd.zones[code]).hour in WORKING_HOURS]
        await _few([lambda code=code: self._work_at(code) for code in here])

    async def _work_at(self, code: str) -> None:
        store = self.stores.get(code)
        if store is None:
            await self.crowd.partner(code, await self.db.read(lambda tx: _to_do(tx, code)), self.chance)
            return
        if not store.device:
            offer = await self.db.write(lambda tx: devices.offer_enrolment(tx, SYSTEM, self.parts.keys, code))
            await store.open(offer.code, [p for p in self.retailer.people if code in p.nodes])
        await store.work()

    async def _is_open(self) -> bool:
        sql = "SELECT 1 FROM customer_order WHERE status NOT IN ('completed', 'cancelled') LIMIT 1"
        return bool(await self.db.read(lambda tx: tx.value(sql)))


async def _few(deeds: list[Any]) -> None:
    """Do all of these, a few at the same time; the first failure is raised when all have ended."""
    gate = asyncio.Semaphore(FEW_AT_ONCE)

    async def one(deed: Any) -> None:
        async with gate:
            await deed()

    for result in await asyncio.gather(*(one(deed) for deed in deeds), return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def _busy(tx: Tx) -> list[str]:
    rows = await tx.rows(
        "SELECT node FROM fulfilment WHERE NOT final AND state = ANY(CAST(:states AS text[])) UNION SELECT node FROM"
        " fulfilment_exception WHERE settled_at IS NULL AND kind = ANY(CAST(:kinds AS text[])) ORDER BY node",
        states=sorted(TO_DO),
        kinds=TO_COUNT,
    )
    return [row["node"] for row in rows]


async def _to_do(tx: Tx, node: str) -> list[Fulfilment]:
    rows = await tx.rows(
        "SELECT doc FROM fulfilment WHERE node = :node AND NOT final AND state = ANY(CAST(:states AS text[]))"
        " ORDER BY id",
        node=node,
        states=sorted(TO_DO),
    )
    return [Fulfilment.model_validate(row["doc"]) for row in rows]
