"""The device's data key, and the rule how long personal data may stay.

The key is random, made when the device joins a store, and lies in `Secrets`, never beside the data it seals. Who has a
copy of the database alone has no customer's name.
"""

from __future__ import annotations

import base64
import json
import logging
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic_core import to_json

from shared.fulfilment import Fulfilment
from store_app.engine import sealing
from store_app.engine.sealing import Body
from store_app.engine.secrets import Secrets

log = logging.getLogger(__name__)
NAME = "data_key"
PERSONAL_FOR = timedelta(days=7)
"""How long a finished job keeps its personal data on a device."""


class Vault:
    """Seals on the way into the store and opens on the way out. `now` is the server's time as far as it is known."""

    def __init__(self, secrets: Secrets, now: Callable[[], datetime]) -> None:
        self._secrets, self._now = secrets, now
        kept = secrets.get(NAME)
        self._key = AESGCM(base64.b64decode(kept)) if kept else None

    def renew(self) -> None:
        """A key of its own for a new enrolment; what was sealed before stays unreadable."""
        key = os.urandom(sealing.KEY_BYTES)
        self._secrets.put(**{NAME: base64.b64encode(key).decode()})
        self._key = AESGCM(key)

    def forget(self) -> None:
        """The key is gone from memory; `Secrets.wipe` takes it off the device."""
        self._key = None

    @property
    def wiped_before(self) -> datetime:
        """Jobs that were finished before this have no personal data any more."""
        return self._now() - PERSONAL_FOR

    def seal(self, kind: str, id_: str, body: Body) -> str:
        """The JSON to store. A job that was finished too long ago loses its personal data here, so that a snapshot or
        an old page of the feed cannot bring it back."""
        if kind not in sealing.PERSONAL:
            return _text(body)
        if self._had_its_time(kind, body):
            return _text(sealing.without(kind, body))
        return _text(sealing.seal(kind, id_, body, self._sure_key(), os.urandom(sealing.NONCE_BYTES)))

    def seal_bytes(self, id_: str, content: bytes) -> bytes:
        """A file that is personal as a whole, as it is stored."""
        return sealing.seal_bytes(id_, content, self._sure_key(), os.urandom(sealing.NONCE_BYTES))

    def open_bytes(self, id_: str, blob: bytes) -> bytes:
        """A stored file. Raises `sealing.Unreadable`."""
        return sealing.open_bytes(id_, blob, self._key)

    def _sure_key(self) -> AESGCM:
        if self._key is None:
            self.renew()
        assert self._key is not None  # noqa: S101  (just made)
        return self._key

    def open(self, kind: str, id_: str, stored: str) -> Any:
        """The body of a stored JSON. What cannot be opened (damaged, or of another key) is left out and logged: a row
        that is broken must not keep the rest of the store, or the queue behind it, from working."""
        body = json.loads(stored)
        try:
            return sealing.open_(kind, id_, body, self._key)
        except sealing.Unreadable:
            log.exception("left out")
            return sealing.open_(kind, id_, body, None)

    def job(self, id_: str, stored: str) -> Fulfilment:
        """A stored job, opened."""
        return Fulfilment.model_validate(self.open("fulfilment", id_, stored))

    def _had_its_time(self, kind: str, body: Body) -> bool:
        at = body.get("finished_at") if kind == "fulfilment" else None
        return at is not None and datetime.fromisoformat(at) < self.wiped_before


def _text(body: Body) -> str:
    return to_json(body).decode()
