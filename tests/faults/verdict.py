"""Whether all that was acknowledged is there, once: the journals against what the database and the devices have.

`Record` is everything that was recorded, read in one go; `complaints` compares it with the journals and is pure, so
that it can be tested on records that were tampered with.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from server.kit.database import Database
from server.kit.transaction import Tx
from shared.errors import BatonError
from shared.fulfilment import CLAIMS, Command, Context, Fulfilment, apply

Rows = Sequence[Mapping[str, Any]]
_COMMAND: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="kind")])
_LOADED: Mapping[str, str] = {
    "commands": "SELECT device, n, id::text, actor, body, outcome, made_at FROM device_command ORDER BY device, n",
    "orders": "SELECT external_id, id::text FROM customer_order",
    "movements": "SELECT reference, quantity, device FROM stock_movement WHERE reference IS NOT NULL"
    " AND reason IN ('found', 'theft')",
    "offers": "SELECT DISTINCT ON (doc_id) doc_id AS id, body FROM feed WHERE kind = 'fulfilment' ORDER BY doc_id, seq",
    "jobs": "SELECT id::text, doc AS body FROM fulfilment",
    "missing": "SELECT sha256, device FROM attachment WHERE whole_at IS NULL",
    "others": "SELECT DISTINCT body->>'fulfilment_id' AS id, coalesce(body->>'device', '') AS device FROM event"
    " WHERE kind = 'JobMoved'",
}
"""Whole tables: a site lives for some tens of rounds."""


@dataclass(frozen=True)
class Record:
    """What the server has."""

    commands: Rows
    orders: Rows
    movements: Rows
    offers: Rows
    """Each job as it was first offered."""
    jobs: Rows
    others: Rows
    """Which devices moved which jobs."""
    missing: Rows = ()
    """Photos that a command names and that have not come."""


@dataclass(frozen=True)
class Journals:
    """What was acknowledged: by device, and by everybody who asked over HTTP."""

    devices: Mapping[str, Rows]
    clients: Rows


async def load(db: Database) -> Record:
    """In one consistent read."""

    async def work(tx: Tx) -> Record:
        return Record(**{name: [dict(row) for row in await tx.rows(sql)] for name, sql in _LOADED.items()})

    return await db.read(work)


def complaints(record: Record, journals: Journals) -> list[str]:
    """Everything that is not as it was acknowledged."""
    found = [*_orders(record, journals), *_corrections(record, journals)]
    found += [f"{row['device'][-4:]}: the photo {row['sha256'][:8]} never came" for row in record.missing]
    for device, acknowledged in journals.devices.items():
        mine = [row for row in record.commands if row["device"] == device]
        found += [
            f"{device[-4:]}: {said}" for said in (*_commands(mine, acknowledged), *_effects(record, device, mine))
        ]
    return found


# ---------------------------------------------------------------- commands of devices


def _commands(mine: Rows, acknowledged: Rows) -> Iterator[str]:
    """Every acknowledged command once, under its number; no gap; a fact is never refused."""
    if [row["n"] for row in mine] != list(range(1, len(mine) + 1)):
        yield f"the numbers are not 1 to {len(mine)}: {[row['n'] for row in mine]}"
    times = Counter(row["id"] for row in mine)
    if twice := [id_ for id_, count in times.items() if count > 1]:
        yield f"recorded twice: {twice}"
    number = {row["id"]: row["n"] for row in mine}
    for entry in acknowledged:
        if entry["id"] not in number:
            yield f"LOST: {entry['kind']} {entry['n']} ({entry['id']}) was acknowledged"
        elif number[entry["id"]] != entry["n"]:
            yield f"out of order: {entry['kind']} {entry['n']} is recorded as {number[entry['id']]}"
    for row in mine:
        status = row["outcome"]["status"]
        if status == "held" or (status == "refused" and row["body"]["kind"] not in CLAIMS):
            yield f"a fact was {status}: {row['n']} {row['body']} ({row['outcome']['notice']})"


def _effects(record: Record, device: str, mine: Rows) -> Iterator[str]:
    """A correction moved stock once; a job that nobody else touched is what its commands make of it."""
    moved = Counter(row["reference"] for row in record.movements if row["device"] == device)
    for row in mine:
        note = row["body"].get("note") if row["body"]["kind"] == "adjust_stock" else None
        if note and moved[note] != 1:
            yield f"correction {row['n']} moved stock {moved[note]} times"
    if strangers := set(moved) - {row["body"].get("note") for row in mine}:
        yield f"stock moved without a command: {strangers}"
    shared = {row["id"] for row in record.others if row["device"] != device}
    jobs = {row["id"]: Fulfilment.model_validate(plain(row["body"])) for row in record.jobs}
    for offer in record.offers:
        commands = [row for row in mine if row["body"].get("fulfilment") == offer["id"]]
        if commands and offer["id"] not in shared:
            job = _carried_out(Fulfilment.model_validate(plain(offer["body"])), commands, device)
            if _shape(job) != _shape(jobs[offer["id"]]):
                yield f"{job.number} is {_shape(jobs[offer['id']])}; its commands make it {_shape(job)}"


def _carried_out(job: Fulfilment, commands: Rows, device: str) -> Fulfilment:
    """The commands one after the other, by the rules both sides share."""
    for row in commands:
        context = Context(at=row["made_at"], actor=row["actor"], device=device)
        try:
            job = apply(job, _COMMAND.validate_python(row["body"]), context).fulfilment
        except BatonError:
            continue
    return job


def _shape(job: Fulfilment) -> tuple[Any, ...]:
    """What is done with a job, without who it is for and when."""
    return job.state, job.lines, job.assignee, job.staging, len(job.packages), job.proof and job.proof.method


def plain(body: Any) -> Any:
    """A body of a row, whether its column is JSON or text."""
    return json.loads(body) if isinstance(body, str) else body


# ---------------------------------------------------------------- what was asked over HTTP


def _orders(record: Record, journals: Journals) -> Iterator[str]:
    """Every acknowledged order is there once, under the id that was answered; no order is there twice."""
    found: dict[str, list[str]] = {}
    for row in record.orders:
        found.setdefault(row["external_id"], []).append(row["id"])
    for entry in journals.clients:
        if "order" in entry and entry["order"] not in found:
            yield f"LOST: order {entry['order']} was acknowledged"
        elif "order" in entry and entry["id"] not in found[entry["order"]]:
            yield f"order {entry['order']} is another one than was acknowledged"
    for external, ids in found.items():
        if len(ids) > 1:
            yield f"order {external} is there {len(ids)} times"
    strangers = set(found) - {entry["order"] for entry in journals.clients if "order" in entry}
    if strangers:
        yield f"orders nobody was told of: {sorted(strangers)}"


def _corrections(record: Record, journals: Journals) -> Iterator[str]:
    """An acknowledged correction moved as many units as it said, once."""
    moved: dict[str, list[int]] = {}
    for row in record.movements:
        if row["device"] is None:
            moved.setdefault(row["reference"], []).append(row["quantity"])
    asked = {entry["correction"]: entry["delta"] for entry in journals.clients if "correction" in entry}
    for key, delta in asked.items():
        if moved.get(key, []) != [delta]:
            yield f"{'LOST' if key not in moved else 'wrong'}: correction {key} by {delta} moved {moved.get(key, [])}"
    if strangers := set(moved) - set(asked):
        yield f"stock corrected, and nobody was told: {sorted(strangers)}"


# ---------------------------------------------------------------- devices


def out_of_step(name: str, shown: Mapping[str, Any], snapshot: str, record: Record) -> list[str]:
    """What a device has that a new one would not be given, or the other way round; its queue against the server's."""
    _, *rows, _ = map(json.loads, snapshot.splitlines())
    theirs = {(r["kind"], r["id"]): {k: v for k, v in r["body"].items() if k != "elsewhere"} for r in rows}
    mine = {(kind, id_): body for kind, id_, body in shown["documents"]}
    found = [
        f"{name} has another {key[0]} {key[1]}: {mine.get(key)} and not {theirs.get(key)}"
        for key in sorted({*mine, *theirs})
        if mine.get(key) != theirs.get(key)
    ]
    found += [
        f"{name} shows another {id_} than it has"
        for id_, job in shown["jobs"].items()
        if job != mine.get(("fulfilment", id_))
    ]
    found += [f"{name} had to set its file aside: a kill must not damage it"] if shown["damaged"] else []
    recorded = {row["id"]: row for row in record.commands}
    for command in shown["commands"]:
        row = recorded.get(command["id"])
        if row is None or (row["n"], row["body"]) != (command["n"], command["body"]):
            found.append(f"{name} made {command}; the server has {row}")
        if command["state"] != "settled":
            found.append(f"{name} still waits for {command}")
    return found
