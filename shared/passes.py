"""Proof that somebody may collect: signed pickup passes, short codes, and the PINs of those who hand over.

A pass is a signed statement: this store, this fulfilment, this generation, until then. Anybody with the public key can
check it without a network in half a millisecond. Issuing a pass again (a new phone, a changed proxy) raises the
generation, and a validly signed newer generation wins over the one a device knows.

A customer without a screen reads out a short code: a locator that finds the job, then a secret of eight symbols, of
which only an argon2id hash is on the device. 29 symbols to the power of 8 are 38.9 bits: at the cost below, some 660
processor-years to try them all on one stolen hash.

A PIN is too short to hash alone, so its verifier is keyed: argon2id over HMAC-SHA256 with a key from the platform's key
store, and a copied database cannot be searched without that key.

Nothing here reads a clock or draws a random number.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from argon2 import Type
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import hash_secret, verify_secret
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.barcodes.errors import BadCode
from shared.barcodes.labels import label, parse_label
from shared.barcodes.scanned import ScanKind
from shared.barcodes.typed import (
    ALPHABET,
    LOCATOR_LENGTH,
    SECRET_LENGTH,
    grouped,
    order_number,
    order_number_of,
    plain,
    split_short_code,
)

__all__ = [
    "GRACE_SECONDS",
    "BadPass",
    "PassClaims",
    "badge_hash",
    "check_order_number",
    "check_pin",
    "check_short_code",
    "hash_short_code",
    "make_locator",
    "make_short_code",
    "order_number",
    "order_number_of",
    "pin_verifier",
    "sign",
    "split_short_code",
    "verify",
]

GRACE_SECONDS = 24 * 60 * 60
"""A pass is taken this long after it expires: the bag is here, and a device's clock is never quite right."""
_FORMAT = 1
_CONTEXT = b"baton pickup pass\0"
"""Signed along with every pass, so that a signature made for anything else is never one."""
_HEAD = struct.Struct(">BHQ16s")
_SIGNATURE_LENGTH = 64


class Cost(NamedTuple):
    """What one argon2id hash takes."""

    passes: int
    kibibytes: int


# Medians of seven runs of argon2.low_level.hash_secret (argon2-cffi 25.1, one lane, 32 bytes out, time.perf_counter) on
# one core of a two-core x86-64 virtual machine of 2026.
SHORT_CODE_COST = Cost(passes=2, kibibytes=19_456)  # 42 ms
PIN_COST = Cost(passes=2, kibibytes=47_104)  # 125 ms


class BadPass(BadCode):
    """A pass that does not open anything. Codes: not_a_pass, bad_signature, wrong_store, superseded, expired."""


@dataclass(frozen=True)
class PassClaims:
    """What a pass states. `expires` is in seconds since 1970, UTC."""

    node: str
    fulfilment: UUID
    generation: int
    expires: int


def sign(private_key: bytes, claims: PassClaims) -> str:
    """The pass as text for a QR code in its compact alphanumeric mode. `private_key` is 32 raw Ed25519 bytes."""
    payload = _pack(claims)
    signature = Ed25519PrivateKey.from_private_bytes(private_key).sign(_CONTEXT + payload)
    return label(ScanKind.PASS, base64.b32encode(payload + signature).decode().rstrip("="))


def verify(
    public_keys: Iterable[bytes],
    text: str,
    *,
    now: datetime,
    offset: float = 0.0,
    node: str | None = None,
    known_generation: int | None = None,
) -> PassClaims:
    """What a scanned pass states, or BadPass saying why it is refused.

    `offset` is the server's clock minus this device's, in seconds, as last measured. Give `node` to refuse another
    store's pass, and `known_generation` to refuse one that a newer pass has replaced.
    """
    payload, signature = _split(text)
    if not any(_signed_by(key, payload, signature) for key in public_keys):
        raise BadPass("bad_signature", "This pass was not issued by us, or it is damaged. Ask for the order number.")
    claims = _unpack(payload)
    if node is not None and claims.node != node:
        raise BadPass("wrong_store", f"This pass is for store {claims.node}. The order is waiting there.")
    if known_generation is not None and claims.generation < known_generation:
        raise BadPass("superseded", "A newer pass was issued for this order. Ask for the one in the latest message.")
    if now.timestamp() + offset > claims.expires + GRACE_SECONDS:
        raise BadPass("expired", "This pass has expired. Look the order up: it may have been sent back or extended.")
    return claims


