"""HTTP for queues: what waits for a node and why, and looking again at once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import Field

from server.kit.auth import Actor
from server.kit.once import once
from server.kit.pages import After, Limit, Page, decode, page
from server.kit.transaction import Tx
from server.kit.web import IdempotencyKey, PartsDep, allowed, problems
from server.routing import queues
from server.routing.queues import Key, QueueFigures, Retried, Waiting
from shared.errors import InvalidInput
from shared.kernel import Input, Wire
from shared.queues import Queue

router = APIRouter(prefix="/v1/queues", tags=["routing"])


class Queues(Wire):
    queues: list[QueueFigures]


@router.get("", responses=problems())
async def get_queues(parts: PartsDep, actor: Annotated[Actor, allowed("queue.read")]) -> Queues:
    """How much waits in each queue, for how long, and for which reasons."""
    async with parts.db.reading() as tx:
        return Queues(queues=await queues.figures(tx))


@router.get("/{queue}", responses=problems())
async def find_waiting(
    parts: PartsDep,
    actor: Annotated[Actor, allowed("queue.read")],
    queue: Annotated[Queue, Path(description="routing, backorder, rejected or unfillable.")],
    reason: Annotated[str | None, Query(max_length=40, description="Only what waits for this reason.")] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[Waiting]:
    """Lines that wait, those longest first: why nobody has their units (how many nodes fell out for which reason), and
    until when they wait."""
    async with parts.db.reading() as tx:
        rows = await queues.waiting(tx, queue, reason=reason, after=_key(after), limit=limit + 1)
    return page(rows, limit, lambda row: (row.since.isoformat(), str(row.order_id), row.line))


def _key(cursor: str | None) -> Key | None:
    key = decode(cursor, (str, str, int))
    try:
        return (datetime.fromisoformat(str(key[0])), UUID(str(key[1])), int(key[2])) if key else None
    except ValueError:
        raise InvalidInput("This cursor is not ours.", field="query.after", remedy="Start without `after`.") from None


class Retry(Input):
    orders: list[UUID] = Field(min_length=1, max_length=200)


class Retries(Wire):
    orders: list[Retried] = Field(description="Orders there are none of are left out.")


@router.post("/retry", responses=problems(400))
async def retry_now(
    body: Retry,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("routing.retry")],
    idempotency_key: IdempotencyKey = None,
) -> Retries:
    """Look for nodes at once for everything of these orders that waits. What is on hold stays on hold."""

    async def work(tx: Tx) -> Retries:
        async def do() -> Retries:
            return Retries(orders=await queues.retry(tx, actor, body.orders))

        return await once(tx, actor, idempotency_key, f"retry {body.model_dump_json()}", Retries, do)

    return await parts.db.write(work)
