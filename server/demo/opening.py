"""What the stock records say when the demo opens, from the real sales of the weeks before.

A store carries what it was ever seen to sell. It holds some weeks of what it sold of late, something on top for chance
(the square root of it: sales are rare and come one by one), and never less than a facing. Stores with few receipts are
small in the data, not in life: they are stocked like a busy store that shares their households, on a smaller scale.
Warehouses, the 3PL and the vendor hold a share of what the whole chain sells.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from server.demo.baskets import Sales, firsts
from server.demo.catalogue import Item
from server.demo.chance import dice
from server.demo.departments import Zone
from server.demo.layout import PLANS, bins, walk
from server.demo.places import Node, shared_households

Floats = npt.NDArray[np.float64]
HISTORY_WEEKS = 26
FACING = 3
POPULAR_FACING = 6
MOST = 600
"""Units of one item at one node."""
FOR_CHANCE = 1.3
FEW_RECEIPTS = 200
COPIED_ITEMS = 800
"""A store with few receipts carries so many of its model's best sellers."""
CASE = 6
OTHERS: dict[str, tuple[float, int, Callable[[Item], bool]]] = {
    "warehouse": (0.25, 12, lambda item: item.travels),
    "third_party": (0.15, 12, lambda item: item.travels and item.zone in (Zone.GROCERY, Zone.HEALTH, Zone.HOUSEHOLD)),
    "vendor": (
        0.40,
        18,
        lambda item: item.travels and item.department in ("Household & Health", "Cosmetics", "Garden"),
    ),
}
"""Share of the chain's demand, least units, and what it carries."""


class Position(NamedTuple):
    """What the record says of one item at one node, and where it stands. A bin's letter is its zone."""

    node: str
    sku: str
    units: int
    bin: str


def list_positions(
    nodes: Sequence[Node], items: Sequence[Item], known: Sales, first_week: int, cover_days: int, seed: int
) -> list[Position]:
    """Every position of every node, each node's in walking order. `known` must hold all stores of `nodes`."""
    history = known.weeks(max(1, first_week - HISTORY_WEEKS), first_week - 1)
    days = 7 * min(HISTORY_WEEKS, first_week - 1)
    stores = [node for node in nodes if node.till is not None]
    expected = _units(history, stores, items) * (cover_days / days)
    carried = _units(known, stores, items) > 0
    _stock_the_quiet(stores, known, expected, carried, seed)
    facing = _facing(items)
    plans = [walk(items, plan, seed) for plan in range(PLANS)]
    positions: list[Position] = []
    for row, node in enumerate(stores):
        units = np.where(carried[row], _enough(expected[row], facing), 0)
        positions += _placed(node, items, units, plans[row % PLANS])
    chain = expected.sum(axis=0)
    for turn, node in enumerate(node for node in nodes if node.till is None):
        positions += _placed(node, items, _bulk(node, items, chain), plans[turn % PLANS])
    return positions


def _units(sales: Sales, stores: Sequence[Node], items: Sequence[Item]) -> Floats:
    """Units sold, a row per store and a column per item."""
    shape = (len(stores), len(items))
    store = _rows_of(sales.store, [node.till or 0 for node in stores])
    item = _rows_of(sales.product, [item.product for item in items])
    both = (store >= 0) & (item >= 0)
    cell = store[both] * shape[1] + item[both]
    units: Floats = np.bincount(cell, weights=sales.quantity[both], minlength=shape[0] * shape[1]).astype(np.float64)
    return units.reshape(shape)


def _rows_of(values: npt.NDArray[np.int64], among: Sequence[int]) -> npt.NDArray[np.int64]:
    """For each value its place in `among`, or -1."""
    ids = np.asarray(among, dtype=np.int64)
    order = np.argsort(ids, kind="stable")
    place = np.minimum(np.searchsorted(ids[order], values), len(ids) - 1)
    return np.where(ids[order][place] == values, order[place], -1)


def _stock_the_quiet(
    stores: Sequence[Node], known: Sales, expected: Floats, carried: npt.NDArray[np.bool_], seed: int
) -> None:
    """Give stores with few receipts the best sellers of a busy one like them, on a smaller scale (in place)."""
    tills = [node.till or 0 for node in stores]
    count = np.bincount(np.maximum(_rows_of(known.store[firsts(known)], tills), 0), minlength=len(tills))
    busy = [row for row in range(len(tills)) if count[row] >= FEW_RECEIPTS]
    if not busy or len(busy) == len(tills):
        return
    shared = shared_households(known, tills)
    for row in set(range(len(tills))) - set(busy):
        model = max(busy, key=lambda one: (shared[row, one], stores[one].area == stores[row].area, count[one], -one))
        best = np.argsort(-expected[model], kind="stable")[:COPIED_ITEMS]
        best = best[carried[model][best]]
        scale = dice(seed, "scale", tills[row]).uniform(0.3, 0.7)
        expected[row][best] = np.maximum(expected[row][best], expected[model][best] * scale)
        carried[row][best] = True


def _facing(items: Sequence[Item]) -> npt.NDArray[np.int64]:
    """The least a shelf shows: more of the best tenth."""
    ranked = sorted(range(len(items)), key=lambda row: (-items[row].sold, row))
    facing = np.full(len(items), FACING, dtype=np.int64)
    facing[ranked[: len(items) // 10]] = POPULAR_FACING
    return facing


def _enough(expected: Floats, least: npt.NDArray[np.int64] | int) -> npt.NDArray[np.int64]:
    wanted = np.ceil(expected + FOR_CHANCE * np.sqrt(expected)).astype(np.int64)
    return np.minimum(np.maximum(wanted, least), MOST)


def _bulk(node: Node, items: Sequence[Item], chain: Floats) -> npt.NDArray[np.int64]:
    share, least, carries = OTHERS[node.type]
    units = _enough(chain * share, least)
    full_cases = -(-units // CASE) * CASE
    return np.where([carries(item) for item in items], full_cases, 0)


def _placed(
    node: Node, items: Sequence[Item], units: npt.NDArray[np.int64], plan: Sequence[tuple[int, str]]
) -> list[Position]:
    held = units.tolist()
    here = [(row, aisle) for row, aisle in plan if held[row]]
    return [Position(node.code, items[row].sku, held[row], place) for row, place in bins(here)]
