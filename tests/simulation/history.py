"""A retailer's life at random: one seed, one history, the same every time.

Shoppers buy, change their mind and come to collect; tills sell the same units; associates of two stores work with
devices that send some things twice, a warehouse works over the API; gateways refuse; days pass. Everything goes through
the API and the device protocol, as in life. What may be refused is refused; nothing may break.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, TypeAdapter

from server import worker
from server.check import Finding, check
from server.fulfilment import queries
from server.kit import outbox
from server.routing.rules import DEFAULT, LooksAgain
from server.sync.documents import FINISHED_FOR
from shared.errors import BatonError
from shared.fulfilment import FULFILMENT, Command, Context, Fulfilment, JobLine, State, apply
from tests import build
from tests.shop import ITEMS, OTHER, STORE, WAREHOUSE, Shop, Tablet, activate, open_shop

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
HALF_A_DAY = 12
"""Hours that pass at once; in life the worker is never away for longer."""
STOCK = 6
LOOKING = DEFAULT.model_copy(update={"name": "looking", "looks_again": LooksAgain(within_minutes=60, least_saving=0)})
"""What is routed by: jobs move for the least saving, and as long as may be."""
"""Units of each item at each node at the start: few, so that orders fight for them."""
TOKENS = ("tok_visa", "tok_visa", "tok_refuse", "tok_insufficient")
_COMMAND: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="kind")])
CONSENTS = ("none", "same_or_lower_price", ["BEER"], ["BEER", "OATS"])
"""What shoppers take instead; the shop sells both for this only, one dearer and one cheaper than most."""
SHORT = ("not_found", "damaged", "display_only")


@dataclass
class Clock:
    """Goes on by a second whenever somebody looks."""

    now: datetime = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@dataclass
class History:
    """What happened so far, line by line."""

    world: build.World
    shop: Shop
    clock: Clock
    chance: Random
    tablets: dict[str, list[Tablet]]
    lines: list[str] = field(default_factory=list)
    orders: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    last: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    sold: int = 0

    async def run(self, steps: int) -> None:
        """Take so many steps, then let everything settle."""
        names, weights = zip(*((name, weight) for name, (weight, _) in STEPS.items()), strict=True)
        for _ in range(steps):
            name = self.chance.choices(names, weights)[0]
            said = await STEPS[name][1](self)
            self.lines.append(f"{name}: {said}")
        await self.settle()

    async def settle(self) -> str:
        """Whatever waits for nobody's hand is done."""
        await outbox.drain(self.world.parts)
        for loop in worker.LOOPS:
            await loop.work(self.world.parts)
        await outbox.drain(self.world.parts)
        return "settled"

    async def broken(self) -> list[str]:
        """Every invariant that does not hold, and every device that knows something else than the server."""
        found: list[Finding] = [each for each in await check(self.world.db) if each.violations]
        wrong = [f"{each.name}: {each.violations}, such as {each.examples[0]}" for each in found]
        differences = [await self._differs(tablet) for mine in self.tablets.values() for tablet in mine]
        return wrong + [each for each in differences if each is not None]

    async def _differs(self, tablet: Tablet) -> str | None:
        """The feed, folded, is what a new device would be given; and every command has its outcome."""
        await tablet.pull(limit=self.chance.choice((7, 50, 500)))
        asking = await self.world.asking(tablet.device.token)
        _, *rows, _ = map(json.loads, (await asking.get("/v1/sync/snapshot")).text.splitlines())
        theirs = {(row["kind"], row["id"]): _lasting(row["body"]) for row in rows}
        mine = {key: _lasting(body) for key, body in tablet.documents.items() if body is not None}
        for key in sorted({*mine, *theirs}):
            if key[0] in PUBLISHED and mine.get(key) != theirs.get(key) and not self._old(mine.get(key)):
                return f"a device of {tablet.node} has another {key[0]} {key[1]} than the server"
        kept = [number for number in range(1, tablet.n + 1) if number not in tablet.outcomes]
        return f"no outcome for commands {kept} of a device of {tablet.node}" if kept else None

    def _old(self, job: dict[str, Any] | None) -> bool:
        """A finished job of long ago, which new devices are not given and others forget by themselves."""
        return (
            job is not None
            and job.get("state") in FULFILMENT.finals
            and datetime.fromisoformat(job["offered_at"]) < self.clock.now - FINISHED_FOR
        )

    def digest(self) -> str:
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()

    # ------------------------------------------------------------ shoppers and their channels

    async def buy(self) -> str:
        method = self.chance.choice(("pickup", "curbside", "ship", "ship"))
        lines = [
            (sku, self.chance.randint(1, 3)) for sku in self.chance.sample(sorted(ITEMS), self.chance.randint(1, 3))
        ]
        kind = self.chance.choice(("authorised", "paid", "token", "token"))
        reference = self.chance.choice(TOKENS) if kind == "token" else f"auth-{len(self.orders)}"
        body = self.shop.order(
            *lines,
            method=method,
            placed_at=self.clock.now.isoformat(),
            payment={"kind": kind, "reference": reference},
            shipping=self.chance.choice((0, 499)),
            instead=self.chance.choice(CONSENTS),
        )
        if method != "ship":
            body["node"] = self.chance.choice((STORE, OTHER))
        return await self._place(body)

    async def buy_again(self) -> str:
        """A channel that did not hear the answer sends the order again; now and then with another body."""
        if not self.orders:
            return "nothing yet"
        body = dict(self.chance.choice(self.orders)[1])
        if self.chance.random() < 0.3:
            body["shipping"] += 1
        return await self._place(body)

    async def _place(self, body: dict[str, Any]) -> str:
        answer = await self.world.client.post("/v1/orders", json=body)
        assert answer.status_code in (200, 201, 409), answer.text
        if answer.status_code == 201:
            self.orders.append((answer.json()["id"], body))
        return f"{answer.status_code} {answer.json().get('status')}"

    async def cancel(self) -> str:
        if not self.orders:
            return "nothing yet"
        body: dict[str, Any] = {"reason": "changed their mind"}
        if self.chance.random() < 0.5:
            body["lines"] = [{"line": 1, "quantity": 1}]
        return await self._ask(f"/v1/orders/{self.chance.choice(self.orders)[0]}/cancel", body)

    async def hold(self) -> str:
        if not self.orders:
            return "nothing yet"
        return await self._ask(
            f"/v1/orders/{self.chance.choice(self.orders)[0]}/hold", {"kind": "fraud", "reason": "looks odd"}
        )

    async def resolve(self) -> str:
        rows = await self.world.rows("SELECT id FROM order_hold WHERE resolved_at IS NULL ORDER BY id")
        if not rows:
            return "no hold"
        resolution = self.chance.choice(("release", "cancel"))
        return await self._ask(f"/v1/holds/{self.chance.choice(rows)['id']}/resolve", {"resolution": resolution})

    async def _ask(self, path: str, body: dict[str, Any]) -> str:
        answer = await self.world.client.post(path, json=body)
        assert answer.status_code in (200, 201, 204, 404, 409, 422), f"{path} {answer.text}"
        return str(answer.status_code)

    # ------------------------------------------------------------ tills, deliveries, counts

    async def sell(self) -> str:
        self.sold += 1
        sale = {
            "node": self.chance.choice((STORE, OTHER)),
            "till": "1",
            "receipt": f"r-{self.sold - (self.chance.random() < 0.2)}",
            "sold_at": self.clock.now.isoformat(),
            "lines": [{"sku": self.chance.choice(sorted(ITEMS)), "quantity": self.chance.randint(1, 3)}],
        }
        return await self._ask("/v1/counter-sales", {"sales": [sale]})

    async def receive(self) -> str:
        row = {
            "sku": self.chance.choice(sorted(ITEMS)),
            "node": self.chance.choice((STORE, OTHER, WAREHOUSE)),
            "quantity": self.chance.randint(1, 5),
            "document": f"D-{self.chance.randint(1, 40)}",
            "line": 1,
        }
        return await self._ask("/v1/receipts", {"receipts": [row]})

    async def adjust(self) -> str:
        row = {
            "sku": self.chance.choice(sorted(ITEMS)),
            "node": self.chance.choice((STORE, OTHER)),
            "bucket": self.chance.choice(("sellable", "sellable", "damaged")),
            "delta": self.chance.choice((-2, -1, 1, 2)),
            "reason": "miscount",
        }
        return await self._ask("/v1/adjustments", {"adjustments": [row]})

    async def cart(self) -> str:
        sku, node = self.chance.choice(sorted(ITEMS)), self.chance.choice((STORE, OTHER))
        return await self._ask(
            "/v1/reservations", {"cart": f"c-{self.chance.randint(1, 9)}", "sku": sku, "node": node, "quantity": 1}
        )

    # ------------------------------------------------------------ people at work

    async def work(self) -> str:
        """A few commands of one device, some of them nonsense; some are sent again, as after a lost answer."""
        node = self.chance.choice((STORE, OTHER))
        tablet = self.chance.choice(self.tablets[node])
        bodies = await self._some_work(node, tablet.device.id)
        if not bodies:
            return "nothing to do"
        commands = [self._made(tablet, body) for body in bodies]
        if self.chance.random() < 0.2 and (before := self.last.get(tablet.device.id)):
            await tablet.push(*before)
        pushed = await tablet.push(*commands)
        self.last[tablet.device.id] = commands
        return ", ".join(f"{b['kind']} {o['status']}" for b, o in zip(bodies, pushed["outcomes"], strict=True))

    async def _some_work(self, node: str, device: str) -> list[dict[str, Any]]:
        """What somebody does with one open job, each step on the state they think the one before has left."""
        jobs = await self.world.read(lambda tx: queries.jobs(tx, node=node, limit=200))
        jobs = [job for job in jobs if job.state not in FULFILMENT.finals and job.state is not State.SHIPPED]
        if not jobs:
            return []
        job, bodies = self.chance.choice(jobs), []
        for _ in range(self.chance.randint(1, 7)):
            bodies.append(self._body(job, device))
            context = Context(at=self.clock.now, actor=device, device=device)
            with contextlib.suppress(BatonError):
                job = apply(job, _COMMAND.validate_python(bodies[-1]), context).fulfilment
        return bodies

    def _made(self, tablet: Tablet, body: dict[str, Any]) -> dict[str, Any]:
        tablet.n += 1
        return {
            "n": tablet.n,
            "id": str(UUID(bytes=self.chance.randbytes(16), version=4)),
            "schema": 1,
            "actor": tablet.person.id,
            "made_at": self.clock.now.isoformat(),
            "body": body,
        }

    async def partner(self) -> str:
        """The warehouse works over the API, and so do carriers: what was shipped arrives."""
        shipped = await self.world.read(lambda tx: queries.jobs(tx, states=["shipped"], limit=3))
        bodies: list[dict[str, Any]] = [{"kind": "deliver", "fulfilment": str(job.id)} for job in shipped]
        bodies += await self._some_work(WAREHOUSE, "warehouse")
        return await self._ask("/v1/fulfilments/commands", {"commands": bodies}) if bodies else "nothing to do"

    def _body(self, job: Fulfilment, device: str) -> dict[str, Any]:
        likely = ("label",) if job.state.value == "packed" and job.address else LIKELY.get(job.state.value, ALL)
        kind = self.chance.choice(likely if self.chance.random() < 0.9 else ALL)
        line = self.chance.choice([line for line in job.lines if line.open] or job.lines)
        more = _DETAILS[kind](self.chance, line, device) if kind in _DETAILS else {}
        return {"kind": kind, "fulfilment": str(job.id), **more}

    # ------------------------------------------------------------ time

    async def pass_time(self) -> str:
        """Hours or days; bags are forgotten, carts run out."""
        hours = self.chance.choice((1, 5, 30, 200))
        for tablet in (tablet for mine in self.tablets.values() for tablet in mine):
            await tablet.pull()  # whoever is away for a month needs a snapshot, which these tablets do not know
        for start in range(0, hours, HALF_A_DAY):
            await self.settle()
            self.clock.now += timedelta(hours=min(HALF_A_DAY, hours - start))
        await self.settle()
        return f"{hours} hours"


