"""A wave: orders that are decided together. Pure, like the router, and bounded by a count of steps, never by time.

It begins with the answers that the orders get one after the other. Then each order that would rather be served
otherwise tries again, alone or with one of those that hold what it would like: both are taken back, the one that asks
goes first, the other follows. A try is kept if the wave covers more units, or as many at less cost; priced as always,
in order, so that its cost is the sum of what stands in the decisions.

Nobody pays for it: of every item an order gets at least what it would have got in order, and leaves no later.

Orders that nodes hold already may be looked at again in the same way (`second_look`): then it begins with what they
have, and what they were promised is theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from server.routing.case import Case
from server.routing.collect import collected
from server.routing.criteria._base import Facts, Ints
from server.routing.decisions import Demand, Part
from server.routing.desk import Desk, Items
from server.routing.rules import Rule
from server.routing.snapshot import Candidates
from server.routing.solve import Answer, solve
from server.routing.weighing import weigh

STEPS = 1000
"""Searches for one wave, at most."""
ALL = ""
"""Jobs of every way of delivery, where they are counted."""
_NO_STATEMENT = 2**62

Given = tuple[tuple[int, tuple[int, ...]], ...]
"""Per parcel its node's row, ascending, and the units of each item."""
_Rank = tuple[int, int]
"""(units covered, negative; cost): less is better."""


@dataclass(slots=True)
class _Order:
    demand: Demand
    """As the search sees it: wanted no later than it was promised in order."""
    metres: Ints
    items: Items
    given: Given
    floor: tuple[int, ...]
    """Units per item that it got in order."""
    ready: int
    """When its last parcel was promised to leave, in order."""
    gives_up: bool = False
    """The rule gives all or nothing, and in order it is nothing."""

    @property
    def collects(self) -> bool:
        return self.demand.delivery != "ship"

    @property
    def moves(self) -> bool:
        return not (self.collects or self.gives_up)


def given(case: Case, answer: Answer) -> Given:
    return tuple(
        (int(case.costs.rows[node]), tuple(answer.units[:, place].tolist())) for place, node in enumerate(answer.nodes)
    )


def imposed(case: Case, parcels: Given) -> Answer:
    """An answer found elsewhere, at this case's costs. Raises KeyError where one of its nodes may not serve."""
    place = {int(row): node for node, row in enumerate(case.costs.rows)}
    nodes = [place[row] for row, _ in parcels]
    units = np.array([units for _, units in parcels], dtype=np.int64).reshape(len(nodes), len(case.items.skus)).T
    cost = int(case.problem.parcel[nodes].sum() + (units * case.problem.unit[:, nodes]).sum())
    return Answer(tuple(nodes), units, cost, proven=False, together=True)


def together(demands: Sequence[Demand], candidates: Candidates, rule: Rule, now: datetime) -> list[Given]:
    """What each order is given."""
    wave = _Wave(demands, candidates, rule, now)
    wave.improve()
    return [order.given for order in wave.orders]


def exchanged(
    demands: Sequence[Demand], held: Sequence[Given], candidates: Candidates, rule: Rule, now: datetime, *, least: int
) -> tuple[list[Given], int]:
    """What each order is given that has its parcels already, and the micro-costs that this saves.

    `candidates` has what they hold among the rest. What they were promised is `wanted_by`: nobody leaves later. An
    exchange that saves no more than `least` is not worth the trouble.
    """
    wave = _Wave(demands, candidates, rule, now, held, least)
    before = wave.rank
    wave.improve()
    saved = before[1] - wave.rank[1] if before and wave.rank else 0
    return [order.given for order in wave.orders], saved


