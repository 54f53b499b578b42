"""HTTP for orders: place one or many, find, put on hold, cancel, and read what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from server.kit import commands
from server.kit.auth import Actor, node_scope
from server.kit.combiner import Combiner
from server.kit.once import once
from server.kit.pages import After, Limit, decode, encode
from server.kit.rows import BadRow, RowResult, keep_bad
from server.kit.transaction import Tx
from server.kit.web import IdempotencyKey, Parts, PartsDep, allowed, problems
from server.orders import holds, placing, queries, service
from shared.errors import BatonError, InvalidInput, NotFound, ReusedKey
from shared.holds import HoldKind
from shared.kernel import Input, Instant, Quantity, Wire
from shared.orders import NewOrder, OrderDigest, OrderStatus, OrderView, Placed, TimelineEntry

router = APIRouter(prefix="/v1/orders", tags=["orders"])
MAX_ORDERS = 1000
LANES = 2
"""Transactions of placing in flight: one is in PostgreSQL while the other is in Python (docs/adr/0008)."""


# ---------------------------------------------------------------- placing


@dataclass(frozen=True, slots=True)
class _Ask:
    """One request to place an order, on its way into a shared transaction."""

    actor: Actor
    order: NewOrder
    key: commands.Key | None


def combiner(parts: Parts) -> Combiner[_Ask, Placed]:
    """Requests that arrive while a transaction is in flight share the next one."""
    found: Combiner[_Ask, Placed] | None = parts.caches.get("place")
    if found is None:

        async def run(asks: Sequence[_Ask]) -> Sequence[Placed | Exception]:
            return await parts.db.write(lambda tx: _place_all(tx, asks))

        found = parts.caches["place"] = Combiner(run, lanes=LANES)
    return found


async def _place_all(tx: Tx, asks: Sequence[_Ask]) -> list[Placed | Exception]:
    known = await commands.begin(tx, [a.key for a in asks if a.key])
    answers: list[Placed | Exception | None] = [_answered(known.get(a.key)) if a.key else None for a in asks]
    open_keys: set[commands.Key] = set()
    for actor in dict.fromkeys(a.actor for a in asks):
        mine = [i for i, a in enumerate(asks) if a.actor == actor and answers[i] is None]
        for i, placed in zip(mine, await placing.place(tx, actor, [asks[i].order for i in mine]), strict=True):
            answers[i] = placed
            if key := asks[i].key:
                open_keys.add(key)
    done = [answer for answer in answers if answer is not None]
    await commands.finish(
        tx,
        {
            a.key: _stored(answer)
            for a, answer in zip(asks, done, strict=True)
            if a.key and a.key in open_keys and isinstance(answer, Placed | BatonError)
        },
    )
    return done


def _stored(answer: Placed | BatonError) -> dict[str, object]:
    if isinstance(answer, Placed):
        return answer.model_dump(mode="json")
    return {"problem": answer.problem().model_dump(mode="json")}


def _answered(outcome: dict[str, object] | ReusedKey | None) -> Placed | Exception | None:
    """The stored answer of an idempotency key, as it was given."""
    if outcome is None or isinstance(outcome, ReusedKey):
        return outcome
    if "problem" in outcome:
        return StoredProblem.of(outcome["problem"])
    return Placed.model_validate(outcome)


class StoredProblem(BatonError):
    """An error answered before, given again word for word."""

    @classmethod
    def of(cls, problem: object) -> BatonError:
        from shared.errors import Problem

        was = Problem.model_validate(problem)
        error = cls(was.detail, remedy=was.remedy)
        error.fields = was.errors
        error.code, error.status, error.title = was.code, was.status, was.title  # type: ignore[misc]
        return error


@router.post(
    "",
    status_code=201,
    responses={**problems(400, 409, 413), 200: {"model": Placed, "description": "The same order came in before."}},
)
async def place_order(
    order: NewOrder,
    parts: PartsDep,
    response: Response,
    actor: Annotated[Actor, allowed("order.place")],
    idempotency_key: IdempotencyKey = None,
) -> Placed:
    """Place one order.

    A paid or authorised order is routed in the same transaction: the answer says `allocated`, or `backordered` when
    no node has it. An order with a payment token is `held` until the gateway has said yes. The same `external_id` of
    a channel with the same content is answered as before (200); with other content it is refused (409).
    """
    key = None
    if idempotency_key:
        key = commands.Key(f"{actor.kind}:{actor.id}", idempotency_key, commands.fingerprint(order.model_dump_json()))
    placed = await combiner(parts).submit(_Ask(actor, order, key))
    if placed.existing:
        response.status_code = 200
    return placed


if TYPE_CHECKING:
    OrderOrBad = NewOrder | BadRow
else:
    OrderOrBad = Annotated[NewOrder, keep_bad("external_id")]


class NewOrders(Input):
    orders: list[OrderOrBad] = Field(min_length=1, max_length=MAX_ORDERS)


class PlacedRows(Wire):
    """One answer per order, in the order of the request."""

    placed: list[Placed | None] = Field(description="Null where the row was refused.")
    results: list[RowResult]


@router.post("/batch", responses=problems(400, 413))
async def place_orders(
    body: NewOrders,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("order.place")],
) -> PlacedRows:
    """Place many orders. A bad one is reported beside the good ones, which are in."""
    good = [(i, o) for i, o in enumerate(body.orders) if isinstance(o, NewOrder)]
    answers: dict[int, Placed | Exception] = {}
    for start in range(0, len(good), 200):
        chunk = good[start : start + 200]
        done = await parts.db.write(lambda tx, c=chunk: _place_all(tx, [_Ask(actor, o, None) for _, o in c]))  # type: ignore[misc]
        answers.update({i: answer for (i, _), answer in zip(chunk, done, strict=True)})
    results, placed = [], []
    for row, order in enumerate(body.orders):
        answer = answers.get(row)
        placed.append(answer if isinstance(answer, Placed) else None)
        results.append(_row_result(row, order, answer))
    return PlacedRows(placed=placed, results=results)


def _row_result(row: int, order: NewOrder | BadRow, answer: Placed | Exception | None) -> RowResult:
    if isinstance(order, BadRow):
        return RowResult(row=row, key=order.key, status="refused", errors=order.problems)
    if isinstance(answer, Placed):
        return RowResult(row=row, key=order.external_id, status="unchanged" if answer.existing else "created")
    problem = answer.problem() if isinstance(answer, BatonError) else InvalidInput(str(answer)).problem()
    return RowResult(row=row, key=order.external_id, status="refused", errors=tuple(problem.errors))


# ---------------------------------------------------------------- reading


class OrderPage(Wire):
    orders: list[OrderDigest]
    next: str | None = Field(default=None, description="Cursor of the next page; null on the last.")


@router.get("", responses=problems())
async def find_orders(
    parts: PartsDep,
    actor: Annotated[Actor, allowed("order.read")],
    search: Annotated[
        str, Query(max_length=100, description="Words: number, name, e-mail, phone digits, external id, or a SKU.")
    ] = "",
    status: Annotated[OrderStatus | None, Query(description="Only orders with this status.")] = None,
    node: Annotated[str | None, Query(max_length=24, description="Only orders of this node.")] = None,
    after: After = None,
    limit: Limit = 50,
) -> OrderPage:
    """Orders, newest first. Store people see the orders of their nodes."""
    key = decode(after, (str, str))
    try:
        before = (datetime.fromisoformat(str(key[0])), UUID(str(key[1]))) if key else None
    except ValueError:
        raise InvalidInput("This cursor is not ours.", field="query.after", remedy="Start without `after`.") from None
    async with parts.db.reading() as tx:
        rows = await queries.search(
            tx, words=search, status=status, node=node, nodes=node_scope(actor), before=before, limit=limit
        )
    last = rows[-1] if len(rows) == limit else None
    return OrderPage(orders=rows, next=encode(last.placed_at.isoformat(), str(last.id)) if last else None)


async def _seen(tx: Tx, actor: Actor, order_id: UUID) -> None:
    """Raises `NotFound` unless the order exists and belongs to what the actor may see."""
    nodes = await queries.nodes_of(tx, order_id)
    if not actor.everywhere and not nodes & actor.nodes:
        raise NotFound(f"No order {order_id}.")


@router.get("/{order_id}", responses=problems(404))
async def get_order(order_id: UUID, parts: PartsDep, actor: Annotated[Actor, allowed("order.read")]) -> OrderView:
    """One order: lines with every unit's state, money, holds, and the jobs nodes have of it."""
    async with parts.db.reading() as tx:
        await _seen(tx, actor, order_id)
        view = await queries.order(tx, order_id)
    if view is None:
        raise NotFound(f"No order {order_id}.")
    return view