def _all_of(line: JobLine, device: str) -> int:
    return line.picked_by.get(device, 0) + line.open


_DETAILS: dict[str, Callable[[Random, JobLine, str], dict[str, Any]]] = {
    "pick": lambda r, line, d: {"line": line.line, "total": r.choice((_all_of(line, d), _all_of(line, d), 1))},
    "short": lambda r, line, d: {
        "line": line.line,
        "total": line.short_by.get(d, 0) + r.choice((line.open, 1)),
        "reason": r.choice(SHORT),
    },
    "substitute": lambda r, line, d: {
        "line": line.replaces or line.line,
        "sku": r.choice(line.substitutes or (line.sku,)),
        "total": r.choice((0, 1, 1, 2, max(1, line.open))),
        "reason": r.choice(SHORT),
    },
    "stage": lambda r, line, d: {"place": r.choice(("A1", "A2"))},
    "label": lambda r, line, d: {"carrier": "UPS", "tracking": f"1Z{r.randint(1, 10**9)}"},
    "reject": lambda r, line, d: {"reason": r.choice(("no_capacity", "too_late"))},
    "hand_off": lambda r, line, d: (
        {"proof": "pass"}
        | (
            {"refused": [{"line": line.line, "quantity": line.held, "reason": "damaged"}]}
            if line.held and r.random() < 0.3
            else {}
        )
        | ({"lines": [{"line": line.line, "quantity": 1}]} if r.random() < 0.2 else {})
    ),
}
LIKELY = {
    "offered": ("accept", "accept", "pick", "pick", "pick", "pick", "reject", "short"),
    "accepted": ("pick", "pick", "pick", "pick", "short", "substitute", "substitute"),
    "picking": ("pick", "pick", "pick", "pick", "short", "substitute", "substitute"),
    "picked": ("pack", "pack", "pack", "pack", "substitute"),
    "packed": ("stage", "stage", "stage", "unpack"),
    "ready": ("hand_off", "on_the_way", "arrive"),
    "customer_on_the_way": ("arrive",),
    "customer_arrived": ("hand_off", "hand_off", "leave"),
    "awaiting_carrier": ("ship",),
}
PUBLISHED = frozenset({"fulfilment", "stock", "item", "exception"})
"""Kinds that change in a history; its people are put there by the test's own hand."""


