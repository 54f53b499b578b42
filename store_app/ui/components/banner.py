"""The answer to a scan: icon, sentence and colour together, said aloud to a screen reader at once."""

import asyncio

import flet as ft

from store_app.ui.component import component
from store_app.ui.components.buttons import icon_button
from store_app.ui.components.pressable import OnClick, pressable
from store_app.ui.components.text import text
from store_app.ui.feedback import LASTS, Way
from store_app.ui.hooks import use_feedback, use_watch
from store_app.ui.texts import t
from store_app.ui.theme import TONE_ICONS, TOUCH, Radius, Space, Tone, Tones, Type, lifted, look


def banner(
    tone: Tone,
    title: str,
    detail: str = "",
    on_close: OnClick | None = None,
    *,
    aloud: bool = True,
    way: Way | None = None,
) -> ft.Control:
    """Green tick, red cross or amber mark with one sentence, a second one that says what to do, perhaps a way on."""
    colors = look(tone)
    words: list[ft.Control] = [text(title, Type.STRONG, colors.on_solid)]
    if detail:
        words.append(text(detail, Type.BODY, colors.on_solid))
    row: list[ft.Control] = [
        ft.Icon(TONE_ICONS[tone], size=34, color=colors.on_solid),
        ft.Semantics(
            content=ft.Column(words, spacing=2, tight=True),
            label=" ".join(filter(None, (t(f"tone.{tone}"), title, detail))),
            live_region=aloud,
            container=True,
            exclude_semantics=True,
            expand=True,
        ),
    ]
    if on_close is not None:
        row.append(icon_button(ft.Icons.CLOSE_ROUNDED, t("banner.close"), on_close, color=colors.on_solid))
    said = ft.Row(row, spacing=Space.M, vertical_alignment=ft.CrossAxisAlignment.CENTER)
    return ft.Container(
        content=ft.Column([said, _way(way, colors)], spacing=Space.M, tight=True) if way else said,
        bgcolor=colors.solid,
        border_radius=Radius.CARD,
        padding=ft.Padding(left=Space.L, top=Space.M, right=Space.S, bottom=Space.M),
        shadow=lifted(),
    )


def _way(way: Way, colors: Tones) -> ft.Control:
    return pressable(
        text(way.label, Type.STRONG, colors.on_solid),
        way.label,
        way.go,
        radius=Radius.BUTTON,
        border=ft.Border.all(1.5, colors.on_solid),
        padding=ft.Padding.symmetric(horizontal=Space.L),
        height=TOUCH,
        alignment=ft.Alignment.CENTER,
    )


@component
def feedback_banner() -> ft.Control:
    """The banner for what `Feedback` now says; it leaves by itself, sooner when all is well."""
    feedback = use_feedback()
    message = use_watch(feedback.subscribe, lambda: feedback.message)

    async def leave() -> None:
        if message is not None:
            await asyncio.sleep(LASTS.get(message.tone, 6.0))
            feedback.clear(message.id)

    ft.use_effect(leave, [message.id if message else 0])
    if message is None:
        return ft.Container(height=0)
    return banner(message.tone, message.title, message.detail, lambda: feedback.clear(message.id), way=message.action)
