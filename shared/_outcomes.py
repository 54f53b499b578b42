"""The small vocabulary of the fulfilment rules: move a job, leave it, refuse, or call it a contradiction."""

from __future__ import annotations

from typing import Any

from shared import fulfilment as f
from shared.fulfilment import Fulfilment, JobLine, Notice, Outcome, Package, State


def moved(job: Fulfilment, event: str, **changes: Any) -> Fulfilment | None:
    """The job after `event`, or None when its state has no such row."""
    target = f.FULFILMENT.target(job.state, event, job.method)
    return None if target is None else job.model_copy(update={"state": State(target), **changes})


def can(job: Fulfilment, event: str) -> bool:
    return f.FULFILMENT.can(job.state, event, job.method)


def closed(job: Fulfilment) -> bool:
    return job.state in f.FULFILMENT.finals


def same(job: Fulfilment) -> Outcome:
    return Outcome(fulfilment=job, changed=False)


def refuse(job: Fulfilment, code: str, **values: str | int) -> Outcome:
    return Outcome(fulfilment=job, changed=False, refusal=Notice(code=code, values=values))


def contradiction(job: Fulfilment, code: str, **values: str | int) -> Outcome:
    """A fact the books cannot follow: nothing changes, a person settles it."""
    notice = Notice(code=code, values={"state": job.state.value, **values})
    return Outcome(fulfilment=job, changed=False, exception=notice)


def with_line(job: Fulfilment, line: JobLine) -> tuple[JobLine, ...]:
    return tuple(line if each.line == line.line else each for each in job.lines)


def put_back_extra(line: JobLine, extra: int) -> Notice:
    """More was picked or packed than is wanted (two people, or a cancellation meanwhile): put the extra units back."""
    return Notice(code="put_back_extra", values={"line": line.line, "sku": line.sku, "units": extra})


def trimmed(packages: tuple[Package, ...], held: dict[int, int]) -> tuple[Package, ...]:
    """The packages with no more of a line than is held, taken out of the last package first."""
    room = dict(held)
    kept = []
    for package in packages:
        lines = []
        for part in package.lines:
            units = min(part.quantity, room.get(part.line, 0))
            room[part.line] = room.get(part.line, 0) - units
            if units:
                lines.append(part.model_copy(update={"quantity": units}))
        kept.append(package.model_copy(update={"lines": tuple(lines)}))
    return tuple(package for package in kept if package.lines)


def held_units(job: Fulfilment) -> dict[int, int]:
    """Line number -> units in the bag or tote, for lines that have any."""
    return {line.line: line.held for line in job.lines if line.held > 0}
