"""What the router is measured on: random networks with orders, and real baskets at the stores of the demo's retailer.

A random network may be small or large, its shelves full or thin, its day begun or half over; an order may be split
into one to four parcels. Real orders are whole receipts (what a carrier takes of them, at most eight of an item), sent
to the household that bought them, from the stock records the demo opens with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

import numpy as np

from server.demo.chance import many
from server.demo.demand import MOST_OF_ONE
from server.demo.retailer import build
from server.routing.decisions import Demand, DemandLine
from server.routing.rules import DEFAULT, RoutingPlan, Rule, Split
from server.routing.snapshot import Candidates, Node, Nodes
from shared.kernel import Geo


@dataclass(frozen=True, slots=True)
class Asked:
    """Orders that come together, and what they find."""

    demands: list[Demand]
    candidates: Candidates
    routing_plan: RoutingPlan

    @property
    def rule(self) -> Rule:
        return self.routing_plan.rules[0]


def _with(split: Split) -> RoutingPlan:
    return DEFAULT.model_copy(update={"rules": (DEFAULT.rules[0].model_copy(update={"split": split}),)})


def random_cases(count: int, orders: int, seed: int = 1) -> Iterator[Asked]:
    for number in range(count):
        dice = many(seed, "gap", orders, number)
        nodes = int(dice.integers(4, 101))
        items = int(dice.integers(6, 61)) * (1 if orders == 1 else 2)
        demands = [_order(dice, items) for _ in range(orders)]
        split = Split(max_parcels=int(dice.integers(1, 5)))
        yield Asked(
            demands,
            _network(dice, nodes, items),
            _with(split),
        )


def _network(dice: np.random.Generator, nodes: int, items: int) -> Candidates:
    """Stores over the United States; how many have an item, and how much of it, differs from network to network."""
    places = [_place(dice) for _ in range(nodes)]
    rows = Nodes.of(
        Node(f"S{n:03}", f"Store {n}", "store", place, capacity=int(dice.integers(10, 80)))
        for n, place in enumerate(places)
    )
    stock = dice.integers(1, dice.integers(3, 20), (items, nodes)) * (
        dice.random((items, nodes)) < dice.uniform(0.2, 1)
    )
    left = {code: int(dice.integers(1, rows.capacity[n] + 1)) for n, code in enumerate(rows.codes)}
    columns = {f"K{item}": (range(nodes), stock[item].tolist()) for item in range(items)}
    return Candidates.of_columns(rows, columns, capacity_left=left)


def _order(dice: np.random.Generator, items: int) -> Demand:
    skus = dice.choice(items, int(dice.integers(1, 7)), replace=False).tolist()
    lines = tuple(DemandLine(line, f"K{sku}", int(dice.integers(1, 5))) for line, sku in enumerate(skus, 1))
    return Demand(UUID(bytes=dice.bytes(16)), lines, "ship", "web", destination=_place(dice))


def _place(dice: np.random.Generator) -> Geo:
    return Geo(latitude=float(dice.uniform(30, 48)), longitude=float(dice.uniform(-120, -75)))


def real_cases(count: int, orders: int) -> Iterator[Asked]:
    """Receipts in order of time, so many at once; each batch finds the stock of the opening."""
    candidates, receipts, routing_plan = opening()
    if len(receipts) < count * orders:
        raise ValueError(f"There are {len(receipts)} receipts, not {count * orders}: ask for fewer.")
    for start in range(0, count * orders, orders):
        demands = [demand for _, demand in receipts[start : start + orders]]
        yield Asked(demands, candidates, routing_plan)


@cache
def opening() -> tuple[Candidates, tuple[tuple[datetime, Demand], ...], RoutingPlan]:
    """The demo's network as it opens, and its receipts as orders: when (by the till's clock), and what."""
    retailer = build()
    nodes = Nodes.of(
        Node(one.code, one.name, one.type, one.place, one.capacity, deliveries=frozenset(one.capabilities))
        for one in retailer.nodes
    )
    candidates = Candidates.of(nodes, [(each.sku, each.node, each.units) for each in retailer.positions])
    travels = {item.sku for item in retailer.items if item.travels}
    receipts = []
    for basket in retailer.baskets:
        asked = [(line.sku, min(MOST_OF_ONE, line.quantity)) for line in basket.lines if line.sku in travels]
        lines = tuple(DemandLine(line, sku, units) for line, (sku, units) in enumerate(asked, 1))
        if lines:
            home = retailer.customers[basket.household].place
            demand = Demand(UUID(int=basket.id), lines, "ship", "web", destination=home)
            receipts.append((basket.at, demand))
    return candidates, tuple(receipts), DEFAULT
