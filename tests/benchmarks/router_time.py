"""The router alone: one order of 3 lines over 1,000 nodes, as a pure function, on one processor.

    .venv/bin/python -m tests.benchmarks.router_time

Sizes take turns, so that a neighbour on the machine disturbs all alike; the median is shown. The floor is one numpy
pass over the same arrays (the squared distance, the stock of three items, the capacity: read once, added, and the
least found). `ratio` is the time for 10,000 nodes over the time for 1,000.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import numpy as np

from server.routing.decisions import Demand, DemandLine
from server.routing.plan import plan
from server.routing.rules import DEFAULT
from server.routing.snapshot import Candidates, Node, Nodes
from shared.kernel import Geo

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ROUNDS, ORDERS, BATCH = 15, 16, 32


def network(nodes: int, items: int, seed: int = 5) -> Candidates:
    """Stores over the United States; each has an item with a chance of 0.7."""
    dice = np.random.Generator(np.random.PCG64(seed))
    places = np.column_stack((dice.uniform(30, 48, nodes), dice.uniform(-120, -75, nodes))).tolist()
    rows = Nodes.of(
        Node(f"S{n:05}", f"Store {n}", "store", Geo(latitude=latitude, longitude=longitude), capacity=40)
        for n, (latitude, longitude) in enumerate(places)
    )
    stock = dice.integers(1, 20, (items, nodes)) * (dice.random((items, nodes)) < 0.7)
    columns = {f"K{item}": (range(nodes), stock[item].tolist()) for item in range(items)}
    left = dict(zip(rows.codes, dice.integers(1, 41, nodes).tolist(), strict=True))
    return Candidates.of_columns(rows, columns, capacity_left=left)


def orders(count: int, items: int, seed: int = 6) -> list[Demand]:
    dice = np.random.Generator(np.random.PCG64(seed))
    found = []
    for number in range(count):
        skus = dice.choice(items, 3, replace=False).tolist()
        lines = tuple(DemandLine(line, f"K{sku}", int(dice.integers(1, 4))) for line, sku in enumerate(skus, 1))
        place = Geo(latitude=float(dice.uniform(30, 48)), longitude=float(dice.uniform(-120, -75)))
        found.append(Demand(UUID(int=number), lines, "ship", "web", destination=place))
    return found


def singly(candidates: Candidates, demands: list[Demand]) -> Callable[[], None]:
    def run() -> None:
        for demand in demands:
            plan([demand], candidates, DEFAULT, now=NOW)

    return run


def together(candidates: Candidates, demands: list[Demand]) -> Callable[[], None]:
    def run() -> None:
        plan(demands, candidates, DEFAULT, now=NOW)

    return run


def one_pass(candidates: Candidates) -> Callable[[], None]:
    points, stock, left = candidates.nodes.points, candidates.available, candidates.capacity_left

    def run() -> None:
        for _ in range(ORDERS):
            int((points.sum(0) + stock.sum(0) + left).argmin())

    return run


def timed(work: dict[str, tuple[Callable[[], None], int]]) -> dict[str, float]:
    """Median microseconds per order of each piece of work; the pieces take turns."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for run, _ in work.values():
        run()
    for _ in range(ROUNDS):
        for name, (run, count) in work.items():
            start = time.perf_counter()
            run()
            taken[name].append((time.perf_counter() - start) / count * 1e6)
    return {name: statistics.median(times) for name, times in taken.items()}


def main() -> None:
    thousand, ten_thousand, fifty = network(1000, 3), network(10_000, 3), network(50, 100)
    few, batch = orders(ORDERS, 3), orders(BATCH, 100)
    us = timed(
        {
            "thousand": (singly(thousand, few), ORDERS),
            "ten_thousand": (singly(ten_thousand, few), ORDERS),
            "floor": (one_pass(thousand), ORDERS),
            "batched_50": (together(fifty, batch), BATCH),
        }
    )
    proven = [decision.proven for demand in few for decision in plan([demand], thousand, DEFAULT, now=NOW)]
    result = {
        "bench": "router_time",
        "value": round(us["thousand"], 1),
        "floor": round(us["floor"], 1),
        "ratio": round(us["ten_thousand"] / us["thousand"], 2),
        "unit": "us",
        "us_per_node": round(us["thousand"] / 1000, 3),
        "floor_us_per_node": round(us["floor"] / 1000, 3),
        "over_floor": round(us["thousand"] / us["floor"], 1),
        "us_10000": round(us["ten_thousand"], 1),
        "us_50_in_batches_of_32": round(us["batched_50"], 1),
        "proven": sum(proven) / len(proven),
        "sample": ROUNDS * ORDERS,
        "python": sys.version.split()[0],
        "numpy": np.__version__,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
