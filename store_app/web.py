"""Serves the app to browsers from a process of its own: in a shop's hub, or beside the server for the demo.

On a hub all browsers work on one local store, each at a station of its own; otherwise each browser profile is a device
with a store of its own. Everything the page needs comes from this process (fonts, engine of the page, tones), so that a
store whose line is down can still load it. A browser's camera wants a secure page: give it a certificate, or use
localhost.
"""

from collections.abc import Callable
from pathlib import Path

import flet as ft
import flet_web.fastapi as flet_web
import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from store_app.certificate import Tls
from store_app.engine.engine import Engine as StoreEngine
from store_app.engine.local_store import LocalStore
from store_app.engine.station import Station
from store_app.main import build
from store_app.ui.gallery import show_gallery
from store_app.ui.state import Engine, HubFace, Lease

ASSETS = Path(__file__).parent / "assets"
HUB_FOLDER = "hub"
"""Of the hub's store, among the folders of browser profiles (which have names of 32 digits)."""
CERTIFICATE = "/hub/certificate.crt"


class Engines:
    """One engine (on a hub: station) per device slot, shared by all tabs of a browser profile, closed when its last tab
    is gone."""

    def __init__(self, open_engine: Callable[[str], Engine]) -> None:
        self._open = open_engine
        self._running: dict[str, tuple[Engine, int]] = {}

    def borrow(self, slot: str) -> Lease:
        """The engine of this slot, for as long as the tab is there."""
        engine, tabs = self._running.get(slot) or (self._open(slot), 0)
        self._running[slot] = (engine, tabs + 1)
        return Lease(engine, lambda: self._give_back(slot))

    def close(self) -> None:
        """Close whatever still runs, when the process ends."""
        for engine, _ in self._running.values():
            engine.close()
        self._running.clear()

    def _give_back(self, slot: str) -> None:
        engine, tabs = self._running.pop(slot, (None, 0))
        if engine is None:
            return
        if tabs > 1:
            self._running[slot] = (engine, tabs - 1)
        else:
            engine.close()


def create_web(
    engines: Engines,
    main: Callable[[ft.Page], object] | None = None,
    hub: HubFace | None = None,
    certificate: bytes | None = None,
) -> FastAPI:
    """The ASGI app; `main` replaces the store app, for the gallery; `certificate` is offered to tablets."""

    async def store(page: ft.Page) -> None:
        await build(page, engines.borrow, hub=hub)

    app: FastAPI = flet_web.app(
        main or store,
        assets_dir=str(ASSETS),
        app_name="Baton",
        app_short_name="Baton",
        app_description="Baton store app",
        no_cdn=True,
    )
    if certificate is not None:

        async def download(_: Request) -> Response:
            return Response(certificate, media_type="application/x-x509-ca-cert")  # phones ask whether to install it

        app.router.routes.insert(0, Route(CERTIFICATE, download))  # before the page, which answers every address
    return app


def serve(
    host: str,
    port: int,
    data_dir: Path,
    server_url: str,
    tls: Tls | None = None,
    gallery: bool = False,
    hub: HubFace | None = None,
) -> None:
    """Serve until the process is told to end; with `hub`, all browsers from one store."""
    shared = LocalStore.open(data_dir / HUB_FOLDER, server_url) if hub else None
    if shared:
        shared.start()

    def open_engine(slot: str) -> Engine:
        if shared:
            return Station(shared, slot)
        engine = StoreEngine.open(data_dir / slot, server_url)
        engine.start()
        return engine

    engines = Engines(open_engine)
    main = show_gallery if gallery else None
    certificate = tls.to_install if tls and hub else None
    try:
        uvicorn.run(
            create_web(engines, main, hub, certificate),
            host=host,
            port=port,
            log_level="warning",
            ssl_certfile=str(tls.certificate) if tls else None,
            ssl_keyfile=str(tls.key) if tls else None,
        )
    finally:
        engines.close()
        if shared:
            shared.close()
