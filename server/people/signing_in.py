"""Signing in on an enrolled device, by badge or PIN.

A PIN costs an eighth of a second to check, so no transaction stays open meanwhile: the try is counted and committed
first, then the PIN is checked, then the outcome is written. Guessing in parallel therefore gains nothing.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

from server.kit import audit
from server.kit.auth import EVERYWHERE, Actor
from server.kit.database import Database
from server.kit.keys import Keys
from server.kit.transaction import Row, Tx
from server.people import queries, tokens
from server.people.rules import WRONG_PINS, SignedIn, SignIn
from shared.errors import NotAllowed
from shared.passes import badge_hash, check_pin

SHIFT = timedelta(hours=12)
WRONG = "This badge or PIN is not right for anybody at this store."


async def sign_in(db: Database, keys: Keys, device: Actor, proof: SignIn) -> SignedIn:
    """A session for one shift. Raises `NotAllowed`; five wrong PINs lock that person on that device."""
    if proof.person is None or proof.pin is None:
        return await db.write(lambda tx: _by_badge(tx, device, proof.badge or ""))
    person, pin = proof.person, proof.pin
    verifier = await db.write(lambda tx: _take_try(tx, device, person))
    right = await asyncio.to_thread(check_pin, pin, keys.pin_key, verifier)
    if not right:
        await db.write(lambda tx: _was_wrong(tx, device, person))
        raise NotAllowed(WRONG, remedy="Try again, or scan your badge.")
    return await db.write(lambda tx: _by_pin(tx, device, person))


async def _by_badge(tx: Tx, device: Actor, badge: str) -> SignedIn:
    row = await tx.one("SELECT * FROM person WHERE badge_hash = :hash", hash=badge_hash(badge))
    if row is None or not _works_here(row, device):
        raise NotAllowed(WRONG, remedy="Ask a manager for a new badge.")
    return await _open(tx, device, row, "badge")


def _works_here(row: Row, device: Actor) -> bool:
    return bool(row["active"] and (set(row["nodes"]) & device.nodes or set(row["roles"]) & EVERYWHERE))


async def _take_try(tx: Tx, device: Actor, person: UUID) -> str:
    """Count a try before it is made, and give the verifier."""
    row = await queries.person_row(tx, person)
    if row is None or not _works_here(row, device) or row["pin_verifier"] is None:
        raise NotAllowed(WRONG, remedy="Scan your badge, or ask a manager for a PIN.")
    counted = await tx.value(
        "INSERT INTO pin_try AS t (person, device, failed, last_at) VALUES (:person, :device, 1, :now)"
        " ON CONFLICT (person, device) DO UPDATE SET failed = t.failed + 1, last_at = :now WHERE t.failed < :limit"
        " RETURNING failed",
        person=person,
        device=device.id,
        now=tx.now,
        limit=WRONG_PINS,
    )
    if counted is None:
        raise NotAllowed("Too many wrong PINs on this device.", remedy="Scan your badge, or ask a manager to unlock.")
    return str(row["pin_verifier"])


async def _was_wrong(tx: Tx, device: Actor, person: UUID) -> None:
    failed = await tx.value(
        "SELECT failed FROM pin_try WHERE person = :person AND device = :device", person=person, device=device.id
    )
    if failed is not None and failed >= WRONG_PINS:
        await audit.record(tx, f"person:{person}", str(person), "person.locked", device.id)


async def _by_pin(tx: Tx, device: Actor, person: UUID) -> SignedIn:
    row = await queries.person_row(tx, person)
    if row is None or not _works_here(row, device):
        raise NotAllowed(WRONG)
    await tx.run("DELETE FROM pin_try WHERE person = :person AND device = :device", person=person, device=device.id)
    return await _open(tx, device, row, "pin")


async def _open(tx: Tx, device: Actor, row: Row, by: str) -> SignedIn:
    token, expires = tokens.make("bp", tx.random), tx.now + SHIFT
    await tx.run(
        "INSERT INTO person_session (token_hash, person, device, started_at, expires_at)"
        " VALUES (:hash, :person, :device, :now, :expires)",
        hash=tokens.token_hash(token),
        person=row["id"],
        device=device.id,
        now=tx.now,
        expires=expires,
    )
    person = str(row["id"])
    await audit.record(tx, f"person:{person}", person, "person.sign_in", device.id, by=by)
    return SignedIn(token=token, expires_at=expires, person=queries.person_doc(row))


async def forget_expired(tx: Tx) -> int:
    """Delete sessions and enrolment codes that are of no use any more; how many."""
    sessions = await tx.run("DELETE FROM person_session WHERE expires_at < :now", now=tx.now)
    codes = await tx.run("DELETE FROM enrolment_code WHERE expires_at < :now", now=tx.now - timedelta(days=1))
    return sessions + codes
