"""Stock this transaction has read or changed already, so that nobody reads it a second time.

Rows are those that `inventory.service` has just changed, and holds locked until the commit: nobody else changes them.
What other nodes have is as it was when the router looked: near enough for a figure that says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from server.inventory.rules import PositionKey
from server.kit.transaction import Row, Tx


@dataclass(frozen=True, slots=True)
class Free:
    """Units of one item that a new reservation may take, by node; nodes with none are left out."""

    nodes: tuple[str, ...]
    units: Sequence[int]

    def without(self, node: str) -> int:
        """The sum of the other nodes."""
        mine = self.units[self.nodes.index(node)] if node in self.nodes else 0
        return sum(self.units) - mine


@dataclass(slots=True)
class Known:
    """`rows`: positions as they are now. `free`: item -> what its nodes had free when it was asked for."""

    rows: dict[PositionKey, Row] = field(default_factory=dict)
    free: dict[str, Free] = field(default_factory=dict)

    def changed(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self.rows[(row["sku"], row["node"])] = row

    def forget(self) -> None:
        self.rows.clear()
        self.free.clear()

    def elsewhere(self, key: PositionKey) -> int | None:
        """Units free in the other nodes, if they were asked for."""
        held = self.free.get(key[0])
        return None if held is None else held.without(key[1])


def known(tx: Tx) -> Known:
    """Of this transaction."""
    found: Known = tx.notes.setdefault("known_stock", Known())
    return found


async def free(tx: Tx, skus: Collection[str]) -> Mapping[str, Free]:
    """What a new reservation of these items may take now; items that no node has are left out."""
    rows: Any = await tx.rows(
        "SELECT k.sku, s.nodes, s.units FROM unnest(CAST(:skus AS text[])) AS k(sku), LATERAL ("
        " SELECT string_agg(p.node, ' ') AS nodes, array_agg(p.sellable - p.reserved - p.safety_stock - p.doubt)"
        " AS units FROM stock_position p WHERE p.sku = k.sku"
        " AND p.sellable - p.reserved - p.safety_stock - p.doubt > 0) s WHERE s.nodes IS NOT NULL",
        skus=sorted(skus),
    )
    found = {r["sku"]: Free(_names(r["nodes"]), r["units"]) for r in rows}
    known(tx).free.update(found)
    return found


@lru_cache(maxsize=256)
def _names(joined: str) -> tuple[str, ...]:
    """Most items stand in the same nodes, in the same order."""
    return tuple(joined.split())
