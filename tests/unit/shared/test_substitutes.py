"""Substitutes: another item takes the place of one that is not there, and everybody calls its line the same."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from shared import fulfilment as f
from shared.fulfilment import Context, Exit, Fulfilment, State, apply
from tests.unit.shared.test_fulfilment import ANNA, BEN, JOB, NOON, a_job, hand_off, pick, run

AGREED = ("OAT", "SOY")
CARL = Context(at=NOON, actor="carl", device="D3")


def instead(total: int, sku: str = "OAT", line: int = 1, **more: str) -> f.Substitute:
    return f.Substitute.model_validate({"fulfilment": JOB, "line": line, "sku": sku, "total": total, **more})


def shelf_is_empty(quantity: int = 2) -> Fulfilment:
    return run(a_job(quantity, agreed=AGREED), f.Accept(fulfilment=JOB))


def test_units_that_are_not_there_are_replaced_and_their_substitute_is_picked() -> None:
    outcome = apply(shelf_is_empty(), instead(2, reason="damaged"), ANNA)
    milk, oat = outcome.fulfilment.lines
    assert (milk.replaced, milk.open, milk.held) == (2, 0, 0)
    assert (oat.line, oat.sku, oat.quantity, oat.held, oat.replaces) == (1001, "OAT", 2, 2, 1)
    assert outcome.fulfilment.state is State.PICKED
    assert outcome.fulfilment.units == 2
    (move,) = outcome.moves
    assert (move.line, move.quantity, move.exit, move.reason) == (1, 2, Exit.REPLACED, "damaged")
    assert move.stand_in == f.StandIn(line=1001, sku="OAT")


def test_a_line_can_be_part_picked_part_replaced_by_two_items_and_part_missing() -> None:
    job = run(
        a_job(4, agreed=AGREED),
        pick(1, 1),
        instead(1),
        instead(1, "SOY"),
        f.Short(fulfilment=JOB, line=1, total=1, reason="not_found"),
    )
    assert [(line.line, line.held) for line in job.lines] == [(1, 1), (1001, 1), (1002, 1)]
    assert job.state is State.PICKED


def test_the_number_of_a_substitute_does_not_depend_on_who_was_first() -> None:
    steps = [(instead(1), ANNA), (instead(1, "SOY"), BEN), (instead(1), CARL)]
    told = set()
    for order in itertools.permutations(steps):
        job = shelf_is_empty(3)
        for command, ctx in order:
            job = apply(job, command, ctx).fulfilment
        told.add(tuple((line.line, line.sku, line.quantity) for line in job.lines))
    assert told == {((1, "SKU-1", 3), (1001, "OAT", 2), (1002, "SOY", 1))}


def test_more_than_the_line_still_wants_goes_back_to_the_shelf() -> None:
    picked = run(shelf_is_empty(), pick(1, 1), ctx=BEN)
    outcome = apply(picked, instead(2), ANNA)
    assert outcome.adjustment is not None
    assert outcome.adjustment.values == {"line": 1001, "sku": "OAT", "units": 1}
    assert outcome.fulfilment.lines[1].held == 1
    nothing = apply(outcome.fulfilment, instead(1), BEN)
    assert (nothing.status, nothing.changed) == ("adjusted", False)


def test_a_substitute_that_went_back_leaves_the_job_as_if_it_had_never_been_taken() -> None:
    before = run(shelf_is_empty(3), pick(1, 1))
    taken = run(before, instead(1, reason="damaged"), instead(2))
    outcome = apply(taken, instead(0), ANNA)
    assert outcome.fulfilment.lines == before.lines
    assert outcome.fulfilment.state is State.PICKING
    assert [(m.quantity, m.exit, m.reason) for m in outcome.moves] == [
        (1, Exit.RESTORED, "damaged"),
        (1, Exit.RESTORED, "not_found"),
    ]
    assert not apply(outcome.fulfilment, instead(0), ANNA).changed


def test_who_puts_back_puts_back_only_their_own() -> None:
    job = run(run(shelf_is_empty(), instead(1)), instead(1), ctx=BEN)
    after = run(job, instead(0), ctx=BEN)
    assert after.lines[1].picked_by == {"D1": 1, "D2": 0}
    assert after.lines[0].open == 1


def test_what_the_customer_did_not_agree_to_changes_nothing_and_somebody_must_look() -> None:
    outcome = apply(shelf_is_empty(), instead(1, "RICE"), ANNA)
    assert outcome.exception is not None
    assert outcome.exception.code == "substitute_not_agreed"
    assert not outcome.changed
    assert apply(shelf_is_empty(), instead(0, "RICE"), ANNA).status == "already_done"


def test_a_substitute_has_no_substitute() -> None:
    job = run(shelf_is_empty(), instead(1), pick(1001, 0))
    outcome = apply(job, instead(1, "SOY", line=1001), ANNA)
    assert outcome.exception is not None
    assert outcome.exception.code == "substitute_not_agreed"


def test_taken_after_the_bag_was_packed_it_goes_back_to_the_shelf() -> None:
    job = run(shelf_is_empty(1), pick(1, 1), f.Pack(fulfilment=JOB))
    assert apply(job, instead(1), BEN).status == "adjusted"


def test_a_packed_substitute_is_not_put_back_by_somebody_who_did_not_know() -> None:
    job = run(shelf_is_empty(1), instead(1), f.Pack(fulfilment=JOB))
    outcome = apply(job, instead(0), ANNA)
    assert outcome.exception is not None
    assert outcome.exception.code == "unpicked_after_pack"


def test_taken_for_a_cancelled_job_it_is_known_and_found_when_it_leaves_all_the_same() -> None:
    cancelled = run(shelf_is_empty(), f.Cancel(fulfilment=JOB))
    outcome = apply(cancelled, instead(1), ANNA)
    assert outcome.exception is not None
    assert outcome.exception.code == "picked_after_close"
    assert not outcome.moves
    left = apply(outcome.fulfilment, hand_off((1001, 1)), ANNA)
    assert [(m.line, m.sku, m.quantity, m.exit) for m in left.moves] == [(1001, "OAT", 1, Exit.LEFT)]
    assert not apply(outcome.fulfilment, instead(1), ANNA).changed


def test_the_customer_may_refuse_a_substitute_at_the_counter() -> None:
    job = run(
        a_job(1, 1, agreed=AGREED), instead(1), pick(2, 1), f.Pack(fulfilment=JOB), f.Stage(fulfilment=JOB, place="A1")
    )
    outcome = apply(job, hand_off(refused=((1001, 1),)), ANNA)
    assert [(m.line, m.exit) for m in outcome.moves] == [(2, Exit.FULFILLED), (1001, Exit.CANCEL)]


@given(st.lists(st.tuples(st.sampled_from(AGREED), st.integers(0, 3), st.sampled_from([ANNA, BEN])), max_size=12))
def test_hearing_everything_twice_is_hearing_it_once(steps: list[tuple[str, int, Context]]) -> None:
    once = twice = shelf_is_empty(3)
    for sku, total, ctx in steps:
        once = apply(once, instead(total, sku), ctx).fulfilment
        twice = apply(twice, instead(total, sku), ctx).fulfilment
        twice = apply(twice, instead(total, sku), ctx).fulfilment
    assert once.lines == twice.lines
    assert sum(line.quantity - line.replaced for line in once.lines) == 3