class _Wave:
    def __init__(
        self,
        demands: Sequence[Demand],
        candidates: Candidates,
        rule: Rule,
        now: datetime,
        held: Sequence[Given] | None = None,
        least: int = 0,
    ) -> None:
        self.candidates, self.rule, self.least = candidates, rule, least
        self.rest = Desk(candidates, rule, now, lasting=True)
        """What is left when everybody has theirs."""
        self.whole = Desk(candidates, rule, now, lasting=False)
        metres = candidates.nodes.metres_from([demand.destination for demand in demands])
        self.orders = (
            [self._in_order(demand, way) for demand, way in zip(demands, metres, strict=True)]
            if held is None
            else [self._as_held(demand, way, has) for demand, way, has in zip(demands, metres, held, strict=True)]
        )
        self.wishes = [self._alone(order) for order in self.orders]
        self.steps = STEPS
        self._prices: dict[tuple[object, ...], int] = {}
        self._shelves: dict[tuple[str, int], int] = {}
        self.rank = self._ranked()

    # ------------------------------------------------------------ the start

    def _in_order(self, demand: Demand, metres: Ints) -> _Order:
        items = Items.of(demand, self.rest.nodes)
        if demand.delivery == "ship":
            case = Case.of(self.rest, demand, metres)
            answer = solve(case.problem)
            if not self.rule.split.partly and int(answer.units.sum()) < int(items.wanted.sum()):
                return _Order(demand, metres, items, (), (0,) * len(items.skus), _NO_STATEMENT, gives_up=True)
            case.take(self.rest, answer)
            parcels = given(case, answer)
        else:
            parcels = _collected(collected(self.rest, demand), items, self.rest)
        ready = self._ready(parcels)
        if demand.delivery == "ship" and 0 < ready < _NO_STATEMENT:
            demand = replace(demand, wanted_by=datetime.fromtimestamp(ready, UTC))
        return _Order(demand, metres, items, parcels, _per_item(parcels, items), ready)

    def _as_held(self, demand: Demand, metres: Ints, parcels: Given) -> _Order:
        items = Items.of(demand, self.rest.nodes)
        for row, units in parcels:
            self.rest.take(items, row, list(units))
        ready = int(demand.wanted_by.timestamp()) if demand.wanted_by else _NO_STATEMENT
        return _Order(demand, metres, items, parcels, _per_item(parcels, items), ready)

    def _ready(self, parcels: Given) -> int:
        times = [int(self.rest.nodes.ready_at[row]) or _NO_STATEMENT for row, _ in parcels]
        return max(times, default=_NO_STATEMENT)

    def _alone(self, order: _Order) -> Given:
        """What it would be given if it were alone."""
        if not order.moves:
            return order.given
        case = Case.of(self.whole, order.demand, order.metres)
        return given(case, solve(case.problem))

    # ------------------------------------------------------------ the search

    def improve(self) -> None:
        again = True
        while again:
            again = False
            for place, order in enumerate(self.orders):
                if order.given != self.wishes[place]:
                    again |= any(self._tried(place, others) for others in self._groups(place))

    def _groups(self, place: int) -> Iterator[tuple[int, ...]]:
        """Whom to take back with it: nobody, then each of those in its way."""
        yield ()
        for other in self._in_the_way(place):
            yield (other,)

    def _in_the_way(self, place: int) -> list[int]:
        """Orders with units that this one could use more of, or with a job at a full node that it would like."""
        asking = self.orders[place].items
        wanted = dict(zip(asking.skus, asking.wanted.tolist(), strict=True))
        by = self.rest.left_by.get(self.orders[place].demand.delivery, self.rest.capacity_left)
        full = {row for row, _ in self.wishes[place] if self.rest.capacity_left[row] < 1 or by[row] < 1}
        return [
            other
            for other, order in enumerate(self.orders)
            if other != place and order.moves and any(self._holds_back(order, p, wanted, full) for p in order.given)
        ]

    def _holds_back(
        self, order: _Order, parcel: tuple[int, tuple[int, ...]], wanted: dict[str, int], full: set[int]
    ) -> bool:
        row, units = parcel
        return row in full or any(
            count and sku in wanted and self.rest.available[self.rest.skus[sku], row] < wanted[sku]
            for sku, count in zip(order.items.skus, units, strict=True)
        )

    def _tried(self, place: int, others: tuple[int, ...]) -> bool:
        """Take them back, serve this one first, then the others in order. Kept if the wave is better for it."""
        if self.steps < 1 + len(others):
            self.steps = 0
            return False
        before = {one: self.orders[one].given for one in (place, *others)}
        for one in before:
            self._put_back(one)
        better = self._served(place, before[place]) and all(self._served(one) for one in others)
        rank = self._ranked() if better else None
        if rank is not None and self.rank is not None and (rank[0], rank[1] + self.least) < self.rank:
            self.rank = rank
            return True
        for one in before:
            self._put_back(one)
        for one, parcels in before.items():
            self._hand(one, parcels)
        return False

    def _served(self, one: int, before: Given | None = None) -> bool:
        """Search for one order in what is left. False where it loses what it was promised, or wins nothing over what it
        had `before`."""
        order = self.orders[one]
        self.steps -= 1
        case = Case.of(self.rest, order.demand, order.metres)
        answer = solve(case.problem)
        parcels = given(case, answer)
        if before is not None and not _better(answer, before, case):
            return False
        if any(units < floor for units, floor in zip(_per_item(parcels, order.items), order.floor, strict=True)):
            return False
        if self._ready(parcels) > order.ready:
            return False
        self._hand(one, parcels)
        return True

    def _hand(self, one: int, parcels: Given) -> None:
        order = self.orders[one]
        order.given = parcels
        for row, units in parcels:
            self.rest.take(order.items, row, list(units), order.demand.delivery)

    def _put_back(self, one: int) -> None:
        order = self.orders[one]
        for row, units in order.given:
            self.rest.put_back(order.items, row, list(units), order.demand.delivery)
        order.given = ()

    # ------------------------------------------------------------ the price

    def _ranked(self) -> _Rank | None:
        """Units and cost of the wave, served in order; None where somebody's turn comes too late."""
        jobs: Counter[tuple[int, str]] = Counter()
        taken: dict[tuple[str, int], int] = {}
        covered = cost = 0
        for place, order in enumerate(self.orders):
            found = self._priced(place, order, jobs, taken)
            if found is None or (order.collects and not self._collects_the_same(order, jobs, taken)):
                return None
            cost += found
            for row, units in order.given:
                jobs[row, ALL] += 1
                jobs[row, order.demand.delivery] += 1
                for sku, count in zip(order.items.skus, units, strict=True):
                    if count:
                        taken[sku, row] = taken.get((sku, row), 0) + count
                        covered += count
        return -covered, cost

    def _priced(
        self, place: int, order: _Order, jobs: Counter[tuple[int, str]], taken: dict[tuple[str, int], int]
    ) -> int | None:
        """What the order costs at its turn; None where it cannot be had by then."""
        key: list[object] = [place]
        limits = self.rest.nodes.thresholds.get(order.demand.channel)
        for row, units in order.given:
            left = int(self.candidates.capacity_left[row]) - jobs[row, ALL]
            full = left < 1 or self._full(row, order.demand.delivery, jobs)
            kept = 0 if limits is None else int(limits[row])
            least = int(self.rest.nodes.routing_buffer[row]) if not order.collects else 0
            stock = tuple(
                self._shelf(sku, row) - taken.get((sku, row), 0) - kept if count else 0
                for sku, count in zip(order.items.skus, units, strict=True)
            )
            if full or any(n and (n > has or has < least) for n, has in zip(units, stock, strict=True)):
                return None
            key.append((row, left, units, stock))
        found = tuple(key)
        if found not in self._prices:
            self._prices[found] = self._price(order, key[1:]) if order.moves and order.given else 0
        return self._prices[found]

    def _full(self, row: int, delivery: str, jobs: Counter[tuple[int, str]]) -> bool:
        """Whether the node takes no more of this way of delivery."""
        limit = self.candidates.left_by.get(delivery)
        return limit is not None and int(limit[row]) <= jobs[row, delivery]

    def _collects_the_same(
        self, order: _Order, jobs: Counter[tuple[int, str]], taken: dict[tuple[str, int], int]
    ) -> bool:
        """An order to collect takes what is there at its turn: no more than in order, or a later one may miss it."""
        if list(order.floor) == order.items.wanted.tolist():
            return True
        turn = Desk(self.candidates, self.rule, self.rest.now, lasting=True)
        for (row, delivery), count in jobs.items():
            if delivery != ALL:
                turn.count_jobs(row, -count, delivery)
        for (sku, row), count in taken.items():
            turn.available[turn.skus[sku], row] -= count
        return _collected(collected(turn, order.demand), order.items, turn) == order.given

    def _shelf(self, sku: str, row: int) -> int:
        if (sku, row) not in self._shelves:
            self._shelves[sku, row] = int(self.candidates.available[self.candidates.skus[sku], row])
        return self._shelves[sku, row]

    def _price(self, order: _Order, parcels: Sequence[Any]) -> int:
        """The criteria of the rule at the order's own nodes alone."""
        rows, left, units, stock = (np.array(column, dtype=np.int64) for column in zip(*parcels, strict=True))
        facts = Facts(order.metres[rows], self.rest.nodes.capacity[rows], left, stock.T, order.items.wanted)
        by_parcel, by_unit = self.rule.weighed
        parcel, unit = weigh(by_parcel, facts, rows.shape), weigh(by_unit, facts, stock.T.shape)
        return int(parcel.sum() + (unit * units.T).sum())


def _better(answer: Answer, before: Given, case: Case) -> bool:
    """Whether the answer is worth the trouble for this order; that it is so for the wave is seen later."""
    try:
        old = imposed(case, before)
    except KeyError:  # its shelf is below the node's buffer by now, since later orders have theirs
        return True
    return (-int(answer.units.sum()), answer.cost) < (-int(old.units.sum()), old.cost)


def _per_item(parcels: Given, items: Items) -> tuple[int, ...]:
    return tuple(sum(units[item] for _, units in parcels) for item in range(len(items.skus)))


def _collected(part: Part, items: Items, desk: Desk) -> Given:
    """The one parcel of an order that its customer collects, if it has anything."""
    units = dict.fromkeys(items.skus, 0)
    for choice in part.choices:
        units[choice.sku] += choice.quantity
    return ((desk.nodes.row[part.choices[0].node], tuple(units.values())),) if part.choices else ()
