"""Everybody in the live demo who is not you: the other stores, warehouses and carriers, and the customers of those.

They work every few seconds with tablets of their own, over HTTP like yours. Your store and its customers are left
alone. Waiting times of customers and carriers pass as fast as orders arrive.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import httpx
import structlog

from server.demo.chance import dice
from server.demo.floor import TO_DO, Store, plan
from server.demo.retailer import Retailer
from server.demo.world import World
from server.kit.auth import SYSTEM
from server.kit.transaction import Tx
from server.kit.web import Parts
from server.people import devices
from shared import fulfilment as f
from shared.fulfilment import Context, Fulfilment, State

log = structlog.get_logger(__name__)
PAUSE_S = 5.0
WAIT = timedelta(hours=4)
"""So long a bag waits, and a parcel travels, before the demo's speed is counted."""
OUT = frozenset({State.READY, State.ON_THE_WAY, State.ARRIVED, State.SHIPPED})


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Neighbours:
    """`yours` is the node they keep away from."""

    parts: Parts
    url: str
    client: httpx.AsyncClient
    retailer: Retailer
    world: World
    yours: str
    speed: float
    stores: dict[str, Store] = field(default_factory=dict)
    _seen: dict[str, datetime] = field(default_factory=dict)
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def run(self) -> None:
        """Until cancelled. What fails once is tried again the next time round."""
        async with self._stack:
            while True:
                await asyncio.sleep(PAUSE_S)
                jobs = await self.parts.db.read(lambda tx: _open(tx, self.yours))
                for node in sorted({job.node for job in jobs}):
                    await _try(node, self._round(node, [job for job in jobs if job.node == node]))

    async def _round(self, node: str, jobs: list[Fulfilment]) -> None:
        chance = dice(self.retailer.seed, node, len(self._seen))
        if node not in {each.code for each in self.retailer.stores}:
            await self._partner(node, [job for job in jobs if job.state in TO_DO], chance)
        elif any(job.state in TO_DO for job in jobs):
            await (await self._store(node)).work()
        for job in jobs:
            if job.state in OUT and self._waited(job):
                await self._leave(job)

    def _waited(self, job: Fulfilment) -> bool:
        since = self._seen.setdefault(str(job.id), _now())
        return _now() - since >= WAIT / max(self.speed, 1)

    async def _leave(self, job: Fulfilment) -> None:
        """The customer comes, or the parcel arrives."""
        if job.state is State.SHIPPED:
            await self._command([f.Deliver(fulfilment=job.id)])
        else:
            store = await self._store(job.node)
            await store.hand_over(job, proof="pass", proxy=None, refused=())
        self._seen.pop(str(job.id), None)

    async def _store(self, node: str) -> Store:
        if node not in self.stores:
            client = await self._stack.enter_async_context(httpx.AsyncClient(base_url=self.url, timeout=30))
            store = Store(node, client, self.world, _now, dice(self.retailer.seed, "floor", node))
            offer = await self.parts.db.write(lambda tx: devices.offer_enrolment(tx, SYSTEM, self.parts.keys, node))
            await store.open(offer.code, [p for p in self.retailer.people if node in p.nodes])
            self.stores[node] = store
        return self.stores[node]

    async def _partner(self, node: str, jobs: list[Fulfilment], chance: Random) -> None:
        ctx = Context(at=_now(), actor=node, device=node)
        await self._command([command for job in jobs for command in plan(job, ctx, self.world, chance)])

    async def _command(self, commands: list[f.Command]) -> None:
        for start in range(0, len(commands), 200):
            body = {"commands": [each.model_dump(mode="json") for each in commands[start : start + 200]]}
            (await self.client.post("/v1/fulfilments/commands", json=body)).raise_for_status()


async def _try(node: str, work: Awaitable[None]) -> None:
    try:
        await work
    except (httpx.HTTPError, RuntimeError) as error:
        log.warning("a simulated place could not work", node=node, error=repr(error)[:300])


async def _open(tx: Tx, yours: str) -> list[Fulfilment]:
    rows = await tx.rows(
        "SELECT doc FROM fulfilment WHERE NOT final AND (node <> :yours OR state = 'shipped') ORDER BY id", yours=yours
    )
    return [Fulfilment.model_validate(row["doc"]) for row in rows]
