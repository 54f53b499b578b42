"""Design tokens: colour, space, type, radius and motion, in light and dark.

Colours are named by what they are for and point at roles of the theme, so that a switch between light and dark
happens in the client at once, without drawing anything again. Three families carry meaning (ok, warn, bad); each has
a quiet ground, the ink that is read on it, and a solid form. A meaning always comes with an icon and a word as well.
"""

from dataclasses import dataclass
from enum import StrEnum

import flet as ft

FONT = "Baton Sans"
FONT_FALLBACK = ["Baton Arabic"]
FONTS = {FONT: "fonts/BatonSans.ttf", "Baton Arabic": "fonts/BatonArabic.ttf"}

TOUCH = 48  # the smallest thing a thumb has to hit
BUTTON = 56  # the one big button
WIDE = 700  # from here on: a rail, and a list beside its detail


class Space:
    """Distances, in dp, on a grid of four."""

    XS = 4
    S = 8
    M = 12
    L = 16
    XL = 24
    XXL = 32


class Radius:
    """Corners: cards are calm, buttons a little tighter, chips are pills."""

    CHIP = 999
    BUTTON = 14
    CARD = 16
    TILE = 12


class Motion:
    """Milliseconds. Anything that answers a scan stays below a blink."""

    QUICK = 120
    CALM = 220


class Color:
    """Colours by purpose. The values are theme roles; `LIGHT` and `DARK` below say what each is."""

    PRIMARY = ft.Colors.PRIMARY
    ON_PRIMARY = ft.Colors.ON_PRIMARY
    PRIMARY_SOFT = ft.Colors.PRIMARY_CONTAINER
    ON_PRIMARY_SOFT = ft.Colors.ON_PRIMARY_CONTAINER
    PAPER = ft.Colors.SURFACE  # behind everything
    CARD = ft.Colors.SURFACE_CONTAINER_LOWEST
    RAISED = ft.Colors.SURFACE_CONTAINER_HIGH  # tiles and wells inside a card
    INK = ft.Colors.ON_SURFACE
    MUTED = ft.Colors.ON_SURFACE_VARIANT
    LINE = ft.Colors.OUTLINE_VARIANT
    EDGE = ft.Colors.OUTLINE  # the border of something that can be pressed


@dataclass(frozen=True)
class Tones:
    """One meaning in its four colours."""

    ground: str
    ink: str
    solid: str
    on_solid: str


class Tone(StrEnum):
    """What something means. `look` gives its colours."""

    NEUTRAL = "neutral"
    INFO = "info"
    OK = "ok"
    WARN = "warn"
    BAD = "bad"


_LOOKS = {
    Tone.NEUTRAL: Tones(Color.RAISED, Color.INK, ft.Colors.INVERSE_SURFACE, ft.Colors.ON_INVERSE_SURFACE),
    Tone.INFO: Tones(Color.PRIMARY_SOFT, Color.ON_PRIMARY_SOFT, Color.PRIMARY, Color.ON_PRIMARY),
    Tone.OK: Tones(
        ft.Colors.TERTIARY_CONTAINER, ft.Colors.ON_TERTIARY_CONTAINER, ft.Colors.TERTIARY, ft.Colors.ON_TERTIARY
    ),
    Tone.WARN: Tones(
        ft.Colors.SECONDARY_FIXED,
        ft.Colors.ON_SECONDARY_FIXED,
        ft.Colors.SECONDARY_FIXED_DIM,
        ft.Colors.ON_SECONDARY_FIXED_VARIANT,
    ),
    Tone.BAD: Tones(ft.Colors.ERROR_CONTAINER, ft.Colors.ON_ERROR_CONTAINER, ft.Colors.ERROR, ft.Colors.ON_ERROR),
}

TONE_ICONS = {
    Tone.NEUTRAL: ft.Icons.CIRCLE_OUTLINED,
    Tone.INFO: ft.Icons.INFO_ROUNDED,
    Tone.OK: ft.Icons.CHECK_CIRCLE_ROUNDED,
    Tone.WARN: ft.Icons.ERROR_ROUNDED,
    Tone.BAD: ft.Icons.CANCEL_ROUNDED,
}


def look(tone: Tone) -> Tones:
    """The colours of a meaning."""
    return _LOOKS[tone]


LIGHT = ft.ColorScheme(
    primary="#2344D0",
    on_primary="#FFFFFF",
    primary_container="#E4E9FD",
    on_primary_container="#152C8F",
    secondary="#4A4F5A",
    on_secondary="#FFFFFF",
    secondary_container="#E9E7E1",
    on_secondary_container="#23262C",
    tertiary="#0B7A4B",
    on_tertiary="#FFFFFF",
    tertiary_container="#DBF1E4",
    on_tertiary_container="#07512F",
    secondary_fixed="#FDEBC8",
    on_secondary_fixed="#6B4100",
    secondary_fixed_dim="#F2A71B",
    on_secondary_fixed_variant="#2B1A00",
    error="#C4261D",
    on_error="#FFFFFF",
    error_container="#FCE2DE",
    on_error_container="#8A150E",
    surface="#F5F4F0",
    on_surface="#191B20",
    on_surface_variant="#5A5D66",
    surface_container_lowest="#FFFFFF",
    surface_container_low="#FBFAF7",
    surface_container="#FFFFFF",
    surface_container_high="#EFEDE8",
    surface_container_highest="#E7E4DD",
    outline="#8B8D94",
    outline_variant="#E0DDD5",
    inverse_surface="#23262C",
    on_inverse_surface="#F5F4F0",
    shadow="#1A1B20",
    scrim="#000000",
    surface_tint="#00000000",
)

