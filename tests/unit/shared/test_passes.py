"""Pickup passes, short codes, order numbers and PINs, all checked without a network."""

from __future__ import annotations

import base64
import re
import string
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.barcodes import BadCode, ScanKind, read
from shared.passes import (
    GRACE_SECONDS,
    BadPass,
    PassClaims,
    check_order_number,
    check_pin,
    check_short_code,
    hash_short_code,
    make_locator,
    make_short_code,
    order_number,
    order_number_of,
    pin_verifier,
    sign,
    split_short_code,
    verify,
)

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SALT = b"0123456789abcdef"
CLAIMS = PassClaims("S012", UUID(int=7), generation=2, expires=int(NOW.timestamp()) + 3600)


def public(key: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()


PUBLIC = [public(OTHER_KEY), public(KEY)]


def unpadded(text: str) -> bytes:
    return base64.b32decode(text + "=" * (-len(text) % 8))


def refusal(text: str, *, now: datetime = NOW, offset: float = 0.0, **known: object) -> str:
    with pytest.raises(BadPass) as refused:
        verify(PUBLIC, text, now=now, offset=offset, **known)  # type: ignore[arg-type]
    assert refused.value.reason.endswith(".")
    return refused.value.code


@given(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,23}", fullmatch=True),
    st.uuids(),
    st.integers(0, 65_535),
    st.integers(int(NOW.timestamp()), 2**40),
)
def test_a_pass_states_what_was_signed(node: str, fulfilment: UUID, generation: int, expires: int) -> None:
    claims = PassClaims(node, fulfilment, generation, expires)
    text = sign(KEY, claims)
    assert verify(PUBLIC, text, now=NOW) == claims
    assert verify(PUBLIC, text.lower(), now=NOW) == claims
    assert read(text).kind is ScanKind.PASS


def test_a_pass_fits_a_small_alphanumeric_qr_code() -> None:
    text = sign(KEY, CLAIMS)
    assert set(text) <= set(string.ascii_uppercase + string.digits + ":")
    assert len(text) <= 178, "version 7 at level M, 45 modules across"


