"""What a decision means for a customer: parcels and bags, and when they leave or stand ready. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from server.network.rules import Calendar, due, next_collection
from server.routing.decisions import Decision, Demand
from server.routing.promise_views import Collect, Missing, Parcel, Ship, Units
from server.routing.reasons import why_missing
from shared.network import Delivery


@dataclass(frozen=True, slots=True)
class Facts:
    """What a promise follows from, beside the decision."""

    at: datetime
    """When the order would be routed."""
    in_a_run: bool
    """By a run of the plan, not as it comes in."""
    remorse: timedelta
    """How long its customer may change their mind before."""
    calendars: Mapping[str, Calendar]
    names: Mapping[str, str]
    expected: Mapping[str, datetime]
    """Item -> when some more are expected, as far as somebody has said so."""


def shipped(demand: Demand, decision: Decision, facts: Facts) -> Ship:
    skus = {line.line: line.sku for line in demand.lines}
    parcels = [_parcel(node, _units(skus, lines), facts) for node, _, lines in decision.jobs]
    missing = _missing(decision, facts)
    leaves = [parcel.leaves_at for parcel in parcels if parcel.leaves_at]
    limits = [parcel.order_by for parcel in parcels if parcel.order_by]
    known = not missing and len(leaves) == len(parcels)
    return Ship(
        complete=not missing,
        parcels=parcels,
        leaves_by=max(leaves) if known else None,
        order_by=min(limits) if known else None,
        missing=missing,
    )


def _parcel(node: str, items: list[Units], facts: Facts) -> Parcel:
    leaves = next_collection(facts.calendars[node], facts.at)
    latest = leaves and (facts.at if facts.in_a_run else leaves.order_by)
    return Parcel(
        node=node,
        name=facts.names[node],
        items=items,
        leaves_at=leaves.at if leaves else None,
        order_by=latest - facts.remorse if latest else None,
    )


def collected(demand: Demand, decision: Decision, facts: Facts, metres: int | None) -> Collect:
    """At the store of the demand."""
    node = demand.node or ""
    skus = {line.line: line.sku for line in demand.lines}
    items = [each for _, _, lines in decision.jobs for each in _units(skus, lines)]
    missing = _missing(decision, facts)
    return Collect(
        node=node,
        name=facts.names[node],
        distance_km=None if metres is None or metres < 0 else round(metres / 1000, 1),
        way=Delivery(demand.delivery),
        complete=not missing,
        ready_at=due(facts.calendars[node], demand.delivery, facts.at) if items else None,
        items=items,
        missing=missing,
    )


def _units(skus: Mapping[int, str], lines: Mapping[int, int]) -> list[Units]:
    return [Units(sku=skus[line], quantity=units) for line, units in sorted(lines.items())]


def _missing(decision: Decision, facts: Facts) -> list[Missing]:
    return [
        Missing(
            sku=each.sku,
            quantity=each.quantity,
            reason=each.reason,
            why=why_missing(decision, each).summary,
            expected_at=facts.expected.get(each.sku),
        )
        for each in decision.unrouted
    ]
