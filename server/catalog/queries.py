"""Reads of the catalogue: by SKU, by code, by any word; and the facts other slices ask for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from server.catalog.rules import ItemPage, ItemsByCode, ItemView, codes_meant, search_query
from server.kit.pages import decode, encode
from server.kit.transaction import Tx
from shared.barcodes import read
from shared.sync import ItemDoc

COLUMNS = (
    "i.sku, i.name, i.style, i.variant, i.category, i.department, i.brand, i.price, i.currency, i.weight_grams,"
    " i.dimensions, i.flags, i.min_age, i.substitutes, i.picture, i.active, i.version, i.updated_at,"
    " ARRAY(SELECT b.code FROM barcode b WHERE b.sku = i.sku ORDER BY b.code) AS barcodes"
)


ITEM_FACTS = "item_facts"
"""Where a transaction notes the facts it has read; whoever changes items takes them away."""


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What ordering, routing and packing need to know of an item."""

    sku: str
    name: str
    flags: frozenset[str]
    weight_grams: int | None
    min_age: int | None
    price: int | None
    currency: str
    substitutes: tuple[str, ...]
    active: bool


async def owners(tx: Tx, codes: Collection[str]) -> dict[str, str]:
    """Code -> SKU, for those of `codes` that mean an item."""
    rows = await tx.rows("SELECT code, sku FROM barcode WHERE code = ANY(:codes)", codes=sorted(codes))
    return {row["code"]: row["sku"] for row in rows}


async def known_skus(tx: Tx, skus: Collection[str]) -> frozenset[str]:
    """Those of `skus` that can be ordered."""
    rows = await tx.rows("SELECT sku FROM item WHERE sku = ANY(:skus) AND active", skus=sorted(skus))
    return frozenset(row["sku"] for row in rows)


async def facts(tx: Tx, skus: Collection[str]) -> dict[str, ItemFacts]:
    """Facts of the items that exist, sold or not. Read once in a transaction."""
    known: dict[str, ItemFacts | None] = tx.notes.setdefault(ITEM_FACTS, {})
    if missing := sorted(set(skus) - known.keys()):
        known.update(dict.fromkeys(missing))
        rows = await tx.rows(
            "SELECT sku, name, flags, weight_grams, min_age, price, currency, substitutes, active"
            " FROM item WHERE sku = ANY(:skus)",
            skus=missing,
        )
        known.update({row["sku"]: _facts(row) for row in rows})
    return {sku: item for sku in skus if (item := known[sku])}


def _facts(row: Mapping[str, Any]) -> ItemFacts:
    return ItemFacts(**{**row, "flags": frozenset(row["flags"]), "substitutes": tuple(row["substitutes"])})


async def items(tx: Tx, skus: Collection[str]) -> list[ItemView]:
    """Items by SKU, in order of SKU; unknown ones are left out."""
    rows = await tx.rows(
        f"SELECT {COLUMNS} FROM item i WHERE i.sku = ANY(:skus) ORDER BY i.sku",  # noqa: S608
        skus=sorted(set(skus)),
    )
    return [_view(row) for row in rows]


async def docs(tx: Tx, skus: Collection[str]) -> list[ItemDoc]:
    """Items as devices know them; items no longer sold are left out."""
    rows = await tx.rows(
        f"SELECT {COLUMNS} FROM item i WHERE i.sku = ANY(:skus) AND i.active ORDER BY i.sku",  # noqa: S608
        skus=sorted(set(skus)),
    )
    return [ItemDoc.model_validate(dict(row)) for row in rows]


async def sku_page(tx: Tx, *, after: str, limit: int) -> list[str]:
    """SKUs that are sold, in order, beginning after `after`."""
    rows = await tx.rows(
        "SELECT sku FROM item WHERE sku > :after AND active ORDER BY sku LIMIT :limit", after=after, limit=limit
    )
    return [row["sku"] for row in rows]


async def by_code(tx: Tx, text: str) -> ItemsByCode:
    """Items a scanned or typed text means: their GTIN, another code of theirs, or their SKU. May be none."""
    codes = codes_meant(text)
    scan = read(text)
    rows = await tx.rows(
        f"SELECT {COLUMNS} FROM item i WHERE i.sku = ANY(:codes)"  # noqa: S608
        " OR i.sku IN (SELECT b.sku FROM barcode b WHERE b.code = ANY(:codes)) ORDER BY i.sku LIMIT 20",
        codes=list(codes),
    )
    return ItemsByCode(items=[_view(row) for row in rows], grams=scan.grams, lot=scan.lot, serial=scan.serial)


async def search(tx: Tx, words: str, *, limit: int = 50, after: str | None = None) -> ItemPage:
    """Items that have all the words (a beginning is enough), by name. An exact code or SKU comes first.

    No words: the whole catalogue.
    """
    key = decode(after, (str, str))
    query = search_query(words)
    exact = (await by_code(tx, words)).items if words.strip() and after is None else []
    if words.strip() and query is None:
        return ItemPage(items=exact)
    rows = await tx.rows(
        f"SELECT {COLUMNS} FROM item i"  # noqa: S608
        " WHERE (CAST(:query AS text) IS NULL OR i.found_by @@ CAST(:query AS tsquery))"
        " AND (CAST(:name AS text) IS NULL OR (i.name, i.sku) > (:name, :sku))"
        " ORDER BY i.name, i.sku LIMIT :limit",
        query=query,
        name=key[0] if key else None,
        sku=key[1] if key else "",
        limit=limit + 1,
    )
    page = [_view(row) for row in rows[:limit]]
    more = len(rows) > limit
    first = {item.sku for item in exact}
    return ItemPage(
        items=exact + [item for item in page if item.sku not in first],
        next=encode(page[-1].name, page[-1].sku) if more else None,
    )


def _view(row: Mapping[str, Any]) -> ItemView:
    return ItemView.model_validate(dict(row))
