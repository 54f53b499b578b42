"""What proves the right to collect: a signed pass and a short code, both derived, never stored.

The device gets the public key and the argon2id hash of the code; the customer gets pass and code. Whoever has the
installation's keys can derive both again for a notice that is sent twice or a page that is opened later.
"""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from datetime import timedelta

from server.events import JobReady
from server.fulfilment import queries, service
from server.kit.keys import Keys
from server.kit.transaction import Tx
from server.kit.web import Parts
from shared import passes
from shared.barcodes import split_short_code
from shared.fulfilment import FULFILMENT, Fulfilment

LONGEST = timedelta(days=30)
"""A pass of a job without an expiry is good for this long."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """For the customer. `pass_text` goes into a QR code, `code` is read out or typed."""

    pass_text: str
    code: str


def credentials(keys: Keys, job: Fulfilment) -> Credentials:
    """The pass and the code of this generation of the job."""

    def random_for(purpose: str) -> bytes:
        return hmac.digest(keys.pepper, f"{purpose}\0{job.id}\0{job.pass_generation}".encode(), "sha256")[:16]

    locator = passes.make_locator(random_for("locator"))
    expires = job.expires_at or job.offered_at + LONGEST
    claims = passes.PassClaims(job.node, job.id, job.pass_generation, int(expires.timestamp()))
    return Credentials(passes.sign(keys.pass_private, claims), passes.make_short_code(random_for("code"), locator))


async def make_pass(parts: Parts, event: JobReady) -> None:
    """Give a ready bag its locator and the hash of its code, so that devices can check the code without a network.

    A bag that has left already (its store was offline) needs none, and the hash is made to be slow."""
    job = await parts.db.read(lambda tx: queries.job(tx, event.fulfilment_id))
    if job is None or job.code_hash is not None or job.state in FULFILMENT.finals:
        return
    found = split_short_code(credentials(parts.keys, job).code)
    if found is None:
        raise ValueError(f"the code of {job.number} is not a short code")
    locator, secret = found
    hashed = await asyncio.to_thread(passes.hash_short_code, secret, job.id.bytes)

    async def write(tx: Tx) -> None:
        await service.set_code(tx, event.fulfilment_id, locator=locator, code_hash=hashed)

    await parts.db.write(write)
