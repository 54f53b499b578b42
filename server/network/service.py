"""The verbs of the network: load nodes and channels, switch a node on and off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.events import NodesChanged
from server.kit import bulk
from server.kit.auth import Actor, authorize
from server.kit.rows import BadRow, RowResult, first_problems, results
from server.kit.transaction import Tx
from server.network import queries
from server.network.rules import NewChannel, NewNode
from server.network.tables import ChannelNodeRow, ChannelRow, NodeRow
from shared.errors import FieldProblem, NotFound

_FIELDS = (
    "name", "type", "latitude", "longitude", "address", "time_zone", "currency", "hours", "holidays", "cutoff",
    "capacity_per_day", "capabilities", "safety_stock", "routing_buffer", "staging", "bays", "proof",
    "taking_orders",
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
        **node.model_dump(exclude={"location", "hours", "holidays"}),
        "latitude": place.latitude if place else None,
        "longitude": place.longitude if place else None,
        "hours": [[h.opens, h.closes] if h else None for h in node.hours],
        "holidays": [d.isoformat() for d in node.holidays],
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
        [{"code": c.code, "name": c.name, "version": 1} for c in good],
        conflict="ON CONFLICT (code) DO UPDATE SET name = excluded.name, version = channel.version + 1",
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


async def switch(tx: Tx, actor: Actor, code: str, *, taking_orders: bool) -> None:
    """Stop or start giving web orders to a node. What it has already stays."""
    authorize(actor, "network.switch", node=code)
    changed = await tx.run(
        "UPDATE node SET taking_orders = :on, version = version + 1, updated_at = :now WHERE code = :code",
        code=code,
        on=taking_orders,
        now=tx.now,
    )
    if not changed:
        raise NotFound(f"No node {code}.")
    tx.notes.pop(queries.STAMP, None)
    tx.emit(NodesChanged((code,)))
