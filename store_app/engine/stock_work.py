"""Verbs on stock: corrections by hand, counts, deliveries. A position shows them at once; the server hears of them when
there is a line. Each is on the disk when its verb returns, so that no scan is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from shared.barcodes import ScanKind, Scanned, read
from shared.kernel import MAX_QUANTITY, Input
from shared.reasons import Bucket
from shared.stock import ADJUST_REASONS, Got, ReceivedDoc
from shared.sync import AdjustStock, CountStock, ItemDoc, ReceiveStock
from store_app.engine.notify import Topic
from store_app.engine.results import Result, notice, refused
from store_app.engine.session import LEADS
from store_app.engine.verbs import Verbs

DEFAULT_LIMIT = 20
"""Units an associate may correct at once where the store's policy says nothing (`adjust_limit`)."""
GOODS = frozenset({ScanKind.ITEM, ScanKind.PACKAGE, ScanKind.UNKNOWN, ScanKind.SHORT_CODE, ScanKind.ORDER})
"""Codes that may be an item's; any other means something else in the whole app."""
LONGEST_NUMBER = 80
BEGUN_FOR = timedelta(hours=1)
"""How long a count that was begun and not saved is worth going on with."""
Part = Literal["good", "damaged"]


@dataclass(frozen=True)
class Goods(Result):
    """What a scan while counting or receiving came to: `units` more of `item`; or `choices`, one code for two items."""

    item: ItemDoc | None = None
    units: int = 0
    choices: tuple[ItemDoc, ...] = field(default_factory=tuple)


