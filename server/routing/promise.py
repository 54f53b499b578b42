"""What a cart may be promised: from where, by when, in which ways. The router as in production, and not a row written.

To an address: the parcels that the active plan would make of the cart now, and when each leaves. At a store: whether it
has everything, and when the bag stands ready. Each way is looked at as if it were the only one asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from server.catalog import queries as catalog
from server.kit.transaction import Tx
from server.network import queries as network
from server.orders.promises import expected_of
from server.routing import plans, promised
from server.routing.decisions import Decision, Demand, DemandLine
from server.routing.nodes import routing_nodes
from server.routing.plan import plan
from server.routing.promise_views import Asked, Collect, Promise, Ship
from server.routing.promised import Facts
from server.routing.rules import RoutingPlan
from server.routing.service import snapshot
from server.routing.snapshot import Candidates, Nodes
from shared.errors import FieldProblem, InvalidInput
from shared.network import Delivery


@dataclass(frozen=True, slots=True)
class _Router:
    """Everything that a question is answered from, loaded once."""

    candidates: Candidates
    plan: RoutingPlan
    book: network.Book
    expected: Mapping[str, datetime]
    """When items that nobody has are expected, as far as somebody has said so."""
    now: datetime

    def shipped(self, demand: Demand) -> Ship:
        return promised.shipped(demand, self._decide(demand), self._facts(demand))

    def collected(self, demand: Demand, metres: int | None) -> Collect:
        return promised.collected(demand, self._decide(demand), self._facts(demand), metres)

    def _facts(self, demand: Demand) -> Facts:
        """It is routed when its customer may no longer change their mind, or when the plan's next run begins then."""
        remorse = self.book.selling.remorse.get(demand.channel, timedelta())
        at = self.now + remorse
        in_a_run = not (self.plan.all_at_once or self.plan.at_once(demand, self.now))
        if in_a_run:
            at = min((start for run in self.plan.runs if (start := run.next(at))), default=at)
        return Facts(at, in_a_run, remorse, self.book.calendars, self.book.names, self.expected)

    def _decide(self, demand: Demand) -> Decision:
        """As if nothing else were asked."""
        return plan([demand], self.candidates, self.plan, now=self.now)[0]


async def promise(tx: Tx, asked: Asked) -> Promise:
    """Raises InvalidInput naming each item, channel and store that is not there."""
    items = await catalog.facts(tx, {line.sku for line in asked.lines})
    nodes = await routing_nodes(tx)
    book = await network.book(tx)
    _check(asked, items, book)
    demand = _demand(tx, asked, items)
    candidates, _ = await snapshot(tx, nodes, [demand])
    if asked.cart:
        candidates = candidates.with_free(await _without_claims_of(tx, asked.cart, demand))
    expected = await expected_of(tx, items)
    router = _Router(candidates, await plans.active(tx), book, expected, tx.now)
    ways = [way for way in (Delivery.PICKUP, Delivery.CURBSIDE) if asked.ways is None or way in asked.ways]
    sends = asked.ship_to is not None and (asked.ways is None or Delivery.SHIP in asked.ways)
    return Promise(
        as_of=tx.now,
        plan=f"{router.plan.name} v{router.plan.version}",
        ship=router.shipped(demand) if sends else None,
        collect=[
            router.collected(replace(demand, delivery=way.value, node=store, destination=None), metres)
            for store, metres in _stores(nodes, asked)
            for way in ways
            if store in asked.stores or nodes.delivers(way.value, store)
        ],
    )


def _check(asked: Asked, items: Mapping[str, catalog.ItemFacts], book: network.Book) -> None:
    wrong = [
        FieldProblem(
            field=f"lines.{place}.sku",
            message=f"No item {line.sku} is for sale.",
            remedy="Load the item first, or correct the SKU.",
        )
        for place, line in enumerate(asked.lines)
        if line.sku not in items or not items[line.sku].active
    ]
    if asked.channel not in book.thresholds:
        wrong.append(
            FieldProblem(field="channel", message=f"No channel {asked.channel}.", remedy="GET /v1/channels lists them.")
        )
    wrong += [
        FieldProblem(field=f"stores.{place}", message=f"No node {store}.", remedy="GET /v1/nodes lists them.")
        for place, store in enumerate(asked.stores)
        if store not in book.names
    ]
    if wrong:
        raise InvalidInput.of(wrong)


def _demand(tx: Tx, asked: Asked, items: Mapping[str, catalog.ItemFacts]) -> Demand:
    """The cart as if it were ordered now, to be shipped. Its worth is what the shop says, or the sum of list prices."""
    lines = tuple(
        DemandLine(number, line.sku, line.quantity, tuple(sorted(items[line.sku].flags)))
        for number, line in enumerate(asked.lines, start=1)
    )
    listed = sum((items[line.sku].price or 0) * line.quantity for line in asked.lines)
    to = asked.ship_to
    return Demand(
        order=tx.new_id(),
        lines=lines,
        delivery="ship",
        channel=asked.channel,
        destination=to.location if to else None,
        wanted_by=asked.wanted_by,
        value=listed if asked.value is None else asked.value,
        placed_at=tx.now,
        country=to.country if to else None,
        postcode=to.postal_code if to else None,
    )


async def _without_claims_of(tx: Tx, cart: str, demand: Demand) -> dict[tuple[str, str], int]:
    """(item, node) -> what is free there if this cart had claimed nothing."""
    rows = await tx.rows(
        "SELECT p.sku, p.node, p.sellable - p.reserved - p.safety_stock - p.doubt + r.units AS free"
        " FROM stock_position p JOIN (SELECT sku, node, sum(quantity)::bigint AS units FROM reservation"
        " WHERE sku = ANY(CAST(:skus AS text[])) AND owner = :owner AND quantity > 0 GROUP BY sku, node) r"
        " USING (sku, node)",
        skus=sorted({line.sku for line in demand.lines}),
        owner=f"cart/{cart}",
    )
    return {(row["sku"], row["node"]): row["free"] for row in rows}


def _stores(nodes: Nodes, asked: Asked) -> Iterator[tuple[str, int | None]]:
    """Where to collect, and how far that is in metres: the named stores, then the nearest that offer it."""
    metres = nodes.metres_from([asked.near])[0].tolist() if asked.near else []
    for store in dict.fromkeys(asked.stores):
        yield store, metres[nodes.row[store]] if metres else None
    if not metres:
        return
    sells = nodes.channels.get(asked.channel, nodes.any_channel)
    near = [
        (away, code)
        for away, code, mine in zip(metres, nodes.codes, sells.tolist(), strict=True)
        if away >= 0 and mine and any(nodes.delivers(way, code) for way in ("pickup", "curbside"))
    ]
    for away, store in sorted(near)[: asked.nearest]:
        if store not in asked.stores:
            yield store, away
