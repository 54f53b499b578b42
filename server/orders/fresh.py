"""Orders placed in this transaction and not written yet.

A new order is written once, as routing left it, instead of being written and changed three times more. Until then its
units move here, in memory; `units` and `service` look here before they look into the database.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from server.kit.transaction import Tx
from shared.holds import HoldKind
from shared.orders import NewOrder, UnitState


@dataclass(slots=True)
class Fresh:
    """An order on its way into the database: its row, its lines by number, and what was asked."""

    asked: NewOrder
    row: dict[str, Any]
    lines: dict[int, dict[str, Any]]
    holds: tuple[Any, ...] = ()
    """Why it waits before it is routed: the holds (`holds.NewHold`) that are opened with it."""

    @property
    def pending(self) -> bool:
        """Nothing but a remorse window holds it."""
        return {hold.kind for hold in self.holds} == {HoldKind.REMORSE}

    def move(self, line: int, source: UnitState, target: UnitState, units: int) -> None:
        """The checks of the table refuse a move that loses or invents a unit, when the line is written."""
        row = self.lines[line]
        row[source.value] -= units
        row[target.value] += units

    def units(self) -> dict[UnitState, int]:
        """How many units of the whole order are in each state."""
        return {state: sum(row[state.value] for row in self.lines.values()) for state in UnitState}


def fresh_orders(tx: Tx) -> dict[UUID, Fresh]:
    """By order id, in order of placing."""
    found: dict[UUID, Fresh] = tx.notes.setdefault("fresh_orders", {})
    return found


async def _agreed(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, dict[int, Any]]:
    """Order -> line -> substitutes, where there are any."""
    rows = await tx.rows(
        "SELECT order_id, line, substitutes FROM order_line WHERE order_id = ANY(CAST(:ids AS uuid[]))"
        " AND substitutes <> '[]'::jsonb",
        ids=ids,
    )
    found: dict[UUID, dict[int, Any]] = {}
    for row in rows:
        found.setdefault(row["order_id"], {})[row["line"]] = row["substitutes"]
    return found


async def heads(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Mapping[str, Any]]:
    """What a new job needs to know of its order: number, customer, ship_to, how many jobs it has already, and what
    substitutes are agreed per line."""
    fresh = fresh_orders(tx)
    found: dict[UUID, Mapping[str, Any]] = {
        order_id: {
            "number": order.row["number"],
            "customer": order.asked.customer.model_dump(),
            "ship_to": order.asked.ship_to.model_dump() if order.asked.ship_to else None,
            "jobs": order.row["jobs_open"],
            "substitutes": {line: json.loads(row["substitutes"]) for line, row in order.lines.items()},
        }
        for order_id in ids
        if (order := fresh.get(order_id))
    }
    if written := [order_id for order_id in ids if order_id not in fresh]:
        rows = await tx.rows(
            "SELECT id, number, customer, ship_to, (SELECT count(*) FROM fulfilment f WHERE f.order_id = o.id) AS jobs"
            " FROM customer_order o WHERE id = ANY(CAST(:ids AS uuid[]))",
            ids=written,
        )
        agreed = await _agreed(tx, written)
        found.update({row["id"]: {**row, "substitutes": agreed.get(row["id"], {})} for row in rows})
    return found
