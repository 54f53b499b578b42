"""The words: a card for every line, sentences with the numbers that decided."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.routing.decisions import Decision
from server.routing.reasons import EXCLUDED, lost_by, why, why_job, why_missing
from tests.unit.routing.build import capped, demand, node, one, world


def test_a_card_says_why_and_by_what_number_each_rival_lost() -> None:
    decision = one(
        demand(pen=1),
        world([node("FAR", 800), node("NEAR", 20), node("OUT", 5)], {("pen", "FAR"): 8, ("pen", "NEAR"): 8}),
    )
    card = why(decision, 1)
    assert card.plan == "standard v1, Everything"
    assert "Store NEAR sends this in one parcel at the least cost" in card.summary
    assert "8 in stock" in card.summary
    assert [rival.node for rival in card.rivals] == ["FAR"]
    assert card.rivals[0].lost_by.startswith("distance +0.779: 798.7 km away, against 20.0 km away")
    assert card.rivals[0].score > 0
    assert card.excluded == {"no_stock": 1}
    assert why_job(decision, "NEAR") == card


def test_a_stored_decision_tells_the_same() -> None:
    candidates = world([node("A"), node("B", 300)], {("pen", "A"): 1, ("pen", "B"): 2})
    decision = one(demand(pen=5), candidates, capped(2))
    again = Decision.from_json(decision.to_json())
    assert again == decision
    assert why(again, 1, "B") == why(decision, 1, "B")


def test_a_tie_and_an_extra_parcel_have_their_own_words() -> None:
    tie = one(demand(pen=1), world([node("A"), node("B")], {("pen", "A"): 1, ("pen", "B"): 1})).choices[0]
    assert lost_by(tie.name, tie.rivals[0]) == "Same cost; Store A comes first by code."
    nodes = [node("A"), node("B")]
    split = one(demand(pen=1, ink=1), world(nodes, {("pen", "A"): 9, ("ink", "A"): 9, ("pen", "B"): 9})).choices[0]
    assert lost_by(split.name, split.rivals[0]) == "parcels +1.000: needs one more parcel."


def test_missing_units_are_explained_whatever_the_reason() -> None:
    decision = one(demand(pen=1), world([node("A")], {}))
    for reason in EXCLUDED:
        missing = replace(decision, unrouted=(replace(decision.unrouted[0], reason=reason),))
        assert why(missing, 1).summary.endswith(".")
    collected = one(demand(delivery="pickup", at="A", pen=2), world([node("A")], {("pen", "A"): 1}))
    assert why(collected, 1).summary == "The customer chose Store A, and it has what was ordered."


def test_units_that_are_missing_have_a_card_beside_that_of_the_units_that_are_not() -> None:
    decision = one(demand(APPLE=3), world([node("A")], {("APPLE", "A"): 2}))
    assert why(decision, 1).summary.startswith("Store A sends this")
    [missing] = decision.unrouted
    assert why_missing(decision, missing).summary == "No node has the last 1 unit."


def test_a_line_that_was_not_asked_has_no_card() -> None:
    decision = one(demand(pen=1), world([node("A")], {("pen", "A"): 1}))
    with pytest.raises(KeyError):
        why(decision, 2)
    with pytest.raises(KeyError):
        why_job(decision, "B")
