"""HTTP for files that device commands name: in pieces, so that a broken line costs one piece and not the file.
Few pieces are taken at a time, in turns of their own, so that commands never wait behind photos.

A device that was revoked leaves its files by a door of its own, as it leaves its queue.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response

from server.fulfilment import attachments
from server.kit.auth import Actor
from server.kit.web import Parts, PartsDep, SyncResponse, allowed, problems
from server.people import tokens
from server.sync.turns import turns
from shared.errors import TooLarge
from shared.proofs import MAX_PHOTO_BYTES, PIECE_BYTES, Received, Sha256

router = APIRouter(prefix="/v1/sync", tags=["device sync"])
Device = Annotated[Actor, allowed("sync")]
Offset = Annotated[
    int,
    Header(
        alias="Upload-Offset",
        ge=0,
        le=MAX_PHOTO_BYTES,
        description="Where in the file the body begins: `received` of the answer before, 0 at first.",
    ),
]
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": f"The bytes from Upload-Offset on, at most {PIECE_BYTES:,} of them.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


async def _revoked(
    parts: PartsDep,
    authorization: Annotated[str | None, Header(max_length=400, description="The revoked device's own token.")] = None,
) -> Actor:
    scheme, _, token = (authorization or "").partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else None
    return await parts.db.read(lambda tx: tokens.revoked_device(tx, given))


async def _piece(request: Request) -> bytes:
    """The body, as far as one piece may be long."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > PIECE_BYTES:
            raise TooLarge(f"A piece has at most {PIECE_BYTES:,} bytes.", remedy="Send the file in smaller pieces.")
    return bytes(body)


@router.get("/attachments/{sha256}", response_class=SyncResponse, response_model=Received, responses=problems(404))
async def find_attachment(sha256: Sha256, parts: PartsDep, device: Device) -> Response:
    """How much of a file the server has of this device, and whether it is whole, whoever sent it. 404: no command has
    named it."""
    found = await parts.db.read(lambda tx: attachments.received(tx, device, sha256))
    return SyncResponse(found.model_dump_json())


@router.put(
    "/attachments/{sha256}",
    response_class=SyncResponse,
    response_model=Received,
    responses=problems(404, 413),
    openapi_extra=_BODY,
)
async def send_attachment(
    sha256: Sha256, request: Request, parts: PartsDep, device: Device, upload_offset: Offset = 0
) -> Response:
    """Send a file that a hand-off has named: the command first, then its bytes, piece after piece.

    The answer says how much is there (`received`): go on from that byte until `whole` is true. A piece that does not
    begin there is left, and the answer says where to go on, so that sending one again is harmless. `GET` says the same
    without a piece. Several devices may send the same file; the first that has sent all of it has done so for all.

    At most 2 MB; JPEG, PNG or WebP by their first bytes. With the last piece the SHA-256 is worked out: bytes that do
    not add up to it are thrown away and answered with 422; begin at 0 again."""
    return await _take(parts, device, sha256, upload_offset, await _piece(request))


@router.put(
    "/quarantine/attachments/{sha256}",
    response_class=SyncResponse,
    response_model=Received,
    responses=problems(404, 413),
    openapi_extra=_BODY,
)
async def leave_attachment(
    sha256: Sha256,
    request: Request,
    parts: PartsDep,
    device: Annotated[Actor, Depends(_revoked)],
    upload_offset: Offset = 0,
) -> Response:
    """The same for a device that was revoked and has left its queue: the files its commands have named, before it
    destroys its keys. 403: the device is not revoked."""
    return await _take(parts, device, sha256, upload_offset, await _piece(request))


async def _take(parts: Parts, device: Actor, sha256: str, start: int, piece: bytes) -> Response:
    async with turns(parts, "photo").one():
        answer, problem = await parts.db.write(lambda tx: attachments.take(tx, device, sha256, start, piece))
    if problem is not None:
        raise problem
    return SyncResponse(answer.model_dump_json())
