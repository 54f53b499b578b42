"""Photographs nobody here took: the black-box samples of zxing-cpp, read through the path a shop's picture takes.

They lie beside a checkout in some places and are no part of it: where the folder is missing there is nothing to test,
where it is there and nothing is read the test fails. The first number is what zxing-cpp's own runner expects of itself
unrotated, the second what our further looks make of it (measured with zxing-cpp 3.1.1; more is welcome, less is not).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from store_app.scanning.decoder import ITEM_FORMATS, Read, decode

PHOTOGRAPHS = Path(__file__).parents[3].parent / "shared" / "data" / "barcodes"
PICTURES = {".webp", ".png", ".jpg"}
FOLDERS = {
    "ean13-1": ({"EAN13"}, 14, 15),
    "upca-1": ({"EAN13", "UPCA"}, 5, 5),
    "upca-3": ({"EAN13", "UPCA"}, 6, 6),
    "upce-1": ({"UPCE"}, 3, 3),
    "code128-1": ({"Code128"}, 6, 6),
    "itf-1": ({"ITF"}, 14, 14),
    "rssexpanded-1": ({"DataBarExp"}, 37, 37),
    "datamatrix-1": ({"DataMatrix"}, 30, 30),
    "qrcode-2": ({"QRCode", "QRCodeModel1"}, 53, 56),
}

pytestmark = pytest.mark.skipif(
    not PHOTOGRAPHS.is_dir(), reason="the photographs lie outside the project, and not on this machine"
)


def wanted(picture: Path) -> bytes:
    text = picture.with_suffix(".txt")
    return text.read_bytes() if text.exists() else picture.with_suffix(".bin").read_bytes()


def says(one: Read, expected: bytes) -> bool:
    return expected in (one.text.encode(), one.content)


def same_item(one: Read, expected: bytes) -> bool:
    return one.scanned().gtin == expected.decode().zfill(14)


@pytest.mark.parametrize("folder", FOLDERS)
def test_photographs_are_read_at_least_as_well_as_their_makers_expect(
    folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    formats, at_least, ours = FOLDERS[folder]
    pictures = sorted(path for path in (PHOTOGRAPHS / folder).iterdir() if path.suffix in PICTURES)
    right, wrong = 0, []
    for picture in pictures:
        expected, found = wanted(picture), decode(picture.read_bytes(), formats=frozenset(formats), hard=True)
        retail = folder.startswith(("ean", "upc"))
        if any(same_item(one, expected) if retail else says(one, expected) for one in found):
            right += 1
        elif found:
            wrong.append((picture.name, found[0].text))
    with capsys.disabled():
        print(f"\n{folder}: {right} of {len(pictures)} photographs read")
    assert right > 0
    assert right >= max(at_least, ours)
    assert wrong == []


def test_nothing_false_is_read_when_every_format_is_allowed() -> None:
    false = [
        (picture.name, one.text)
        for folder in ("ean13-1", "upca-1", "upca-3", "upce-1")
        for picture in sorted((PHOTOGRAPHS / folder).iterdir())
        if picture.suffix in PICTURES
        for hard in (False, True)
        for one in decode(picture.read_bytes(), formats=ITEM_FORMATS, hard=hard)
        if not same_item(one, wanted(picture))
    ]
    assert false == []
