"""HTTP for what people must settle: for customer care and head office. Stores see theirs in the app, by `/v1/sync`."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from server.fulfilment import exceptions, queries
from server.kit.auth import Actor, node_scope
from server.kit.once import once
from server.kit.pages import After, Limit, Page, decode, page
from server.kit.transaction import Tx
from server.kit.web import IdempotencyKey, PartsDep, allowed, problems
from shared.errors import InvalidInput, NotFound
from shared.exceptions import EXCEPTIONS
from shared.kernel import Input, NodeCode, Wire
from shared.put_back import Found
from shared.sync import ExceptionDoc

router = APIRouter(prefix="/v1/exceptions", tags=["exceptions"])
Owner = Literal["associate", "lead", "agent"]


class Answer(Wire):
    """One way to settle an exception."""

    code: str = Field(examples=["came_back"])
    roles: list[str] = Field(description="Who may give it.", examples=[["agent", "lead"]])
    note: bool = Field(description="It needs a note.")
    stock: str | None = Field(
        default=None, description="The exception's units are back on their shelves: reason of the movement booked."
    )
    to_care: bool = Field(description="Does not settle it: customer care owns it from then on.")


class KindOfException(Wire):
    """Who must settle this kind of exception, by when, and how."""

    kind: str = Field(examples=["handed_off_after_close"])
    owner: str = Field(description="associate or lead of the store, or agent (customer care).", examples=["agent"])
    due_minutes: int = Field(description="Time until it is overdue.", examples=[240])
    resolutions: list[Answer]
    steps: list[str] = Field(description="What to do, in order; the app has the sentences.", examples=[["find_bag"]])


@router.get("/kinds", responses=problems())
async def get_kinds(actor: Annotated[Actor, allowed("fulfilment.read")]) -> list[KindOfException]:
    """Every kind of exception with its owner, its due time and the answers there are."""
    return [
        KindOfException(
            kind=code,
            owner=kind.owner,
            due_minutes=int(kind.due.total_seconds() // 60),
            resolutions=[
                Answer(code=r.code, roles=sorted(r.by), note=r.note, stock=r.restock, to_care=r.to_care)
                for r in kind.resolutions
            ],
            steps=list(kind.steps),
        )
        for code, kind in EXCEPTIONS.items()
    ]


@router.get("", responses=problems())
async def find_exceptions(
    parts: PartsDep,
    actor: Annotated[Actor, allowed("fulfilment.read")],
    node: Annotated[NodeCode | None, Query(description="Only of this node.")] = None,
    owner: Annotated[Owner | None, Query(description="Only those this role must settle.")] = None,
    state: Annotated[
        Literal["open", "settled", "all"], Query(description="Settled ones say by whom and how.")
    ] = "open",
    overdue: Annotated[bool | None, Query(description="Only those past their due time, or only the others.")] = None,
    order: Annotated[str | None, Query(max_length=24, description="Only of this order (its number).")] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[ExceptionDoc]:
    """Facts that contradict the books and units to put back, oldest first, each with an owner and a due time."""
    async with parts.db.reading() as tx:
        rows = await queries.exceptions(
            tx,
            node=node,
            nodes=node_scope(actor),
            owner=owner,
            settled={"open": False, "settled": True, "all": None}[state],
            overdue=overdue,
            order_number=order,
            after=_id(after),
            limit=limit + 1,
        )
    return page(rows, limit, lambda row: (str(row.id),))


def _id(cursor: str | None) -> UUID | None:
    key = decode(cursor, (str,))
    try:
        return UUID(str(key[0])) if key else None
    except ValueError:
        raise InvalidInput("This cursor is not ours.", field="query.after", remedy="Start without `after`.") from None


@router.get("/{exception_id}", responses=problems(404))
async def get_exception(
    exception_id: UUID, parts: PartsDep, actor: Annotated[Actor, allowed("fulfilment.read")]
) -> ExceptionDoc:
    """One exception: what happened, whose it is, and how it was settled."""
    async with parts.db.reading() as tx:
        found = await queries.exceptions(tx, ids=[exception_id], nodes=node_scope(actor))
    if not found:
        raise NotFound(f"No exception {exception_id}.")
    return found[0]


class Settlement(Input):
    """How it was settled."""

    resolution: str = Field(
        min_length=1,
        max_length=40,
        description="A code of this kind; see `GET /v1/exceptions/kinds`.",
        examples=["came_back"],
    )
    note: str | None = Field(
        default=None,
        max_length=500,
        description="For the record; some answers need one.",
        examples=["The customer brought it back on Friday."],
    )
    lines: tuple[Found, ...] = Field(
        default=(), max_length=500, description="For `put_back`: units that were found. None named: all of them."
    )


@router.post("/{exception_id}/settle", responses=problems(404, 409))
async def settle_exception(
    exception_id: UUID,
    body: Settlement,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("exception.settle")],
    idempotency_key: IdempotencyKey = None,
) -> ExceptionDoc:
    """Say what was done; stock follows where units came back or are missing. What somebody else has settled meanwhile
    stays as they settled it, and is what is answered."""

    async def work(tx: Tx) -> ExceptionDoc:
        async def do() -> ExceptionDoc:
            settled = await exceptions.settle(
                tx, actor, exception_id, resolution=body.resolution, note=body.note, found=body.lines
            )
            return settled or (await queries.exceptions(tx, ids=[exception_id]))[0]

        mark = f"settle {exception_id} {body.model_dump_json()}"
        return await once(tx, actor, idempotency_key, mark, ExceptionDoc, do)

    return await parts.db.write(work)
