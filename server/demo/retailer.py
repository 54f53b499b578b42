"""The whole retailer as plain data: `build()` makes it from the real baskets, the same each time it is asked the same.

Nothing here knows the server: the demo's loader reads these values and says them through the services.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np

from server.demo.baskets import LAST_WEEK, Sales, busiest_stores, firsts, read_sales
from server.demo.catalogue import Item, list_items
from server.demo.opening import Position, list_positions
from server.demo.people import Customer, Person, list_customers, list_staff
from server.demo.places import Node, list_nodes

STORES = 40
ITEMS = 6000
WEEKS = (36, 40)
COVER_DAYS = 28


class BasketLine(NamedTuple):
    """One product on a receipt; cents are for the whole line. `saved` is what price cuts took off."""

    sku: str
    quantity: int
    paid: int
    saved: int


@dataclass(frozen=True, slots=True)
class Basket:
    """A real receipt: `at` is the till's wall clock, without a zone."""

    id: int
    node: str
    household: int
    at: datetime
    lines: tuple[BasketLine, ...]


@dataclass(frozen=True, slots=True)
class Retailer:
    """Everything the demo begins with, and the baskets that will be replayed, in order of time."""

    nodes: tuple[Node, ...]
    items: tuple[Item, ...]
    positions: tuple[Position, ...]
    people: tuple[Person, ...]
    customers: dict[int, Customer]
    baskets: tuple[Basket, ...]
    weeks: tuple[int, int]
    seed: int

    @property
    def stores(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.till is not None)


def build(
    *,
    stores: int | None = STORES,
    items: int | None = ITEMS,
    weeks: tuple[int, int] = WEEKS,
    cover_days: int = COVER_DAYS,
    seed: int = 1,
) -> Retailer:
    """The retailer with its `stores` busiest stores (None: all 457) and the `items` most bought items (None: all).

    `weeks` are replayed, those before give prices and stock. Raises ValueError for weeks outside 2 to 40.
    """
    if not 2 <= weeks[0] <= weeks[1] <= LAST_WEEK:
        raise ValueError(f"Weeks to replay lie between 2 and {LAST_WEEK}; {weeks[0]} to {weeks[1]} do not.")
    sales = read_sales()
    tills = busiest_stores(sales)[:stores]
    known = sales.where(np.isin(sales.store, np.asarray(tills)))
    replayed = known.weeks(*weeks)
    catalogue = list_items(replayed, known, items)
    nodes = list_nodes(sales, tills, seed)
    baskets = _baskets(replayed, nodes, catalogue)
    homes = _homes(known, nodes, {basket.household for basket in baskets})
    return Retailer(
        nodes=tuple(nodes),
        items=tuple(catalogue),
        positions=tuple(list_positions(nodes, catalogue, known, weeks[0], cover_days, seed)),
        people=tuple(list_staff(nodes, seed)),
        customers=list_customers(homes, seed),
        baskets=baskets,
        weeks=weeks,
        seed=seed,
    )


def _baskets(sales: Sales, nodes: list[Node], items: list[Item]) -> tuple[Basket, ...]:
    """Receipts with the lines we list, a product twice on one counted once; those without any line are left out."""
    codes = {node.till: node.code for node in nodes}
    skus = {item.product: item.sku for item in items}
    lines: dict[int, dict[str, BasketLine]] = {}
    heads: dict[int, tuple[str, int, datetime]] = {}
    columns = (sales.basket, sales.store, sales.household, sales.when, sales.product, sales.quantity)
    money = (sales.paid, sales.saved)
    for basket, store, household, when, product, quantity, paid, saved in zip(
        *(column.tolist() for column in columns + money), strict=True
    ):
        if not (sku := skus.get(product)):
            continue
        heads.setdefault(basket, (codes[store], household, when))
        mine = lines.setdefault(basket, {})
        if old := mine.get(sku):
            quantity, paid, saved = old.quantity + quantity, old.paid + paid, old.saved + saved
        mine[sku] = BasketLine(sku, quantity, paid, saved)
    return tuple(Basket(basket, *head, tuple(lines[basket].values())) for basket, head in heads.items())


def _homes(sales: Sales, nodes: list[Node], households: set[int]) -> list[tuple[int, Node]]:
    """For each household the store with most of its receipts, the busier of two that have as many."""
    by_till = {node.till: (row, node) for row, node in enumerate(nodes)}
    rows = firsts(sales)
    visits = Counter(zip(sales.household[rows].tolist(), sales.store[rows].tolist(), strict=True))
    best: dict[int, tuple[int, int, Node]] = {}
    for (household, till), count in visits.items():
        rank, node = by_till[till]
        if household in households and (household not in best or (-count, rank) < best[household][:2]):
            best[household] = (-count, rank, node)
    return [(household, best[household][2]) for household in sorted(best)]
