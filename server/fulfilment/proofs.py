"""What customers left at hand-offs: kept with the job, shown to those who may, and every look is written down."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from server.fulfilment import attachments
from server.fulfilment.tables import ProofRow
from server.kit import audit, bulk
from server.kit.auth import Actor, authorize
from server.kit.transaction import Row, Tx
from shared.errors import NotFound
from shared.fulfilment import Command, Context, Fulfilment, HandOff
from shared.proofs import PhotoView, ProofView, Signature


async def keep(tx: Tx, job: Fulfilment, command: Command, ctx: Context) -> None:
    """Whatever became of the hand-off: what was left at it is evidence, of a second one too."""
    if not isinstance(command, HandOff) or not (command.signature or command.photo):
        return
    row = {
        "id": tx.new_id(),
        "fulfilment_id": job.id,
        "node": job.node,
        "at": ctx.at,
        "actor": ctx.actor,
        "device": ctx.device,
        "method": command.proof,
        "collector": command.collector,
        "proxy": command.proxy,
        "signature": command.signature and command.signature.model_dump_json(),
        "photo": command.photo and command.photo.sha256,
    }
    await bulk.insert(tx, ProofRow, [row])
    if command.photo:
        await attachments.expect(tx, [command.photo], node=job.node, device=ctx.device)


async def _node(tx: Tx, actor: Actor, job_id: UUID) -> str:
    """The job's node. Raises `NotFound` where there is no such job, or not for this actor."""
    node = await tx.value("SELECT node FROM fulfilment WHERE id = :id", id=job_id)
    if node is None or not (actor.everywhere or node in actor.nodes):
        raise NotFound(f"No job {job_id}.")
    authorize(actor, "proof.read", node=node)
    return str(node)


async def of_job(tx: Tx, actor: Actor, job_id: UUID) -> list[ProofView]:
    """What was left at the hand-offs of a job, in their order; written down in the audit as a look at personal data."""
    node = await _node(tx, actor, job_id)
    rows = await tx.rows(
        "SELECT h.*, coalesce(p.name, k.name, h.actor) AS name, a.type, a.size, a.whole_at FROM hand_off_proof h"
        " LEFT JOIN person p ON p.id::text = h.actor LEFT JOIN api_key k ON k.id::text = h.actor"
        " LEFT JOIN attachment a ON a.sha256 = h.photo AND a.node = h.node WHERE h.fulfilment_id = :id"
        " ORDER BY h.at, h.id",
        id=job_id,
    )
    if rows:
        await audit.record(tx, f"node:{node}", actor.id, "proof.read", str(job_id))
    return [_view(row) for row in rows]


def _view(row: Row) -> ProofView:
    same: dict[str, Any] = {k: row[k] for k in ("at", "node", "device", "method", "collector", "proxy")}
    return ProofView(
        by=row["name"],
        signature=Signature.model_validate(row["signature"]) if row["signature"] else None,
        photo=PhotoView(sha256=row["photo"], type=row["type"], size=row["size"], arrived_at=row["whole_at"])
        if row["photo"]
        else None,
        **same,
    )


async def photo_of_job(tx: Tx, actor: Actor, job_id: UUID, sha256: str) -> tuple[str, bytes]:
    """Type and bytes of a photo that a hand-off of the job has named; the look is written down."""
    node = await _node(tx, actor, job_id)
    named = await tx.value(
        "SELECT 1 FROM hand_off_proof WHERE fulfilment_id = :id AND photo = :sha256", id=job_id, sha256=sha256
    )
    if not named:
        raise NotFound("No hand-off of this job has named such a photo.", remedy="Ask for the job's proofs first.")
    found = await attachments.photo(tx, sha256, node)
    if found is None:
        raise NotFound(
            "The photo has not arrived yet: it waits on the device that took it.",
            remedy="Let the store connect that device; then try again.",
        )
    await audit.record(tx, f"node:{node}", actor.id, "photo.read", str(job_id), photo=sha256)
    return found["type"], bytes(found["content"])
