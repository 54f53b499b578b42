"""Tokens, and who stands behind one.

A token is 256 random bits behind a prefix that says whose it is: `bk_` an API key, `bd_` a device, `bp_` a person
signed in on a device. Only its SHA-256 is stored. Who it belongs to is remembered for a second; this process forgets
at once what it revokes itself.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

from starlette.requests import Request

from server.kit.auth import NOBODY, Actor
from server.kit.database import Database
from server.kit.transaction import Row, Tx
from shared.errors import NotAllowed, NotSignedIn

REMEMBER_S = 1.0
MOST = 10_000
SHOWN = 10
"""Characters of an API key that stay readable, to recognise it by."""


def make(prefix: str, random: Callable[[int], bytes]) -> str:
    """A new token: prefix, underscore, 43 URL-safe characters."""
    return f"{prefix}_{base64.urlsafe_b64encode(random(32)).decode().rstrip('=')}"


def token_hash(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


_KEY = "SELECT id, name, roles, scopes FROM api_key WHERE hash = :hash AND revoked_at IS NULL"
_KEY_BY_ID = "SELECT id, name, roles, scopes FROM api_key WHERE id = :id AND revoked_at IS NULL"
_DEVICE = "SELECT id, name, node FROM device WHERE token_hash = :hash AND revoked_at IS NULL"
_REVOKED = "SELECT id, name, node, revoked_at FROM device WHERE token_hash = :hash"
_PERSON = (
    "SELECT p.id, p.name, p.roles, p.nodes, d.id AS device, d.node FROM person_session s"
    " JOIN person p ON p.id = s.person AND p.active"
    " JOIN device d ON d.id = s.device AND d.revoked_at IS NULL"
    " WHERE s.token_hash = :hash AND s.expires_at > :now"
)


async def find_actor(tx: Tx, token: str) -> Actor:
    """Who `token` belongs to; `NOBODY` when it is unknown, expired or revoked."""
    hashed = token_hash(token)
    if token.startswith("bk_"):
        return _of_key(await tx.one(_KEY, hash=hashed))
    if token.startswith("bd_"):
        row = await tx.one(_DEVICE, hash=hashed)
        if row:
            return Actor("device", row["id"], row["name"], frozenset({"device"}), frozenset({row["node"]}), row["id"])
    elif token.startswith("bp_"):
        row = await tx.one(_PERSON, hash=hashed, now=tx.now)
        if row:
            return Actor(
                "person", str(row["id"]), row["name"], frozenset(row["roles"]), frozenset(row["nodes"]), row["device"]
            )
    return NOBODY


async def revoked_device(tx: Tx, token: str | None) -> Actor:
    """The device this token belonged to until it was revoked: somebody who may do nothing but leave its queue. Raises
    `NotSignedIn` for a token nobody had, `NotAllowed` while it is good."""
    row = await tx.one(_REVOKED, hash=token_hash(token)) if token else None
    if row is None:
        raise NotSignedIn("No device has had this token.", remedy="Keep the queue and enrol again.")
    if row["revoked_at"] is None:
        raise NotAllowed("This device is not revoked.", remedy="Push its commands as ever.")
    return Actor("device", row["id"], row["name"], nodes=frozenset({row["node"]}), device=row["id"])


async def actor_of_key(tx: Tx, key_id: UUID) -> Actor:
    """The API key with this id; `NOBODY` when it was revoked."""
    return _of_key(await tx.one(_KEY_BY_ID, id=key_id))


def _of_key(row: Row | None) -> Actor:
    if row is None:
        return NOBODY
    scopes = None if row["scopes"] is None else frozenset(row["scopes"])
    return Actor("key", str(row["id"]), row["name"], frozenset(row["roles"]), scopes=scopes)


class Resolver:
    """`await resolver(request)`: who is asking. Raises `NotSignedIn` for a token that is not (or no longer) good."""

    def __init__(self, db: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Actor]] = OrderedDict()

    async def __call__(self, request: Request) -> Actor:
        header = request.headers.get("authorization")
        if header is None:
            return NOBODY
        scheme, _, token = header.partition(" ")
        actor = await self.actor(token.strip()) if scheme.lower() == "bearer" else NOBODY
        if actor is NOBODY:
            raise NotSignedIn("This token is unknown, expired or revoked.", remedy="Sign in or enrol again.")
        return actor

    async def actor(self, token: str) -> Actor:
        """Who this token belongs to, at most a second old."""
        known = self._known.get(token)
        if known and self._clock() - known[0] < REMEMBER_S:
            return known[1]
        async with self._db.reading() as tx:
            actor = await find_actor(tx, token)
        if actor is not NOBODY:
            self._known[token] = (self._clock(), actor)
            self._known.move_to_end(token)
            if len(self._known) > MOST:
                self._known.popitem(last=False)
        return actor

    def forget(self) -> None:
        """Look everyone up again: something was revoked."""
        self._known.clear()
