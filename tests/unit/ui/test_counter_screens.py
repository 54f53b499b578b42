"""What the screens of the counter, the curb, the shelf and the order work out before they draw."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from shared.fulfilment import Arrival, Fulfilment, JobLine, State
from shared.orders import TimelineEntry
from shared.stock import ADJUST_REASONS
from store_app.ui.screens._parts.left import was_left
from store_app.ui.screens.adjust import fitting
from store_app.ui.screens.curbside import queue, waited
from store_app.ui.screens.hand_off import Draft
from store_app.ui.screens.order_words import sentence
from store_app.ui.texts import catalogue

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CODES = (
    *(f"order.{what}" for what in ("placed", "held", "hold_resolved", "cancelled", "status")),
    *("routing.routed", "routing.unrouted", "stock.promise_broken", "money.moved", "money.refused", "message.sent"),
    *("job.offered", "job.accept", "job.take_over", "job.pick", "job.short", "job.pack", "job.unpack", "job.stage"),
    *("job.ready", "job.label", "job.ship", "job.shipped", "job.deliver", "job.on_the_way", "job.arrive", "job.leave"),
    *("job.hand_off", "job.reject", "job.cancel", "job.expire", "job.exception", "job.exception_settled"),
)


def outside(number: int, **arrival: datetime) -> Fulfilment:
    """A curbside job whose customer said something."""
    return Fulfilment(
        id=UUID(int=number),
        number=f"B-{number}/1",
        order_id=UUID(int=100 + number),
        order_number=f"B-{number}",
        node="S001",
        method="curbside",
        state=State.READY,
        lines=(JobLine(line=1, sku="A", quantity=1),),
        offered_at=NOON,
        arrival=Arrival(**arrival),
    )


def entry(code: str, **values: str | int | None) -> TimelineEntry:
    return TimelineEntry(at=NOON, code=code, values=values, actor="Robin", node="S001")


def said(code: str, **values: str | int | None) -> str:
    return sentence(entry(code, **values), "USD", {"APPLE": "Red apples"}.__getitem__).replace("\u00a0", " ")


def test_the_timer_runs_from_arrival_and_stands_still_when_the_customer_left() -> None:
    arrival = Arrival(at=NOON)
    assert waited(arrival, NOON + timedelta(minutes=4)) == timedelta(minutes=4)
    gone = arrival.model_copy(update={"left_at": NOON + timedelta(minutes=2)})
    assert waited(gone, NOON + timedelta(minutes=40)) == timedelta(minutes=2)
    assert waited(Arrival(), NOON) == timedelta()


def test_who_came_first_comes_first_and_who_left_is_not_among_them() -> None:
    late, early = outside(1, at=NOON + timedelta(minutes=3)), outside(2, at=NOON)
    left, coming = outside(3, at=NOON, left_at=NOON), outside(4, on_the_way_at=NOON)
    assert queue([late, early, left, coming]) == ([early, late], [left], [coming])


def test_what_goes_back_does_not_leave_and_the_rest_stays() -> None:
    draft = Draft(given={1: 3}, refused={1: (2, "damaged")})
    assert draft.leaves(1, 4) == 2
    assert draft.leaves(2, 5) == 5
    assert (draft.back(1), draft.back(2)) == (2, 0)


def test_a_reason_for_more_is_not_offered_for_fewer() -> None:
    assert "theft" not in fitting(1)
    assert "found" not in fitting(-1)
    assert set(fitting(1)) | set(fitting(-1)) == {str(reason) for reason in ADJUST_REASONS}


@pytest.mark.parametrize("code", CODES)
def test_every_fact_of_a_timeline_has_a_sentence_of_its_own(code: str) -> None:
    assert f"timeline.{code}" in catalogue("en")
    assert not said(code).startswith("Noted")


def test_a_sentence_names_the_item_the_reason_and_the_money() -> None:
    assert said("job.short", sku="APPLE", units=2, reason="not_found") == "Not there: 2 × Red apples (Not found)"
    assert said("money.moved", kind="capture", amount=1999) == "Payment taken: $19.99"
    assert said("order.cancelled", units=1, reason="uncollected") == "1 unit cancelled: Not collected in time"
    assert said("order.status", status="completed") == "Now: Completed"
    assert said("job.hand_off", proof="pass", collector="Bob") == "Handed over to Bob (Pass checked)"


def test_a_hand_over_says_what_the_customer_left() -> None:
    assert said("job.hand_off", proof="pass", signed=1, photo=1) == "Handed over (Pass checked), signed, with a photo"
    assert said("job.hand_off", proof="pass", signed=0, photo=0) == "Handed over (Pass checked)"
    assert was_left([entry("job.pick"), entry("job.hand_off", signed=0, photo=1)])
    assert not was_left([entry("job.hand_off", signed=0, photo=0), entry("job.hand_off")])


def test_a_fact_from_a_newer_server_is_said_by_its_code() -> None:
    assert said("job.teleported") == "Noted: job: teleported"