DARK = ft.ColorScheme(
    primary="#A9B9FF",
    on_primary="#0B1C66",
    primary_container="#26325F",
    on_primary_container="#D7DFFF",
    secondary="#B9BDC7",
    on_secondary="#23262C",
    secondary_container="#2C3038",
    on_secondary_container="#E5E6E9",
    tertiary="#5FD39A",
    on_tertiary="#00331D",
    tertiary_container="#133D2A",
    on_tertiary_container="#A9EBC8",
    secondary_fixed="#46330C",
    on_secondary_fixed="#FFD98F",
    secondary_fixed_dim="#F5B83D",
    on_secondary_fixed_variant="#2B1A00",
    error="#FF9086",
    on_error="#4A0703",
    error_container="#551A15",
    on_error_container="#FFCFC9",
    surface="#111317",
    on_surface="#ECECE9",
    on_surface_variant="#A9ADB6",
    surface_container_lowest="#1A1D22",
    surface_container_low="#16181D",
    surface_container="#1A1D22",
    surface_container_high="#262A31",
    surface_container_highest="#30353D",
    outline="#7C828D",
    outline_variant="#2C3038",
    inverse_surface="#ECECE9",
    on_inverse_surface="#191B20",
    shadow="#000000",
    scrim="#000000",
    surface_tint="#00000000",
)


class Type(StrEnum):
    """Sizes of text by what they say. Nothing is smaller than 16 sp."""

    HUGE = "huge"  # the one number that matters
    DISPLAY = "display"
    TITLE = "title"
    HEADING = "heading"
    STRONG = "strong"
    BODY = "body"
    LABEL = "label"
    CODE = "code"


@dataclass(frozen=True)
class TypeSpec:
    """Size in sp, weight, and line height as a multiple of the size."""

    size: float
    weight: ft.FontWeight
    height: float


TYPES = {
    Type.HUGE: TypeSpec(40, ft.FontWeight.W_600, 1.05),
    Type.DISPLAY: TypeSpec(30, ft.FontWeight.W_600, 1.15),
    Type.TITLE: TypeSpec(25, ft.FontWeight.W_600, 1.2),
    Type.HEADING: TypeSpec(20, ft.FontWeight.W_600, 1.25),
    Type.STRONG: TypeSpec(17, ft.FontWeight.W_600, 1.3),
    Type.BODY: TypeSpec(17, ft.FontWeight.W_400, 1.35),
    Type.LABEL: TypeSpec(16, ft.FontWeight.W_500, 1.25),
    Type.CODE: TypeSpec(16, ft.FontWeight.W_600, 1.25),
}


def build_theme(scheme: ft.ColorScheme) -> ft.Theme:
    """A Flet theme from one of the two colour schemes, with our font under every text style."""
    return ft.Theme(
        color_scheme=scheme,
        font_family=FONT,
        text_theme=_text_theme(),
        scaffold_bgcolor=Color.PAPER,
        dialog_theme=ft.DialogTheme(bgcolor=Color.CARD, shape=ft.RoundedRectangleBorder(radius=Radius.CARD + 4)),
        bottom_sheet_theme=ft.BottomSheetTheme(bgcolor=Color.CARD),
        visual_density=ft.VisualDensity.STANDARD,
    )


def _text_theme() -> ft.TextTheme:
    plain = {
        f"{kind}_{size}": ft.TextStyle(font_family=FONT, font_family_fallback=FONT_FALLBACK, letter_spacing=0)
        for kind in ("display", "headline", "title", "body", "label")
        for size in ("large", "medium", "small")
    }
    return ft.TextTheme(**plain)


def lifted() -> ft.BoxShadow:
    """The one shadow: under what lies over other things (banner, floating button)."""
    return ft.BoxShadow(blur_radius=18, color=ft.Colors.with_opacity(0.2, ft.Colors.SHADOW), offset=ft.Offset(0, 6))


def text_style(kind: Type, color: str | None = None) -> ft.TextStyle:
    """The same type scale for places that want a style instead of a text control (fields, buttons)."""
    spec = TYPES[kind]
    return ft.TextStyle(
        size=spec.size,
        weight=spec.weight,
        height=spec.height,
        color=color,
        font_family=FONT,
        font_family_fallback=FONT_FALLBACK,
        letter_spacing=0,
    )