def _lasting(body: dict[str, Any]) -> dict[str, Any]:
    """Without what is only true when it is written."""
    return {name: value for name, value in body.items() if name != "elsewhere"}


ALL = tuple(sorted({kind for kinds in LIKELY.values() for kind in kinds} | {"take_over", "deliver"}))
STEPS: dict[str, tuple[int, Callable[[History], Awaitable[str]]]] = {
    "buy": (18, History.buy),
    "buy again": (3, History.buy_again),
    "cancel": (5, History.cancel),
    "hold": (2, History.hold),
    "resolve": (3, History.resolve),
    "sell": (6, History.sell),
    "receive": (6, History.receive),
    "adjust": (4, History.adjust),
    "cart": (2, History.cart),
    "work": (40, History.work),
    "partner": (8, History.partner),
    "settle": (8, History.settle),
    "time": (3, History.pass_time),
}


@contextlib.asynccontextmanager
async def history(url: str, seed: int) -> AsyncIterator[History]:
    """A retailer at its beginning, on a migrated database."""
    chance, clock = Random(seed), Clock()
    ids = Random(seed + 1_000_000)
    with tempfile.TemporaryDirectory() as letters:
        config = build.settings(data_dir=Path(letters))
        async with build.world(url, config=config, clock=clock, random=ids.randbytes) as world:
            shop = await open_shop(world, stock=STOCK)
            await shop.offer_substitutes()
            await activate(world, LOOKING)
            tablets = {node: [await shop.tablet(node) for _ in range(2)] for node in (STORE, OTHER)}
            yield History(world, shop, clock, chance, tablets)
