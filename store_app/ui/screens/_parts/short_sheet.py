"""Not there: how many, why, and what saying so does. Asked before it is done, because it cannot be taken back."""

from collections.abc import Callable, Sequence

import flet as ft

from shared.reasons import SHORT_REASONS
from store_app.ui.component import component
from store_app.ui.components.buttons import button
from store_app.ui.components.choice import Option, choice
from store_app.ui.components.stepper import stepper
from store_app.ui.components.text import muted, text
from store_app.ui.texts import t
from store_app.ui.theme import Space, Tone, Type


@component
def short_form(
    name: str,
    most: int,
    send: Callable[[int, str], None],
    weighed: bool = False,
    say: Callable[[str], None] = lambda reason: None,
    instead: Callable[[int, str], Sequence[ft.Control]] = lambda units, reason: (),
) -> ft.Control:
    """Calls `send(units, reason)`; of what is weighed the whole rest is reported. `say` hears of a reason at once;
    `instead(units, reason)` is what the customer takes in place of them, shown as soon as there is one."""
    reason, choose = ft.use_state("")
    units, set_units = ft.use_state(most)
    parts: list[ft.Control] = [muted(name)]
    if most > 1 and not weighed:
        parts.append(stepper(units, set_units, t("pick.units_missing"), least=1, most=most))
    others = list(instead(units, reason)) if reason else []
    reasons = [Option(code, t(f"reason.{code}")) for code in SHORT_REASONS if not others or code == reason]

    def chosen(code: str) -> None:
        """With something to take instead the chosen reason stands alone; pressed again, all are there to choose."""
        said = "" if others else code
        choose(said)
        say(said)

    parts.append(choice(reasons, reason or None, chosen))
    if reason:
        parts += [*others, text(t(f"reason.{reason}.effect"), Type.STRONG)]
    go = button(
        t("pick.short_go", count=1 if weighed else units),
        lambda: send(units, reason),
        tone=Tone.BAD,
        rank="secondary" if others else "primary",
        disabled=not reason,
    )
    stretch = ft.CrossAxisAlignment.STRETCH
    return ft.Column([*parts, go], spacing=Space.M, tight=True, horizontal_alignment=stretch)
