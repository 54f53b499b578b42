"""Draws the icon of the packaged apps: Baton's mark as the first screen shows it (`store_app/ui/components/brand.py`).

`python -m device.make_icon` writes device/icon.png. A full square in the brand's colour: each platform rounds and
frames it in its own way, and white strokes on nothing would vanish on some.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

from store_app.ui.theme import LIGHT

ICON = Path(__file__).parent / "icon.png"
SIDE = 1024
FINER = 4  # drawn larger, then made smaller, for smooth edges
STROKES = ((0.34, 0.22, 0.56, 0.55), (0.46, 0.34, 0.35, 1.0))
"""Width, left, top and opacity of the two strokes, as shares of the side."""
THICK = 0.13
TURN = 31.5  # degrees, counted as Pillow counts


def icon() -> Image.Image:
    """The mark, a little smaller than the square, so that nothing is cut where corners are rounded."""
    side = SIDE * FINER
    ground = Image.new("RGBA", (side, side), LIGHT.primary)
    mark = Image.new("RGBA", (side, side))
    for width, left, top, opacity in STROKES:
        mark.alpha_composite(_stroke(side, width, left, top, opacity))
    small = mark.resize((round(side * 0.86),) * 2, Image.Resampling.LANCZOS)
    ground.alpha_composite(small, (round(side * 0.07),) * 2)
    return ground.resize((SIDE, SIDE), Image.Resampling.LANCZOS).convert("RGB")


def _stroke(side: int, width: float, left: float, top: float, opacity: float) -> Image.Image:
    sheet = Image.new("RGBA", (side, side))
    box = [left * side, top * side, (left + width) * side, (top + THICK) * side]
    ImageDraw.Draw(sheet).rounded_rectangle(box, radius=THICK * side / 2, fill=(255, 255, 255, round(255 * opacity)))
    centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    return sheet.rotate(TURN, Image.Resampling.BICUBIC, center=centre)


if __name__ == "__main__":
    icon().save(ICON, optimize=True)
