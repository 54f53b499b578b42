"""The frame every screen stands in: head, body, foot, and the way to the other screens.

On a phone: head, body, action, bottom bar. On a tablet: rail at the side, and the list beside its detail. The banner
that answers a scan lies over the head, the camera sheet pushes the body down.
"""

from collections.abc import Sequence

import flet as ft

from store_app.ui.component import component
from store_app.ui.components.action_bar import action_bar
from store_app.ui.components.banner import feedback_banner
from store_app.ui.components.camera_sheet import camera_sheet
from store_app.ui.components.list_detail import list_detail, scroller
from store_app.ui.components.nav import RAIL_WIDTH, bottom_bar, rail
from store_app.ui.components.scan_button import scan_button
from store_app.ui.components.top_bar import top_bar
from store_app.ui.hooks import use_app, use_state_of, use_watch, use_width
from store_app.ui.texts import is_right_to_left
from store_app.ui.theme import WIDE, Color, Space

READING_WIDTH = 760


@component
def frame(
    title: str,
    body: Sequence[ft.Control] | ft.Control,
    *,
    here: str = "today",
    back: str | None = None,
    header: ft.Control | None = None,
    detail: Sequence[ft.Control] | None = None,
    nothing_chosen: ft.Control | None = None,
    action: ft.Control | None = None,
    alone: bool = False,
) -> ft.Control:
    """A whole screen.

    `body`: a sequence scrolls; a single control fills the room. `here` is the tab it belongs to, `back` a route.
    `header` stays above what scrolls (search, filters). With `detail` or `nothing_chosen` the body is a list that a
    tablet shows beside its detail and a phone replaces by it. `action` is the one big button (or a row of two).
    `alone` leaves out everything that leads elsewhere, for signing in.
    """
    width = use_width()
    wide = width >= WIDE
    column_width = min(READING_WIDTH, width - RAIL_WIDTH) if wide else None
    left_handed = use_state_of(lambda state: state.left_handed)
    locale = use_state_of(lambda state: state.locale)
    foot = None if action is None else action_bar(action, with_scan=not wide and not alone, left_handed=left_handed)
    split = wide and (detail is not None or nothing_chosen is not None)
    content = _content(body, detail, nothing_chosen, column_width, foot if split else None)
    floats = None if wide or alone or action is not None else _floating(left_handed)
    parts: list[ft.Control] = [] if alone else [top_bar(title, back)]
    if header is not None:
        parts.append(ft.Container(header, padding=ft.Padding.symmetric(horizontal=Space.L, vertical=Space.XS)))
    parts += [camera_slot(), _over(content, floats)]
    if foot is not None and not split:
        parts.append(_row_of(foot, column_width))
    if not wide and not alone:
        parts.append(bottom_bar(here))
    column = ft.Column(parts, spacing=0, expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
    whole = column if not wide or alone else _beside(rail(here), column)
    return ft.Container(
        ft.Semantics(content=ft.SafeArea(_under_banner(whole, column_width)), identifier="frame"),
        bgcolor=Color.PAPER,
        expand=True,
        rtl=is_right_to_left(locale),
    )


def _content(
    body: Sequence[ft.Control] | ft.Control,
    detail: Sequence[ft.Control] | None,
    nothing_chosen: ft.Control | None,
    width: float | None,
    foot: ft.Control | None,
) -> ft.Control:
    if isinstance(body, ft.BaseControl):
        return ft.Container(body, expand=True)
    if detail is not None or nothing_chosen is not None:
        return list_detail(body, detail, nothing_chosen, foot)
    if width is None:
        return scroller(body)
    middle = ft.Container(scroller(body), width=width)
    stretch = ft.CrossAxisAlignment.STRETCH
    return ft.Row([middle], alignment=ft.MainAxisAlignment.CENTER, vertical_alignment=stretch)


def _row_of(content: ft.Control, width: float | None) -> ft.Control:
    """Something as high as it is and as wide as the reading column, in the middle of a tablet."""
    box = ft.Container(content, width=width, expand=None if width else True)
    return ft.Row([box], alignment=ft.MainAxisAlignment.CENTER)


def _beside(side: ft.Control, rest: ft.Control) -> ft.Control:
    return ft.Row([side, rest], spacing=0, expand=True, vertical_alignment=ft.CrossAxisAlignment.STRETCH)


def _floating(left_handed: bool) -> ft.Control:
    left, right = (Space.L, None) if left_handed else (None, Space.L)
    return ft.Container(scan_button(size=64, floating=True), bottom=Space.L, left=left, right=right)


def _over(content: ft.Control, floats: ft.Control | None) -> ft.Control:
    if floats is None:
        return ft.Container(content, expand=True)
    return ft.Stack([ft.Container(content, left=0, top=0, right=0, bottom=0), floats], expand=True)


def _under_banner(screen: ft.Control, width: float | None) -> ft.Control:
    """The banner covers the head of the screen for its moment, never the line in hand."""
    layers: list[ft.Control] = [
        ft.Container(screen, left=0, top=0, right=0, bottom=0),
        ft.Container(_row_of(feedback_banner(), width), left=Space.S, top=Space.S, right=Space.S),
    ]
    return ft.Stack(layers, expand=True)


@component
def camera_slot() -> ft.Control:
    """The camera sheet while it is on, nothing otherwise."""
    camera = use_app().camera
    on = use_watch(camera.subscribe, lambda: camera.on)
    return camera_sheet() if on else ft.Container(height=0)
