"""Stock that heals itself: where a picker looked and found none, the rest of the record is doubted until it is counted.

What is doubted stays on record, and is promised to nobody: neither in an answer about availability nor by the router.
Whoever finds the shelf empty has seen what the record did not know, and is never blamed for it. Somebody is asked to
count; the count ends the doubt, whatever it says. What leaves the shelf meanwhile was there, and is doubted no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from server.events import StockChanged, StockDoubted, UnitsLeft
from server.inventory import service, shelf
from server.inventory.known import known
from server.inventory.rules import PositionKey, casts_doubt, contained, doubted_units
from server.kit.transaction import Tx
from shared.methods import METHODS

_STORES = frozenset(code for code, method in METHODS.items() if "store" in method.node_types)
"""Methods of nodes whose people can be asked to count; a warehouse's own system does that, and sends a figure."""
AMISS_SQL = "SELECT sku, node, sellable, doubt FROM stock_position WHERE doubt < 0 OR doubt > greatest(sellable, 0)"
"""Doubt about units that are not on record."""


async def on_units_left(tx: Tx, events: Sequence[UnitsLeft]) -> None:
    """Somebody looked for units, and found fewer than the record has."""
    looked = {
        (move.sku, event.node): event
        for event in events
        for move in event.moves
        if event.method in _STORES and casts_doubt(move.exit, move.reason)
    }
    if not looked:
        return
    positions = await service.lock(tx, set(looked))
    for key in sorted(positions):
        if not contained(positions[key], looked[key].happened_at):
            await _doubt(tx, key, positions[key], looked[key])


async def _doubt(tx: Tx, key: PositionKey, position: Mapping[str, Any], event: UnitsLeft) -> None:
    in_hand = await shelf.in_hand(tx, key, tx.now)
    units = doubted_units(position["sellable"], in_hand)
    if units > position["doubt"]:
        await _set(tx, key, units)
        tx.emit(StockDoubted(*key, units, event.number, event.actor, event.device))


async def trust(tx: Tx, key: PositionKey) -> None:
    """Somebody vouches for the record: nothing of it is doubted any more."""
    await service.lock(tx, {key})
    await _set(tx, key, 0)


async def _set(tx: Tx, key: PositionKey, units: int) -> None:
    rows = await tx.rows(
        "UPDATE stock_position SET doubt = :units, version = version + 1 WHERE sku = :sku AND node = :node RETURNING *",
        units=units,
        sku=key[0],
        node=key[1],
    )
    known(tx).changed(rows)
    tx.emit(StockChanged(*key))
