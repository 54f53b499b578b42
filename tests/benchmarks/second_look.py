"""What a second look saves: days of orders, each routed as it comes in, and looked at again or not.

    .venv/bin/python -m tests.benchmarks.second_look [days]     (default 4 of each kind)

A job lies with its store for ten to ninety minutes before somebody begins it, by night until the store opens; so long
it may move. `random`: 300 orders a day on random networks. `real`: all receipts of a day as orders to the homes of
those who bought them, from the stock records the demo opens with; `thin`: the same with a third of the stock. The floor
is the same day without looking again; `ratio` is the cost over it, as the plan counts it, per unit covered.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

import numpy as np

from server.demo.chance import many
from server.routing.decisions import Decision, Demand
from server.routing.plan import plan
from server.routing.rules import RoutingPlan
from server.routing.second_look import Held, look_again
from server.routing.snapshot import Candidates
from tests.benchmarks.gap_cases import opening, random_cases
from tests.benchmarks.router_time import NOW

DAYS, ORDERS = 4, 300
OPENS, CLOSES, DAY = 8 * 60, 20 * 60, 24 * 60
EVERY, LEAST, AT_ONCE = 10, 0.1, 200
"""Minutes between looks, the saving that is worth a move (a tenth of a parcel), and orders in one look."""


@dataclass(frozen=True, slots=True)
class Day:
    """Orders by the minute they come in and the minute their jobs are begun."""

    orders: list[tuple[int, int, Demand]]
    candidates: Candidates
    kind: str
    routing_plan: RoutingPlan


@dataclass(slots=True)
class Shop:
    """The network as the day goes on."""

    now: Candidates
    waiting: dict[UUID, tuple[int, Held]] = field(default_factory=dict)
    """Order -> when its jobs are begun, and who holds them."""
    last: dict[UUID, Decision] = field(default_factory=dict)
    moves: int = 0
    looks: int = 0
    seconds: float = 0.0

    def hold(self, held: Held, sign: int) -> None:
        """Units and jobs leave (-1) the shelves or come back (+1)."""
        for code, units in held.parcels.items():
            row = self.now.nodes.row[code]
            self.now.capacity_left[row] += sign
            for sku, count in units.items():
                self.now.available[self.now.skus[sku], row] += sign * count


def _held(demand: Demand, decision: Decision) -> Held:
    parcels: dict[str, Counter[str]] = {}
    units: Counter[int] = Counter()
    for choice in decision.choices:
        parcels.setdefault(choice.node, Counter())[choice.sku] += choice.quantity
        units[choice.line] += choice.quantity
    lines = tuple(replace(line, quantity=units[line.line]) for line in demand.lines if units[line.line])
    return Held(replace(demand, lines=lines), parcels)


def lived(day: Day, *, again: bool) -> Shop:
    """The day, minute by minute where something happens."""
    begin = day.candidates
    shop = Shop(replace(begin, capacity_left=begin.capacity_left.copy(), available=begin.available.copy()))
    orders = iter(day.orders)
    coming = next(orders, None)
    for minute in range(0, DAY + 1, EVERY):
        while coming and coming[0] < minute:
            _came_in(shop, coming, day)
            coming = next(orders, None)
        shop.waiting = {order: each for order, each in shop.waiting.items() if each[0] > minute}
        if again and len(shop.waiting) > 1:
            _look(shop, day)
    return shop


def _came_in(shop: Shop, order: tuple[int, int, Demand], day: Day) -> None:
    _, begun, demand = order
    (decision,) = plan([demand], shop.now, day.routing_plan, now=NOW)
    shop.last[demand.order] = decision
    if decision.choices:
        held = _held(demand, decision)
        shop.hold(held, -1)
        shop.waiting[demand.order] = begun, held


def _look(shop: Shop, day: Day) -> None:
    batch = list(shop.waiting.items())[-AT_ONCE:]
    start = time.process_time()
    for _, (_, held) in batch:
        shop.hold(held, +1)
    look = look_again([held for _, (_, held) in batch], shop.now, day.routing_plan, now=NOW, least=LEAST)
    shop.seconds += time.process_time() - start
    shop.looks += 1
    shop.moves += len(look.moves)
    for move in look.moves:
        begun, held = shop.waiting[move.order]
        shop.waiting[move.order] = begun, _held(held.demand, move)
        shop.last[move.order] = move
    for order, _ in batch:
        shop.hold(shop.waiting[order][1], -1)


# ---------------------------------------------------------------- days


def random_days(count: int) -> Iterator[Day]:
    for number, asked in enumerate(random_cases(count, ORDERS, seed=3)):
        dice = many(3, "day", number)
        minutes = sorted(dice.integers(0, DAY, ORDERS).tolist())
        roomy = np.full_like(asked.candidates.capacity_left, ORDERS)
        candidates = replace(asked.candidates, capacity_left=roomy)
        yield Day(_timed(minutes, asked.demands, dice), candidates, "random", asked.routing_plan)


def real_days(count: int, kind: str) -> Iterator[Day]:
    """Whole days of receipts, beginning with the first whole one."""
    candidates, receipts, routing_plan = opening()
    if kind == "thin":
        candidates = replace(candidates, available=candidates.available // 3)
    days: dict[date, list[tuple[int, Demand]]] = {}
    for at, demand in receipts:
        days.setdefault(at.date(), []).append((at.hour * 60 + at.minute, demand))
    for number, found in sorted(days.items())[1 : count + 1]:
        found.sort(key=lambda pair: pair[0])
        minutes, demands = [minute for minute, _ in found], [demand for _, demand in found]
        roomy = np.maximum(candidates.capacity_left, len(found))
        yield Day(
            _timed(minutes, demands, many(3, "real day", number.toordinal())),
            replace(candidates, capacity_left=roomy),
            kind,
            routing_plan,
        )


def _timed(
    minutes: Sequence[int], demands: Sequence[Demand], dice: np.random.Generator
) -> list[tuple[int, int, Demand]]:
    timed = []
    for minute, demand in zip(minutes, demands, strict=True):
        at_work = OPENS if minute < OPENS else DAY if minute > CLOSES else minute
        timed.append((minute, at_work + int(dice.integers(10, 91)), demand))
    return timed


# ---------------------------------------------------------------- figures


@dataclass(slots=True)
class Sum:
    orders: int = 0
    units: int = 0
    parcels: int = 0
    cost: int = 0

    def add(self, shop: Shop) -> None:
        for decision in shop.last.values():
            self.orders += bool(decision.choices)
            self.units += sum(choice.quantity for choice in decision.choices)
            self.parcels += len(decision.assignments)
            self.cost += decision.cost

    @property
    def extra(self) -> int:
        """Parcels beyond one for each order."""
        return self.parcels - self.orders


def measured(kind: str, days: Sequence[Day]) -> dict[str, object]:
    floor, found = Sum(), Sum()
    moves = looks = 0
    seconds = 0.0
    for day in days:
        floor.add(lived(day, again=False))
        shop = lived(day, again=True)
        found.add(shop)
        moves, looks, seconds = moves + shop.moves, looks + shop.looks, seconds + shop.seconds
    value, base = found.cost / found.units / 1e6, floor.cost / floor.units / 1e6
    return {
        "bench": "second_look",
        "cases": kind,
        "days": len(days),
        "orders": found.orders,
        "value": round(value, 5),
        "floor": round(base, 5),
        "ratio": round(value / base, 4),
        "unit": "cost per unit, in parcels",
        "units": [found.units, floor.units],
        "extra_parcels": [found.extra, floor.extra],
        "moves_per_100_orders": round(100 * moves / found.orders, 1),
        "ms_per_look": round(seconds / max(1, looks) * 1e3, 1),
    }


def main(days: int = DAYS) -> None:
    for kind in ("random", "real", "thin"):
        found = list(random_days(days) if kind == "random" else real_days(days, kind))
        print(json.dumps(measured(kind, found)), flush=True)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:2]))
