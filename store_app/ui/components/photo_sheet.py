"""One picture with the device's camera: look, take, look at it, use it or take another one.

It is the camera that scans, on a sheet of its own. Where there is none (packaged for a desktop) the sheet says so.
"""

import asyncio
import logging
import weakref
from collections.abc import Callable
from typing import cast

import flet as ft
import flet_camera as fc  # type: ignore[import-untyped]

from store_app.scanning.decoder import BadPicture
from store_app.scanning.photo import for_keeping
from store_app.ui.component import component
from store_app.ui.components.buttons import button
from store_app.ui.components.camera_sheet import has_camera, open_camera
from store_app.ui.components.text import muted
from store_app.ui.hooks import use_app, use_feedback
from store_app.ui.texts import t
from store_app.ui.theme import Radius, Space

log = logging.getLogger("store_app.ui")
HEIGHT = 320


@component
def photo_sheet(use: Callable[[bytes], None]) -> ft.Control:
    """Calls `use` with a small JPEG."""
    app, feedback = use_app(), use_feedback()
    there = has_camera(app.page)
    status, say = ft.use_state("photo.starting" if there else "photo.none")
    taken, keep = ft.use_state(b"")
    eye: ft.MutableRef[fc.Camera] = ft.use_ref(lambda: fc.Camera(expand=True, preview_enabled=True) if there else None)
    task: ft.MutableRef[asyncio.Task[None]] = ft.use_ref(None)
    camera = cast(fc.Camera | None, eye.current)

    async def look() -> None:
        try:
            await open_camera(camera)
        except Exception:
            log.info("no camera", exc_info=True)
            say("photo.none")
        else:
            say("photo.hint")

    def start() -> None:
        if camera is not None:
            task.current = asyncio.create_task(look())

    def end() -> None:
        if task.current is not None:
            task.current.cancel()

    async def take() -> None:
        try:
            keep(await asyncio.to_thread(for_keeping, await _shoot(cast(fc.Camera, camera), app.page)))
        except (RuntimeError, TimeoutError, BadPicture):
            log.warning("no picture", exc_info=True)
            feedback.wrong(t("notice.no_photo"), t("advice.no_photo"))

    def shoot() -> None:
        app.page.run_task(take)

    ft.use_effect(start, [], cleanup=end)
    parts: list[ft.Control] = [_view(taken, camera, hidden=status == "photo.none"), muted(t(status))]
    if taken:
        parts.append(button(t("photo.use"), lambda: use(taken), icon=ft.Icons.CHECK_ROUNDED))
        parts.append(button(t("photo.again"), lambda: keep(b""), rank="quiet"))
    else:
        ready = status == "photo.hint"
        parts.append(button(t("photo.take"), shoot, disabled=not ready, icon=ft.Icons.PHOTO_CAMERA_ROUNDED))
    return ft.Column(parts, spacing=Space.M, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


async def _shoot(camera: fc.Camera, page: ft.Page) -> bytes:
    """Flet loses the way from a control on a sheet to its page once the sheet was drawn anew; a call needs that way."""
    object.__setattr__(camera, "_parent", weakref.ref(page))
    return bytes(await camera.take_picture())


def _view(taken: bytes, camera: fc.Camera | None, *, hidden: bool) -> ft.Control:
    """What the camera sees; over it, once there is one, the picture: the camera stays ready for another one."""
    layers: list[ft.Control] = [ft.Container(camera, left=0, top=0, right=0, bottom=0)]
    if taken:
        picture = photo_picture(taken)
        layers.append(ft.Container(picture, left=0, top=0, right=0, bottom=0, bgcolor=ft.Colors.BLACK))
    return ft.Container(
        ft.Stack(layers),
        height=0 if hidden else HEIGHT,
        bgcolor=ft.Colors.BLACK,
        border_radius=Radius.CARD,
        clip_behavior=ft.ClipBehavior.ANTI_ALIAS,
    )


def photo_picture(picture: bytes, height: float | None = None) -> ft.Control:
    """A photo of a hand-over, whole."""
    return ft.Image(src=picture, height=height, fit=ft.BoxFit.CONTAIN, semantics_label=t("hand_off.photo_alt"))
