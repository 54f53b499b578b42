"""`App`: everything one browser tab (or one phone) has, found again from any component through its page."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import flet as ft

from store_app.engine.address import Address
from store_app.ui.feedback import Feedback
from store_app.ui.scans import Scans
from store_app.ui.state import Engine, HubFace, Store, Switch


def utc_now() -> datetime:
    """The present instant; the one clock the face reads."""
    return datetime.now(UTC)


@dataclass(eq=False)
class App:
    """What hooks hand to components. `viewport` holds width and height in dp, `kept` what `use_kept` keeps;
    `touched` is called when somebody uses the app, so that it does not lock; `address` is where the server is, on a
    device that can be told (none where the process that serves this page knows); `hub` is there on a hub."""

    page: ft.Page
    engine: Engine
    store: Store
    scans: Scans
    feedback: Feedback
    now: Callable[[], datetime] = utc_now
    viewport: Store = field(default_factory=Store)
    camera: Switch = field(default_factory=Switch)
    touched: Callable[[], None] = lambda: None
    kept: dict[str, Any] = field(default_factory=dict)
    address: Address | None = None
    hub: HubFace | None = None
    width: float = 390
    height: float = 844

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()

    def post(self, action: Callable[[], Any]) -> None:
        """Run something on the page's own thread, with the page at hand; may be called from any thread."""
        self._loop.call_soon_threadsafe(action, context=self._context.copy())

    def resized(self, width: float, height: float) -> None:
        """The window has another size: draw again what depends on it."""
        self.width, self.height = width, height
        self.viewport.tell()


_apps: dict[str, App] = {}


def remember(app: App) -> None:
    """Make this app findable from its page."""
    _apps[app.page.session.id] = app


def forget(app: App) -> None:
    """The tab is gone for good."""
    _apps.pop(app.page.session.id, None)


def current_app() -> App:
    """The app of the page that is being drawn or has sent the event now answered."""
    return _apps[ft.context.page.session.id]


def current_locale() -> str:
    """The locale of the page at hand, English where there is no page."""
    try:
        return current_app().store.state.locale
    except (RuntimeError, KeyError):
        return "en"
