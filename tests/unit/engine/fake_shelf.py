"""What the fake server makes of facts about stock: enough for a device to see its own come back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.fulfilment import Fulfilment
from shared.stock import Got, ReceivedDoc, StockDoc, received_id
from shared.sync import AdjustStock, CountStock, ReceiveStock

Docs = Mapping[tuple[str, str], tuple[str, int, dict[str, Any]]]
FACTS = (AdjustStock, CountStock, ReceiveStock)


def changed(docs: Docs, device: str, body: Any, at: datetime) -> list[tuple[str, str, Any]]:
    """(kind, id, document) that a fact changes."""
    position = StockDoc.model_validate(docs[("stock", body.sku)][2])
    match body:
        case CountStock():
            after = _with(position, sellable=body.units + _in_hand(docs, body.sku))
            return [("stock", body.sku, after.model_copy(update={"counted_at": at}))]
        case ReceiveStock():
            return _received(docs, device, body, position, at)
    units = getattr(position.buckets, body.bucket.value) + body.delta
    return [("stock", body.sku, _with(position, **{body.bucket.value: units}))]


def _received(
    docs: Docs, device: str, body: ReceiveStock, position: StockDoc, at: datetime
) -> list[tuple[str, str, Any]]:
    id_ = received_id(body.document, body.line, body.sku)
    known = docs.get(("received", id_))
    by = ReceivedDoc.model_validate(known[2]).by if known else {}
    before = by.get(device, Got())
    good, damaged = body.good - before.good, body.damaged - before.damaged
    doc = ReceivedDoc(
        node=body.node,
        document=body.document,
        line=body.line,
        sku=body.sku,
        by={**by, device: Got(good=body.good, damaged=body.damaged)},
        changed_at=at,
    )
    buckets = position.buckets
    after = _with(position, sellable=buckets.sellable + good, damaged=buckets.damaged + damaged)
    return [("stock", body.sku, after), ("received", id_, doc)]


def _with(position: StockDoc, **units: int) -> StockDoc:
    buckets = position.buckets.model_copy(update=units)
    atp = position.atp.model_copy(update={"on_hand": buckets.on_hand, "not_sellable": buckets.not_sellable})
    return position.model_copy(update={"buckets": buckets, "atp": atp})


def _in_hand(docs: Docs, sku: str) -> int:
    jobs = [Fulfilment.model_validate(body) for (kind, _), (_, _, body) in docs.items() if kind == "fulfilment"]
    return sum(line.held for job in jobs for line in job.lines if line.sku == sku)
