"""The fulfilment rules: every command has an outcome in every state, units are conserved, and facts are never lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import fulfilment as f
from shared.fulfilment import FULFILMENT, Context, Exit, Fulfilment, JobLine, Outcome, State, apply
from shared.methods import METHODS

JOB = UUID(int=1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANNA = Context(at=NOON, actor="anna", device="D1")
BEN = Context(at=NOON, actor="ben", device="D2")


def a_job(*quantities: int, method: str = "pickup", agreed: tuple[str, ...] = (), **changes: Any) -> Fulfilment:
    lines = tuple(
        JobLine(line=number, sku=f"SKU-{number}", quantity=quantity, substitutes=agreed)
        for number, quantity in enumerate(quantities or (2, 1), start=1)
    )
    job = Fulfilment(
        id=JOB,
        number="B-1042-N9/1",
        order_id=UUID(int=2),
        order_number="B-1042-N9",
        node="S001",
        method=method,
        lines=lines,
        offered_at=NOON,
    )
    return job.model_copy(update=changes)


def run(job: Fulfilment, *commands: f.Command, ctx: Context = ANNA) -> Fulfilment:
    for command in commands:
        outcome = apply(job, command, ctx)
        assert outcome.refusal is None
        assert outcome.exception is None
        job = outcome.fulfilment
    return job


def pick(line: int, total: int, **more: Any) -> f.Pick:
    return f.Pick(fulfilment=JOB, line=line, total=total, **more)


def hand_off(*given: tuple[int, int], refused: tuple[tuple[int, int], ...] = ()) -> f.HandOff:
    return f.HandOff(
        fulfilment=JOB,
        lines=tuple(f.LineUnits(line=n, quantity=q) for n, q in given),
        refused=tuple(f.Refused(line=n, quantity=q, reason="changed_mind") for n, q in refused),
        proof="pass",
    )


def ready(*quantities: int) -> Fulfilment:
    job = a_job(*quantities)
    return run(
        job,
        f.Accept(fulfilment=JOB),
        *(pick(line.line, line.quantity) for line in job.lines),
        f.Pack(fulfilment=JOB),
        f.Stage(fulfilment=JOB, place="A1"),
    )


# ---------------------------------------------------------------- the ways things go well


def test_a_pickup_is_picked_packed_staged_and_handed_off() -> None:
    outcome = apply(ready(2, 1), hand_off(), ANNA)
    assert outcome.status == "applied"
    assert outcome.fulfilment.state is State.HANDED_OFF
    assert [(m.line, m.quantity, m.exit) for m in outcome.moves] == [(1, 2, Exit.FULFILLED), (2, 1, Exit.FULFILLED)]


def test_a_parcel_is_labelled_and_shipped() -> None:
    job = run(
        a_job(1, method="ship_from_store"),
        pick(1, 1),
        f.Pack(fulfilment=JOB),
        f.Label(fulfilment=JOB, carrier="ups", tracking="1Z"),
        f.Ship(fulfilment=JOB),
        f.Deliver(fulfilment=JOB),
    )
    assert job.state is State.DELIVERED
    assert job.packages[0].tracking == "1Z"


def test_two_devices_pick_one_line_together() -> None:
    job = run(a_job(3), pick(1, 2))
    job = run(job, pick(1, 1), ctx=BEN)
    assert job.state is State.PICKED
    assert job.lines[0].picked_by == {"D1": 2, "D2": 1}


def test_units_that_are_not_there_are_routed_again_and_the_rest_goes_on() -> None:
    outcome = apply(run(a_job(2), pick(1, 1)), f.Short(fulfilment=JOB, line=1, total=1, reason="not_found"), ANNA)
    assert outcome.fulfilment.state is State.PICKED
    assert [(m.quantity, m.exit, m.reason) for m in outcome.moves] == [(1, Exit.REROUTE, "not_found")]


def test_a_job_with_nothing_found_ends_as_short() -> None:
    assert run(a_job(2), f.Short(fulfilment=JOB, line=1, total=2, reason="damaged")).state is State.SHORT


def test_a_part_may_be_handed_over_and_the_rest_waits() -> None:
    outcome = apply(ready(2), hand_off((1, 1)), ANNA)
    assert outcome.fulfilment.state is State.READY
    assert outcome.fulfilment.lines[0].held == 1
    assert apply(outcome.fulfilment, hand_off((1, 1)), ANNA).fulfilment.state is State.HANDED_OFF


def test_what_the_customer_refuses_goes_back_and_is_refunded() -> None:
    outcome = apply(ready(2, 1), hand_off(refused=((1, 1),)), ANNA)
    assert outcome.fulfilment.state is State.HANDED_OFF
    assert [(m.line, m.quantity, m.exit) for m in outcome.moves] == [
        (1, 1, Exit.FULFILLED),
        (2, 1, Exit.FULFILLED),
        (1, 1, Exit.CANCEL),
    ]


def test_a_customer_who_refuses_everything_has_collected_nothing() -> None:
    command = hand_off(refused=((1, 2), (2, 1)))
    outcome = apply(ready(2, 1), command, ANNA)
    assert outcome.fulfilment.state is State.CANCELLED
    assert all(m.exit is Exit.CANCEL for m in outcome.moves)
    assert apply(outcome.fulfilment, command, ANNA).status == "already_done"


def test_a_job_that_was_partly_collected_ends_as_handed_off_when_the_rest_is_cancelled() -> None:
    partly = apply(ready(2), hand_off((1, 1)), ANNA).fulfilment
    outcome = apply(partly, f.Cancel(fulfilment=JOB), ANNA)
    assert outcome.fulfilment.state is State.HANDED_OFF
    assert [(m.quantity, m.exit) for m in outcome.moves] == [(1, Exit.CANCEL)]


def test_a_bag_may_be_handed_over_before_it_was_staged() -> None:
    packed = run(a_job(1), pick(1, 1), f.Pack(fulfilment=JOB))
    assert run(packed, hand_off()).state is State.HANDED_OFF


def test_a_customer_who_comes_early_is_remembered_and_shown_when_the_bag_is_staged() -> None:
    job = run(a_job(1, method="curbside"), f.Arrive(fulfilment=JOB, bay="3"), pick(1, 1), f.Pack(fulfilment=JOB))
    assert job.state is State.PACKED
    assert job.arrival.at == NOON
    assert run(job, f.Stage(fulfilment=JOB, place="A1")).state is State.ARRIVED


def test_the_curbside_timer_is_not_reset_by_a_second_arrival_but_by_coming_back() -> None:
    job = run(ready(1), f.Arrive(fulfilment=JOB))
    later = Context(at=NOON + timedelta(minutes=5), actor="anna", device="D1")
    assert apply(job, f.Arrive(fulfilment=JOB, bay="2"), later).fulfilment.arrival.at == NOON
    gone = apply(job, f.Leave(fulfilment=JOB), later).fulfilment
    assert (gone.state, gone.arrival.left_at) == (State.READY, later.at)
    assert apply(gone, f.Arrive(fulfilment=JOB), later).fulfilment.arrival.at == later.at


def test_a_part_of_the_order_cancelled_leaves_the_bag_with_fewer_units() -> None:
    job = run(ready(2, 1), f.Cancel(fulfilment=JOB, lines=(f.LineUnits(line=1, quantity=1),)))
    assert job.state is State.READY
    assert job.packages[0].lines == (f.PackedLine(line=1, quantity=1), f.PackedLine(line=2, quantity=1))


# ---------------------------------------------------------------- the world moved on


def test_a_job_taken_by_another_is_refused_with_their_name() -> None:
    taken = run(a_job(1), f.Accept(fulfilment=JOB), ctx=BEN)
    outcome = apply(taken, f.Accept(fulfilment=JOB), ANNA)
    assert outcome.refusal is not None
    assert (outcome.refusal.code, outcome.refusal.values) == ("taken", {"by": "ben", "since": NOON.isoformat()})


def test_taking_over_keeps_what_was_done() -> None:
    job = run(a_job(2), pick(1, 1), ctx=BEN)
    over = run(job, f.TakeOver(fulfilment=JOB))
    assert (over.assignee, over.lines[0].picked, over.state) == ("anna", 1, State.PICKING)


def test_more_than_is_wanted_is_put_back() -> None:
    job = run(a_job(1), pick(1, 1), ctx=BEN)
    outcome = apply(job, pick(1, 1), ANNA)
    assert outcome.status == "adjusted"
    assert outcome.adjustment is not None
    assert outcome.adjustment.values == {"line": 1, "sku": "SKU-1", "units": 1}


def test_an_extra_pick_after_the_bag_was_packed_is_put_back_too() -> None:
    assert apply(ready(1), pick(1, 1), BEN).status == "adjusted"


def test_packing_what_was_cancelled_meanwhile_packs_the_rest_and_asks_to_put_back() -> None:
    job = run(a_job(3), pick(1, 3), f.Cancel(fulfilment=JOB, lines=(f.LineUnits(line=1, quantity=1),)))
    bag = f.Package(id="1", lines=(f.PackedLine(line=1, quantity=3),))
    outcome = apply(job, f.Pack(fulfilment=JOB, packages=(bag,)), ANNA)
    assert outcome.status == "adjusted"
    assert outcome.fulfilment.packages[0].lines[0].quantity == 2


def test_packing_less_than_was_picked_is_a_contradiction() -> None:
    bag = f.Package(id="1", lines=(f.PackedLine(line=1, quantity=1),))
    outcome = apply(run(a_job(2), pick(1, 2)), f.Pack(fulfilment=JOB, packages=(bag,)), ANNA)
    assert outcome.exception is not None
    assert outcome.exception.code == "packed_differs"


def test_a_bag_that_left_after_a_cancellation_leaves_the_books_too() -> None:
    cancelled = run(ready(2), f.Cancel(fulfilment=JOB))
    outcome = apply(cancelled, hand_off((1, 2)), ANNA)
    assert outcome.exception is not None
    assert [(m.quantity, m.exit) for m in outcome.moves] == [(2, Exit.LEFT)]
    assert outcome.fulfilment.lines[0].handed_over == 2


def test_units_picked_offline_after_a_cancellation_are_found_when_they_leave() -> None:
    cancelled = run(a_job(2), f.Cancel(fulfilment=JOB))
    picked = apply(cancelled, pick(1, 2), ANNA)
    assert picked.exception is not None
    assert picked.exception.code == "picked_after_close"
    assert picked.fulfilment.lines[0].put_back == 2
    left = apply(picked.fulfilment, hand_off((1, 2)), ANNA)
    assert [(m.quantity, m.exit) for m in left.moves] == [(2, Exit.LEFT)]


def test_a_bag_with_a_cancelled_unit_still_in_it_is_an_exception_and_the_unit_leaves_the_books() -> None:
    job = run(ready(3), f.Cancel(fulfilment=JOB, lines=(f.LineUnits(line=1, quantity=1),)))
    outcome = apply(job, hand_off((1, 3)), ANNA)
    assert outcome.exception is not None
    assert outcome.exception.code == "handed_off_too_many"
    assert outcome.fulfilment.state is State.HANDED_OFF
    assert [(m.quantity, m.exit) for m in outcome.moves] == [(2, Exit.FULFILLED), (1, Exit.LEFT)]


def test_a_second_hand_off_by_somebody_else_is_an_incident() -> None:
    done = run(ready(1), hand_off(), ctx=BEN)
    outcome = apply(done, hand_off(), ANNA)
    assert outcome.exception is not None
    assert (outcome.exception.code, outcome.exception.values["by"]) == ("handed_off_twice", "ben")


def test_refusing_more_than_is_held_never_makes_units() -> None:
    outcome = apply(ready(1, 1), hand_off(refused=((1, 5),)), ANNA)
    assert [(m.line, m.quantity, m.exit) for m in outcome.moves] == [(2, 1, Exit.FULFILLED), (1, 1, Exit.CANCEL)]


def test_taking_a_unit_out_never_touches_units_that_were_put_back() -> None:
    job = run(a_job(3), pick(1, 3), f.Cancel(fulfilment=JOB, lines=(f.LineUnits(line=1, quantity=2),)))
    emptied = run(job, pick(1, 0))
    assert (emptied.lines[0].held, emptied.lines[0].open) == (0, 1)


def test_a_parcel_with_the_carrier_is_shipped_even_if_its_label_is_not_known_here() -> None:
    packed = run(a_job(1, method="ship_from_store"), pick(1, 1), f.Pack(fulfilment=JOB))
    assert run(packed, f.Ship(fulfilment=JOB)).state is State.SHIPPED


def test_rejecting_a_job_that_is_gone_already_bothers_nobody() -> None:
    cancelled = run(a_job(1), f.Cancel(fulfilment=JOB))
    assert apply(cancelled, f.Reject(fulfilment=JOB, reason="too_late"), ANNA).status == "already_done"


def test_a_job_says_when_nothing_was_left_to_do_and_does_not_change_its_mind() -> None:
    parcel = run(a_job(1, method="ship_from_store"), pick(1, 1), f.Pack(fulfilment=JOB))
    assert parcel.finished_at is None
    label = f.Label(fulfilment=JOB, carrier="ups", tracking="1Z")
    shipped = run(parcel, label, f.Ship(fulfilment=JOB))
    assert shipped.finished_at == NOON
    later = Context(at=NOON + timedelta(days=3), actor="carrier", device="server")
    delivered = run(shipped, f.Deliver(fulfilment=JOB), ctx=later)
    assert (delivered.state, delivered.finished_at) == (State.DELIVERED, NOON)


def test_a_command_for_another_job_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="is for"):
        apply(a_job(1), f.Accept(fulfilment=UUID(int=9)), ANNA)


# ---------------------------------------------------------------- any history at all

_lines = st.integers(1, 3)
_units = st.integers(1, 4)
_parts = st.lists(st.tuples(_lines, _units), max_size=3)
_parts_and_substitutes = st.lists(st.tuples(_lines | st.sampled_from([1001, 1002]), _units), max_size=3)
_line_units = _parts_and_substitutes.map(lambda parts: tuple(f.LineUnits(line=n, quantity=q) for n, q in parts))
_refused = _parts.map(lambda parts: tuple(f.Refused(line=n, quantity=q, reason="damaged") for n, q in parts))
_bags = st.lists(
    st.builds(
        f.Package,
        id=st.sampled_from(["1", "2"]),
        lines=_parts.map(lambda parts: tuple(f.PackedLine(line=n, quantity=q) for n, q in parts)),
    ),
    max_size=2,
).map(tuple)


def _of(kind: type[Any], **fields: Any) -> st.SearchStrategy[Any]:
    return st.builds(kind, fulfilment=st.just(JOB), **fields)


COMMANDS: st.SearchStrategy[f.Command] = st.one_of(
    _of(f.Accept),
    _of(f.TakeOver),
    _of(f.Pick, line=_lines, total=st.integers(0, 4), serial=st.none() | st.just("S1"), grams=st.none() | st.just(5)),
    _of(f.Pick, line=_lines, total=st.integers(1, 4)),
    _of(f.Short, line=_lines, total=st.integers(0, 4), reason=st.just("not_found")),
    _of(f.Pick, line=st.sampled_from([1001, 1002, 2001]), total=st.integers(0, 3)),
    _of(f.Substitute, line=_lines, sku=st.sampled_from(["OTHER-1", "OTHER-2"]), total=st.integers(0, 4)),
    _of(f.Substitute, line=_lines, sku=st.just("OTHER-1"), total=st.integers(1, 3), reason=st.just("damaged")),
    _of(f.Pack, packages=st.just(())),
    _of(f.Pack, packages=_bags),
    _of(f.Unpack),
    _of(f.Stage, place=st.sampled_from(["A1", "B2"])),
    _of(f.Label, carrier=st.just("ups"), tracking=st.sampled_from(["1", "2"])),
    _of(f.Ship),
    _of(f.Deliver),
    _of(f.OnTheWay, vehicle=st.none() | st.just("red van")),
    _of(f.Arrive, bay=st.none() | st.just("3")),
    _of(f.Leave),
    _of(f.HandOff, lines=_line_units, refused=_refused, proof=st.just("pass")),
    _of(f.HandOff, proof=st.just("code")),
    _of(f.Reject, reason=st.just("no_capacity")),
    _of(f.Expire),
    _of(f.Cancel, lines=_line_units),
    _of(f.Cancel, reason=st.just("promise_broken")),
)
STEPS = st.lists(st.tuples(COMMANDS, st.sampled_from([ANNA, BEN])), max_size=25)
JOBS = st.builds(
    lambda quantities, method, agreed: a_job(*quantities, method=method, agreed=agreed),
    st.lists(st.integers(1, 3), min_size=1, max_size=2),
    st.sampled_from(sorted(METHODS)),
    st.sampled_from([(), ("OTHER-1",), ("OTHER-1", "OTHER-2")]),
)
INCREMENTS = ("hand_off", "cancel")
"""Commands that carry the units of one event: a duplicate is stopped by the command log, not by the rule."""


def conserved(job: Fulfilment) -> None:
    for line in job.lines:
        assert line.quantity == line.open + line.short + line.cancelled + line.picked + line.replaced
        figures = (line.open, line.held, line.short, line.cancelled, line.put_back, line.handed_over, line.replaced)
        assert min(figures) >= 0
        assert min(line.picked_by.values(), default=0) >= 0
        standing_in = [other for other in job.lines if other.replaces == line.line]
        assert line.replaced == sum(other.quantity for other in standing_in)
        assert all(sum(other.missing.values()) == other.quantity > 0 for other in standing_in)


def ledger(job: Fulfilment, moves: list[f.UnitMove]) -> None:
    """What the moves said about each line adds up to what the line says now."""
    for line in job.lines:
        mine = [m for m in moves if m.line == line.line]
        gone = sum(m.quantity for m in mine if m.exit in (Exit.FULFILLED, Exit.LEFT))
        assert gone == line.handed_over
        out = sum(m.quantity for m in mine if m.exit not in (Exit.LEFT, Exit.RESTORED))
        back = sum(m.quantity for m in mine if m.exit is Exit.RESTORED)
        assert out - back == _had(line, moves) - line.open - line.held


def _had(line: JobLine, moves: list[f.UnitMove]) -> int:
    """Units the books gave the line: what was offered, or what came in as a substitute. One that was taken for a job
    that was closed by then is known here only."""
    if line.replaces is None:
        return line.quantity
    came = [m for m in moves if m.stand_in and m.stand_in.line == line.line]
    return sum(m.quantity if m.exit is Exit.REPLACED else -m.quantity for m in came)


@settings(max_examples=200, deadline=None)
@given(JOBS, STEPS)
def test_units_are_conserved_in_every_history(job: Fulfilment, steps: list[tuple[f.Command, Context]]) -> None:
    moves: list[f.UnitMove] = []
    for command, ctx in steps:
        outcome = apply(job, command, ctx)
        _sane(job, command, outcome)
        job = outcome.fulfilment
        moves += outcome.moves
        conserved(job)
    ledger(job, moves)


def _sane(job: Fulfilment, command: f.Command, outcome: Outcome) -> None:
    after = outcome.fulfilment
    said = [outcome.refusal, outcome.adjustment, outcome.exception]
    assert sum(notice is not None for notice in said) <= 1
    assert after.version == job.version + (1 if outcome.changed else 0)
    if not outcome.changed:
        assert after is job
        assert not outcome.moves
    if outcome.refusal:
        assert command.kind in {*f.CLAIMS, *f.SYSTEM_ONLY, "on_the_way", "arrive"}
        assert not outcome.changed
    assert all(move.quantity > 0 for move in outcome.moves)
    if after.state in FULFILMENT.finals:
        assert all(line.open == 0 and line.held == 0 for line in after.lines)
    if after.state is State.HANDED_OFF:
        assert any(line.handed_over for line in after.lines)


@settings(max_examples=200, deadline=None)
@given(JOBS, STEPS, COMMANDS)
def test_a_command_seen_twice_changes_nothing_the_second_time(
    job: Fulfilment, steps: list[tuple[f.Command, Context]], command: f.Command
) -> None:
    for earlier, ctx in steps:
        job = apply(job, earlier, ctx).fulfilment
    if command.kind in INCREMENTS and getattr(command, "lines", ()) + getattr(command, "refused", ()):
        return
    once = apply(job, command, ANNA).fulfilment
    again = apply(once, command, ANNA)
    assert not again.changed
    assert not again.moves
    assert again.refusal is None or apply(job, command, ANNA).refusal is not None or command.kind in f.SYSTEM_ONLY


@settings(max_examples=100, deadline=None)
@given(JOBS, STEPS)
def test_a_final_job_stays_final(job: Fulfilment, steps: list[tuple[f.Command, Context]]) -> None:
    for command, ctx in steps:
        before = job.state
        job = apply(job, command, ctx).fulfilment
        assert before not in FULFILMENT.finals or job.state == before


@settings(max_examples=100, deadline=None)
@given(JOBS, STEPS)
def test_every_open_job_can_be_cancelled_or_is_with_the_carrier(
    job: Fulfilment, steps: list[tuple[f.Command, Context]]
) -> None:
    for command, ctx in steps:
        job = apply(job, command, ctx).fulfilment
    if job.state in f.OPEN_STATES:
        assert apply(job, f.Cancel(fulfilment=JOB), ANNA).fulfilment.state in FULFILMENT.finals


@given(JOBS, STEPS)
def test_a_job_survives_its_journey_over_the_wire(job: Fulfilment, steps: list[tuple[f.Command, Context]]) -> None:
    for command, ctx in steps:
        job = apply(job, command, ctx).fulfilment
    assert Fulfilment.model_validate_json(job.model_dump_json()) == job
