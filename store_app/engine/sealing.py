"""Personal data at rest: what it is, and how it is kept unreadable without the device's key.

The personal parts of a body are taken out and put into one blob beside the rest (`sealed`: base64 of a 12-byte nonce
and the AES-GCM text), bound to kind and id, so that a blob moved to another row does not open. What queries need
(state, numbers, locator) stays in the clear. Every personal part has a default in its model: a body that has lost its
blob, or whose key is gone, reads as one without personal data. Wiping is therefore no more than taking the blob away.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
FIELD = "sealed"
_VEHICLE, _NOTE = ("vehicle",), ("note",)
PERSONAL: dict[str, tuple[tuple[str, ...], ...]] = {
    "fulfilment": (
        ("customer",),
        ("phone",),
        ("address",),
        ("proxies",),
        ("code_hash",),
        ("note",),
        ("arrival", "vehicle"),
        ("proof", "collector"),
    ),
    "hand_off": (("collector",), ("signature",)),
    "arrive": (_VEHICLE,),
    "on_the_way": (_VEHICLE,),
    "settle_exception": (_NOTE,),
}
"""Kind of document or command -> paths of what is sealed. Free text written by people counts as personal."""

Body = dict[str, Any]


class Unreadable(Exception):
    """A blob that does not belong to this key, kind or id, or was changed."""


def seal(kind: str, id_: str, body: Body, key: AESGCM, nonce: bytes) -> Body:
    """The body with its personal parts in one blob; the body itself when it has none."""
    rest, parts = _split(kind, body)
    if not parts:
        return rest
    plain = json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()
    blob = nonce + key.encrypt(nonce, plain, _bound(kind, id_))
    return {**rest, FIELD: base64.b64encode(blob).decode()}


def open_(kind: str, id_: str, body: Body, key: AESGCM | None) -> Body:
    """The body as it was before `seal`. Without a key it is one without personal data. Raises `Unreadable`."""
    if FIELD not in body:
        return body
    rest = {name: value for name, value in body.items() if name != FIELD}
    if key is None:
        return rest
    try:
        blob = base64.b64decode(body[FIELD])
        plain = key.decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], _bound(kind, id_))
    except (InvalidTag, binascii.Error, ValueError) as error:
        raise Unreadable(f"the personal data of {kind} {id_} cannot be opened") from error
    for path, value in json.loads(plain).items():
        *above, name = path.split(".")
        inner = rest
        for step in above:
            inner[step] = {**inner[step]}
            inner = inner[step]
        inner[name] = value
    return rest


def seal_bytes(id_: str, content: bytes, key: AESGCM, nonce: bytes) -> bytes:
    """A file as it lies on the disk: bound to its name, so that one under another name does not open."""
    return nonce + key.encrypt(nonce, content, _bound("file", id_))


def open_bytes(id_: str, blob: bytes, key: AESGCM | None) -> bytes:
    """The file as it was before `seal_bytes`. Raises `Unreadable`."""
    try:
        if key is not None:
            return key.decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], _bound("file", id_))
    except (InvalidTag, ValueError) as error:
        raise Unreadable(f"the file {id_} cannot be opened") from error
    raise Unreadable(f"there is no key for the file {id_}")


def without(kind: str, body: Body) -> Body:
    """The body as it is kept once its personal data has had its time."""
    return _split(kind, body)[0]


def _split(kind: str, body: Body) -> tuple[Body, Body]:
    """The body without its personal parts, and those that say something, by path."""
    rest = dict(body)
    parts: Body = {}
    for path in PERSONAL.get(kind, ()):
        inner = rest
        for step in path[:-1]:
            if not isinstance(inner.get(step), dict):
                break
            inner[step] = {**inner[step]}
            inner = inner[step]
        else:
            if inner.get(path[-1]) not in (None, "", []):
                parts[".".join(path)] = inner.pop(path[-1])
    return rest, parts


def _bound(kind: str, id_: str) -> bytes:
    return f"{kind}\0{id_}".encode()
