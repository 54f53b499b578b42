"""The secrets of this installation: made at the first start, kept in the database so that every process has the same.

Pickup passes are signed with an Ed25519 key, whose public half travels to the devices. PIN verifiers are keyed with
`pin_key`, which a device keeps in its platform's key store. `pepper` goes into hashes of short-lived codes and links.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.kit.database import Database
from server.kit.transaction import Tx

NAMES = ("pass_private", "pepper", "pin_key")


@dataclass(frozen=True, slots=True)
class Keys:
    """All keys are 32 raw bytes."""

    pass_private: bytes
    pin_key: bytes
    pepper: bytes

    @property
    def pass_public(self) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(self.pass_private).public_key().public_bytes_raw()

    def hash_code(self, purpose: str, code: str) -> str:
        """A keyed hash of a short code (hex), of no use without the installation."""
        return hmac.digest(self.pepper, f"{purpose}\0{code}".encode(), "sha256").hex()


async def load(db: Database) -> Keys:
    """The keys of this installation; those that are missing are made."""

    async def work(tx: Tx) -> Keys:
        for name in NAMES:
            await tx.run(
                "INSERT INTO installation (name, value) VALUES (:name, :value) ON CONFLICT DO NOTHING",
                name=name,
                value=base64.b64encode(tx.random(32)).decode(),
            )
        found = {row["name"]: base64.b64decode(row["value"]) for row in await tx.rows("SELECT * FROM installation")}
        return Keys(**{name: found[name] for name in NAMES})

    return await db.write(work)
