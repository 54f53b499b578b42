"""The verbs of the network: load nodes and channels, switch a node off, and on again when its time has come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.events import NodesChanged, NodeSwitched
from server.kit import audit, bulk
from server.kit.auth import SYSTEM, Actor, authorize
from server.kit.rows import BadRow, RowResult, first_problems, results
from server.kit.transaction import Tx
from server.network import queries
from server.network.rules import NewChannel, NewNode, Switch
from server.network.tables import ChannelNodeRow, ChannelRow, NodeOffRow, NodeRow
from shared.errors import FieldProblem, InvalidInput, NotFound
from shared.network import Delivery

_FIELDS = (
    "name", "type", "latitude", "longitude", "address", "time_zone", "currency", "hours", "holidays", "special_days",
    "cutoff", "collections", "capacity_per_day", "capacity_by_weekday", "capacity_by_method", "capabilities",
    "safety_stock", "routing_buffer", "staging", "bays", "proof",
)  # fmt: skip
_UPSERT = (
    f"ON CONFLICT (code) DO UPDATE SET {', '.join(f'{f} = excluded.{f}' for f in _FIELDS)},"
    " version = node.version + 1, updated_at = excluded.updated_at"
    f" WHERE ({', '.join(f'node.{f}' for f in _FIELDS)})"
    f" IS DISTINCT FROM ({', '.join(f'excluded.{f}' for f in _FIELDS)})"
)


async def load_nodes(tx: Tx, actor: Actor, nodes: Sequence[NewNode | BadRow]) -> list[RowResult]:
    """Create or change nodes; each row is the whole node. Rows that cannot go in say why, the others go in."""
    authorize(actor, "network.write")
    wrong = first_problems(nodes, lambda n: n.code, "code", "Node")
    good = [n for n, w in zip(nodes, wrong, strict=True) if isinstance(n, NewNode) and not w]
    known = await queries.known_codes(tx)
    changed = await bulk.insert(tx, NodeRow, [_row(tx, n) for n in good], conflict=_UPSERT, returning="code")
    codes = {r["code"] for r in changed}
    tx.notes.pop(queries.STAMP, None)
    if codes:
        tx.emit(NodesChanged(tuple(sorted(codes))))
    return results(nodes, lambda n: n.code, wrong, codes - known, codes & known)


def _row(tx: Tx, node: NewNode) -> dict[str, Any]:
    place = node.location
    return {
        **node.model_dump(exclude={"location", "hours", "holidays", "special_days", "collections"}),
        "latitude": place.latitude if place else None,
        "longitude": place.longitude if place else None,
        "hours": [[h.opens, h.closes] if h else None for h in node.hours],
        "holidays": [d.isoformat() for d in node.holidays],
        "special_days": [each.model_dump(mode="json") for each in node.special_days],
        "collections": [each.model_dump(mode="json") for each in node.collections],
        "version": 1,
        "updated_at": tx.now,
    }


async def load_channels(tx: Tx, actor: Actor, channels: Sequence[NewChannel | BadRow]) -> list[RowResult]:
    """Create or change channels; each row is the whole channel with its nodes."""
    authorize(actor, "network.write")
    wrong = first_problems(channels, lambda c: c.code, "code", "Channel")
    known = await queries.known_codes(tx)
    wrong = [
        w or (_wrong_nodes(c, known) if isinstance(c, NewChannel) else ()) for w, c in zip(wrong, channels, strict=True)
    ]
    good = [c for c, w in zip(channels, wrong, strict=True) if isinstance(c, NewChannel) and not w]
    before = {r["code"] for r in await tx.rows("SELECT code FROM channel")}
    await bulk.insert(
        tx,
        ChannelRow,
        [{"code": c.code, "name": c.name, "remorse_minutes": c.remorse_minutes, "version": 1} for c in good],
        conflict="ON CONFLICT (code) DO UPDATE SET name = excluded.name, remorse_minutes = excluded.remorse_minutes,"
        " version = channel.version + 1",
    )
    tx.notes.pop(queries.STAMP, None)
    codes = [c.code for c in good]
    await tx.run("DELETE FROM channel_node WHERE channel = ANY(CAST(:codes AS text[]))", codes=codes)
    await bulk.insert(
        tx,
        ChannelNodeRow,
        [{"channel": c.code, "node": n.node, "threshold": n.threshold} for c in good for n in c.nodes],
    )
    return results(channels, lambda c: c.code, wrong, set(codes) - before, set(codes) & before)


def _wrong_nodes(channel: NewChannel, known: frozenset[str]) -> tuple[FieldProblem, ...]:
    """Nodes that do not exist or stand twice."""
    found = []
    seen: set[str] = set()
    for i, n in enumerate(channel.nodes):
        if n.node not in known:
            found.append(
                FieldProblem(field=f"nodes.{i}.node", message=f"No node {n.node}.", remedy="Load the node first.")
            )
        elif n.node in seen:
            found.append(
                FieldProblem(field=f"nodes.{i}.node", message=f"{n.node} stands twice.", remedy="Name each node once.")
            )
        seen.add(n.node)
    return tuple(found)


async def switch(tx: Tx, actor: Actor, code: str, wish: Switch) -> None:
    """Stop or start giving web orders to a node, of all or some ways of delivery. What it has already stays."""
    authorize(actor, "network.switch", node=code)
    if wish.until is not None and wish.until <= tx.now:
        raise InvalidInput("This time has passed.", field="until", remedy="Name a later time, or leave it out.")
    if not await _touched(tx, [code]):
        raise NotFound(f"No node {code}.")
    methods = sorted(wish.methods or tuple(Delivery))
    await tx.run(
        "DELETE FROM node_off WHERE node = :code AND method = ANY(CAST(:methods AS text[]))", code=code, methods=methods
    )
    if not wish.taking_orders:
        off = {"until": wish.until, "reason": wish.reason, "note": wish.note, "by": actor.name or actor.id}
        rows = [{"node": code, "method": method, "since": tx.now, **off} for method in methods]
        await bulk.insert(tx, NodeOffRow, rows)
    await _say(tx, actor, code, methods, wish)


async def switch_on_due(tx: Tx, *, limit: int = 200) -> int:
    """Say that nodes take orders again whose time has come. Routing does not wait for it. Returns how many nodes."""
    rows = await tx.rows(
        "DELETE FROM node_off WHERE (node, method) IN (SELECT node, method FROM node_off WHERE until <= :now"
        " ORDER BY node, method LIMIT :limit FOR UPDATE SKIP LOCKED) RETURNING node, method",
        now=tx.now,
        limit=limit,
    )
    on: dict[str, list[Delivery]] = {}
    for row in rows:
        on.setdefault(row["node"], []).append(Delivery(row["method"]))
    await _touched(tx, sorted(on))
    for code, methods in sorted(on.items()):
        await _say(tx, SYSTEM, code, sorted(methods), Switch(taking_orders=True, note="its time was over"))
    return len(on)


async def _touched(tx: Tx, codes: Sequence[str]) -> int:
    """Whoever keeps these nodes in mind looks again. Returns how many there are."""
    tx.notes.pop(queries.STAMP, None)
    return await tx.run(
        "UPDATE node SET version = version + 1, updated_at = :now WHERE code = ANY(CAST(:codes AS text[]))",
        codes=list(codes),
        now=tx.now,
    )


async def _say(tx: Tx, actor: Actor, code: str, methods: Sequence[Delivery], wish: Switch) -> None:
    """Head office, the audit and the node's own devices hear of it."""
    said = ", ".join(methods)
    until = wish.until.isoformat() if wish.until else None
    reason = None if wish.taking_orders else wish.reason.value
    tx.emit(NodeSwitched(code, wish.taking_orders, said, until, reason, wish.note, actor.id), NodesChanged((code,)))
    what = "node.switched_on" if wish.taking_orders else "node.switched_off"
    await audit.record(
        tx, f"node:{code}", actor.id, what, code, methods=said, until=until, reason=reason, note=wish.note
    )
