"""The verbs of jobs: offer, carry out commands, and follow facts about stock.

A command is decided by `shared.fulfilment.apply`, the function the device ran already. Here its outcome is written:
the document, the event log, the units that left, the exceptions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from server.events import (
    CancelAsked,
    FreezeAsked,
    JobChanged,
    JobMoved,
    JobOffered,
    JobReady,
    JobShipped,
    PromiseBroken,
    StockShort,
    UnitsLeft,
)
from server.fulfilment import exceptions, in_hand, proofs
from server.fulfilment.rules import Promise, break_promises, short_name, timeline_values
from server.fulfilment.tables import FulfilmentRow
from server.inventory import service as inventory
from server.kit import bulk
from server.kit.auth import SYSTEM, Actor, authorize
from server.kit.transaction import Tx
from server.network import queries as network
from server.network.milestones import Milestones
from server.orders.fresh import heads
from server.orders.units import lock_orders
from shared.errors import BatonError, NotFound
from shared.exceptions import PUT_BACK
from shared.fulfilment import (
    FULFILMENT,
    SYSTEM_ONLY,
    Cancel,
    Command,
    Context,
    Fulfilment,
    JobLine,
    LineUnits,
    Outcome,
    State,
    WhyCard,
    apply,
)
from shared.kernel import masked_phone
from shared.methods import METHODS
from shared.stock import MovementReason


@dataclass(frozen=True, slots=True)
class Offer:
    """A job to give to a node. `lines`: (order line, sku, units)."""

    id: UUID
    order_id: UUID
    node: str
    method: str
    lines: tuple[tuple[int, str, int], ...]
    by: Milestones | None
    """When it is due, and the milestones before that; None where the node has no opening."""
    work_day: date | None = None
    """The day of the node's own calendar whose capacity it takes."""
    why: WhyCard | None = None
    age_check: int | None = None


# ---------------------------------------------------------------- offering


async def offer(tx: Tx, offers: Sequence[Offer]) -> list[Fulfilment]:
    """Create jobs. Their units must be reserved and allocated in the same transaction."""
    if not offers:
        return []
    orders = await heads(tx, sorted({o.order_id for o in offers}))
    counts = {order_id: row["jobs"] for order_id, row in orders.items()}
    jobs = []
    for each in offers:
        counts[each.order_id] += 1
        jobs.append(_new_job(tx, each, orders[each.order_id], counts[each.order_id]))
    rows = [
        {**_columns(job), "work_day": each.work_day, **_milestones(each)}
        for job, each in zip(jobs, offers, strict=True)
    ]
    await bulk.append(tx, FulfilmentRow, rows)
    for job in jobs:
        tx.emit(
            JobOffered(
                order_id=job.order_id,
                fulfilment_id=job.id,
                number=job.number,
                node=job.node,
                method=job.method,
                units=job.units,
                due_at=job.due_at,
                lines=tuple(line.line for line in job.lines),
            ),
            JobChanged(job),
        )
    return jobs


def _milestones(each: Offer) -> dict[str, datetime | None]:
    by = each.by
    return {name: getattr(by, name) if by else None for name in ("accept_by", "pick_by", "pack_by")}


def _new_job(tx: Tx, each: Offer, order: Any, count: int) -> Fulfilment:
    customer, ship_to = order["customer"], order["ship_to"]
    address: tuple[str, ...] = ()
    if ship_to and METHODS[each.method].needs_address:
        place = " ".join(p for p in (ship_to["city"], ship_to.get("region"), ship_to["postal_code"]) if p)
        parts = (ship_to["name"], ship_to["line1"], ship_to.get("line2"), place, ship_to["country"])
        address = tuple(p for p in parts if p)
    return Fulfilment(
        id=each.id,
        number=f"{order['number']}/{count}",
        order_id=each.order_id,
        order_number=order["number"],
        node=each.node,
        method=each.method,
        lines=tuple(
            JobLine(line=line, sku=sku, quantity=units, substitutes=_skus(order["substitutes"].get(line, ())))
            for line, sku, units in each.lines
        ),
        offered_at=tx.now,
        due_at=each.by.due_at if each.by else None,
        customer=short_name(customer["name"]),
        phone=masked_phone(customer.get("phone")),
        address=address,
        proxies=tuple({"name": name} for name in customer.get("proxies", ())),
        age_check=each.age_check,
        why=each.why,
    )


def _skus(agreed: Sequence[Any]) -> tuple[str, ...]:
    return tuple(each["sku"] for each in agreed)


def _columns(job: Fulfilment) -> dict[str, Any]:
    return {
        "id": job.id,
        "order_id": job.order_id,
        "number": job.number,
        "node": job.node,
        "method": job.method,
        "state": job.state.value,
        "final": job.state in FULFILMENT.finals,
        "version": job.version,
        "offered_at": job.offered_at,
        "due_at": job.due_at,
        "expires_at": job.expires_at,
        "locator": job.locator,
        "doc": job.model_dump_json(),
    }


# ---------------------------------------------------------------- commands


