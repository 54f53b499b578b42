"""Units to carry back to their shelves: what a command adds to a job's task, and what is missing in the end.

A job *freed* units when they had been picked and are not wanted any more (cancelled, sent back, expired, refused at
the counter). *Extra* units were never the job's: more was picked or packed than wanted. The books of the job know the
first; the second is told by the totals of commands, which are absolute, so a command seen twice adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import Field, computed_field

from shared.fulfilment import Command, Exit, Fulfilment, HandOff, JobLine, Outcome, Pack, Pick, Substitute, UnitMove
from shared.kernel import Count, Input, Sku, Wire
from shared.orders import stand_in_line

PACKED = "packed"
"""Source of what a bag holds too much; it may be the very units that were picked too many."""


class TaskLine(Wire):
    """Units of one line that are not where they belong."""

    line: int
    sku: Sku
    freed: int = Field(default=0, description="Units the job had in hand and gave up.")
    damaged: int = Field(default=0, description="How many of them go to the damaged goods.")
    extra: dict[str, int] = Field(
        default_factory=dict, description="Where it was noticed (a device, or `packed`) -> units the job never wanted."
    )
    missing: int = Field(default=0, description="Freed units that nobody found when the task was done.")

    @computed_field(description="Units to carry.")  # type: ignore[prop-decorator]
    @property
    def quantity(self) -> int:
        picked = sum(units for source, units in self.extra.items() if source != PACKED)
        return self.freed + max(picked, self.extra.get(PACKED, 0))


class Found(Input):
    """Units of a line that really were carried back, in total."""

    line: int = Field(ge=1)
    quantity: Count


@dataclass
class Told:
    """What one command says about one line. `extra` is absolute, the others are differences."""

    sku: Sku
    freed: int = 0
    damaged: int = 0
    extra: dict[str, int] = field(default_factory=dict)


def told_by(before: Fulfilment, command: Command, outcome: Outcome, device: str) -> dict[int, Told]:
    """Line -> what `command` says about units to put back; lines about which it says nothing are not there."""
    told: dict[int, Told] = {}
    was = {line.line: line.put_back for line in before.lines}
    for now in outcome.fulfilment.lines:
        if freed := now.put_back - was.get(now.line, 0):
            told.setdefault(now.line, Told(now.sku)).freed = freed
    if isinstance(command, HandOff):
        for move in outcome.moves:
            if move.exit is Exit.CANCEL and move.reason == "damaged":
                told.setdefault(move.line, Told(move.sku)).damaged += move.quantity
    for line, sku, units in _extra(command, outcome, device):
        told.setdefault(line, Told(sku)).extra = {PACKED if isinstance(command, Pack) else device: units}
    return told


def _extra(command: Command, outcome: Outcome, device: str) -> list[tuple[int, Sku, int]]:
    """(line, SKU, units) in hand above what the books say; no units where the command says that there are none."""
    job = outcome.fulfilment
    match command:
        case Pick() if line := job.line(command.line):
            return [(line.line, line.sku, max(0, command.total - line.picked_by.get(device, 0)))]
        case Substitute() if line := job.line(command.line):
            return _extra_substitutes(job, line, command, device)
        case Pack() if outcome.exception is None:
            packed: dict[int, int] = {}
            for part in (part for package in command.packages for part in package.lines):
                packed[part.line] = packed.get(part.line, 0) + part.quantity
            mine = [(line, packed[line.line]) for line in job.lines if line.line in packed]
            return [(line.line, line.sku, max(0, units - line.held)) for line, units in mine]
    return []


def _extra_substitutes(job: Fulfilment, line: JobLine, command: Substitute, device: str) -> list[tuple[int, Sku, int]]:
    """Substitutes that were taken although their line wanted no more; those nobody agreed to are told otherwise."""
    if command.sku not in line.substitutes:
        return []
    number = stand_in_line(line.line, line.substitutes.index(command.sku))
    instead = job.line(number)
    booked = instead.picked_by.get(device, 0) if instead else 0
    return [(number, command.sku, max(0, command.total - booked))]


def after(lines: Sequence[TaskLine], told: Mapping[int, Told]) -> tuple[TaskLine, ...]:
    """The task's lines with what was told; lines with nothing to carry are gone."""
    known = {line.line: line for line in lines}
    for number, news in told.items():
        line = known.get(number) or TaskLine(line=number, sku=news.sku)
        freed = max(0, line.freed + news.freed)
        extra = {source: units for source, units in (line.extra | news.extra).items() if units}
        damaged = min(freed, line.damaged + news.damaged)
        known[number] = line.model_copy(update={"freed": freed, "damaged": damaged, "extra": extra})
    return tuple(line for _, line in sorted(known.items()) if line.quantity)


def left(moves: Iterable[UnitMove]) -> dict[int, Told]:
    """Line -> units that left the building although nobody was to have them."""
    gone: dict[int, Told] = {}
    for move in moves:
        if move.exit is Exit.LEFT:
            gone.setdefault(move.line, Told(move.sku)).freed += move.quantity
    return gone


def done(lines: Sequence[TaskLine], found: Sequence[Found]) -> tuple[TaskLine, ...]:
    """The task's lines with what is missing, when `found` units were carried back (none named: all of them).

    A unit that was only ever extra and is not there was scanned twice: it never left its shelf.
    """
    if not found:
        return tuple(lines)
    units = {part.line: part.quantity for part in found}
    return tuple(line.model_copy(update={"missing": max(0, line.freed - units.get(line.line, 0))}) for line in lines)
