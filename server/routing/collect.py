"""An order to collect: the customer chose the node. See what it can do, and move nothing elsewhere."""

from __future__ import annotations

import numpy as np

from server.routing.decisions import Choice, Demand, Part, Unrouted
from server.routing.desk import CODES, Desk, Items


def collected(desk: Desk, demand: Demand) -> Part:
    """What the asked node has is promised there; the rest is unrouted with its reason."""
    items = Items.of(demand, desk.nodes)
    node = desk.nodes.row.get(demand.node or "")
    whole = "not_capable" if node is None else CODES[desk.codes(demand, None)[node]]
    given = [0] * len(items.skus)
    refused = {item for item, at in items.refused if at == node}
    if node is not None and not whole:
        here = desk.stock(items.skus, demand.channel)[:, node]
        given = [0 if item in refused else units for item, units in enumerate(np.minimum(here, items.wanted).tolist())]
    choices: list[Choice] = []
    if node is not None and any(given):
        code, name = desk.nodes.codes[node], desk.nodes.names[node]
        for item, shares in enumerate(items.shares(np.array([given], dtype=np.int64).T)):
            choices += [
                Choice(line, items.skus[item], code, name, units, (), (), {}, desk.rule.name)
                for line, units in shares[0]
            ]
        desk.take(items, node, given, demand.delivery)
    unrouted: list[Unrouted] = []
    for item, units in enumerate((items.wanted - given).tolist()):
        reason = whole or ("refused_before" if item in refused else "too_little" if given[item] else "no_stock")
        unrouted += [
            Unrouted(line, items.skus[item], left, reason, {reason: 1}) for line, left in items.last(item, units)
        ]
    return Part(
        choices=tuple(sorted(choices, key=lambda choice: choice.line)),
        unrouted=tuple(sorted(unrouted, key=lambda missing: missing.line)),
        cost=0,
        proven=True,
    )
