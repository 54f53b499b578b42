"""The camera as a scanner: a view-finder over the screen, pictures taken one after another, codes read off thread.

The same code works wherever Flet's camera can take a picture (browsers, phones); it needs no video stream. What is
read joins the one stream of scans, and the sheet stays open, so that twenty things can be scanned in a row. Without a
camera (packaged for a desktop) or without a reader the sheet says so: a scanner that types always works.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import cast

import flet as ft
import flet_camera as fc  # type: ignore[import-untyped]

from store_app.scanning.camera import CameraLoop
from store_app.scanning.decoder import decode, installed
from store_app.ui.component import component
from store_app.ui.components.buttons import icon_button
from store_app.ui.components.text import text
from store_app.ui.hooks import use_app
from store_app.ui.scans import Scan
from store_app.ui.texts import t
from store_app.ui.theme import Radius, Space, Type

log = logging.getLogger("store_app.ui")
HEIGHT = 260
PAUSE = 0.08  # seconds between two pictures, so that a phone stays cool


@component
def camera_sheet() -> ft.Control:
    """View-finder, a line that says how it goes, and a way to close it."""
    app = use_app()
    obstacle = why_not(app.page)
    status, say = ft.use_state(t(obstacle or "camera.starting"))
    eye: ft.MutableRef[fc.Camera] = ft.use_ref(
        lambda: None if obstacle else fc.Camera(expand=True, preview_enabled=True)
    )
    task: ft.MutableRef[asyncio.Task[None]] = ft.use_ref(None)
    camera = cast(fc.Camera | None, eye.current)

    def start() -> None:
        if camera is not None:
            task.current = asyncio.create_task(watch(camera, app.scans.offer, say))

    def end() -> None:
        if task.current is not None:
            task.current.cancel()

    ft.use_effect(start, [], cleanup=end)
    return ft.Container(
        ft.Stack(
            [
                ft.Container(camera, left=0, top=0, right=0, bottom=0),
                ft.Container(_reticle(), left=0, top=0, right=0, bottom=0, alignment=ft.Alignment.CENTER),
                ft.Container(_status(status), left=Space.M, bottom=Space.M),
                ft.Container(_close(lambda: app.camera.flip(False)), right=Space.S, top=Space.S),
            ]
        ),
        height=HEIGHT,
        bgcolor=ft.Colors.BLACK,
        border_radius=Radius.CARD,
        margin=ft.Margin.symmetric(horizontal=Space.L, vertical=Space.S),
        clip_behavior=ft.ClipBehavior.ANTI_ALIAS,
    )


def why_not(page: ft.Page) -> str:
    """The key of the sentence that says why nothing can be read from pictures here; empty when it can."""
    if not has_camera(page):
        return "camera.none"
    return "" if installed() else "camera.no_reader"


def has_camera(page: ft.Page) -> bool:
    """Whether Flet has a camera here; whether the device has one is seen when it is opened."""
    return page.web or page.platform in (ft.PagePlatform.ANDROID, ft.PagePlatform.IOS)


async def watch(camera: fc.Camera, offer: Callable[[Scan], None], say: Callable[[str], None]) -> None:
    """Open the camera, then take pictures and offer what they hold, until cancelled."""
    try:
        await open_camera(camera)
    except Exception:
        log.info("no camera", exc_info=True)
        say(t("camera.none"))
        return
    say(t("camera.ready"))
    loop = CameraLoop()
    while True:
        try:
            picture = await camera.take_picture()
        except (RuntimeError, TimeoutError):
            await asyncio.sleep(0.5)
            continue
        look = loop.next_look()
        reads = await asyncio.to_thread(decode, picture, hard=look.hard, centre=look.centre)
        for read in loop.taken(reads, int(time.monotonic() * 1000)):
            offer(Scan(read.text, "camera", read.symbology, read.identifier))
        await asyncio.sleep(PAUSE)


async def open_camera(camera: fc.Camera) -> None:
    """The one that looks away from the user, or what there is. Raises whatever keeps it from being opened."""
    cameras = await camera.get_available_cameras()
    away = [c for c in cameras if c.lens_direction == fc.CameraLensDirection.BACK]
    await camera.initialize((away or cameras)[0], fc.ResolutionPreset.HIGH, enable_audio=False)


def _reticle() -> ft.Control:
    edge = ft.BorderSide(3, ft.Colors.WHITE)
    return ft.Container(
        width=240,
        height=130,
        border=ft.Border(left=edge, top=edge, right=edge, bottom=edge),
        border_radius=Radius.CARD,
        opacity=0.85,
    )


def _status(words: str) -> ft.Control:
    return ft.Semantics(
        content=ft.Container(
            text(words, Type.LABEL, ft.Colors.WHITE),
            bgcolor=ft.Colors.with_opacity(0.6, ft.Colors.BLACK),
            border_radius=Radius.CHIP,
            padding=ft.Padding.symmetric(horizontal=Space.M, vertical=6),
        ),
        live_region=True,
    )


def _close(on_click: Callable[[], None]) -> ft.Control:
    return ft.Container(
        icon_button(ft.Icons.CLOSE_ROUNDED, t("scan.close"), on_click, color=ft.Colors.WHITE),
        bgcolor=ft.Colors.with_opacity(0.6, ft.Colors.BLACK),
        border_radius=Radius.CHIP,
    )
