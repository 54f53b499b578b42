"""What reaches the live demo from outside: the channels' orders and the tills' receipts, faster than life.

Your store is looked after: it gets its first orders at once, and when it has little left to pick, its next customers
order sooner than they really did. With much to pick, its customers shop at the till instead.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import httpx
import structlog

from server.demo.crowd import order_body, sale_body
from server.demo.demand import CounterSale, Happening, OnlineOrder, replay
from server.demo.retailer import Retailer
from server.demo.world import World
from server.kit.web import Parts

log = structlog.get_logger(__name__)
NIGHT = timedelta(minutes=20)
"""No longer than this, before the demo's speed is counted, nothing happens: nights are short."""
SHARE = 0.6
"""Of the baskets, so many are orders: more than in the headless run, because somebody watches."""
LITTLE, MUCH = 3, 10
"""Jobs to pick in your store."""
SOONER = timedelta(minutes=25)
"""So often, before the demo's speed is counted, somebody looks whether your store needs work."""
EVERY_PARCEL = 3
"""Of the orders that come sooner, each so-manieth is a parcel, if it can be one."""


@dataclass(frozen=True)
class Yourself:
    """Your store's own orders, in the order in which they come."""

    node: str
    orders: tuple[OnlineOrder, ...]
    mine: frozenset[str]
    """SKUs that your store has."""
    central: frozenset[str]
    """SKUs that a warehouse has."""

    @staticmethod
    def of(node: str, retailer: Retailer, happenings: Sequence[Happening]) -> Yourself:
        stores = {store.code for store in retailer.stores}
        return Yourself(
            node,
            tuple(h for h in happenings if isinstance(h, OnlineOrder) and h.node == node),
            frozenset(p.sku for p in retailer.positions if p.node == node and p.units > 2),
            frozenset(p.sku for p in retailer.positions if p.node not in stores),
        )

    def as_parcel(self, order: OnlineOrder) -> OnlineOrder | None:
        """The same basket sent home, if your store has it all and no warehouse does."""
        skus = {line.sku for line in order.lines}
        if not skus <= self.mine or skus <= self.central:
            return None
        return replace(order, method="ship", node=None, collection=None, external_id=f"{order.external_id}-sent")

    def first(self) -> list[OnlineOrder]:
        """Work for a newcomer: two bags to collect, one to bring to a car, and two parcels only a store can send."""
        pickup = [order for order in self.orders if order.method == "pickup"]
        curbside = [order for order in self.orders if order.method == "curbside"]
        parcels = [parcel for order in pickup[2:] if (parcel := self.as_parcel(order))]
        return [*pickup[:2], *curbside[:1], *parcels[:2]]


@dataclass
class Arrivals:
    """Everything that comes in, over HTTP like any channel's."""

    parts: Parts
    client: httpx.AsyncClient
    retailer: Retailer
    shelves: World
    node: str
    speed: float
    _run: str = ""
    """Tells the orders of this run from those of the last, which came from the same baskets."""
    _happenings: list[Happening] = field(default_factory=list)
    _yours: Yourself = field(init=False)
    _came: set[str] = field(default_factory=set)
    """Baskets of your store that were orders already."""

    async def begin(self) -> None:
        """Your store's first orders, unless it has work of last time."""
        self._run = f"{datetime.now(UTC):%y%m%d%H%M%S}"
        self._happenings = list(replay(self.retailer, share=SHARE, start=datetime.now(UTC)))
        self._yours = Yourself.of(self.node, self.retailer, self._happenings)
        self._came = set()
        if await self.to_pick() < LITTLE:
            for order in self._yours.first():
                await self._try(order)

    async def run(self) -> None:
        """Everything after `begin`, until cancelled; after the last basket from the first one again."""
        while True:
            sooner = asyncio.create_task(self._sooner())
            try:
                await self._replay()
            finally:
                sooner.cancel()
                await asyncio.gather(sooner, return_exceptions=True)
            await self.begin()

    async def _replay(self) -> None:
        clock = asyncio.get_running_loop().time
        due, before = clock(), self._happenings[0].at
        for happening in self._happenings:
            due += min(happening.at - before, NIGHT).total_seconds() / self.speed
            before = happening.at
            await asyncio.sleep(max(0.0, due - clock()))
            if not await self._elsewhere(happening):
                await self._try(happening)

    async def _sooner(self) -> None:
        waiting = deque(self._yours.orders)
        for number in itertools.count(1):
            await asyncio.sleep(SOONER.total_seconds() / self.speed)
            while waiting and _basket(waiting[0]) in self._came:
                waiting.popleft()
            if waiting and await self.to_pick() < LITTLE:
                order = waiting.popleft()
                parcel = self._yours.as_parcel(order) if number % EVERY_PARCEL == 0 else None
                await self._try(parcel or order)

    async def _elsewhere(self, happening: Happening) -> bool:
        """Whether this order of your store came before, or your store has much to do already."""
        if not isinstance(happening, OnlineOrder) or happening.node != self.node:
            return False
        return _basket(happening) in self._came or await self.to_pick() >= MUCH

    async def to_pick(self) -> int:
        """Jobs of your store that nobody has picked to the end."""
        sql = "SELECT count(*) FROM fulfilment WHERE node = :node AND state IN ('offered', 'accepted', 'picking')"
        return int(await self.parts.db.read(lambda tx: tx.value(sql, node=self.node)))

    async def _try(self, happening: Happening) -> None:
        try:
            if isinstance(happening, OnlineOrder):
                self._came.add(_basket(happening))
                await self._place(happening)
            else:
                await self._sell(happening)
        except httpx.HTTPError as error:
            log.warning("a happening did not arrive", error=repr(error)[:300])

    async def _place(self, order: OnlineOrder) -> None:
        payment = {"kind": "token", "reference": "tok_visa"}
        body = order_body(order, datetime.now(UTC), f"{self._run}-{order.external_id}", payment)
        answer = await self.client.post("/v1/orders", json=body)
        if answer.is_error:
            log.warning("an order was refused", problem=answer.text[:300])

    async def _sell(self, sale: CounterSale) -> None:
        had = self.shelves.sell(sale.node, [(line.sku, line.quantity) for line in sale.lines])
        lines = [{"sku": sku, "quantity": units} for sku, units in had.items() if units]
        if not lines:
            return
        row = sale_body(sale, datetime.now(UTC), lines, f"{self._run}-{sale.receipt}")
        answer = await self.client.post("/v1/counter-sales", json={"sales": [row]})
        if answer.is_error:
            log.warning("a receipt was refused", problem=answer.text[:300])


def _basket(order: OnlineOrder) -> str:
    return order.external_id.removesuffix("-sent")
