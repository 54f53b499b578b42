"""Verbs of carrying units back: the walk from shelf to shelf, and what a scan on the way means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from shared.barcodes import ScanKind, read
from shared.put_back import Found, TaskLine
from shared.stock import StockDoc
from shared.sync import ExceptionDoc, ItemDoc, SettleException
from store_app.engine.needs import told_by
from store_app.engine.notify import Topic
from store_app.engine.results import Result, done, notice, refused
from store_app.engine.verbs import Verbs

ITEMS = frozenset({ScanKind.ITEM, ScanKind.UNKNOWN})
"""Codes that may be an item's; any other is not for the walk."""


@dataclass(frozen=True)
class CarryStep:
    """One line of the walk."""

    line: TaskLine
    item: ItemDoc | None
    stock: StockDoc | None

    @property
    def weighed(self) -> bool:
        return self.item is not None and "weighed" in self.item.flags


@dataclass(frozen=True)
class Carried(Result):
    """What a scan on the walk came to: `units` of `line` are back now."""

    line: int = 0
    units: int = 0


class PutBackVerbs(Verbs):
    """What is carried is not written down before all of it is: until then it is only on the screen."""

    def exception(self, id_: UUID | str) -> ExceptionDoc | None:
        """One that is open as this device knows it."""
        return next((doc for doc in self._lookup.exceptions() if str(doc.id) == str(id_)), None)

    def carry_list(self, doc: ExceptionDoc) -> list[CarryStep]:
        """Its lines in walking order."""
        steps = [CarryStep(line, self._lookup.item(line.sku), self._view.stock(line.sku)) for line in doc.lines]
        return sorted(steps, key=_place)

    def carry_scan(self, doc: ExceptionDoc, back: Mapping[int, int], raw: str, symbology: str = "") -> Carried | None:
        """A scan at a shelf; `back` says how many of each line are there already. None: this is no item's code."""
        self._session.touch()
        scanned = read(raw, symbology or None)
        if scanned.kind not in ITEMS:
            return None
        items = self._lookup.items_of(scanned)
        if not items:
            return Carried(False, "wrong", notice("unknown_code", scanned=scanned.text[:80]))
        mine = [step for step in self.carry_list(doc) if step.line.sku in {item.sku for item in items}]
        left = next((step for step in mine if step.line.quantity > back.get(step.line.line, 0)), None)
        if left is None:
            code = "carried_all" if mine else "not_in_task"
            return Carried(False, "wrong", notice(code, name=_name(items[0])))
        units = left.line.quantity - back.get(left.line.line, 0) if left.weighed else 1
        name = _name(left.item) if left.item else left.line.sku
        return Carried(True, "right", notice("carried_back", name=name), line=left.line.line, units=units)

    def settle_exception(
        self, exception: UUID, resolution: str, note: str | None = None, found: tuple[Found, ...] | list[Found] = ()
    ) -> Result:
        """What an exception asked for has been done; once, though two may have it on their screens. `found`: units
        that were carried back, where some are missing."""
        actor = self._session.actor
        if actor is None:
            return refused("sign_in_first")
        command = SettleException(exception=exception, resolution=resolution, note=note, lines=tuple(found))
        with self._db.lock:
            doc = self.exception(exception)
            if doc is None:
                return Result(True, "note", notice("already_done"))
            queued = self._outbox.append(command, actor)
            for told in told_by(doc, self._outbox.unseen()):
                self._outbox.seen(told.n)
        self._bus.tell(Topic.NEEDS_YOU, Topic.SYNC)
        self._queued()
        return done("exception_settled", n=queued.n)


def _name(item: ItemDoc) -> str:
    return f"{item.name} {item.variant}".strip()


def _place(step: CarryStep) -> tuple[int, str, int]:
    shelf = step.stock
    return (shelf.walk if shelf else 1_000_000, (shelf and shelf.bin) or "", step.line.line)
