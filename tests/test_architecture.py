"""What the house promises about itself, beyond the import directions that `make check` proves."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path

from server import events, wiring
from server.kit.answers import When
from shared.fulfilment import FULFILMENT
from shared.methods import METHODS

ROOT = Path(__file__).parents[1]


def test_every_fact_says_whether_it_is_stored() -> None:
    facts = [c for _, c in inspect.getmembers(events, inspect.isclass) if c.__module__ == events.__name__]
    assert facts
    for fact in facts:
        assert dataclasses.is_dataclass(fact)
        assert isinstance(fact.STORED, bool), fact.__name__


def test_answers_after_the_commit_answer_stored_facts_and_have_names_of_their_own() -> None:
    after = [row for row in wiring.ROWS if row.when is When.AFTER_COMMIT]
    assert [(row.event.__name__, row.name) for row in after] == [
        ("JobReady", "fulfilment.passes.make_pass"),
        ("OrderPlaced", "messages.answers.order_placed"),
        ("JobReady", "messages.answers.job_ready"),
        ("JobShipped", "messages.answers.job_shipped"),
        ("UnitsCancelled", "messages.answers.units_cancelled"),
        ("PromiseChanged", "messages.answers.promise_changed"),
        ("MoneyWanted", "orders.payments.ask_gateway"),
        ("StockFed", "inventory.streams.tell_devices"),
    ]
    assert all(row.event.STORED for row in after)


def test_units_that_leave_a_job_are_remembered_moved_and_released_in_this_order() -> None:
    rows = [row.handler.__module__ for row in wiring.ROWS if row.event is events.UnitsLeft]
    assert rows == [
        "server.routing.service",
        "server.orders.service",
        "server.inventory.service",
        "server.inventory.doubt",
    ]


def test_the_diagram_in_the_docs_is_the_machine() -> None:
    page = (ROOT / "docs" / "fulfilment.md").read_text(encoding="utf-8")
    assert FULFILMENT.mermaid() in page


def test_every_method_reaches_its_own_good_end() -> None:
    for method in METHODS.values():
        assert method.final in FULFILMENT.finals
        assert any(row.target == method.final and method.code in row.methods for row in FULFILMENT.rows), method.code
