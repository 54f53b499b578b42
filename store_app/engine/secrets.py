"""What must not lie in the database: the device's token, the key of the PIN verifiers, and the key of what is sealed.

They lie in a file that only its user (on a phone: the app) can read. Where the platform has a key store, that file is
sealed itself, under a key that only the key store has (`store_app/key_store.py`); the guide says what a hub, which has
none, is worth.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

log = logging.getLogger(__name__)
_NONCE_BYTES = 12


class Secrets(Protocol):
    """A few strings by name."""

    def get(self, name: str) -> str | None: ...

    def put(self, **values: str) -> None: ...

    def wipe(self) -> None: ...


class FileSecrets:
    """A file with mode 0600, replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._gone, self._beside = path.with_suffix(".gone"), path.with_suffix(".new")
        _destroy(self._gone)
        _destroy(self._beside)

    def get(self, name: str) -> str | None:
        value = self._load().get(name)
        return str(value) if value is not None else None

    def put(self, **values: str) -> None:
        """On the disk when this returns."""
        handle = os.open(self._beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(self._closed(json.dumps({**self._load(), **values}).encode()))
            file.flush()
            os.fsync(file.fileno())
        self._beside.replace(self._path)

    def wipe(self) -> None:
        """Set aside at once, so that nothing here finds them any more, then destroyed; what a dying battery leaves is
        destroyed at the next start."""
        if self._path.exists():
            self._path.replace(self._gone)
        _destroy(self._gone)

    def _load(self) -> dict[str, str]:
        try:
            loaded: dict[str, str] = json.loads(self._opened(self._path.read_bytes()))
        except FileNotFoundError:
            return {}
        return loaded

    def _closed(self, plain: bytes) -> bytes:
        """What is written for this."""
        return plain

    def _opened(self, written: bytes) -> bytes:
        """The reverse of `_closed`. Raises `FileNotFoundError` when this is as good as gone."""
        return written


class SealedSecrets(FileSecrets):
    """The same, under a key of 32 bytes that lies in the platform's key store. A file that was written with another key
    (the app's folder came from a backup or another phone, or the key store was emptied) is as good as gone.

    `plain` is the file of an app that knew no key store: its secrets are taken over, and it is destroyed."""

    def __init__(self, path: Path, key: bytes, plain: Path) -> None:
        super().__init__(path)
        self._cipher = AESGCM(key)
        if plain.exists():
            self.put(**FileSecrets(plain)._load())
            _destroy(plain)

    def _closed(self, plain: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, None)

    def _opened(self, written: bytes) -> bytes:
        try:
            return self._cipher.decrypt(written[:_NONCE_BYTES], written[_NONCE_BYTES:], None)
        except (InvalidTag, ValueError):
            log.error("the secrets of this device were sealed with another key, and are gone")
            raise FileNotFoundError from None


def _destroy(path: Path) -> None:
    """Overwritten, then removed: as far as the file system lets anybody do that."""
    if path.exists():
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
