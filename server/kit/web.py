"""What every route uses: the application's parts, who is asking, and one shape of answer for errors."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse

from server.kit import auth
from server.kit.auth import Actor
from server.kit.database import Database
from server.settings import Settings
from shared.api import MEDIA_TYPE
from shared.errors import Problem


@dataclass
class Parts:
    """What the application is made of; built once in `create_app` and handed in, never imported."""

    settings: Settings
    db: Database
    keys: Any = None
    """Signing keys of this installation (`server.kit.keys.Keys`)."""
    ports: dict[str, Any] = field(default_factory=dict)
    """The far side: `payments`, `messenger`. Wiring puts them here."""
    caches: dict[str, Any] = field(default_factory=dict)
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process is asked to stop: long polls end, `/readyz` says no."""


async def parts_of(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


async def actor_of(request: Request) -> Actor:
    """Who is asking. Set by the people slice's resolver; nobody without a valid token."""
    resolver = request.app.state.resolve_actor
    actor: Actor = await resolver(request)
    return actor


def allowed(action: str) -> Any:
    """A dependency that lets only those through who may do `action` somewhere, and gives the actor.

    Where the thing belongs to a node, the route asks `authorize(actor, action, node=...)` again with that node.
    """

    async def check(request: Request) -> Actor:
        actor = await actor_of(request)
        auth.authorize(actor, action)
        return actor

    check.action = action  # type: ignore[attr-defined]
    return Depends(check)


class SyncResponse(JSONResponse):
    """An answer of the device protocol: its media type tells devices that it is ours, not a captive portal's."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        """Text is JSON already."""
        return content.encode() if isinstance(content, str) else super().render(content)


PartsDep = Annotated[Parts, Depends(parts_of)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=120,
        description="Makes the request happen once, however often it is sent. Same key and other body: 422.",
        examples=["7b0f3c1e-2f5e-4d0f-9f65-0a6a2f1c9a11"],
    ),
]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI rows for error answers; 401, 403 and 422 come by themselves."""
    return {
        status: {"model": Problem, "content": {"application/problem+json": {}}, "description": _MEANING[status]}
        for status in sorted({401, 403, 422, *statuses})
    }


_MEANING = {
    400: "The body is not JSON.",
    401: "No token, or one that is unknown, expired or revoked.",
    402: "The payment was refused.",
    403: "Signed in, but outside role, node or scope.",
    404: "No such thing, or not yours to see.",
    409: "Does not fit the present state; the problem says why.",
    413: "The body is larger than the route takes.",
    422: "A field is wrong; the problem names it and the remedy.",
    426: "The app is too old for this server.",
    429: "Over a limit; try again after Retry-After.",
    503: "Not ready; try again after Retry-After.",
}
