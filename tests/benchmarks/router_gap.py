"""`router_gap`: what the router's answers cost over the exact optimum, for single orders and for batches of 50.

    python -m tests.benchmarks.router_gap [singles] [batches]

By default 1,000 single orders and 20 batches of 50 (a thousand orders again) of each kind: random networks, and real
baskets (`gap_cases`). The optimum is an integer program's (`optimum`). Two figures are kept apart, as the router's
order of preference does: `units_short`, the share of the units that could be covered and were not, and the gap: the
cost over the least cost for as many units. Nobody's units are taken for somebody else's: in a batch every order gets
at least what it was given of every item.

`value` is the mean gap, `worst` the largest. For a batch both are over a bound (`optimum` says why), so that the true
gap is smaller; it is at least `surely`, which is over answers that are known. `optimal` is the share of cases at the
optimum, or at its bound; `proven` the share of orders whose answer the router says to be proven. A single order that
is said to be proven and is not at the optimum, or any case that beats it, is a failure (`wrong`). `together` is the
router with a plan that decides the orders of a batch together; the first figures are in order. Two rules of thumb
answer the same cases: `nearest` takes what the nearest node has, then the next; `fewest_splits` takes the node that has
most of what is left, the nearest of equals. `not_settled` counts cases for which the integer program took too long:
then the figures are over the bound that it had by then, and `value_settled` is the mean without them.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from server.routing.case import Case
from server.routing.criteria._base import Ints
from server.routing.decisions import Decision, Demand
from server.routing.desk import Desk
from server.routing.plan import plan
from server.routing.solve import Answer
from tests.benchmarks.gap_cases import Asked, random_cases, real_cases
from tests.benchmarks.optimum import Floors, Optimum, in_order, optimum
from tests.benchmarks.router_time import NOW

SINGLES, BATCHES, BATCH = 1000, 20, 50
SECONDS = 20
"""For one integer program."""
Rule = Callable[[Case], Answer]


@dataclass(frozen=True, slots=True)
class Served:
    """What one case was given."""

    units: Floors
    """Order -> item -> units."""
    cost: int
    proven: tuple[bool, ...]

    @property
    def covered(self) -> int:
        return sum(map(sum, self.units))


def by_router(asked: Asked) -> Served:
    decisions = plan(asked.demands, asked.candidates, asked.routing_plan, now=NOW)
    units = [_per_item(demand, decision) for demand, decision in zip(asked.demands, decisions, strict=True)]
    return Served(tuple(units), sum(d.cost for d in decisions), tuple(d.proven for d in decisions))


def _per_item(demand: Demand, decision: Decision) -> tuple[int, ...]:
    units = dict.fromkeys((line.sku for line in demand.lines), 0)
    for choice in decision.choices:
        units[choice.sku] += choice.quantity
    return tuple(units.values())


def by_rule(rule: Rule) -> Callable[[Asked], Served]:
    """The same orders, filters, stock and costs, and nobody who searches."""

    def serve(asked: Asked) -> Served:
        desk = Desk(asked.candidates, asked.rule, NOW, lasting=True)
        answers = []
        for demand, metres in zip(asked.demands, _metres(asked), strict=True):
            case = Case.of(desk, demand, metres)
            answers.append(rule(case))
            case.take(desk, answers[-1])
        units = tuple(tuple(answer.units.sum(1).tolist()) for answer in answers)
        return Served(units, sum(answer.cost for answer in answers), (False,) * len(answers))

    return serve


def nearest(case: Case) -> Answer:
    metres = case.costs.facts.metres
    return _one_after_another(case, lambda give: metres)


def fewest_splits(case: Case) -> Answer:
    metres = case.costs.facts.metres
    return _one_after_another(case, lambda give: metres - give.sum(0) * (int(metres.max(initial=0)) + 1))


def _one_after_another(case: Case, rank: Callable[[Ints], Ints]) -> Answer:
    """Again and again the node of the least rank that has something of what is left. `rank`: (m, n) units -> (n)."""
    problem = case.problem
    given = np.zeros_like(problem.have)
    for _ in range(problem.cap):
        give = np.minimum(problem.have, (problem.want - given.sum(1))[:, None])
        give[:, given.any(0)] = 0
        able = np.flatnonzero(give.any(0))
        if len(able):
            node = able[rank(give)[able].argmin()]
            given[:, node] = give[:, node]
    nodes = np.flatnonzero(given.any(0))
    cost = int(problem.parcel[nodes].sum() + (given * problem.unit).sum())
    return Answer(tuple(nodes.tolist()), given[:, nodes], cost, False)


def by_wave(asked: Asked) -> Served:
    return by_router(replace(asked, routing_plan=asked.routing_plan.model_copy(update={"batch": "together"})))


RULES: dict[str, Callable[[Asked], Served]] = {
    "router": by_router,
    "together": by_wave,
    "nearest": by_rule(nearest),
    "fewest_splits": by_rule(fewest_splits),
}


@dataclass(slots=True)
class Tally:
    """One rule over all cases."""

    gaps: list[float] = field(default_factory=list)
    """Over the least cost, or a bound of it."""
    surely: list[float] = field(default_factory=list)
    """Over the cost of an answer that is known. The gap to the optimum lies between the two."""
    units: int = 0
    short: int = 0
    optimal: int = 0
    wrong: int = 0
    proven: list[bool] = field(default_factory=list)
    settled: list[bool] = field(default_factory=list)
    """False: the integer program ran out of time, and the gap is over the bound that it had by then."""
    seconds: float = 0.0

    def add(self, served: Served, most: Optimum, least: Optimum, known: int) -> None:
        self.units += most.units
        self.short += max(0, most.units - served.covered)
        self.gaps.append(served.cost / least.cost - 1 if least.cost else 0.0)
        self.surely.append(max(0.0, served.cost / known - 1) if known else 0.0)
        self.settled.append(most.exact and least.exact)
        best = served.covered >= most.units and served.cost <= least.cost
        self.optimal += best
        self.proven += served.proven
        below = served.covered > most.units or served.cost < least.cost
        self.wrong += below or (len(served.proven) == 1 and served.proven[0] and not best)

    def figures(self) -> dict[str, float | None]:
        return {
            "value": round(float(np.mean(self.gaps)), 5),
            "value_settled": round(float(np.mean(np.array(self.gaps)[self.settled])), 5) if any(self.settled) else None,
            "surely": round(float(np.mean(self.surely)), 5),
            "worst": round(max(self.gaps), 4),
            "units_short": round(self.short / max(1, self.units), 5),
            "optimal": round(self.optimal / len(self.gaps), 4),
            "not_settled": self.settled.count(False),
        }


def measure(cases: Iterator[Asked]) -> dict[str, Tally]:
    tallies = {name: Tally() for name in RULES}
    for asked in cases:
        served = {}
        for name, serve in RULES.items():
            start = time.process_time()
            served[name] = serve(asked)
            tallies[name].seconds += time.process_time() - start
        whole = _whole(asked)
        most = _most(asked, whole, served["router"])
        found: dict[Floors, tuple[Optimum, int]] = {}
        for name, each in served.items():
            if each.units not in found:
                found[each.units] = _least(asked, whole, each)
            tallies[name].add(each, most, *found[each.units])
    return tallies


def _metres(asked: Asked) -> Ints:
    return asked.candidates.nodes.metres_from([demand.destination for demand in asked.demands])


def _whole(asked: Asked) -> list[Case]:
    """Every order as if it were alone."""
    desk = Desk(asked.candidates, asked.rule, NOW, lasting=False)
    return [Case.of(desk, demand, metres) for demand, metres in zip(asked.demands, _metres(asked), strict=True)]


def _most(asked: Asked, whole: Sequence[Case], promised: Served) -> Optimum:
    """The most units, where every order of a batch gets at least what it gets in order. No search where nothing can be
    missing."""
    reach = sum(int(np.minimum(case.problem.have.sum(1), case.problem.want).sum()) for case in whole)
    if reach == promised.covered:
        return Optimum(reach, 0, True, ())
    floors = promised.units if len(whole) > 1 else None
    return optimum(whole, asked.candidates, asked.rule, at_least=floors, units=None, seconds=SECONDS)


def _least(asked: Asked, whole: Sequence[Case], served: Served) -> tuple[Optimum, int]:
    """The least cost for as many units, and what an answer costs that is known."""
    floors = served.units if len(whole) > 1 else None
    least = optimum(whole, asked.candidates, asked.rule, at_least=floors, units=served.covered, seconds=SECONDS)
    if not least.answers:
        return least, served.cost
    desk = Desk(asked.candidates, asked.rule, NOW, lasting=True)
    return least, in_order(least.answers, whole, _metres(asked), desk)


def main(singles: int = SINGLES, batches: int = BATCHES) -> int:
    wrong = 0
    for kind, cases in (("random", random_cases), ("real", real_cases)):
        for count, orders in ((singles, 1), (batches, BATCH)):
            start = time.perf_counter()
            tallies = measure(cases(count, orders))
            router, wave = tallies["router"], tallies["together"]
            wrong += router.wrong + wave.wrong
            line = {
                "bench": "router_gap",
                "cases": kind,
                "orders": orders,
                **router.figures(),
                "proven": round(float(np.mean(router.proven)), 4),
                "wrong": router.wrong + wave.wrong,
                "us_per_order": round(router.seconds / count / orders * 1e6),
                "us_per_order_together": round(wave.seconds / count / orders * 1e6),
                **{name: tally.figures() for name, tally in tallies.items() if name != "router"},
                "sample": count,
                "seconds": round(time.perf_counter() - start, 1),
            }
            print(json.dumps(line), flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in sys.argv[1:3])))
