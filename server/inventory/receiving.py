"""Deliveries, scanned in unit by unit: each device says what it has received of an item so far, in total.

Totals of several devices add up. What is told twice changes nothing, and what was scanned by mistake is taken back by
a smaller total. The difference is posted as a receipt: what is good is on hand, what is damaged is not for sale.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from server.events import DeliveryChanged
from server.inventory import service
from server.inventory.service import Fact
from server.inventory.tables import ReceivedRow
from server.kit import bulk
from server.kit.transaction import Row, Tx
from shared.reasons import Bucket
from shared.stock import Got, MovementReason, Received, ReceivedDoc

_TOTALS = (
    "ON CONFLICT (node, document, line, sku, device) DO UPDATE SET good = excluded.good, damaged = excluded.damaged,"
    " actor = excluded.actor, changed_at = excluded.changed_at, version = stock_received.version + 1"
)

RECEIPTS_SQL = (
    "SELECT node, document, sku, device, r.good, r.damaged, m.good AS good_posted, m.damaged AS damaged_posted FROM"
    " (SELECT node, document, sku, device, sum(good)::bigint AS good, sum(damaged)::bigint AS damaged"
    " FROM stock_received GROUP BY 1, 2, 3, 4) r FULL JOIN (SELECT node, reference AS document, sku, device,"
    " coalesce(sum(quantity) FILTER (WHERE bucket = 'sellable'), 0)::bigint AS good,"
    " coalesce(sum(quantity) FILTER (WHERE bucket = 'damaged'), 0)::bigint AS damaged FROM stock_movement"
    " WHERE reason = 'receipt' AND device IS NOT NULL GROUP BY 1, 2, 3, 4) m USING (node, document, sku, device)"
    " WHERE coalesce(r.good, 0) <> coalesce(m.good, 0) OR coalesce(r.damaged, 0) <> coalesce(m.damaged, 0)"
)
"""Totals of devices beside the receipts that the ledger has of them."""


async def receive(tx: Tx, said: Received, *, actor: str, device: str, at: datetime) -> bool:
    """What the device has received so far. False: that was known."""
    row = _row(said, actor, device, at)
    known = await tx.one(
        "SELECT good, damaged FROM stock_received WHERE node = :node AND document = :document AND line = :line"
        " AND sku = :sku AND device = :device",
        **{name: row[name] for name in ("node", "document", "line", "sku", "device")},
    )
    before = Got(good=known["good"], damaged=known["damaged"]) if known else Got()
    if (before.good, before.damaged) == (said.good, said.damaged):
        return False
    await bulk.insert(tx, ReceivedRow, [row], conflict=_TOTALS)
    await service.post(tx, _facts(said, before, at), actor=actor, device=device)
    tx.emit(DeliveryChanged(said.node, said.document, row["line"], said.sku))
    return True


def _facts(said: Received, before: Got, at: datetime) -> list[Fact]:
    news = ((Bucket.SELLABLE, said.good - before.good), (Bucket.DAMAGED, said.damaged - before.damaged))
    return [
        Fact(said.sku, said.node, units, MovementReason.RECEIPT, bucket, said.document, at)
        for bucket, units in news
        if units
    ]


def _row(said: Received, actor: str, device: str, at: datetime) -> dict[str, Any]:
    return {
        "node": said.node,
        "document": said.document,
        "line": said.line or 0,
        "sku": said.sku,
        "device": device,
        "good": said.good,
        "damaged": said.damaged,
        "actor": actor,
        "changed_at": at,
    }


# ---------------------------------------------------------------- as devices know it


async def changed(tx: Tx, events: Sequence[DeliveryChanged]) -> list[tuple[ReceivedDoc, int]]:
    """Items of deliveries of which more or less was received, each with its version."""
    keys = sorted({(e.node, e.document, e.line, e.sku) for e in events})
    rows = await tx.rows(
        "SELECT r.* FROM stock_received r JOIN unnest(CAST(:nodes AS text[]), CAST(:documents AS text[]),"
        " CAST(:lines AS bigint[]), CAST(:skus AS text[])) AS k(node, document, line, sku)"
        " USING (node, document, line, sku) ORDER BY r.node, r.document, r.line, r.sku, r.device",
        nodes=[k[0] for k in keys],
        documents=[k[1] for k in keys],
        lines=[k[2] for k in keys],
        skus=[k[3] for k in keys],
    )
    return _docs(rows)


async def recent(tx: Tx, node: str, *, since: datetime) -> list[tuple[ReceivedDoc, int]]:
    """What a node has received lately."""
    rows = await tx.rows(
        "SELECT r.* FROM stock_received r JOIN (SELECT DISTINCT document, line, sku FROM stock_received"
        " WHERE node = :node AND changed_at >= :since) k USING (document, line, sku) WHERE r.node = :node"
        " ORDER BY r.node, r.document, r.line, r.sku, r.device",
        node=node,
        since=since,
    )
    return _docs(rows)


def _docs(rows: Sequence[Row]) -> list[tuple[ReceivedDoc, int]]:
    found: dict[tuple[str, str, int, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["node"], row["document"], row["line"], row["sku"]), []).append(row)
    return [(_doc(*key, mine), sum(row["version"] for row in mine)) for key, mine in found.items()]


def _doc(node: str, document: str, line: int, sku: str, rows: Sequence[Row]) -> ReceivedDoc:
    return ReceivedDoc(
        node=node,
        document=document,
        line=line or None,
        sku=sku,
        by={row["device"]: Got(good=row["good"], damaged=row["damaged"]) for row in rows},
        changed_at=max(row["changed_at"] for row in rows),
    )
