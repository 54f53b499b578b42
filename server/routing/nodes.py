"""The network as the router looks at it."""

from __future__ import annotations

from datetime import timedelta

from server.kit.transaction import Tx
from server.network.queries import calendar_of, stamp
from server.network.rules import opening, ship_due
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
    found = []
    for r in await tx.rows("SELECT * FROM node ORDER BY code"):
        calendar = calendar_of(r)
        today = opening(calendar, tx.now.astimezone(calendar.zone).date())
        tomorrow = opening(calendar, (tx.now + timedelta(days=1)).astimezone(calendar.zone).date())
        limits = thresholds.get(r["code"], {})
        found.append(
            Node(
                code=r["code"],
                name=r["name"],
                type=r["type"],
                location=None if r["latitude"] is None else Geo(latitude=r["latitude"], longitude=r["longitude"]),
                capacity=UNLIMITED if r["capacity_per_day"] is None else r["capacity_per_day"],
                enabled=r["taking_orders"],
                open=bool((today and tx.now < today[1]) or tomorrow),
                deliveries=frozenset(r["capabilities"]),
                routing_buffer=r["routing_buffer"],
                thresholds={channel: units for channel, units in limits.items() if units},
                channels=frozenset(limits),
                ready_at=ship_due(calendar, tx.now),
            )
        )
    return Nodes.of(found)
