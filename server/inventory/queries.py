"""Reading stock: documents for devices, availability for shops, the ledger for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from server.inventory.known import known
from server.inventory.rules import atp_of
from server.kit.transaction import Tx
from shared.kernel import Geo, distance_km
from shared.stock import Availability, Buckets, Movement, StockDoc, StockLevel

_EXPIRED = (
    "(SELECT coalesce(sum(r.quantity), 0) FROM reservation r WHERE r.sku = p.sku AND r.node = p.node"
    " AND r.quantity > 0 AND r.expires_at <= :now)"
)
"""Soft claims whose time is over no longer count, even before the schedule has released them."""


async def stock_docs(tx: Tx, keys: Sequence[tuple[str, str]]) -> list[tuple[StockDoc, int]]:
    """Positions (sku, node) as devices know them, each with its version. `elsewhere` sums the other nodes."""
    seen = known(tx)
    found = {
        key: _doc(seen.rows[key], units)
        for key in keys
        if key in seen.rows and (units := seen.elsewhere(key)) is not None
    }
    if missing := [key for key in keys if key not in found]:
        rows = await tx.rows(
            "SELECT p.*, coalesce(e.units, 0)::bigint AS elsewhere FROM unnest(CAST(:skus AS text[]),"
            " CAST(:nodes AS text[])) AS k(sku, node) JOIN stock_position p USING (sku, node)"
            " LEFT JOIN LATERAL (SELECT sum(greatest(0, o.sellable - o.reserved - o.safety_stock - o.doubt)) AS units"
            " FROM stock_position o WHERE o.sku = k.sku AND o.node <> k.node) e ON true",
            skus=[k[0] for k in missing],
            nodes=[k[1] for k in missing],
        )
        found.update({(r["sku"], r["node"]): _doc(r, r["elsewhere"]) for r in rows})
    return list(found.values())


def _doc(r: Mapping[str, Any], elsewhere: int) -> tuple[StockDoc, int]:
    doc = StockDoc(
        sku=r["sku"],
        node=r["node"],
        buckets=Buckets(
            sellable=r["sellable"], damaged=r["damaged"], quality_hold=r["quality_hold"], display=r["display"]
        ),
        atp=atp_of(r),
        bin=r["bin"],
        walk=r["walk"],
        elsewhere=elsewhere,
        counted_at=r["counted_at"],
    )
    return doc, r["version"]


async def sku_page(tx: Tx, node: str, *, after: str, limit: int) -> list[str]:
    """Items this node has a position of, in order."""
    rows = await tx.rows(
        "SELECT sku FROM stock_position WHERE node = :node AND sku > :after ORDER BY sku LIMIT :limit",
        node=node,
        after=after,
        limit=limit,
    )
    return [r["sku"] for r in rows]


async def levels(tx: Tx, skus: Sequence[str], *, channel: str | None = None, nodes: Sequence[str] | None = None) -> Any:
    """Position rows with the channel's threshold, for the asked nodes (or all), in (sku, node) order."""
    return await tx.rows(
        f"SELECT p.sku, p.node, p.sellable, p.damaged, p.quality_hold, p.display, p.reserved - {_EXPIRED} AS reserved,"  # noqa: S608
        " p.safety_stock, p.doubt, n.name, n.latitude, n.longitude, coalesce(c.threshold, 0) AS threshold"
        " FROM stock_position p JOIN node n ON n.code = p.node"
        " LEFT JOIN channel_node c ON c.node = p.node AND c.channel = :channel"
        " WHERE p.sku = ANY(CAST(:skus AS text[]))"
        " AND (CAST(:nodes AS text[]) IS NULL OR p.node = ANY(CAST(:nodes AS text[])))"
        " AND (CAST(:channel AS text) IS NULL OR c.channel IS NOT NULL)"
        " ORDER BY p.sku, p.node",
        skus=sorted(set(skus)),
        nodes=None if nodes is None else list(nodes),
        channel=channel,
        now=tx.now,
    )


async def near(tx: Tx, sku: str, *, node: str, limit: int = 50) -> list[StockLevel]:
    """One item in every node, the asked one first, then by distance from it."""
    rows = await levels(tx, [sku])
    here = next((r for r in rows if r["node"] == node), None)
    home = await tx.one("SELECT latitude, longitude FROM node WHERE code = :node", node=node)
    origin = _place(here or home)
    found = [
        StockLevel(
            sku=sku,
            node=r["node"],
            name=r["name"],
            atp=atp_of(r),
            distance_km=round(distance_km(origin, place), 1) if origin and (place := _place(r)) else None,
        )
        for r in rows
    ]
    found.sort(key=lambda s: (s.node != node, s.distance_km if s.distance_km is not None else 1e9, s.node))
    return found[:limit]


def _place(row: Any) -> Geo | None:
    if row is None or row["latitude"] is None:
        return None
    return Geo(latitude=row["latitude"], longitude=row["longitude"])


async def availability(
    tx: Tx, channel: str, skus: Sequence[str], *, nodes: Sequence[str] | None, detail: bool
) -> list[Availability]:
    """Network figure per item for a channel: its nodes' sum, minus units promised but not routed yet."""
    rows = await levels(tx, skus, channel=channel)
    waiting = {
        r["sku"]: int(r["units"])
        for r in await tx.rows(
            "SELECT sku, sum(held + routing)::bigint AS units FROM order_line WHERE sku = ANY(CAST(:skus AS text[]))"
            " AND (routing > 0 OR held > 0) GROUP BY sku",
            skus=sorted(set(skus)),
        )
    }
    answers = []
    for sku in dict.fromkeys(skus):
        mine = [(r, atp_of(r, threshold=r["threshold"])) for r in rows if r["sku"] == sku]
        total = sum(atp.available for _, atp in mine)
        promised = waiting.get(sku, 0)
        shown = [
            StockLevel(sku=sku, node=r["node"], name=r["name"], atp=atp)
            for r, atp in mine
            if nodes is None or r["node"] in nodes
        ]
        answers.append(
            Availability(
                sku=sku,
                channel=channel,
                available=max(0, total - promised),
                promised_not_routed=promised,
                nodes=shown if detail else [],
            )
        )
    return answers


async def movements(
    tx: Tx, *, sku: str | None, node: str | None, before: int | None, limit: int, nodes: Sequence[str] | None
) -> list[Movement]:
    """The ledger, newest first; `nodes` limits it to what the reader may see."""
    rows = await tx.rows(
        "SELECT seq, sku, node, bucket, quantity, reason, reference, actor, at FROM stock_movement"
        " WHERE (CAST(:sku AS text) IS NULL OR sku = :sku) AND (CAST(:node AS text) IS NULL OR node = :node)"
        " AND (CAST(:nodes AS text[]) IS NULL OR node = ANY(CAST(:nodes AS text[])))"
        " AND (CAST(:before AS bigint) IS NULL OR seq < :before) ORDER BY seq DESC LIMIT :limit",
        sku=sku,
        node=node,
        nodes=None if nodes is None else list(nodes),
        before=before,
        limit=limit,
    )
    return [Movement(id=r["seq"], **{k: v for k, v in r.items() if k != "seq"}) for r in rows]
