"""One function per fulfilment command, called by `shared.fulfilment.apply` and by nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared import fulfilment as f
from shared.fulfilment import Context, Exit, Fulfilment, JobLine, Notice, Outcome, State, UnitMove

RuleFn = Callable[[Fulfilment, Any, Context], Outcome]


def _moved(job: Fulfilment, event: str, **changes: Any) -> Fulfilment | None:
    """The job after `event`, or None when its state has no such row."""
    target = f.FULFILMENT.target(job.state, event, job.method)
    return None if target is None else job.model_copy(update={"state": State(target), **changes})


def _same(job: Fulfilment) -> Outcome:
    return Outcome(fulfilment=job, changed=False)


def _refuse(job: Fulfilment, code: str, **values: str | int) -> Outcome:
    return Outcome(fulfilment=job, changed=False, refusal=Notice(code=code, values=values))


def _contradiction(job: Fulfilment, code: str, **values: str | int) -> Outcome:
    """A fact the books cannot follow: nothing changes, a person settles it."""
    return Outcome(
        fulfilment=job, changed=False, exception=Notice(code=code, values={"state": job.state.value, **values})
    )


def _with_line(job: Fulfilment, line: JobLine) -> tuple[JobLine, ...]:
    return tuple(line if each.line == line.line else each for each in job.lines)


def _accept(job: Fulfilment, command: f.Accept, ctx: Context) -> Outcome:
    moved = _moved(job, "accept", assignee=ctx.actor)
    if moved:
        return Outcome(fulfilment=moved)
    if job.state in f.FULFILMENT.finals:
        return _refuse(job, "job_closed", state=job.state.value)
    return _same(job) if job.assignee == ctx.actor else _refuse(job, "taken", by=job.assignee or "")


def _take_over(job: Fulfilment, command: f.TakeOver, ctx: Context) -> Outcome:
    if job.state in f.FULFILMENT.finals:
        return _refuse(job, "job_closed", state=job.state.value)
    if job.assignee == ctx.actor:
        return _same(job)
    state = State.ACCEPTED if job.state == State.OFFERED else job.state
    return Outcome(fulfilment=job.model_copy(update={"assignee": ctx.actor, "state": state}))


def _settle_pick(job: Fulfilment, lines: tuple[JobLine, ...], ctx: Context) -> Fulfilment | None:
    """The state that follows from what is picked, short and still open."""
    if any(line.open > 0 for line in lines):
        event = "pick"
    elif any(line.held > 0 for line in lines):
        event = "pick_done"
    else:
        event = "all_short" if any(line.short > 0 for line in lines) else "cancel"
    return _moved(job, event, lines=lines, assignee=job.assignee or ctx.actor)


def _pick(job: Fulfilment, command: f.Pick, ctx: Context) -> Outcome:
    line = job.line(command.line)
    if line is None:
        return _contradiction(job, "unknown_line", line=command.line)
    mine = line.picked_by.get(ctx.device, 0)
    if command.total == mine:
        return _same(job)
    if not f.FULFILMENT.can(job.state, "pick", job.method):
        code = "picked_after_close" if command.total > mine else "unpicked_after_pack"
        return _contradiction(job, code, line=command.line, units=command.total - mine)
    grows = min(command.total - mine, line.open)
    if command.total > mine and grows == 0:
        return _put_back_extra(job, line, command.total - mine)
    updated = line.model_copy(
        update={
            "picked_by": {**line.picked_by, ctx.device: mine + grows},
            "serials": (*line.serials, command.serial) if command.serial and grows > 0 else line.serials,
            "lots": (*line.lots, command.lot) if command.lot and command.lot not in line.lots else line.lots,
            "grams": (line.grams or 0) + command.grams if command.grams else line.grams,
        }
    )
    moved = _settle_pick(job, _with_line(job, updated), ctx)
    if moved is None:
        return _contradiction(job, "picked_after_close", line=command.line, units=command.total - mine)
    extra = command.total - mine - grows
    return Outcome(fulfilment=moved, adjustment=_extra_notice(line, extra) if extra > 0 else None)


def _put_back_extra(job: Fulfilment, line: JobLine, extra: int) -> Outcome:
    """More was picked than is wanted (two people, or a cancellation meanwhile): put the extra units back."""
    return Outcome(fulfilment=job, changed=False, adjustment=_extra_notice(line, extra))


def _extra_notice(line: JobLine, extra: int) -> Notice:
    return Notice(code="put_back_extra", values={"line": line.line, "sku": line.sku, "units": extra})


def _short(job: Fulfilment, command: f.Short, ctx: Context) -> Outcome:
    line = job.line(command.line)
    if line is None:
        return _contradiction(job, "unknown_line", line=command.line)
    mine = line.short_by.get(ctx.device, 0)
    if command.total <= mine:
        return _same(job)
    if not f.FULFILMENT.can(job.state, "pick", job.method):
        return _contradiction(job, "short_after_close", line=command.line, units=command.total - mine)
    units = min(command.total - mine, line.open)
    if units == 0:
        return _same(job)
    updated = line.model_copy(
        update={"short_by": {**line.short_by, ctx.device: mine + units}, "short_reason": command.reason}
    )
    moved = _settle_pick(job, _with_line(job, updated), ctx)
    if moved is None:
        return _contradiction(job, "short_after_close", line=command.line, units=units)
    move = UnitMove(line=line.line, sku=line.sku, quantity=units, exit=Exit.REROUTE, reason=command.reason)
    return Outcome(fulfilment=moved, moves=(move,))


def _pack(job: Fulfilment, command: f.Pack, ctx: Context) -> Outcome:
    packages = command.packages or (_one_bag(job),)
    if job.state == State.PACKED and job.packages == packages:
        return _same(job)
    packed: dict[int, int] = {}
    for package in packages:
        for part in package.lines:
            packed[part.line] = packed.get(part.line, 0) + part.quantity
    held = {line.line: line.held for line in job.lines if line.held}
    if packed != held:
        wrong = next(n for n in sorted({*packed, *held}) if packed.get(n, 0) != held.get(n, 0))
        return _contradiction(job, "packed_differs", line=wrong, packed=packed.get(wrong, 0), held=held.get(wrong, 0))
    moved = _moved(job, "pack", packages=packages)
    return Outcome(fulfilment=moved) if moved else _contradiction(job, "packed_after_close")


def _one_bag(job: Fulfilment) -> f.Package:
    lines = tuple(f.PackedLine(line=line.line, quantity=line.held) for line in job.lines if line.held)
    return f.Package(id="1", lines=lines)


def _unpack(job: Fulfilment, command: f.Unpack, ctx: Context) -> Outcome:
    if job.state == State.PICKED:
        return _same(job)
    moved = _moved(job, "unpack", packages=(), staging=None)
    return Outcome(fulfilment=moved) if moved else _contradiction(job, "unpacked_after_close")


def _stage(job: Fulfilment, command: f.Stage, ctx: Context) -> Outcome:
    if job.staging == command.place and job.state != State.PACKED:
        return _same(job)
    moved = _moved(job, "stage", staging=command.place)
    return Outcome(fulfilment=moved) if moved else _contradiction(job, "staged_after_close", place=command.place)


def _label(job: Fulfilment, command: f.Label, ctx: Context) -> Outcome:
    packages = tuple(
        p.model_copy(update={"carrier": command.carrier, "tracking": command.tracking}) for p in job.packages
    )
    if job.state == State.AWAITING_CARRIER and packages == job.packages:
        return _same(job)
    moved = _moved(job, "label", packages=packages)
    return Outcome(fulfilment=moved) if moved else _contradiction(job, "labelled_after_close")


def _ship(job: Fulfilment, command: f.Ship, ctx: Context) -> Outcome:
    if job.state in (State.SHIPPED, State.DELIVERED):
        return _same(job)
    moved = _moved(job, "ship")
    if moved is None:
        return _left_the_building(job, "shipped_after_close")
    lines, moves = _hand_over(job, {line.line: line.held for line in job.lines})
    return Outcome(fulfilment=moved.model_copy(update={"lines": lines}), moves=moves)


def _deliver(job: Fulfilment, command: f.Deliver, ctx: Context) -> Outcome:
    if job.state == State.DELIVERED:
        return _same(job)
    moved = _moved(job, "deliver")
    return Outcome(fulfilment=moved) if moved else _contradiction(job, "delivered_unshipped")


def _on_the_way(job: Fulfilment, command: f.OnTheWay, ctx: Context) -> Outcome:
    if job.state in (State.ON_THE_WAY, State.ARRIVED):
        return _same(job)
    arrival = job.arrival.model_copy(
        update={"on_the_way_at": ctx.at, "vehicle": command.vehicle or job.arrival.vehicle}
    )
    moved = _moved(job, "on_the_way", arrival=arrival)
    return Outcome(fulfilment=moved) if moved else _refuse(job, "not_ready", state=job.state.value)


def _arrive(job: Fulfilment, command: f.Arrive, ctx: Context) -> Outcome:
    if job.state == State.ARRIVED and command.bay in (None, job.arrival.bay):
        return _same(job)
    arrival = job.arrival.model_copy(
        update={
            "at": job.arrival.at if job.state == State.ARRIVED else ctx.at,
            "left_at": None,
            "vehicle": command.vehicle or job.arrival.vehicle,
            "bay": command.bay or job.arrival.bay,
        }
    )
    if job.state == State.ARRIVED:
        return Outcome(fulfilment=job.model_copy(update={"arrival": arrival}))
    moved = _moved(job, "arrive", arrival=arrival)
    return Outcome(fulfilment=moved) if moved else _refuse(job, "not_ready", state=job.state.value)


def _leave(job: Fulfilment, command: f.Leave, ctx: Context) -> Outcome:
    moved = _moved(job, "leave", arrival=job.arrival.model_copy(update={"left_at": ctx.at}))
    return Outcome(fulfilment=moved) if moved else _same(job)


def _hand_off(job: Fulfilment, command: f.HandOff, ctx: Context) -> Outcome:
    if job.state == State.HANDED_OFF:
        again = job.proof is not None and job.proof.by == ctx.actor
        return _same(job) if again else _contradiction(job, "handed_off_twice", by=(job.proof and job.proof.by) or "")
    if not f.FULFILMENT.can(job.state, "hand_off", job.method):
        return _left_the_building(job, "handed_off_after_close")
    given = {part.line: part.quantity for part in command.lines} or {
        line.line: line.held - sum(r.quantity for r in command.refused if r.line == line.line) for line in job.lines
    }
    refused = {part.line: part for part in command.refused}
    for line in job.lines:
        units = given.get(line.line, 0) + (refused[line.line].quantity if line.line in refused else 0)
        if units > line.held:
            return _contradiction(job, "handed_off_too_many", line=line.line, units=units, held=line.held)
    lines, moves = _hand_over(job, given)
    lines, back = _send_back(lines, refused)
    event = "hand_off_part" if any(line.held for line in lines) else "hand_off"
    proof = f.Proof(
        method=command.proof,
        collector=command.collector,
        proxy=command.proxy,
        verified=command.proof in ("pass", "code"),
        at=ctx.at,
        by=ctx.actor,
    )
    moved = _moved(job, event, lines=lines, proof=proof)
    if moved is None:
        return _contradiction(job, "handed_off_after_close")
    return Outcome(fulfilment=moved, moves=moves + back)


def _hand_over(job: Fulfilment, given: dict[int, int]) -> tuple[tuple[JobLine, ...], tuple[UnitMove, ...]]:
    lines = tuple(
        line.model_copy(update={"handed_over": line.handed_over + given.get(line.line, 0)}) for line in job.lines
    )
    moves = tuple(
        UnitMove(line=line.line, sku=line.sku, quantity=given[line.line], exit=Exit.FULFILLED)
        for line in job.lines
        if given.get(line.line, 0) > 0
    )
    return lines, moves


def _send_back(
    lines: tuple[JobLine, ...], refused: dict[int, f.Refused]
) -> tuple[tuple[JobLine, ...], tuple[UnitMove, ...]]:
    """Refused at the counter: back to the shelf (or to the damaged ones), refunded."""
    moves = tuple(
        UnitMove(
            line=line.line,
            sku=line.sku,
            quantity=refused[line.line].quantity,
            exit=Exit.CANCEL,
            reason="damaged" if refused[line.line].reason == "damaged" else "customer_refused",
        )
        for line in lines
        if line.line in refused
    )
    kept = tuple(
        line.model_copy(update={"put_back": line.put_back + refused[line.line].quantity})
        if line.line in refused
        else line
        for line in lines
    )
    return kept, moves


def _left_the_building(job: Fulfilment, code: str) -> Outcome:
    """Units are gone although the job was closed: the stock record follows the world, a person settles the money."""
    moves = tuple(
        UnitMove(line=line.line, sku=line.sku, quantity=line.put_back, exit=Exit.LEFT)
        for line in job.lines
        if line.put_back > 0
    )
    if not moves:
        return _contradiction(job, code)
    lines = tuple(
        line.model_copy(update={"handed_over": line.handed_over + line.put_back, "put_back": 0}) for line in job.lines
    )
    return Outcome(
        fulfilment=job.model_copy(update={"lines": lines}),
        moves=moves,
        exception=Notice(code=code, values={"state": job.state.value, "units": sum(m.quantity for m in moves)}),
    )


def _close(job: Fulfilment, event: str, exit_: Exit, reason: str) -> Outcome:
    """Everything that is open or held leaves the job; held units go back to the shelf."""
    moved = _moved(job, event)
    if moved is None:
        return _contradiction(job, f"{event}_after_close")
    moves = tuple(
        UnitMove(line=line.line, sku=line.sku, quantity=line.open + line.held, exit=exit_, reason=reason)
        for line in job.lines
        if line.open + line.held > 0
    )
    lines = tuple(
        line.model_copy(update={"cancelled": line.cancelled + line.open, "put_back": line.put_back + line.held})
        for line in job.lines
    )
    return Outcome(fulfilment=moved.model_copy(update={"lines": lines}), moves=moves)


def _reject(job: Fulfilment, command: f.Reject, ctx: Context) -> Outcome:
    if job.state == State.REJECTED:
        return _same(job)
    return _close(job, "reject", Exit.REROUTE, command.reason)


def _expire(job: Fulfilment, command: f.Expire, ctx: Context) -> Outcome:
    if job.state == State.EXPIRED:
        return _same(job)
    if not f.FULFILMENT.can(job.state, "expire", job.method):
        return _refuse(job, "not_waiting", state=job.state.value)
    return _close(job, "expire", Exit.CANCEL, "uncollected")


def _cancel(job: Fulfilment, command: f.Cancel, ctx: Context) -> Outcome:
    exit_ = Exit.CANCEL if command.reason == "customer_cancelled" else Exit.REROUTE
    if not f.FULFILMENT.can(job.state, "cancel", job.method):
        return _refuse(job, "too_late_to_cancel", state=job.state.value)
    if not command.lines:
        return _close(job, "cancel", exit_, command.reason)
    lines, moves = list(job.lines), []
    for part in command.lines:
        index = next((i for i, line in enumerate(lines) if line.line == part.line), None)
        if index is None or part.quantity > lines[index].open + lines[index].held:
            return _refuse(job, "too_late_to_cancel", state=job.state.value, line=part.line)
        line = lines[index]
        from_open = min(part.quantity, line.open)
        lines[index] = line.model_copy(
            update={
                "cancelled": line.cancelled + from_open,
                "put_back": line.put_back + part.quantity - from_open,
            }
        )
        moves.append(UnitMove(line=line.line, sku=line.sku, quantity=part.quantity, exit=exit_, reason=command.reason))
    return Outcome(fulfilment=_after_partial_cancel(job, tuple(lines), ctx), moves=tuple(moves))


def _after_partial_cancel(job: Fulfilment, lines: tuple[JobLine, ...], ctx: Context) -> Fulfilment:
    if any(line.open or line.held for line in lines):
        picking = job.state in (State.PICKING, State.PICKED) and all(line.open == 0 for line in lines)
        state = State.PICKED if picking else job.state
        return job.model_copy(update={"lines": lines, "state": state})
    return _moved(job, "cancel", lines=lines) or job.model_copy(update={"lines": lines})


RULES: dict[str, RuleFn] = {
    "accept": _accept,
    "take_over": _take_over,
    "pick": _pick,
    "short": _short,
    "pack": _pack,
    "unpack": _unpack,
    "stage": _stage,
    "label": _label,
    "ship": _ship,
    "deliver": _deliver,
    "on_the_way": _on_the_way,
    "arrive": _arrive,
    "leave": _leave,
    "hand_off": _hand_off,
    "reject": _reject,
    "expire": _expire,
    "cancel": _cancel,
}
