"""What units of a line cost, to the cent, in whatever order they leave it; and what a substitute of them costs."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from server.orders.rules import costs, grown, share_of, shrunk
from shared.orders import UnitState


def a_line(quantity: int, unit_price: int, discount: int = 0, tax: int = 0) -> dict[str, Any]:
    total = quantity * unit_price - discount + tax
    money = {"unit_price": unit_price, "discount": discount, "tax": tax, "total": total, "owed": total, "spare": 0}
    return {"quantity": quantity, **dict.fromkeys(UnitState, 0), **money}


def nothing(unit_price: int) -> dict[str, Any]:
    return {**a_line(0, unit_price), "allocated": 0}


LINES = st.builds(
    lambda quantity, price, off, tax: a_line(quantity, price, discount=off * quantity * price // 100, tax=tax),
    st.integers(1, 7),
    st.integers(0, 700),
    st.integers(0, 100),
    st.integers(0, 97),
)


def adds_up(row: dict[str, Any]) -> None:
    assert row["total"] == row["quantity"] * row["unit_price"] - row["discount"] + row["tax"]
    assert min(row["discount"], row["tax"], row["total"], row["owed"], row["spare"]) >= 0


def test_the_first_units_carry_the_odd_cents() -> None:
    assert [share_of(11, 3, 1), share_of(11, 3, 2), share_of(11, 3, 1, last=True)] == [4, 8, 3]


@given(st.integers(0, 5000), st.integers(1, 9), st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=9))
def test_what_leaves_a_line_adds_up_to_it_whatever_comes_first(
    total: int, quantity: int, steps: list[tuple[int, bool]]
) -> None:
    owed, left, settled = total, quantity, 0
    for units, last in [*steps, (quantity, False)]:
        if take := min(units, left):
            part = share_of(owed, left, take, last=last)
            assert take * (total // quantity) <= part <= take * (total // quantity + 1)
            owed, left, settled = owed - part, left - take, settled + part
    assert (owed, left, settled) == (0, 0, total)


@given(LINES, st.integers(0, 900), st.lists(st.integers(1, 3), min_size=1, max_size=5))
def test_a_substitute_never_costs_more_and_its_line_adds_up(line: dict[str, Any], price: int, taken: list[int]) -> None:
    row, left, owed = nothing(min(price, line["unit_price"])), line["quantity"], line["owed"]
    for units in taken:
        if take := min(units, left):
            due = share_of(owed, left, take, last=True)
            cost = costs(line, row["unit_price"], due, take)
            assert 0 <= cost.total <= due == cost.total + cost.spare
            row, left, owed = grown(row, cost, take), left - take, owed - due
            adds_up(row)
    assert owed + row["owed"] + row["spare"] == line["total"]
    while row["quantity"]:
        owed_back, spare_back = (share_of(row[c], row["quantity"], 1, last=True) for c in ("owed", "spare"))
        row, owed = shrunk(row, owed_back, spare_back, 1), owed + owed_back + spare_back
        adds_up(row)
    assert (owed, row["total"], row["tax"]) == (line["total"], 0, 0)


def test_the_same_price_is_the_same_money() -> None:
    line = a_line(2, 500, discount=100, tax=63)
    cost = costs(line, 500, share_of(line["owed"], 2, 1, last=True), 1)
    assert (cost.total, cost.spare) == (481, 0)


def test_tax_and_discount_follow_the_price() -> None:
    line = a_line(1, 1000, discount=200, tax=80)
    row = grown(nothing(500), costs(line, 500, line["owed"], 1), 1)
    assert (row["total"], row["discount"], row["tax"], row["spare"]) == (440, 100, 40, 440)
