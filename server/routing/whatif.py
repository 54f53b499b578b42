"""What if another plan had decided: a stretch of real orders, played again under two plans, and what differs.

Both plans get the same: the stock of the beginning from the ledger, what came and went by itself, the orders with what
they asked for. Nodes are taken as they are set up today. What earlier orders had reserved is off the shelf from the
start. So the figures of a plan compare with those of the other plan, not with what the stores made of the real ones.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import Field

from server.kit.transaction import Tx
from server.routing.nodes import network
from server.routing.open_orders import load_asked
from server.routing.replay import Change, Outcome, Past, Stretch, replay
from server.routing.rules import RoutingPlan
from server.routing.snapshot import Nodes
from shared.errors import InvalidInput
from shared.kernel import Instant, Wire

LONGEST = timedelta(days=35)
# ruff: noqa: S608 (the parts are our own words)
_OF_ORDERS = "('ship', 'hand_off')"
"""Movements of units that left for an order."""


class Figures(Wire):
    """What came of the stretch under one plan."""

    plan: str = Field(examples=["standard v1"])
    fill_rate: float = Field(description="Units given, of those ordered.", examples=[0.987])
    units_given: int
    orders_whole: int = Field(description="Orders of which every unit was given.")
    orders_split: int = Field(description="Orders in more than one parcel.")
    parcels: int
    parcels_per_order: float
    km_per_parcel: float = Field(description="Of those whose way is known.")
    cost: float = Field(description="In parcels: each counts 1, and 1 more per 1,000 km of its way.")
    late: int = Field(description="Parcels and bags that would be ready after the customer wanted them.")
    shelves_emptied: int = Field(description="How often the last free unit of an item was taken from a node.")
    waiting: dict[str, int] = Field(description="Units that nobody could give to the end, by queue.")
    digest: str = Field(description="SHA-256 of all decisions: the same stretch and plan give the same.")


class WhatIf(Wire):
    """Two plans over the same orders."""

    since: Instant
    until: Instant
    orders: int
    units: int
    plan: Figures
    against: Figures
    differences: dict[str, float] = Field(description="Figure -> that of the plan less that of the other, where not 0.")


def compare(stretch: Stretch, new: RoutingPlan, old: RoutingPlan) -> WhatIf:
    """Play it under both. Takes a millisecond or so for each order."""
    plan, against = figures(new, replay(stretch, new)), figures(old, replay(stretch, old))
    return WhatIf(
        since=stretch.since,
        until=stretch.until,
        orders=len(stretch.orders),
        units=sum(line.quantity for past in stretch.orders for line in past.demand.lines),
        plan=plan,
        against=against,
        differences=_differences(plan, against),
    )


def figures(routing_plan: RoutingPlan, found: Outcome) -> Figures:
    km = found.metres / 1000
    return Figures(
        plan=f"{routing_plan.name} v{routing_plan.version}",
        fill_rate=round(found.given / max(1, found.units), 5),
        units_given=found.given,
        orders_whole=found.whole,
        orders_split=found.split,
        parcels=found.parcels,
        parcels_per_order=round(found.parcels / max(1, found.orders), 4),
        km_per_parcel=round(km / max(1, found.known_ways), 2),
        cost=round(found.parcels + km / 1000, 3),
        late=found.late,
        shelves_emptied=found.emptied,
        waiting=dict(sorted(found.waiting.items())),
        digest=found.digest,
    )


def _differences(plan: Figures, against: Figures) -> dict[str, float]:
    found = {}
    for name, value in plan.model_dump(exclude={"plan", "digest", "waiting"}).items():
        if by := round(value - getattr(against, name), 5):
            found[name] = by
    return found


# ---------------------------------------------------------------- what happened


async def load_stretch(tx: Tx, since: datetime, until: datetime, *, most: int) -> Stretch:
    """Orders, stock and its changes, from the database. Raises InvalidInput where it is more than `most` orders."""
    if not since < until <= since + LONGEST:
        remedy = "Send a time behind `since`, 35 days later at most."
        raise InvalidInput("This is not a time of up to 35 days.", field="until", remedy=remedy)
    ids = await _orders(tx, since, until, most)
    asked = await load_asked(tx, list(ids))
    skus = sorted({line.sku for demand in asked for line in demand.lines})
    nodes = await network(tx)
    built: dict[datetime, Nodes] = {}

    def nodes_at(moment: datetime) -> Nodes:
        minute = moment.replace(second=0, microsecond=0)
        if minute not in built:
            built.clear()
            built[minute] = nodes.at(minute)
        return built[minute]

    return Stretch(
        since=since,
        until=until,
        orders=tuple(Past(demand, ids[demand.order]) for demand in asked),
        stock=await _stock(tx, skus, since),
        changes=tuple(await _changes(tx, skus, since, until)),
        nodes_at=nodes_at,
    )


async def _orders(tx: Tx, since: datetime, until: datetime, most: int) -> dict[UUID, datetime]:
    rows = await tx.rows(
        "SELECT id, received_at FROM customer_order WHERE received_at >= :since AND received_at < :until"
        " ORDER BY id LIMIT :most",
        since=since,
        until=until,
        most=most + 1,
    )
    if len(rows) > most:
        raise InvalidInput(
            f"There are more than {most:,} orders in this time.",
            field="until",
            remedy="Ask for a shorter time, or run `baton routing simulate`.",
        )
    return {row["id"]: row["received_at"] for row in rows}


_SINCE = (
    "SELECT m.sku, m.node, sum(m.quantity)::bigint AS units FROM stock_movement m"
    f" LEFT JOIN fulfilment f ON f.number = m.reference AND m.reason IN {_OF_ORDERS}"
    " LEFT JOIN customer_order o ON o.id = f.order_id"
    " WHERE m.bucket = 'sellable' AND m.at >= :since AND m.sku = ANY(CAST(:skus AS text[]))"
    " AND (o.id IS NULL OR o.received_at >= :since) GROUP BY m.sku, m.node"
)
"""What came and went since, without what left for earlier orders: that was theirs from the start."""
_EARLIER = (
    "SELECT r.sku, r.node, sum(r.quantity)::bigint AS units FROM reservation r"
    " JOIN customer_order o ON o.id = r.order_id WHERE r.quantity > 0 AND o.received_at < :since GROUP BY r.sku, r.node"
)
"""What earlier orders have reserved to this day."""


async def _stock(tx: Tx, skus: list[str], since: datetime) -> dict[tuple[str, str], int]:
    """Free units at the beginning, worked out backwards from what stands there now."""
    rows = await tx.rows(
        "SELECT p.sku, p.node,"
        " p.sellable - p.safety_stock - p.doubt - coalesce(m.units, 0) - coalesce(r.units, 0) AS free"
        f" FROM stock_position p LEFT JOIN ({_SINCE}) m USING (sku, node) LEFT JOIN ({_EARLIER}) r USING (sku, node)"
        " WHERE p.sku = ANY(CAST(:skus AS text[])) ORDER BY p.sku, p.node",
        skus=skus,
        since=since,
    )
    return {(row["sku"], row["node"]): row["free"] for row in rows}


async def _changes(tx: Tx, skus: list[str], since: datetime, until: datetime) -> list[Change]:
    rows: Any = await tx.rows(
        "SELECT at, sku, node, quantity FROM stock_movement WHERE bucket = 'sellable' AND at >= :since AND at < :until"
        f" AND sku = ANY(CAST(:skus AS text[])) AND reason NOT IN {_OF_ORDERS} ORDER BY at, seq",
        skus=skus,
        since=since,
        until=until,
    )
    return [Change(row["at"], (row["sku"], row["node"]), row["quantity"]) for row in rows]