async def carry_out(
    tx: Tx, actor: Actor, commands: Sequence[Command], *, at: datetime | None = None, device: str | None = None
) -> list[Outcome | BatonError]:
    """Carry out commands in order; each has an outcome, or the error that it may not be done or names no job.

    `at` is when it happened, where that differs from now (a device that was offline).
    """
    jobs = await _load(tx, {c.fulfilment for c in commands})
    results: list[Outcome | BatonError] = []
    touched: dict[UUID, Fulfilment] = {}
    for command in commands:
        job = jobs.get(command.fulfilment)
        if job is None:
            results.append(NotFound(f"No job {command.fulfilment}.", field="fulfilment"))
            continue
        try:
            authorize(actor, "fulfilment.deliver" if command.kind in SYSTEM_ONLY else "fulfilment.work", node=job.node)
        except BatonError as error:
            results.append(error)
            continue
        ctx = Context(at=at or tx.now, actor=actor.id, device=device or actor.device or actor.id, heard_at=tx.now)
        outcome = apply(job, command, ctx)
        outcome = await _write_outcome(tx, actor, job, command, outcome, ctx, device)
        jobs[job.id] = outcome.fulfilment
        if outcome.changed:
            touched[job.id] = outcome.fulfilment
        results.append(outcome)
    await _save(tx, list(touched.values()))
    return results


async def _load(tx: Tx, ids: set[UUID]) -> dict[UUID, Fulfilment]:
    """The jobs, their orders locked first."""
    wanted = sorted(ids)
    orders = await tx.rows("SELECT DISTINCT order_id FROM fulfilment WHERE id = ANY(CAST(:ids AS uuid[]))", ids=wanted)
    await lock_orders(tx, [r["order_id"] for r in orders])
    rows = await tx.rows(
        "SELECT f.id, f.doc, EXISTS (SELECT 1 FROM fulfilment_exception e WHERE e.fulfilment_id = f.id"
        " AND e.kind = :task AND e.settled_at IS NULL) AS task FROM fulfilment f"
        " WHERE f.id = ANY(CAST(:ids AS uuid[])) ORDER BY f.id FOR UPDATE OF f",
        ids=wanted,
        task=PUT_BACK,
    )
    tx.notes.setdefault(exceptions.TASKS, set()).update(r["id"] for r in rows if r["task"])
    jobs = [Fulfilment.model_validate(r["doc"]) for r in rows]
    return {job.id: job for job in jobs}


async def _save(tx: Tx, jobs: Sequence[Fulfilment]) -> None:
    if not jobs:
        return
    rows = [_columns(job) for job in jobs]
    await tx.run(
        "UPDATE fulfilment f SET state = u.state, final = u.final, version = u.version, due_at = u.due_at,"
        " expires_at = u.expires_at, locator = u.locator, doc = u.doc::jsonb FROM unnest(CAST(:ids AS uuid[]),"
        " CAST(:states AS text[]), CAST(:finals AS boolean[]), CAST(:versions AS bigint[]),"
        " CAST(:due AS timestamptz[]), CAST(:expires AS timestamptz[]), CAST(:locators AS text[]),"
        " CAST(:docs AS text[])) AS u(id, state, final, version, due_at, expires_at, locator, doc) WHERE f.id = u.id",
        ids=[r["id"] for r in rows],
        states=[r["state"] for r in rows],
        finals=[r["final"] for r in rows],
        versions=[r["version"] for r in rows],
        due=[r["due_at"] for r in rows],
        expires=[r["expires_at"] for r in rows],
        locators=[r["locator"] for r in rows],
        docs=[r["doc"] for r in rows],
    )
    tx.emit(*(JobChanged(job) for job in jobs))


async def _write_outcome(
    tx: Tx, actor: Actor, before: Fulfilment, command: Command, outcome: Outcome, ctx: Context, device: str | None
) -> Outcome:
    """Say what happened, and what it leaves for people to settle."""
    await exceptions.follow(tx, before, command, outcome, ctx)
    await proofs.keep(tx, before, command, ctx)
    if not outcome.changed:
        return outcome
    after = outcome.fulfilment
    in_hand.of_command(tx, before, outcome, ctx.at, ctx.device)
    becomes_ready = after.state is State.READY and before.state is State.PACKED
    if becomes_ready:
        outcome = outcome.model_copy(update={"fulfilment": await _with_expiry(tx, after)})
        after = outcome.fulfilment
    tx.emit(
        JobMoved(
            order_id=after.order_id,
            fulfilment_id=after.id,
            number=after.number,
            node=after.node,
            command=command.kind,
            from_state=before.state.value,
            to_state=after.state.value,
            actor=actor.id,
            device=device or actor.device,
            values=timeline_values(command, after),
        )
    )
    if becomes_ready:
        tx.emit(JobReady(after.order_id, after.id, after.number, after.node, after.method))
    if after.state is State.SHIPPED and before.state is not State.SHIPPED:
        first = after.packages[0] if after.packages else None
        carrier, tracking = (first.carrier or "", first.tracking or "") if first else ("", "")
        tx.emit(JobShipped(after.order_id, after.id, after.number, after.node, carrier, tracking))
    if outcome.moves:
        tx.emit(
            UnitsLeft(
                order_id=after.order_id,
                fulfilment_id=after.id,
                number=after.number,
                node=after.node,
                method=after.method,
                moves=outcome.moves,
                actor=actor.id,
                device=device or actor.device,
                happened_at=ctx.at,
            )
        )
    return outcome


