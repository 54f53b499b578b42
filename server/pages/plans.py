"""Head office's pages of routing plans: read one in sentences, write a draft, try it on an order, let it decide.

They are forms, so that they work on any browser; a few lines of script only lead from a problem to its line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response
from pydantic import ValidationError

from server.kit.auth import Actor, authorize, may
from server.kit.findings import field_problems
from server.kit.transaction import Tx
from server.kit.web import Parts, PartsDep
from server.pages import office
from server.pages.office import SignedIn, back, form
from server.pages.sources import Source, source_of
from server.routing import plans, words
from server.routing.plans_api import Name, Version
from server.routing.preview import preview
from server.routing.rules import PlanBody, RoutingPlan
from server.routing.views import PlanView, PreviewOrder
from shared.errors import BatonError, FieldProblem

router = APIRouter(prefix="/live/plans", include_in_schema=False)
HERE = "/live/plans"
MAX_PLAN = 400_000
"""Bytes of a plan in a form."""
MOST_ORDERS = 50
"""Tried at once."""


async def _reader(actor: SignedIn) -> Actor:
    """Who is signed in and may read plans; whoever may not is shown the live page."""
    if not may(actor, "plan.read"):
        raise HTTPException(303, "Plans are read with plan.read.", {"Location": "/live"})
    return actor


Reader = Annotated[Actor, Depends(_reader)]


@router.get("")
async def show_all(parts: PartsDep, actor: Reader) -> Response:
    """Every version."""
    async with parts.db.reading() as tx:
        found = await plans.digests(tx)
    return _page("plans.html", actor, plans=[(_at(each.name, each.version), each) for each in found])


@router.get("/{name}/{version}")
async def show(name: Name, version: Version, parts: PartsDep, actor: Reader) -> Response:
    """One version in sentences, beside what decides now."""
    return await _shown(parts, actor, name, version)


@router.post("/{name}/{version}/preview")
async def try_on_orders(name: Name, version: Version, request: Request, parts: PartsDep, actor: Reader) -> Response:
    """What it would decide about these orders."""
    asked = (await form(request)).get("orders", "").replace(",", " ").split()[:MOST_ORDERS]
    try:
        authorize(actor, "order.read")
        async with parts.db.reading() as tx:
            found = await preview(tx, await plans.load(tx, name, version), asked)
    except BatonError as error:
        return await _shown(parts, actor, name, version, asked=asked, wrong=office.words(error))
    return await _shown(parts, actor, name, version, asked=asked, orders=found)


@router.get("/{name}/{version}/edit")
async def edit(name: Name, version: Version, parts: PartsDep, actor: Reader) -> Response:
    """The document as text; of what is no draft, a new draft is made."""
    async with parts.db.reading() as tx:
        view = await plans.view(tx, name, version)
    note = view.note if view.status == "draft" else ""
    return _editor(actor, view, source_of(_short(view.plan)), note, [])


@router.post("/{name}/{version}/edit")
async def save(name: Name, version: Version, request: Request, parts: PartsDep, actor: Reader) -> Response:
    """Keep the draft, or make one; what is wrong is shown at its line."""
    fields = await form(request, most=MAX_PLAN, lines="plan")
    async with parts.db.reading() as tx:
        view = await plans.view(tx, name, version)
    source, body, wrong = _read(fields.get("plan", ""))
    note = fields.get("note", "")[:500]
    if body is not None:
        try:
            kept = await parts.db.write(lambda tx: _kept(tx, actor, view, body, fields.get("revision", ""), note))
            return back(_at(kept.name, kept.version))
        except BatonError as error:
            wrong = error.fields or [FieldProblem(field="", message=error.detail, remedy=error.remedy)]
    return _editor(actor, view, source, note, wrong, status=422)


async def _kept(tx: Tx, actor: Actor, view: PlanView, body: PlanBody, revision: str, note: str) -> PlanView:
    if view.status != "draft":
        return await plans.draft(tx, actor, body, note=note)
    seen = int(revision) if revision.isdecimal() else 0
    return await plans.change(tx, actor, view.name, view.version, body, revision=seen, note=note)


@router.get("/{name}/{version}/activate")
async def ask_to_activate(name: Name, version: Version, parts: PartsDep, actor: Reader) -> Response:
    """What would change, and the question."""
    return await _shown(parts, actor, name, version, template="plan_activate.html")


@router.post("/{name}/{version}/activate")
async def activate(name: Name, version: Version, request: Request, parts: PartsDep, actor: Reader) -> Response:
    """Let it decide."""
    await form(request)
    try:
        await parts.db.write(lambda tx: plans.activate(tx, actor, name, version))
    except BatonError as error:
        return await _shown(parts, actor, name, version, wrong=office.words(error))
    return back(_at(name, version))


@router.post("/{name}/{version}/archive")
async def archive(name: Name, version: Version, request: Request, parts: PartsDep, actor: Reader) -> Response:
    """Put a draft aside."""
    await form(request)
    try:
        await parts.db.write(lambda tx: plans.archive(tx, actor, name, version))
    except BatonError as error:
        return await _shown(parts, actor, name, version, wrong=office.words(error))
    return back(_at(name, version))


# ---------------------------------------------------------------- showing


async def _shown(
    parts: Parts,
    actor: Actor,
    name: str,
    version: int,
    *,
    template: str = "plan.html",
    asked: Sequence[str] = (),
    orders: Sequence[PreviewOrder] = (),
    wrong: str = "",
) -> Response:
    async with parts.db.reading() as tx:
        view, now = await plans.view(tx, name, version), await plans.active_view(tx)
    plan = view.plan
    return _page(
        template,
        actor,
        422 if wrong else 200,
        at=_at(name, version),
        view=view,
        active=now,
        when=words.when(plan),
        rules=[(rule.name, words.rule(rule, is_last=rule is plan.rules[-1])) for rule in plan.rules],
        differences=words.differences(now.plan, plan),
        asked=" ".join(asked),
        orders=orders,
        wrong=wrong,
    )


def _editor(
    actor: Actor, view: PlanView, source: Source, note: str, wrong: Sequence[FieldProblem], *, status: int = 200
) -> Response:
    values = {"at": _at(view.name, view.version), "view": view, "source": source, "note": note}
    return _page("plan_edit.html", actor, status, problems=_placed(wrong, source), **values)


def _page(template: str, actor: Actor, status: int = 200, **values: Any) -> Response:
    return office.office_page(template, HERE, actor, status, may_write=may(actor, "plan.write"), **values)


def _at(name: str, version: int) -> str:
    """The address of a version's page."""
    return f"{HERE}/{quote(name)}/{version}"


