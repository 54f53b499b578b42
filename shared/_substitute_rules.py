"""A substitute: the customer agreed to another item, and takes its place when theirs is not there.

The units leave their line as `replaced`, and as many units of the substitute join the job, picked already, on a line of
their own that names the one they stand in for. Which number that line has follows from the ordered line and the place
of the substitute among those the customer agreed to, so that tablets that never met, and other stores that work on the
same order, all call it the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared import fulfilment as f
from shared._fulfilment_rules import NOT_WANTED, nothing_picked, settle_pick, with_pick
from shared._outcomes import can, closed, contradiction, same, with_line
from shared.fulfilment import Context, Exit, Fulfilment, JobLine, Notice, Outcome, StandIn, State, UnitMove
from shared.orders import stand_in_line


def _line_for(job: Fulfilment, line: JobLine, sku: str) -> JobLine | None:
    """The substitute's line, empty while nothing was taken; None when the customer did not agree to it."""
    if sku not in line.substitutes:
        return None
    number = stand_in_line(line.line, line.substitutes.index(sku))
    return job.line(number) or JobLine(line=number, sku=sku, quantity=0, replaces=line.line)


def _substitute(job: Fulfilment, command: f.Substitute, ctx: Context) -> Outcome:
    line = job.line(command.line)
    if line is None:
        return contradiction(job, "unknown_line", line=command.line)
    instead = _line_for(job, line, command.sku)
    if instead is None:
        return _not_agreed(job, line, command)
    asked = command.total - instead.picked_by.get(ctx.device, 0)
    if asked == 0:
        return same(job)
    if not can(job, "pick"):
        return _after_pack(job, line, instead, asked, command, ctx)
    if asked < 0:
        return _restore(job, line, instead, min(-asked, instead.held), command, ctx)
    return _replace(job, line, instead, asked, command, ctx)


def _not_agreed(job: Fulfilment, line: JobLine, command: f.Substitute) -> Outcome:
    if command.total == 0:
        return same(job)
    return contradiction(job, "substitute_not_agreed", line=line.line, sku=command.sku, units=command.total)


def _replace(
    job: Fulfilment, line: JobLine, instead: JobLine, asked: int, command: f.Substitute, ctx: Context
) -> Outcome:
    """As many as the line still wants; more go back to the shelf."""
    units = min(asked, line.open)
    if units == 0:
        return nothing_picked(job, instead, asked)
    lines = _swapped(job, line, _grown(instead, units, command, ctx), units)
    after = settle_pick(job, lines, ctx)
    if after is None:
        return contradiction(job, "picked_after_close", line=instead.line, units=asked)
    move = _move(line, instead, units, Exit.REPLACED, command.reason)
    notice = nothing_picked(job, instead, asked - units).adjustment if asked > units else None
    return Outcome(fulfilment=after, moves=(move,), adjustment=notice)


def _grown(instead: JobLine, units: int, command: f.Substitute, ctx: Context) -> JobLine:
    missing = {**instead.missing, command.reason: instead.missing.get(command.reason, 0) + units}
    wider = instead.model_copy(update={"quantity": instead.quantity + units, "missing": missing})
    return with_pick(wider, command, units, ctx)


def _swapped(job: Fulfilment, line: JobLine, instead: JobLine, units: int) -> tuple[JobLine, ...]:
    """The lines of the job, in order of number; a substitute of which nothing is left has none."""
    lines = with_line(job, line.model_copy(update={"replaced": line.replaced + units}))
    others = tuple(each for each in lines if each.line != instead.line)
    return tuple(sorted((*others, instead) if instead.quantity else others, key=lambda each: each.line))


def _restore(
    job: Fulfilment, line: JobLine, instead: JobLine, units: int, command: f.Substitute, ctx: Context
) -> Outcome:
    """The other way round, for the reasons that were given then."""
    if units == 0:
        return same(job)
    reasons = _taken_back(instead.missing, units)
    fewer = instead.model_copy(
        update={
            "quantity": instead.quantity - units,
            "missing": {r: left for r, n in instead.missing.items() if (left := n - reasons.get(r, 0))},
        }
    )
    lines = _swapped(job, line, with_pick(fewer, command, -units, ctx), -units)
    after = settle_pick(job, lines, ctx)
    if after is None:
        return contradiction(job, "unpicked_after_pack", line=instead.line, units=-units)
    moves = tuple(_move(line, instead, n, Exit.RESTORED, reason) for reason, n in reasons.items())
    return Outcome(fulfilment=after, moves=moves)


def _taken_back(missing: dict[str, int], units: int) -> dict[str, int]:
    """`units` of what was missing, by reason in the order of their names: documents lose any other order on the way."""
    taken = {}
    for reason in sorted(missing):
        if n := min(units, missing[reason]):
            taken[reason] = n
            units -= n
    return taken


def _move(line: JobLine, instead: JobLine, units: int, exit_: Exit, reason: str) -> UnitMove:
    stand_in = StandIn(line=instead.line, sku=instead.sku)
    return UnitMove(line=line.line, sku=line.sku, quantity=units, exit=exit_, reason=reason, stand_in=stand_in)


def _after_pack(
    job: Fulfilment, line: JobLine, instead: JobLine, asked: int, command: f.Substitute, ctx: Context
) -> Outcome:
    """Taken, or put back, without knowing that the job had gone on or been called off."""
    if asked < 0:
        return contradiction(job, "unpicked_after_pack", line=instead.line, units=asked)
    if not closed(job) and job.state != State.SHIPPED:
        return nothing_picked(job, instead, asked)
    units = min(asked, line.cancelled) if job.state in NOT_WANTED else 0
    if units == 0:
        return contradiction(job, "picked_after_close", line=instead.line, units=asked)
    # As with a late pick: the units are in somebody's tote although nobody wants them, and are known from now on.
    found = _grown(instead, units, command, ctx)
    lines = _swapped(job, line, found.model_copy(update={"put_back": found.put_back + units}), units)
    lines = tuple(_uncancelled(each, units) if each.line == line.line else each for each in lines)
    notice = Notice(code="picked_after_close", values={"state": job.state.value, "line": instead.line, "units": units})
    return Outcome(fulfilment=job.model_copy(update={"lines": lines}), exception=notice)


def _uncancelled(line: JobLine, units: int) -> JobLine:
    return line.model_copy(update={"cancelled": line.cancelled - units})


RULES: dict[str, Callable[[Fulfilment, Any, Context], Outcome]] = {"substitute": _substitute}
