"""Counts: what somebody saw on a shelf, true as of its own time.

The newest count of a position, by when it was made, is what the record is built on: it says so many units, those in
hand then belong to it, and everything that happened since stays on top. A count is never refused. What happened so
close to it on another device that no clock can tell which was first is posted all the same, and somebody is asked to
count once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from server.events import CountContains, CountDoubted, StockChanged, StockCounted
from server.inventory import service, shelf
from server.inventory.known import known
from server.inventory.rules import COUNTED_ALREADY, NEAR, PositionKey, count_posting, expected, is_fed, is_near
from server.inventory.tables import CountRow
from server.kit import bulk
from server.kit.transaction import Tx
from shared.stock import ShelfCount

# ruff: noqa: S608 (every part of these statements stands in the code)
_DERIVED = ", ".join(f"'{reason}'" for reason in sorted(COUNTED_ALREADY))
FOLLOWS_SQL = (
    "SELECT p.sku, p.node, p.sellable, c.units + coalesce(h.units, 0) + coalesce(m.units, 0) AS counted"
    " FROM stock_position p JOIN stock_count c ON c.id = p.count_id"
    " CROSS JOIN LATERAL (SELECT sum(s.in_hand)::bigint AS units FROM shelf_move s"
    " WHERE s.sku = p.sku AND s.node = p.node AND s.happened_at <= c.happened_at) h"
    " CROSS JOIN LATERAL (SELECT sum(m.quantity)::bigint AS units FROM stock_movement m WHERE m.sku = p.sku"
    f" AND m.node = p.node AND m.bucket = 'sellable' AND m.reason NOT IN ({_DERIVED})"
    " AND coalesce(m.happened_at, m.at) > c.happened_at) m"
    " WHERE (p.fed_at IS NULL OR p.fed_at <= p.counted_at)"
    " AND p.sellable <> c.units + coalesce(h.units, 0) + coalesce(m.units, 0) AND NOT EXISTS (SELECT 1 FROM"
    " stock_movement e WHERE e.sku = p.sku AND e.node = p.node AND e.bucket = 'sellable'"
    " AND e.reason = 'evidence' AND e.at >= c.at)"
)
"""Positions built on a count that are not what it and everything since make of them; where less was counted than was
taken afterwards, somebody is asked to count again."""
CORRECTIONS_SQL = (
    "SELECT c.id, coalesce(c.sku, m.sku) AS sku, coalesce(c.node, m.node) AS node, c.delta, m.units FROM"
    " stock_count c FULL JOIN (SELECT reference, sku, node, sum(quantity)::bigint AS units FROM stock_movement"
    " WHERE reason = 'count' GROUP BY 1, 2, 3) m ON m.reference = c.id::text AND m.sku = c.sku AND m.node = c.node"
    " WHERE coalesce(c.delta, 0) <> coalesce(m.units, 0) OR c.id IS NULL"
)
"""Counts beside what the ledger says was corrected because of them."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A count, when it was made, and whether that can be believed (`sure`)."""

    count: ShelfCount
    at: datetime
    actor: str
    device: str | None = None
    sure: bool = True

    @property
    def key(self) -> PositionKey:
        return (self.count.sku, self.count.node)


async def count(tx: Tx, seen: Seen) -> Mapping[str, Any] | None:
    """Put the record right by a count. Returns the newer count by which it was overtaken, if there is one."""
    await tx.settle_now()
    await shelf.hold(tx, [seen.key], alone=True)
    position = (await service.lock_or_create(tx, {seen.key}))[seen.key]
    if _overtaken(seen, position):
        return await _too_late(tx, seen, position)
    doubted = not seen.sure or await _close_by(tx, seen, position)
    id_ = tx.new_id()
    delta = await _difference(tx, seen, position)
    await bulk.insert(tx, CountRow, [_row(tx, seen, id_, delta)])
    await _newest(tx, seen, id_)
    position |= {"count_id": id_, "counted_at": seen.at, "counted_on": seen.device}
    tx.emit(StockCounted(*seen.key, seen.count.units, seen.actor, seen.device))
    if doubted:
        tx.emit(CountDoubted(*seen.key, "close" if seen.sure else "clock", seen.actor, seen.device))
    if delta:
        correction = count_posting(seen.key, delta, id_, seen.at)
        await service.record(tx, {seen.key: position}, [correction], actor=seen.actor, device=seen.device)
    if seen.count.bin:
        await service.place_in_bins(tx, [(*seen.key, seen.count.bin)])
    return None


