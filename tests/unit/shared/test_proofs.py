"""Signatures and photos: what is drawn becomes few whole numbers, and which store asks for what."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.fulfilment import HandOff
from shared.proofs import MOST_POINTS, PAD, Photo, Signature, asked_for, lacking, signature_of, type_of
from shared.sync import QueuedCommand, photos_of

JOB = UUID(int=1)
PHOTO = {"sha256": "ab" * 32, "type": "image/jpeg", "size": 4000}
STROKES = st.lists(st.lists(st.tuples(st.floats(-50, 900), st.floats(-50, 900)), max_size=400), max_size=80)


@given(STROKES, st.floats(120, 1200), st.floats(60, 900))
def test_whatever_is_drawn_fits_into_a_command_or_is_no_signature(
    strokes: list[list[tuple[float, float]]], width: float, height: float
) -> None:
    drawn = signature_of(strokes, width, height)
    if drawn is not None:
        sent = HandOff(fulfilment=JOB, proof="pass", signature=drawn).model_dump_json()
        assert HandOff.model_validate_json(sent).signature == drawn
        assert len(sent) < 24_000


def test_a_signature_is_the_same_on_every_screen() -> None:
    small = signature_of([[(10, 10), (110, 60), (160, 90)]], 200, 100)
    large = signature_of([[(40, 40), (440, 240), (640, 360)]], 800, 400)
    assert small == large == Signature(strokes=(((50, 50), (550, 300), (800, 450)),))


def test_a_slip_of_the_finger_is_no_signature() -> None:
    assert signature_of([[(10, 10), (12, 11)]], 400, 200) is None
    assert signature_of([[(10, 10)], [(300, 100)]], 400, 200) is None
    assert signature_of([], 400, 200) is None


def test_a_long_scribble_keeps_its_ends_and_its_shape() -> None:
    scribble = [(float(x % 400), float(x // 400 * 20 % 200)) for x in range(0, 40_000, 7)]
    drawn = signature_of([scribble], 400, 200)
    assert drawn is not None
    assert MOST_POINTS / 2 <= len(drawn.strokes[0]) <= MOST_POINTS
    assert drawn.strokes[0][0] == (0, 0)
    assert drawn.strokes[0][-1] == (round(scribble[-1][0] * 2.5), round(scribble[-1][1] * 2.5))


@pytest.mark.parametrize(
    "strokes",
    [
        (),
        ((),),
        (((0, 501),),),
        (((-1, 0),),),
        (((0.5, 1),),),
        (((0, 0),) * (MOST_POINTS + 1),),
        (((0, 0),) * MOST_POINTS, ((PAD[0], PAD[1]),)),
    ],
    ids=["none", "an empty stroke", "below the pad", "beside it", "half a unit", "too long", "too long in all"],
)
def test_a_signature_that_is_none_is_an_error(strokes: object) -> None:
    with pytest.raises(ValidationError):
        Signature.model_validate({"strokes": strokes})


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (b"\xff\xd8\xff\xe0more", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\nmore", "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBPmore", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVE", None),
        (b"<svg onload=", None),
        (b"", None),
    ],
)
def test_the_first_bytes_say_what_a_picture_is(first: bytes, kind: str | None) -> None:
    assert type_of(first) == kind


def test_a_policy_is_a_word_for_all_methods_or_one_each() -> None:
    assert asked_for("signature", "pickup") == "signature"
    assert asked_for("either", "curbside") == "either"
    assert asked_for({"curbside": "photo"}, "curbside") == "photo"
    assert asked_for({"curbside": "photo"}, "pickup") == "none"


@pytest.mark.parametrize("policy", [None, "none", "fingerprint", 3, {}, ["photo"]])
def test_where_a_policy_says_nothing_known_nothing_is_asked_for(policy: object) -> None:
    assert asked_for(policy, "pickup") == "none"


def test_who_never_hands_over_to_a_customer_is_asked_for_nothing() -> None:
    assert [asked_for("either", method) for method in ("ship_from_store", "warehouse", "unheard_of")] == ["none"] * 3


def test_what_is_lacking_is_what_was_asked_for_and_not_given() -> None:
    assert lacking("none", signed=False, photo=False) == "none"
    assert lacking("signature", signed=False, photo=True) == "signature"
    assert lacking("photo", signed=True, photo=False) == "photo"
    assert lacking("either", signed=False, photo=False) == "either"
    assert {lacking("either", signed=s, photo=not s) for s in (True, False)} == {"none"}


def test_the_photo_of_a_command_nobody_can_carry_out_is_known_all_the_same() -> None:
    bodies = [
        {"kind": "hand_off", "photo": PHOTO, "of_the_future": True},
        {"kind": "hand_off", "photo": None},
        {"kind": "hand_off", "photo": {**PHOTO, "size": 10**9}},
        {"kind": "pick"},
    ]
    queue = [
        QueuedCommand.model_validate(
            {"n": n, "id": UUID(int=n), "actor": "p", "made_at": "2026-11-23T10:00:00Z", "body": body}
        )
        for n, body in enumerate(bodies, start=1)
    ]
    assert photos_of(queue) == [Photo.model_validate(PHOTO)]
