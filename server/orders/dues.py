"""What is still owed for a line: taken off with every unit that leaves it, so that the cents always add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from server.kit.transaction import Tx
from server.orders.rules import left_of, share_of


@dataclass(frozen=True, slots=True)
class Due:
    """What `units` of a line come to: `owed` by the customer, and `spare`, authorised beyond that."""

    order_id: UUID
    line: int
    units: int
    owed: int
    spare: int = 0


def first_due(row: Any, units: int) -> Due:
    """Of the next units that the customer gets."""
    return _due(row, units, last=False)


def last_due(row: Any, units: int) -> Due:
    """Of the next units that they do not get, or not on this line."""
    return _due(row, units, last=True)


def _due(row: Any, units: int, *, last: bool) -> Due:
    left = left_of(row)
    owed, spare = (share_of(row[column], left, units, last=last) for column in ("owed", "spare"))
    return Due(row["order_id"], row["line"], units, owed, spare)


async def settle(tx: Tx, dues: Sequence[Due]) -> None:
    """Take them off what is owed; the lines must have been read since their last change."""
    if dues:
        await tx.run(
            "UPDATE order_line l SET owed = l.owed - u.owed, spare = l.spare - u.spare FROM unnest("
            "CAST(:orders AS uuid[]), CAST(:lines AS bigint[]), CAST(:owed AS bigint[]), CAST(:spare AS bigint[]))"
            " AS u(order_id, line, owed, spare) WHERE l.order_id = u.order_id AND l.line = u.line",
            orders=[due.order_id for due in dues],
            lines=[due.line for due in dues],
            owed=[due.owed for due in dues],
            spare=[due.spare for due in dues],
        )
