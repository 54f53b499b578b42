"""HTTP for the promise to a cart: in which ways it can be had, from where, and by when."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter

from server.kit.auth import Actor
from server.kit.web import PartsDep, allowed, problems
from server.routing.promise import promise
from server.routing.promise_views import Asked, Promise

router = APIRouter(prefix="/v1", tags=["availability"])


@router.post("/promises", responses=problems(400, 413))
async def promise_to_cart(body: Asked, parts: PartsDep, actor: Annotated[Actor, allowed("stock.read")]) -> Promise:
    """What a cart may be promised now: which nodes would send it and when it leaves, and at which stores it can be
    collected and from when, by their own hours, holidays and carriers.

    It is what the router would decide if this were ordered now; nothing is reserved, and asking changes nothing, so no
    Idempotency-Key is needed.
    """
    async with parts.db.reading() as tx:
        return await promise(tx, body)
