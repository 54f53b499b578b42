"""How an order's status follows from where its units are, and what an order must carry."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.orders import FINAL_STATUSES, NewOrder, OrderStatus, UnitState, status_of

UNITS = st.lists(st.dictionaries(st.sampled_from(UnitState), st.integers(0, 3)), min_size=1, max_size=4)


def status(in_work: bool = False, settled: bool = False, **units: int) -> OrderStatus:
    return status_of([{UnitState(name): count for name, count in units.items()}], in_work=in_work, settled=settled)


@pytest.mark.parametrize(
    ("units", "flags", "expected"),
    [
        ({"held": 1, "allocated": 1}, {}, OrderStatus.HELD),
        ({"routing": 1}, {}, OrderStatus.ROUTING),
        ({"routing": 1, "backordered": 1}, {}, OrderStatus.ROUTING),
        ({"backordered": 1, "allocated": 1}, {}, OrderStatus.BACKORDERED),
        ({"allocated": 2}, {}, OrderStatus.ALLOCATED),
        ({"allocated": 2}, {"in_work": True}, OrderStatus.IN_FULFILMENT),
        ({"allocated": 1, "fulfilled": 1}, {"in_work": True}, OrderStatus.PARTLY_FULFILLED),
        ({"fulfilled": 1, "cancelled": 1}, {}, OrderStatus.FULFILLED),
        ({"fulfilled": 1}, {"settled": True}, OrderStatus.COMPLETED),
        ({"cancelled": 2}, {"settled": True}, OrderStatus.CANCELLED),
        ({"replaced": 1}, {}, OrderStatus.CANCELLED),
    ],
)
def test_the_status_follows_from_the_units(
    units: dict[str, int], flags: dict[str, bool], expected: OrderStatus
) -> None:
    assert status(**flags, **units) == expected


@given(UNITS, st.booleans(), st.booleans())
def test_an_order_is_final_only_when_no_unit_waits(
    lines: list[dict[UnitState, int]], in_work: bool, settled: bool
) -> None:
    waiting = (UnitState.HELD, UnitState.ROUTING, UnitState.BACKORDERED, UnitState.ALLOCATED)
    found = status_of(lines, in_work=in_work, settled=settled)
    if found in FINAL_STATUSES:
        assert not any(line.get(state, 0) for line in lines for state in waiting)


def an_order(**changes: Any) -> dict[str, Any]:
    return {
        "channel": "web",
        "external_id": "1001",
        "placed_at": "2026-03-01T10:00:00Z",
        "currency": "USD",
        "customer": {"name": "Maria Sanchez"},
        "method": "pickup",
        "node": "S001",
        "lines": [{"sku": "A1", "quantity": 2, "unit_price": 350, "discount": 100, "tax": 48}],
        "payment": {"reference": "tok_1"},
        **changes,
    }


def test_the_total_is_lines_after_discount_plus_tax_and_shipping() -> None:
    assert NewOrder.model_validate(an_order(shipping=500)).total == 2 * 350 - 100 + 48 + 500


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"method": "ship"}, "needs an address"),
        ({"node": None}, "needs the store"),
        ({"placed_at": "2026-03-01T10:00:00"}, "offset"),
        ({"lines": [{"sku": "A1", "quantity": 1, "unit_price": 5, "discount": 6}]}, "more than the line costs"),
        ({"lines": [{"sku": "A1", "quantity": 0, "unit_price": 5}]}, "greater than or equal to 1"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_an_order_that_cannot_be_carried_out_is_not_taken(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        NewOrder.model_validate(an_order(**changes))
