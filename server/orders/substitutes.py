"""Substitutes on the order: a line of their own, that takes its units and its money from the line it stands in for.

What was authorised for a unit goes with it. The customer pays the lower of both prices, with the same share of tax and
discount; what is over is kept until the substitute leaves, since it may still go back to the shelf. A substitute is
good only where it was picked: when its job gives it up, the customer waits for what they had ordered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from server.kit import bulk
from server.kit.transaction import Tx
from server.orders.dues import Due, last_due, settle
from server.orders.rules import costs, grown, shrunk
from server.orders.tables import LineRow
from server.orders.units import Shift, shift
from shared.fulfilment import Exit, UnitMove
from shared.orders import STAND_INS_FROM, UnitState


async def follow(tx: Tx, order_id: UUID, moves: Sequence[UnitMove]) -> list[UnitMove]:
    """Carry out what concerns substitutes; the other moves are returned. The order is locked."""
    others = []
    for m in moves:
        if m.exit is Exit.REPLACED and m.stand_in:
            await _replace(tx, order_id, m, m.stand_in.line, m.stand_in.sku)
        elif m.exit is Exit.RESTORED and m.stand_in:
            await _give_back(tx, order_id, m.stand_in.line, m.quantity, UnitState.ALLOCATED)
        elif m.exit is Exit.REROUTE and m.line > STAND_INS_FROM:
            await _give_back(tx, order_id, m.line, m.quantity, UnitState.ROUTING)
        else:
            others.append(m)
    return others


async def _line(tx: Tx, order_id: UUID, line: int) -> Any:
    return await tx.one("SELECT * FROM order_line WHERE order_id = :id AND line = :line", id=order_id, line=line)


async def _replace(tx: Tx, order_id: UUID, move: UnitMove, number: int, sku: str) -> None:
    ordered = await _line(tx, order_id, move.line)
    due = last_due(ordered, move.quantity)
    row = await _line(tx, order_id, number) or _empty(ordered, number, sku)
    await _write(tx, grown(row, costs(ordered, row["unit_price"], due.owed, move.quantity), move.quantity))
    await settle(tx, [due])
    await shift(tx, [Shift(order_id, move.line, UnitState.ALLOCATED, UnitState.REPLACED, move.quantity)])


def _empty(ordered: Any, number: int, sku: str) -> dict[str, Any]:
    """The line before its first unit, at the price that was agreed."""
    agreed = next(each for each in ordered["substitutes"] if each["sku"] == sku)
    nothing = dict.fromkeys(("quantity", "discount", "tax", "total", "owed", "spare", *UnitState), 0)
    return {
        **nothing,
        "order_id": ordered["order_id"],
        "line": number,
        "sku": sku,
        "unit_price": min(agreed["price"], ordered["unit_price"]),
        "substitutes": [],
        "replaces": ordered["line"],
    }


async def _give_back(tx: Tx, order_id: UUID, number: int, units: int, target: UnitState) -> None:
    """Units of a substitute are none any more: the line they stood in for has them, and their money, again."""
    row = await _line(tx, order_id, number)
    due = last_due(row, units)
    await _write(tx, shrunk(row, due.owed, due.spare, units))
    back = Due(order_id, row["replaces"], units, -(due.owed + due.spare))
    await settle(tx, [back])
    await shift(tx, [Shift(order_id, row["replaces"], UnitState.REPLACED, target, units)])


async def _write(tx: Tx, row: dict[str, Any]) -> None:
    if row["quantity"] == 0:
        await tx.run(
            "DELETE FROM order_line WHERE order_id = :id AND line = :line", id=row["order_id"], line=row["line"]
        )
        return
    changed = ("quantity", "discount", "tax", "total", "owed", "spare", "allocated")
    sets = ", ".join(f"{column} = excluded.{column}" for column in changed)
    await bulk.insert(tx, LineRow, [row], conflict=f"ON CONFLICT (order_id, line) DO UPDATE SET {sets}")
