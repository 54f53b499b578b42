"""Is the process alive, may it get traffic, and how is it doing: for load balancers and monitors."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from server.kit import migrate
from server.kit.web import Parts, PartsDep, problems
from shared.errors import Unavailable

PATIENCE_S = 3
router = APIRouter(tags=["health"])


class Ready(BaseModel):
    """Green for a load balancer."""

    ready: bool = Field(examples=[True])


@router.get("/livez", response_model=Ready)
async def livez() -> Any:
    """The process answers. Restart it when this fails."""
    return Ready(ready=True)


@router.get("/readyz", response_model=Ready, responses=problems(503))
async def readyz(parts: PartsDep) -> Any:
    """The database takes writes, its schema is this build's, and the process is not on its way out."""
    if parts.draining.is_set():
        raise Unavailable("This process is shutting down.", remedy="Send traffic to another one.")
    await check(parts)
    return Ready(ready=True)


async def check(parts: Parts) -> None:
    """Raises `Unavailable` unless the database can be used."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await parts.db.ping()
            async with parts.db.engine.connect() as conn:
                current = await migrate.at_head(conn)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        raise Unavailable(f"The database does not answer or takes no writes ({type(error).__name__}).") from error
    if not current:
        raise Unavailable("The database has another schema.", remedy="Run: baton db upgrade")


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Figures in Prometheus' text format."""
    return Response(generate_latest(request.app.state.figures.registry), media_type=CONTENT_TYPE_LATEST)
