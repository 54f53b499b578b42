"""HTTP for routing plans: work on a draft, try it on an order, see what changes, and let it decide."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field, StringConstraints

from server.kit.auth import Actor, authorize
from server.kit.once import once
from server.kit.transaction import Tx
from server.kit.web import IdempotencyKey, PartsDep, allowed, problems
from server.routing import plans, whatif, words
from server.routing.preview import preview
from server.routing.rules import PlanBody
from server.routing.schema import plan_schema
from server.routing.views import Difference, PlanDigest, PlanView, PreviewOrder
from server.routing.whatif import WhatIf
from shared.kernel import Input, Instant, Wire

router = APIRouter(prefix="/v1/routing/plans", tags=["routing"])

Name = Annotated[str, Path(min_length=1, max_length=60, description="The plan's name.", examples=["standard"])]
Version = Annotated[int, Path(ge=1, le=10**9, examples=[1])]
Note = Annotated[str, Field(default="", max_length=500, description="Why, for those who read it later.")]
PLAN_AT = r"^[^@]+@[1-9][0-9]{0,8}$"
MOST_ORDERS = 2000
"""Played again while somebody waits."""
OrderNumber = Annotated[str, StringConstraints(min_length=1, max_length=60)]


class NewDraft(Input):
    """A plan to work on."""

    plan: PlanBody
    note: Note


class ChangedDraft(NewDraft):
    """The whole plan anew."""

    revision: int = Field(ge=1, le=10**9, description="Of the draft that you read.")


class Plans(Wire):
    """Every version of every plan: the active one, drafts, then those that were."""

    plans: list[PlanDigest]


class Differences(Wire):
    """What changes from one version to another."""

    before: str = Field(examples=["standard v1"])
    after: str = Field(examples=["autumn v2"])
    differences: list[Difference]


class PreviewAsked(Input):
    orders: list[OrderNumber] = Field(
        min_length=1, max_length=200, examples=[["B-1042-7K"]], description="Numbers or ids."
    )


class Previews(Wire):
    """What the plan would decide now about each order, as one batch in order of placing."""

    plan: str
    orders: list[PreviewOrder]


@router.get("", responses=problems())
async def list_routing_plans(parts: PartsDep, actor: Annotated[Actor, allowed("plan.read")]) -> Plans:
    """All versions: the active one, drafts, then archived ones, newest first."""
    async with parts.db.reading() as tx:
        return Plans(plans=await plans.digests(tx))


@router.get("/schema", responses=problems())
async def get_routing_plan_schema(actor: Annotated[Actor, allowed("plan.read")]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a plan, with the parameters of every criterion: for editors that help while
    typing. What a schema cannot say is checked as well when a draft is sent."""
    return plan_schema()


@router.get("/active", responses=problems())
async def get_active_routing_plan(parts: PartsDep, actor: Annotated[Actor, allowed("plan.read")]) -> PlanView:
    """The version that decides now."""
    async with parts.db.reading() as tx:
        return await plans.active_view(tx)


@router.get("/{name}/{version}", responses=problems(404))
async def get_routing_plan(
    name: Name, version: Version, parts: PartsDep, actor: Annotated[Actor, allowed("plan.read")]
) -> PlanView:
    """One version, whole. Every decision names the version it was taken by."""
    async with parts.db.reading() as tx:
        return await plans.view(tx, name, version)


@router.post("", status_code=201, responses=problems(400, 413))
async def draft_routing_plan(
    body: NewDraft,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("plan.write")],
    idempotency_key: IdempotencyKey = None,
) -> PlanView:
    """Make a draft: the next version of the plan with this name. It decides nothing until it is activated."""

    async def work(tx: Tx) -> PlanView:
        async def do() -> PlanView:
            return await plans.draft(tx, actor, body.plan, note=body.note)

        return await once(tx, actor, idempotency_key, f"plan {body!r}", PlanView, do)

    return await parts.db.write(work)


