"""What a customer was told to have when, line by line, and that it never silently gets worse.

A line is promised when a node has its units: for the time at which they are ready, or leave with the carrier. What
nobody has is promised for the day on which the item is expected, if somebody has said so. A later, better time leaves
the promise as it is. A worse one changes it and says so (`PromiseChanged`), and the customer is written to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from server.events import JobOffered, PromiseChanged, UnitsUnrouted
from server.kit.transaction import Tx
from server.orders.fresh import fresh_orders

LineKey = tuple[UUID, int]


@dataclass(frozen=True, slots=True)
class Promise:
    """A line's promise as it was, and as it is to be. `told`: it changes something that the customer was told."""

    key: LineKey
    was: datetime | None
    now: datetime | None
    told: bool


def with_node(key: LineKey, was: datetime | None, due: datetime, *, waited: bool) -> Promise | None:
    """A node has its units, for `due`. None: what was promised stands."""
    if was is not None and due <= was:
        return None
    return Promise(key, was, due, told=was is not None or waited)


def without_node(key: LineKey, was: datetime | None, expected: datetime | None) -> Promise:
    """Nobody has its units. `expected`: when there will be some, as far as anybody knows."""
    later = max(was, expected) if was and expected else expected
    return Promise(key, was, later, told=was is not None and later != was)


async def on_jobs_offered(tx: Tx, events: Sequence[JobOffered]) -> None:
    """A node has units: promise their lines for when the last of them is due."""
    due: dict[LineKey, datetime] = {}
    nodes: dict[UUID, str] = {}
    for e in events:
        nodes[e.order_id] = e.node
        if e.due_at is not None:
            for key in ((e.order_id, line) for line in e.lines):
                due[key] = max(due.get(key, e.due_at), e.due_at)

    def decide(key: LineKey, row: Mapping[str, Any]) -> Promise | None:
        return with_node(key, row["promised_at"], due[key], waited=row["backordered_at"] is not None)

    await change(tx, due, decide, nodes, "has_node")


async def on_units_unrouted(tx: Tx, events: Sequence[UnitsUnrouted]) -> None:
    """Nobody has these units now: they wait, and so does the promise."""
    rows = await _rows(tx, [(e.order_id, e.line) for e in events])
    expected = await expected_of(tx, {row["sku"] for row in rows.values()})

    def decide(key: LineKey, row: Mapping[str, Any]) -> Promise:
        return without_node(key, row["promised_at"], expected.get(row["sku"]))

    await _mark_waiting(tx, rows)
    await change(tx, rows, decide, {}, "waits")


async def _mark_waiting(tx: Tx, keys: Iterable[LineKey]) -> None:
    fresh = fresh_orders(tx)
    written = []
    for order_id, line in keys:
        if order := fresh.get(order_id):
            order.lines[line]["backordered_at"] = tx.now
        else:
            written.append((order_id, line))
    if written:
        await tx.run(
            "UPDATE order_line l SET backordered_at = coalesce(l.backordered_at, :now)"
            " FROM unnest(CAST(:orders AS uuid[]), CAST(:lines AS bigint[])) AS u(order_id, line)"
            " WHERE l.order_id = u.order_id AND l.line = u.line",
            now=tx.now,
            **_binds(written),
        )


async def change(
    tx: Tx,
    keys: Iterable[LineKey],
    decide: Callable[[LineKey, Mapping[str, Any]], Promise | None],
    nodes: Mapping[UUID, str],
    reason: str,
) -> int:
    """Decide anew about these lines, whose orders are locked or new. Returns how many promises changed."""
    rows = await _rows(tx, keys)
    found = [promise for key, row in rows.items() if (promise := decide(key, row)) and promise.now != promise.was]
    await _write(tx, found)
    told: dict[UUID, list[Promise]] = {}
    fresh = fresh_orders(tx)
    for promise in found:
        if promise.told and promise.key[0] not in fresh:  # of a new order nothing has been told yet
            told.setdefault(promise.key[0], []).append(promise)
    for order_id, promises in sorted(told.items()):
        was = [p.was for p in promises if p.was]
        now = None if any(p.now is None for p in promises) else max(p.now for p in promises if p.now)
        lines = tuple(sorted(p.key[1] for p in promises))
        tx.emit(PromiseChanged(order_id, nodes.get(order_id), lines, min(was, default=None), now, reason))
    return len(found)


async def _rows(tx: Tx, keys: Iterable[LineKey]) -> dict[LineKey, Mapping[str, Any]]:
    """Lines as they are, from the memory of the transaction that places them or from the database."""
    fresh = fresh_orders(tx)
    wanted = list(dict.fromkeys(keys))
    found: dict[LineKey, Mapping[str, Any]] = {
        (order_id, line): fresh[order_id].lines[line] for order_id, line in wanted if order_id in fresh
    }
    written = [key for key in wanted if key[0] not in fresh]
    if written:
        rows = await tx.rows(
            "SELECT l.order_id, l.line, l.sku, l.promised_at, l.backordered_at FROM order_line l"
            " JOIN unnest(CAST(:orders AS uuid[]), CAST(:lines AS bigint[])) AS u(order_id, line)"
            " USING (order_id, line)",
            **_binds(written),
        )
        found.update({(row["order_id"], row["line"]): row for row in rows})
    return found


async def _write(tx: Tx, promises: Sequence[Promise]) -> None:
    fresh = fresh_orders(tx)
    written = []
    for promise in promises:
        order_id, line = promise.key
        if order := fresh.get(order_id):
            order.lines[line]["promised_at"] = promise.now
        else:
            written.append(promise)
    if written:
        await tx.run(
            "UPDATE order_line l SET promised_at = u.at FROM unnest(CAST(:orders AS uuid[]), CAST(:lines AS bigint[]),"
            " CAST(:ats AS timestamptz[])) AS u(order_id, line, at) WHERE l.order_id = u.order_id AND l.line = u.line",
            **_binds([promise.key for promise in written]),
            ats=[promise.now for promise in written],
        )


def _binds(keys: Sequence[LineKey]) -> dict[str, list[Any]]:
    return {"orders": [key[0] for key in keys], "lines": [key[1] for key in keys]}


async def expected_of(tx: Tx, skus: Iterable[str]) -> dict[str, datetime]:
    """Item -> when customers can have it again; what is not expected, or was expected by now, is left out."""
    rows = await tx.rows(
        "SELECT sku, expected_at FROM expected_item WHERE sku = ANY(CAST(:skus AS text[])) AND expected_at > :now",
        skus=sorted(skus),
        now=tx.now,
    )
    return {row["sku"]: row["expected_at"] for row in rows}