# ---------------------------------------------------------------- reading what was written


def _short(plan: RoutingPlan) -> dict[str, Any]:
    """What the document says beyond its defaults."""
    return plan.model_dump(mode="json", exclude={"version"}, exclude_defaults=True)


def _read(text: str) -> tuple[Source, PlanBody | None, list[FieldProblem]]:
    """The text in good order, and the plan that it says or what is wrong with it."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        line, said = getattr(error, "lineno", 1), getattr(error, "msg", error)
        remedy = "Look for a comma, a quote or a bracket that is missing or too many."
        problem = FieldProblem(field="", message=f"This is not JSON yet: {said}.", remedy=remedy)
        return Source.raw(text, line), None, [problem]
    source = source_of(said)
    try:
        return source, PlanBody.model_validate(said), []
    except ValidationError as error:
        return source, None, field_problems(error.errors())


def _placed(wrong: Sequence[FieldProblem], source: Source) -> list[dict[str, Any]]:
    """Each problem with the line where it is, in order of lines."""
    found = []
    for each in wrong:
        path = each.field.removeprefix("plan.")
        line = source.line_of(path)
        text = source.lines[line - 1].strip() if line else ""
        found.append({"line": line, "field": path, "text": text, "message": each.message, "remedy": each.remedy})
    return sorted(found, key=lambda each: each["line"] or 0)
