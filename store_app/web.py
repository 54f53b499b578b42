"""Serves the app to browsers from a process of its own: in a shop's hub, or beside the server for the demo.

Everything the page needs comes from this process (fonts, engine of the page, tones), so that a store whose line is
down can still load it. A browser's camera wants a secure page: give it a certificate, or use localhost.
"""

from collections.abc import Callable
from pathlib import Path

import flet as ft
import flet_web.fastapi as flet_web
import uvicorn
from fastapi import FastAPI

from store_app.certificate import Tls
from store_app.engine.engine import Engine as StoreEngine
from store_app.main import build
from store_app.ui.gallery import show_gallery
from store_app.ui.state import Engine, Lease

ASSETS = Path(__file__).parent / "assets"


class Engines:
    """One engine per device slot, shared by all tabs of a browser profile, closed when its last tab is gone."""

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


def create_web(engines: Engines, main: Callable[[ft.Page], object] | None = None) -> FastAPI:
    """The ASGI app; `main` replaces the store app, for the gallery."""

    async def store(page: ft.Page) -> None:
        await build(page, engines.borrow)

    app: FastAPI = flet_web.app(
        main or store,
        assets_dir=str(ASSETS),
        app_name="Baton",
        app_short_name="Baton",
        app_description="Baton store app",
        no_cdn=True,
    )
    return app


def serve(host: str, port: int, data_dir: Path, server_url: str, tls: Tls | None = None, gallery: bool = False) -> None:
    """Serve until the process is told to end."""

    def open_engine(slot: str) -> Engine:
        engine = StoreEngine.open(data_dir / slot, server_url)
        engine.start()
        return engine

    engines = Engines(open_engine)
    main = show_gallery if gallery else None
    try:
        uvicorn.run(
            create_web(engines, main),
            host=host,
            port=port,
            log_level="warning",
            ssl_certfile=str(tls.certificate) if tls else None,
            ssl_keyfile=str(tls.key) if tls else None,
        )
    finally:
        engines.close()
