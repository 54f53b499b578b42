"""Addresses of a customer's own page: the order's id and a 128-bit proof that only this installation can make.

Nothing is stored: whoever has the installation's keys makes the same link again for every later message.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from uuid import UUID

from server.kit.keys import Keys

_PROOF_BYTES = 16


def link_token(keys: Keys, order_id: UUID) -> str:
    """What stands in the address of an order's page."""
    return base64.urlsafe_b64encode(order_id.bytes + _proof(keys, order_id)).decode().rstrip("=")


def order_of(keys: Keys, token: str) -> UUID | None:
    """The order a token opens; None for one we did not make."""
    try:
        blob = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(blob) != 16 + _PROOF_BYTES:
        return None
    order_id = UUID(bytes=blob[:16])
    return order_id if hmac.compare_digest(blob[16:], _proof(keys, order_id)) else None


def _proof(keys: Keys, order_id: UUID) -> bytes:
    return hmac.digest(keys.pepper, b"customer page\0" + order_id.bytes, "sha256")[:_PROOF_BYTES]
