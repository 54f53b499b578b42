"""HTTP for holds as tasks: find, take, note, resolve. They are opened at their order (`POST /v1/orders/{id}/hold`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from server.kit.auth import Actor
from server.kit.once import once
from server.kit.pages import After, Limit, Page, decode, page
from server.kit.transaction import Tx
from server.kit.web import IdempotencyKey, Parts, PartsDep, allowed, problems
from server.orders import hold_queries, holds, resolving
from server.orders.hold_queries import HoldStory, HoldTask
from shared.errors import InvalidInput, NotFound
from shared.holds import HoldKind, HoldResolution
from shared.kernel import Input

router = APIRouter(prefix="/v1/holds", tags=["holds"])
Desk = Annotated[Actor, allowed("order.hold")]
ME = "me"


@router.get("", responses=problems())
async def find_holds(
    parts: PartsDep,
    actor: Annotated[Actor, allowed("hold.read")],
    kind: Annotated[HoldKind | None, Query(description="Only of this kind.")] = None,
    assignee: Annotated[
        str | None, Query(max_length=60, description="Only of this person or key: an id, `me`, or `nobody`.")
    ] = None,
    overdue: Annotated[bool | None, Query(description="Only those past their due time, or only the others.")] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[HoldTask]:
    """Orders that wait for somebody, those due first."""
    async with parts.db.reading() as tx:
        rows = await hold_queries.holds(
            tx,
            kind=kind,
            assignee=actor.id if assignee == ME else assignee,
            overdue=overdue,
            after=_key(after),
            limit=limit + 1,
        )
    return page(rows, limit, lambda row: (row.due_at.isoformat() if row.due_at else "", str(row.id)))


def _key(cursor: str | None) -> tuple[datetime, UUID] | None:
    key = decode(cursor, (str, str))
    try:
        return (datetime.fromisoformat(str(key[0])), UUID(str(key[1]))) if key else None
    except ValueError:
        raise InvalidInput("This cursor is not ours.", field="query.after", remedy="Start without `after`.") from None


@router.get("/{hold_id}", responses=problems(404))
async def get_hold(hold_id: UUID, parts: PartsDep, actor: Annotated[Actor, allowed("hold.read")]) -> HoldStory:
    """One hold with its history: who opened, took, noted and resolved it."""
    async with parts.db.reading() as tx:
        found = await hold_queries.hold(tx, hold_id)
    if found is None:
        raise NotFound(f"No hold {hold_id}.")
    return found


class Taking(Input):
    over: bool = Field(default=False, description="Also from somebody else who has it.")


class Remark(Input):
    note: str = Field(min_length=1, max_length=500, examples=["Called the customer, no answer."])


class Resolution(Input):
    resolution: HoldResolution = Field(description="`release` lets the order go on; `cancel` cancels what is held.")
    note: str = Field(default="", max_length=500, examples=["The bank confirmed the card."])


@router.post("/{hold_id}/take", responses=problems(404, 409))
async def take_hold(
    hold_id: UUID, body: Taking, parts: PartsDep, actor: Desk, idempotency_key: IdempotencyKey = None
) -> HoldStory:
    """Look after it: others see that you do. Taking what somebody else has needs `over`."""
    what = f"take {hold_id} {body.over}"
    return await _do(
        parts, actor, hold_id, idempotency_key, what, lambda tx: holds.take(tx, actor, hold_id, over=body.over)
    )


@router.post("/{hold_id}/leave", responses=problems(404, 409))
async def leave_hold(hold_id: UUID, parts: PartsDep, actor: Desk, idempotency_key: IdempotencyKey = None) -> HoldStory:
    """Let somebody else look after it."""
    what = f"leave {hold_id}"
    return await _do(parts, actor, hold_id, idempotency_key, what, lambda tx: holds.leave(tx, actor, hold_id))


@router.post("/{hold_id}/note", responses=problems(404, 409))
async def note_hold(
    hold_id: UUID, body: Remark, parts: PartsDep, actor: Desk, idempotency_key: IdempotencyKey = None
) -> HoldStory:
    """Say something for whoever looks at it next."""
    what = f"note {hold_id} {body.note}"
    return await _do(parts, actor, hold_id, idempotency_key, what, lambda tx: holds.note(tx, actor, hold_id, body.note))


@router.post("/{hold_id}/resolve", responses=problems(404, 409))
async def resolve_hold(
    hold_id: UUID, body: Resolution, parts: PartsDep, actor: Desk, idempotency_key: IdempotencyKey = None
) -> HoldStory:
    """`release` lets the order go on, when no other hold is open; `cancel` cancels what is held of it. Of two people at
    the same moment the second is told what the first said (409)."""
    what = f"resolve {hold_id} {body.model_dump_json()}"
    return await _do(
        parts,
        actor,
        hold_id,
        idempotency_key,
        what,
        lambda tx: resolving.resolve(tx, actor, hold_id, body.resolution, note=body.note),
    )


async def _do(
    parts: Parts, actor: Actor, hold_id: UUID, key: str | None, what: str, verb: Callable[[Tx], Awaitable[None]]
) -> HoldStory:
    """Do it once, and show the hold as it is then."""

    async def done(tx: Tx) -> HoldTask:
        async def do() -> HoldTask:
            await verb(tx)
            found = await hold_queries.hold(tx, hold_id)
            if found is None:
                raise NotFound(f"No hold {hold_id}.")
            return found

        return await once(tx, actor, key, what, HoldTask, do)

    await parts.db.write(done)
    async with parts.db.reading() as tx:  # its history is written with the commit
        found = await hold_queries.hold(tx, hold_id)
    if found is None:
        raise NotFound(f"No hold {hold_id}.")
    return found
