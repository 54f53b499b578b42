"""Orders that nobody works on yet are looked at again: cheaper in all, and no promise gets worse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.routing.decisions import Decision, Demand
from server.routing.plan import plan
from server.routing.rules import DEFAULT, RoutingPlan
from server.routing.second_look import Held, Look, look_again
from server.routing.snapshot import Candidates, Nodes
from server.routing.weighing import Sorted
from tests.unit.routing.build import NOW, capped, demand, node, ruled, world
from tests.unit.routing.test_plan import batches
from tests.unit.routing.test_wave import leaves, units_of


def held(asked: Demand, decision: Decision, candidates: Candidates) -> Held:
    """An order as the nodes hold it that it was given, promised for the time when its last parcel leaves."""
    units = Counter[int]()
    parcels: dict[str, Counter[str]] = {}
    for choice in decision.choices:
        units[choice.line] += choice.quantity
        parcels.setdefault(choice.node, Counter())[choice.sku] += choice.quantity
    at = leaves(decision, candidates)
    promised = datetime.fromtimestamp(at, UTC) if at < float("inf") else None
    lines = tuple(replace(each, quantity=units[each.line]) for each in asked.lines if units[each.line])
    return Held(replace(asked, lines=lines, wanted_by=promised), parcels)


def one_after_the_other(
    demands: Sequence[Demand], candidates: Candidates, routing_plan: RoutingPlan = DEFAULT
) -> list[Held]:
    decisions = plan(demands, candidates, routing_plan, now=NOW)
    return [
        held(asked, decision, candidates)
        for asked, decision in zip(demands, decisions, strict=True)
        if decision.choices
    ]


def ends(batch: Sequence[Held], look: Look) -> list[Mapping[str, Mapping[str, int]]]:
    """Who holds what after it."""
    after = {each.demand.order: each.parcels for each in batch}
    for move in look.moves:
        parcels: dict[str, Counter[str]] = {}
        for choice in move.choices:
            parcels.setdefault(choice.node, Counter())[choice.sku] += choice.quantity
        after[move.order] = parcels
    return list(after.values())


@settings(max_examples=250, deadline=None)
@given(batches(), st.integers(0, 2))
def test_whoever_moves_has_what_they_had_as_soon_and_from_what_is_there(
    drawn: tuple[list[Demand], Candidates, int], came_in: int
) -> None:
    demands, candidates, cap = drawn
    batch = one_after_the_other(demands, candidates, capped(cap))
    candidates = replace(candidates, available=candidates.available + came_in)
    before = candidates.available.copy(), candidates.capacity_left.copy()
    look = look_again(batch, candidates, capped(cap), now=NOW)
    assert (candidates.available == before[0]).all()
    assert (candidates.capacity_left == before[1]).all()
    assert (look.saved > 0) == bool(look.moves)
    had = {each.demand.order: each for each in batch}
    for move in look.moves:
        asked = had[move.order].demand
        assert asked.delivery == "ship"
        assert units_of(move) == sum((Counter(p) for p in had[move.order].parcels.values()), Counter[str]())
        assert len(move.assignments) <= cap
        assert asked.wanted_by is None or leaves(move, candidates) <= asked.wanted_by.timestamp()
    taken: Counter[tuple[str, str]] = Counter()
    jobs: Counter[str] = Counter()
    for parcels in ends(batch, look):
        jobs.update(parcels.keys())
        for code, units in parcels.items():
            for sku, count in units.items():
                taken[sku, code] += count
    for (sku, code), count in taken.items():
        assert count <= candidates.available[candidates.skus[sku], candidates.nodes.row[code]]
    for code, count in jobs.items():
        assert count <= candidates.capacity_left[candidates.nodes.row[code]]


def _nodes(*ready: int | None) -> list[object]:
    return [
        node(code, km, ready_at=None if hours is None else NOW + timedelta(hours=hours))
        for code, km, hours in zip(("NEAR", "NEXT", "FAR"), (10, 60, 2500), ready or (None,) * 3, strict=True)
    ]


def _two_at_one_shelf(*ready: int | None) -> tuple[list[Held], Candidates]:
    """The first took the pen of the store that alone has ink nearby; the second came later and was split."""
    stock = {("pen", "NEAR"): 1, ("pen", "NEXT"): 1, ("ink", "NEAR"): 5, ("ink", "FAR"): 5, ("pen", "FAR"): 5}
    candidates = world(_nodes(*ready), stock)  # type: ignore[arg-type]
    return one_after_the_other([demand(1, pen=1), demand(2, pen=1, ink=1)], candidates), candidates


def test_two_orders_exchange_their_shelves_and_a_parcel_is_saved() -> None:
    batch, candidates = _two_at_one_shelf()
    assert [sorted(each.parcels) for each in batch] == [["NEAR"], ["NEAR", "NEXT"]]
    look = look_again(batch, candidates, DEFAULT, now=NOW)
    assert [list(move.assignments) for move in look.moves] == [["NEXT"], ["NEAR"]]
    assert look.looked_at == 2
    assert look.saved > 1_000_000


def test_an_exchange_that_saves_too_little_is_left() -> None:
    batch, candidates = _two_at_one_shelf()
    saved = look_again(batch, candidates, DEFAULT, now=NOW).saved / 1_000_000
    assert look_again(batch, candidates, DEFAULT, now=NOW, least=saved - 0.001).moves
    assert look_again(batch, candidates, DEFAULT, now=NOW, least=saved) == Look((), 0, 2)


def test_nobody_leaves_later_than_promised() -> None:
    batch, candidates = _two_at_one_shelf(1, 9, 9)
    assert look_again(batch, candidates, DEFAULT, now=NOW).moves == ()
    patient = [replace(batch[0], demand=replace(batch[0].demand, wanted_by=NOW + timedelta(hours=9))), batch[1]]
    assert len(look_again(patient, candidates, DEFAULT, now=NOW).moves) == 2


def test_stock_that_came_in_draws_an_order_nearer() -> None:
    before = world(_nodes(), {("pen", "FAR"): 2})  # type: ignore[arg-type]
    batch = one_after_the_other([demand(1, pen=2)], before)
    after = world(_nodes(), {("pen", "FAR"): 2, ("pen", "NEAR"): 2})  # type: ignore[arg-type]
    (move,) = look_again(batch, after, DEFAULT, now=NOW).moves
    assert move.assignments == {"NEAR": {1: 2}}
    assert [rival.node for rival in move.choices[0].rivals] == ["FAR"]


@pytest.mark.parametrize(
    "left_alone",
    [
        {"delivery": "pickup", "node": "FAR"},
        {"wanted_by": NOW},
        {"lines": tuple(replace(line, flags=("ship_alone",)) for line in demand(1, pen=2).lines)},
    ],
    ids=["to collect", "late already", "ships alone"],
)
def test_what_may_not_move_stays(left_alone: dict[str, object]) -> None:
    batch = one_after_the_other([demand(1, pen=2)], world(_nodes(), {("pen", "FAR"): 2}))  # type: ignore[arg-type]
    after = world(_nodes(), {("pen", "FAR"): 2, ("pen", "NEAR"): 2})  # type: ignore[arg-type]
    stays = [Held(replace(batch[0].demand, **left_alone), batch[0].parcels)]  # type: ignore[arg-type]
    assert look_again(batch, after, DEFAULT, now=NOW).moves
    assert look_again(stays, after, DEFAULT, now=NOW) == Look((), 0, 0)


def test_what_its_node_would_not_give_today_is_left_and_stays_taken() -> None:
    """The store of the first switched itself off: it keeps the job it has, and its unit is nobody else's."""
    batch, candidates = _two_at_one_shelf()
    nodes = [node("NEAR", 10, off=frozenset({"ship"})), node("NEXT", 60), node("FAR", 2500)]
    off = replace(candidates, nodes=Nodes.of(nodes))
    assert look_again(batch, off, DEFAULT, now=NOW) == Look((), 0, 0)


def test_a_rule_that_sorts_looks_at_nothing_again() -> None:
    batch, candidates = _two_at_one_shelf()
    sorts = ruled(weights=(), sort=(Sorted(criterion="proximity"),))
    assert look_again(batch, candidates, sorts, now=NOW) == Look((), 0, 0)


def test_the_same_look_is_the_same_bytes() -> None:
    batch, candidates = _two_at_one_shelf()
    once, again = (look_again(batch, candidates, DEFAULT, now=NOW) for _ in range(2))
    assert [move.to_json() for move in once.moves] == [move.to_json() for move in again.moves]
