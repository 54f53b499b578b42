"""Why me? The rule that chose this store, who else was asked, and by which figure they lost."""

import flet as ft

from shared.fulfilment import WhyCard, WhyRival
from store_app.ui.components.card import card
from store_app.ui.components.section import section
from store_app.ui.components.text import muted, text
from store_app.ui.texts import has, t
from store_app.ui.theme import Color, Space, Type


def why_section(why: WhyCard) -> ft.Control:
    """The whole answer, shortest first."""
    parts: list[ft.Control] = [text(why.summary)]
    if why.rivals:
        parts += [_line(), muted(t("why.rivals"), Type.LABEL), *[_rival(rival) for rival in why.rivals]]
    if why.excluded:
        parts += [_line(), muted(t("why.excluded"), Type.LABEL)]
        parts += [muted(excluded_words(code, count)) for code, count in sorted(why.excluded.items())]
    parts += [_line(), muted(t("why.plan", plan=why.plan), Type.LABEL)]
    return section(t("why.title"), [card(ft.Column(parts, spacing=Space.S, tight=True))])


def excluded_words(code: str, count: int) -> str:
    """How many stores were not asked, and for which reason."""
    reason = t(f"why.excluded.{code}") if has(f"why.excluded.{code}") else code.replace("_", " ")
    return t("why.excluded_for", count=count, reason=reason)


def _rival(rival: WhyRival) -> ft.Control:
    return ft.MergeSemantics(
        content=ft.Column([text(rival.name, Type.STRONG), muted(rival.lost_by)], spacing=0, tight=True)
    )


def _line() -> ft.Control:
    return ft.Divider(height=Space.S, thickness=1, color=Color.LINE)
