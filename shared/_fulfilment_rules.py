"""What the floor does with a job: take it, pick, short, pack, stage, label, welcome the customer.

One function per command, called by `shared.fulfilment.apply` and by nobody else. How units leave a job (hand-off,
carrier, cancellation) is in `shared._custody_rules`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared import _custody_rules as custody
from shared import fulfilment as f
from shared import leases
from shared._outcomes import (
    can,
    closed,
    contradiction,
    held_units,
    moved,
    put_back_extra,
    refuse,
    same,
    trimmed,
    with_line,
)
from shared.fulfilment import Context, Exit, Fulfilment, JobLine, Notice, Outcome, Package, State, UnitMove

RuleFn = Callable[[Fulfilment, Any, Context], Outcome]
NOT_WANTED = frozenset({State.CANCELLED, State.REJECTED, State.EXPIRED})
_AFTER_LABEL = frozenset({State.AWAITING_CARRIER, State.SHIPPED, State.DELIVERED})


def _accept(job: Fulfilment, command: f.Accept, ctx: Context) -> Outcome:
    accepted = moved(job, "accept", assignee=ctx.actor)
    if accepted:
        return Outcome(fulfilment=accepted)
    if job.state not in f.OPEN_STATES:
        return refuse(job, "job_closed", state=job.state.value)
    if job.assignee == ctx.actor:
        return same(job)
    if holder := leases.in_other_hands(job, ctx):
        return Outcome(fulfilment=job, changed=False, refusal=leases.taken_by("taken", holder))
    return Outcome(fulfilment=job.model_copy(update={"assignee": ctx.actor}))


def _take_over(job: Fulfilment, command: f.TakeOver, ctx: Context) -> Outcome:
    if job.state not in f.OPEN_STATES:
        return refuse(job, "job_closed", state=job.state.value)
    state = State.ACCEPTED if job.state == State.OFFERED else job.state
    if (job.assignee, job.state) == (ctx.actor, state):
        return same(job)
    return Outcome(fulfilment=job.model_copy(update={"assignee": ctx.actor, "state": state}))


# ---------------------------------------------------------------- pick


def settle_pick(job: Fulfilment, lines: tuple[JobLine, ...], ctx: Context) -> Fulfilment | None:
    """The state that follows from what is picked, short and still open."""
    if any(line.open > 0 for line in lines):
        event = "pick"
    elif any(line.held > 0 for line in lines):
        event = "pick_done"
    else:
        event = custody.ending(job, "all_short" if any(line.short > 0 for line in lines) else "cancel")
    return moved(job, event, lines=lines, assignee=job.assignee or ctx.actor)


def _pick(job: Fulfilment, command: f.Pick, ctx: Context) -> Outcome:
    line = job.line(command.line)
    if line is None:
        return contradiction(job, "unknown_line", line=command.line)
    asked = command.total - line.picked_by.get(ctx.device, 0)
    if asked == 0:
        return same(job)
    if not can(job, "pick"):
        return _pick_after_pack(job, line, asked, ctx)
    units = min(asked, line.open) if asked > 0 else max(asked, -line.held)
    if units == 0:
        return nothing_picked(job, line, asked)
    after = settle_pick(job, with_line(job, with_pick(line, command, units, ctx)), ctx)
    if after is None:
        return contradiction(job, "picked_after_close", line=line.line, units=asked)
    return Outcome(fulfilment=after, adjustment=put_back_extra(line, asked - units) if asked > units else None)


def nothing_picked(job: Fulfilment, line: JobLine, extra: int) -> Outcome:
    if extra < 0:
        return same(job)
    return Outcome(fulfilment=job, changed=False, adjustment=put_back_extra(line, extra))


def with_pick(line: JobLine, command: f.Pick | f.Substitute, units: int, ctx: Context) -> JobLine:
    total = line.picked_by.get(ctx.device, 0) + units
    update: dict[str, Any] = {"picked_by": {**line.picked_by, ctx.device: total}}
    if units > 0 and command.serial and command.serial not in line.serials:
        update["serials"] = (*line.serials, command.serial)
    if units > 0 and command.lot and command.lot not in line.lots:
        update["lots"] = (*line.lots, command.lot)
    if units > 0 and command.grams:
        update["grams"] = (line.grams or 0) + command.grams
    return line.model_copy(update=update)


def _pick_after_pack(job: Fulfilment, line: JobLine, asked: int, ctx: Context) -> Outcome:
    """Somebody picked (or took out) units without knowing that the job had gone on or been called off."""
    if asked < 0:
        return contradiction(job, "unpicked_after_pack", line=line.line, units=asked)
    if not closed(job) and job.state != State.SHIPPED:
        return nothing_picked(job, line, asked)
    units = min(asked, line.cancelled) if job.state in NOT_WANTED else 0
    if units == 0:
        return contradiction(job, "picked_after_close", line=line.line, units=asked)
    # The units are in somebody's tote although nobody wants them: known, and to be put back. Should they leave the
    # building all the same, the hand-off finds them here and the stock record stays true.
    found = line.model_copy(
        update={
            "picked_by": {**line.picked_by, ctx.device: line.picked_by.get(ctx.device, 0) + units},
            "cancelled": line.cancelled - units,
            "put_back": line.put_back + units,
        }
    )
    notice = Notice(code="picked_after_close", values={"state": job.state.value, "line": line.line, "units": units})
    return Outcome(fulfilment=job.model_copy(update={"lines": with_line(job, found)}), exception=notice)


def _short(job: Fulfilment, command: f.Short, ctx: Context) -> Outcome:
    line = job.line(command.line)
    if line is None:
        return contradiction(job, "unknown_line", line=command.line)
    mine = line.short_by.get(ctx.device, 0)
    if command.total <= mine:
        return same(job)
    if not can(job, "pick"):
        return contradiction(job, "short_after_close", line=command.line, units=command.total - mine)
    units = min(command.total - mine, line.open)
    if units == 0:
        return same(job)
    updated = line.model_copy(
        update={"short_by": {**line.short_by, ctx.device: mine + units}, "short_reason": command.reason}
    )
    after = settle_pick(job, with_line(job, updated), ctx)
    if after is None:
        return contradiction(job, "short_after_close", line=command.line, units=units)
    move = UnitMove(line=line.line, sku=line.sku, quantity=units, exit=Exit.REROUTE, reason=command.reason)
    return Outcome(fulfilment=after, moves=(move,))


# ---------------------------------------------------------------- pack, stage, label


def _pack(job: Fulfilment, command: f.Pack, ctx: Context) -> Outcome:
    held = held_units(job)
    asked = command.packages or (_one_bag(held),)
    packages = trimmed(asked, held)
    if _contents(job.packages) == _contents(packages) and packages and job.state != State.PICKED:
        return same(job)
    if not can(job, "pack"):
        return contradiction(job, "packed_after_close")
    packed = _units(asked)
    for number in sorted({*packed, *held}):
        if packed.get(number, 0) < held.get(number, 0) or job.line(number) is None:
            return contradiction(
                job, "packed_differs", line=number, packed=packed.get(number, 0), held=held.get(number, 0)
            )
    after = moved(job, "pack", packages=packages)
    extra = next((n for n in sorted(packed) if packed[n] > held.get(n, 0)), None)
    notice = None
    if extra is not None and (line := job.line(extra)):
        notice = put_back_extra(line, packed[extra] - held.get(extra, 0))
    return Outcome(fulfilment=after or job, adjustment=notice)


def _contents(packages: tuple[Package, ...]) -> tuple[object, ...]:
    return tuple((p.id, p.lines, p.weight_grams) for p in packages)


def _units(packages: tuple[Package, ...]) -> dict[int, int]:
    packed: dict[int, int] = {}
    for part in (part for package in packages for part in package.lines):
        packed[part.line] = packed.get(part.line, 0) + part.quantity
    return packed


def _one_bag(held: dict[int, int]) -> Package:
    return Package(id="1", lines=tuple(f.PackedLine(line=line, quantity=units) for line, units in held.items()))


def _unpack(job: Fulfilment, command: f.Unpack, ctx: Context) -> Outcome:
    if job.state == State.PICKED:
        return same(job)
    after = moved(job, "unpack", packages=(), staging=None)
    return Outcome(fulfilment=after) if after else contradiction(job, "unpacked_after_close")


def _stage(job: Fulfilment, command: f.Stage, ctx: Context) -> Outcome:
    if job.staging == command.place and job.state != State.PACKED:
        return same(job)
    after = moved(job, "stage", staging=command.place)
    if after is None:
        return contradiction(job, "staged_after_close", place=command.place)
    waiting = after.arrival.at is not None and after.arrival.left_at is None
    return Outcome(fulfilment=(moved(after, "arrive") if waiting else None) or after)


def _label(job: Fulfilment, command: f.Label, ctx: Context) -> Outcome:
    packages = tuple(
        p.model_copy(update={"carrier": command.carrier, "tracking": command.tracking}) for p in job.packages
    )
    if job.state in _AFTER_LABEL and packages == job.packages:
        return same(job)
    after = moved(job, "label", packages=packages)
    return Outcome(fulfilment=after) if after else contradiction(job, "labelled_after_close")


# ---------------------------------------------------------------- the customer comes


def _on_the_way(job: Fulfilment, command: f.OnTheWay, ctx: Context) -> Outcome:
    if job.state not in f.OPEN_STATES:
        return same(job)
    arrival = job.arrival.model_copy(update={"vehicle": command.vehicle or job.arrival.vehicle})
    if arrival.on_the_way_at is None and job.state != State.ARRIVED:
        arrival = arrival.model_copy(update={"on_the_way_at": ctx.at})
    after = moved(job, "on_the_way", arrival=arrival) or job.model_copy(update={"arrival": arrival})
    return same(job) if after == job else Outcome(fulfilment=after)


def _arrive(job: Fulfilment, command: f.Arrive, ctx: Context) -> Outcome:
    """A customer may come before the bag is ready: the arrival is kept, and staging the bag then shows it. Who stands
    outside for a job that was called off meanwhile must be told by somebody."""
    if job.state not in f.OPEN_STATES:
        return contradiction(job, "arrived_after_close") if job.state in NOT_WANTED else same(job)
    here = job.arrival.at is not None and job.arrival.left_at is None
    arrival = job.arrival.model_copy(
        update={
            "at": job.arrival.at if here else ctx.at,
            "left_at": None,
            "vehicle": command.vehicle or job.arrival.vehicle,
            "bay": command.bay or job.arrival.bay,
        }
    )
    after = moved(job, "arrive", arrival=arrival) or job.model_copy(update={"arrival": arrival})
    return same(job) if after == job else Outcome(fulfilment=after)


def _leave(job: Fulfilment, command: f.Leave, ctx: Context) -> Outcome:
    if job.arrival.at is None or job.arrival.left_at is not None or job.state not in f.OPEN_STATES:
        return same(job)
    arrival = job.arrival.model_copy(update={"left_at": ctx.at})
    return Outcome(
        fulfilment=moved(job, "leave", arrival=arrival) or job.model_copy(update={"arrival": arrival}),
    )


RULES: dict[str, RuleFn] = {
    "accept": _accept,
    "take_over": _take_over,
    "pick": _pick,
    "short": _short,
    "pack": _pack,
    "unpack": _unpack,
    "stage": _stage,
    "label": _label,
    "on_the_way": _on_the_way,
    "arrive": _arrive,
    "leave": _leave,
    **custody.RULES,
}
