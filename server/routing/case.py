"""One shipped order before the router: who may serve, what they have now, and what each of them would cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from server.routing.criteria._base import Facts, Ints
from server.routing.decisions import Demand
from server.routing.desk import Codes, Desk, Items, Stock, usable
from server.routing.rivals import Costs
from server.routing.solve import Answer, Problem
from server.routing.weighing import weigh

_SMALL = 64
"""Networks up to here are not narrowed to the nodes with stock: choosing columns costs more than it saves."""


@dataclass(slots=True)
class Case:
    """n nodes in code order, m items in line order, as the desk stands when the order's turn comes."""

    demand: Demand
    items: Items
    codes: Codes
    stock: Stock
    costs: Costs
    cap: int
    problem: Problem

    @classmethod
    def of(cls, desk: Desk, demand: Demand, metres: Ints) -> Case:
        codes = desk.codes(demand, metres)
        items = Items.of(demand, desk.nodes)
        stock = usable(desk, items, codes, demand.channel)
        rows = desk.everyone if len(desk.nodes) <= _SMALL else np.flatnonzero(np.logical_or.reduce(stock.usable))
        cap = desk.rule.split.cap(demand.value) - demand.parcels
        costs = _costs(desk, items, stock.usable, metres, rows)
        have = np.minimum(costs.facts.available, items.wanted[:, None])
        if cap < 1:
            have[:] = 0
        for kit in items.kits:
            have[kit, have[kit] < items.wanted[kit]] = 0
        return cls(demand, items, codes, stock, costs, cap, Problem(costs.parcel, costs.unit, have, items.wanted, cap))

    def take(self, desk: Desk, answer: Answer) -> None:
        """Take what was answered off the desk: a job and its units per parcel."""
        for place, node in enumerate(answer.nodes):
            desk.take(self.items, int(self.costs.rows[node]), answer.units[:, place].tolist())


def _costs(desk: Desk, items: Items, available: Ints, metres: Ints, rows: NDArray[np.intp]) -> Costs:
    """Every criterion of the rule for the nodes in `rows`, in whole micro-units."""
    capacity, left = desk.nodes.capacity, desk.capacity_left
    if len(rows) < len(capacity):
        metres, capacity, left = metres.take(rows), capacity.take(rows), left.take(rows)
        available = available.take(rows, axis=1)
    facts = Facts(metres=metres, capacity=capacity, capacity_left=left, available=available, wanted=items.wanted)
    by_parcel, by_unit = desk.rule.weighed
    parcel = weigh(by_parcel, facts, (len(rows),))
    unit = weigh(by_unit, facts, available.shape)
    return Costs(
        facts=facts,
        parcel_criteria=by_parcel,
        unit_criteria=by_unit,
        parcel_terms=parcel,
        unit_terms=unit,
        parcel=np.add.reduce(parcel),
        unit=np.add.reduce(unit),
        rows=rows,
        nodes=desk.nodes,
    )
