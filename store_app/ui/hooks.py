"""Hooks: how components read state, answer scans, and know the time and the room they have.

Call hooks at the top of a `@component`, always in the same order, never inside a condition.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import flet as ft

from store_app.ui.context import App, current_app
from store_app.ui.feedback import Feedback
from store_app.ui.scans import Scan, ScanHandler
from store_app.ui.state import AppState, Dispose, Listener
from store_app.ui.theme import WIDE

T = TypeVar("T")
Subscribe = Callable[[Listener], Dispose]


def use_app() -> App:
    """Everything this tab has: page, engine, store, scans, feedback."""
    return current_app()


def use_feedback() -> Feedback:
    """Banner, tone and touch: `right`, `wrong`, `note`."""
    return current_app().feedback


def use_watch(subscribe: Subscribe, read: Callable[[], T]) -> T:
    """The value `read` gives now; the component is drawn again when it differs after a notification.

    `read` is called on every draw, so it should be quick and its result comparable with `==`.
    """
    app = current_app()
    value = read()
    _, redraw = ft.use_state(0)
    seen: ft.MutableRef[Any] = ft.use_ref(None)
    seen.current = (value, read)
    stop: ft.MutableRef[Dispose] = ft.use_ref(None)

    def check() -> None:
        shown, read_now = seen.current
        if read_now() != shown:
            redraw(lambda count: count + 1)

    def start() -> None:
        stop.current = subscribe(lambda: app.post(check))
        check()

    def end() -> None:
        if stop.current is not None:
            stop.current()

    ft.use_effect(start, [], cleanup=end)
    return value


def use_state_of(select: Callable[[AppState], T]) -> T:
    """A part of the frame's snapshot, such as `use_state_of(lambda s: s.sync)`."""
    store = current_app().store
    return use_watch(store.subscribe, lambda: select(store.state))


def use_query(read: Callable[[], T]) -> T:
    """What the engine's local store says now, read again after every change in it."""
    return use_watch(current_app().engine.subscribe, read)


def use_scan(handler: Callable[[Scan], bool | None], active: bool = True) -> None:
    """Answer scans while this component is on screen. Returning False leaves the scan to whoever is below."""
    scans = current_app().scans
    latest: ft.MutableRef[tuple[ScanHandler, bool]] = ft.use_ref(None)
    latest.current = (handler, active)
    pop: ft.MutableRef[Dispose] = ft.use_ref(None)

    def answer(scan: Scan) -> bool | None:
        current, on = latest.current or (handler, False)
        return current(scan) if on else False

    def start() -> None:
        pop.current = scans.push(answer)

    def end() -> None:
        if pop.current is not None:
            pop.current()

    ft.use_effect(start, [], cleanup=end)


def use_now(seconds: float = 15) -> datetime:
    """The time, and a redraw every so many seconds: for what shows time left or time passed."""
    app = current_app()
    _, redraw = ft.use_state(0)
    task: ft.MutableRef[asyncio.Task[None]] = ft.use_ref(None)

    async def tick() -> None:
        while True:
            await asyncio.sleep(seconds)
            redraw(lambda count: count + 1)

    def start() -> None:
        task.current = asyncio.create_task(tick())

    def end() -> None:
        if task.current is not None:
            task.current.cancel()

    ft.use_effect(start, [], cleanup=end)
    return app.now()


def use_width() -> float:
    """The width of the window in dp."""
    app = current_app()
    return use_watch(app.viewport.subscribe, lambda: app.width)


def use_wide() -> bool:
    """Whether there is room for a rail, and for a list beside its detail."""
    app = current_app()
    return use_watch(app.viewport.subscribe, lambda: app.width >= WIDE)


def use_kept(name: str, initial: T) -> tuple[T, Callable[[T], None]]:
    """State that outlives the screen: filters and searches are still there when one comes back to a list."""
    app = current_app()
    _, redraw = ft.use_state(0)

    def keep(value: T) -> None:
        app.kept[name] = value
        redraw(lambda count: count + 1)

    return app.kept.get(name, initial), keep


def go(route: str) -> None:
    """Show another route, as `go("/today")`. For event handlers."""
    current_app().touched()
    ft.context.page.navigate(route)


def opener(route: str) -> Callable[[], None]:
    """`go`, bound: `on_click=opener("/work/" + job.id)`."""
    return lambda: go(route)
