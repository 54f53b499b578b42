"""The engine of one device: a local store of its own, and the one station at it."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from store_app.engine.clock import Chance, Clock
from store_app.engine.local_store import LocalStore, ShutOut
from store_app.engine.secrets import Secrets
from store_app.engine.station import Station
from store_app.engine.transport import Transport

__all__ = ["Engine", "ShutOut"]


class Engine(Station):
    """`Engine.open(...)`, then `start()` to sync in the background, `close()` at the end."""

    @classmethod
    def open(
        cls,
        folder: Path,
        server_url: str,
        clock: Clock | None = None,
        random: Chance | None = None,
        transport: Transport | None = None,
        secrets: Secrets | None = None,
    ) -> Self:
        """The local store in `folder`, made if it is not there."""
        return cls(LocalStore.open(folder, server_url, clock, random, transport, secrets))

    def start(self) -> None:
        """Sync in the background."""
        self.store.start()

    def close(self) -> None:
        """Let go of files and threads. Everything that was done is on the disk already."""
        self.store.close()
