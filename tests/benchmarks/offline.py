"""The day of `shift`: tablets take in their stores in the morning, the line is cut, and people work for eight hours, on
the real engine and by a clock of their own. What they did waits in files on the disk.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from store_app.engine import Engine
from store_app.engine.clock import SystemClock
from store_app.engine.secrets import FileSecrets
from tests import build
from tests.benchmarks.site import gtin
from tests.benchmarks.stores import hire, offer_jobs

TABLETS, LINES = 5, 2
"""Tablets of a store, lines of an order."""
SHIFT = timedelta(hours=8)
TWICE, SHORT = 12, 40
"""One job in so many is also done by a neighbour; one line in so many is not found."""
PER_JOB = 5
"""Commands of a job, at least: accept, a scan or more, pack, stage, hand over."""


class Morning(SystemClock):
    """The time of the shift, moved by whoever plays it."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


@dataclass
class Tablet:
    """A device, what it is called on the server, and what its people have done."""

    folder: Path
    made: build.Made
    node: str
    ids: list[str]
    """Its commands, in their order."""


async def work_offline(url: str, folder: Path, stores: int, commands: int, begun: datetime) -> list[Tablet]:
    """Jobs for every store, its tablets in step with them, and then the shift."""
    tablets = list[Tablet]()
    async with build.world(url, clock=lambda: begun) as world:
        skus = [row["sku"] for row in await world.rows("SELECT sku FROM item ORDER BY sku")]
        for node in (f"N{store:03}" for store in range(stores)):
            badges = await hire(world.db, node, TABLETS)
            jobs = TABLETS * (commands // PER_JOB + 2)
            await offer_jobs(world.db, node, skus, jobs, random.Random(node), LINES)
            for place, badge in enumerate(badges):
                tablet = Tablet(folder / f"{node}-{place}", await build.device(world.db, node), node, [])
                engine = await in_step(tablet, world, Morning(begun))
                work_a_shift(engine, badge, place, commands)
                tablet.ids = [str(queued.id) for queued in engine.outbox.unsettled()]
                engine.close()
                tablets.append(tablet)
    return tablets


async def in_step(tablet: Tablet, world: build.World, clock: Morning) -> Engine:
    """A tablet with everything its store has."""
    tablet.folder.mkdir(parents=True)
    secrets = FileSecrets(tablet.folder / "device.json")
    secrets.put(token=tablet.made.token)
    line = build.InProcess(await world.asking(None))
    engine = Engine.open(tablet.folder, "", clock, random.Random(tablet.made.id), line, secrets)
    engine.db.set_meta(device=tablet.made.id, node=tablet.node)
    engine.view.device = tablet.made.id
    assert await engine.syncer.run_once(), engine.syncer.status
    return engine


def work_a_shift(engine: Engine, badge: str, place: int, commands: int) -> None:
    """Until so many commands wait. `place`: which tablet of the store this is."""
    chance, clock = random.Random(badge), engine.clock
    assert isinstance(clock, Morning)
    jobs = sorted(job.id for job in engine.work.jobs())
    for n, job in enumerate(jobs[place::TABLETS]):
        clock.at += SHIFT * PER_JOB / commands * 0.9
        if engine.session.actor is None:
            assert engine.session.sign_in_badge(badge).ok
        do_job(engine, job, chance, commands)
        if n % TWICE == 0:
            do_job(engine, jobs[jobs.index(job) - place + (place + 1) % TABLETS], chance, commands)
        if engine.outbox.waiting >= commands:
            return
    raise AssertionError(f"only {engine.outbox.waiting} commands: too few jobs")


def do_job(engine: Engine, job: UUID, chance: random.Random, commands: int) -> None:
    """From the work list into the customer's hands."""
    while engine.outbox.waiting < commands:
        now = engine.work.job(job)
        action = engine.work.next_action(now) if now else None
        if now is None or action is None:
            return
        line = next((each for each in now.lines if each.open), now.lines[0])
        match action:
            case "pick" if chance.randrange(SHORT) == 0:
                result = engine.work.short(job, line.line, 1, "not_found")
            case "pick":
                result = engine.work.scan(job, gtin(int(line.sku[3:])))
            case "stage":
                result = engine.work.stage(job, "A1")
            case "hand_off":
                result = engine.work.hand_off(job, proof="id_seen")
            case _:
                result = getattr(engine.work, action)(job)
        assert result.ok, (action, result)
