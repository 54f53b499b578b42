"""The steps of a job, from the shelf to the customer, and how far it has come."""

import flet as ft

from shared.fulfilment import Fulfilment, State
from shared.methods import METHODS
from store_app.ui.components.text import text
from store_app.ui.texts import has, t
from store_app.ui.theme import Color, Radius, Tone, Type, look

ORDER = (
    frozenset({State.OFFERED, State.ACCEPTED, State.PICKING}),
    frozenset({State.PICKED}),
    frozenset({State.PACKED, State.READY, State.ON_THE_WAY, State.ARRIVED, State.AWAITING_CARRIER}),
)
"""In these states the first, second, third step is the next one to do; in any other state none is."""
STOPPED = frozenset({State.SHORT, State.REJECTED, State.EXPIRED, State.CANCELLED})
ICONS = {
    "pick": ft.Icons.SHOPPING_BASKET_ROUNDED,
    "pack": ft.Icons.SHOPPING_BAG_ROUNDED,
    "hand_off": ft.Icons.HANDSHAKE_ROUNDED,
    "ship": ft.Icons.LOCAL_SHIPPING_ROUNDED,
}


def steps_done(job: Fulfilment) -> int:
    """How many of the method's steps are behind us. A packed bag without a place is not packed away yet."""
    if job.state is State.PACKED:
        return 1
    return next((number for number, states in enumerate(ORDER) if job.state in states), len(METHODS[job.method].steps))


def steps_row(job: Fulfilment) -> ft.Control | None:
    """Pick, pack, hand over: done ones ticked, the next one marked. None for a job that was called off."""
    if job.state in STOPPED or job.method not in METHODS:
        return None
    done = steps_done(job)
    steps = [_step(code, index, done) for index, code in enumerate(METHODS[job.method].steps)]
    return ft.Row(steps, vertical_alignment=ft.CrossAxisAlignment.START)


def _step(code: str, index: int, done: int) -> ft.Control:
    name = t(f"step.{code}") if has(f"step.{code}") else code
    standing = "done" if index < done else "next" if index == done else "later"
    colors = look({"done": Tone.OK, "next": Tone.INFO, "later": Tone.NEUTRAL}[standing])
    icon = ft.Icons.CHECK_ROUNDED if standing == "done" else ICONS.get(code, ft.Icons.CIRCLE_OUTLINED)
    mark = ft.Container(
        ft.Icon(icon, size=22, color=colors.on_solid if standing == "next" else colors.ink),
        width=44,
        height=44,
        border_radius=Radius.CHIP,
        bgcolor=colors.solid if standing == "next" else colors.ground,
        alignment=ft.Alignment.CENTER,
    )
    ink = Color.MUTED if standing == "later" else Color.INK
    words = text(name, Type.LABEL, ink, lines=2, align=ft.TextAlign.CENTER)
    column = ft.Column([mark, words], spacing=4, tight=True, horizontal_alignment=ft.CrossAxisAlignment.CENTER)
    spoken = t(f"step.is_{standing}", step=name)
    return ft.Semantics(content=column, label=spoken, container=True, exclude_semantics=True, expand=True)
