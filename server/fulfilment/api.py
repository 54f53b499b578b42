"""HTTP for jobs: for warehouses, third parties, vendors and head office. Devices use `/v1/sync`."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from server.fulfilment import queries, service
from server.kit.auth import Actor, node_scope
from server.kit.once import once
from server.kit.pages import After, Limit, decode, encode
from server.kit.transaction import Tx
from server.kit.web import IdempotencyKey, PartsDep, allowed, problems
from shared.errors import BatonError, InvalidInput, NotFound
from shared.fulfilment import Command, Fulfilment, Notice, Outcome, State
from shared.kernel import Input, Wire

router = APIRouter(prefix="/v1", tags=["fulfilment"])


class JobPage(Wire):
    jobs: list[Fulfilment]
    next: str | None = None


@router.get("/fulfilments", responses=problems())
async def find_jobs(
    parts: PartsDep,
    actor: Annotated[Actor, allowed("fulfilment.read")],
    node: Annotated[str | None, Query(max_length=24)] = None,
    state: Annotated[list[State] | None, Query(max_length=20)] = None,
    order: Annotated[UUID | None, Query(description="Jobs of this order.")] = None,
    after: After = None,
    limit: Limit = 50,
) -> JobPage:
    """Jobs, oldest first. A warehouse polls its own with `node` and `state=offered`."""
    key = decode(after, (str,))
    try:
        after_id = UUID(str(key[0])) if key else None
    except ValueError:
        raise InvalidInput("This cursor is not ours.", field="query.after", remedy="Start without `after`.") from None
    async with parts.db.reading() as tx:
        rows = await queries.jobs(
            tx,
            node=node,
            nodes=node_scope(actor),
            states=[s.value for s in state] if state else None,
            order_id=order,
            after=after_id,
            limit=limit,
        )
    return JobPage(jobs=rows, next=encode(str(rows[-1].id)) if len(rows) == limit else None)


@router.get("/fulfilments/{job_id}", responses=problems(404))
async def get_job(job_id: UUID, parts: PartsDep, actor: Annotated[Actor, allowed("fulfilment.read")]) -> Fulfilment:
    """One job: its lines with every unit's place, packages, and why this node has it."""
    async with parts.db.reading() as tx:
        found = await queries.job(tx, job_id)
    if found is None or not (actor.everywhere or found.node in actor.nodes):
        raise NotFound(f"No job {job_id}.")
    return found


class Commands(Input):
    commands: list[Command] = Field(min_length=1, max_length=200)


class CommandAnswer(Wire):
    status: str = Field(description="applied, already_done, adjusted, refused, exception or error.")
    state: State | None = Field(default=None, description="State of the job after it.")
    notice: Notice | None = None
    problem: dict[str, Any] | None = None


class CommandAnswers(Wire):
    answers: list[CommandAnswer]


@router.post("/fulfilments/commands", responses=problems(400, 404, 413))
async def command_jobs(
    body: Commands,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("fulfilment.work")],
    idempotency_key: IdempotencyKey = None,
) -> CommandAnswers:
    """Carry out commands in order: accept, pick, short, pack, label, ship ... Each has its own answer.

    Totals are absolute per sender and line ("picked 2 of line 1 so far"), so sending a command again changes nothing.
    """

    async def work(tx: Tx) -> CommandAnswers:
        async def do() -> CommandAnswers:
            done = await service.carry_out(tx, actor, body.commands)
            return CommandAnswers(answers=[_answer(each) for each in done])

        return await once(tx, actor, idempotency_key, f"commands {body.model_dump_json()}", CommandAnswers, do)

    return await parts.db.write(work)


def _answer(done: Outcome | BatonError) -> CommandAnswer:
    if isinstance(done, BatonError):
        return CommandAnswer(status="error", problem=done.problem().model_dump(mode="json"))
    return CommandAnswer(
        status=done.status,
        state=done.fulfilment.state,
        notice=done.refusal or done.exception or done.adjustment,
    )
