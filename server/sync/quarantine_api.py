"""HTTP for the queue of a device that was revoked: its last push, and what a manager sees of it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Response
from pydantic import StringConstraints

from server.kit import pages
from server.kit.auth import Actor
from server.kit.web import PartsDep, SyncResponse, allowed, problems
from server.sync import quarantine
from server.sync.quarantine import HeldCommand
from shared.errors import InvalidInput
from shared.sync import Quarantine, Quarantined

router = APIRouter(prefix="/v1")


@router.post(
    "/sync/quarantine",
    tags=["device sync"],
    response_class=SyncResponse,
    response_model=Quarantined,
    responses=problems(400, 413),
)
async def leave_queue(
    body: Quarantine,
    parts: PartsDep,
    authorization: Annotated[str | None, Header(max_length=400, description="The revoked device's own token.")] = None,
) -> Response:
    """The last push of a device that was revoked: its queue is held for a manager. 403: the device is not revoked."""
    scheme, _, token = (authorization or "").partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else None
    kept = await parts.db.write(lambda tx: quarantine.hold(tx, given, body))
    return SyncResponse(kept.model_dump_json())


@router.get("/devices/{device_id}/quarantine", tags=["devices"], responses=problems(404))
async def find_quarantine(
    device_id: Annotated[str, StringConstraints(min_length=1, max_length=64)],
    parts: PartsDep,
    actor: Annotated[Actor, allowed("device.revoke")],
    after: pages.After = None,
    limit: pages.Limit = 50,
) -> pages.Page[HeldCommand]:
    """Commands a revoked device could not send any more: held, not carried out. For a manager to look through."""
    key = pages.decode(after, (int, str))
    start = (int(key[0]), _uuid(key[1])) if key else None
    async with parts.db.reading() as tx:
        rows = await quarantine.held(tx, actor, device_id, after=start, limit=limit + 1)
    return pages.page(rows, limit, lambda row: (row.n, str(row.id)))


def _uuid(text: str | int) -> UUID:
    try:
        return UUID(str(text))
    except ValueError:
        remedy = "Start without `after`."
        raise InvalidInput("This cursor is not one of ours.", field="query.after", remedy=remedy) from None
