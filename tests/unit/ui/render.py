"""Draws a screen without a client: hooks, effects and dialogs work, and what it shows can be read and pressed.

`Shown` keeps the state of a component as long as it stands at the same place of the tree, as Flet does. Controls are
found by what a screen reader would say: the label of their semantics, the content of a button, the label of a field.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import flet as ft
from flet.components import router
from flet.components.component import Component, Renderer
from flet.components.hooks.use_effect import EffectHook
from flet.controls.context import _context_page

from store_app.engine.address import Address
from store_app.engine.station import Station
from store_app.ui import texts
from store_app.ui.context import App, current_locale, forget, remember
from store_app.ui.feedback import Feedback, Message
from store_app.ui.scans import Scan, Scans
from store_app.ui.state import HubFace, Store


class Session:
    """What components ask of Flet's session."""

    id = "test"

    def __init__(self) -> None:
        self.dirty = False
        self.effects: list[Any] = []

    def schedule_update(self, _control: object) -> None:
        self.dirty = True

    def schedule_effect(self, hook: Any, is_cleanup: bool) -> None:
        if not is_cleanup:
            self.effects.append(hook)

    def patch_control(self, *_words: object, **_more: object) -> None:
        pass


class Dialogs:
    """Where sheets and dialogs are put."""

    def __init__(self) -> None:
        self.controls: list[Any] = []


class Page:
    """What screens ask of Flet's page."""

    def __init__(self) -> None:
        self.session = Session()
        self.route = "/"
        self.tasks: list[asyncio.Task[Any]] = []
        self._dialogs = Dialogs()

    def navigate(self, route: str) -> None:
        self.route = route

    def run_task(self, work: Callable[..., Awaitable[Any]], *words: Any) -> None:
        self.tasks.append(asyncio.ensure_future(work(*words)))

    def _prepare_dialog(self, _dialog: object) -> None:
        pass


class Shown:
    """A screen as it stands now; `press`, `type` and `scan` draw it again."""

    def __init__(self, app: App, page: Page, draw: Callable[[], ft.Control], params: dict[str, str]) -> None:
        self.app, self.page, self._draw, self._params = app, page, draw, params
        self._states: dict[tuple[Any, ...], Any] = {}
        self._mounted: list[EffectHook] = []
        self.root: Any = None

    async def draw(self) -> None:
        """Draw until nothing changes any more."""
        for _ in range(10):
            self.page.session.dirty = False
            self.root = Renderer(None).render(self._inside)  # type: ignore[no-untyped-call]
            seen: dict[tuple[Any, ...], Any] = {}
            self._grow(self.root, ("root",), seen)
            for dialog in self.page._dialogs.controls:
                if dialog.open:
                    self._grow(dialog, ("dialog",), seen)
            self._states = seen
            await self._settle()
            if not self.page.session.dirty:
                return

    def _inside(self) -> ft.Control:
        return router._params_context(self._params, self._draw)

    def _grow(self, control: Any, path: tuple[Any, ...], seen: dict[tuple[Any, ...], Any]) -> None:
        """Let every component draw itself, with the state that was at its place before."""
        if isinstance(control, Component):
            path = (*path, control.fn.__qualname__, control.key)
            if (before := self._states.get(path)) is not None:
                control._state = before
                before.change_owner(control)
            control._state.mounted = True
            control.before_update()  # type: ignore[no-untyped-call]
            seen[path] = control._state
            for hook in control._state.hooks:
                if isinstance(hook, EffectHook) and hook not in self._mounted:
                    self._mounted.append(hook)
                    self.page.session.effects.append(hook)
        for index, child in enumerate(children(control)):
            self._grow(child, (*path, index if child.key is None else child.key), seen)

    async def _settle(self) -> None:
        effects, self.page.session.effects = self.page.session.effects, []
        for hook in effects:
            hook.prev_deps = hook.deps
            if not inspect.iscoroutinefunction(hook.setup):  # those wait for time to pass
                hook.setup()
        while self.page.tasks:
            await self.page.tasks.pop(0)
        for _ in range(3):
            await asyncio.sleep(0)

    # ------------------------------------------------------------ reading

    def everything(self) -> Iterator[Any]:
        """Every control of the screen and of the dialogs that lie open on it."""
        yield from below(self.root)
        yield from self._on_top()

    def _on_top(self) -> Iterator[Any]:
        for dialog in self.page._dialogs.controls:
            if dialog.open:
                yield from below(dialog)

    @property
    def words(self) -> str:
        """All that is written and all that is said, in order; hard spaces as plain ones."""
        found = [said for control in self.everything() for said in spoken(control)]
        return "\n".join(found).replace("\u00a0", " ").replace("\u202f", " ")

    @property
    def buttons(self) -> list[str]:
        """The names of what can be pressed."""
        return [name.replace("\u00a0", " ") for name, _ in self._pressables()]

    @property
    def message(self) -> Message | None:
        """What the banner says."""
        return self.app.feedback.message

    def _pressables(self) -> Iterator[tuple[str, Any]]:
        """What lies on top first."""
        for control in [*self._on_top(), *below(self.root)]:
            if isinstance(control, ft.FilledButton) and control.on_click and not control.disabled:
                yield str(control.content), control.on_click
            elif isinstance(control, ft.Semantics) and control.on_tap:
                yield control.label or "", control.on_tap

    # ------------------------------------------------------------ doing

    async def press(self, name: str) -> None:
        """Press the first control whose name contains this."""
        found = [act for said, act in self._pressables() if name in said.replace("\u00a0", " ")]
        assert found, f"nothing is called {name!r}; there are {self.buttons}"
        await self._did(found[0]())

    async def type(self, label: str, value: str) -> None:
        """Type into a field."""
        fields = [c for c in self.everything() if isinstance(c, ft.TextField) and c.label == label]
        assert fields, f"no field {label!r}"
        await self._did(fields[0].on_change(SimpleNamespace(control=SimpleNamespace(value=value))))  # type: ignore

    async def scan(self, text: str) -> None:
        """A scanner reads a code, nothing focused."""
        self.app.scans.offer(Scan(text, "wedge"))
        await self._did(None)

    async def _did(self, result: Any) -> None:
        if inspect.isawaitable(result):
            await result
        await self._settle()
        await self.draw()


