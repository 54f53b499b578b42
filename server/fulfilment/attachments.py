"""Files that commands name: their bytes come later, in pieces, and are kept once they are what their hash says.

A device sends a command first, and what it names afterwards: a file nobody has named is not taken, so nobody can fill
the database. Each device's pieces are its own until they are the whole; who comes second is told that all is here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from server.fulfilment.tables import AttachmentRow
from server.kit import bulk
from server.kit.auth import Actor
from server.kit.transaction import Row, Tx
from shared.errors import InvalidInput, NotFound
from shared.proofs import Photo, Received, type_of

FORGOTTEN = timedelta(days=30)
"""Pieces of a file that never became whole: no device has it any more."""
_FIND = "SELECT sha256, node, type, size, whole_at FROM attachment WHERE sha256 = :sha256 AND node = :node"
_HAS = (
    "SELECT coalesce(sum(octet_length(content)), 0) FROM attachment_piece WHERE sha256 = :sha256 AND device = :device"
)
_PUT = (
    "INSERT INTO attachment_piece (sha256, device, start, content, at)"
    " VALUES (:sha256, :device, :start, :content, :now)"
)
_DROP = "DELETE FROM attachment_piece WHERE sha256 = :sha256 AND device = :device"
_ALL = "SELECT content FROM attachment_piece WHERE sha256 = :sha256 AND device = :device ORDER BY start"
_KEEP = "UPDATE attachment SET content = :content, whole_at = :now WHERE sha256 = :sha256 AND node = :node"


async def expect(tx: Tx, photos: Sequence[Photo], *, node: str, device: str) -> None:
    """A command has named these; they may be sent now."""
    rows = [
        {**photo.model_dump(), "node": node, "device": device, "named_at": tx.now}
        for photo in {photo.sha256: photo for photo in photos}.values()
    ]
    await bulk.insert(tx, AttachmentRow, rows, conflict="ON CONFLICT DO NOTHING")


async def received(tx: Tx, device: Actor, sha256: str) -> Received:
    """How much of a file this device has sent. Raises `NotFound` where no command of its store has named it."""
    return await _state(tx, await _named(tx, device, sha256, _FIND), device.id)


async def _named(tx: Tx, device: Actor, sha256: str, sql: str) -> Row:
    found = await tx.one(sql, sha256=sha256, node=min(device.nodes))
    if found is None:
        remedy = "Push the hand-off that names it first; then send the file."
        raise NotFound("No hand-off has named a file with this hash.", field="path.sha256", remedy=remedy)
    return found


async def _state(tx: Tx, file: Row, device: str) -> Received:
    whole = file["whole_at"] is not None
    here = file["size"] if whole else int(await tx.value(_HAS, sha256=file["sha256"], device=device))
    return Received(sha256=file["sha256"], size=file["size"], received=here, whole=whole)


async def take(tx: Tx, device: Actor, sha256: str, start: int, piece: bytes) -> tuple[Received, InvalidInput | None]:
    """Keep a piece that goes on where this device has stopped; any other is left, and the answer says where to go on.
    With the last piece the whole is looked at. What is not as its command said is thrown away: then the second value
    says why, for the caller to raise once that has been committed."""
    file = await _named(tx, device, sha256, f"{_FIND} FOR UPDATE")
    before = await _state(tx, file, device.id)
    if before.whole or start != before.received or not piece:
        return before, None
    if start + len(piece) > before.size:
        raise InvalidInput(
            f"The piece ends at byte {start + len(piece)} of {before.size}.",
            field="body",
            remedy="Send the bytes from Upload-Offset to the size that the hand-off named.",
        )
    await tx.run(_PUT, sha256=sha256, device=device.id, start=start, content=piece, now=tx.now)
    after = before.model_copy(update={"received": start + len(piece)})
    return await _close(tx, file, device.id) if after.received == after.size else (after, None)


async def _close(tx: Tx, file: Row, device: str) -> tuple[Received, InvalidInput | None]:
    """Every byte is here: either it is what it should be, or the device begins anew."""
    sha256, size = file["sha256"], file["size"]
    whole = b"".join([row["content"] for row in await tx.rows(_ALL, sha256=sha256, device=device)])
    if problem := _wrong(whole, sha256, file["type"]):
        await tx.run(_DROP, sha256=sha256, device=device)
        return Received(sha256=sha256, size=size, received=0, whole=False), problem
    await tx.run(_KEEP, sha256=sha256, node=file["node"], content=whole, now=tx.now)
    await tx.run(_DROP, sha256=sha256, device=device)
    return Received(sha256=sha256, size=size, received=size, whole=True), None


def _wrong(whole: bytes, sha256: str, named: str) -> InvalidInput | None:
    if hashlib.sha256(whole).hexdigest() != sha256:
        return InvalidInput(
            "The bytes do not add up to their hash, and were thrown away.",
            field="body",
            remedy="Send the file again from Upload-Offset 0.",
        )
    if type_of(whole) != named:
        said = type_of(whole) or "none of image/jpeg, image/png and image/webp"
        return InvalidInput(
            f"The file was named as {named}, and its first bytes say {said}.",
            field="body",
            remedy="Name the type that the file has.",
        )
    return None


async def photo(tx: Tx, sha256: str, node: str) -> Row | None:
    """type and content of a file that is whole."""
    return await tx.one(
        "SELECT type, content FROM attachment WHERE sha256 = :sha256 AND node = :node AND whole_at IS NOT NULL",
        sha256=sha256,
        node=node,
    )


async def forget_pieces(tx: Tx) -> int:
    """Throw away what never became whole; how many pieces that were."""
    return await tx.run("DELETE FROM attachment_piece WHERE at < :before", before=tx.now - FORGOTTEN)