@router.put("/{name}/{version}", responses=problems(400, 404, 409, 413))
async def change_routing_plan(
    name: Name,
    version: Version,
    body: ChangedDraft,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("plan.write")],
) -> PlanView:
    """Write a draft anew. Refused (409) where it is no draft any more, or was changed since you read it."""

    async def work(tx: Tx) -> PlanView:
        return await plans.change(tx, actor, name, version, body.plan, revision=body.revision, note=body.note)

    return await parts.db.write(work)


@router.post("/{name}/{version}/activate", responses=problems(404, 409))
async def activate_routing_plan(
    name: Name, version: Version, parts: PartsDep, actor: Annotated[Actor, allowed("plan.write")]
) -> PlanView:
    """Let this version decide from now on. The one before is archived at the same moment and can be activated again."""
    return await parts.db.write(lambda tx: plans.activate(tx, actor, name, version))


@router.post("/{name}/{version}/archive", responses=problems(404, 409))
async def archive_routing_plan(
    name: Name, version: Version, parts: PartsDep, actor: Annotated[Actor, allowed("plan.write")]
) -> PlanView:
    """Put a draft aside."""
    return await parts.db.write(lambda tx: plans.archive(tx, actor, name, version))


@router.post("/{name}/{version}/preview", responses=problems(400, 404, 413))
async def preview_routing_plan(
    name: Name,
    version: Version,
    body: PreviewAsked,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("plan.read")],
) -> Previews:
    """Ask this version about orders that exist, with today's stock, beside what the active plan would decide. Nothing
    is written. An order that is routed already is looked at as if it came in now. Needs `order.read` too."""
    authorize(actor, "order.read")
    async with parts.db.reading() as tx:
        routing_plan = await plans.load(tx, name, version)
        return Previews(plan=f"{name} v{version}", orders=await preview(tx, routing_plan, body.orders))


class StretchAsked(Input):
    """Which orders to play again, and under which other plan."""

    since: Instant = Field(description="Orders that came in from then on,", examples=["2026-11-02T00:00:00Z"])
    until: Instant = Field(description="and before this; 35 days at most.", examples=["2026-11-09T00:00:00Z"])
    against: str | None = Field(
        default=None, max_length=80, pattern=PLAN_AT, description="name@version; left out: the active plan."
    )


@router.post("/{name}/{version}/what-if", responses=problems(400, 404, 413))
async def play_orders_again(
    name: Name,
    version: Version,
    body: StretchAsked,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("plan.read")],
) -> WhatIf:
    """Play a stretch of real orders again under this version and under another one, with the stock of that time from
    the ledger: fill rate, parcels, way, lateness, shelves emptied. The router of production; nothing is written; the
    same question gets the same answer. Up to 2,000 orders; `baton routing simulate` takes more."""
    async with parts.db.reading() as tx:
        new = await plans.load(tx, name, version)
        old = await plans.named(tx, body.against)
        stretch = await whatif.load_stretch(tx, body.since, body.until, most=MOST_ORDERS)
    return await asyncio.to_thread(whatif.compare, stretch, new, old)


@router.get("/{name}/{version}/diff", responses=problems(404))
async def diff_routing_plan(
    name: Name,
    version: Version,
    parts: PartsDep,
    actor: Annotated[Actor, allowed("plan.read")],
    against: Annotated[
        str | None,
        Query(
            max_length=80,
            pattern=PLAN_AT,
            description="name@version; left out: the active one.",
            examples=["standard@1"],
        ),
    ] = None,
) -> Differences:
    """What changes from another version to this one, field by field; rules and criteria are told by their names."""
    async with parts.db.reading() as tx:
        after = await plans.load(tx, name, version)
        before = await plans.named(tx, against)
    return Differences(
        before=f"{before.name} v{before.version}",
        after=f"{after.name} v{after.version}",
        differences=words.differences(before, after),
    )
