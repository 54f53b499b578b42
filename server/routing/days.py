"""A node's day: how many jobs it was given, against its capacity. The capacity is hard.

A job counts on the day of the node's own calendar on which it is first worked on. It is counted by the statement that
looks whether it still fits, so that orders placed at the same moment never overrun a node: what does not fit is planned
again. A job that the node does not do after all (rejected, nothing found, cancelled) gives its place back; one that
nobody collected was done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from server.events import JobMoved
from server.kit.transaction import Tx
from server.routing.criteria._base import UNLIMITED
from server.routing.snapshot import Nodes
from shared.fulfilment import State
from shared.methods import METHODS
from shared.network import Delivery

GIVEN_BACK = frozenset({State.REJECTED, State.SHORT, State.CANCELLED})
"""Where a job ends that the node did not do."""
_COUNT = " + ".join(f"d.{method}" for method in Delivery)
_MORE = " + ".join(f"excluded.{method}" for method in Delivery)
_FITS = " AND ".join(
    f"(excluded.{limit} IS NULL OR {have} + {more} <= excluded.{limit})"
    for limit, have, more in (
        ("capacity", _COUNT, _MORE),
        *((f"capacity_{method}", f"d.{method}", f"excluded.{method}") for method in Delivery),
    )
)
_LIMITS = ("capacity", *(f"capacity_{method}" for method in Delivery))
_COLUMNS = (*Delivery, *_LIMITS)
# ruff: noqa: S608 (the columns are those of the enumeration)
_CLAIM = (
    f"INSERT INTO node_day AS d (day, node, {', '.join(_COLUMNS)}) SELECT * FROM unnest(CAST(:days AS date[]),"
    f" CAST(:nodes AS text[]), {', '.join(f'CAST(:{name} AS bigint[])' for name in _COLUMNS)})"
    f" AS u(day, node, {', '.join(_COLUMNS)}) ORDER BY day, node ON CONFLICT (day, node) DO UPDATE SET"
    f" {', '.join(f'{method} = d.{method} + excluded.{method}' for method in Delivery)},"
    f" {', '.join(f'{limit} = excluded.{limit}' for limit in _LIMITS)} WHERE {_FITS} RETURNING d.node"
)
_GIVE_BACK = (
    "UPDATE node_day d SET "
    + ", ".join(f"{method} = d.{method} - u.{method}" for method in Delivery)
    + " FROM (SELECT work_day, node, "
    + ", ".join(f"count(*) FILTER (WHERE method = ANY(CAST(:{method} AS text[]))) AS {method}" for method in Delivery)
    + " FROM fulfilment WHERE id = ANY(CAST(:ids AS uuid[])) GROUP BY work_day, node) u"
    " WHERE d.day = u.work_day AND d.node = u.node"
)
METHODS_OF = {
    delivery: sorted(m.code for m in METHODS.values() if m.delivery == delivery.value) for delivery in Delivery
}
"""Way of delivery -> the methods by which nodes fulfil it."""


@dataclass(frozen=True, slots=True)
class Left:
    """Jobs that nodes can still take on their day; nodes that have none yet are left out."""

    in_all: dict[str, int]
    by: dict[str, dict[str, int]]


async def left(tx: Tx, nodes: Nodes) -> Left:
    """What the capacity of each node leaves, as committed by now."""
    rows = await tx.rows(
        "SELECT * FROM node_day WHERE day = ANY(CAST(:days AS date[]))", days=sorted({d for d in nodes.days if d})
    )
    found = Left({}, {method: {} for method in nodes.capacity_by})
    for row in rows:
        place = nodes.row.get(row["node"])
        if place is None or nodes.days[place] != row["day"]:
            continue
        taken = sum(row[method] for method in Delivery)
        found.in_all[row["node"]] = max(0, int(nodes.capacity[place]) - taken)
        for method, capacity in nodes.capacity_by.items():
            found.by[method][row["node"]] = max(0, int(capacity[place]) - row[method])
    return found


async def claim(tx: Tx, nodes: Nodes, jobs: Sequence[tuple[str, str]]) -> set[str]:
    """Count jobs (node, way of delivery) on their node's day. Returns the nodes for which all of theirs did not fit:
    of those none is counted."""
    counts = Counter(jobs)
    codes = sorted({node for node, _ in counts if nodes.days[nodes.row[node]] is not None})
    if not codes:
        return {node for node, _ in counts}
    places = [nodes.row[node] for node in codes]
    granted = await tx.rows(
        _CLAIM,
        days=[nodes.days[place] for place in places],
        nodes=codes,
        capacity=[_limit(int(nodes.capacity[place])) for place in places],
        **{method.value: [counts[node, method.value] for node in codes] for method in Delivery},
        **{f"capacity_{method}": _limits(nodes, method, places) for method in Delivery},
    )
    return {node for node, _ in counts} - {row["node"] for row in granted}


def _limits(nodes: Nodes, method: Delivery, places: Sequence[int]) -> list[int | None]:
    limits = nodes.capacity_by.get(method.value)
    return [None if limits is None else _limit(int(limits[place])) for place in places]


def _limit(jobs: int) -> int | None:
    return None if jobs >= UNLIMITED else jobs


def day_of(nodes: Nodes, node: str) -> date | None:
    return nodes.days[nodes.row[node]]


async def on_jobs_moved(tx: Tx, events: Sequence[JobMoved]) -> None:
    """Give back the place of jobs that their node does not do."""
    ended: set[UUID] = {e.fulfilment_id for e in events if e.to_state in GIVEN_BACK and e.from_state not in GIVEN_BACK}
    if not ended:
        return
    ids = sorted(ended)
    await tx.rows(
        "SELECT d.node FROM node_day d JOIN fulfilment f ON f.work_day = d.day AND f.node = d.node"
        " WHERE f.id = ANY(CAST(:ids AS uuid[])) ORDER BY d.day, d.node FOR UPDATE OF d",
        ids=ids,
    )
    await tx.run(_GIVE_BACK, ids=ids, **{delivery.value: codes for delivery, codes in METHODS_OF.items()})
