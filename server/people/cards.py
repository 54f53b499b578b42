"""A badge as a card to print, cut out and laminate: 86 by 54 mm, the size of a bank card."""

from __future__ import annotations

import io
from pathlib import Path

FONT = Path(__file__).parents[2] / "store_app" / "assets" / "fonts" / "BatonSans.ttf"
"""The font of the store app, which comes with the server: the PDF standard's own fonts write western names only."""
WIDTH, HEIGHT, CODE = 86, 54, 36


def badge_card(name: str, roles: list[str], label: str) -> bytes:
    """A PDF of one card."""
    import segno
    from fpdf import FPDF

    pdf = FPDF(unit="mm", format=(WIDTH, HEIGHT))
    pdf.set_auto_page_break(False)
    pdf.add_page()
    pdf.set_draw_color(170)
    pdf.rect(1, 1, WIDTH - 2, HEIGHT - 2)
    drawing = io.BytesIO()
    segno.make(label, error="m", micro=False).save(drawing, kind="png", scale=10, border=2)
    pdf.image(drawing, x=5, y=(HEIGHT - CODE) / 2, w=CODE, h=CODE)
    family, plain = "Helvetica", "latin-1"
    if FONT.exists():
        pdf.add_font("Baton", fname=FONT)
        family, plain = "Baton", "utf-8"
    for text, size, y in ((name, 14, 14), (", ".join(roles), 10, 36)):
        pdf.set_font(family, size=size)
        pdf.set_xy(CODE + 9, y)
        pdf.multi_cell(WIDTH - CODE - 13, size * 0.45, text.encode(plain, "replace").decode(plain), align="L")
    return bytes(pdf.output())
