"""API keys: made by an admin, shown once, revoked at once."""

from __future__ import annotations

from uuid import UUID

from server.kit import audit, bulk
from server.kit.auth import Actor
from server.kit.transaction import Tx
from server.people import tokens
from server.people.rules import KeyShown, NewKey
from server.people.tables import ApiKeyRow
from shared.errors import NotFound

STREAM = "head-office"


async def create_key(tx: Tx, actor: Actor, new: NewKey) -> KeyShown:
    """A new key with these roles and scopes."""
    made = KeyShown(id=tx.new_id(), key=tokens.make("bk", tx.random))
    row = {
        "id": made.id,
        "name": new.name,
        "prefix": made.key[: tokens.SHOWN],
        "hash": tokens.token_hash(made.key),
        "roles": sorted(set(new.roles)),
        "scopes": None if new.scopes is None else sorted(set(new.scopes)),
        "created_at": tx.now,
    }
    await bulk.insert(tx, ApiKeyRow, [row])
    await audit.record(tx, STREAM, actor.id, "key.create", str(made.id), name=new.name, roles=row["roles"])
    return made


async def revoke_key(tx: Tx, actor: Actor, key: UUID) -> None:
    """The key no longer works. Again: nothing happens."""
    if not await tx.value("SELECT 1 FROM api_key WHERE id = :id", id=key):
        raise NotFound("There is no key with this id.")
    if await tx.run("UPDATE api_key SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL", id=key, now=tx.now):
        await audit.record(tx, STREAM, actor.id, "key.revoke", str(key))
