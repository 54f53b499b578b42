"""What customers are told when something happens to their order. Each answers a fact after its commit."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from server.events import JobReady, JobShipped, OrderPlaced, PromiseChanged, UnitsCancelled
from server.fulfilment import queries as fulfilment
from server.fulfilment.passes import credentials
from server.kit.transaction import Tx
from server.kit.web import Parts
from server.messages.links import link_token
from server.messages.rules import Kind, amount
from server.messages.service import NewMessage, queue
from server.network import queries as network
from server.network.rules import NodeView
from server.orders import queries as orders
from shared.fulfilment import FULFILMENT, Fulfilment
from shared.orders import LineView, OrderView, UnitState

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


async def order_placed(parts: Parts, event: OrderPlaced) -> None:
    """Thank you, this is what you ordered."""
    async with parts.db.reading() as tx:
        order = await orders.order(tx, event.order_id)
        node = await network.node(tx, event.node) if event.node else None
    if order is None:
        return
    lines = [{"name": line.name or line.sku, "quantity": line.quantity} for line in order.lines]
    values = {
        "lines": lines,
        "total": amount(order.money.total, order.money.currency),
        "store": node.name if node else "",
    }
    await _tell(parts, order, "order_confirmed", f"order_confirmed/{order.id}", values)


async def job_ready(parts: Parts, event: JobReady) -> None:
    """Your bag waits: pass, code, store, hours, until when.

    Nothing to somebody who has it already: a store that was offline tells of both at once."""
    async with parts.db.reading() as tx:
        order = await orders.order(tx, event.order_id)
        job = await fulfilment.job(tx, event.fulfilment_id)
        node = await network.node(tx, event.node)
    if order is None or job is None or node is None or job.state in FULFILMENT.finals:
        return
    values = {
        "method": job.method,
        "store": node.name,
        "address": list(node.address),
        "hours": hours_of(node),
        "code": credentials(parts.keys, job).code,
        "keep_until": local_day(job.expires_at, node) if job.expires_at else "",
        "replaced": replaced_in(order, job),
    }
    key = f"ready_for_pickup/{job.id}/{job.pass_generation}"
    await _tell(parts, order, "ready_for_pickup", key, values, job.id)


async def job_shipped(parts: Parts, event: JobShipped) -> None:
    """A parcel is on its way."""
    async with parts.db.reading() as tx:
        order = await orders.order(tx, event.order_id)
        job = await fulfilment.job(tx, event.fulfilment_id)
        node = await network.node(tx, event.node)
    if order is None or job is None:
        return
    values = {
        "store": node.name if node else event.node,
        "carrier": event.carrier,
        "tracking": event.tracking,
        "replaced": replaced_in(order, job),
    }
    await _tell(parts, order, "shipped", f"shipped/{event.fulfilment_id}", values, event.fulfilment_id)


async def units_cancelled(parts: Parts, event: UnitsCancelled) -> None:
    """Some of it will not come, and costs nothing. Says how many units in all, so two facts may share one message."""
    async with parts.db.reading() as tx:
        order = await orders.order(tx, event.order_id)
    if order is None:
        return
    gone = sum(count for line in order.lines for state, count in line.units.items() if state == "cancelled")
    await _tell(parts, order, "units_cancelled", f"units_cancelled/{order.id}/{gone}", {"units": gone})


async def promise_changed(parts: Parts, event: PromiseChanged) -> None:
    """Some of it comes later than we said, or has a date now. Nothing of what has changed again meanwhile."""
    async with parts.db.reading() as tx:
        order = await orders.order(tx, event.order_id)
        code = event.node or (order.node if order else None)
        node = await network.node(tx, code) if code else None
    if order is None:
        return
    lines = [line for line in order.lines if line.line in event.lines and _still(line, event)]
    if not lines:
        return
    when = event.promised_at
    values = {
        "lines": [{"name": line.name or line.sku, "quantity": _coming(line)} for line in lines],
        "late": event.was is not None,
        "promised": local_day(when, node) if when and node else _day(when) if when else "",
        "collect": order.method != "ship",
    }
    said = when.isoformat() if when else "unknown"
    key = f"promise_changed/{order.id}/{'.'.join(str(line.line) for line in lines)}/{said}"
    await _tell(parts, order, "promise_changed", key, values)


def _still(line: LineView, event: PromiseChanged) -> bool:
    if line.promised_at is None or event.promised_at is None:
        return _coming(line) > 0 and line.promised_at == event.promised_at
    return _coming(line) > 0 and line.promised_at <= event.promised_at


def _coming(line: LineView) -> int:
    """Units of a line that the customer still waits for."""
    gone = (UnitState.FULFILLED, UnitState.CANCELLED, UnitState.REPLACED)
    return sum(count for state, count in line.units.items() if state not in gone)


async def _tell(
    parts: Parts, order: OrderView, kind: Kind, key: str, values: dict[str, Any], job_id: UUID | None = None
) -> None:
    """Queue it, for a customer with an e-mail address."""
    to = order.customer.email
    if to is None:
        return
    link = f"{parts.settings.base_url}/c/{link_token(parts.keys, order.id)}"
    message = NewMessage(
        dedupe_key=key,
        kind=kind,
        order_id=order.id,
        to=to,
        language=order.customer.language,
        values={"number": order.number, "name": order.customer.name, "link": link, **values},
        fulfilment_id=job_id,
    )

    async def work(tx: Tx) -> None:
        await queue(tx, [message])

    await parts.db.write(work)


def replaced_in(order: OrderView, job: Fulfilment) -> list[dict[str, Any]]:
    """The substitutes in a bag or parcel: how many of what, instead of what."""
    names = {line.line: line.name or line.sku for line in order.lines}
    return [
        {"units": units, "name": names[line.line], "ordered": names[line.replaces]}
        for line in job.lines
        if line.replaces is not None and line.line in names and (units := line.held or line.handed_over)
    ]


def hours_of(node: NodeView) -> list[str]:
    """Opening hours for people, days with the same hours together: `Monday to Friday 08:00 to 21:00`."""
    rows: list[tuple[int, int, str]] = []
    for day, hours in enumerate(node.hours):
        said = f"{hours.opens} to {hours.closes}" if hours else "closed"
        if rows and rows[-1][2] == said:
            rows[-1] = (rows[-1][0], day, said)
        else:
            rows.append((day, day, said))
    return [f"{WEEKDAYS[a]}{f' to {WEEKDAYS[b]}' if b > a else ''}: {said}" for a, b, said in rows]


def _day(at: datetime) -> str:
    """A day, where no node's clock says the hour: `Friday 4 December`."""
    return f"{WEEKDAYS[at.weekday()]} {at.day} {at:%B}"


def local_day(at: datetime, node: NodeView) -> str:
    """A moment by the store's own clock: `Friday 4 December, 21:00`."""
    local = at.astimezone(ZoneInfo(node.time_zone))
    return f"{WEEKDAYS[local.weekday()]} {local.day} {local:%B, %H:%M}"
