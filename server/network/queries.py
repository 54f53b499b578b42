"""Reading the network: what selling, routing and devices need to know of nodes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from server.kit.transaction import Tx
from server.network import rules
from server.network.milestones import Milestones, milestones
from server.network.rules import Calendar, Capacity, ChannelNode, NewChannel, NodeView, Off
from shared.kernel import Geo
from shared.network import Delivery
from shared.sync import NodeDoc

STAMP = "network_stamp"
"""Where a transaction notes the stamp; whoever changes nodes or channels takes it away."""


@dataclass(frozen=True, slots=True)
class SellingFacts:
    """What placing an order needs to know."""

    currency: str
    channels: dict[str, frozenset[str]]
    collect_nodes: dict[str, frozenset[str]]
    node_currency: dict[str, str]
    remorse: dict[str, timedelta]
    """Channel -> how long its customers may change their mind."""


@dataclass(frozen=True, slots=True)
class Book:
    """Nodes and channels as hot paths ask for them: small, seldom changed, kept in the process by their stamp."""

    selling: SellingFacts
    calendars: Mapping[str, Calendar]
    capacities: Mapping[str, Capacity]
    off: Mapping[str, tuple[Off, ...]]
    """What nodes were switched off for; those whose time is over count no more (`Off.until`)."""
    names: Mapping[str, str]
    """Every node, in order of code."""
    places: Mapping[str, Geo]
    thresholds: Mapping[str, Mapping[str, int]]
    """Channel -> the nodes it sells from, and the units of each item it may not touch there."""


_KEPT: dict[tuple[object, ...], Book] = {}
"""The last book, by the stamp of the rows it was made from: never older than what this transaction sees."""


async def stamp(tx: Tx) -> tuple[object, ...]:
    """Another one whenever a node or a channel was changed. Asked of the database once in a transaction."""
    found: tuple[object, ...] | None = tx.notes.get(STAMP)
    if found is None:
        row = await tx.one(
            "SELECT current_database() AS db, n.*, c.*, l.* FROM"
            " (SELECT count(*) AS nodes, sum(version)::bigint AS versions, max(updated_at) AS at FROM node) n,"
            " (SELECT count(*) AS channels, sum(version)::bigint AS channel_versions FROM channel) c,"
            " (SELECT count(*) AS links, sum(threshold)::bigint AS thresholds FROM channel_node) l"
        )
        found = tx.notes[STAMP] = tuple((row or {}).values())
    return found


async def book(tx: Tx) -> Book:
    key = await stamp(tx)
    if key not in _KEPT:
        made = await _make_book(tx)
        _KEPT.clear()
        _KEPT[key] = made
    return _KEPT[key]


async def _make_book(tx: Tx) -> Book:
    nodes = await tx.rows(
        "SELECT code, name, latitude, longitude, currency, capabilities, time_zone, hours, holidays, special_days,"
        " cutoff, collections, capacity_per_day, capacity_by_weekday, capacity_by_method FROM node ORDER BY code"
    )
    sells: dict[str, dict[str, int]] = {}
    remorse: dict[str, timedelta] = {}
    for r in await tx.rows(
        "SELECT c.code, c.remorse_minutes, n.node, n.threshold FROM channel c"
        " LEFT JOIN channel_node n ON n.channel = c.code"
    ):
        remorse[r["code"]] = timedelta(minutes=r["remorse_minutes"])
        sells.setdefault(r["code"], {}).update({r["node"]: r["threshold"]} if r["node"] else {})
    selling = SellingFacts(
        currency=nodes[0]["currency"] if nodes else "USD",
        channels={code: frozenset(found) for code, found in sells.items()},
        collect_nodes={r["code"]: frozenset(r["capabilities"]) for r in nodes},
        node_currency={r["code"]: r["currency"] for r in nodes},
        remorse=remorse,
    )
    return Book(
        selling,
        calendars={r["code"]: calendar_of(r) for r in nodes},
        capacities={r["code"]: capacity_of(r) for r in nodes},
        off=await switched_off(tx),
        names={r["code"]: r["name"] for r in nodes},
        places={r["code"]: place for r in nodes if (place := _place(r))},
        thresholds=sells,
    )


def _place(row: Mapping[str, Any]) -> Geo | None:
    return None if row["latitude"] is None else Geo(latitude=row["latitude"], longitude=row["longitude"])


async def selling_facts(tx: Tx) -> SellingFacts:
    """Channels with their nodes, what each node offers, and the retailer's currency (that of its nodes)."""
    return (await book(tx)).selling


async def known_codes(tx: Tx) -> frozenset[str]:
    return frozenset(r["code"] for r in await tx.rows("SELECT code FROM node"))


