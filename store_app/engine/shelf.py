"""Facts about stock that wait for the server, and what they make of a position and of a delivery meanwhile.

A count says what the record will be: what was counted and what jobs have in hand at that moment. Corrections move it by
their difference; receipts carry totals, so they move it by what is new in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from shared.reasons import Bucket
from shared.stock import Atp, Buckets, Got, ReceivedDoc, StockDoc, received_id
from shared.sync import AdjustStock, CountStock, ReceiveStock
from store_app.engine.commands import Queued
from store_app.engine.db import Database

StockFact = AdjustStock | CountStock | ReceiveStock


@dataclass(frozen=True)
class Waiting:
    """What one waiting command does to a position: the units it sets, or those it adds."""

    queued: Queued
    sellable: int | None = None
    more: dict[Bucket, int] = field(default_factory=dict)


class ShelfFacts:
    """Called under the store's lock."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: dict[str, list[Waiting]] = {}

    def clear(self) -> None:
        self._waiting.clear()

    def add(self, queued: Queued, device: str, in_hand: Callable[[str], int]) -> None:
        """A fact was queued. `in_hand`: units of an item that jobs have off the shelf now."""
        command = queued.command
        match command:
            case CountStock():
                waiting = Waiting(queued, sellable=command.units + in_hand(command.sku))
            case ReceiveStock():
                before = self.got(command.document, command.line, command.sku, device)
                more = {
                    Bucket.SELLABLE: command.good - before.good,
                    Bucket.DAMAGED: command.damaged - before.damaged,
                }
                waiting = Waiting(queued, more=more)
            case _:
                waiting = Waiting(queued, more={command.bucket: command.delta})
        self._waiting.setdefault(command.sku, []).append(waiting)

    def settled(self, gone: frozenset[int]) -> None:
        """The server has these, and the replica what they did."""
        for sku, mine in list(self._waiting.items()):
            kept = [each for each in mine if each.queued.n not in gone]
            if kept:
                self._waiting[sku] = kept
            else:
                del self._waiting[sku]

    # ------------------------------------------------------------ positions

    def shown(self, doc: StockDoc | None, sku: str) -> StockDoc | None:
        """A position with what waits on top of it; an item that was never here has one from the first fact on."""
        for each in self._waiting.get(sku, ()):
            doc = _after(doc or _none_yet(each.queued.command), each)
        return doc

    # ------------------------------------------------------------ deliveries

    def got(self, document: str, line: int | None, sku: str, device: str) -> Got:
        """What this device has received of an item of a delivery so far."""
        mine = [each for each in self._receipts() if _of(each, document, line, sku)]
        if mine:
            return Got(good=mine[-1].good, damaged=mine[-1].damaged)
        body = self._db.document("received", received_id(document, line, sku))
        return ReceivedDoc.model_validate_json(body).by.get(device, Got()) if body else Got()

    def delivery(self, document: str, device: str) -> list[ReceivedDoc]:
        """What was received of a delivery, here and on other devices; what was scanned last comes first."""
        found = {doc.id: doc for doc in self._known(document)}
        for queued in self._queued():
            command = queued.command
            if command.document == document:
                id_ = received_id(command.document, command.line, command.sku)
                found[id_] = _with(found.get(id_), queued, device)
        return sorted(found.values(), key=lambda doc: (doc.changed_at, doc.id), reverse=True)

    def deliveries(self, limit: int = 10) -> list[str]:
        """Numbers of deliveries, the one that was worked on last first."""
        rows = self._db.all(
            "SELECT json_extract(body, '$.document'), max(json_extract(body, '$.changed_at')) AS last FROM document"
            " WHERE kind = 'received' GROUP BY 1 ORDER BY last DESC LIMIT ?",
            limit,
        )
        waiting = [command.document for command in reversed(list(self._receipts()))]
        return list(dict.fromkeys([*waiting, *(row[0] for row in rows)]))[:limit]

    def _known(self, document: str) -> list[ReceivedDoc]:
        rows = self._db.all(
            "SELECT body FROM document WHERE kind = 'received' AND json_extract(body, '$.document') = ?", document
        )
        return [ReceivedDoc.model_validate_json(row[0]) for row in rows]

    def _queued(self) -> list[Queued]:
        found = [each.queued for mine in self._waiting.values() for each in mine]
        return sorted((q for q in found if isinstance(q.command, ReceiveStock)), key=lambda queued: queued.n)

    def _receipts(self) -> Iterable[ReceiveStock]:
        return (queued.command for queued in self._queued())


def _of(command: ReceiveStock, document: str, line: int | None, sku: str) -> bool:
    return (command.document, command.line, command.sku) == (document, line, sku)


def _with(doc: ReceivedDoc | None, queued: Queued, device: str) -> ReceivedDoc:
    """The item of a delivery with a total that waits."""
    command = queued.command
    at = queued.context(device).at
    known = doc or ReceivedDoc(
        node=command.node, document=command.document, line=command.line, sku=command.sku, by={}, changed_at=at
    )
    by = {**known.by, device: Got(good=command.good, damaged=command.damaged)}
    return known.model_copy(update={"by": by, "changed_at": max(known.changed_at, at)})


def _none_yet(command: StockFact) -> StockDoc:
    atp = Atp(on_hand=0, not_sellable=0, reserved=0, safety_stock=0)
    return StockDoc(sku=command.sku, node=command.node, buckets=Buckets(), atp=atp)


def _after(doc: StockDoc, waiting: Waiting) -> StockDoc:
    """The position after a fact, its arithmetic moved along."""
    units = {bucket.value: getattr(doc.buckets, bucket.value) + more for bucket, more in waiting.more.items()}
    if waiting.sellable is not None:
        units["sellable"] = waiting.sellable
    buckets = doc.buckets.model_copy(update={name: max(0, count) for name, count in units.items()})
    atp = doc.atp.model_copy(update={"on_hand": buckets.on_hand, "not_sellable": buckets.not_sellable})
    counted = {} if waiting.sellable is None else {"counted_at": waiting.queued.context("").at}
    return doc.model_copy(update={"buckets": buckets, "atp": atp, **counted})
