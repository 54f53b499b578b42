"""Simulated associates of one store: they speak the device protocol, as the store app does, and find out by looking.

A device joins with a code, its people sign in with their badges, and from then on it reads its feed, runs the shared
rule on its copies, and sends what was done as numbered commands. What the shelf really holds is in `world`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Literal
from uuid import UUID, uuid4

import httpx

from server.demo.people import Person
from server.demo.world import World
from shared import api as paths
from shared import fulfilment as f
from shared.barcodes import ScanKind, label
from shared.exceptions import TO_COUNT
from shared.fulfilment import Context, Fulfilment, State, apply
from shared.sync import MAX_PUSH, CountStock

PLACES = ("A1", "A2", "A3", "B1", "B2")
TO_DO = frozenset({State.OFFERED, State.ACCEPTED, State.PICKING, State.PICKED, State.PACKED, State.AWAITING_CARRIER})
"""States in which somebody in the store has something to do; the others wait for a customer."""
DAMAGED = 0.005
"""So often the unit in the picker's hand turns out to be broken."""
NO_TIME = 0.01
"""So often a store sends a whole job back."""
Clock = Callable[[], datetime]
Deed = f.Command | CountStock


def plan(job: Fulfilment, ctx: Context, world: World, chance: Random) -> Iterator[f.Command]:
    """What somebody does with a job now, in order; each step is taken on the state the one before left."""

    def done(command: f.Command) -> f.Command:
        nonlocal job
        job = apply(job, command, ctx).fulfilment
        return command

    if job.state is State.OFFERED:
        if chance.random() < NO_TIME:
            yield done(f.Reject(fulfilment=job.id, reason="no_capacity"))
            return
        yield done(f.Accept(fulfilment=job.id))
    for number in [line.line for line in job.lines if line.open]:
        for command in _pick(job, number, ctx.device, world, chance):
            yield done(command)
    if job.state is State.PICKED:
        yield done(f.Pack(fulfilment=job.id))
    if job.state is State.PACKED and job.address:
        yield done(f.Label(fulfilment=job.id, carrier="UPS", tracking=f"1Z{job.id.hex[-16:].upper()}"))
    elif job.state is State.PACKED:
        yield done(f.Stage(fulfilment=job.id, place=chance.choice(PLACES)))
    if job.state is State.AWAITING_CARRIER:
        yield done(f.Ship(fulfilment=job.id))


def _pick(job: Fulfilment, number: int, device: str, world: World, chance: Random) -> Iterator[f.Command]:
    """Look at the shelf; take what is there, say what is not, or is not fit to be sold."""
    line = job.line(number)
    if line is None:
        return
    there = world.take(job.node, line.sku, line.open)
    broken = 1 if there and chance.random() < DAMAGED else 0
    short, mine = line.short_by.get(device, 0), line.picked_by.get(device, 0)
    missing = line.open - there
    if there - broken:
        yield f.Pick(fulfilment=job.id, line=number, total=mine + there - broken)
    if broken:
        yield f.Short(fulfilment=job.id, line=number, total=short + broken, reason="damaged")
    if missing:
        yield f.Short(fulfilment=job.id, line=number, total=short + broken + missing, reason="not_found")


