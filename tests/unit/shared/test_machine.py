"""A machine is checked when it is built, and the fulfilment table is the one that devices and server share."""

from __future__ import annotations

import pytest

from shared.errors import IllegalMove
from shared.fulfilment import FULFILMENT
from shared.machine import Machine, Row
from shared.methods import METHODS, method_for


def machine(*rows: Row, finals: str = "done") -> Machine:
    return Machine(name="test", initial="new", finals=frozenset({finals}), rows=rows)


def test_fire_follows_the_table_and_nothing_else() -> None:
    simple = machine(Row("new", "finish", "done"))
    assert simple.fire("new", "finish") == "done"
    with pytest.raises(IllegalMove, match="finish is not possible when done"):
        simple.fire("done", "finish")


def test_a_row_of_a_method_counts_for_that_method_only() -> None:
    two = machine(Row("new", "ship", "done", frozenset({"parcel"})), Row("new", "hand", "done", frozenset({"counter"})))
    assert two.can("new", "ship", "parcel")
    assert not two.can("new", "ship", "counter")
    assert two.events("new", "counter") == ("hand",)


def test_an_ambiguous_event_is_refused() -> None:
    with pytest.raises(ValueError, match="two states"):
        machine(Row("new", "go", "done"), Row("new", "go", "new"))


def test_a_state_nobody_can_reach_is_refused() -> None:
    with pytest.raises(ValueError, match="never reached: island"):
        machine(Row("new", "go", "done"), Row("island", "go", "done"))


def test_a_state_without_a_way_out_is_refused() -> None:
    with pytest.raises(ValueError, match="no way out of trap"):
        machine(Row("new", "go", "done"), Row("new", "fall", "trap"))


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_reaches_its_good_end_from_the_beginning(method: str) -> None:
    reached, todo = {FULFILMENT.initial}, [FULFILMENT.initial]
    while todo:
        state = todo.pop()
        for event in FULFILMENT.events(state, method):
            target = FULFILMENT.fire(state, event, method)
            if target not in reached:
                reached.add(target)
                todo.append(target)
    assert METHODS[method].final in reached


def test_the_diagram_names_every_state() -> None:
    diagram = FULFILMENT.mermaid()
    assert diagram.startswith("stateDiagram-v2")
    assert all(state in diagram for state in FULFILMENT.states)


def test_the_method_follows_from_what_was_asked_and_where() -> None:
    found = {(d, t): method_for(d, t) for d in ("ship", "pickup", "curbside") for t in ("store", "warehouse")}
    codes = {key: method.code if method else None for key, method in found.items()}
    assert codes[("ship", "store")] == "ship_from_store"
    assert codes[("ship", "warehouse")] == "warehouse"
    assert codes[("pickup", "warehouse")] is None
