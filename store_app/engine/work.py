"""The work of the store as screens see it: what to do today, and the verbs to do it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from shared import fulfilment as f
from shared.fulfilment import Fulfilment, State
from store_app.engine.counter import CounterVerbs
from store_app.engine.lookup import by_due
from store_app.engine.needs import Need, needs, waited_for
from store_app.engine.photos import Photos
from store_app.engine.picking import PickVerbs
from store_app.engine.put_back import PutBackVerbs

Tab = Literal["open", "in_progress", "ready", "done"]
TABS: dict[Tab, frozenset[State]] = {
    "open": frozenset({State.OFFERED}),
    "in_progress": frozenset({State.ACCEPTED, State.PICKING, State.PICKED, State.PACKED}),
    "ready": frozenset({State.READY, State.ON_THE_WAY, State.ARRIVED, State.AWAITING_CARRIER}),
}
_TO_DO = TABS["open"] | TABS["in_progress"]


@dataclass(frozen=True)
class Today:
    """The first screen: what is urgent, and how much there is."""

    arrivals: tuple[Fulfilment, ...]
    """Customers outside, who came first comes first; those who left are not among them."""
    late: tuple[Fulfilment, ...]
    due_soon: tuple[Fulfilment, ...]
    mine: tuple[Fulfilment, ...]
    """Begun by the person who is signed in."""
    expiring: tuple[Fulfilment, ...]
    """Ready bags that go back to the shelf within a day."""
    needs_you: tuple[Need, ...]
    counts: dict[Tab, int]


class Work(PickVerbs, CounterVerbs, PutBackVerbs):
    """See `PickVerbs`, `CounterVerbs` and `PutBackVerbs` for most verbs."""

    def __init__(self, *parts: Any, photos: Photos) -> None:
        super().__init__(*parts)
        self._checked, self._photos = {}, photos

    def jobs(
        self,
        tab: Tab | None = None,
        *,
        method: str | None = None,
        person: str | None = None,
        search: str = "",
    ) -> list[Fulfilment]:
        """Jobs of a tab (None: all that are open), what is due first first. A search looks in every tab."""
        if search.strip():
            found = self._lookup.search_jobs(search)
        elif tab == "done":
            found = self._done()
        else:
            states = TABS[tab] if tab else f.OPEN_STATES
            found = sorted((job for job in self._view.jobs() if job.state in states), key=by_due)
        return [job for job in found if method in (None, job.method) and person in (None, job.assignee)]

    def _done(self) -> list[Fulfilment]:
        """Finished on this device (perhaps not synced yet) before what the replica says is finished."""
        done = (*f.FULFILMENT.finals, "shipped")
        found = {job.id: job for job in self._view.jobs() if job.state in done}
        for job in self._lookup.finished_jobs():
            found.setdefault(job.id, job)
        return list(found.values())

    def job(self, job: UUID | str) -> Fulfilment | None:
        """A job as it stands on this device."""
        return self._lookup.job(job)

    def unsettled(self, job: UUID | str) -> int:
        """Commands of the job that still wait for the server."""
        return self._view.waiting_for(UUID(str(job)))

    def today(self) -> Today:
        """What is urgent now."""
        now = self._clock.now()
        jobs = sorted(self._view.jobs(), key=by_due)
        to_do = [job for job in jobs if job.state in _TO_DO]
        soon = now + self._lookup.soon()
        actor = self._session.actor
        outside = [j for j in jobs if j.arrival.at and not j.arrival.left_at and j.state in f.OPEN_STATES]
        return Today(
            arrivals=tuple(sorted(outside, key=lambda j: j.arrival.at or now)),
            late=tuple(j for j in to_do if j.due_at and j.due_at < now),
            due_soon=tuple(j for j in to_do if j.due_at and now <= j.due_at <= soon),
            mine=tuple(j for j in jobs if actor and j.assignee == actor and j.state in TABS["in_progress"]),
            expiring=tuple(j for j in jobs if j.state in TABS["ready"] and _within_a_day(j.expires_at, now)),
            needs_you=tuple(waited_for(self._lookup.exceptions(), self._outbox.unseen())),
            counts={tab: sum(j.state in states for j in jobs) for tab, states in TABS.items()},
        )

    def start_next(self) -> Fulfilment | None:
        """What to do next: my own begun work first, then what is due first and nobody has."""
        actor = self._session.actor
        mine = [j for j in self.jobs("in_progress") if j.assignee == actor and actor]
        free = [j for j in self.jobs() if j.state in _TO_DO and j.assignee is None]
        return next(iter([*mine, *free]), None)

    def needs(self) -> list[Need]:
        """What needs a person, most urgent first; what customer care owns too."""
        return needs(self._lookup.exceptions(), self._outbox.unseen())


def _within_a_day(at: datetime | None, now: datetime) -> bool:
    return at is not None and (at - now).total_seconds() < 24 * 3600