class StockWork(Verbs):
    """Corrections, counts, deliveries."""

    def adjust(self, sku: str, bucket: Bucket, delta: int, reason: str, note: str | None = None) -> Result:
        """`delta` units more (+) or fewer (-) in a bucket. More than the limit needs a lead to be signed in."""
        limit = int(self._lookup.node.policy.get("adjust_limit", DEFAULT_LIMIT))
        with self._db.lock:
            here = self._view.stock(sku)
            have = getattr(here.buckets, bucket.value) if here else 0
            if self._session.actor is None:
                return refused("sign_in_first")
            if reason not in {str(each) for each in ADJUST_REASONS} or delta == 0:
                return refused("nothing_to_adjust")
            if abs(delta) > limit and not self._session.can(*LEADS):
                return refused("ask_a_lead", limit=limit)
            if here is None and self._lookup.item(sku) is None:
                return refused("unknown_item", sku=sku)
            if have + delta < 0:
                return refused("below_zero", have=have, delta=delta)
            values = {"bucket": bucket, "delta": delta, "reason": reason, "note": note}
            return self._tell(AdjustStock, "adjusted", sku, values, delta=delta)

    # ------------------------------------------------------------ counting

    def count(self, sku: str, units: int, *, bin: str | None = None, mode: str = "blind") -> Result:
        """So many lie there: on the shelf and in the back room, without what is in bags and totes of jobs."""
        result = self._tell(CountStock, "counted", sku, {"units": units, "bin": bin, "mode": mode}, units=units)
        if result.ok:
            self.count_so_far(sku, None)
        return result

    def begun(self, sku: str) -> int:
        """What was counted of an item so far and not saved."""
        known = (self._db.meta("counting") or {}).get(sku)
        return int(known["units"]) if known and known["at"] > self._fresh() else 0

    def count_so_far(self, sku: str, units: int | None) -> None:
        """Keep how far a count is, so that a flat battery costs no scan; None: it is saved or given up."""
        with self._db.lock:
            known = {key: each for key, each in (self._db.meta("counting") or {}).items() if each["at"] > self._fresh()}
            known.pop(sku, None)
            if units:
                known[sku] = {"units": units, "at": self._clock.now().isoformat()}
            self._db.set_meta(counting=known)
        self._bus.tell(Topic.STOCK)

    def _fresh(self) -> str:
        return (self._clock.now() - BEGUN_FOR).isoformat()

    def count_scan(self, sku: str, raw: str, symbology: str = "") -> Goods | None:
        """A scan at the shelf: one more, kept at once. None: this is no item's code."""
        found = self._goods(raw, symbology)
        if found is None or not (found.item or found.choices):
            return found
        mine = next((item for item in (found.item, *found.choices) if item and item.sku == sku), None)
        if mine is None:
            other = found.item or found.choices[0]
            return Goods(False, "wrong", notice("not_counted_here", name=other.name), item=other)
        units = self.begun(sku) + found.units
        self.count_so_far(sku, units)
        return Goods(True, "right", notice("counting", units=units, name=mine.name), item=mine, units=found.units)

    # ------------------------------------------------------------ receiving

    def delivery_number(self, raw: str) -> str | None:
        """The number of a delivery that was scanned or typed; None when it is an item, or something else of ours."""
        scanned = read(raw)
        if scanned.kind not in GOODS or self._lookup.items_of(scanned):
            return None
        return " ".join(scanned.text.split())[:LONGEST_NUMBER] or None

    def delivery(self, document: str) -> list[ReceivedDoc]:
        """What was received of it, here and on the store's other devices; the newest scan first."""
        return self._view.delivery(document)

    def deliveries(self) -> list[str]:
        """Numbers of deliveries that were worked on lately."""
        return self._view.deliveries()

    def got(self, document: str, sku: str, line: int | None = None) -> Got:
        """What this device has received of an item so far."""
        return self._view.got(document, line, sku)

    def receive(self, document: str, sku: str, good: int, damaged: int, line: int | None = None) -> Result:
        """This device has received so many of the item in total."""
        values = {"document": document, "line": line, "good": good, "damaged": damaged}
        return self._tell(ReceiveStock, "received", sku, values, units=good + damaged)

    def receive_scan(self, document: str, raw: str, symbology: str = "", part: Part = "good") -> Goods | None:
        """One more of the item that was scanned, kept at once. None: this is no item's code."""
        found = self._goods(raw, symbology)
        return self.receive_more(document, found, part) if found and found.item else found

    def receive_more(self, document: str, found: Goods, part: Part = "good") -> Goods:
        """So many more of an item as a scan said, after its question was answered."""
        item = found.item
        if item is None:
            return found
        with self._db.lock:
            got = self.got(document, item.sku)
            total = {"good": got.good, "damaged": got.damaged}
            total[part] += found.units
            result = self.receive(document, item.sku, **total)
        return Goods(result.ok, result.tone, result.notice, n=result.n, item=item, units=found.units)

    # ------------------------------------------------------------ what both need

    def _goods(self, raw: str, symbology: str) -> Goods | None:
        """What was scanned: an item and how many (a carton says so, a weighed label its grams)."""
        self._session.touch()
        scanned = read(raw, symbology or None)
        if scanned.kind not in GOODS:
            return None
        items = self._lookup.items_of(scanned)
        if not items:
            return Goods(False, "wrong", notice("unknown_code", scanned=scanned.text[:80]))
        if len(items) > 1:
            units = scanned.count or 1
            return Goods(False, "note", notice("which_item"), units=units, choices=tuple(items))
        return _one(items[0], scanned)

    def _tell(self, kind: type[Input], code: str, sku: str, values: dict[str, Any], **said: str | int) -> Result:
        """Queue a fact about this store's stock, as the person who is signed in."""
        actor = self._session.actor
        if actor is None:
            return refused("sign_in_first")
        self._session.touch()
        if any(isinstance(each, int) and not -MAX_QUANTITY <= each <= MAX_QUANTITY for each in values.values()):
            return refused("too_many", most=MAX_QUANTITY)
        if any(isinstance(values.get(name), int) and values[name] < 0 for name in ("units", "good", "damaged")):
            return refused("below_zero")
        with self._db.lock:
            item = self._lookup.item(sku)
            if item is None and self._view.stock(sku) is None:
                return refused("unknown_item", sku=sku)
            command = kind.model_validate({"sku": sku, "node": self._lookup.node.code, **values})
            queued = self._outbox.append(command, actor)
        self._bus.tell(Topic.STOCK, Topic.SYNC)
        self._queued()
        words = notice(code, sku=sku, name=item.name if item else sku, **said)
        return Result(True, "right", words, n=queued.n)


def _one(item: ItemDoc, scanned: Scanned) -> Goods:
    if "weighed" in item.flags and not scanned.grams:
        return Goods(False, "note", notice("type_the_weight", name=item.name))
    units = scanned.grams or scanned.count or 1
    return Goods(True, "right", notice("scanned_item", name=item.name), item=item, units=units)
