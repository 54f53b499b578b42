"""What screens read: the replica with the unsettled commands replayed on top, by the very rules the server uses.

Jobs that are open (or have a command waiting) are kept in memory, ready to show. A new command touches its own job
only; a page of the feed touches the jobs it names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

from shared import fulfilment as f
from shared.exceptions import PUT_BACK
from shared.fulfilment import Fulfilment, apply
from shared.stock import Got, ReceivedDoc, StockDoc
from shared.sync import AdjustStock, CountStock, ExceptionDoc, ReceiveStock, SettleException
from store_app.engine.commands import Queued
from store_app.engine.db import Database
from store_app.engine.shelf import ShelfFacts

_OPEN = json.dumps(sorted(str(state) for state in f.OPEN_STATES))
_OPEN_JOBS = "json_extract(body, '$.state') IN (SELECT value FROM json_each(?))"


K = TypeVar("K")


class View:
    """The device's own truth. All methods are called (or take) under the store's lock."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.device = ""
        self._base: dict[UUID, Fulfilment] = {}
        self._now: dict[UUID, Fulfilment] = {}
        self._pending: dict[UUID, list[Queued]] = {}
        self._shelf = ShelfFacts(db)
        self._answered: dict[UUID, Queued] = {}
        self._by_code: dict[str, set[UUID]] = {}
        self._exceptions: list[ExceptionDoc] | None = None
        """Read when they are asked for, until the replica moves or one is answered."""

    def load(self, device: str, queue: Iterable[Queued]) -> None:
        """Read everything afresh: when the store is opened, and after a snapshot."""
        with self._db.lock:
            self.device = device
            self._exceptions = None
            self._shelf.clear()
            for known in (self._base, self._now, self._pending, self._answered, self._by_code):
                known.clear()
            for job in self._db.jobs(_OPEN_JOBS, _OPEN):
                self._base[job.id] = job
                self._show(job.id, job)
            for queued in queue:
                self.add(queued)

    # ------------------------------------------------------------ reading

    def job(self, id_: UUID) -> Fulfilment | None:
        """A job as it stands on this device, finished ones too."""
        with self._db.lock:
            known = self._now.get(id_)
            return known if known is not None else self._fetch(id_)

    def jobs(self) -> list[Fulfilment]:
        """Every job kept in memory: all open ones, and those finished since the app was opened."""
        with self._db.lock:
            return list(self._now.values())

    def coded(self, code: str) -> list[Fulfilment]:
        """Jobs with this number, order number, locator, package or staging place (upper-case)."""
        with self._db.lock:
            return [self._now[id_] for id_ in self._by_code.get(code.upper(), ())]

    def waiting_for(self, id_: UUID) -> int:
        """Commands of this job that the server has not settled."""
        return len(self._pending.get(id_, ()))

    def stock(self, sku: str) -> StockDoc | None:
        """The position here with the corrections, counts and receipts that still wait."""
        with self._db.lock:
            body = self._db.document("stock", sku)
            return self._shelf.shown(StockDoc.model_validate_json(body) if body else None, sku)

    def in_hand(self, sku: str) -> int:
        """Units in totes and bags of jobs, and those that wait to be put back: on record, and not on the shelf."""
        with self._db.lock:
            held = sum(line.held for job in self._now.values() for line in job.lines if line.sku == sku)
            tasks = [doc for doc in self.exceptions() if doc.kind == PUT_BACK]
            back = [line for doc in tasks for line in doc.lines if line.sku == sku]
            return held + sum(line.quantity - line.damaged for line in back)

    def delivery(self, document: str) -> list[ReceivedDoc]:
        """What was received of a delivery, here and elsewhere in the store; the newest scan first."""
        with self._db.lock:
            return self._shelf.delivery(document, self.device)

    def got(self, document: str, line: int | None, sku: str) -> Got:
        """What this device has received of one item of a delivery so far."""
        with self._db.lock:
            return self._shelf.got(document, line, sku, self.device)

    def deliveries(self) -> list[str]:
        """Numbers of deliveries that were worked on lately, the latest first."""
        with self._db.lock:
            return self._shelf.deliveries()

    def exceptions(self) -> list[ExceptionDoc]:
        """What must be settled here, oldest first, without what was settled on this device already."""
        with self._db.lock:
            if self._exceptions is None:
                docs = [ExceptionDoc.model_validate_json(body) for body in self._db.documents("exception")]
                open_ = [doc for doc in docs if doc.settled_at is None and doc.id not in self._answered]
                self._exceptions = sorted(open_, key=lambda doc: (doc.opened_at, doc.id))
            return list(self._exceptions)

    # ------------------------------------------------------------ changing

    def add(self, queued: Queued) -> None:
        """A command was queued: its effect shows at once."""
        with self._db.lock:
            if isinstance(queued.command, AdjustStock | CountStock | ReceiveStock):
                self._shelf.add(queued, self.device, self.in_hand)
            elif isinstance(queued.command, SettleException):
                self._answered[queued.command.exception] = queued
                self._exceptions = None
            elif (id_ := queued.job) is not None:
                job = self.job(id_)
                self._pending.setdefault(id_, []).append(queued)
                if job is not None:
                    self._show(id_, apply(job, queued.command, queued.context(self.device)).fulfilment)

    def refresh(self, jobs: Iterable[UUID], settled: Iterable[int]) -> None:
        """The replica has moved: forget settled commands, replay the others over the jobs that changed."""
        gone = frozenset(settled)
        with self._db.lock:
            self._exceptions = None
            touched = set(jobs) | self._without(gone)
            for id_ in touched:
                self._base.pop(id_, None)
                self._hide(id_)
                job = self._fetch(id_)
                for queued in self._pending.get(id_, ()) if job else ():
                    job = apply(job, queued.command, queued.context(self.device)).fulfilment if job else None
                if job is not None:
                    self._show(id_, job)

    def reread(self, jobs: Iterable[UUID]) -> None:
        """These were wiped in the replica: what is in memory of them follows."""
        for id_ in jobs:
            self._base.pop(id_, None)
            if id_ in self._now:
                self.refresh([id_], ())

    def _without(self, gone: frozenset[int]) -> set[UUID]:
        """Drop settled commands; the jobs they belonged to."""
        if not gone:
            return set()
        touched = set()
        for id_, pending in list(self._pending.items()):
            kept = [queued for queued in pending if queued.n not in gone]
            if len(kept) != len(pending):
                touched.add(id_)
                _keep(self._pending, id_, kept)
        self._shelf.settled(gone)
        for exception, queued in list(self._answered.items()):
            if queued.n in gone:
                del self._answered[exception]
        return touched

    def _fetch(self, id_: UUID) -> Fulfilment | None:
        """The job as the replica has it."""
        known = self._base.get(id_)
        if known is None and (known := self._db.job(str(id_))):
            self._base[id_] = known
        return known

    def _show(self, id_: UUID, job: Fulfilment) -> None:
        before = self._now.get(id_)
        if before is not None and _codes(before) != _codes(job):
            self._hide(id_)
            before = None
        self._now[id_] = job
        if before is None:
            for code in _codes(job):
                self._by_code.setdefault(code, set()).add(id_)

    def _hide(self, id_: UUID) -> None:
        job = self._now.pop(id_, None)
        for code in _codes(job) if job else ():
            self._by_code[code].discard(id_)


def _keep(pending: dict[K, list[Queued]], key: K, kept: list[Queued]) -> None:
    if kept:
        pending[key] = kept
    else:
        pending.pop(key, None)


def _codes(job: Fulfilment) -> frozenset[str]:
    codes = [job.number, job.order_number, job.locator, job.staging, *(p.id for p in job.packages if len(p.id) > 2)]
    return frozenset(code.upper() for code in codes if code)