PARTS = ("content", "controls", "title", "actions", "leading")


def children(control: Any) -> Iterator[ft.BaseControl]:
    """The controls right below one."""
    if isinstance(control, Component):
        bodies = control._b if isinstance(control._b, list) else [control._b]
        yield from (body for body in bodies if body is not None)
        return
    for value in (getattr(control, name, None) for name in PARTS):
        if isinstance(value, ft.BaseControl):
            yield value
        elif isinstance(value, list):
            yield from (each for each in value if isinstance(each, ft.BaseControl))


def below(control: Any) -> Iterator[Any]:
    """A control and everything under it."""
    yield control
    for child in children(control):
        yield from below(child)


def spoken(control: Any) -> Iterator[str]:
    """What a control says by itself."""
    if isinstance(control, ft.Text) and control.value:
        yield control.value
    elif isinstance(control, ft.FilledButton):
        yield str(control.content)
    elif isinstance(control, ft.Semantics) and control.label:
        yield control.label
    elif isinstance(control, ft.TextField):
        yield f"{control.label}: {control.value or ''}"


@asynccontextmanager
async def shown(
    engine: Station,
    draw: Callable[[], ft.Control],
    *,
    width: float = 390,
    address: Address | None = None,
    hub: HubFace | None = None,
    **params: str,
) -> Any:
    """Show a screen over a real engine; `params` are those of its route, `address` that of a packaged app's server,
    `hub` what a hub tells of itself."""
    page = Page()
    token = _context_page.set(page)  # type: ignore[arg-type]
    store = Store(engine.app_state())
    app = App(page, engine, store, Scans(), Feedback(), now=engine.clock.now, width=width, address=address, hub=hub)  # type: ignore[arg-type]
    stop = engine.subscribe(lambda: store.replace(engine.app_state()))
    remember(app)
    texts.use_locale_from(current_locale)
    screen = Shown(app, page, draw, params)
    try:
        await screen.draw()
        yield screen
    finally:
        stop()
        forget(app)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        _context_page.reset(token)
