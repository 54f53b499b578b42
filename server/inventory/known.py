"""Stock this transaction has read or changed already, so that nobody reads it a second time.

Rows are those that `inventory.service` has just changed, and holds locked until the commit: nobody else changes them.
What other nodes have is as it was when the router looked: near enough for a figure that says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.inventory.rules import PositionKey, free_units
from server.kit.transaction import Row, Tx


@dataclass(slots=True)
class Known:
    """`rows`: positions as they are now. `free`: item -> node -> units free when they were asked for."""

    rows: dict[PositionKey, Row] = field(default_factory=dict)
    free: dict[str, dict[str, int]] = field(default_factory=dict)

    def changed(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self.rows[(row["sku"], row["node"])] = row
            if (nodes := self.free.get(row["sku"])) is not None:
                nodes[row["node"]] = free_units(row)

    def forget(self) -> None:
        self.rows.clear()
        self.free.clear()

    def elsewhere(self, key: PositionKey) -> int | None:
        """Units free in the other nodes, if they were asked for."""
        nodes = self.free.get(key[0])
        return None if nodes is None else sum(nodes.values()) - nodes.get(key[1], 0)


def known(tx: Tx) -> Known:
    """Of this transaction."""
    found: Known = tx.notes.setdefault("known_stock", Known())
    return found


async def free(tx: Tx, skus: Collection[str]) -> Mapping[str, Mapping[str, int]]:
    """Item -> node -> units that a new reservation may take there, now; nodes with none are left out."""
    rows: Any = await tx.rows(
        "SELECT k.sku, s.nodes, s.units FROM unnest(CAST(:skus AS text[])) AS k(sku), LATERAL ("
        " SELECT string_agg(p.node, ' ') AS nodes, array_agg(p.sellable - p.reserved - p.safety_stock - p.doubt)"
        " AS units FROM stock_position p WHERE p.sku = k.sku"
        " AND p.sellable - p.reserved - p.safety_stock - p.doubt > 0) s",
        skus=sorted(skus),
    )
    found = {r["sku"]: dict(zip(r["nodes"].split(), r["units"], strict=True)) if r["nodes"] else {} for r in rows}
    known(tx).free.update(found)
    return found
