"""The verb of the catalogue: load items. Loads wait for one another, so that a code has one owner at every moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.catalog import queries
from server.catalog.rules import NewItem, code_problems, codes_of, search_words, taken_codes
from server.catalog.tables import BarcodeRow, ItemRow
from server.events import ItemsChanged
from server.kit import bulk
from server.kit.auth import Actor, authorize
from server.kit.rows import BadRow, RowResult, first_problems, results
from server.kit.transaction import Tx

FIELDS = (
    "name",
    "style",
    "variant",
    "category",
    "department",
    "brand",
    "price",
    "currency",
    "weight_grams",
    "dimensions",
    "flags",
    "min_age",
    "substitutes",
    "picture",
    "active",
    "words",
)
UPSERT = (
    f"ON CONFLICT (sku) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in FIELDS)},"
    " version = item.version + 1, updated_at = excluded.updated_at"
    f" WHERE ({', '.join(f'item.{name}' for name in FIELDS)})"
    f" IS DISTINCT FROM ({', '.join(f'excluded.{name}' for name in FIELDS)})"
)


async def load_items(tx: Tx, actor: Actor, items: Sequence[NewItem | BadRow]) -> list[RowResult]:
    """Create or change items; each row is the whole item. Rows that cannot go in say why, the others go in."""
    authorize(actor, "catalog.write")
    await tx.run("SELECT pg_advisory_xact_lock(hashtext('baton.catalogue'))")
    wrong = first_problems(items, lambda item: item.sku, "sku", "Item")
    wrong = [w or (code_problems(i) if isinstance(i, NewItem) else ()) for w, i in zip(wrong, items, strict=True)]
    standing = [i if isinstance(i, NewItem) and not w else None for i, w in zip(items, wrong, strict=True)]
    owners = await queries.owners(tx, {code for item in standing if item for code in codes_of(item)})
    wrong = [w or taken for w, taken in zip(wrong, taken_codes(standing, owners), strict=True)]
    good = [i for i, w in zip(items, wrong, strict=True) if isinstance(i, NewItem) and not w]
    created, changed = await _write_items(tx, good)
    changed |= await _write_codes(tx, good, created) - created
    if created or changed:
        tx.emit(ItemsChanged(tuple(sorted(created | changed))))
    return results(items, lambda item: item.sku, wrong, created, changed)


async def _write_items(tx: Tx, items: Sequence[NewItem]) -> tuple[set[str], set[str]]:
    rows = [_row(item, tx) for item in sorted(items, key=lambda item: item.sku)]
    tx.notes.pop(queries.ITEM_FACTS, None)
    written = await bulk.insert(tx, ItemRow, rows, conflict=UPSERT, returning="sku, version")
    created = {row["sku"] for row in written if row["version"] == 1}
    return created, {row["sku"] for row in written} - created


def _row(item: NewItem, tx: Tx) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(item, name) for name in FIELDS if name != "words"}
    return row | {
        "sku": item.sku,
        "dimensions": item.dimensions.model_dump() if item.dimensions else None,
        "flags": sorted(set(item.flags)),
        "substitutes": list(item.substitutes),
        "words": search_words(item),
        "version": 1,
        "updated_at": tx.now,
    }


async def _write_codes(tx: Tx, items: Sequence[NewItem], created: set[str]) -> set[str]:
    """Make the items' codes what the rows say. Returns the SKUs whose codes changed, their version raised."""
    wanted = {code: item.sku for item in items for code in codes_of(item)}
    gone = await tx.rows(
        "DELETE FROM barcode b WHERE b.sku = ANY(:skus) AND NOT EXISTS ("
        " SELECT 1 FROM unnest(CAST(:codes AS text[]), CAST(:owners AS text[])) AS u(code, sku)"
        " WHERE u.code = b.code AND u.sku = b.sku) RETURNING b.sku",
        skus=[item.sku for item in items],
        codes=list(wanted),
        owners=list(wanted.values()),
    )
    rows = [{"code": code, "sku": sku} for code, sku in sorted(wanted.items())]
    added = await bulk.insert(tx, BarcodeRow, rows, conflict="ON CONFLICT (code) DO NOTHING", returning="sku")
    changed = {row["sku"] for row in (*gone, *added)}
    await tx.run(
        "UPDATE item SET version = version + 1, updated_at = :now WHERE sku = ANY(:skus) AND updated_at < :now",
        now=tx.now,
        skus=sorted(changed - created),
    )
    return changed