def make_locator(random_bytes: bytes) -> str:
    """The four symbols that find a job: a letter first, so that a code is never taken for an item's number."""
    letters = ALPHABET[10:]
    number = _plenty(random_bytes)
    return letters[number % len(letters)] + _symbols(number // len(letters), LOCATOR_LENGTH - 1)


def make_short_code(random_bytes: bytes, locator: str) -> str:
    """A short code as printed, K7QM-4FHT-9XWD: `locator` and a secret from at least 16 random bytes."""
    code = plain(locator) + _symbols(_plenty(random_bytes), SECRET_LENGTH)
    if split_short_code(grouped(code)) is None:
        raise BadCode("bad_locator", f"“{locator}” is not a locator of {LOCATOR_LENGTH} symbols.")
    return grouped(code)


def hash_short_code(secret: str, salt: bytes) -> str:
    """The argon2id hash of a short code's secret (parameters and salt inside), all that a device is given."""
    return _hash(plain(secret).encode(), salt, SHORT_CODE_COST)


def check_short_code(secret: str, hashed: str) -> bool:
    """Whether this is the secret, however it was typed."""
    return _matches(plain(secret).encode(), hashed)


def badge_hash(badge: str) -> str:
    """What is kept of a badge, given its label or its value: random enough to need no slow hash."""
    value = badge.strip().upper().removeprefix("BTN:B:")
    return hashlib.sha256(value.encode()).hexdigest()


def pin_verifier(pin: str, device_key: bytes, salt: bytes) -> str:
    """What a device keeps of a person's PIN; of no use without the key from the device's key store."""
    return _hash(_keyed(pin, device_key), salt, PIN_COST)


def check_pin(pin: str, device_key: bytes, verifier: str) -> bool:
    """Whether this is the person's PIN on this device."""
    return _matches(_keyed(pin, device_key), verifier)


def check_order_number(text: str) -> bool:
    """Whether this is an order number whose check symbols are right, however it was typed."""
    return order_number_of(text) is not None


def _pack(claims: PassClaims) -> bytes:
    head = _HEAD.pack(_FORMAT, claims.generation, claims.expires, claims.fulfilment.bytes)
    return head + claims.node.encode()


def _unpack(payload: bytes) -> PassClaims:
    _, generation, expires, fulfilment = _HEAD.unpack_from(payload)
    return PassClaims(payload[_HEAD.size :].decode(), UUID(bytes=fulfilment), generation, expires)


def _split(text: str) -> tuple[bytes, bytes]:
    """Payload and signature; one pass has one text, so spare bits that differ are refused."""
    try:
        kind, value = parse_label(text) or (ScanKind.UNKNOWN, "")
        blob = base64.b32decode(value + "=" * (-len(value) % 8))
    except (BadCode, binascii.Error):
        kind, value, blob = ScanKind.UNKNOWN, "", b""
    payload, signature = blob[:-_SIGNATURE_LENGTH], blob[-_SIGNATURE_LENGTH:]
    if kind is not ScanKind.PASS or base64.b32encode(blob).decode().rstrip("=") != value:
        raise BadPass("not_a_pass", "This is not a pickup pass. Scan the code in the customer's message.")
    if len(payload) <= _HEAD.size or payload[0] != _FORMAT:
        raise BadPass("not_a_pass", "This is not a pickup pass this version can read. Ask for the order number.")
    return payload, signature


def _signed_by(public_key: bytes, payload: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, _CONTEXT + payload)
    except InvalidSignature:
        return False
    return True


def _plenty(random_bytes: bytes) -> int:
    """A number so large that taking it modulo a small one favours nobody."""
    if len(random_bytes) < 16:
        raise ValueError("give at least 16 random bytes")
    return int.from_bytes(random_bytes, "big")


def _symbols(number: int, length: int) -> str:
    return "".join(ALPHABET[number // len(ALPHABET) ** place % len(ALPHABET)] for place in range(length))


def _keyed(pin: str, device_key: bytes) -> bytes:
    if len(device_key) < 32:
        raise ValueError("a device key has at least 32 bytes")
    return hmac.digest(device_key, pin.strip().encode(), "sha256")


def _hash(secret: bytes, salt: bytes, cost: Cost) -> str:
    if len(salt) < 16:
        raise ValueError("a salt has at least 16 bytes")
    return hash_secret(secret, salt, cost.passes, cost.kibibytes, 1, 32, Type.ID).decode()


def _matches(secret: bytes, hashed: str) -> bool:
    try:
        return verify_secret(hashed.encode(), secret, Type.ID)
    except (Argon2Error, InvalidHashError):
        return False