def _overtaken(seen: Seen, position: Mapping[str, Any]) -> bool:
    """By a count or a figure of later; of two counts at the same moment the one of the greater device stands."""
    if position["fed_at"] is not None and position["fed_at"] > seen.at:
        return True
    if position["counted_at"] is None:
        return False
    return bool((position["counted_at"], position["counted_on"] or "") > (seen.at, seen.device or ""))


async def _too_late(tx: Tx, seen: Seen, position: Mapping[str, Any]) -> Mapping[str, Any] | None:
    await bulk.insert(tx, CountRow, [_row(tx, seen, tx.new_id(), 0, overtaken=True)])
    if is_fed(position):
        return {"units": position["fed_units"], "actor": position["fed_by"], "happened_at": position["fed_at"]}
    newest = await tx.one("SELECT * FROM stock_count WHERE id = :id", id=position["count_id"])
    if newest and newest["units"] != seen.count.units:
        if not seen.sure:
            tx.emit(CountDoubted(*seen.key, "clock", seen.actor, seen.device))
        elif is_near(position, seen.device, seen.at):
            tx.emit(CountDoubted(*seen.key, "close", seen.actor, seen.device))
    return newest


async def _close_by(tx: Tx, seen: Seen, position: Mapping[str, Any]) -> bool:
    """Whether anything was done elsewhere so close to it that nobody knows what it has seen."""
    if is_near(position, seen.device, seen.at):
        before = await tx.value("SELECT units FROM stock_count WHERE id = :id", id=position["count_id"])
        if before != seen.count.units:
            return True
    return await shelf.happened_near(tx, seen.key, seen.device, seen.at - NEAR, seen.at + NEAR)


async def _difference(tx: Tx, seen: Seen, position: Mapping[str, Any]) -> int:
    """What the record must be corrected by."""
    in_hand = await shelf.in_hand(tx, seen.key, seen.at)
    since = await shelf.moved_since(tx, seen.key, seen.at)
    return expected(seen.count.units, in_hand, since) - int(position["sellable"])


def _row(tx: Tx, seen: Seen, id_: UUID, delta: int, *, overtaken: bool = False) -> dict[str, Any]:
    return {
        "id": id_,
        "sku": seen.count.sku,
        "node": seen.count.node,
        "units": seen.count.units,
        "bin": seen.count.bin,
        "session": seen.count.session,
        "mode": seen.count.mode,
        "delta": delta,
        "overtaken": overtaken,
        "actor": seen.actor,
        "device": seen.device,
        "happened_at": seen.at,
        "at": tx.now,
    }


async def _newest(tx: Tx, seen: Seen, id_: UUID) -> None:
    """This count is what the position is built on from now on; nothing is doubtful about it."""
    rows = await tx.rows(
        "UPDATE stock_position SET count_id = :id, counted_at = :at, counted_on = :device, doubt = 0,"
        " version = version + 1 WHERE sku = :sku AND node = :node RETURNING *",
        id=id_,
        at=seen.at,
        device=seen.device,
        sku=seen.count.sku,
        node=seen.count.node,
    )
    known(tx).changed(rows)
    tx.emit(StockChanged(*seen.key))


async def on_count_contains(tx: Tx, events: Sequence[CountContains]) -> None:
    """Units of jobs that a count had seen before the record was told of them: the record follows the count."""
    for event in events:
        key = (event.sku, event.node)
        position = (await service.lock_or_create(tx, {key}))[key]
        if is_fed(position):
            continue
        late = count_posting(key, event.units, position["count_id"], position["counted_at"], late=True)
        await service.record(tx, {key: position}, [late], actor=event.actor, device=event.device)
