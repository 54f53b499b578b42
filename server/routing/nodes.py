"""The network as the router looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from server.kit.transaction import Tx
from server.network.queries import Book, book, stamp
from server.network.rules import pickup_due, ship_due, still_off, work_day
from server.routing.criteria._base import UNLIMITED
from server.routing.snapshot import Node, Nodes
from shared.kernel import Geo

_KEPT: dict[tuple[object, ...], Nodes] = {}
"""The last network built, by what it was built from: never an answer older than the rows of this transaction."""


async def routing_nodes(tx: Tx) -> Nodes:
    """All nodes by column. Built again when a node or channel changed, or the minute of the day."""
    key = (*await stamp(tx), tx.now.replace(second=0, microsecond=0))
    if key not in _KEPT:
        built = await _build(tx)
        _KEPT.clear()
        _KEPT[key] = built
    return _KEPT[key]


async def _build(tx: Tx) -> Nodes:
    thresholds: dict[str, dict[str, int]] = {}
    for r in await tx.rows("SELECT channel, node, threshold FROM channel_node"):
        thresholds.setdefault(r["node"], {})[r["channel"]] = r["threshold"]
    known = await book(tx)
    rows = await tx.rows("SELECT * FROM node ORDER BY code")
    return Nodes.of([_node(tx, r, known, thresholds.get(r["code"], {})) for r in rows])


def _node(tx: Tx, r: Mapping[str, Any], known: Book, limits: Mapping[str, int]) -> Node:
    calendar = known.calendars[r["code"]]
    today = tx.now.astimezone(calendar.zone).date()
    day = work_day(calendar, tx.now)
    capacity = known.capacities[r["code"]].on(day or today)
    return Node(
        code=r["code"],
        name=r["name"],
        type=r["type"],
        location=None if r["latitude"] is None else Geo(latitude=r["latitude"], longitude=r["longitude"]),
        capacity=UNLIMITED if capacity.in_all is None else capacity.in_all,
        capacity_by={method.value: jobs for method, jobs in capacity.by_method.items()},
        day=day,
        off=frozenset(each.method.value for each in known.off.get(r["code"], ()) if still_off(each, tx.now)),
        open=day is not None and day <= today + timedelta(days=1),
        deliveries=frozenset(r["capabilities"]),
        routing_buffer=r["routing_buffer"],
        thresholds={channel: units for channel, units in limits.items() if units},
        channels=frozenset(limits),
        ready_at=ship_due(calendar, tx.now),
        collect_at=pickup_due(calendar, tx.now),
    )
