"""A photo for keeping: small enough for a poor line, upright, and without what a camera writes beside the picture.

Phones put the place, the time and their owner's name into a photo. Drawing it anew leaves nothing but the picture.
"""

from __future__ import annotations

import io

from PIL import Image, ImageOps

from store_app.scanning.decoder import MOST_PIXELS, BadPicture

LONGEST_SIDE = 1280
QUALITY = 80
"""Of JPEG: a bag on a counter stays readable in some 200 kB."""


def for_keeping(picture: bytes) -> bytes:
    """A JPEG of at most 1280 pixels a side. Raises `BadPicture`."""
    try:
        with Image.open(io.BytesIO(picture)) as found:
            if found.width * found.height > MOST_PIXELS:
                raise ValueError(f"{found.width} x {found.height} pixels are too many")
            upright = ImageOps.exif_transpose(found).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadPicture("this is no picture that can be read") from error
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    drawn = io.BytesIO()
    upright.save(drawn, "JPEG", quality=QUALITY, optimize=True)
    return drawn.getvalue()
