"""Head office signed in at the live page: a cookie that names an API key, for one working day.

The cookie is not the key: it is the key's id and an end, with a proof that only this installation can make. A revoked
key ends its sessions, since the key is looked up each time.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import datetime, timedelta
from uuid import UUID

from server.kit.auth import NOBODY, Actor
from server.kit.keys import Keys
from server.kit.transaction import Tx
from server.people import tokens

COOKIE = "baton_live"
LASTS = timedelta(hours=12)
_PROOF_BYTES = 32


def make(keys: Keys, key_id: UUID, now: datetime) -> str:
    """A session of this key that ends in twelve hours."""
    what = key_id.bytes + int((now + LASTS).timestamp()).to_bytes(8, "big")
    return base64.urlsafe_b64encode(what + _proof(keys, what)).decode().rstrip("=")


async def actor_behind(tx: Tx, keys: Keys, cookie: str | None) -> Actor:
    """Whose session this is; nobody's when it is not ours, over, or its key was revoked."""
    key_id = _key_of(keys, cookie or "", tx.now)
    return await tokens.actor_of_key(tx, key_id) if key_id else NOBODY


def _key_of(keys: Keys, cookie: str, now: datetime) -> UUID | None:
    try:
        blob = base64.b64decode(cookie + "=" * (-len(cookie) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    what, proof = blob[:24], blob[24:]
    if not hmac.compare_digest(proof, _proof(keys, what)) or int.from_bytes(what[16:], "big") <= now.timestamp():
        return None
    return UUID(bytes=what[:16])


def _proof(keys: Keys, what: bytes) -> bytes:
    return hmac.digest(keys.pepper, b"live page\0" + what, "sha256")[:_PROOF_BYTES]
