"""Reading decisions, why each unit of an order is where it is; and how full each node's day is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from pydantic import Field

from server.kit.transaction import Tx
from server.network import queries as network
from server.network.rules import Capacity, work_day
from server.routing.decisions import Decision
from server.routing.reasons import why, why_missing
from shared.fulfilment import WhyCard
from shared.kernel import Instant, NodeCode, Wire
from shared.network import Delivery


class LineWhy(Wire):
    """Why one line went where it did, at one time of asking."""

    line: int
    sku: str
    node: str | None
    quantity: int
    at: Instant
    why: WhyCard


async def explained(tx: Tx, order_id: UUID) -> list[LineWhy]:
    """Every decision about an order, oldest first, line by line."""
    rows = await tx.rows("SELECT at, body FROM routing_decision WHERE order_id = :id ORDER BY id", id=order_id)
    found = []
    for row in rows:
        decision = Decision.from_json(row["body"])
        for choice in decision.choices:
            card = why(decision, choice.line, choice.node)
            found.append(
                LineWhy(
                    line=choice.line, sku=choice.sku, node=choice.node, quantity=choice.quantity, at=row["at"], why=card
                )
            )
        for missing in decision.unrouted:
            card = why_missing(decision, missing)
            found.append(
                LineWhy(
                    line=missing.line, sku=missing.sku, node=None, quantity=missing.quantity, at=row["at"], why=card
                )
            )
    return found


class NodeDay(Wire):
    """Jobs that a node was given on one day of its own calendar, and how many it takes."""

    node: NodeCode
    day: date = Field(description="The day on which a job given now is first worked on.")
    jobs: dict[Delivery, int]
    in_all: int
    capacity: int | None = Field(default=None, description="Of all ways of delivery; null: no limit.")
    capacity_by_method: dict[Delivery, int] = Field(default_factory=dict, description="Only what has its own limit.")
    left: int | None = Field(default=None, description="Jobs it still takes; null: no limit.")


async def node_days(tx: Tx, codes: Sequence[str]) -> list[NodeDay]:
    """The day of each of these nodes, in their order; those that do not open within a year have none."""
    known = await network.book(tx)
    days = {
        code: day
        for code in codes
        if code in known.calendars and (day := work_day(known.calendars[code], tx.now)) is not None
    }
    rows = await tx.rows(
        "SELECT d.* FROM node_day d JOIN unnest(CAST(:days AS date[]), CAST(:nodes AS text[])) AS u(day, node)"
        " USING (day, node)",
        days=list(days.values()),
        nodes=list(days),
    )
    jobs = {row["node"]: {method: row[method] for method in Delivery} for row in rows}
    none = dict.fromkeys(Delivery, 0)
    return [_node_day(code, day, jobs.get(code, none), known.capacities[code]) for code, day in days.items()]


def _node_day(code: str, day: date, jobs: dict[Delivery, int], capacity: Capacity) -> NodeDay:
    limits, in_all = capacity.on(day), sum(jobs.values())
    return NodeDay(
        node=code,
        day=day,
        jobs=jobs,
        in_all=in_all,
        capacity=limits.in_all,
        capacity_by_method=dict(limits.by_method),
        left=None if limits.in_all is None else max(0, limits.in_all - in_all),
    )
