"""What must not lie in the database: the device's token, the key of the PIN verifiers, and the key of what is sealed.

A packaged app hands in the platform's key store; a hub keeps them in a file that only its user can read (the guide says
that this is weaker).
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

    def get(self, name: str) -> str | None:
        value = self._load().get(name)
        return str(value) if value is not None else None

    def put(self, **values: str) -> None:
        """On the disk when this returns."""
        beside = self._path.with_suffix(".new")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump({**self._load(), **values}, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)

    def wipe(self) -> None:
        """Overwritten, then removed: as far as the file system lets anybody do that."""
        if self._path.exists():
            with self._path.open("r+b") as file:
                file.write(bytes(self._path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
        self._path.unlink(missing_ok=True)

    def _load(self) -> dict[str, str]:
        try:
            loaded: dict[str, str] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        return loaded
