"""Builds the app on one page: a browser tab, or the window of a phone or desktop build.

The page only needs to be told how to borrow the engine of a device slot; who serves it (a hub's web process, a packaged
app) is none of its business.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import uuid4

import flet as ft
import flet_audio as fa  # type: ignore[import-untyped]

from store_app.engine.address import Address
from store_app.ui import texts, theme
from store_app.ui.alarm import Alarm
from store_app.ui.app import store_app
from store_app.ui.context import App, current_locale, forget, remember, utc_now
from store_app.ui.feedback import Feedback, Signal
from store_app.ui.scans import Scans
from store_app.ui.screens import SCREENS, Screen, anywhere
from store_app.ui.state import HubFace, Lease, Store

log = logging.getLogger("store_app")
T = TypeVar("T")
Borrow = Callable[[str], Lease]
SLOT_KEY = "baton.slot"
ASKED_EVERY = 3.0  # seconds
ASKED_TIMES = 1200  # an hour: as long as Flet keeps the session of a page that is away
LOOKS_EVERY = 10  # seconds between two looks at the lock


async def device_slot(page: ft.Page) -> str:
    """This browser profile's (or device's) own random id, kept in its storage; a reload finds the same local store.

    It is checked before use, because the other side could send anything and it names a folder.
    """
    kept = ft.SharedPreferences()
    slot = await answered(lambda: kept.get(SLOT_KEY))
    if isinstance(slot, str) and re.fullmatch(r"[0-9a-f]{32}", slot):
        return slot
    slot = uuid4().hex
    await answered(lambda: kept.set(SLOT_KEY, slot))
    return slot


async def answered(ask: Callable[[], Awaitable[T]], within: float | None = None) -> T:
    """What the page answers, `within` so many seconds (else three). One that is reloaded, or loses its network, while
    it is asked never does, and Flet would wait for ever before a blank page: whoever comes back to the session is asked
    again. Raises TimeoutError when nobody has."""
    for _ in range(ASKED_TIMES - 1):
        try:
            return await asyncio.wait_for(ask(), within or ASKED_EVERY)
        except TimeoutError:
            log.warning("the page has not answered; it is asked again")
    return await asyncio.wait_for(ask(), within or ASKED_EVERY)


async def build(
    page: ft.Page,
    borrow: Borrow,
    screens: Sequence[Screen] = SCREENS,
    now: Callable[[], datetime] = utc_now,
    address: Address | None = None,
    hub: HubFace | None = None,
) -> App:
    """Dress the page, borrow the engine of its device slot and draw the app; `address` if the app may set it, `hub` on
    a store's hub."""
    dress(page)
    lease = borrow(await device_slot(page))
    engine = lease.engine
    store = Store(engine.app_state())
    feedback = Feedback(senses(page, lambda: store.state.sound))
    app = App(page, engine, store, Scans(browser=page.web), feedback, now, address=address, hub=hub)
    if page.width and page.height:
        app.width, app.height = page.width, page.height
    alarm = None
    if screens is SCREENS:  # the gallery has no engine that could answer
        app.scans.otherwise = anywhere.answer
        alarm = Alarm(app)
    app.touched = engine.touch
    remember(app)
    listen(app, lease, alarm)
    page.render(store_app, screens)
    return app


def dress(page: ft.Page) -> None:
    """Title, fonts, both themes, and nothing between the app and the edge of the window."""
    texts.use_locale_from(current_locale)
    page.title = "Baton"
    page.fonts = theme.FONTS
    page.theme = theme.build_theme(theme.LIGHT)
    page.dark_theme = theme.build_theme(theme.DARK)
    page.views[0].padding = 0
    page.views[0].spacing = 0


def news(app: App, alarm: Alarm | None) -> None:
    """The local store has changed: the frame follows, and what concerns the person here is said."""
    app.store.replace(app.engine.app_state())
    if alarm is not None:
        alarm.look()


def listen(app: App, lease: Lease, alarm: Alarm | None = None) -> None:
    """Keys, window, engine and the end of the tab."""
    page = app.page
    page.on_keyboard_event = lambda e: pressed(app, e)
    page.on_resize = lambda e: app.resized(e.width, e.height)
    stop = app.engine.subscribe(lambda: app.post(lambda: news(app, alarm)))
    app.store.subscribe(lambda: adapt(app))
    adapt(app)
    clock = page.run_task(watch, app)

    def close() -> None:
        clock.cancel()
        stop()
        forget(app)
        lease.give_back()

    page.on_close = close


def pressed(app: App, event: ft.KeyboardEvent) -> None:
    """A key, of a person or of a scanner. Ctrl+V scans what was copied."""
    app.touched()
    if (event.ctrl or event.meta) and not event.alt and event.key.upper() == "V":
        app.page.run_task(paste, app)
    else:
        app.scans.key(event.key, event.shift, event.ctrl, event.alt)


async def paste(app: App) -> None:
    """Read the clipboard; a browser asks the person first, and may refuse."""
    try:
        app.scans.paste(await ft.Clipboard().get() or "")
    except Exception:
        log.info("the clipboard could not be read", exc_info=True)


async def watch(app: App) -> None:
    """Lets the device lock when nobody has used it for a while."""
    while True:
        await asyncio.sleep(LOOKS_EVERY)
        app.engine.tick()


def adapt(app: App) -> None:
    """Light or dark, and the language of the parts that Flutter itself writes."""
    state = app.store.state
    app.page.theme_mode = ft.ThemeMode(state.theme)
    app.page.locale_configuration = ft.LocaleConfiguration(
        supported_locales=[ft.Locale(language) for language in texts.LANGUAGES],
        current_locale=ft.Locale(texts.language_of(state.locale)),
    )


def senses(page: ft.Page, loud: Callable[[], bool]) -> Callable[[Signal], None]:
    """Tone (while `loud`) and touch of this device; what it lacks (sound before the first tap, a motor) is left out."""
    sounds: dict[Signal, fa.Audio] = {
        "right": fa.Audio(src="tones/right.wav", release_mode=fa.ReleaseMode.STOP),
        "wrong": fa.Audio(src="tones/wrong.wav", release_mode=fa.ReleaseMode.STOP),
        "note": fa.Audio(src="tones/note.wav", release_mode=fa.ReleaseMode.STOP),
    }
    touch = ft.HapticFeedback()
    short: Callable[[], Awaitable[None]] = touch.light_impact
    long: Callable[[], Awaitable[None]] = touch.vibrate

    async def sense(signal: Signal) -> None:
        try:
            await (short() if signal == "right" else long())
            if loud():
                await sounds[signal].play()
        except Exception:
            log.debug("no tone or touch for %s", signal, exc_info=True)

    def send(signal: Signal) -> None:
        page.run_task(sense, signal)

    return send
