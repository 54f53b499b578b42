"""Head office's live page: orders as they arrive, where each was routed and why, and every node's load.

A planner signs in with an API key that may read the board. The page asks for the same figures as `board_api`, over a
cookie that works under `/live` only and for reading only.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from server.kit.auth import NOBODY, Actor, authorize, may
from server.kit.web import PartsDep
from server.orders import queries as orders
from server.pages import board, session
from server.pages.board import Board, BoardOrder
from server.pages.office import HEADERS, MAX_FORM, office_page, page
from server.routing import queries as routing
from server.routing.queries import LineWhy
from shared.errors import NotAllowed, NotFound, NotSignedIn
from shared.kernel import NodeCode, Wire
from shared.orders import OrderView, TimelineEntry

router = APIRouter(prefix="/live", include_in_schema=False)
SIGN_IN = "/live/sign-in"
NEWEST = 60
"""Orders on the page."""
_HERE = Path(__file__).parent
_ASSETS = {
    "live.js": "text/javascript",
    "live.css": "text/css",
    "office.css": "text/css",
    "plans.js": "text/javascript",
    "plans.css": "text/css",
}


class Seen(Wire):
    """One order with everything a planner may ask about it."""

    order: OrderView
    timeline: list[TimelineEntry]
    why: list[LineWhy]


class Now(Wire):
    """What the page shows, in one answer."""

    board: Board
    orders: list[BoardOrder]


async def planner(request: Request, parts: PartsDep) -> Actor:
    """Who is signed in at this page. Raises `NotSignedIn`, or `NotAllowed` without `board.read`."""
    async with parts.db.reading() as tx:
        actor = await session.actor_behind(tx, parts.keys, request.cookies.get(session.COOKIE))
    if actor is NOBODY:
        raise NotSignedIn("Your session has ended.", remedy="Sign in again.")
    authorize(actor, "board.read")
    return actor


Planner = Annotated[Actor, Depends(planner)]


@router.get("")
async def show(request: Request, parts: PartsDep) -> Response:
    """The page, or its door."""
    try:
        actor = await planner(request, parts)
    except (NotSignedIn, NotAllowed):
        return page("live_sign_in.html", wrong=None)
    return office_page("live.html", "/live", actor)


@router.post("/sign-in")
async def sign_in(request: Request, parts: PartsDep) -> Response:
    """Take a key from the form, give a cookie."""
    form = parse_qs((await request.body())[:MAX_FORM].decode("utf-8", "replace"), max_num_fields=10)
    key = form.get("key", [""])[0].strip()
    actor = await request.app.state.resolve_actor.actor(key) if key.startswith("bk_") else NOBODY
    if actor is NOBODY:
        return page("live_sign_in.html", 401, wrong="This is not one of our keys, or it was revoked.")
    if not may(actor, "board.read"):
        return page("live_sign_in.html", 403, wrong="This key may not read the board. Ask for one with board.read.")
    answer = RedirectResponse("/live", 303, HEADERS)
    answer.set_cookie(
        session.COOKIE,
        session.make(parts.keys, UUID(actor.id), parts.db.clock()),
        max_age=int(session.LASTS.total_seconds()),
        path="/live",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


@router.post("/sign-out")
async def sign_out() -> Response:
    """Forget the session on this browser."""
    answer = RedirectResponse("/live", 303, HEADERS)
    answer.delete_cookie(session.COOKIE, path="/live")
    return answer


@router.get("/now")
async def now(
    request: Request, parts: PartsDep, actor: Planner, node: Annotated[NodeCode | None, Query()] = None
) -> Response:
    """Everything the page shows; 304 while nothing has changed."""
    async with parts.db.reading() as tx:
        seen = Now(board=await board.board(tx), orders=list(await board.newest(tx, node=node, limit=NEWEST)))
    return _json(request, seen, still=seen.model_dump_json(exclude={"board": {"at"}}))


@router.get("/orders/{order_id}")
async def order(request: Request, order_id: UUID, parts: PartsDep, actor: Planner) -> Response:
    """One order, its story, and why each line went where it did. Names and addresses need `order.read`."""
    authorize(actor, "order.read")
    async with parts.db.reading() as tx:
        found = await orders.order(tx, order_id)
        if found is None:
            raise NotFound(f"No order {order_id}.")
        story, why = await orders.timeline(tx, order_id), await routing.explained(tx, order_id)
    return _json(request, Seen(order=found, timeline=story, why=why))


@router.get("/assets/{name}")
async def asset(name: str) -> Response:
    """The page's script and style."""
    if name not in _ASSETS:
        raise NotFound("No such file.")
    body = (_HERE / "static" / name).read_bytes()
    return Response(body, media_type=_ASSETS[name], headers={**HEADERS, "Cache-Control": "no-cache"})


def _json(request: Request, seen: BaseModel, *, still: str | None = None) -> Response:
    body = seen.model_dump_json()
    tag = f'"{hashlib.sha256((still or body).encode()).hexdigest()[:32]}"'
    headers = {**HEADERS, "Cache-Control": "no-cache", "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
