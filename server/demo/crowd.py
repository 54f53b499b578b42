"""Everybody outside the stores: shoppers who order, change their minds, come or forget; tills, carriers, partners.

What they do later stands in an agenda and is done when the demo's clock gets there. All of it goes over the API.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any, Literal
from zoneinfo import ZoneInfo

import httpx

from server.demo.chance import dice
from server.demo.demand import Collection, CounterSale, OnlineOrder
from server.demo.floor import Clock, Store, plan
from server.demo.world import World
from server.fulfilment import passes
from server.kit.keys import Keys
from server.kit.transaction import Tx
from shared import fulfilment as f
from shared.barcodes import split_short_code
from shared.fulfilment import Context, Fulfilment, State
from shared.passes import check_short_code, verify

AT_ONCE = 32
TOKENS: dict[str, float] = {"": 0.80, "tok_visa": 0.16, "tok_flaky": 0.02, "tok_refuse": 0.02}
"""How orders are paid: with an authorisation of the shop's own, or with a token of these kinds."""
CHANGES_MIND = 0.02
REFUSES_SOME, REFUSES_ALL = 0.05, 0.01
BY_CODE = 0.2
PATIENCE = timedelta(hours=24)
"""So long head office tries to reach somebody whose card was refused."""
WAITING = frozenset({State.READY, State.ON_THE_WAY, State.ARRIVED})
Deed = Callable[[], Awaitable[None]]


@dataclass
class Agenda:
    """What will be done when."""

    _heap: list[tuple[datetime, int, Deed]] = field(default_factory=list)
    _number: Any = field(default_factory=count)

    def put(self, at: datetime, deed: Deed) -> None:
        heapq.heappush(self._heap, (at, next(self._number), deed))

    def due(self, now: datetime) -> list[Deed]:
        found = []
        while self._heap and self._heap[0][0] <= now:
            found.append(heapq.heappop(self._heap)[2])
        return found

    def next_at(self) -> datetime | None:
        return self._heap[0][0] if self._heap else None


