"""The last push of a revoked device: its queue is held and shown to a manager, never carried out and never dropped.

A revoked token opens this one door. The device destroys its keys only after the server has said that it is revoked and
has the queue; one that never comes back is listed as unreturned.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from server.fulfilment import attachments
from server.kit import audit, bulk
from server.kit.auth import Actor, authorize, node_scope
from server.kit.transaction import Tx
from server.people import queries as people
from server.people import tokens
from server.sync.tables import QuarantineRow
from shared.errors import NotFound, TooLarge
from shared.kernel import Wire
from shared.sync import Quarantine, Quarantined, photos_of

MOST = 20_000
"""Commands one device may leave here: more than a store does in a month."""


class HeldCommand(Wire):
    """A command of a revoked device, as it was sent."""

    id: UUID
    n: int
    actor: str
    made_at: datetime
    received_at: datetime
    version: int = Field(alias="schema", description="Version of the body.")
    body: dict[str, Any]


async def hold(tx: Tx, token: str | None, left: Quarantine) -> Quarantined:
    """Keep what a revoked device still had to say. Sending it again is harmless. Raises `NotSignedIn` for a token that
    is unknown, `NotAllowed` for a device that is not revoked, `TooLarge` for more than a device can have done."""
    device = await tokens.revoked_device(tx, token)
    node = min(device.nodes)
    known = {
        row["id"]
        for row in await tx.rows(
            "SELECT id FROM device_command WHERE device = :device AND id = ANY(CAST(:ids AS uuid[]))"
            " UNION SELECT id FROM quarantine WHERE device = :device AND id = ANY(CAST(:ids AS uuid[]))",
            device=device.id,
            ids=[command.id for command in left.commands],
        )
    }
    fresh = {command.id: command for command in left.commands if command.id not in known}
    kept = int(await tx.value("SELECT count(*) FROM quarantine WHERE device = :device", device=device.id))
    if kept + len(fresh) > MOST:
        raise TooLarge(f"A device may leave {MOST:,} commands.", remedy="Call head office; the device keeps its queue.")
    rows = [
        {
            "device": device.id,
            "id": command.id,
            "n": command.n,
            "actor": command.actor,
            "version": command.version,
            "made_at": command.made_at,
            "received_at": tx.now,
            "body": command.body,
        }
        for command in fresh.values()
    ]
    await bulk.insert(tx, QuarantineRow, rows, conflict="ON CONFLICT DO NOTHING")
    await attachments.expect(tx, photos_of(left.commands), node=node, device=device.id)
    if not left.more:
        await _returned(tx, device, node, kept + len(rows))
    return Quarantined(device=device.id, held=kept + len(rows))


async def _returned(tx: Tx, device: Actor, node: str, held: int) -> None:
    """The whole queue is here, for the first time."""
    first = await tx.run(
        "UPDATE device SET returned_at = :now, last_seen_at = :now WHERE id = :id AND returned_at IS NULL",
        id=device.id,
        now=tx.now,
    )
    if first:
        await audit.record(tx, f"node:{node}", device.id, "device.returned", device.id, held=held)


async def held(
    tx: Tx, actor: Actor, device_id: str, *, after: tuple[int, UUID] | None, limit: int
) -> Sequence[HeldCommand]:
    """What a revoked device left, in its order. Raises `NotFound` for a device of another store."""
    found = await people.device(tx, device_id)
    scope = node_scope(actor)
    if found is None or (scope is not None and found.node not in scope):
        raise NotFound("There is no device with this id.")
    authorize(actor, "device.revoke", node=found.node)
    rows = await tx.rows(
        "SELECT id, n, actor, version AS schema, made_at, received_at, body FROM quarantine WHERE device = :device"
        " AND (CAST(:n AS bigint) IS NULL OR (n, id) > (:n, CAST(:id AS uuid))) ORDER BY n, id LIMIT :rows",
        device=device_id,
        n=after[0] if after else None,
        id=after[1] if after else None,
        rows=limit,
    )
    return [HeldCommand.model_validate(dict(row)) for row in rows]
