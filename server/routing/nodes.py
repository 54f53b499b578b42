"""The network as the router looks at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from server.kit.transaction import Row, Tx
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
        built = (await network(tx)).at(tx.now)
        _KEPT.clear()
        _KEPT[key] = built
    return _KEPT[key]


@dataclass(frozen=True, slots=True)
class Network:
    """The nodes as they are set up now; what that means at a moment follows from it."""

    rows: Sequence[Row]
    known: Book
    thresholds: Mapping[str, Mapping[str, int]]

    def at(self, now: datetime) -> Nodes:
        return Nodes.of([_node(now, r, self.known, self.thresholds.get(r["code"], {})) for r in self.rows])


async def network(tx: Tx) -> Network:
    thresholds: dict[str, dict[str, int]] = {}
    for r in await tx.rows("SELECT channel, node, threshold FROM channel_node"):
        thresholds.setdefault(r["node"], {})[r["channel"]] = r["threshold"]
    known = await book(tx)
    return Network(await tx.rows("SELECT * FROM node ORDER BY code"), known, thresholds)


def _node(now: datetime, r: Row, known: Book, limits: Mapping[str, int]) -> Node:
    calendar = known.calendars[r["code"]]
    today = now.astimezone(calendar.zone).date()
    day = work_day(calendar, now)
    capacity = known.capacities[r["code"]].on(day or today)
    return Node(
        code=r["code"],
        name=r["name"],
        type=r["type"],
        location=None if r["latitude"] is None else Geo(latitude=r["latitude"], longitude=r["longitude"]),
        capacity=UNLIMITED if capacity.in_all is None else capacity.in_all,
        capacity_by={method.value: jobs for method, jobs in capacity.by_method.items()},
        day=day,
        off=frozenset(each.method.value for each in known.off.get(r["code"], ()) if still_off(each, now)),
        open=day is not None and day <= today + timedelta(days=1),
        deliveries=frozenset(r["capabilities"]),
        routing_buffer=r["routing_buffer"],
        thresholds={channel: units for channel, units in limits.items() if units},
        channels=frozenset(limits),
        ready_at=ship_due(calendar, now),
        collect_at=pickup_due(calendar, now),
    )
