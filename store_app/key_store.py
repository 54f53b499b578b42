"""The platform's key store: Android's Keystore, the Keychain of iOS and macOS, Windows' data protection, libsecret.

It keeps one key, made on first start, under which the app seals the file with its secrets. The key store is asked
through the window and takes its time; the file is read and written at once by whoever needs it.
"""

from __future__ import annotations

import base64
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import flet_secure_storage as fss  # type: ignore[import-untyped]

from store_app.engine.secrets import FileSecrets, SealedSecrets, Secrets

log = logging.getLogger(__name__)
NAME = "baton.device-key"
KEY_BYTES = 32
PLAIN, SEALED = "device.json", "device.sealed"
"""The secrets where there is no key store, and where there is one."""


Ask = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
"""Waits for what the window answers."""


class KeyStoreClosed(Exception):
    """The secrets are sealed, and the key store does not open: a device that nobody has unlocked since it was started,
    or a desktop whose keyring is locked. Nothing is lost; ask again."""


class KeyStore(Protocol):
    """As much of Flet's secure storage as is used."""

    async def get(self, key: str) -> str | None: ...

    async def set(self, key: str, value: Any) -> None: ...


def key_store() -> fss.SecureStorage:
    """The one of this device. A key stays on it (no backup, no other phone), opens once the device was unlocked after
    its start, and an error empties nothing: a key that is gone takes what waits in the queue with it."""
    # macOS: its newer keychain wants an entitlement, and with that a signature.
    here = fss.KeychainAccessibility.FIRST_UNLOCK_THIS_DEVICE
    return fss.SecureStorage(
        android_options=fss.AndroidOptions(reset_on_error=False),
        ios_options=fss.IOSOptions(accessibility=here),
        macos_options=fss.MacOsOptions(accessibility=here, uses_data_protection_keychain=False),
    )


async def secrets_in(folder: Path, store: KeyStore, ask: Ask) -> Secrets:
    """The secrets of the device whose files lie in `folder`.

    A platform without a key store (a Linux desktop without a keyring) has them in a plain file. Raises
    `KeyStoreClosed`.
    """
    sealed, plain = folder / SEALED, folder / PLAIN
    try:
        key = await _key(store, ask)
    except Exception as error:
        if sealed.exists():
            raise KeyStoreClosed from error
        log.warning("no key store: the secrets of this device lie in a plain file", exc_info=True)
        return FileSecrets(plain)
    return SealedSecrets(sealed, key, plain)


async def _key(store: KeyStore, ask: Ask) -> bytes:
    """The key that is kept; a new one is used only when the key store gives it back."""
    kept = await ask(lambda: store.get(NAME))
    if kept is None:
        made = base64.b64encode(os.urandom(KEY_BYTES)).decode()
        await ask(lambda: store.set(NAME, made))
        kept = await ask(lambda: store.get(NAME))
        if kept != made:
            raise ValueError("the key store does not keep what it is given")
    key = base64.b64decode(kept)
    if len(key) != KEY_BYTES:
        raise ValueError("the key store gives something else than it was given")
    return key
