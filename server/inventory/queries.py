"""Reading stock: documents for devices, availability for shops, the ledger for people."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from server.inventory.columns import Columns, lineup, without_expired
from server.inventory.known import known
from server.inventory.rules import atp_of
from server.kit.transaction import Row, Tx
from server.network import queries as network
from shared.kernel import distance_km
from shared.stock import Buckets, Movement, StockDoc, StockLevel


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


async def columns(tx: Tx, skus: Collection[str]) -> dict[str, Columns]:
    """What all nodes have of these items, in one statement; an item that no node has a position of is left out.

    Soft claims that are over and wait to be released do not count. They are few: the schedule releases them.
    """
    rows = await tx.rows(
        "WITH expired AS MATERIALIZED (SELECT sku, node, sum(quantity)::bigint AS units FROM reservation"
        "  WHERE quantity > 0 AND expires_at IS NOT NULL AND expires_at <= :now GROUP BY sku, node)"
        " SELECT k.sku, s.*, (SELECT sum(l.held + l.routing)::bigint FROM order_line l WHERE l.sku = k.sku"
        "  AND (l.held > 0 OR l.routing > 0)) AS promised,"
        " (SELECT json_object_agg(e.node, e.units) FROM expired e WHERE e.sku = k.sku) AS expired"
        " FROM unnest(CAST(:skus AS text[])) AS k(sku), LATERAL (SELECT string_agg(p.node, ' ') AS nodes,"
        "  array_agg(p.sellable + p.damaged + p.quality_hold + p.display) AS on_hand,"
        "  array_agg(p.damaged + p.quality_hold + p.display) AS not_sellable, array_agg(p.reserved) AS reserved,"
        "  array_agg(p.safety_stock) AS safety_stock, array_agg(p.doubt) AS doubt"
        "  FROM (SELECT * FROM stock_position WHERE sku = k.sku ORDER BY node) p) s WHERE s.nodes IS NOT NULL",
        skus=list(skus),
        now=tx.now,
    )
    return {r["sku"]: _columns(r) for r in rows}


def _columns(r: Row) -> Columns:
    found = Columns(
        lineup(r["nodes"]),
        r["on_hand"],
        r["not_sellable"],
        r["reserved"],
        r["safety_stock"],
        r["doubt"],
        r["promised"] or 0,
    )
    return without_expired(found, r["expired"]) if r["expired"] else found


async def near(tx: Tx, sku: str, *, node: str, limit: int = 50) -> list[StockLevel]:
    """One item in every node, the asked one first, then by distance from it."""
    stock = (await columns(tx, [sku])).get(sku)
    if stock is None:
        return []
    book = await network.book(tx)
    origin = book.places.get(node)
    found = [
        StockLevel(
            sku=sku,
            node=code,
            name=book.names.get(code, ""),
            atp=stock.atp(place),
            distance_km=round(distance_km(origin, there), 1) if origin and (there := book.places.get(code)) else None,
        )
        for place, code in enumerate(stock.nodes.codes)
    ]
    found.sort(key=lambda s: (s.node != node, s.distance_km if s.distance_km is not None else 1e9, s.node))
    return found[:limit]


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
