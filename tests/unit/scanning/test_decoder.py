"""Codes drawn here, then turned, blurred and spoilt: always there to read, unlike photographs."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from enum import Enum
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import zxingcpp
from PIL import Image, ImageFilter

from shared.barcodes import ScanKind, label
from store_app.scanning.decoder import (
    ANY_FORMATS,
    ITEM_FORMATS,
    LONGEST_SIDE,
    BadPicture,
    Look,
    NoDecoder,
    Read,
    decode,
    installed,
    looks,
    with_pyzbar,
)

ELEMENTS = "(01)09506000134352(17)270228(10)AB"
DRAWN = {
    "EAN13": ("4006381333931", False, "04006381333931"),
    "EAN8": ("96385074", False, "00000096385074"),
    "UPCA": ("036000291452", False, "00036000291452"),
    "UPCE": ("01234565", False, "00012345000065"),
    "ITF14": ("30712345000010", False, "30712345000010"),
    "DataBarOmni": ("09506000134352", False, "09506000134352"),
    "DataBarLtd": ("09506000134352", False, "09506000134352"),
    "DataBarExp": (ELEMENTS, False, "09506000134352"),
    "Code128": (ELEMENTS, True, "09506000134352"),
    "DataMatrix": (ELEMENTS, True, "09506000134352"),
    "QRCode": (ELEMENTS, True, "09506000134352"),
}
MATRIX = {"DataMatrix", "QRCode"}


def drawn(symbology: str, text: str, *, gs1: bool = False, scale: int = 4) -> Image.Image:
    options = {"gs1": True} if gs1 else {}
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat[symbology], **options)
    image = Image.fromarray(np.array(code.to_image(scale=scale)))
    sheet = Image.new("L", (image.width + 120, image.height + 120), 255)
    sheet.paste(image, (60, 60))
    return sheet


def noisy(image: Image.Image) -> Image.Image:
    noise = np.random.default_rng(7).normal(0, 18, (image.height, image.width))
    return Image.fromarray(np.clip(np.asarray(image) * 0.7 + 30 + noise, 0, 255).astype(np.uint8))


SPOILT: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as drawn": lambda image: image,
    "turned a little": lambda image: image.rotate(6, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC),
    "on its side": lambda image: image.rotate(90, expand=True),
    "upside down": lambda image: image.rotate(180),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1.6)),
    "noisy and pale": noisy,
    "white on black": lambda image: image.point(lambda level: 255 - level),
    "large": lambda image: image.resize((image.width * 4, image.height * 4)),
}


@pytest.mark.parametrize("spoil", SPOILT)
@pytest.mark.parametrize("symbology", DRAWN)
def test_every_symbology_is_read_in_every_condition(symbology: str, spoil: str) -> None:
    text, gs1, gtin = DRAWN[symbology]
    found = decode(SPOILT[spoil](drawn(symbology, text, gs1=gs1)), hard=True)
    assert [one.scanned().gtin for one in found] == [gtin]


@pytest.mark.parametrize("degrees", [17, 33, 45, 71])
@pytest.mark.parametrize("symbology", sorted(MATRIX))
def test_square_codes_are_read_at_any_angle(symbology: str, degrees: int) -> None:
    text, gs1, gtin = DRAWN[symbology]
    turned = drawn(symbology, text, gs1=gs1, scale=6).rotate(degrees, expand=True, fillcolor=255)
    assert [one.scanned().gtin for one in decode(turned, hard=True)] == [gtin]


@pytest.mark.parametrize("symbology", ["DataBarExp", "Code128", "DataMatrix", "QRCode"])
def test_lot_and_expiry_survive_the_way_from_paper_to_meaning(symbology: str) -> None:
    text, gs1, _ = DRAWN[symbology]
    scanned = decode(drawn(symbology, text, gs1=gs1))[0].scanned()
    assert (scanned.lot, str(scanned.expiry)) == ("AB", "2027-02-28")


@pytest.mark.parametrize("symbology", ["QRCode", "Code128", "DataMatrix"])
def test_our_own_labels_are_read(symbology: str) -> None:
    text = label(ScanKind.TOTE, "T-104")
    scanned = decode(drawn(symbology, text), formats=ANY_FORMATS)[0].scanned()
    assert (scanned.kind, scanned.value) == (ScanKind.TOTE, "T-104")


def test_only_the_formats_asked_for_are_read() -> None:
    both = Image.new("L", (900, 500), 255)
    both.paste(drawn("EAN13", "4006381333931"), (0, 0))
    both.paste(drawn("QRCode", "BTN:T:1"), (600, 200))
    assert {one.text for one in decode(both)} == {"4006381333931", "BTN:T:1"}
    assert [one.text for one in decode(both, formats=frozenset({"QRCode"}))] == ["BTN:T:1"]
    with pytest.raises(ValueError, match="no such barcode format: Runes"):
        decode(both, formats=frozenset({"Runes"}))


def test_the_centre_is_what_the_associate_aims_at() -> None:
    frame = Image.new("L", (1280, 720), 255)
    frame.paste(drawn("QRCode", "BTN:T:1"), (520, 240))
    frame.paste(drawn("QRCode", "BTN:T:2"), (0, 0))
    assert [one.text for one in decode(frame, centre=True)] == ["BTN:T:1"]
    assert len(decode(frame)) == 2


def test_positions_are_in_the_pictures_own_coordinates() -> None:
    frame = Image.new("L", (4000, 3000), 255)
    frame.paste(drawn("QRCode", "BTN:T:1", scale=20), (1800, 1200))
    for centre in (False, True):
        xs, ys = zip(*decode(frame, centre=centre)[0].position, strict=True)
        assert 1850 < min(xs) < max(xs) < 2600
        assert 1250 < min(ys) < max(ys) < 2000


def test_files_arrays_and_images_are_all_pictures() -> None:
    image = drawn("EAN13", "4006381333931")
    for form, mode in (("PNG", "L"), ("JPEG", "RGB"), ("WEBP", "RGB"), ("PNG", "P")):
        file = io.BytesIO()
        image.convert(mode).save(file, form)
        assert decode(file.getvalue())[0].text == "4006381333931"
    assert decode(np.asarray(image.convert("RGB")))[0].text == "4006381333931"
    assert decode(np.asarray(image))[0].text == "4006381333931"


def test_a_black_code_on_a_transparent_ground_is_black_on_white() -> None:
    grey = drawn("EAN13", "4006381333931")
    clear = Image.merge("LA", (Image.new("L", grey.size, 0), grey.point(lambda level: 255 - level)))
    assert decode(clear)[0].text == "4006381333931"


def test_a_large_photograph_is_brought_down_before_it_is_searched() -> None:
    first, *others = looks(Image.new("L", (6000, 4000)), hard=True, centre=False)
    assert max(first.image.size) == LONGEST_SIDE
    assert len(others) == 3
    assert len(list(looks(Image.new("L", (6000, 4000)), hard=False, centre=False))) == 1


@pytest.mark.parametrize("junk", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n", "text", None, 7])
def test_what_is_no_picture_is_refused_with_a_sentence(junk: object) -> None:
    with pytest.raises(BadPicture, match=r"\.$"):
        decode(junk)


def test_a_cut_off_picture_is_refused() -> None:
    file = io.BytesIO()
    Image.effect_noise((400, 400), 50).save(file, "JPEG")
    with pytest.raises(BadPicture, match="damaged"):
        decode(file.getvalue()[:5000])


@pytest.mark.parametrize("side", [8_000, 10_000, 13_500])
def test_a_small_file_that_unfolds_to_gigabytes_is_refused_unopened(side: int) -> None:
    file = io.BytesIO()
    Image.new("1", (side, side)).save(file, "PNG")
    with pytest.raises(BadPicture, match="too large"):
        decode(file.getvalue())


def test_noise_is_no_code() -> None:
    rng = np.random.default_rng(1)
    for _ in range(6):
        assert decode(rng.integers(0, 256, (480, 640), dtype=np.uint8), formats=ITEM_FORMATS, hard=True) == []


def test_the_other_library_is_asked_when_the_first_finds_nothing() -> None:
    asked: list[str] = []

    def blind(look: Look, formats: frozenset[str]) -> list[Read]:
        asked.append("blind")
        return []

    def sharp(look: Look, formats: frozenset[str]) -> list[Read]:
        asked.append("sharp")
        return [Read("96385074", "EAN8", ((1, 2),)), Read("96385074", "EAN8", ((3, 4),))]

    image = Image.new("L", (2560, 100))
    assert decode(image, hard=True, backends=(blind, sharp)) == [Read("96385074", "EAN8", ((2, 4),))]
    assert asked == ["blind"] * 4 + ["sharp"]
    assert decode(image, backends=(blind, sharp)) == []
    with pytest.raises(NoDecoder):
        decode(image, backends=())


def test_a_false_reading_a_few_lines_high_is_dropped() -> None:
    code = drawn("EAN13", "4006381333931")
    code.paste(255, (0, 63, code.width, code.height))
    assert [one.text for one in decode(code, hard=True)] == ["4006381333931"], "all there is, and somebody asked"
    assert decode(code) == [], "the next frame will show more"
    beside = Image.new("L", (code.width, 600), 255)
    beside.paste(code, (0, 0))
    beside.paste(drawn("EAN13", "8480010001136"), (0, 200))
    assert [one.text for one in decode(beside, hard=True)] == ["8480010001136"]


class PyzbarAsFarAsWeUseIt(ModuleType):
    """Names and shapes of pyzbar 0.1.9."""

    ZBarSymbol = Enum(
        "ZBarSymbol", ["EAN8", "UPCE", "UPCA", "EAN13", "I25", "DATABAR", "DATABAR_EXP", "CODE128", "QRCODE"]
    )
    asked: ClassVar[list[str]] = []

    def decode(self, image: Image.Image, symbols: list[Enum]) -> list[SimpleNamespace]:
        self.asked[:] = [symbol.name for symbol in symbols]
        corners = [SimpleNamespace(x=1, y=2), SimpleNamespace(x=3, y=4)]
        return [SimpleNamespace(data=b"01234565", type="UPCE", polygon=corners)]


def test_pyzbar_is_asked_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyzbar.pyzbar", PyzbarAsFarAsWeUseIt("pyzbar.pyzbar"))
    (one,) = with_pyzbar(Look(Image.new("L", (9, 9))), frozenset({"UPCE", "DataBarExp", "DataMatrix"}))
    assert PyzbarAsFarAsWeUseIt.asked == ["DATABAR_EXP", "UPCE"]
    assert (one.symbology, one.position, one.scanned().gtin) == ("UPCE", ((1, 2), (3, 4)), "00012345000065")
    assert with_pyzbar(Look(Image.new("L", (9, 9))), frozenset({"DataMatrix"})) == []


def test_zxing_is_the_first_choice_where_it_is_installed() -> None:
    assert installed()[0].__name__ == "with_zxing"
