"""Units to carry back to their shelves: what a command adds to a job's task, and what is missing in the end.

A job *freed* units when they had been picked and are not wanted any more (cancelled, sent back, expired, refused at
the counter). *Extra* units were never the job's: more was picked or packed than wanted. The books of the job know the
first; the second is told by the totals of commands, which are absolute, so a command seen twice adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import Field, computed_field

from shared.fulfilment import Command, Exit, Fulfilment, HandOff, Outcome, Pack, Pick, UnitMove
from shared.kernel import Count, Input, Sku, Wire

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

    freed: int = 0
    damaged: int = 0
    extra: dict[str, int] = field(default_factory=dict)


def told_by(before: Fulfilment, command: Command, outcome: Outcome, device: str) -> dict[int, Told]:
    """Line -> what `command` says about units to put back; lines about which it says nothing are not there."""
    told: dict[int, Told] = {}
    for was, now in zip(before.lines, outcome.fulfilment.lines, strict=True):
        if now.put_back != was.put_back:
            told.setdefault(now.line, Told()).freed = now.put_back - was.put_back
    if isinstance(command, HandOff):
        for move in outcome.moves:
            if move.exit is Exit.CANCEL and move.reason == "damaged":
                told.setdefault(move.line, Told()).damaged += move.quantity
    for line, units in _extra(command, outcome, device).items():
        told.setdefault(line, Told()).extra = {PACKED if isinstance(command, Pack) else device: units}
    return told


def _extra(command: Command, outcome: Outcome, device: str) -> dict[int, int]:
    """Line -> units that are in hand above what the books say; 0 where the command says that there are none."""
    if isinstance(command, Pick) and (line := outcome.fulfilment.line(command.line)):
        return {line.line: max(0, command.total - line.picked_by.get(device, 0))}
    if isinstance(command, Pack) and outcome.exception is None:
        packed: dict[int, int] = {}
        for part in (part for package in command.packages for part in package.lines):
            packed[part.line] = packed.get(part.line, 0) + part.quantity
        held = {line.line: line.held for line in outcome.fulfilment.lines}
        return {n: max(0, units - held[n]) for n, units in packed.items() if n in held}
    return {}


def after(lines: Sequence[TaskLine], told: Mapping[int, Told], skus: Mapping[int, str]) -> tuple[TaskLine, ...]:
    """The task's lines with what was told; lines with nothing to carry are gone."""
    known = {line.line: line for line in lines}
    for number, news in told.items():
        line = known.get(number) or TaskLine(line=number, sku=skus[number])
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
            gone.setdefault(move.line, Told()).freed += move.quantity
    return gone


def done(lines: Sequence[TaskLine], found: Sequence[Found]) -> tuple[TaskLine, ...]:
    """The task's lines with what is missing, when `found` units were carried back (none named: all of them).

    A unit that was only ever extra and is not there was scanned twice: it never left its shelf.
    """
    if not found:
        return tuple(lines)
    units = {part.line: part.quantity for part in found}
    return tuple(line.model_copy(update={"missing": max(0, line.freed - units.get(line.line, 0))}) for line in lines)