async def _with_expiry(tx: Tx, job: Fulfilment) -> Fulfilment:
    """A bag waits until the end of the last day of its time, by the node's own clock."""
    expires = await network.pickup_expiry(tx, job.node, tx.now)
    return job.model_copy(update={"expires_at": expires})


async def set_code(tx: Tx, job_id: UUID, *, locator: str, code_hash: str) -> None:
    """Write a ready job's locator and code hash; its devices get them by feed."""
    job = (await _load(tx, {job_id})).get(job_id)
    if job is not None and job.code_hash is None:
        changed = {"locator": locator, "code_hash": code_hash, "version": job.version + 1}
        await _save(tx, [job.model_copy(update=changed)])


# ---------------------------------------------------------------- cancelling and facts about stock


async def withdraw(tx: Tx, job_ids: Sequence[UUID]) -> None:
    """Take jobs back that nobody has begun, because other nodes shall have them. Their units need a node again."""
    await carry_out(tx, SYSTEM, [Cancel(fulfilment=job_id, reason="moved") for job_id in job_ids])


async def on_cancel_asked(tx: Tx, events: Sequence[CancelAsked]) -> None:
    """Take units of orders out of their jobs, newest job first, as far as they have not left."""
    for event in events:
        rows = await tx.rows(
            "SELECT id FROM fulfilment WHERE order_id = :id AND NOT final ORDER BY id DESC", id=event.order_id
        )
        left = None if event.units is None else dict(event.units)
        for job in reversed((await _load(tx, {r["id"] for r in rows})).values()):
            await _cancel_in(tx, job, left)


async def on_freeze_asked(tx: Tx, events: Sequence[FreezeAsked]) -> None:
    """Take what nobody has picked yet out of the jobs of orders that were put on hold."""
    for event in events:
        rows = await tx.rows("SELECT id FROM fulfilment WHERE order_id = :id AND NOT final", id=event.order_id)
        for job in (await _load(tx, {r["id"] for r in rows})).values():
            parts = tuple(LineUnits(line=line.line, quantity=line.open) for line in job.lines if line.open)
            if parts and FULFILMENT.can(job.state, "cancel", job.method):
                await carry_out(tx, SYSTEM, [Cancel(fulfilment=job.id, lines=parts, reason="held")])


async def _cancel_in(tx: Tx, job: Fulfilment, left: dict[int, int] | None) -> None:
    """Cancel what `left` still wants of this job; `left` is reduced by it."""
    free = {line.line: line.open + line.held for line in job.lines}
    take = {n: units if left is None else min(units, left.get(n, 0)) for n, units in free.items()}
    parts = tuple(LineUnits(line=n, quantity=units) for n, units in take.items() if units)
    if not parts or not FULFILMENT.can(job.state, "cancel", job.method):
        return
    for part in parts:
        if left is not None:
            left[part.line] -= part.quantity
    await carry_out(tx, SYSTEM, [Cancel(fulfilment=job.id, lines=() if take == free else parts)])


async def on_stock_short(tx: Tx, events: Sequence[StockShort]) -> None:
    """Break the newest promises. Units in a bag already are certainly there: then the record is put right instead."""
    for event in events:
        rows = await tx.rows(
            "SELECT DISTINCT ON (f.id) f.doc, r.made_at FROM reservation r JOIN fulfilment f ON f.id = r.fulfilment_id"
            " WHERE r.sku = :sku AND r.node = :node AND r.quantity > 0 AND r.kind = 'hard' AND NOT f.final",
            sku=event.sku,
            node=event.node,
        )
        jobs = {job.id: job for job in (Fulfilment.model_validate(r["doc"]) for r in rows)}
        promises = [
            Promise(job.id, line.line, line.open, job.offered_at)
            for job in jobs.values()
            for line in job.lines
            if line.sku == event.sku and line.open > 0
        ]
        broken, there = break_promises(event.units, promises)
        for promise, units in broken:
            await _break(tx, jobs[promise.fulfilment_id], promise, units, event.sku)
        if there:
            fact = inventory.Fact(
                event.sku, event.node, there, MovementReason.EVIDENCE, reference="picked units prove the record wrong"
            )
            await inventory.post(tx, [fact], actor=SYSTEM.id)


async def _break(tx: Tx, job: Fulfilment, promise: Promise, units: int, sku: str) -> None:
    tx.emit(PromiseBroken(job.order_id, job.id, job.node, promise.line, sku, units))
    part = LineUnits(line=promise.line, quantity=units)
    await carry_out(tx, SYSTEM, [Cancel(fulfilment=job.id, lines=(part,), reason="promise_broken")])
