"""How units leave a job: to the customer, to the carrier, or back to the shelf.

A hand-off or a shipment is a fact: the units are gone. Where the job had been closed meanwhile, the units it had put
back are the ones that left, so the stock record still follows the world and a person settles the money.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from shared import fulfilment as f
from shared._outcomes import can, closed, contradiction, held_units, moved, refuse, same, trimmed
from shared.fulfilment import Context, Exit, Fulfilment, JobLine, LineUnits, Notice, Outcome, State, UnitMove

RuleFn = Callable[[Fulfilment, Any, Context], Outcome]


def ending(job: Fulfilment, event: str) -> str:
    """The event that closes the job: part of it is with the customer already, so it ends as handed off."""
    some = any(line.handed_over > 0 for line in job.lines)
    return "hand_off" if some and can(job, "hand_off") else event


def _sum(parts: Iterable[LineUnits]) -> dict[int, int]:
    units: dict[int, int] = {}
    for part in parts:
        units[part.line] = units.get(part.line, 0) + part.quantity
    return units


# ---------------------------------------------------------------- to the carrier


def _ship(job: Fulfilment, command: f.Ship, ctx: Context) -> Outcome:
    if job.state in (State.SHIPPED, State.DELIVERED):
        return same(job)
    after = moved(job, "ship")
    if after is None:
        return _left_the_building(job, "shipped_after_close", {})
    lines, moves = _hand_over(job.lines, held_units(job))
    return Outcome(fulfilment=after.model_copy(update={"lines": lines}), moves=moves)


def _deliver(job: Fulfilment, command: f.Deliver, ctx: Context) -> Outcome:
    if job.state == State.DELIVERED:
        return same(job)
    after = moved(job, "deliver")
    return Outcome(fulfilment=after) if after else contradiction(job, "delivered_unshipped")


# ---------------------------------------------------------------- to the customer


def _hand_off(job: Fulfilment, command: f.HandOff, ctx: Context) -> Outcome:
    if job.state == State.HANDED_OFF:
        first = job.proof
        if first is not None and first.by == ctx.actor:
            return same(job)
        since = (first.at if first else ctx.at).isoformat()
        return contradiction(job, "handed_off_twice", by=(first and first.by) or "", since=since)
    refused = _sum(command.refused)
    given = _sum(command.lines)
    if unknown := next((n for n in (*given, *refused) if job.line(n) is None), None):
        return contradiction(job, "unknown_line", line=unknown)
    if not can(job, "hand_off"):
        everything = not command.lines and bool(refused)
        return same(job) if everything and _nothing_left(job, refused) else _left(job, given, refused)
    if not command.lines:
        given = {line: max(0, held - refused.get(line, 0)) for line, held in held_units(job).items()}
    return _leave_with(job, command, given, refused, ctx)


def _nothing_left(job: Fulfilment, refused: dict[int, int]) -> bool:
    """The customer refused all that is back on the shelf now: the books say so already."""
    return all(refused.get(line.line, 0) >= line.put_back for line in job.lines)


def _left(job: Fulfilment, given: dict[int, int], refused: dict[int, int]) -> Outcome:
    if not given and refused:
        given = {line.line: max(0, line.put_back - refused.get(line.line, 0)) for line in job.lines}
    return _left_the_building(job, "handed_off_after_close", given)


def _leave_with(
    job: Fulfilment, command: f.HandOff, given: dict[int, int], refused: dict[int, int], ctx: Context
) -> Outcome:
    """The customer leaves with `given`; what is more than the job holds can only be units it thought were put back."""
    held = held_units(job)
    back = {n: min(units, held.get(n, 0)) for n, units in refused.items()}
    handed = {n: min(units, held.get(n, 0) - back.get(n, 0)) for n, units in given.items()}
    extra = {n: given[n] - handed[n] for n in given if given[n] > handed[n]}
    if not any(handed.values()) and not any(back.values()):
        return _nothing_to_give(job, extra)
    lines, moves = _hand_over(job.lines, handed)
    lines, refusals = _send_back(lines, _reasons(command.refused, back))
    lines, stray = _take_stray(lines, extra)
    after = _after_hand_off(job, lines, command, ctx)
    notice = _too_many(job, extra, held) if extra else None
    return Outcome(fulfilment=after, moves=moves + refusals + stray, exception=notice)


def _nothing_to_give(job: Fulfilment, extra: dict[int, int]) -> Outcome:
    if not extra:
        return contradiction(job, "nothing_to_hand_off")
    return _left_the_building(job, "handed_off_too_many", extra)


def _after_hand_off(job: Fulfilment, lines: tuple[JobLine, ...], command: f.HandOff, ctx: Context) -> Fulfilment:
    proof = f.Proof(
        method=command.proof,
        collector=command.collector,
        proxy=command.proxy,
        verified=command.proof in ("pass", "code"),
        signed=command.signature is not None,
        photo=command.photo is not None,
        at=ctx.at,
        by=ctx.actor,
    )
    if any(line.held > 0 or line.open > 0 for line in lines):
        event = "hand_off_part"
    elif any(line.handed_over > 0 for line in lines):
        event = "hand_off"
    else:
        event = "cancel"  # the customer refused everything: nothing was collected
    return moved(job, event, lines=lines, proof=proof) or job


def _too_many(job: Fulfilment, extra: dict[int, int], held: dict[int, int]) -> Notice:
    line, units = next(iter(extra.items()))
    had = held.get(line, 0)
    return Notice(
        code="handed_off_too_many",
        values={"state": job.state.value, "line": line, "units": had + units, "held": had},
    )


def _hand_over(lines: tuple[JobLine, ...], given: dict[int, int]) -> tuple[tuple[JobLine, ...], tuple[UnitMove, ...]]:
    after = tuple(line.model_copy(update={"handed_over": line.handed_over + given.get(line.line, 0)}) for line in lines)
    moves = tuple(
        UnitMove(line=line.line, sku=line.sku, quantity=given[line.line], exit=Exit.FULFILLED)
        for line in lines
        if given.get(line.line, 0) > 0
    )
    return after, moves


def _reasons(refused: Iterable[f.Refused], back: dict[int, int]) -> list[tuple[int, int, str]]:
    """(line, units, reason) for what goes back, no more per line than `back` says."""
    room, parts = dict(back), []
    for part in refused:
        units = min(part.quantity, room[part.line])
        room[part.line] -= units
        if units:
            parts.append((part.line, units, "damaged" if part.reason == "damaged" else "customer_refused"))
    return parts


def _send_back(
    lines: tuple[JobLine, ...], parts: list[tuple[int, int, str]]
) -> tuple[tuple[JobLine, ...], tuple[UnitMove, ...]]:
    """Refused at the counter: back to the shelf (or to the damaged ones), refunded."""
    by_line = {line.line: line for line in lines}
    moves = []
    for number, units, reason in parts:
        line = by_line[number]
        by_line[number] = line.model_copy(update={"put_back": line.put_back + units})
        moves.append(UnitMove(line=number, sku=line.sku, quantity=units, exit=Exit.CANCEL, reason=reason))
    return tuple(by_line.values()), tuple(moves)


def _take_stray(lines: tuple[JobLine, ...], extra: dict[int, int]) -> tuple[tuple[JobLine, ...], tuple[UnitMove, ...]]:
    """Units the job had put back left all the same; at most as many as it had put back."""
    after, moves = [], []
    for line in lines:
        units = min(extra.get(line.line, 0), line.put_back)
        if units > 0:
            moves.append(UnitMove(line=line.line, sku=line.sku, quantity=units, exit=Exit.LEFT))
            line = line.model_copy(update={"handed_over": line.handed_over + units, "put_back": line.put_back - units})
        after.append(line)
    return tuple(after), tuple(moves)


def _left_the_building(job: Fulfilment, code: str, given: dict[int, int]) -> Outcome:
    """Units are gone although the job was closed. `given` empty: everything that had been put back."""
    lines, moves = _take_stray(job.lines, given or {line.line: line.put_back for line in job.lines})
    if not moves:
        return contradiction(job, code)
    return Outcome(
        fulfilment=job.model_copy(update={"lines": lines}),
        moves=moves,
        exception=Notice(code=code, values={"state": job.state.value, "units": sum(m.quantity for m in moves)}),
    )


# ---------------------------------------------------------------- back to the shelf


def _close(job: Fulfilment, event: str, exit_: Exit, reason: str) -> Outcome:
    """Everything that is open or held leaves the job; held units go back to the shelf."""
    after = moved(job, ending(job, event))
    if after is None:
        return contradiction(job, f"{event}_after_close")
    moves = tuple(
        UnitMove(line=line.line, sku=line.sku, quantity=line.open + line.held, exit=exit_, reason=reason)
        for line in job.lines
        if line.open + line.held > 0
    )
    lines = tuple(
        line.model_copy(update={"cancelled": line.cancelled + line.open, "put_back": line.put_back + line.held})
        for line in job.lines
    )
    return Outcome(fulfilment=after.model_copy(update={"lines": lines}), moves=moves)


def _reject(job: Fulfilment, command: f.Reject, ctx: Context) -> Outcome:
    if closed(job) and job.state not in (State.HANDED_OFF, State.DELIVERED):
        return same(job)
    return _close(job, "reject", Exit.REROUTE, command.reason)


def _expire(job: Fulfilment, command: f.Expire, ctx: Context) -> Outcome:
    if job.state == State.EXPIRED:
        return same(job)
    if not can(job, "expire"):
        return refuse(job, "not_waiting", state=job.state.value)
    return _close(job, "expire", Exit.CANCEL, "uncollected")


def _cancel(job: Fulfilment, command: f.Cancel, ctx: Context) -> Outcome:
    exit_ = Exit.CANCEL if command.reason == "customer_cancelled" else Exit.REROUTE
    if job.state == State.CANCELLED and not command.lines:
        return same(job)
    if not can(job, "cancel"):
        return refuse(job, "too_late_to_cancel", state=job.state.value)
    if not command.lines:
        return _close(job, "cancel", exit_, command.reason)
    by_line = {line.line: line for line in job.lines}
    moves = []
    for number, units in _sum(command.lines).items():
        line = by_line.get(number)
        if line is None or units > line.open + line.held:
            return refuse(job, "too_late_to_cancel", state=job.state.value, line=number)
        from_open = min(units, line.open)
        by_line[number] = line.model_copy(
            update={"cancelled": line.cancelled + from_open, "put_back": line.put_back + units - from_open}
        )
        moves.append(UnitMove(line=number, sku=line.sku, quantity=units, exit=exit_, reason=command.reason))
    return Outcome(fulfilment=_after_partial_cancel(job, tuple(by_line.values())), moves=tuple(moves))


def _after_partial_cancel(job: Fulfilment, lines: tuple[JobLine, ...]) -> Fulfilment:
    """A bag keeps its place with fewer units in it; nothing left to do closes the job."""
    if not any(line.open or line.held for line in lines):
        event = "all_short" if any(line.short for line in lines) and can(job, "all_short") else "cancel"
        return moved(job, ending(job, event), lines=lines) or job.model_copy(update={"lines": lines})
    picked = job.state == State.PICKING and all(line.open == 0 for line in lines)
    after = job.model_copy(update={"lines": lines, "state": State.PICKED if picked else job.state})
    return after.model_copy(update={"packages": trimmed(job.packages, held_units(after))})


RULES: dict[str, RuleFn] = {
    "ship": _ship,
    "deliver": _deliver,
    "hand_off": _hand_off,
    "reject": _reject,
    "expire": _expire,
    "cancel": _cancel,
}
