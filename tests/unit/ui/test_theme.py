"""The design tokens keep their promises: readable in both themes, and never too small."""

from dataclasses import fields

import flet as ft
import pytest

from store_app.ui.theme import DARK, LIGHT, TYPES, Color, Tone, Type, look

SCHEMES = {"light": LIGHT, "dark": DARK}
PAIRS = [
    *((look(tone).ink, look(tone).ground) for tone in Tone),
    *((look(tone).on_solid, look(tone).solid) for tone in Tone),
    *((ink, ground) for ink in (Color.INK, Color.MUTED, Color.PRIMARY) for ground in (Color.PAPER, Color.CARD)),
    (Color.MUTED, Color.RAISED),
    (ft.Colors.ERROR, Color.PAPER),
]


def value(scheme: ft.ColorScheme, role: str) -> str:
    """The colour a role has in a scheme; roles are written without their underscores."""
    names = {field.name.replace("_", ""): field.name for field in fields(scheme)}
    return str(getattr(scheme, names[ft.Colors(role).value]))


def luminance(color: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio, WCAG 2.2."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0]}-on-{pair[1]}")
def test_words_stand_out_from_their_ground(name: str, pair: tuple[str, str]) -> None:
    ink, ground = (value(SCHEMES[name], role) for role in pair)
    assert contrast(ink, ground) >= 4.5


@pytest.mark.parametrize("name", SCHEMES)
def test_the_border_of_what_can_be_pressed_can_be_seen(name: str) -> None:
    assert contrast(value(SCHEMES[name], Color.EDGE), value(SCHEMES[name], Color.CARD)) >= 3


@pytest.mark.parametrize("kind", Type)
def test_no_text_is_smaller_than_sixteen(kind: Type) -> None:
    assert TYPES[kind].size >= 16