@given(st.integers(0, 400), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_no_character_of_a_pass_can_be_changed(place: int, letter: str) -> None:
    text = sign(KEY, CLAIMS)
    place %= len(text)
    assume(text[place] != letter)
    assert refusal(text[:place] + letter + text[place + 1 :]) in {"bad_signature", "not_a_pass"}


def test_only_our_keys_sign() -> None:
    text = sign(bytes(32), CLAIMS)
    assert refusal(text) == "bad_signature"
    with pytest.raises(BadPass):
        verify([], sign(KEY, CLAIMS), now=NOW)


def test_a_signature_made_for_something_else_is_no_pass() -> None:
    blob = unpadded(sign(KEY, CLAIMS).removeprefix("BTN:P:"))[:-64]
    forged = blob + Ed25519PrivateKey.from_private_bytes(KEY).sign(blob)
    assert refusal("BTN:P:" + base64.b32encode(forged).decode().rstrip("=")) == "bad_signature"


@pytest.mark.parametrize(
    "text", ["", "BTN:T:104", "BTN:P:", "BTN:P:AAAA", "BTN:P:1$", "4006381333931", "BTN:P:" + "A" * 160]
)
def test_what_is_no_pass_is_called_so(text: str) -> None:
    assert refusal(text) == "not_a_pass"


def test_another_stores_pass_is_sent_there() -> None:
    assert refusal(sign(KEY, CLAIMS), node="S099") == "wrong_store"
    assert verify(PUBLIC, sign(KEY, CLAIMS), now=NOW, node="S012") == CLAIMS


def test_a_newer_generation_wins_and_an_older_is_superseded() -> None:
    text = sign(KEY, CLAIMS)
    assert verify(PUBLIC, text, now=NOW, known_generation=1).generation == 2
    assert verify(PUBLIC, text, now=NOW, known_generation=2).generation == 2
    assert refusal(text, known_generation=3) == "superseded"


def test_a_pass_expires_a_day_late_by_the_servers_clock() -> None:
    text = sign(KEY, CLAIMS)
    last = datetime.fromtimestamp(CLAIMS.expires + GRACE_SECONDS, UTC)
    assert verify(PUBLIC, text, now=last) == CLAIMS
    assert refusal(text, now=last + timedelta(seconds=1)) == "expired"
    slow_by_a_week = timedelta(days=7)
    assert refusal(text, now=last - slow_by_a_week, offset=slow_by_a_week.total_seconds() + 1) == "expired"
    assert verify(PUBLIC, text, now=last + slow_by_a_week, offset=-slow_by_a_week.total_seconds()) == CLAIMS


# Short codes


@given(st.binary(min_size=16, max_size=32), st.binary(min_size=16, max_size=16))
def test_a_short_code_is_split_however_it_was_typed(random_bytes: bytes, more: bytes) -> None:
    locator = make_locator(more)
    code = make_short_code(random_bytes, locator)
    assert re.fullmatch(r"[^BILOSUZ]{4}-[^BILOSUZ]{4}-[^BILOSUZ]{4}", code)
    parts = (locator, code[5:].replace("-", ""))
    for typed in (code, code.lower(), code.replace("-", ""), code.replace("-", " ")):
        assert split_short_code(typed) == parts
    assert read(code).kind is ScanKind.SHORT_CODE


@pytest.mark.parametrize(
    "text", ["", "4006381333931", "036000291452", "K7QM-4FHT", "K7QM-4FHT-9XW!", "K7QM-4FHT-9XWDD"]
)
def test_other_texts_are_no_short_code(text: str) -> None:
    assert split_short_code(text) is None


def test_a_locator_and_a_secret_need_enough_chance() -> None:
    with pytest.raises(ValueError, match="16 random bytes"):
        make_short_code(b"short", "K7QM")
    with pytest.raises(BadCode):
        make_short_code(bytes(16), "K7")


def test_the_secret_opens_and_nothing_else_does() -> None:
    hashed = hash_short_code("4FHT-9XWD", SALT)
    assert hashed.startswith("$argon2id$")
    assert check_short_code("4fht 9xwd", hashed)
    assert not check_short_code("4FHT9XWC", hashed)
    assert not check_short_code("4FHT9XWD", "no hash at all")
    with pytest.raises(ValueError, match="16 bytes"):
        hash_short_code("4FHT9XWD", b"salt")


def test_symbols_that_look_alike_are_one() -> None:
    hashed = hash_short_code("01580V2X", SALT)
    assert check_short_code("oLsBoUzX", hashed)


# Order numbers


def test_an_order_number_is_short_and_checks_out_however_it_is_typed() -> None:
    number = order_number(1042)
    assert re.fullmatch(r"B-1042-..", number)
    tail = number[-2:]
    for typed in (number, number.lower(), f"b1042{tail}", f" 1042-{tail} ", f"B 1O42 {tail}"):
        assert check_order_number(typed)
        assert order_number_of(typed) == 1042


@given(st.integers(0, 10**15 - 1))
def test_every_order_number_reads_back(number: int) -> None:
    assert order_number_of(order_number(number)) == number


@given(st.integers(1000, 10**9), st.data())
def test_any_two_wrong_symbols_are_noticed(number: int, data: st.DataObject) -> None:
    right = order_number(number).removeprefix("B-").replace("-", "")
    places = data.draw(st.lists(st.integers(0, len(right) - 1), min_size=1, max_size=2, unique=True))
    wrong = list(right)
    for place in places:
        wrong[place] = data.draw(st.sampled_from("0123456789ACDEFGHJKMNPQRTVWXY"))
    assume("".join(wrong) != right)
    assert not check_order_number("B" + "".join(wrong))


@given(st.integers(1000, 10**9), st.data())
def test_two_swapped_symbols_are_noticed(number: int, data: st.DataObject) -> None:
    right = order_number(number).removeprefix("B-").replace("-", "")
    place = data.draw(st.integers(0, len(right) - 2))
    assume(right[place] != right[place + 1])
    assert not check_order_number("B" + right[:place] + right[place + 1] + right[place] + right[place + 2 :])


@pytest.mark.parametrize("text", ["", "B", "B-1042", "B--", "B-١٠٤٢-00", "hello"])
def test_other_texts_are_no_order_number(text: str) -> None:
    assert not check_order_number(text)


def test_an_order_number_has_a_range() -> None:
    with pytest.raises(BadCode):
        order_number(-1)


# PINs


def test_a_pin_opens_on_its_own_device_only() -> None:
    verifier = pin_verifier("4711", KEY, SALT)
    assert check_pin(" 4711 ", KEY, verifier)
    assert not check_pin("4712", KEY, verifier)
    assert not check_pin("4711", OTHER_KEY, verifier)
    with pytest.raises(ValueError, match="32 bytes"):
        pin_verifier("4711", b"short", SALT)
