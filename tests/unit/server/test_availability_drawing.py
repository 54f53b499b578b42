"""Availability drawn by hand says what the models would say."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from server.inventory.columns import NOTHING, Columns, lineup, without_expired
from server.inventory.drawing import Drawing, Seller
from shared.stock import Availability, NodeAvailability

UNITS = st.integers(0, 60)


@st.composite
def stocked(draw: st.DrawFn) -> Columns:
    """An item in up to six nodes, with every term there is."""
    count = draw(st.integers(0, 6))
    columns = [draw(st.lists(UNITS, min_size=count, max_size=count)) for _ in range(5)]
    columns[0] = [hand + gone for hand, gone in zip(columns[0], columns[1], strict=True)]
    return Columns(lineup(" ".join(f"N{n}" for n in range(count))), *columns, promised=draw(UNITS))  # type: ignore[arg-type]


THRESHOLDS = st.dictionaries(st.sampled_from([f"N{n}" for n in range(8)]), st.integers(0, 20))


def seller(thresholds: dict[str, int]) -> Seller:
    return Seller("web", thresholds, {code: f'Store "{code}" \u00e9\\' for code in thresholds})


@given(stocked(), THRESHOLDS)
def test_the_quick_sum_is_the_arithmetic_that_is_shown(columns: Columns, thresholds: dict[str, int]) -> None:
    limits = [thresholds.get(code) for code in columns.nodes.codes]
    shown = [0 if limit is None else columns.atp(place, limit).available for place, limit in enumerate(limits)]
    assert columns.available(limits) == shown


@given(stocked(), THRESHOLDS)
def test_what_is_drawn_is_what_the_model_would_dump(columns: Columns, thresholds: dict[str, int]) -> None:
    who = seller(thresholds)
    drawing = Drawing("APPLE", columns, who)
    places = who.places(columns.nodes, None)
    nodes = [
        NodeAvailability(
            node=code,
            name=f'Store "{code}" \u00e9\\',
            available=(atp := columns.atp(place, thresholds[code])).available,
            atp=atp,
        )
        for place, code in enumerate(columns.nodes.codes)
        if code in thresholds
    ]
    total = sum(each.available for each in nodes)
    wanted = Availability(
        sku="APPLE",
        channel="web",
        available=max(0, total - columns.promised),
        in_nodes=total,
        promised_not_routed=columns.promised,
        nodes=nodes,
    )
    assert json.loads(drawing.text(places, "arithmetic")) == wanted.model_dump(mode="json")
    plain = json.loads(drawing.text(places, "nodes"))
    assert [each["available"] for each in plain["nodes"]] == [each.available for each in nodes]
    assert all("atp" not in each for each in plain["nodes"])
    assert json.loads(drawing.text(places, "network")) == {**wanted.model_dump(mode="json"), "nodes": []}


def test_nodes_come_in_the_order_in_which_they_were_asked_for_and_only_those_that_sell() -> None:
    columns = Columns(lineup("A B C D"), [4, 5, 6, 7], [0] * 4, [0] * 4, [0] * 4, [0] * 4)
    who = seller({"A": 0, "C": 0, "D": 0})
    drawing = Drawing("APPLE", columns, who)
    for _ in range(2):
        text = drawing.text(who.places(columns.nodes, ["D", "B", "X", "A"]), "nodes")
        assert [(n["node"], n["available"]) for n in json.loads(text)["nodes"]] == [("D", 7), ("A", 4)]


def test_a_claim_that_is_over_is_not_reserved() -> None:
    columns = Columns(lineup("A B"), [9, 9], [0, 0], [5, 5], [0, 0], [0, 0])
    assert without_expired(columns, {"B": 2}).reserved == [5, 3]


def test_an_item_that_no_node_has_is_available_nowhere() -> None:
    who = seller({"A": 0})
    drawn = json.loads(Drawing("NEW", NOTHING, who).text(who.places(NOTHING.nodes, None), "arithmetic"))
    assert (drawn["available"], drawn["nodes"]) == (0, [])
