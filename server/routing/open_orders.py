"""What of an order still needs a node, from the database or from the memory of the transaction that places it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from server.catalog import queries as catalog
from server.kit.transaction import Tx
from server.orders.fresh import Fresh, fresh_orders
from server.routing.decisions import Demand, DemandLine
from shared.kernel import Geo
from shared.orders import UnitState


@dataclass(slots=True)
class OpenOrder:
    """Units of one order that still need a node, line -> units, and where they are counted now."""

    demand: Demand
    routing: dict[int, int]
    backordered: dict[int, int]

    def take(self, line: int, units: int) -> list[tuple[UnitState, int]]:
        """Take units off: those that wait first time before those that are backordered."""
        taken = []
        for state, left in ((UnitState.ROUTING, self.routing), (UnitState.BACKORDERED, self.backordered)):
            count = min(units, left.get(line, 0))
            if count:
                left[line] -= count
                units -= count
                taken.append((state, count))
        return taken

    def put_back(self, taken: Sequence[tuple[int, UnitState, int]]) -> None:
        """The reverse of `take`."""
        for line, state, units in taken:
            (self.routing if state is UnitState.ROUTING else self.backordered)[line] += units

    def remaining(self) -> Demand | None:
        lines = tuple(
            replace(each, quantity=units)
            for each in self.demand.lines
            if (units := self.routing.get(each.line, 0) + self.backordered.get(each.line, 0))
        )
        return replace(self.demand, lines=lines) if lines else None


async def load(tx: Tx, ids: Sequence[UUID]) -> list[OpenOrder]:
    """What of these orders needs a node, in order of placing."""
    fresh = fresh_orders(tx)
    new = [fresh[i] for i in ids if i in fresh]
    items = await catalog.facts(tx, {row["sku"] for order in new for row in order.lines.values()})
    found = [(order.asked.placed_at, _open_fresh(order, items)) for order in new]
    if written := [i for i in ids if i not in fresh]:
        found += await _load_written(tx, written)
    found.sort(key=lambda pair: (pair[0], pair[1].demand.order))
    return [each for _, each in found if each.routing or each.backordered]


Items = Mapping[str, catalog.ItemFacts]


def _demand_line(line: int, sku: str, units: int, items: Items) -> DemandLine:
    return DemandLine(line, sku, units, tuple(sorted(items[sku].flags)) if sku in items else ())


def _open_fresh(order: Fresh, items: Items) -> OpenOrder:
    """A new order has been refused by nobody yet."""
    asked, to = order.asked, order.asked.ship_to
    demand = Demand(
        order=order.row["id"],
        lines=tuple(_demand_line(n, r["sku"], r["routing"], items) for n, r in order.lines.items() if r["routing"]),
        delivery=asked.method,
        channel=asked.channel,
        node=asked.node,
        destination=to.location if to else None,
        wanted_by=asked.wanted_by,
        value=order.row["total"],
        placed_at=asked.placed_at,
        country=to.country if to else None,
        postcode=to.postal_code if to else None,
    )
    return OpenOrder(demand, {each.line: each.quantity for each in demand.lines}, {})


async def load_whole(tx: Tx, ids: Sequence[UUID]) -> tuple[list[Demand], frozenset[UUID]]:
    """Orders that are written, in order of placing: what of them needs a node or, where that is nothing, all that is
    neither cancelled nor replaced. And the ids of those that wait."""
    waiting = {each.demand.order: (at, each.demand) for at, each in await _load_written(tx, ids)}
    rest = [order_id for order_id in ids if order_id not in waiting]
    whole = await _load_written(tx, rest, units="l.quantity - l.cancelled - l.replaced")
    found = [*waiting.values(), *((at, each.demand) for at, each in whole)]
    found.sort(key=lambda pair: (pair[0], pair[1].order))
    return [demand for _, demand in found], frozenset(waiting)


async def load_asked(tx: Tx, ids: Sequence[UUID]) -> list[Demand]:
    """Orders as they came in, whatever became of them, in order of placing."""
    found = await _load_written(tx, ids, units="CASE WHEN l.replaces IS NULL THEN l.quantity ELSE 0 END")
    found.sort(key=lambda pair: (pair[0], pair[1].demand.order))
    return [replace(each.demand, refused=frozenset()) for _, each in found]


_WAITING = "l.routing + l.backordered"


async def _load_written(tx: Tx, ids: Sequence[UUID], *, units: str = _WAITING) -> list[tuple[datetime, OpenOrder]]:
    """`units`: what of a line is wanted, in SQL."""
    if not ids:
        return []
    routing = "l.routing" if units == _WAITING else units
    rows = await tx.rows(
        "SELECT o.id, o.placed_at, o.channel, o.method, o.node, o.ship_to, o.wanted_by, o.total, l.line, l.sku,"  # noqa: S608
        f" {routing} AS routing, ({units}) - ({routing}) AS backordered"
        " FROM customer_order o JOIN order_line l ON l.order_id = o.id"
        f" WHERE o.id = ANY(CAST(:ids AS uuid[])) AND {units} > 0 ORDER BY o.id, l.line",
        ids=ids,
    )
    refused: dict[UUID, set[tuple[int | None, str]]] = {}
    for r in await tx.rows(
        "SELECT order_id, line, node FROM routing_refusal WHERE order_id = ANY(CAST(:ids AS uuid[]))", ids=ids
    ):
        refused.setdefault(r["order_id"], set()).add((r["line"] or None, r["node"]))
    items = await catalog.facts(tx, {r["sku"] for r in rows})
    grouped: dict[UUID, list[Any]] = {}
    for r in rows:
        grouped.setdefault(r["id"], []).append(r)
    return [
        (mine[0]["placed_at"], _open(mine, frozenset(refused.get(order_id, ())), items))
        for order_id, mine in grouped.items()
    ]


def _open(rows: Sequence[Any], refused: frozenset[tuple[int | None, str]], items: Items) -> OpenOrder:
    head = rows[0]
    to = head["ship_to"] or {}
    place = to.get("location")
    demand = Demand(
        order=head["id"],
        lines=tuple(_demand_line(r["line"], r["sku"], r["routing"] + r["backordered"], items) for r in rows),
        delivery=head["method"],
        channel=head["channel"],
        node=head["node"],
        destination=Geo(**place) if place else None,
        wanted_by=head["wanted_by"],
        value=head["total"],
        refused=refused,
        placed_at=head["placed_at"],
        country=to.get("country"),
        postcode=to.get("postal_code"),
    )
    return OpenOrder(demand, {r["line"]: r["routing"] for r in rows}, {r["line"]: r["backordered"] for r in rows})
