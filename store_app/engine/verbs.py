"""What every verb does: check who is there, ask the rules, queue the command, tell the screens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.fulfilment import Context, Fulfilment, apply
from shared.sync import happened_at
from store_app.engine.clock import Clock
from store_app.engine.db import Database
from store_app.engine.effective import View
from store_app.engine.guard import Guard
from store_app.engine.lookup import Lookup
from store_app.engine.notify import Bus, Topic
from store_app.engine.outbox import Outbox
from store_app.engine.results import Result, done, refused, verdict
from store_app.engine.session import Session

JobId = UUID | str


class Verbs:
    """Shared by all groups of verbs. A verb that changes nothing queues nothing."""

    def __init__(
        self,
        db: Database,
        view: View,
        outbox: Outbox,
        lookup: Lookup,
        session: Session,
        guard: Guard,
        clock: Clock,
        bus: Bus,
        queued: Callable[[], None],
    ) -> None:
        self._db, self._view, self._outbox, self._lookup = db, view, outbox, lookup
        self._session, self._guard, self._clock, self._bus, self._queued = session, guard, clock, bus, queued

    def server_time(self) -> datetime:
        """The device's clock, corrected by what was measured when it last heard of the server."""
        return happened_at(self._clock.now(), self._outbox.offset_ms)

    def _do(self, job_id: JobId, make: Callable[[UUID, Fulfilment], Any], code: str, **values: str | int) -> Result:
        """Carry out the command that `make` returns for the job, as the person who is signed in."""
        actor = self._session.actor
        if actor is None:
            return refused("sign_in_first")
        self._session.touch()
        id_ = UUID(str(job_id))
        with self._db.lock:
            job = self._view.job(id_)
            if job is None:
                return refused("unknown_job")
            command = make(id_, job).model_copy(update={"lease": _held(job, actor)})
            outcome = apply(job, command, Context(at=self.server_time(), actor=actor, device=self._view.device))
            if said := verdict(outcome):
                return said
            queued = self._outbox.append(command, actor)
            after = self._view.job(id_) or outcome.fulfilment
        self._bus.tell(Topic.JOBS, Topic.SYNC)
        self._queued()
        if outcome.adjustment:
            return Result(True, "note", outcome.adjustment, after, queued.n)
        return done(code, after, queued.n, **values)

    def _mine(self, job: Fulfilment, line: int) -> tuple[int, int]:
        """Units of the line this device has picked, and has reported short."""
        found = job.line(line)
        device = self._view.device
        return (found.picked_by.get(device, 0), found.short_by.get(device, 0)) if found else (0, 0)


def _held(job: Fulfilment, actor: str) -> int | None:
    """The token of the lease this person has, as far as this device knows."""
    return job.lease.token if job.lease and job.lease.person == actor else None
