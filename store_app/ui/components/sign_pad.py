"""The signing pad: a finger draws, and what it drew is shown again wherever somebody looks at it."""

from collections.abc import Callable, Sequence

import flet as ft
import flet.canvas as cv

from shared.proofs import PAD, Drawn, Signature, signature_of
from store_app.ui.component import component
from store_app.ui.components.buttons import button
from store_app.ui.hooks import use_feedback, use_width
from store_app.ui.texts import t
from store_app.ui.theme import Color, Radius, Space

SHEET = 640  # a sheet is no wider than this
INK = 3.0
EVERY_MS = 16
Strokes = tuple[tuple[tuple[float, float], ...], ...]


@component
def sign_pad(use: Callable[[Signature], None]) -> ft.Control:
    """A pad, a way to begin again, and one to use what was drawn. Calls `use` with it."""
    feedback = use_feedback()
    width = min(use_width(), SHEET) - 2 * Space.XL
    height = width * PAD[1] / PAD[0]
    nothing: Strokes = ()
    strokes, draw = ft.use_state(nothing)

    def begin(event: ft.DragStartEvent[ft.GestureDetector]) -> None:
        point = (event.local_position.x, event.local_position.y)
        draw(lambda known: (*known, (point,)))

    def go_on(event: ft.DragUpdateEvent[ft.GestureDetector]) -> None:
        point = (event.local_position.x, event.local_position.y)
        draw(lambda known: (*known[:-1], (*known[-1], point)) if known else ((point,),))

    def done() -> None:
        signature = signature_of(strokes, width, height)
        if signature is None:
            feedback.wrong(t("sign.too_little"), t("sign.too_little_detail"))
        else:
            use(signature)

    finger = ft.GestureDetector(on_pan_start=begin, on_pan_update=go_on, drag_interval=EVERY_MS)
    pad = _paper([_line(width, height), *map(_stroke, strokes)], width, height, finger)
    return ft.Column(
        [
            ft.Semantics(content=pad, label=t("sign.pad")),
            button(t("sign.use"), done, disabled=not strokes, icon=ft.Icons.CHECK_ROUNDED),
            button(t("sign.clear"), lambda: draw(nothing), rank="quiet", disabled=not strokes),
        ],
        spacing=Space.M,
        tight=True,
        horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
    )


def signature_picture(signature: Signature, width: float) -> ft.Control:
    """What somebody signed with."""
    scale = width / PAD[0]
    drawn = [_stroke([(x * scale, y * scale) for x, y in stroke]) for stroke in signature.strokes]
    paper = _paper(drawn, width, width * PAD[1] / PAD[0])
    return ft.Semantics(content=paper, label=t("hand_off.signature_alt"), image=True)


def _paper(shapes: Sequence[cv.Shape], width: float, height: float, content: ft.Control | None = None) -> ft.Control:
    canvas = cv.Canvas(list(shapes), content=content, width=width, height=height)
    return ft.Row(
        [
            ft.Container(
                canvas,
                width=width,
                height=height,
                bgcolor=Color.RAISED,
                border_radius=Radius.CARD,
                clip_behavior=ft.ClipBehavior.ANTI_ALIAS,
            )
        ],
        alignment=ft.MainAxisAlignment.CENTER,
    )


def _line(width: float, height: float) -> cv.Shape:
    """Where to sign."""
    below = height * 0.78
    return cv.Line(Space.XL, below, width - Space.XL, below, paint=ft.Paint(color=Color.EDGE, stroke_width=1))


def _stroke(points: Drawn) -> cv.Shape:
    (x, y), *rest = points
    return cv.Path(
        [cv.Path.MoveTo(x, y), *(cv.Path.LineTo(*point) for point in rest)],
        paint=ft.Paint(
            color=Color.INK,
            stroke_width=INK,
            style=ft.PaintingStyle.STROKE,
            stroke_cap=ft.StrokeCap.ROUND,
            stroke_join=ft.StrokeJoin.ROUND,
        ),
    )
