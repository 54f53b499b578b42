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
from shared.fulfilment import Fulfilment, apply
from shared.stock import StockDoc
from shared.sync import AdjustStock, ExceptionDoc, SettleException
from store_app.engine.commands import Queued
from store_app.engine.db import Database

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
        self._adjusted: dict[str, list[Queued]] = {}
        self._answered: dict[UUID, Queued] = {}
        self._by_code: dict[str, set[UUID]] = {}
        self._exceptions: list[ExceptionDoc] | None = None
        """Read when they are asked for, until the replica moves or one is answered."""

    def load(self, device: str, queue: Iterable[Queued]) -> None:
        """Read everything afresh: when the store is opened, and after a snapshot."""
        with self._db.lock:
            self.device = device
            self._exceptions = None
            for known in (self._base, self._now, self._pending, self._adjusted, self._answered, self._by_code):
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
        """The position here with the adjustments that still wait."""
        with self._db.lock:
            body = self._db.document("stock", sku)
            doc = StockDoc.model_validate_json(body) if body else None
            for queued in self._adjusted.get(sku, ()):
                doc = _adjusted(doc, queued.command)
            return doc

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
            if isinstance(queued.command, AdjustStock):
                self._adjusted.setdefault(queued.command.sku, []).append(queued)
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
        for sku, pending in list(self._adjusted.items()):
            _keep(self._adjusted, sku, [queued for queued in pending if queued.n not in gone])
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


def _adjusted(doc: StockDoc | None, command: AdjustStock) -> StockDoc | None:
    """The position after an adjustment, its arithmetic moved along."""
    if doc is None:
        return None
    bucket = command.bucket.value
    buckets = doc.buckets.model_copy(update={bucket: getattr(doc.buckets, bucket) + command.delta})
    atp = doc.atp.model_copy(update={"on_hand": buckets.on_hand, "not_sellable": buckets.not_sellable})
    return doc.model_copy(update={"buckets": buckets, "atp": atp})
