"""Signature and photo at the hand-over: an extra that never stands in the way, unless the store asks for one."""

from collections.abc import Callable
from enum import StrEnum

import flet as ft

from shared.proofs import ProofPolicy, Signature
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.photo_sheet import photo_picture, photo_sheet
from store_app.ui.components.section import section
from store_app.ui.components.sheet import sheet
from store_app.ui.components.sign_pad import sign_pad, signature_picture
from store_app.ui.components.text import muted, text
from store_app.ui.texts import t
from store_app.ui.theme import Space


class Over(StrEnum):
    """Which sheet lies over the screen."""

    NOTHING = ""
    SIGN = "sign"
    PHOTO = "photo"


SMALL = 240


def proof_section(
    signature: Signature | None,
    photo: bytes,
    lacks: ProofPolicy,
    *,
    show: Callable[[Over], None],
    forget: Callable[[Over], None],
    ask: Callable[[], None] | None,
) -> ft.Control:
    """What was left so far, and how to add the rest. `ask`: a lead may let it go without."""
    words = muted(t("hand_off.proof_optional")) if lacks == "none" else text(t(f"hand_off.asks.{lacks}"))
    parts: list[ft.Control] = [words]
    if signature is not None:
        parts.append(_left(signature_picture(signature, SMALL), t("hand_off.unsign"), lambda: forget(Over.SIGN)))
    if photo:
        parts.append(_left(photo_picture(photo, SMALL / 2), t("hand_off.unphoto"), lambda: forget(Over.PHOTO)))
    parts += _ways(signature, photo, show)
    if lacks != "none" and ask is not None:
        parts.append(button(t("hand_off.without"), ask, rank="quiet"))
    return section(t("hand_off.proof"), parts)


def _ways(signature: Signature | None, photo: bytes, show: Callable[[Over], None]) -> list[ft.Control]:
    """Both buttons side by side; what is there already needs none."""
    ways: list[ft.Control] = []
    if signature is None:
        ways.append(
            button(
                t("hand_off.sign"), lambda: show(Over.SIGN), rank="secondary", icon=ft.Icons.DRAW_ROUNDED, expand=True
            )
        )
    if not photo:
        icon = ft.Icons.PHOTO_CAMERA_ROUNDED
        ways.append(button(t("hand_off.photo"), lambda: show(Over.PHOTO), rank="secondary", icon=icon, expand=True))
    return [ft.Row(ways, spacing=Space.M)] if ways else []


def _left(picture: ft.Control, undo: str, forget: Callable[[], None]) -> ft.Control:
    return card(
        ft.Column(
            [picture, button(undo, forget, rank="quiet")],
            spacing=Space.S,
            horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
        )
    )


def proof_sheet(
    over: Over,
    *,
    signed: Callable[[Signature], None],
    taken: Callable[[bytes], None],
    close: Callable[[], None],
) -> ft.BottomSheet | None:
    """The signing pad or the camera; for `ft.use_dialog`."""
    if over is Over.SIGN:
        return sheet(t("sign.title"), [sign_pad(signed)], close)
    return sheet(t("photo.title"), [photo_sheet(taken)], close) if over is Over.PHOTO else None