@dataclass
class Crowd:
    """The people and machines outside, and their key to the API."""

    client: httpx.AsyncClient
    world: World
    clock: Clock
    keys: Keys
    stores: dict[str, Store]
    zones: dict[str, ZoneInfo]
    seed: int
    agenda: Agenda = field(default_factory=Agenda)
    orders: dict[str, OnlineOrder] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    _expected: set[str] = field(default_factory=set)

    def note(self, what: str, by: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + by

    async def ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        answer = await self.client.request(method, path, **more)
        if answer.status_code >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        found: dict[str, Any] = answer.json()
        return found

    # ------------------------------------------------------------ buying

    async def order_all(self, orders: Sequence[OnlineOrder]) -> None:
        for start in range(0, len(orders), AT_ONCE):
            await asyncio.gather(*(self._order(order) for order in orders[start : start + AT_ONCE]))

    async def _order(self, order: OnlineOrder) -> None:
        chance = dice(self.seed, "shopper", order.external_id)
        token = chance.choices(list(TOKENS), list(TOKENS.values()))[0]
        kind = "token" if token else "authorised"
        payment = {"kind": kind, "reference": f"{token or 'auth'}_{order.external_id}"}
        placed = await self.ask("POST", "/v1/orders", json=order_body(order, order.at, order.external_id, payment))
        self.orders[placed["id"]] = order
        if token == "tok_refuse":  # noqa: S105 (the test gateway's word)
            self.agenda.put(self.clock() + PATIENCE, lambda: self._give_up(placed["id"]))
        elif chance.random() < CHANGES_MIND:
            wait = timedelta(hours=chance.randint(1, 30))
            self.agenda.put(self.clock() + wait, lambda: self._change_mind(placed["id"]))

    async def _give_up(self, order_id: str) -> None:
        page = await self.ask("GET", f"/v1/orders/{order_id}")
        for hold in page["holds"]:
            if hold["kind"] == "payment" and hold["resolved_at"] is None:
                await self.ask("POST", f"/v1/holds/{hold['id']}/resolve", json={"resolution": "cancel"})
                self.note("refused cards")

    async def _change_mind(self, order_id: str) -> None:
        """Too late for some: what has left can only come back as a return."""
        answer = await self.client.post(f"/v1/orders/{order_id}/cancel", json={"reason": "customer changed their mind"})
        self.note({200: "changed their mind", 409: "too late to cancel"}.get(answer.status_code, "cancel failed"))

    async def sell(self, sales: Sequence[CounterSale]) -> None:
        """Shoppers in the stores take what is really on the shelf, and pay for it."""
        rows = []
        for sale in sales:
            had = self.world.sell(sale.node, [(line.sku, line.quantity) for line in sale.lines])
            self.note(
                "units not found on the shelf by shoppers", sum(li.quantity for li in sale.lines) - sum(had.values())
            )
            if lines := [{"sku": sku, "quantity": units} for sku, units in had.items() if units]:
                rows.append(sale_body(sale, sale.at, lines))
        for start in range(0, len(rows), 200):
            answer = await self.ask("POST", "/v1/counter-sales", json={"sales": rows[start : start + 200]})
            refused = [r for r in answer["results"] if r["status"] == "refused"]
            if refused:
                raise RuntimeError(f"a receipt was refused: {refused[0]}")
        self.note("counter sales", len(rows))
        self.note("counter sale units", sum(line["quantity"] for row in rows for line in row["lines"]))

    # ------------------------------------------------------------ after a job has moved

    async def unexpected(self, tx: Tx) -> list[Fulfilment]:
        """Jobs that are ready or on their way, and of which nobody here has heard yet."""
        rows = await tx.rows(
            "SELECT doc FROM fulfilment WHERE state IN ('ready', 'shipped') AND NOT id = ANY(CAST(:known AS uuid[]))"
            " ORDER BY id",
            known=sorted(self._expected),
        )
        return [Fulfilment.model_validate(row["doc"]) for row in rows]

    def expect(self, jobs: Sequence[Fulfilment]) -> None:
        """Look at jobs that are ready or on their way: their customers come, their carriers arrive."""
        for job in jobs:
            if str(job.id) in self._expected:
                continue
            order = self.orders[str(job.order_id)]
            if job.state is State.SHIPPED:
                days = dice(self.seed, "carrier", job.number).randint(26, 50)
                self.agenda.put(self.clock() + timedelta(hours=days), lambda job=job: self._deliver(job))  # type: ignore[misc]
            elif job.state is State.READY and job.code_hash and order.collection:
                self._visit_later(job, order.collection)
            else:
                continue
            self._expected.add(str(job.id))

    def _visit_later(self, job: Fulfilment, collection: Collection) -> None:
        if collection.after_ready is None:
            self.note("bags forgotten")
            return
        at = in_daytime(self.clock() + collection.after_ready, self.zones[job.node])
        self.agenda.put(at, lambda: self._visit(job, collection))

    async def _deliver(self, job: Fulfilment) -> None:
        await self.command(f.Deliver(fulfilment=job.id))

    async def command(self, *commands: f.Command) -> list[dict[str, Any]]:
        body = {"commands": [command.model_dump(mode="json") for command in commands]}
        answers: list[dict[str, Any]] = (await self.ask("POST", "/v1/fulfilments/commands", json=body))["answers"]
        broken = [a for a in answers if a["status"] == "error"]
        if broken:
            raise RuntimeError(f"a command failed: {broken[0]}")
        return answers

    # ------------------------------------------------------------ collecting

    async def _visit(self, job: Fulfilment, collection: Collection) -> None:
        """Come for a bag, show pass or code, look at what is in it, leave with what one wants."""
        chance = dice(self.seed, "visit", job.number)
        now = Fulfilment.model_validate(await self.ask("GET", f"/v1/fulfilments/{job.id}"))
        if now.state not in WAITING:
            self.note("came for nothing")
            return
        if collection.car:
            arrive = f.Arrive(fulfilment=job.id, vehicle=collection.car, bay=str(collection.bay))
            on_the_way = [f.OnTheWay(fulfilment=job.id, vehicle=collection.car)] if collection.calls_ahead else []
            await self.command(*on_the_way, arrive)
        store = self.stores[job.node]
        proof = await self._prove(now, store, chance)
        proxy = collection.who if collection.who in {p.name for p in now.proxies} else None
        refused = _refused(now, chance)
        await store.hand_over(now, proof=proof, proxy=proxy, refused=refused)
        self.note(f"collected by {proof}")
        self.note("collected by a named friend", proxy is not None)
        self.note("units refused at the counter", sum(r.quantity for r in refused))

    async def _prove(self, job: Fulfilment, store: Store, chance: Random) -> Literal["pass", "code"]:
        """What the tablet checks without asking the server."""
        given = passes.credentials(self.keys, job)
        if chance.random() < BY_CODE:
            locator, secret = split_short_code(given.code) or ("", "")
            right = await asyncio.to_thread(check_short_code, secret, job.code_hash or "")
            if locator != job.locator or not right:
                raise RuntimeError(f"the code of {job.number} is not right")
            return "code"
        verify([self.keys.pass_public], given.pass_text, now=self.clock(), node=store.node)
        return "pass"

    # ------------------------------------------------------------ partners without devices

    async def partner(self, node: str, jobs: Sequence[Fulfilment], chance: Random) -> None:
        """A warehouse, a third party or a vendor works through its jobs with its own system."""
        commands: list[f.Command] = []
        for job in jobs:
            commands += plan(job, Context(at=self.clock(), actor=node, device=node), self.world, chance)
        for start in range(0, len(commands), 200):
            await self.command(*commands[start : start + 200])


def _refused(job: Fulfilment, chance: Random) -> list[f.Refused]:
    """A few customers do not want something after all, or all of it."""
    held = [(line.line, line.held) for line in job.lines if line.held]
    roll = chance.random()
    if roll < REFUSES_ALL:
        return [f.Refused(line=line, quantity=units, reason="changed_mind") for line, units in held]
    if roll < REFUSES_ALL + REFUSES_SOME:
        return [f.Refused(line=chance.choice(held)[0], quantity=1, reason="not_ordered")]
    return []


def in_daytime(at: datetime, zone: ZoneInfo) -> datetime:
    """Nobody collects at night: at nine in the morning then."""
    wall = at.astimezone(zone)
    if 8 <= wall.hour < 21:
        return at
    day = wall.date() + timedelta(days=wall.hour >= 21)
    return datetime(day.year, day.month, day.day, 9, tzinfo=zone).astimezone(at.tzinfo)


def order_body(order: OnlineOrder, at: datetime, external_id: str, payment: dict[str, str]) -> dict[str, Any]:
    """An order as a channel sends it."""
    who = order.customer
    body: dict[str, Any] = {
        "channel": order.channel,
        "external_id": external_id,
        "placed_at": at.isoformat(),
        "currency": "USD",
        "customer": {"name": who.name, "email": who.email, "phone": who.phone, "proxies": [who.friend]},
        "method": order.method,
        "lines": [
            {
                "sku": line.sku,
                "quantity": line.quantity,
                "unit_price": line.unit_price,
                "discount": line.discount,
                "tax": line.tax,
            }
            for line in order.lines
        ],
        "shipping": order.shipping,
        "payment": payment,
    }
    if order.node is not None:
        return {**body, "node": order.node}
    place = {"latitude": who.place.latitude, "longitude": who.place.longitude}
    address = {"name": who.name, "line1": who.street, "city": who.town.city, "region": who.town.state}
    return {**body, "ship_to": {**address, "postal_code": who.town.zip, "country": "US", "location": place}}


def sale_body(sale: CounterSale, at: datetime, lines: Sequence[dict[str, Any]], receipt: str = "") -> dict[str, Any]:
    """A receipt as a till sends it."""
    number = receipt or sale.receipt
    return {"node": sale.node, "till": "1", "receipt": number, "sold_at": at.isoformat(), "lines": list(lines)}
