"""HTTP for what customers left at hand-offs: personal data, so every look at it stands in the audit."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from server.fulfilment import proofs
from server.kit.auth import Actor
from server.kit.web import PartsDep, allowed, problems
from shared.kernel import Wire
from shared.proofs import ProofView, Sha256

router = APIRouter(prefix="/v1", tags=["fulfilment"])
Reader = Annotated[Actor, allowed("proof.read")]
_PICTURE = {"schema": {"type": "string", "format": "binary"}}


class Proofs(Wire):
    proofs: list[ProofView]


@router.get("/fulfilments/{job_id}/proofs", responses=problems(404))
async def get_proofs(job_id: UUID, parts: PartsDep, actor: Reader) -> Proofs:
    """Who took it: what was left at each hand-off of a job, as strokes on a pad 1000 wide and 500 high, and the hash of
    a photo. The list is empty where nothing was left. Each look is recorded in the audit."""
    return Proofs(proofs=await parts.db.write(lambda tx: proofs.of_job(tx, actor, job_id)))


@router.get(
    "/fulfilments/{job_id}/proofs/{sha256}",
    response_class=Response,
    responses={
        **problems(404),
        200: {
            "description": "The photo.",
            "content": {"image/jpeg": _PICTURE, "image/png": _PICTURE, "image/webp": _PICTURE},
        },
    },
)
async def get_photo(job_id: UUID, sha256: Sha256, parts: PartsDep, actor: Reader) -> Response:
    """A photo that a hand-off of the job has named. 404 while it still waits on the device that took it. Each look is
    recorded in the audit."""
    kind, picture = await parts.db.write(lambda tx: proofs.photo_of_job(tx, actor, job_id, sha256))
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Disposition": "inline"}
    return Response(picture, media_type=kind, headers=headers)
