"""HTTP for stock: positions, the ledger, adjustments, receipts, counter sales and carts."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.requests import ClientDisconnect

from server.inventory import feeds, queries, service, streams
from server.inventory.rules import Want
from server.kit.auth import Actor, node_scope
from server.kit.once import once
from server.kit.pages import After, Limit, decode, encode
from server.kit.rows import BadRow, RowResults, keep_bad
from server.kit.transaction import Tx
from server.kit.web import IdempotencyKey, PartsDep, allowed, problems
from shared.errors import Conflict
from shared.kernel import Input, Instant, NodeCode, Quantity, Sku, Wire
from shared.stock import Adjustment, CounterSale, Movement, Receipt, StockDelta, StockFigure, StockLevel

router = APIRouter(prefix="/v1", tags=["stock"])
MAX_ROWS = 5000
if TYPE_CHECKING:
    AdjustmentOrBad = Adjustment | BadRow
    ReceiptOrBad = Receipt | BadRow
    SaleOrBad = CounterSale | BadRow
else:
    AdjustmentOrBad = Annotated[Adjustment, keep_bad("sku")]
    ReceiptOrBad = Annotated[Receipt, keep_bad("document")]
    SaleOrBad = Annotated[CounterSale, keep_bad("receipt")]


class Adjustments(Input):
    adjustments: list[AdjustmentOrBad] = Field(min_length=1, max_length=MAX_ROWS)


class Receipts(Input):
    receipts: list[ReceiptOrBad] = Field(min_length=1, max_length=MAX_ROWS)


class CounterSales(Input):
    sales: list[SaleOrBad] = Field(min_length=1, max_length=MAX_ROWS)


class StockAnswer(Wire):
    sku: Sku
    levels: list[StockLevel]


@router.get("/stock/{sku}", responses=problems(404))
async def get_stock(
    sku: Sku,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("stock.read")],
    near: Annotated[str, Query(max_length=24, description="The node to start from: first itself, then by distance.")],
    limit: Limit = 50,
) -> StockAnswer:
    """One item here and in the other nodes, nearest first, each figure with its arithmetic."""
    async with parts.db.reading() as tx:
        return StockAnswer(sku=sku, levels=await queries.near(tx, sku, node=near, limit=limit))


class Ledger(Wire):
    movements: list[Movement]
    next: str | None = None


@router.get("/movements", responses=problems())
async def get_movements(
    parts: PartsDep,
    actor: Annotated[Actor, allowed("stock.read")],
    sku: Annotated[str | None, Query(max_length=40)] = None,
    node: Annotated[str | None, Query(max_length=24)] = None,
    after: After = None,
    limit: Limit = 50,
) -> Ledger:
    """The ledger, newest first: every unit that came in or went out, why, by whom, and the document that says so."""
    key = decode(after, (int,))
    async with parts.db.reading() as tx:
        rows = await queries.movements(
            tx, sku=sku, node=node, before=int(key[0]) if key else None, limit=limit, nodes=node_scope(actor)
        )
    return Ledger(movements=rows, next=encode(rows[-1].id) if len(rows) == limit else None)


@router.post("/adjustments", responses=problems(400, 413))
async def adjust_stock(
    body: Adjustments,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("stock.adjust")],
    idempotency_key: IdempotencyKey = None,
) -> RowResults:
    """Correct the record by hand. Bad rows are reported beside the good ones, which are in."""
    return await _feed(parts, actor, idempotency_key, "adjust", body.adjustments, feeds.adjust)


@router.post("/receipts", responses=problems(400, 413))
async def receive_stock(
    body: Receipts,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("stock.receive")],
    idempotency_key: IdempotencyKey = None,
) -> RowResults:
    """Units arrived against a document. The same line of the same document counts once, whoever sends it again."""
    return await _feed(parts, actor, idempotency_key, "receive", body.receipts, feeds.receive)


@router.post("/counter-sales", responses=problems(400, 413))
async def feed_counter_sales(
    body: CounterSales,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("stock.feed")],
    idempotency_key: IdempotencyKey = None,
) -> RowResults:
    """Receipts of the tills. A receipt counts once. A sale is a fact: it corrects a record that says nothing was there,
    and where it takes what an order was promised, the newest promise gives way and is routed again."""
    return await _feed(parts, actor, idempotency_key, "sell", body.sales, feeds.sell)


async def _feed(
    parts: PartsDep, actor: Actor, key: str | None, name: str, rows: Sequence[object], work: feeds.Feed
) -> RowResults:
    async def run(tx: Tx) -> RowResults:
        async def do() -> RowResults:
            return RowResults(results=await work(tx, actor, rows))

        return await once(tx, actor, key, f"{name} {rows!r}" if key else "", RowResults, do)

    return await parts.db.write(run)


# ---------------------------------------------------------------- streams

FIGURES, DELTAS = "/v1/stock/figures", "/v1/stock/deltas"
Source = Annotated[
    str,
    Query(
        min_length=1,
        max_length=40,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="The system that sends this, always by the same name.",
        examples=["erp"],
    ),
]
FirstLine = Annotated[int, Query(ge=1, le=10**9, description="Number of the first line sent, when going on.")]


async def _body(request: Request) -> AsyncIterator[bytes]:
    """The stream, as far as it comes: who goes away in the middle leaves in what came."""
    with contextlib.suppress(ClientDisconnect):
        async for part in request.stream():
            yield part


def _stream_of(row: type[Input]) -> dict[str, Any]:
    """The request body of a stream, for the manual."""
    schema = {"schema": {"type": "string", "description": f"One {row.__name__} as JSON on each line."}}
    return {"requestBody": {"required": True, "content": {"application/x-ndjson": schema}}}


@router.post("/stock/figures", responses=problems(503), openapi_extra=_stream_of(StockFigure))
async def feed_figures(
    request: Request,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("stock.feed")],
    source: Source,
    as_of: Annotated[Instant | None, Query(description="When the figures were true, unless a row says it.")] = None,
    first_line: FirstLine = 1,
) -> streams.FeedAnswer:
    """What another system has, absolute: a snapshot or only what changed, of any length, one position a line.

    Each figure is compared with the record and the difference is booked. It is true as of `as_of`: what happened since
    stays on top of it, so a snapshot that was taken while the shops sold brings nothing back. Positions that are not in
    the stream stay as they are: send 0 for what is gone. Sent again, nothing happens twice.

        {"sku": "APPLE", "node": "S-1", "units": 12}
        {"sku": "BREAD", "node": "S-1", "units": 0, "as_of": "2026-03-01T09:30:00Z"}
    """
    feed = streams.figure_feed(actor, source, as_of)
    return (await streams.read(parts.db, feed, _body(request), first_line=first_line)).answer()


@router.post("/stock/deltas", responses=problems(503), openapi_extra=_stream_of(StockDelta))
async def feed_deltas(
    request: Request,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("stock.feed")],
    source: Source,
    first_line: FirstLine = 1,
) -> streams.FeedAnswer:
    """What another system booked, movement by movement, of any length and in any order, one a line.

    A `key` counts once for its source, whenever and however often it comes. What happened before the count or figure
    its position is built on was in that already: the ledger has it with its opposite, and the record stays.

        {"key": "mv-1", "sku": "APPLE", "node": "S-1", "delta": -1, "reason": "sale", "at": "2026-03-01T09:30:00Z"}
    """
    feed = streams.delta_feed(actor, source)
    return (await streams.read(parts.db, feed, _body(request), first_line=first_line)).answer()


# ---------------------------------------------------------------- carts


class CartReservation(Input):
    """Units a customer has in the cart at one node."""

    sku: Sku
    node: NodeCode
    quantity: Quantity
    cart: str = Field(min_length=1, max_length=80, description="The cart, as the shop calls it.")
    minutes: int = Field(default=15, ge=1, le=120, description="How long the claim lasts.")


class Reserved(Wire):
    id: UUID
    expires_at: Instant


@router.post("/reservations", status_code=201, responses=problems(409))
async def reserve_for_cart(
    body: CartReservation,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("order.place")],
    idempotency_key: IdempotencyKey = None,
) -> Reserved:
    """Claim units for a cart. The claim ends by itself; an order placed from the cart makes its own, hard one."""
    ttl = timedelta(minutes=body.minutes)

    async def work(tx: Tx) -> Reserved:
        async def do() -> Reserved:
            want = Want(body.sku, body.node, body.quantity, owner=f"cart/{body.cart}")
            claim = (await service.reserve(tx, [want], kind="soft", ttl=ttl))[0]
            if claim is None:
                raise Conflict(
                    f"{body.node} has fewer than {body.quantity} of {body.sku} to promise.",
                    remedy="Ask /v1/availability for other nodes.",
                )
            return Reserved(id=claim, expires_at=tx.now + ttl)

        return await once(tx, actor, idempotency_key, f"cart {body.model_dump_json()}", Reserved, do)

    return await parts.db.write(work)


class Freed(Wire):
    units: int


@router.delete("/reservations/{reservation_id}", responses=problems(404))
async def release_cart(reservation_id: UUID, parts: PartsDep, actor: Annotated[Actor, allowed("order.place")]) -> Freed:
    """Give up a cart's claim. Releasing twice frees nothing more."""
    return Freed(units=await parts.db.write(lambda tx: service.release_cart(tx, reservation_id)))