def calendar_of(row: Mapping[str, Any]) -> Calendar:
    """The calendar in a node's row."""
    return Calendar(
        time_zone=row["time_zone"],
        hours=tuple(rules.Hours(opens=h[0], closes=h[1]) if h else None for h in row["hours"]),
        holidays=frozenset(date.fromisoformat(d) for d in row["holidays"]),
        special={date.fromisoformat(each["day"]): each["hours"] for each in row["special_days"]},
        cutoff=row["cutoff"],
        collections=tuple(row["collections"]),
    )


def capacity_of(row: Mapping[str, Any]) -> Capacity:
    """The limits in a node's row."""
    weekdays, special = row["capacity_by_weekday"], row["special_days"]
    return Capacity(
        per_day=row["capacity_per_day"],
        by_weekday=None if weekdays is None else tuple(weekdays),
        by_date={date.fromisoformat(each["day"]): each["capacity"] for each in special if each["capacity"] is not None},
        by_method=row["capacity_by_method"],
    )


async def switched_off(tx: Tx, codes: Collection[str] | None = None) -> dict[str, tuple[Off, ...]]:
    """What nodes take no orders for now; all nodes unless some are named."""
    rows = await tx.rows(
        "SELECT * FROM node_off WHERE (until IS NULL OR until > :now)"
        " AND (CAST(:codes AS text[]) IS NULL OR node = ANY(CAST(:codes AS text[]))) ORDER BY node, method",
        now=tx.now,
        codes=None if codes is None else sorted(codes),
    )
    found: dict[str, list[Off]] = {}
    for row in rows:
        found.setdefault(row["node"], []).append(Off.model_validate(dict(row)))
    return {node: tuple(each) for node, each in found.items()}


async def timetables(tx: Tx, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Milestones]:
    """(node, delivery) -> when a job given now should be ready or leave, and by when what must be done before."""
    known = (await book(tx)).calendars
    found = {}
    for node, delivery in keys:
        due = rules.due(known[node], delivery, tx.now) if node in known else None
        if due is not None:
            found[(node, delivery)] = milestones(known[node], delivery, due)
    return found


async def pickup_expiry(tx: Tx, node: str, ready_at: datetime, *, days: int = 5) -> datetime:
    """When a bag that was ready at `ready_at` goes back to the shelf."""
    return rules.pickup_expiry((await book(tx)).calendars[node], ready_at, days)


async def nodes(tx: Tx, *, after: str = "", limit: int = 200) -> list[NodeView]:
    rows = await tx.rows("SELECT * FROM node WHERE code > :after ORDER BY code LIMIT :limit", after=after, limit=limit)
    off = await switched_off(tx, [r["code"] for r in rows])
    return [view(r, off.get(r["code"], ()), tx.now) for r in rows]


async def node(tx: Tx, code: str) -> NodeView | None:
    row = await tx.one("SELECT * FROM node WHERE code = :code", code=code)
    return view(row, (await switched_off(tx, [code])).get(code, ()), tx.now) if row else None


def view(r: Mapping[str, Any], off: Sequence[Off], now: datetime) -> NodeView:
    """A row as the API shows it."""
    calendar = calendar_of(r)
    return NodeView(
        **{name: r[name] for name in NodeView.model_fields if name in r.keys() and name != "hours"},  # noqa: SIM118 (a Record)
        location=_place(r),
        hours=calendar.hours,
        open_now=rules.is_open(calendar, now),
        taking_orders=takes_some(r["capabilities"], off),
        switched_off=tuple(off),
    )


def takes_some(capabilities: Collection[str], off: Sequence[Off]) -> bool:
    """Whether anything that a node can do is left switched on."""
    return bool(set(map(Delivery, capabilities)) - {each.method for each in off})


async def channels(tx: Tx) -> list[NewChannel]:
    sells: dict[str, list[ChannelNode]] = {}
    for r in await tx.rows("SELECT channel, node, threshold FROM channel_node ORDER BY channel, node"):
        sells.setdefault(r["channel"], []).append(ChannelNode(node=r["node"], threshold=r["threshold"]))
    rows = await tx.rows("SELECT code, name, remorse_minutes FROM channel ORDER BY code")
    return [NewChannel(**dict(r), nodes=tuple(sells.get(r["code"], ()))) for r in rows]


async def docs(tx: Tx, codes: Sequence[str], *, pass_keys: Sequence[str] = ()) -> list[NodeDoc]:
    """Nodes as their devices know them."""
    rows = await tx.rows(
        "SELECT * FROM node WHERE code = ANY(CAST(:codes AS text[])) ORDER BY code", codes=sorted(set(codes))
    )
    return [
        NodeDoc(
            **{k: r[k] for k in ("code", "name", "type", "time_zone", "currency", "address", "staging", "bays")},
            pass_keys=tuple(pass_keys),
            policy={"proof": r["proof"]},
        )
        for r in rows
    ]
