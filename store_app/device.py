"""The app as it is packaged for a phone, a tablet or a desktop: one device, one local store, in the app's own folder.

Flet starts this process together with the window and says in the environment where the app may keep its files. Nobody
is there to say where the server is: the enrolment code does, or a person.

`python -m store_app.device` runs the same from source.
"""

import asyncio
import logging
import os
from functools import partial
from pathlib import Path

import flet as ft

from store_app.engine.address import Address
from store_app.engine.engine import Engine
from store_app.engine.transport import HttpTransport
from store_app.key_store import KeyStore, KeyStoreClosed, key_store, secrets_in
from store_app.main import answered, build, dress
from store_app.ui.closed import show_closed
from store_app.ui.state import Lease

log = logging.getLogger("store_app")

STORAGE = "FLET_APP_STORAGE_DATA"
"""Set by Flet in a packaged app: private to the app, kept when it is updated."""
KEYRING_ASKS = 30.0  # seconds; a desktop's keyring may ask its person for a password first, a browser never does


class Device:
    """The engine of this device. It outlives the window: a phone may close that and open it again."""

    def __init__(self, folder: Path) -> None:
        self.address = Address(folder / "server.txt")
        self._folder = folder
        self._engine: Engine | None = None
        self._opening = asyncio.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    async def open(self, store: KeyStore, within: float | None = KEYRING_ASKS) -> None:
        """Once the key store has given the key, which a window is needed for; it is asked again when it has said
        nothing `within` so many seconds (None: as soon as any page). Raises `KeyStoreClosed`."""
        async with self._opening:
            if self._engine is None:
                secrets = await secrets_in(self._folder, store, partial(answered, within=within))
                transport = HttpTransport(lambda: self.address.url)
                self._engine = Engine.open(self._folder, "", transport=transport, secrets=secrets)
                self._engine.start()

    def borrow(self, _slot: str) -> Lease:
        """The one engine, whichever window asks; it closes with the process. It is open by then."""
        assert self._engine is not None  # noqa: S101
        return Lease(self._engine, lambda: None)

    def close(self) -> None:
        """Let go of files and threads."""
        if self._engine is not None:
            self._engine.close()


def folder() -> Path:
    """Where the local store lies; from source in the folder one works in."""
    given = os.environ.get(STORAGE)
    return Path(given) / "store" if given else Path(".baton") / "device"


def main(assets: str = "assets") -> None:
    """Run until the window is closed for good. `assets` counts from the entry file; a packaged app has its own."""
    device = Device(folder())

    async def show(page: ft.Page) -> None:
        try:
            await device.open(key_store(), None if page.web else KEYRING_ASKS)
        except KeyStoreClosed:
            log.warning("the key store does not open", exc_info=True)
            dress(page)
            show_closed(page, lambda: page.run_task(show, page))
        else:
            await build(page, device.borrow, address=device.address)

    try:
        ft.run(show, assets_dir=assets, no_cdn=True)
    finally:
        device.close()


if __name__ == "__main__":
    main(str(Path(__file__).parent / "assets"))