@dataclass
class Store:
    """A store's tablet and who works with it. Its commands leave in order, one batch at a time."""

    node: str
    client: httpx.AsyncClient
    world: World
    clock: Clock
    chance: Random
    device: str = ""
    people: tuple[str, ...] = ()
    n: int = 0
    cursor: dict[str, int] = field(default_factory=dict)
    jobs: dict[UUID, Fulfilment] = field(default_factory=dict)
    sent: int = 0
    settled: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    to_count: dict[str, str] = field(default_factory=dict)
    """Tasks that ask for a count -> the item."""
    _back: dict[tuple[UUID, int], int] = field(default_factory=dict)
    _sending: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def open(self, code: str, staff: Sequence[Person]) -> None:
        """Join with an enrolment code and sign everybody in by badge.

        The feed is read from its beginning: unlike in life, it is as old as the store and holds every job there was.
        """
        answer = await _ok(self.client.post(paths.ENROL, json={"code": code, "name": f"Tablet of {self.node}"}))
        self.device = answer.json()["device"]
        self.client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        people = []
        for person in staff:
            badge = label(ScanKind.BADGE, person.badge)
            signed = await _ok(self.client.post(paths.SIGN_IN, json={"badge": badge}))
            people.append(str(signed.json()["person"]["id"]))
        self.people = tuple(people)

    async def pull(self) -> None:
        """Read the feed to its end; what went back to the shelf is on the shelf."""
        more = True
        while more:
            cursor = ",".join(f"{stream}:{seq}" for stream, seq in self.cursor.items())
            answer = await _ok(self.client.get(paths.PULL, params={"cursor": cursor, "limit": 2000}))
            page = answer.json()
            for row in page["rows"]:
                self._take_in(row)
            self.cursor, more = page["cursor"], page["more"]

    def _take_in(self, row: dict[str, Any]) -> None:
        origin = row.get("origin")
        if origin and origin["device"] == self.device:
            self.settled += 1
            status = origin["outcome"]["status"]
            self.statuses[status] = self.statuses.get(status, 0) + 1
        if row["kind"] == "exception":
            self._take_in_task(row["id"], row["body"])
        if row["kind"] != "fulfilment" or row["body"] is None:
            return
        job = Fulfilment.model_validate(row["body"])
        self.jobs[job.id] = job
        for line in job.lines:
            new = line.put_back - self._back.get((job.id, line.line), 0)
            if new > 0:
                self.world.put(self.node, line.sku, new)
                self._back[job.id, line.line] = line.put_back

    def _take_in_task(self, id_: str, task: dict[str, Any] | None) -> None:
        if task is None:
            self.to_count.pop(id_, None)
        elif task["kind"] in TO_COUNT:
            self.to_count[id_] = str(task["values"]["sku"])

    def _counts(self) -> list[tuple[CountStock, str]]:
        """Go and look, once for each item."""
        return [
            (CountStock(sku=sku, node=self.node, units=self.world.look(self.node, sku), mode="directed"), who)
            for sku in sorted(set(self.to_count.values()))
            for who in [self.chance.choice(self.people)]
        ]

    async def work(self) -> int:
        """Do everything there is to do, and send it. Returns how many commands that took."""
        async with self._sending:
            await self.pull()
            commands: list[tuple[Deed, str]] = []
            for job in sorted(self.jobs.values(), key=lambda j: (j.due_at or j.offered_at, j.id)):
                if job.state in TO_DO:
                    who = job.assignee if job.assignee in self.people else self.chance.choice(self.people)
                    ctx = Context(at=self.clock(), actor=who, device=self.device)
                    commands += [(command, who) for command in plan(job, ctx, self.world, self.chance)]
            commands += self._counts()
            await self._push(commands)
            return len(commands)

    async def hand_over(
        self,
        job: Fulfilment,
        *,
        proof: Literal["pass", "code", "id_seen"],
        proxy: str | None,
        refused: Sequence[f.Refused],
    ) -> None:
        """Give a bag to who came for it, without the units they do not want."""
        command = f.HandOff(
            fulfilment=job.id,
            refused=tuple(refused),
            proof=proof,
            collector=proxy,
            proxy=proxy is not None,
            age_checked=job.age_check is not None,
        )
        async with self._sending:
            await self._push([(command, self.chance.choice(self.people))])

    def _numbered(self, command: Deed, actor: str) -> dict[str, Any]:
        self.n += 1
        return {
            "n": self.n,
            "id": str(uuid4()),
            "schema": 1,
            "actor": actor,
            "made_at": self.clock().isoformat(),
            "body": command.model_dump(mode="json"),
        }

    async def _push(self, commands: Sequence[tuple[Deed, str]]) -> None:
        """Number commands and send them in order, as many at once as the protocol takes."""
        for start in range(0, len(commands), MAX_PUSH):
            part = [self._numbered(command, actor) for command, actor in commands[start : start + MAX_PUSH]]
            await _ok(self.client.post(paths.PUSH, json={"commands": part}))
            self.sent += len(part)


async def _ok(asking: Any) -> httpx.Response:
    """The answer, if it is a good one."""
    answer: httpx.Response = await asking
    if answer.status_code >= 400:
        raise RuntimeError(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}")
    return answer
