"""HTTP for expected items: what backorders and pre-orders are promised for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from server.kit.auth import Actor
from server.kit.once import once
from server.kit.pages import After, Limit, Page, decode, page
from server.kit.rows import RowResults
from server.kit.transaction import Tx
from server.kit.web import IdempotencyKey, PartsDep, allowed, problems
from server.orders import expecting
from server.orders.expecting import Expected, ExpectedView
from shared.kernel import Input

router = APIRouter(prefix="/v1/expected-items", tags=["stock"])


class ExpectedItems(Input):
    items: list[Expected] = Field(min_length=1, max_length=1000)


@router.post("", responses=problems(400, 413))
async def expect_items(
    body: ExpectedItems,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("stock.expect")],
    idempotency_key: IdempotencyKey = None,
) -> RowResults:
    """Say when items that nobody has are expected. Backorders and pre-orders are promised for then; customers hear of a
    date that gets worse, or that there is one now. Good news leaves the promise as it is."""

    async def work(tx: Tx) -> RowResults:
        async def do() -> RowResults:
            return RowResults(results=await expecting.expect(tx, actor, body.items))

        return await once(tx, actor, idempotency_key, f"expect {body!r}", RowResults, do)

    return await parts.db.write(work)


@router.get("", responses=problems())
async def find_expected_items(
    parts: PartsDep, actor: Annotated[Actor, allowed("stock.read")], after: After = None, limit: Limit = 50
) -> Page[ExpectedView]:
    """Items that are expected, by SKU."""
    key = decode(after, (str,))
    async with parts.db.reading() as tx:
        rows = await expecting.expected(tx, after=str(key[0]) if key else "", limit=limit + 1)
    return page(rows, limit, lambda row: (row.sku,))