class Timeline(Wire):
    entries: list[TimelineEntry]


@router.get("/{order_id}/timeline", responses=problems(404))
async def get_timeline(order_id: UUID, parts: PartsDep, actor: Annotated[Actor, allowed("order.read")]) -> Timeline:
    """Everything that happened: placed, routed and why, picked, packed, handed over, messages sent, money."""
    async with parts.db.reading() as tx:
        await _seen(tx, actor, order_id)
        entries = await queries.timeline(tx, order_id)
    if not entries:
        raise NotFound(f"No order {order_id}.")
    return Timeline(entries=entries)


# ---------------------------------------------------------------- changing


class HoldRequest(Input):
    kind: Literal["fraud", "address", "swap", "manual"]
    reason: str = Field(min_length=1, max_length=300)
    due_at: Instant | None = Field(
        default=None, description="By when somebody should deal with it; by its kind, if left out."
    )


class Held(Wire):
    """A hold, and what it holds."""

    hold: UUID
    held: int = Field(description="Units that wait now until it is resolved.")
    with_nodes: int = Field(description="Units that go on, since a node has picked them; to stop those, too, cancel.")


@router.post("/{order_id}/hold", responses=problems(404, 409))
async def hold_order(
    order_id: UUID,
    body: HoldRequest,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("order.hold")],
    idempotency_key: IdempotencyKey = None,
) -> Held:
    """Stop what is not picked yet, until somebody resolves the hold. What nodes have not picked is taken back from
    them; what they have picked goes on. An order may have several holds; it goes on when the last one is resolved."""

    async def work(tx: Tx) -> Held:
        async def do() -> Held:
            wish = holds.NewHold(order_id, HoldKind(body.kind), body.reason, body.due_at)
            done = await holds.hold(tx, actor, wish)
            return Held(hold=done.id, held=done.held, with_nodes=done.with_nodes)

        return await once(tx, actor, idempotency_key, f"hold {order_id} {body.model_dump_json()}", Held, do)

    return await parts.db.write(work)


class CancelLine(Input):
    line: int = Field(ge=1, le=100_000)
    quantity: Quantity


class CancelRequest(Input):
    reason: str = Field(min_length=1, max_length=300, examples=["customer changed their mind"])
    lines: list[CancelLine] | None = Field(default=None, max_length=500, description="Null: everything that can be.")


class CancelledUnits(Wire):
    cancelled: int = Field(description="Units that will not be delivered; their money is released or refunded.")


@router.post("/{order_id}/cancel", responses=problems(404, 409))
async def cancel_units(
    order_id: UUID,
    body: CancelRequest,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("order.cancel")],
    idempotency_key: IdempotencyKey = None,
) -> CancelledUnits:
    """Cancel units until they have left: with a node or without. What was captured for them is refunded."""
    units = None if body.lines is None else {each.line: each.quantity for each in body.lines}

    async def work(tx: Tx) -> CancelledUnits:
        async def do() -> CancelledUnits:
            gone = await service.cancel(tx, actor, order_id, reason=body.reason, units=units)
            return CancelledUnits(cancelled=gone)

        return await once(tx, actor, idempotency_key, f"cancel {order_id} {body.model_dump_json()}", CancelledUnits, do)

    return await parts.db.write(work)
