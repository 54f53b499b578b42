"""Reading decisions: why each unit of an order is where it is."""

from __future__ import annotations

from uuid import UUID

from server.kit.transaction import Tx
from server.routing.decisions import Decision
from server.routing.reasons import why
from shared.fulfilment import WhyCard
from shared.kernel import Instant, Wire


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
            card = why(decision, missing.line)
            found.append(
                LineWhy(
                    line=missing.line, sku=missing.sku, node=None, quantity=missing.quantity, at=row["at"], why=card
                )
            )
    return found
