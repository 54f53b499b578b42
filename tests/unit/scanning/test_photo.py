"""A photo for keeping: small, upright, and nothing but the picture."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from shared.proofs import MAX_PHOTO_BYTES, type_of
from store_app.scanning.decoder import BadPicture
from store_app.scanning.photo import for_keeping


def a_picture(size: tuple[int, int], kind: str = "JPEG", **more: object) -> bytes:
    drawn = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(drawn, kind, **more)
    return drawn.getvalue()


def test_the_largest_photo_of_a_phone_becomes_small_enough_to_be_kept() -> None:
    kept = for_keeping(a_picture((4000, 3000)))
    with Image.open(io.BytesIO(kept)) as picture:
        assert picture.size == (1280, 960)
    assert type_of(kept) == "image/jpeg"
    assert len(kept) < MAX_PHOTO_BYTES  # of noise, which no bag on a counter comes near


def test_where_and_when_it_was_taken_is_not_kept() -> None:
    taken = Image.Exif()
    taken[0x010F], taken[0x0132] = "A phone", "2026:03:01 12:00:00"
    taken.get_ifd(0x8825)[1] = "N"
    kept = for_keeping(a_picture((300, 200), exif=taken))
    with Image.open(io.BytesIO(kept)) as picture:
        assert dict(picture.getexif()) == {}
    assert b"A phone" not in kept


def test_a_photo_taken_on_its_side_stands_upright() -> None:
    taken = Image.Exif()
    taken[0x0112] = 6
    with Image.open(io.BytesIO(for_keeping(a_picture((300, 200), exif=taken)))) as picture:
        assert picture.size == (200, 300)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_whatever_a_browsers_camera_gives_becomes_a_jpeg(kind: str) -> None:
    assert type_of(for_keeping(a_picture((64, 48), kind))) == "image/jpeg"


@pytest.mark.parametrize("given", [b"", b"no picture", a_picture((64, 48))[:200]], ids=["nothing", "text", "half"])
def test_what_is_no_picture_is_said_to_be_none(given: bytes) -> None:
    with pytest.raises(BadPicture):
        for_keeping(given)


def test_a_picture_that_would_unfold_to_gigabytes_is_not_opened() -> None:
    drawn = io.BytesIO()
    Image.new("1", (9000, 9000)).save(drawn, "PNG")
    with pytest.raises(BadPicture):
        for_keeping(drawn.getvalue())
