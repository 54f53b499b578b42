"""Movements that contradict nothing and break no promise, booked by the thousand: all positions of a piece of a feed
are locked at once and changed in one statement. What is not plain goes the way of other facts (`service.record`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from server.events import StockFed
from server.inventory import service
from server.inventory.known import known
from server.inventory.rules import PositionKey
from server.kit.transaction import Row, Tx

LEDGER = (
    "INSERT INTO stock_movement (id, sku, node, bucket, quantity, reason, reference, actor, at, happened_at)"
    " SELECT CAST(:ids || lpad(to_hex(n), 6, '0') AS uuid), sku, node, 'sellable', delta, reason, reference, :actor,"
    " :now, happened_at FROM u WHERE delta <> 0"
)
"""Writes the rows of `u` into the ledger; `:ids` is what their ids have in common."""
_LOCK = (
    "SELECT p.sku, p.node, p.sellable, p.reserved, p.counted_at, p.counted_on, p.fed_at, p.fed_units, p.moved_at"
    " FROM unnest(CAST(:skus AS text[]), CAST(:nodes AS text[])) AS k(sku, node)"
    " JOIN stock_position p USING (sku, node) ORDER BY p.sku, p.node FOR UPDATE OF p"
)


async def lock(tx: Tx, keys: Sequence[PositionKey]) -> dict[PositionKey, Row]:
    """The positions, locked in key order, as far as feeds look at them; missing ones are made first."""
    found = await _locked(tx, keys)
    if len(found) < len(keys):
        await service.ensure(tx, set(keys) - found.keys())
        found = await _locked(tx, keys)
    return found


async def _locked(tx: Tx, keys: Sequence[PositionKey]) -> dict[PositionKey, Row]:
    rows = await tx.rows(_LOCK, skus=[k[0] for k in keys], nodes=[k[1] for k in keys])
    return {(r["sku"], r["node"]): r for r in rows}


def ids(tx: Tx) -> str:
    """What the ids of a piece's lines in the ledger have in common: all but their last 24 bits."""
    return tx.new_id().hex[:26]


def fed(tx: Tx, source: str, actor: str, keys: Iterable[PositionKey]) -> None:
    """Say which positions a feed has changed. Devices hear of it after the commit, so that no order waits for that."""
    known(tx).forget()
    stock: dict[str, list[str]] = {}
    for sku, node in keys:
        stock.setdefault(node, []).append(sku)
    if stock:
        tx.emit(StockFed(source, stock, actor))


def breaks(position: Mapping[str, int], delta: int) -> bool:
    """Whether so many units more or fewer would leave less than nothing, or less than was promised."""
    left = position["sellable"] + delta
    return left < 0 or left < position["reserved"]
