"""Codes found in a picture: zxing-cpp where it is installed, pyzbar where only that is.

A picture is brought down to 1280 pixels first: codes held to a camera are large, and time grows with the pixels. A
quick look is for live frames, of which there is always a next one. `hard=True` is for a picture somebody picked, or a
code that does not want to be read: it looks again, blurred (print dots and screen grids melt), then larger or at full
resolution, then light for dark (zxing-cpp turns only square codes itself), and at last with the other library.
Sharpening is not among the looks: it was seen to invent codes. So was a damaged code with a second, false reading
beside it, a few lines high and with a valid check digit: such slivers are dropped.

Contexts ask for the formats they can use: fewer formats are faster and misread less.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from math import dist
from typing import Any

from PIL import Image, ImageChops, ImageFilter, UnidentifiedImageError

from shared.barcodes import Scanned, read

ITEM_FORMATS = frozenset(
    {"EAN13", "EAN8", "UPCA", "UPCE", "Code128", "ITF14", "DataBar", "DataBarExp", "DataBarLtd", "DataMatrix", "QRCode"}
)
LABEL_FORMATS = frozenset({"Code128", "QRCode", "DataMatrix"})
PASS_FORMATS = frozenset({"QRCode"})
ANY_FORMATS = ITEM_FORMATS | LABEL_FORMATS | PASS_FORMATS

LONGEST_SIDE = 1280
LONGEST_SIDE_HARD = 2600
SMALL_SIDE = 640
MOST_PIXELS = 50_000_000
"""A phone's largest photograph has fewer; more is a mistake or an attack (a small file can unfold to gigabytes)."""
CENTRE = 0.6
"""Share of each side that a look at the centre takes: what the associate aims at, not its neighbours."""

SLIVER_SHARE = 10
SLIVER_PIXELS = 5
_SQUARE = frozenset({"QRCode", "QRCodeModel1", "QRCodeModel2", "MicroQRCode", "RMQRCode", "DataMatrix", "Aztec"})


class BadPicture(ValueError):
    """What was given is no picture, or one too large to unpack."""


class NoDecoder(RuntimeError):
    """Neither zxing-cpp nor pyzbar is installed here."""


@dataclass(frozen=True)
class Read:
    """One code found. `symbology` is zxing-cpp's format name; `position` the corners, clockwise from top left."""

    text: str
    symbology: str
    position: tuple[tuple[int, int], ...] = ()
    identifier: str = ""
    content: bytes = b""

    def scanned(self) -> Scanned:
        """What it means."""
        return read(self.identifier + self.text, self.symbology)


@dataclass(frozen=True)
class Look:
    """One way to look at a picture, and how to get from its coordinates back to the picture's."""

    image: Image.Image
    left: int = 0
    top: int = 0
    scale: float = 1.0
    global_threshold: bool = False
    thorough: bool = False


Backend = Callable[[Look, frozenset[str]], list[Read]]


def decode(
    image: object,
    *,
    formats: frozenset[str] = ITEM_FORMATS,
    hard: bool = False,
    centre: bool = False,
    backends: tuple[Backend, ...] | None = None,
) -> list[Read]:
    """Every code of these formats in a picture: file bytes, a Pillow image or a grey or colour array.

    The first look that finds anything decides. Raises BadPicture, NoDecoder, or ValueError for an unknown format name.
    """
    chosen = installed() if backends is None else backends
    if not chosen:
        raise NoDecoder("No barcode reader is installed on this device. Use a scanner that types, or type the code.")
    picture = opened(image, hard=hard)
    for look in looks(picture, hard=hard, centre=centre):
        if found := _distinct(chosen[0](look, formats), look):
            return found
    for backend in chosen[1:] if hard else ():
        look = _shrunk(picture, LONGEST_SIDE)
        if found := _distinct(backend(look, formats), look):
            return found
    return []


def opened(image: object, *, hard: bool = False) -> Image.Image:
    """The picture in grey, from whatever form it came in."""
    if isinstance(image, Image.Image):
        picture = image
    elif isinstance(image, bytes | bytearray | memoryview):
        try:
            picture = Image.open(io.BytesIO(image))
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise BadPicture("This picture is too large. Take a smaller one.") from error
        except (UnidentifiedImageError, OSError, ValueError) as error:
            raise BadPicture("This file is not a picture we can open. Use JPEG, PNG or WebP.") from error
    else:
        picture = _from_array(image)
    if picture.width * picture.height > MOST_PIXELS:
        raise BadPicture(f"This picture is too large: at most {MOST_PIXELS // 1_000_000} million pixels.")
    try:
        return _grey(picture, hard=hard)
    except (OSError, SyntaxError, ValueError) as error:
        raise BadPicture("This picture is damaged. Take it again.") from error


def looks(picture: Image.Image, *, hard: bool, centre: bool) -> Iterator[Look]:
    """The ways to look at a picture, cheapest first."""
    if centre:
        yield _shrunk(*_centre(picture))
        return
    first = _shrunk(picture, LONGEST_SIDE, thorough=hard)
    yield first
    if not hard:
        return
    blurred = first.image.filter(ImageFilter.GaussianBlur(1.2))
    yield Look(blurred, scale=first.scale, global_threshold=True, thorough=True)
    if max(picture.size) <= SMALL_SIDE:
        yield _resized(picture, 1.5)
    elif first.scale < 1:
        yield _shrunk(picture, LONGEST_SIDE_HARD, thorough=True)
    yield Look(ImageChops.invert(first.image), scale=first.scale)


