"""Pure: what a customer sees of an order and its jobs."""

from __future__ import annotations

from dataclasses import dataclass

from shared.fulfilment import Fulfilment, State
from shared.methods import METHODS
from shared.orders import OrderStatus

PICKUP_STEPS = ("Ordered", "Being packed", "Ready", "Collected")
SHIP_STEPS = ("Ordered", "Being packed", "On its way", "Delivered")
_REACHED = {
    State.OFFERED: 0,
    State.READY: 2,
    State.ON_THE_WAY: 2,
    State.ARRIVED: 2,
    State.HANDED_OFF: 3,
    State.SHIPPED: 2,
    State.DELIVERED: 3,
}
GONE = frozenset({State.REJECTED, State.SHORT, State.CANCELLED})
"""States of jobs that are no longer the customer's business: their units are elsewhere or cancelled."""
WAITING = frozenset({State.READY, State.ON_THE_WAY, State.ARRIVED})
SENTENCES = {
    OrderStatus.HELD: "We are checking your order.",
    OrderStatus.PENDING: "We have your order.",
    OrderStatus.ROUTING: "We have your order.",
    OrderStatus.BACKORDERED: "We are waiting for stock.",
    OrderStatus.ALLOCATED: "We have your order.",
    OrderStatus.IN_FULFILMENT: "We are packing your order.",
    OrderStatus.PARTLY_FULFILLED: "Part of your order has left.",
    OrderStatus.FULFILLED: "Everything has left.",
    OrderStatus.COMPLETED: "All done. Thank you.",
    OrderStatus.CANCELLED: "This order is cancelled.",
}


@dataclass(frozen=True, slots=True)
class Steps:
    """A row of steps; `reached` is the index of the last one done."""

    names: tuple[str, ...]
    reached: int


def steps_of(job: Fulfilment) -> Steps:
    """How far a job is, in the customer's words."""
    names = PICKUP_STEPS if METHODS[job.method].has_pass else SHIP_STEPS
    return Steps(names, _REACHED.get(job.state, 1))


def headline(status: OrderStatus, jobs: list[Fulfilment]) -> str:
    """One sentence for the whole order; a bag that waits comes first."""
    states = {job.state for job in jobs}
    if State.ARRIVED in states:
        return "We know you are here. We are coming."
    if State.ON_THE_WAY in states:
        return "See you soon."
    if State.READY in states:
        return "Your order is ready."
    if State.EXPIRED in states:
        return "The time to collect is over. Please ask us."
    return SENTENCES[status]


def can_announce(job: Fulfilment) -> tuple[bool, bool]:
    """Whether the customer may say that they are on their way, and that they have arrived: at the curb only."""
    if job.method != "curbside":
        return False, False
    return job.state is State.READY, job.state in {State.READY, State.ON_THE_WAY}
