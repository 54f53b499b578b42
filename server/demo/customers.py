"""The customers of your store in the live demo: they come when their bag is ready, some late, some send a friend.

At the curb they use the page whose link they were sent, like any customer: on my way, then I've arrived. At the counter
they stand until you hand over. Who is there now is on the page of codes, with what they show you.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import structlog

from server.demo.chance import dice
from server.fulfilment import passes, queries
from server.kit.web import Parts
from server.messages.links import link_token
from shared.fulfilment import Fulfilment, State
from shared.methods import METHODS

log = structlog.get_logger(__name__)
PAUSE_S = 3.0
COMES_AFTER = timedelta(minutes=40)
"""So long after the bag is ready, before the demo's speed is counted; never less than `AT_LEAST`."""
AT_LEAST = timedelta(seconds=15)
DRIVE = timedelta(seconds=20)
FORGETS, SENDS_A_FRIEND = 0.1, 0.2
LATE = 8
"""Who forgot comes so many times later."""
CARS = ("blue hatchback", "white van", "red pickup", "grey SUV", "black estate", "green Mini", "silver saloon")
WAITING = ("ready", "customer_on_the_way", "customer_arrived")


@dataclass(frozen=True, slots=True)
class Visit:
    """What one customer is going to do."""

    comes_at: datetime
    friend: str | None
    car: str
    bay: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who stands there now, and what they show or say."""

    job: Fulfilment
    who: str
    where: str
    pass_text: str | None
    """None for somebody who has only the code."""
    code: str


@dataclass
class Customers:
    """Those of one store. `bays` are the numbers at its curb."""

    parts: Parts
    client: httpx.AsyncClient
    node: str
    bays: Sequence[str]
    speed: float
    seed: int
    visits: dict[str, Visit] = field(default_factory=dict)
    jobs: dict[str, Fulfilment] = field(default_factory=dict)

    async def run(self) -> None:
        """Until cancelled. What fails once is tried again the next time round."""
        while True:
            try:
                await self.look()
            except httpx.HTTPError as error:
                log.warning("a customer could not reach their page", error=repr(error)[:300])
            await asyncio.sleep(PAUSE_S)

    async def look(self) -> None:
        """Customers whose bag is ready set out; those at the curb say so on their page."""
        found = await self.parts.db.read(lambda tx: queries.jobs(tx, node=self.node, states=WAITING, limit=200))
        self.jobs = {str(job.id): job for job in found if METHODS[job.method].has_pass}
        self.visits = {
            id_: self.visits.get(id_) or self._visit(job, datetime.now(UTC)) for id_, job in self.jobs.items()
        }
        for id_, job in self.jobs.items():
            if job.method == "curbside":
                await self._drive(job, self.visits[id_])

    def _visit(self, job: Fulfilment, now: datetime) -> Visit:
        chance = dice(self.seed, "visit", job.number)
        wait = max(AT_LEAST, COMES_AFTER / max(self.speed, 1))
        late = LATE if chance.random() < FORGETS else 1
        friend = job.proxies[0].name if job.proxies and chance.random() < SENDS_A_FRIEND else None
        return Visit(
            now + wait * late * chance.uniform(0.7, 1.5), friend, chance.choice(CARS), chance.choice(self.bays)
        )

    async def _drive(self, job: Fulfilment, visit: Visit) -> None:
        now = datetime.now(UTC)
        if job.state is State.READY and now >= visit.comes_at - DRIVE:
            await self._say(job, "on-the-way", vehicle=visit.car)
        elif job.state is State.ON_THE_WAY and now >= visit.comes_at:
            await self._say(job, "arrived", vehicle=visit.car, bay=visit.bay)

    async def _say(self, job: Fulfilment, what: str, **form: str) -> None:
        page = link_token(self.parts.keys, job.order_id)
        answer = await self.client.post(f"/c/{page}/{job.id}/{what}", data=form)
        if answer.is_error:
            answer.raise_for_status()

    def here(self) -> list[Visitor]:
        """Who waits for you now, longest first."""
        now = datetime.now(UTC)
        waiting = [
            (self.visits[id_], job)
            for id_, job in self.jobs.items()
            if job.state is State.ARRIVED or (job.method != "curbside" and self.visits[id_].comes_at <= now)
        ]
        return [self._visitor(visit, job) for visit, job in sorted(waiting, key=lambda pair: pair[0].comes_at)]

    def _visitor(self, visit: Visit, job: Fulfilment) -> Visitor:
        right = passes.credentials(self.parts.keys, job)
        at = f"bay {visit.bay}, {visit.car}" if job.method == "curbside" else "at the counter"
        who = f"{visit.friend}, for {job.customer}" if visit.friend else job.customer
        return Visitor(job, who, at, None if visit.friend else right.pass_text, right.code)
