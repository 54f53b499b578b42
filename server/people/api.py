"""HTTP for people, devices and keys."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from server.kit import auth
from server.kit.auth import Actor
from server.kit.web import actor_of, problems
from shared.errors import NotSignedIn
from shared.kernel import Wire

router = APIRouter(prefix="/v1", tags=["people"])


class Me(Wire):
    """Who the token belongs to, and what they may do."""

    kind: str
    id: str
    name: str
    roles: list[str]
    nodes: list[str]
    device: str | None
    permissions: list[str]


@router.get("/me", responses=problems())
async def get_me(actor: Annotated[Actor, Depends(actor_of)]) -> Any:
    """Who am I? For checking a token."""
    if actor.kind == "nobody":
        raise NotSignedIn("Send a token in the Authorization header.", remedy="Authorization: Bearer <token>")
    permissions = sorted(action for action in auth.PERMISSIONS if auth.may(actor, action))
    return Me(
        kind=actor.kind,
        id=actor.id,
        name=actor.name,
        roles=sorted(actor.roles),
        nodes=sorted(actor.nodes),
        device=actor.device,
        permissions=permissions,
    )
