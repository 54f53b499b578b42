"""When an item that nobody has is expected: what backorders and pre-orders are promised for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from server.catalog import queries as catalog
from server.kit import audit, bulk
from server.kit.auth import Actor, authorize
from server.kit.rows import RowResult, first_problems, results
from server.kit.transaction import Tx
from server.orders.promises import LineKey, Promise, change
from server.orders.tables import ExpectedRow
from server.orders.units import lock_orders
from shared.errors import FieldProblem
from shared.kernel import Input, Instant, Sku, Wire


class Expected(Input):
    """An item, and when customers can have it."""

    sku: Sku
    expected_at: Instant | None = Field(
        description="When customers can have it; null: nobody knows any more.", examples=["2026-12-04T17:00:00Z"]
    )
    note: str = Field(default="", max_length=200, examples=["container on its way"])


class ExpectedView(Wire):
    sku: str
    expected_at: Instant
    note: str
    by: str


async def expect(tx: Tx, actor: Actor, items: Sequence[Expected]) -> list[RowResult]:
    """Say when items are expected. What waits for one is promised for then; a promise that gets worse is told."""
    authorize(actor, "stock.expect")
    known = await catalog.facts(tx, {each.sku for each in items})
    wrong = first_problems(items, lambda each: each.sku, "sku", "Item")
    wrong = [w or _problems(tx, each, known) for w, each in zip(wrong, items, strict=True)]
    good = [each for each, w in zip(items, wrong, strict=True) if not w]
    by = {"by": actor.name or actor.id, "at": tx.now}
    rows = [{"sku": e.sku, "expected_at": e.expected_at, "note": e.note, **by} for e in good if e.expected_at]
    await bulk.insert(
        tx,
        ExpectedRow,
        rows,
        conflict="ON CONFLICT (sku) DO UPDATE SET expected_at = excluded.expected_at, note = excluded.note,"
        " by = excluded.by, at = excluded.at",
    )
    gone = [each.sku for each in good if each.expected_at is None]
    await tx.run("DELETE FROM expected_item WHERE sku = ANY(CAST(:skus AS text[]))", skus=gone)
    for each in sorted(good, key=lambda each: each.sku):
        await audit.record(tx, "head-office", actor.id, "item.expected", each.sku, at=each.expected_at, note=each.note)
    await _promise(tx, {each.sku: each for each in good})
    return results(items, lambda each: each.sku, wrong, set(), {each.sku for each in good})


def _problems(tx: Tx, each: Expected, known: Mapping[str, Any]) -> tuple[FieldProblem, ...]:
    if each.sku not in known:
        wrong = f"No item has the SKU {each.sku}."
        return (FieldProblem(field="sku", message=wrong, remedy="Load the item first, or correct the SKU."),)
    if each.expected_at is not None and each.expected_at <= tx.now:
        return (FieldProblem(field="expected_at", message="This time has passed.", remedy="Name a later time."),)
    return ()


async def _promise(tx: Tx, expected: Mapping[str, Expected]) -> None:
    """Lines that wait for these items, first ordered first."""
    rows = await tx.rows(
        "SELECT order_id, line FROM order_line WHERE backordered > 0 AND (routing > 0 OR backordered > 0)"
        " AND sku = ANY(CAST(:skus AS text[])) ORDER BY order_id, line",
        skus=sorted(expected),
    )
    keys: list[LineKey] = [(row["order_id"], row["line"]) for row in rows]
    await lock_orders(tx, {order_id for order_id, _ in keys})

    def decide(key: LineKey, row: Mapping[str, Any]) -> Promise | None:
        at, was = expected[row["sku"]].expected_at, row["promised_at"]
        return None if at and was and at <= was else Promise(key, was, at, told=True)

    await change(tx, keys, decide, {}, "expected")


async def expected(tx: Tx, *, after: str, limit: int) -> list[ExpectedView]:
    """What is expected, by SKU."""
    rows = await tx.rows(
        "SELECT * FROM expected_item WHERE sku > :after ORDER BY sku LIMIT :limit", after=after, limit=limit
    )
    return [ExpectedView(**dict(row)) for row in rows]
