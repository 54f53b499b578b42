"""What a plan would decide now about orders that exist: the router as in production, and not a row written.

An order of which nothing waits for a node is looked at as if it came in now; what it has reserved is put back for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from server.catalog import queries as catalog
from server.kit.transaction import Tx
from server.routing import plans
from server.routing.decisions import Decision
from server.routing.nodes import routing_nodes
from server.routing.open_orders import load_whole
from server.routing.plan import plan
from server.routing.reasons import why, why_missing
from server.routing.rules import RoutingPlan
from server.routing.service import snapshot
from server.routing.snapshot import Candidates
from server.routing.views import PreviewLine, PreviewOrder
from shared.errors import FieldProblem, InvalidInput


async def preview(tx: Tx, routing_plan: RoutingPlan, orders: Sequence[str]) -> list[PreviewOrder]:
    """By number or id. Several orders are one batch, in order of placing. Raises InvalidInput naming those unknown."""
    numbers = dict(await _known(tx, orders))
    demands, waiting = await load_whole(tx, list(numbers))
    nodes = await routing_nodes(tx)
    candidates, _ = await snapshot(tx, nodes, demands)
    candidates = await _with_their_own(tx, candidates, [d.order for d in demands if d.order not in waiting])
    items = await catalog.facts(tx, {line.sku for demand in demands for line in demand.lines})
    names = {sku: item.name for sku, item in items.items()}
    would = plan(demands, candidates, routing_plan, now=tx.now)
    does = plan(demands, candidates, await plans.active(tx), now=tx.now)
    return [
        PreviewOrder(
            order=demand.order,
            number=numbers[demand.order],
            routed_already=demand.order not in waiting,
            lines=_lines(then, names),
            parcels=len(then.jobs),
            changes=(then.jobs, _left(then)) != (now.jobs, _left(now)),
            now=_lines(now, names),
        )
        for demand, then, now in zip(demands, would, does, strict=True)
    ]


async def _known(tx: Tx, orders: Sequence[str]) -> list[tuple[UUID, str]]:
    """(id, number) of each; raises InvalidInput."""
    rows = await tx.rows(
        "SELECT o.id, o.number FROM unnest(CAST(:asked AS text[])) AS u(asked)"
        " JOIN customer_order o ON o.number = upper(u.asked)"
        " UNION SELECT o.id, o.number FROM unnest(CAST(:ids AS uuid[])) AS u(id) JOIN customer_order o ON o.id = u.id",
        asked=list(orders),
        ids=[each for text in orders if (each := _uuid(text))],
    )
    there = {str(row["id"]) for row in rows} | {row["number"] for row in rows}
    wrong = [
        FieldProblem(field=f"orders.{place}", message=f"No order {text}.", remedy="Send an order's number or its id.")
        for place, text in enumerate(orders)
        if text.upper() not in there and text.lower() not in there
    ]
    if wrong:
        raise InvalidInput.of(wrong)
    return [(row["id"], row["number"]) for row in rows]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def _with_their_own(tx: Tx, candidates: Candidates, order_ids: Sequence[UUID]) -> Candidates:
    """The snapshot as it would be if these orders had reserved nothing."""
    rows = await tx.rows(
        "SELECT p.sku, p.node, p.sellable - p.reserved - p.safety_stock - p.doubt + r.units AS free"
        " FROM stock_position p JOIN (SELECT sku, node, sum(quantity)::bigint AS units FROM reservation"
        " WHERE order_id = ANY(CAST(:ids AS uuid[])) AND quantity > 0 GROUP BY sku, node) r USING (sku, node)",
        ids=list(order_ids),
    )
    return candidates.with_free({(row["sku"], row["node"]): row["free"] for row in rows})


def _left(decision: Decision) -> list[tuple[int, int, str]]:
    return [(each.line, each.quantity, each.waits.queue) for each in decision.unrouted]


def _lines(decision: Decision, names: dict[str, str]) -> list[PreviewLine]:
    found = [
        PreviewLine(
            line=choice.line,
            sku=choice.sku,
            name=names.get(choice.sku, choice.sku),
            quantity=choice.quantity,
            node=choice.node,
            node_name=choice.name,
            rule=choice.rule,
            why=why(decision, choice.line, choice.node),
        )
        for choice in decision.choices
    ]
    found += [
        PreviewLine(
            line=missing.line,
            sku=missing.sku,
            name=names.get(missing.sku, missing.sku),
            quantity=missing.quantity,
            node=None,
            node_name=None,
            rule=missing.waits.rule,
            queue=missing.waits.queue,
            cancel_at=missing.waits.cancel_at,
            why=why_missing(decision, missing),
        )
        for missing in decision.unrouted
    ]
    return sorted(found, key=lambda line: (line.line, line.node is None, line.node))
