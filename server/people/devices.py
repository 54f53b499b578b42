"""Devices join with a code a manager shows, and leave when they are revoked."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

from server.events import DeviceRevoked
from server.kit import audit
from server.kit.auth import Actor, authorize, node_scope
from server.kit.keys import Keys
from server.kit.transaction import Tx
from server.people import queries, service, tokens
from server.people.rules import DeviceView, EnrolmentCode
from shared.barcodes.enrolment import enrolment_label, split_enrolment
from shared.barcodes.typed import grouped, plain
from shared.errors import NotAllowed, NotFound
from shared.sync import Enrolled, Enrolment

CODE_SYMBOLS = 8
CODE_LIVES = timedelta(minutes=10)


async def offer_enrolment(tx: Tx, actor: Actor, keys: Keys, node: str, server: str | None = None) -> EnrolmentCode:
    """A code for one device of `node`; its label says where the server is, if that is given."""
    authorize(actor, "device.enrol", node=node)
    await service.check_nodes(tx, [node], field="node")
    code = service.draw(tx, CODE_SYMBOLS)
    expires = tx.now + CODE_LIVES
    await tx.run(
        "INSERT INTO enrolment_code (code_hash, node, made_by, expires_at) VALUES (:hash, :node, :by, :expires)",
        hash=keys.hash_code("enrolment", code),
        node=node,
        by=actor.id,
        expires=expires,
    )
    await audit.record(tx, f"node:{node}", actor.id, "device.offer", node)
    shown = grouped(code)
    return EnrolmentCode(code=shown, label=enrolment_label(shown, server), node=node, expires_at=expires)


async def enrol(tx: Tx, keys: Keys, enrolment: Enrolment) -> Enrolled:
    """A new device. Raises `NotAllowed` for a code that is unknown, used or too old."""
    typed = plain(split_enrolment(enrolment.code)[0])
    node = await tx.value(
        "UPDATE enrolment_code SET used_at = :now WHERE code_hash = :hash AND used_at IS NULL AND expires_at > :now"
        " RETURNING node",
        hash=keys.hash_code("enrolment", typed),
        now=tx.now,
    )
    if node is None:
        raise NotAllowed("This code is unknown, used or too old.", remedy="Ask a manager for a new one.")
    device, token = str(tx.new_id()), tokens.make("bd", tx.random)
    await tx.run(
        "INSERT INTO device (id, node, name, platform, version, token_hash, enrolled_at, last_seen_at)"
        " VALUES (:id, :node, :name, :platform, :version, :hash, :now, :now)",
        id=device,
        node=node,
        name=enrolment.name,
        platform=enrolment.platform,
        version=enrolment.version,
        hash=tokens.token_hash(token),
        now=tx.now,
    )
    await audit.record(tx, f"node:{node}", device, "device.enrol", device, name=enrolment.name)
    return Enrolled(device=device, node=node, token=token, pin_key=base64.b64encode(keys.pin_key).decode())


async def revoke(tx: Tx, actor: Actor, device: str) -> DeviceView:
    """The device is no longer let in, nor is anybody signed in on it. Again: nothing happens."""
    found = await queries.device(tx, device)
    scope = node_scope(actor)
    if found is None or (scope is not None and found.node not in scope):
        raise NotFound("There is no device with this id.")
    authorize(actor, "device.revoke", node=found.node)
    changed = await tx.run(
        "UPDATE device SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL", id=device, now=tx.now
    )
    if not changed:
        return found
    await tx.run("DELETE FROM person_session WHERE device = :id", id=device)
    await audit.record(tx, f"node:{found.node}", actor.id, "device.revoke", device)
    tx.emit(DeviceRevoked(device=device, node=found.node, actor=actor.id))
    return found.model_copy(update={"revoked_at": tx.now})


async def heard(
    tx: Tx, device: str, *, last_n: int, done_at: datetime | None, behind: int | None, since: datetime
) -> None:
    """The device has sent its commands up to `last_n`, which was done at `done_at`. `behind`: how many more wait on it,
    none of them made before `since`; None: as it said before."""
    age = max(0, int((tx.now - since).total_seconds())) if behind else 0
    await tx.run(
        "UPDATE device SET last_n = :n, done_at = :done_at, last_seen_at = :now,"
        " queue_length = coalesce(:behind, queue_length),"
        " queue_age_s = CASE WHEN CAST(:behind AS bigint) IS NULL THEN queue_age_s ELSE :age END WHERE id = :id",
        id=device,
        n=last_n,
        done_at=done_at,
        now=tx.now,
        behind=behind,
        age=age,
    )
