"""What must not lie in the database: the device's token, the key of the PIN verifiers, and the key of what is sealed.

They lie in a file that only its user (on a phone: the app) can read; the guide says that this is weaker than a
platform's key store, for which an adapter with these three methods can be handed in.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Protocol


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
        with os.fdopen(handle, "w") as file:
            json.dump({**self._load(), **values}, file)
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
            loaded: dict[str, str] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        return loaded


def _destroy(path: Path) -> None:
    """Overwritten, then removed: as far as the file system lets anybody do that."""
    if path.exists():
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
