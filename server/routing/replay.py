"""What a plan would have done with a stretch of real orders. Pure: the router of production on a shelf in memory.

Orders come in when they came in, and are routed at once or in the runs of the plan. What the plan gives is gone for
later orders; what the ledger says of receipts, counts and the till happens when it happened. Units that nobody could
give are tried again when stock of their item comes. Stores do as they are told: nothing is rejected or not found.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from server.routing.criteria._base import NO_PLACE
from server.routing.decisions import Decision, Demand
from server.routing.plan import plan
from server.routing.rules import RoutingPlan
from server.routing.snapshot import Candidates, Nodes

Shelf = tuple[str, str]
"""(item, node)"""
AFTERWARDS = timedelta(days=2)
"""How long runs go on for what waits at the end."""


@dataclass(frozen=True, slots=True)
class Past:
    """An order, and when it came in."""

    demand: Demand
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """Stock that came or went by itself."""

    at: datetime
    shelf: Shelf
    units: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """What happened."""

    since: datetime
    until: datetime
    orders: tuple[Past, ...]
    stock: Mapping[Shelf, int]
    """Free units at the beginning."""
    changes: tuple[Change, ...]
    nodes_at: Callable[[datetime], Nodes]


@dataclass(slots=True)
class Outcome:
    """What came of it, in whole numbers."""

    orders: int = 0
    units: int = 0
    given: int = 0
    whole: int = 0
    """Orders of which every unit was given."""
    split: int = 0
    """Orders in more than one parcel."""
    parcels: int = 0
    metres: int = 0
    """Of all parcels whose way is known."""
    known_ways: int = 0
    late: int = 0
    """Parcels and bags that would be ready after the customer wanted them."""
    emptied: int = 0
    """Shelves from which the last free unit was taken."""
    waiting: Counter[str] = field(default_factory=Counter)
    """Queue -> units that nobody could give to the end."""
    digest: str = ""
    """SHA-256 of all decisions in order: the same stretch and plan give the same."""


def replay(stretch: Stretch, routing_plan: RoutingPlan) -> Outcome:
    """Play the stretch under this plan."""
    play = _Play(stretch, routing_plan)
    for moment in play.moments():
        play.turn(moment)
    return play.outcome()


class _Play:
    def __init__(self, stretch: Stretch, routing_plan: RoutingPlan) -> None:
        self.stretch, self.plan = stretch, routing_plan
        self.shelves: dict[Shelf, int] = dict(stretch.stock)
        self.by_item: dict[str, dict[str, int]] = defaultdict(dict)
        for (sku, node), units in self.shelves.items():
            self.by_item[sku][node] = units
        self.jobs: Counter[tuple[str, date | None, str]] = Counter()
        self.coming = deque(sorted(stretch.orders, key=lambda past: (past.received_at, past.demand.order)))
        self.changes = deque(sorted(stretch.changes, key=lambda change: (change.at, change.shelf, change.units)))
        self.waiting: dict[UUID, Demand] = {}
        """For a run."""
        self.left: dict[UUID, tuple[Demand, Decision]] = {}
        """For stock."""
        self.patience: dict[tuple[UUID, int], datetime | None] = {}
        """(order, line) -> when it is cancelled, by the rule under which it began to wait."""
        self.parcels: Counter[UUID] = Counter()
        self.cancelled: Counter[UUID] = Counter()
        self.found = Outcome(orders=len(stretch.orders))
        self.found.units = sum(line.quantity for past in stretch.orders for line in past.demand.lines)
        self.seen = hashlib.sha256()

    def moments(self) -> list[datetime]:
        """Every time at which something is decided."""
        last = self.stretch.until + AFTERWARDS
        starts = [at for run in self.plan.runs for at in run.starts(self.stretch.since, last)]
        came = [past.received_at for past in self.coming]
        risen = [change.at for change in self.changes if change.units > 0]
        return sorted({*starts, *came, *risen})

    def turn(self, moment: datetime) -> None:
        """Whatever comes in or is due at this moment, in order of placing."""
        risen = self._change(moment)
        batch = self._due(moment) + self._back(risen, moment)
        if batch:
            batch.sort(key=lambda demand: (demand.placed_at or moment, demand.order))
            self._decide(batch, moment)

    def _change(self, moment: datetime) -> set[str]:
        """Stock that came and went since; the items of which there is more."""
        risen = set()
        while self.changes and self.changes[0].at <= moment:
            change = self.changes.popleft()
            self._put(change.shelf, change.units)
            if change.units > 0:
                risen.add(change.shelf[0])
        return risen

    def _due(self, moment: datetime) -> list[Demand]:
        """Orders that are routed now: those that come in at once, and all that wait when a run begins."""
        found = []
        while self.coming and self.coming[0].received_at <= moment:
            demand = self.coming.popleft().demand
            if self.plan.at_once(demand, moment):
                found.append(demand)
            else:
                self.waiting[demand.order] = demand
        if self.waiting and any(run.last(moment) == moment for run in self.plan.runs):
            found += self.waiting.values()
            self.waiting.clear()
        return found

    def _back(self, risen: set[str], moment: datetime) -> list[Demand]:
        """What waits for stock of these items, and has not waited for too long."""
        again = [order for order, (demand, _) in self.left.items() if any(each.sku in risen for each in demand.lines)]
        found = []
        for order in again:
            demand, _ = self.left.pop(order)
            lines = tuple(line for line in demand.lines if not self._over(order, line.line, moment))
            if gone := len(demand.lines) - len(lines):
                self.cancelled[order] += gone
                self.found.waiting["cancelled"] += sum(each.quantity for each in demand.lines if each not in lines)
            if lines:
                found.append(replace(demand, lines=lines))
        return found

    def _over(self, order: UUID, line: int, moment: datetime) -> bool:
        until = self.patience.get((order, line))
        return until is not None and until <= moment

    def _put(self, shelf: Shelf, units: int) -> None:
        sku, node = shelf
        self.by_item[sku][node] = self.by_item[sku].get(node, 0) + units

    def _decide(self, batch: Sequence[Demand], moment: datetime) -> None:
        nodes = self.stretch.nodes_at(moment)
        candidates = self._candidates(batch, nodes)
        ways = nodes.metres_from([demand.destination for demand in batch])
        for place, decision in enumerate(plan(batch, candidates, self.plan, now=moment)):
            self.seen.update(decision.to_json())
            for node, _, units in decision.jobs:
                self._count(batch[place], nodes, node, int(ways[place, nodes.row[node]]))
                self._take(batch[place], node, units)
            self._keep(batch[place], decision)

    def _candidates(self, batch: Iterable[Demand], nodes: Nodes) -> Candidates:
        skus = sorted({line.sku for demand in batch for line in demand.lines})
        stock = [(sku, node, units) for sku in skus for node, units in self.by_item[sku].items()]
        days = dict(zip(nodes.codes, nodes.days, strict=True))
        taken: Counter[str] = Counter()
        by: dict[str, dict[str, int]] = {method: {} for method in nodes.capacity_by}
        for (node, day, method), jobs in self.jobs.items():
            if days.get(node) == day:
                taken[node] += jobs
                if method in by:
                    by[method][node] = max(0, int(nodes.capacity_by[method][nodes.row[node]]) - jobs)
        left = {node: max(0, int(nodes.capacity[nodes.row[node]]) - jobs) for node, jobs in taken.items()}
        return Candidates.of(nodes, stock, capacity_left=left, left_by=by)

    def _count(self, demand: Demand, nodes: Nodes, node: str, metres: int) -> None:
        row = nodes.row[node]
        self.jobs[node, nodes.days[row], demand.delivery] += 1
        self.parcels[demand.order] += 1
        self.found.parcels += 1
        if demand.delivery == "ship" and metres != NO_PLACE:
            self.found.metres += metres
            self.found.known_ways += 1
        ready = int((nodes.ready_at if demand.delivery == "ship" else nodes.collect_at)[row])
        if demand.wanted_by is not None and ready > demand.wanted_by.timestamp():
            self.found.late += 1

    def _take(self, demand: Demand, node: str, units: Mapping[int, int]) -> None:
        sku = {line.line: line.sku for line in demand.lines}
        for line, count in units.items():
            self.found.given += count
            self._put((sku[line], node), -count)
            self.found.emptied += self.by_item[sku[line]][node] <= 0

    def _keep(self, demand: Demand, decision: Decision) -> None:
        missing: Counter[int] = Counter()
        for each in decision.unrouted:
            missing[each.line] += each.quantity
            self.patience.setdefault((demand.order, each.line), each.waits.cancel_at)
        lines = tuple(replace(each, quantity=missing[each.line]) for each in demand.lines if missing[each.line])
        if lines:
            self.left[demand.order] = replace(demand, lines=lines), decision

    def outcome(self) -> Outcome:
        """Add up what is left."""
        for demand in self.waiting.values():
            self.found.waiting["run"] += sum(line.quantity for line in demand.lines)
        for _, decision in self.left.values():
            for each in decision.unrouted:
                self.found.waiting[each.waits.queue] += each.quantity
        self.found.whole = self.found.orders - len({*self.left, *self.waiting, *self.cancelled})
        self.found.split = sum(count > 1 for count in self.parcels.values())
        self.found.digest = self.seen.hexdigest()
        return self.found
