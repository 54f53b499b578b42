"""The catalogue over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field

from server.catalog import queries, service
from server.catalog.rules import MAX_ROWS, ItemPage, ItemsByCode, ItemView, NewItem
from server.kit.auth import Actor
from server.kit.once import once
from server.kit.pages import After, Limit
from server.kit.rows import BadRow, RowResults, keep_bad
from server.kit.transaction import Tx
from server.kit.web import IdempotencyKey, PartsDep, allowed, problems
from shared.api import API
from shared.errors import NotFound
from shared.kernel import Input, Sku

router = APIRouter(prefix=f"{API}/items", tags=["catalogue"])


class Items(Input):
    """A list of items to load."""

    items: list[Annotated[NewItem | BadRow, keep_bad("sku")]] = Field(min_length=1, max_length=MAX_ROWS)


@router.post("", summary="Load items", responses=problems(400, 413))
async def load(
    request: Request,
    body: Items,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("catalog.write")],
    key: IdempotencyKey = None,
) -> RowResults:
    """Create or change items. Each row is the whole item and gets its own result, so one bad row keeps no other out."""
    asked = b"items" + await request.body()

    async def load_them(tx: Tx) -> RowResults:
        async def work() -> RowResults:
            return RowResults(results=await service.load_items(tx, actor, body.items))

        return await once(tx, actor, key, asked, RowResults, work)

    return await parts.db.write(load_them)


@router.get("", summary="Search items", responses=problems(), dependencies=[allowed("catalog.read")])
async def search(
    parts: PartsDep,
    search: Annotated[str, Query(max_length=200, description="Words or their beginnings, a code, or an SKU.")] = "",
    after: After = None,
    limit: Limit = 50,
) -> ItemPage:
    """Items that have every word in SKU, name, style, variant, category, department or brand, ordered by name.

    An exact code or SKU stands first. Without words: the whole catalogue, page by page.
    """
    return await parts.db.read(lambda tx: queries.search(tx, search, limit=limit, after=after))


@router.get(
    "/by-code/{code:path}",
    summary="Find by code",
    responses=problems(404),
    dependencies=[allowed("catalog.read")],
)
async def by_code(
    parts: PartsDep,
    code: Annotated[
        str,
        Path(
            min_length=1,
            max_length=400,
            description="As scanned: any GTIN, GS1 element string or Digital Link, another code, or the SKU.",
            examples=["036000291452"],
        ),
    ],
) -> ItemsByCode:
    """What a scanned code means. Weight, lot and serial number in the code come along."""
    found = await parts.db.read(lambda tx: queries.by_code(tx, code))
    if not found.items:
        raise NotFound("No item has this code.", remedy="Scan again, or search by name.")
    return found


@router.get("/{sku:path}", summary="Read an item", responses=problems(404), dependencies=[allowed("catalog.read")])
async def read(parts: PartsDep, sku: Annotated[Sku, Path(examples=["MILK-1L"])]) -> ItemView:
    """One item, sold or no longer sold."""
    found = await parts.db.read(lambda tx: queries.items(tx, [sku]))
    if not found:
        raise NotFound(f"No item has the SKU {sku}.", remedy="Load the item first, or correct the SKU.")
    return found[0]
