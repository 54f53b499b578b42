"""A round: everybody works as fast as they can, something is killed, goes on, and then all must be there.

The seed decides who is killed, when, and how long it stays dead; the processes themselves run as they like, so a seed
is a plan and no recording. What is wrong keeps its journals (`build/faults/`).
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from server import check
from server.kit.transaction import Tx
from tests.faults import verdict
from tests.faults.site import ROOT, Device, Site

VICTIMS = ("server", "postgres", "device: good line", "device: bad line")
TOGETHER = 0.25
"""How often two are killed in the same moment."""
DRAINED_WITHIN_S = 45.0
COMPARED_TIMES = 4
KEPT = ROOT / "build" / "faults"


@dataclass
class Round:
    """What was done and what came of it."""

    seed: int
    killed: tuple[str, ...] = ()
    acknowledged: Counter[str] = field(default_factory=Counter)
    """In this round, by kind."""
    fates: Counter[str] = field(default_factory=Counter)
    """Of connections over the bad line."""
    drained_s: float = 0.0
    wrong: list[str] = field(default_factory=list)
    kept: Path | None = None


async def play(site: Site, seed: int) -> Round:
    """One round on a site that is in step, and is again afterwards, unless something is wrong."""
    chance = Random(seed)
    victims = tuple(sorted(chance.sample(VICTIMS, 2 if chance.random() < TOGETHER else 1)))
    done = Round(seed, victims)
    before, fates = _acknowledged(site), site.proxy.fates.copy()
    try:
        await _load(site, chance, victims)
        began = time.monotonic()
        await _drain(site)
        done.drained_s = time.monotonic() - began
        done.wrong = await judge(site)
    except Exception as error:
        done.wrong.append(f"the round did not come to its end: {error!r}")
    done.acknowledged, done.fates = _acknowledged(site) - before, site.proxy.fates - fates
    if done.wrong:
        done.kept = keep(site, done)
    return done


def _acknowledged(site: Site) -> Counter[str]:
    """So far."""
    journals = site.journals()
    commands = sum(map(len, journals.devices.values()))
    orders = sum("order" in entry for entry in journals.clients)
    return Counter({"commands": commands, "orders": orders, "corrections": len(journals.clients) - orders})


async def _load(site: Site, chance: Random, victims: tuple[str, ...]) -> None:
    """Everybody works; somewhere in the middle of it the victims are killed, and come back."""
    site.proxy.bad = True
    for number, shopper in enumerate(site.shoppers):
        shopper.chance = Random(f"{chance.random()} {number}")
    clients = [asyncio.create_task(shopper.work()) for shopper in site.shoppers]
    try:
        await asyncio.gather(*(device.tell("go") for device in site.devices))
        await asyncio.sleep(0.1 + 0.3 * chance.random())
        await asyncio.gather(*(_kill(site, victim) for victim in victims))
        await asyncio.sleep(0.2 * chance.random())
        await asyncio.gather(*(_restart(site, victim) for victim in victims))
        await asyncio.sleep(0.1 + 0.2 * chance.random())
        await asyncio.gather(*(device.tell("stop") for device in site.devices))
    finally:
        for shopper in site.shoppers:
            shopper.busy = False
        await asyncio.gather(*clients)


def _device(site: Site, victim: str) -> Device:
    return next(device for device in site.devices if victim.endswith(device.name))


async def _kill(site: Site, victim: str) -> None:
    if victim == "server":
        await site.kill_server()
    elif victim == "postgres":
        await site.kill_postgres()
    else:
        await _device(site, victim).kill()


async def _restart(site: Site, victim: str) -> None:
    """PostgreSQL is brought back by the server, whose database it is."""
    if victim == "server":
        await site.start_server()
    elif victim.startswith("device"):
        await _device(site, victim).start()
        await _device(site, victim).tell("go")


# ---------------------------------------------------------------- afterwards


async def _drain(site: Site) -> None:
    """No more faults: whatever waits must be done soon, everywhere."""
    site.proxy.bad = False
    await site.ready()
    await _let_claims_time_out(site)
    until = time.monotonic() + DRAINED_WITHIN_S
    while True:
        waiting = await _waiting(site)
        if not waiting:
            return
        if time.monotonic() > until:
            raise AssertionError(f"after {DRAINED_WITHIN_S} s there is still {waiting}")
        await asyncio.sleep(0.05)


async def _let_claims_time_out(site: Site) -> None:
    """The minute for which a dead process has claimed answers after the commit is over, and so are all pauses. (Whoever
    is alive and just giving one finds it given twice: that must do no harm either.)"""
    await site.db.write(lambda tx: tx.run("UPDATE outbox SET leased_until = NULL, next_try_at = :now", now=tx.now))


async def _waiting(site: Site) -> str:
    """What somebody still has to do; nothing when the server has answered everything and the devices have it all."""

    async def heads(tx: Tx) -> tuple[int, dict[str, int]]:
        rows = await tx.rows("SELECT stream, last_seq FROM feed_head")
        return await tx.value("SELECT count(*) FROM outbox WHERE NOT dead"), {r["stream"]: r["last_seq"] for r in rows}

    answers, head = await site.db.read(heads)
    if answers:
        return f"{answers} answers of the server"
    for device in site.devices:
        there = await device.tell("where")
        behind = {stream: seq for stream, seq in there["cursor"].items() if seq != head.get(stream, 0)}
        if there["waiting"] or behind or not there["cursor"]:
            return f"{device.name}: {there}, the feeds are at {head}"
    return ""


async def judge(site: Site) -> list[str]:
    """Everything that is wrong: with what was acknowledged, between devices and server, within the database."""
    record = await verdict.load(site.db)
    wrong = verdict.complaints(record, site.journals())
    wrong += await _out_of_step(site)
    wrong += [
        f"{found.name}: {found.violations}, such as {found.examples[0]}"
        for found in await check.check(site.db)
        if found.violations
    ]
    return wrong


async def _out_of_step(site: Site) -> list[str]:
    """Devices against the server. It goes on by itself, and routes what waits for stock, also while they are compared:
    what is wrong must be wrong when everybody has drained again, and again."""
    for _ in range(COMPARED_TIMES):
        record = await verdict.load(site.db)
        wrong = [
            line
            for device in site.devices
            for line in verdict.out_of_step(device.name, await device.tell("show"), await site.snapshot(device), record)
        ]
        if not wrong:
            return []
        await _drain(site)
    return wrong


def keep(site: Site, done: Round) -> Path:
    """Journals, logs and the devices' stores, for whoever looks into it."""
    to = KEPT / f"seed-{done.seed}"
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(site.folder, to, ignore=shutil.ignore_patterns("line-*"))
    (to / "wrong.json").write_text(json.dumps({"killed": done.killed, "wrong": done.wrong}, indent=1))
    return to
