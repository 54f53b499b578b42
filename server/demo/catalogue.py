"""What the retailer sells: real products and prices, with the names and codes the data set leaves out.

Only what is in a basket of the weeks replayed is listed, the most bought first. The price is the median of what the
tills asked for one before discounts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from server.demo import naming
from server.demo.baskets import Product, Sales, read_products
from server.demo.departments import DEPARTMENTS, Zone, department_of, is_taxed, needs_age, travels, zone_of
from shared.barcodes import check_digit

IN_STORE = "2"
HIGHEST_CENTS = 1_000_000
LEAST_CENTS = 5
"""What never cost this much was given away."""
BY_WEIGHT = frozenset({"Produce", "Meat", "Seafood", "Deli"})
VARIED = 0.2
"""Half of a product's prices within a fifth of the median: one price. Wider, where food is weighed: by weight."""


@dataclass(frozen=True, slots=True)
class Item:
    """One sellable item."""

    sku: str
    product: int
    gtin: str
    name: str
    brand: str
    department: str
    category: str
    zone: Zone
    price: int
    """Cents for one, tax not included."""
    grams: int | None
    """Weight of one; None where the package says nothing."""
    varies: bool
    """Pieces differ in weight. They are sold by the piece at a typical price, so stock counts pieces, not grams."""
    age_restricted: bool
    taxed: bool
    travels: bool
    """A parcel carrier takes it."""
    sold: int
    """Lines of receipts in the weeks replayed, at the stores chosen."""


def list_items(replayed: Sales, known: Sales, limit: int | None) -> list[Item]:
    """Items in the baskets of `replayed`, by falling number of lines; prices from all of `known`."""
    ids, lines = np.unique(replayed.product, return_counts=True)
    order = np.lexsort((ids, -lines))
    enough = len(ids) if limit is None else limit + limit // 4 + 100
    goods = [one for one in read_products(ids[order][:enough]) if department_of(one.department, one.category)]
    sold = dict(zip(ids.tolist(), lines.tolist(), strict=True))
    prices = unit_prices(known, [one.id for one in goods])
    goods = [one for one in goods if prices[one.id][0] >= LEAST_CENTS][:limit]
    return [
        _item(one, name, *prices[one.id], sold[one.id]) for one, name in zip(goods, naming.names(goods), strict=True)
    ]


def unit_prices(sales: Sales, products: Sequence[int]) -> dict[int, tuple[int, bool]]:
    """For each product its median price in cents before discounts, and whether prices vary as weights do."""
    ids = np.unique(np.asarray(products, dtype=np.int64))
    place = np.minimum(np.searchsorted(ids, sales.product), len(ids) - 1)
    rows = np.flatnonzero(ids[place] == sales.product)
    asked = (2 * (sales.paid[rows] + sales.saved[rows]) + sales.quantity[rows]) // (2 * sales.quantity[rows])
    key = np.sort(place[rows] * HIGHEST_CENTS + np.minimum(asked, HIGHEST_CENTS - 1))
    product, asked = key // HIGHEST_CENTS, key % HIGHEST_CENTS
    start = np.searchsorted(product, np.arange(len(ids)))
    count = np.searchsorted(product, np.arange(len(ids)), side="right") - start
    middle = asked[start + count // 2]
    spread = asked[start + count * 3 // 4] - asked[start + count // 4]
    columns = (ids.tolist(), middle.tolist(), (spread > VARIED * middle).tolist())
    return {product: (price, varies) for product, price, varies in zip(*columns, strict=True)}


def gtin_of(product: int, department: str) -> str:
    """A GTIN-13 of the range shops number themselves (20 to 27 here; 28 is for weighed labels)."""
    shelf = sorted(set(DEPARTMENTS.values())).index(department) % 8
    payload = f"{IN_STORE}{shelf}{product:010d}"
    return payload + check_digit(payload)


def sku_of(product: int) -> str:
    return f"P{product:08d}"


def _item(product: Product, name: str, price: int, varied: bool, sold: int) -> Item:
    department = department_of(product.department, product.category) or ""
    zone = zone_of(department, product.category)
    of_age = needs_age(department, product.category, product.kind)
    grams = naming.size_of(product).grams
    return Item(
        sku=sku_of(product.id),
        product=product.id,
        gtin=gtin_of(product.id, department),
        name=name,
        brand=naming.brand_of(product),
        department=department,
        category=naming.spelled_category(product.category),
        zone=zone,
        price=price,
        grams=grams,
        varies=varied and department in BY_WEIGHT,
        age_restricted=of_age,
        taxed=is_taxed(zone, product.category),
        travels=travels(zone, of_age, grams),
        sold=sold,
    )
