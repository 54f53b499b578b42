"""Counts that somebody must make, or repeat: opened where a picker found less than the record has, and where the newest
count of a shelf cannot be put in order with what others did at the same time, or was contradicted; closed by the next
count that can. One open task of each kind per item and store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.events import CountDoubted, ExceptionChanged, ExceptionOpened, StockCounted, StockDoubted
from server.fulfilment import exceptions
from server.fulfilment.tables import ExceptionRow
from server.kit import bulk
from server.kit.auth import SYSTEM
from server.kit.database import to_json
from server.kit.transaction import Row, Tx
from shared.exceptions import DOUBTED, RECOUNT, TO_COUNT, kind_of

COUNTED = "counted"
"""Resolution of a recount that somebody made."""


async def on_count_doubted(tx: Tx, events: Sequence[CountDoubted]) -> None:
    """Somebody must count once more."""
    for event in {(e.sku, e.node): e for e in events}.values():
        row, count = await _open(tx, RECOUNT, event.sku, event.node), await _newest(tx, event.sku, event.node)
        if count is None:
            continue
        values = {
            "sku": event.sku,
            "units": count["units"],
            "counted_at": count["happened_at"].isoformat(),
            "why": event.why,
        }
        if row is None:
            await _ask(tx, RECOUNT, event, values, count["actor"], count["device"])
        else:
            await _say(tx, row, values)


async def on_stock_doubted(tx: Tx, events: Sequence[StockDoubted]) -> None:
    """Somebody must see what there is."""
    for event in events:
        row = await _open(tx, DOUBTED, event.sku, event.node)
        values = {"sku": event.sku, "units": event.units, "number": event.number}
        if row is None:
            await _ask(tx, DOUBTED, event, values, event.actor, event.device)
        else:
            await _say(tx, row, values)


async def _say(tx: Tx, row: Row, values: dict[str, Any]) -> None:
    """What is known of an open task now."""
    if values != row["values"]:
        await tx.run(
            "UPDATE fulfilment_exception SET values = CAST(:values AS jsonb), version = version + 1 WHERE id = :id",
            id=row["id"],
            values=to_json(values),
        )
        tx.emit(ExceptionChanged(row["id"]))


async def on_stock_counted(tx: Tx, events: Sequence[StockCounted]) -> None:
    """It was counted again, by whomever."""
    for event in events:
        for kind in TO_COUNT:
            row = await _open(tx, kind, event.sku, event.node)
            if row is not None:
                await exceptions.close(tx, row, event.actor, COUNTED)


async def _open(tx: Tx, kind: str, sku: str, node: str) -> Row | None:
    """The open task of this shelf, if there is one; until the commit nobody else opens or closes one."""
    await tx.rows("SELECT pg_advisory_xact_lock(hashtextextended(:key, 13))", key=f"recount {node} {sku}")
    return await tx.one(
        "SELECT * FROM fulfilment_exception WHERE node = :node AND kind = :kind AND values->>'sku' = :sku"
        " AND settled_at IS NULL FOR UPDATE",
        node=node,
        kind=kind,
        sku=sku,
    )


async def _newest(tx: Tx, sku: str, node: str) -> Row | None:
    return await tx.one(
        "SELECT c.* FROM stock_position p JOIN stock_count c ON c.id = p.count_id"
        " WHERE p.sku = :sku AND p.node = :node",
        sku=sku,
        node=node,
    )


async def _ask(
    tx: Tx, kind: str, event: CountDoubted | StockDoubted, values: dict[str, Any], actor: str, device: str | None
) -> None:
    entry = kind_of(kind)
    id_ = tx.new_id()
    row = {
        "id": id_,
        "kind": kind,
        "node": event.node,
        "order_id": None,
        "fulfilment_id": None,
        "order_number": None,
        "values": values,
        "lines": [],
        "owner_role": entry.owner,
        "opened_at": tx.now,
        "opened_by": actor,
        "device": device,
        "due_at": tx.now + entry.due,
    }
    await bulk.insert(tx, ExceptionRow, [row])
    tx.emit(ExceptionOpened(None, id_, None, event.node, kind, event.actor or SYSTEM.id))
