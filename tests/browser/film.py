"""What Chromium's fake camera looks at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import zxingcpp
from PIL import Image

FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


def film_of(code: str, path: Path) -> None:
    """One second of a barcode that lies still, as YUV4MPEG."""
    barcode = zxingcpp.create_barcode(code, zxingcpp.BarcodeFormat.EAN13)
    drawn = Image.fromarray(np.array(zxingcpp.write_barcode_to_image(barcode, scale=3))).convert("L")
    frame = Image.new("L", (640, 480), 200)
    frame.paste(drawn, ((640 - drawn.width) // 2, (480 - drawn.height) // 2))
    grey = bytes([128]) * (320 * 240 * 2)
    one = b"FRAME\n" + frame.tobytes() + grey
    path.write_bytes(b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\n" + one * 10)


def switches(film: Path) -> tuple[str, ...]:
    """A Chromium with these has a camera that shows `film`."""
    return (*FAKE_CAMERA, f"--use-file-for-fake-video-capture={film}")
