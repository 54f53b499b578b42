"""What a decision means for a customer: parcels and bags, and when they leave or stand ready. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from server.network.rules import Calendar, due, next_collection
from server.routing.decisions import Decision, Demand
from server.routing.promise_views import Collect, Missing, Parcel, Ship, Units
from server.routing.reasons import why_missing
from shared.network import Delivery

Calendars = Mapping[str, Calendar]
Names = Mapping[str, str]


def shipped(demand: Demand, decision: Decision, at: datetime, calendars: Calendars, names: Names) -> Ship:
    """If the order is routed at `at`."""
    skus = {line.line: line.sku for line in demand.lines}
    parcels = [_parcel(node, names[node], _units(skus, lines), calendars[node], at) for node, _, lines in decision.jobs]
    missing = _missing(decision)
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


def _parcel(node: str, name: str, items: list[Units], calendar: Calendar, at: datetime) -> Parcel:
    leaves = next_collection(calendar, at)
    return Parcel(
        node=node,
        name=name,
        items=items,
        leaves_at=leaves.at if leaves else None,
        order_by=leaves.order_by if leaves else None,
    )


def collected(
    demand: Demand, decision: Decision, at: datetime, calendars: Calendars, names: Names, metres: int | None
) -> Collect:
    """At the store of the demand, if the order is routed at `at`."""
    node = demand.node or ""
    skus = {line.line: line.sku for line in demand.lines}
    items = [each for _, _, lines in decision.jobs for each in _units(skus, lines)]
    missing = _missing(decision)
    return Collect(
        node=node,
        name=names[node],
        distance_km=None if metres is None or metres < 0 else round(metres / 1000, 1),
        way=Delivery(demand.delivery),
        complete=not missing,
        ready_at=due(calendars[node], demand.delivery, at) if items else None,
        items=items,
        missing=missing,
    )


def _units(skus: Mapping[int, str], lines: Mapping[int, int]) -> list[Units]:
    return [Units(sku=skus[line], quantity=units) for line, units in sorted(lines.items())]


def _missing(decision: Decision) -> list[Missing]:
    return [
        Missing(sku=each.sku, quantity=each.quantity, reason=each.reason, why=why_missing(decision, each).summary)
        for each in decision.unrouted
    ]
