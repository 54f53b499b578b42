"""How a fleet's story must end: every queue empty, every command recorded once, every replica what a new tablet is
given, every invariant whole."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from server.check import check
from server.sync.documents import FINISHED_FOR
from shared.fulfilment import CLAIMS, FULFILMENT
from store_app.engine.engine import Engine
from tests.simulation.deeds import lasting
from tests.simulation.devices import Device
from tests.simulation.fleet import Fleet
from tests.simulation.photos import photos


async def verdict(fleet: Fleet) -> list[str]:
    """Everything that is not as it must be."""
    broken = [
        f"{found.name}: {found.violations}, such as {found.examples[0]}"
        for found in await check(fleet.arena.world.db)
        if found.violations
    ]
    taken, missing = await photos(fleet.arena.world)
    fleet.faults["photo taken"] += taken
    broken += missing
    for device in fleet.devices:
        broken += await _of(fleet, device)
    return broken


async def _of(fleet: Fleet, device: Device) -> list[str]:
    engine = device.engine
    if engine is None:
        return [f"{device.name} is off"]
    if waiting := engine.outbox.unsettled():
        return [f"{device.name} still has {[(q.n, q.kind, q.state) for q in waiting]} ({engine.syncer.status})"]
    if unsent := engine.store.photos.waiting:
        return [f"{device.name} still has {unsent} photos ({engine.syncer.status})"]
    return [*await _recorded(fleet, device, engine), *await _in_step(fleet, device, engine)]


async def _recorded(fleet: Fleet, device: Device, engine: Engine) -> list[str]:
    """Every command once, in order, with an outcome; a fact is never refused."""
    rows = await fleet.arena.world.rows(
        "SELECT n, id, body, outcome FROM device_command WHERE device = :id ORDER BY n", id=device.id
    )
    broken = []
    if [r["n"] for r in rows] != list(range(1, len(rows) + 1)):
        broken.append(f"{device.name}: the server has {[r['n'] for r in rows]}")
    ids = Counter(str(r["id"]) for r in rows)
    if twice := [id_ for id_, times in ids.items() if times > 1]:
        broken.append(f"{device.name}: recorded twice {twice}")
    if lost := {id_: kind for id_, kind in fleet.promises.made.get(device.name, {}).items() if id_ not in ids}:
        broken.append(f"{device.name}: never recorded {lost}")
    refused = [r["body"] for r in rows if r["outcome"]["status"] == "refused" and r["body"]["kind"] not in CLAIMS]
    if refused:
        broken.append(f"{device.name}: facts refused {refused}")
    _count_leases(fleet, rows)
    alone = await _alone(fleet, device)
    for row in rows:
        status, job = row["outcome"]["status"], row["body"].get("fulfilment")
        if job in alone and status not in ("applied", "already_done"):
            broken.append(f"{device.name}: {row['body']} is {status}, and nobody else touched that job")
    return broken


def _count_leases(fleet: Fleet, rows: Sequence[Any]) -> None:
    """Work under a lease that another had by then, and claims on a job that was another's."""
    codes = Counter((row["outcome"].get("notice") or {}).get("code") for row in rows)
    fleet.faults["lease was another's"] += codes["taken_meanwhile"]
    fleet.faults["job was taken"] += codes["taken"]


async def _alone(fleet: Fleet, device: Device) -> set[str]:
    """Jobs that changed by this device only: what it showed must be what the server has recorded."""
    rows = await fleet.arena.world.rows(
        "SELECT f.id FROM fulfilment f WHERE EXISTS (SELECT 1 FROM device_command c WHERE c.device = :id"
        " AND c.body->>'fulfilment' = f.id::text) AND NOT EXISTS (SELECT 1 FROM event e WHERE e.kind = 'JobMoved'"
        " AND e.body->>'fulfilment_id' = f.id::text AND e.body->>'device' IS DISTINCT FROM :id)",
        id=device.id,
    )
    return {str(r["id"]) for r in rows} if not fleet.faults["restore"] and not fleet.faults["lost commits"] else set()


async def _in_step(fleet: Fleet, device: Device, engine: Engine) -> list[str]:
    """The replica is what a new tablet would be given, and screens read just that."""
    _, *rows, _ = map(json.loads, (await _snapshot(fleet, device)).splitlines())
    theirs = {(r["kind"], r["id"]): lasting(r["body"]) for r in rows}
    mine = {
        (kind, id_): lasting(engine.store.vault.open(kind, id_, body))
        for kind, id_, body in engine.db.all("SELECT kind, id, body FROM document")
    }
    for key in sorted({*mine, *theirs}):
        if mine.get(key) != theirs.get(key) and not _old(fleet, mine.get(key)):
            return [f"{device.name} has another {key[0]} {key[1]}: {mine.get(key)} and not {theirs.get(key)}"]
    for (kind, id_), body in mine.items():
        if kind == "fulfilment":
            job = engine.work.job(UUID(id_))
            if job is None or job.model_dump(mode="json") != body:
                return [f"{device.name} shows another {id_} than it has"]
    return []


async def _snapshot(fleet: Fleet, device: Device) -> str:
    token = device.secrets.get("token")
    headers = {"authorization": f"Bearer {token}"}
    return (await fleet.arena.ask("GET", "/v1/sync/snapshot", None, {}, headers))[2].decode()


def _old(fleet: Fleet, job: dict[str, Any] | None) -> bool:
    """A finished job of long ago, which new tablets are not given."""
    return (
        job is not None
        and job.get("state") in FULFILMENT.finals
        and fleet.timeline.now - FINISHED_FOR > datetime.fromisoformat(job["offered_at"])
    )
