"""Units to carry back, shelf by shelf, and those that are there again."""

from collections.abc import Callable, Mapping

import flet as ft

from store_app.engine.put_back import CarryStep
from store_app.ui.component import keyed
from store_app.ui.components.line_row import LineFace, amount, line_row
from store_app.ui.components.section import section
from store_app.ui.texts import t


def carry_rows(
    steps: list[CarryStep], back: Mapping[int, int] | None, tapped: Callable[[CarryStep], None] | None
) -> list[ft.Control]:
    """What is left in walking order, then what is done. Without `back` the lines are only shown."""
    faces = [(step, carry_face(step, (back or {}).get(step.line.line, 0))) for step in steps]
    left = [(step, face) for step, face in faces if face.left]
    done = [(step, face) for step, face in faces if not face.left]
    parts: list[ft.Control] = []
    if left:
        rows = [_row(step, face, tapped, current=tapped is not None and n == 0) for n, (step, face) in enumerate(left)]
        parts.append(section(t("needs.units"), rows, count=len(left)))
    if done:
        parts.append(section(t("needs.back"), [_row(*each, tapped, current=False) for each in done], count=len(done)))
    return parts


def _row(step: CarryStep, face: LineFace, tapped: Callable[[CarryStep], None] | None, *, current: bool) -> ft.Control:
    press = (lambda: tapped(step)) if tapped else None
    return keyed(f"line-{step.line.line}", line_row(face, press, current=current))


def carry_face(step: CarryStep, back: int) -> LineFace:
    """A line of the walk as its row shows it; what is damaged has a place of its own."""
    item, line = step.item, step.line
    shelf = (step.stock.bin if step.stock else None) or ""
    return LineFace(
        name=item.name if item else line.sku,
        variant=item.variant if item else "",
        bin=t("needs.damaged") if line.damaged == line.quantity else shelf,
        left=max(0, line.quantity - back),
        asked=line.quantity,
        category=item.category if item else "",
        picture=item.picture if item else None,
        weighed=step.weighed,
    )


def names_of_missing(steps: list[CarryStep], back: Mapping[int, int]) -> str:
    """2 × Red apples, 1 × Sourdough loaf."""
    faces = [carry_face(step, back.get(step.line.line, 0)) for step in steps]
    named = [(amount(face.left, face), f"{face.name} {face.variant}".strip()) for face in faces if face.left]
    return ", ".join(t("needs.unit", units=units, name=name) for units, name in named)