@cache
def installed() -> tuple[Backend, ...]:
    """The readers there are on this device, best first."""
    found: list[Backend] = []
    for module, backend in (("zxingcpp", with_zxing), ("pyzbar.pyzbar", with_pyzbar)):
        try:
            import_module(module)
        except (ImportError, OSError):
            continue
        found.append(backend)
    return tuple(found)


def with_zxing(look: Look, formats: frozenset[str]) -> list[Read]:
    """One look with zxing-cpp. Plain text, for its default inserts parentheses into GS1 codes."""
    import zxingcpp

    results = zxingcpp.read_barcodes(
        look.image,
        formats=_zxing_formats(formats),
        try_invert=look.thorough,
        text_mode=zxingcpp.TextMode.Plain,
        binarizer=zxingcpp.Binarizer.GlobalHistogram if look.global_threshold else zxingcpp.Binarizer.LocalAverage,
    )
    return _without_slivers([_from_zxing(result) for result in results], thorough=look.thorough)


def _from_zxing(result: Any) -> Read:
    place = result.position
    corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
    return Read(
        text=result.text,
        symbology=result.format.name,
        position=tuple((corner.x, corner.y) for corner in corners),
        identifier=result.symbology_identifier,
        content=result.bytes,
    )


def _without_slivers(reads: list[Read], *, thorough: bool) -> list[Read]:
    """Without line codes much flatter than another in the picture; in a live frame, without any that are flat."""
    heights = {one: dist(one.position[1], one.position[2]) for one in reads if one.symbology not in _SQUARE}
    least = max(heights.values(), default=0.0) / SLIVER_SHARE
    least = least if thorough else max(least, SLIVER_PIXELS)
    return [one for one in reads if heights.get(one, least) >= least]


_PYZBAR_NAMES = {
    "EAN13": "EAN13",
    "EAN8": "EAN8",
    "UPCA": "UPCA",
    "UPCE": "UPCE",
    "Code128": "CODE128",
    "ITF": "I25",
    "ITF14": "I25",
    "DataBar": "DATABAR",
    "DataBarExp": "DATABAR_EXP",
    "QRCode": "QRCODE",
}


def with_pyzbar(look: Look, formats: frozenset[str]) -> list[Read]:
    """One look with pyzbar, which knows fewer formats (no Data Matrix)."""
    module: Any = import_module("pyzbar.pyzbar")
    ours = {_PYZBAR_NAMES[name]: name for name in sorted(formats) if name in _PYZBAR_NAMES}
    if not ours:
        return []
    results = module.decode(look.image, symbols=[module.ZBarSymbol[name] for name in ours])
    return [
        Read(
            text=result.data.decode("utf-8", "replace"),
            symbology=ours.get(result.type.replace("-", "_"), result.type),
            position=tuple((point.x, point.y) for point in result.polygon),
            content=result.data,
        )
        for result in results
        if result.type != "I25" or len(result.data) == 14 or "ITF" in formats
    ]


@cache
def _zxing_formats(formats: frozenset[str]) -> Any:
    import zxingcpp

    unknown = formats - set(zxingcpp.BarcodeFormat.__members__)
    if unknown:
        raise ValueError(f"no such barcode format: {', '.join(sorted(unknown))}")
    return zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat[name] for name in sorted(formats)])


def _from_array(array: Any) -> Image.Image:
    try:
        return Image.fromarray(array)
    except (AttributeError, TypeError, ValueError) as error:
        raise BadPicture("This is neither a picture nor an array of grey or colour bytes.") from error


def _grey(picture: Image.Image, *, hard: bool) -> Image.Image:
    """Grey, on white where it is transparent. A JPEG for a quick look is unpacked no larger than needed."""
    if not hard and getattr(picture, "format", None) == "JPEG":
        picture.draft("L", (LONGEST_SIDE, LONGEST_SIDE))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        picture = Image.alpha_composite(white, layered)
    return picture.convert("L")


def _centre(picture: Image.Image) -> tuple[Image.Image, int, int, int]:
    width, height = round(picture.width * CENTRE), round(picture.height * CENTRE)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height)), LONGEST_SIDE, left, top


def _shrunk(picture: Image.Image, longest: int, left: int = 0, top: int = 0, *, thorough: bool = False) -> Look:
    scale = min(1.0, longest / max(picture.size))
    if scale == 1.0:
        return Look(picture, left, top, thorough=thorough)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return Look(picture.resize(size, Image.Resampling.BOX), left, top, scale, thorough=thorough)


def _resized(picture: Image.Image, scale: float) -> Look:
    size = (round(picture.width * scale), round(picture.height * scale))
    return Look(picture.resize(size, Image.Resampling.BICUBIC), scale=scale, thorough=True)


def _distinct(reads: list[Read], look: Look) -> list[Read]:
    """Each text once, in the picture's own coordinates."""
    return [
        Read(
            one.text,
            one.symbology,
            tuple((round(x / look.scale) + look.left, round(y / look.scale) + look.top) for x, y in one.position),
            one.identifier,
            one.content,
        )
        for one in {one.text: one for one in reversed(reads)}.values()
    ][::-1]
