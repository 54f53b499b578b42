"""Finding things on the device: items, positions, jobs, people. Nothing here writes or asks the network."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from pydantic import BaseModel

from shared.barcodes import ScanKind, Scanned, order_number, order_number_of, read, split_short_code
from shared.fulfilment import Fulfilment
from shared.stock import StockDoc
from shared.sync import ExceptionDoc, ItemDoc, NodeDoc, PersonDoc
from store_app.engine.clock import Clock
from store_app.engine.db import Database, Row
from store_app.engine.effective import View
from store_app.engine.notify import Bus, Topic

D = TypeVar("D", bound=BaseModel)
NOWHERE = NodeDoc(code="NOWHERE", name="", type="store", time_zone="UTC", currency="USD")
"""Before the first sync."""


class Lookup:
    """Reads for screens."""

    def __init__(self, db: Database, view: View, clock: Clock, bus: Bus) -> None:
        self._db, self._view, self._clock = db, view, clock
        self._node: NodeDoc | None = None
        self._people: dict[str, PersonDoc] | None = None
        bus.subscribe(self._forget, Topic.SETTINGS, Topic.SESSION)

    def _forget(self) -> None:
        self._node, self._people = None, None

    # ------------------------------------------------------------ the store

    @property
    def node(self) -> NodeDoc:
        """The store itself."""
        node = self._node
        if node is None:
            with self._db.lock:
                own = self._db.meta("node")
                body = self._db.document("node", own) if own else None
                node = self._node = NodeDoc.model_validate_json(body) if body else NOWHERE
        return node

    def people(self) -> list[PersonDoc]:
        """Active staff, by name."""
        return list(self._staff().values())

    def person(self, id_: str) -> PersonDoc | None:
        return self._staff().get(id_)

    def _staff(self) -> dict[str, PersonDoc]:
        """Read under the store's lock, so that what is kept here is never older than the last word of `_forget`."""
        known = self._people
        if known is None:
            with self._db.lock:
                found = [PersonDoc.model_validate_json(body) for body in self._db.documents("person")]
                known = {person.id: person for person in sorted(found, key=lambda p: p.name) if person.active}
                self._people = known
        return known

    def person_name(self, id_: str | None) -> str:
        """For a sentence; the id itself when the person is not known here."""
        person = self.person(id_) if id_ else None
        return person.name if person else (id_ or "")

    # ------------------------------------------------------------ items

    def item(self, sku: str) -> ItemDoc | None:
        body = self._db.document("item", sku)
        return ItemDoc.model_validate_json(body) if body else None

    def items_of(self, scanned: Scanned) -> list[ItemDoc]:
        """Every item a scan may mean: GTIN, its other readings, an alternate code, a SKU."""
        codes: list[str | None] = [scanned.gtin, *scanned.also]
        if scanned.kind in (ScanKind.ITEM, ScanKind.PACKAGE):
            codes += [scanned.text, scanned.value if scanned.grams else None]
        elif scanned.kind in (ScanKind.UNKNOWN, ScanKind.SHORT_CODE, ScanKind.ORDER):
            codes.append(scanned.text)
        return self._by_codes(code.upper() for code in codes if code)

    def items_by_code(self, raw: str) -> list[ItemDoc]:
        """The items of a raw scan or a typed code."""
        return self.items_of(read(raw))

    def _by_codes(self, codes: Iterable[str]) -> list[ItemDoc]:
        skus: dict[str, None] = {}
        for code in dict.fromkeys(codes):
            rows = self._db.all("SELECT sku FROM barcode WHERE code = ?", code)
            skus.update(dict.fromkeys(row[0] for row in rows))
            if not rows and self._db.document("item", code):
                skus[code] = None
        return [item for sku in skus if (item := self.item(sku))]

    def search_items(self, text: str, limit: int = 50) -> list[ItemDoc]:
        """By any code first, then by the beginnings of all words given."""
        found = {item.sku: item for item in self.items_by_code(text)} if text.strip() else {}
        words = re.findall(r"\w+", text.lower())
        if words:
            for (body,) in self._words(words, limit):
                item = ItemDoc.model_validate_json(body)
                found.setdefault(item.sku, item)
        return list(found.values())[:limit]

    def _words(self, words: list[str], limit: int) -> list[Row]:
        if self._db.full_text:
            sql = (
                "SELECT d.body FROM item_search s JOIN document d ON d.key = s.rowid WHERE item_search MATCH ? LIMIT ?"
            )
            return self._db.browse(sql, " ".join(f'"{word}"*' for word in words), limit)
        # Without FTS5: every word somewhere, the longest first since it leaves the fewest rows.
        longest, *others = sorted(words, key=len, reverse=True)
        sql = "SELECT d.body, s.words FROM item_search s JOIN document d ON d.key = s.rowid WHERE s.words LIKE ?"
        rows = self._db.browse(sql, f"%{longest}%")
        return [(body,) for body, text in rows if all(word in text.lower() for word in others)][:limit]

    # ------------------------------------------------------------ stock

    def stock(self, sku: str) -> StockDoc | None:
        """The item here, by bucket, with the arithmetic of what is available; waiting adjustments included."""
        return self._view.stock(sku)

    def variants(self, item: ItemDoc, limit: int = 30) -> list[tuple[ItemDoc, StockDoc | None]]:
        """Other sizes and colours: items of the same name."""
        same = [other for other in self.search_items(item.name, 200) if other.name == item.name]
        return [(other, self.stock(other.sku)) for other in same if other.sku != item.sku][:limit]

    # ------------------------------------------------------------ jobs

    def job(self, id_: UUID | str) -> Fulfilment | None:
        return self._view.job(UUID(str(id_)))

    def jobs_by_code(self, raw: str) -> list[Fulfilment]:
        """Jobs a label, number, locator, package or staging place means; finished ones too."""
        code = self._code(raw)
        found = self._view.coded(code)
        return found or self._finished(code)

    def _code(self, raw: str) -> str:
        scanned = read(raw)
        if scanned.kind is ScanKind.SHORT_CODE and (parts := split_short_code(scanned.text)):
            return parts[0]
        number = order_number_of(raw)
        if number is not None:
            return order_number(number)
        return (scanned.value or scanned.text).upper()

    def _finished(self, code: str) -> list[Fulfilment]:
        return self._db.jobs(
            "? IN (upper(json_extract(body, '$.number')), json_extract(body, '$.order_number'),"
            " json_extract(body, '$.locator')) LIMIT 20",
            code,
        )

    def search_jobs(self, text: str, limit: int = 50) -> list[Fulfilment]:
        """By number, code, customer's name, last digits of the phone, or item; open ones first, by due time."""
        coded = self.jobs_by_code(text) if text.strip() else []
        words = text.casefold().split()
        skus = {item.sku for item in self.items_by_code(text)} if words else set()
        found = {job.id: job for job in coded}
        for job in sorted(self._view.jobs(), key=by_due):
            if words and (_matches(job, words) or any(line.sku in skus for line in job.lines)):
                found.setdefault(job.id, job)
        return list(found.values())[:limit]

    def finished_jobs(self, limit: int = 100) -> list[Fulfilment]:
        """Done, newest first: today's from memory, earlier ones from the replica."""
        return self._db.jobs(
            "json_extract(body, '$.state') IN ('handed_off', 'shipped', 'delivered', 'short', 'rejected', 'expired',"
            " 'cancelled') ORDER BY key DESC LIMIT ?",
            limit,
        )

    def soon(self) -> timedelta:
        """What counts as due soon in this store."""
        return timedelta(minutes=float(self.node.policy.get("due_soon_minutes", 30)))

    def exceptions(self) -> list[ExceptionDoc]:
        """What must be settled here, oldest first."""
        return self._view.exceptions()


def zone_of(bin_: str) -> str:
    """The part of the shop a bin lies in: what stands before its first dash or space."""
    return re.split(r"[-\s/]", bin_, maxsplit=1)[0]


def by_due(job: Fulfilment) -> tuple[bool, str, str]:
    """Work order: what is due first comes first; without a due time last."""
    due = job.due_at or job.expires_at
    return (due is None, due.isoformat() if due else "", job.number)


def _matches(job: Fulfilment, words: list[str]) -> bool:
    text = f"{job.number} {job.order_number} {job.customer} {job.staging or ''}".casefold()
    digits = "".join(c for c in job.phone or "" if c.isdigit())
    return all(word in text or (word.isdigit() and len(word) >= 3 and digits.endswith(word)) for word in words)
