"""What needs a person here: open exceptions, units to put back, and what became of this device's own commands.

One list, most urgent first, and one count for the pill. What customer care must settle stands apart: the store may
help, but nobody here is waited for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared.exceptions import PUT_BACK, kind_of
from shared.fulfilment import Fulfilment, Notice
from shared.sync import ExceptionDoc
from store_app.engine.commands import Queued

MAY_WAIT = timedelta(hours=1)
"""How long an outcome that stops nobody may stay unread before it comes above what is due later."""
STOPS = frozenset({"refused", "exception"})
"""Outcomes that are red: what was done did not count as it was meant."""


@dataclass(frozen=True)
class Need:
    """One thing on the list: an exception of the store, or the outcome of a command of this device."""

    by_when: datetime
    urgent: bool
    exception: ExceptionDoc | None = None
    answer: Queued | None = None

    @property
    def key(self) -> str:
        return f"e{self.exception.id}" if self.exception else f"n{self.answer.n if self.answer else 0}"

    @property
    def notice(self) -> Notice:
        """What happened, as a code for the catalogues and its values."""
        if self.exception is not None:
            values = {name: value for name, value in self.exception.values.items() if value is not None}
            return Notice(code=self.exception.kind, values=values)
        outcome = self.answer.outcome if self.answer else None
        return (outcome and outcome.notice) or Notice(code="held")

    @property
    def job(self) -> UUID | None:
        """The job it is about."""
        return self.exception.fulfilment if self.exception else self.answer.job if self.answer else None

    @property
    def put_back(self) -> bool:
        return self.exception is not None and self.exception.kind == PUT_BACK

    @property
    def with_care(self) -> bool:
        return self.exception is not None and self.exception.owner_role == "agent"


def needs(exceptions: Iterable[ExceptionDoc], answers: Iterable[Queued]) -> list[Need]:
    """Everything, most urgent first: by when somebody must act, red before amber where that is the same."""
    docs, queue = list(exceptions), list(answers)
    told = {queued.n for doc in docs for queued in told_by(doc, queue)}
    rest = [queued for queued in queue if queued.n not in told]
    found = [*map(_of_exception, docs), *map(_of_answer, rest)]
    return sorted(found, key=lambda need: (need.by_when, not need.urgent, need.key))


def told_by(doc: ExceptionDoc, answers: Iterable[Queued]) -> list[Queued]:
    """Outcomes that say no more than this put-back task: a claim on the job that came too late."""
    return [each for each in answers if doc.kind == PUT_BACK and each.job == doc.fulfilment and _too_late(each)]


def _too_late(queued: Queued) -> bool:
    notice = queued.outcome.notice if queued.outcome else None
    return notice is not None and notice.code == "job_closed"


def waited_for(exceptions: Iterable[ExceptionDoc], answers: Iterable[Queued]) -> list[Need]:
    """What somebody here must do, without what customer care owns: what the pill counts."""
    return [need for need in needs(exceptions, answers) if not need.with_care]


def _of_exception(doc: ExceptionDoc) -> Need:
    return Need(doc.due_at or doc.opened_at, kind_of(doc.kind).urgent, exception=doc)


def _of_answer(queued: Queued) -> Need:
    stops = queued.outcome is not None and queued.outcome.status in STOPS
    return Need(queued.made_at + (timedelta() if stops else MAY_WAIT), stops, answer=queued)


def concerns(need: Need, person: str, job: Fulfilment | None) -> bool:
    """Whether this person should be told at once: it is about what they did, or what they have in hand."""
    if need.answer is not None:
        return need.answer.actor == person
    return need.exception is not None and person in (need.exception.opened_by, job and job.assignee)
