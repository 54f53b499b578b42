"""Codes told apart: item numbers, GS1 element strings and Digital Link, our own labels, typed codes."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.barcodes import (
    LABEL_KINDS,
    BadCode,
    ScanKind,
    check_digit,
    gtin14,
    in_store,
    label,
    order_number,
    parse_label,
    read,
    weighed_label,
)

GTIN = "09506000134352"


def payloads(length: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=length, max_size=length).filter(lambda digits: digits.strip("0") != "")


def whole(payload: str) -> str:
    return payload + check_digit(payload)


# Item numbers


@pytest.mark.parametrize(
    ("code", "fourteen"),
    [
        ("4006381333931", "04006381333931"),
        ("036000291452", "00036000291452"),
        ("96385074", "00000096385074"),
        ("30712345000010", "30712345000010"),
        (" 978-0-14-001399-3 ", "09780140013993"),
        ("01234565", "00012345000065"),
        ("00123457", "00001234000057"),
    ],
)
def test_every_length_becomes_fourteen_digits(code: str, fourteen: str) -> None:
    assert gtin14(code) == fourteen


@given(st.sampled_from([11, 12, 13]).flatmap(payloads))
def test_a_right_check_digit_is_taken_and_every_wrong_one_refused_by_name(payload: str) -> None:
    code = whole(payload)
    assert gtin14(code) == code.zfill(14)
    wrong = payload + str((int(code[-1]) + 3) % 10)
    with pytest.raises(BadCode, match=f"should be {code[-1]}") as refused:
        gtin14(wrong)
    assert refused.value.code == "wrong_check_digit"


@given(payloads(12), st.integers(0, 12), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(payload: str, place: int, shift: int) -> None:
    code = whole(payload)
    spoilt = code[:place] + str((int(code[place]) + shift) % 10) + code[place + 1 :]
    with pytest.raises(BadCode):
        gtin14(spoilt)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("", "not_digits"),
        ("40063813339X1", "not_digits"),
        ("٤٠٠٦٣٨١٣٣٣٩٣١", "not_digits"),
        ("12345", "wrong_length"),
        ("0000000000000", "all_zeros"),
    ],
)
def test_what_is_no_item_number_is_named(code: str, why: str) -> None:
    with pytest.raises(BadCode) as refused:
        gtin14(code)
    assert refused.value.code == why
    assert refused.value.reason.endswith(".")


def test_the_three_ways_to_send_a_upce_agree() -> None:
    assert {gtin14(code, upce=True) for code in ("123456", "0123456", "01234565")} == {"00012345000065"}


@given(st.sampled_from("01"), payloads(6))
def test_upce_expands_to_a_number_with_the_same_check_digit(system: str, body: str) -> None:
    full = gtin14(system + body, upce=True)
    assert full == gtin14(full[2:])
    assert read(system + body + full[-1], "UPCE").gtin == full


def test_eight_digits_that_mean_two_things_offer_both() -> None:
    both = [
        code
        for number in range(1, 20_000)
        if (code := whole(f"{number:07d}")) and gtin14(code, upce=True) != code.zfill(14)
    ]
    assert both
    scanned = read(both[0])
    assert scanned.gtin is not None
    assert {scanned.gtin, *scanned.also} == {both[0].zfill(14), gtin14(both[0], upce=True)}


@pytest.mark.parametrize(
    ("code", "own"),
    [
        ("2012345678900", True),
        ("2912345678900", True),
        ("0212345678900", True),
        ("212345678900", True),
        ("02012345678900", True),
        ("20123456", True),
        ("00000020123456", True),
        ("4006381333931", False),
        ("30712345000010", False),
        ("22012345678900", False),
        ("96385074", False),
        ("hello", False),
    ],
)
def test_a_shops_own_numbers_are_recognised(code: str, own: bool) -> None:
    assert in_store(code) is own


@given(st.integers(0, 99_999), st.integers(1, 99_999))
def test_a_weighed_label_gives_back_item_and_grams(reference: int, grams: int) -> None:
    printed = weighed_label(f"{reference:05d}", grams)
    scanned = read(printed)
    assert (scanned.kind, scanned.value, scanned.grams) == (ScanKind.ITEM, f"{reference:05d}", grams)
    assert scanned.gtin == gtin14(weighed_label(f"{reference:05d}", 0))
    assert in_store(printed)


def test_a_weighed_item_without_a_weight_is_just_the_item() -> None:
    scanned = read(weighed_label("00042", 0))
    assert (scanned.kind, scanned.grams) == (ScanKind.ITEM, None)


@pytest.mark.parametrize(("reference", "grams"), [("42", 1), ("0004A", 1), ("00042", -1), ("00042", 100_000)])
def test_a_weighed_label_that_would_not_fit_is_refused(reference: str, grams: int) -> None:
    with pytest.raises(BadCode):
        weighed_label(reference, grams)


def test_other_in_store_numbers_are_ordinary_items() -> None:
    scanned = read(whole("201234567890"))
    assert (scanned.kind, scanned.grams, scanned.gtin) == (ScanKind.ITEM, None, "0" + whole("201234567890"))


# GS1 element strings


@pytest.mark.parametrize("separator", ["\x1d", "{GS}", "{gs}", "^]", "|", "<GS>", "␝"])
@pytest.mark.parametrize("front", ["", "]C1", "]e0", "]d2", "]Q3"])
def test_every_separator_and_identifier_reads_the_same(separator: str, front: str) -> None:
    scanned = read(f"{front}01{GTIN}10AB-1{separator}17270228{separator}21S/9")
    assert (scanned.kind, scanned.gtin, scanned.lot, scanned.serial) == (ScanKind.ITEM, GTIN, "AB-1", "S/9")
    assert scanned.expiry == date(2027, 2, 28)


def test_a_leading_separator_is_a_start_symbol() -> None:
    assert read(f"\x1d01{GTIN}10A").lot == "A"


def test_the_decoders_word_for_gs1_counts_like_an_identifier() -> None:
    assert read(f"01{GTIN}3103001750", "DataBarExp").grams == 1750
    assert read(f"01{GTIN}3103001750", "]e0").grams == 1750


def test_the_printed_form_with_parentheses_is_understood() -> None:
    scanned = read(f"(01){GTIN}(10)AB(17)280200")
    assert (scanned.gtin, scanned.lot, scanned.expiry) == (GTIN, "AB", date(2028, 2, 29))


@pytest.mark.parametrize(
    ("field", "grams"),
    [("3100000002", 2000), ("3103001750", 1750), ("3105001750", 18), ("3201000022", 998), ("3202000100", 454)],
)
def test_weights_are_whole_grams(field: str, grams: int) -> None:
    assert read(f"01{GTIN}{field}").grams == grams


def test_an_impossible_expiry_does_not_spoil_the_item() -> None:
    scanned = read(f"]C101{GTIN}17279931")
    assert (scanned.kind, scanned.gtin, scanned.expiry) == (ScanKind.ITEM, GTIN, None)


def test_a_logistic_label_is_a_package_with_its_contents() -> None:
    parcel = whole("39506000100000001")
    scanned = read(f"]C100{parcel}02{GTIN}3724")
    assert (scanned.kind, scanned.value, scanned.gtin, scanned.count) == (ScanKind.PACKAGE, parcel, GTIN, 24)
    assert read(f"]C100{parcel[:-1]}{(int(parcel[-1]) + 1) % 10}").kind is ScanKind.UNKNOWN


def test_a_wrong_check_digit_inside_an_element_string_is_named() -> None:
    scanned = read("]C1010950600013435310AB")
    assert (scanned.kind, scanned.lot) == (ScanKind.UNKNOWN, "AB")
    assert "should be 2" in (scanned.problem or "")


def test_a_gs1_code_without_an_item_says_so() -> None:
    scanned = read("1012A", "DataBarExp")
    assert (scanned.kind, scanned.lot, scanned.problem) == (ScanKind.UNKNOWN, "12A", "This GS1 code names no item.")
    assert "rules" in (read("]C1zzz").problem or "")


@given(
    lot=st.text("ABCXYZ0189-/.+", min_size=1, max_size=20),
    serial=st.text("ABCXYZ0189-/.+", min_size=1, max_size=20),
    day=st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    payload=payloads(13),
    separator=st.sampled_from(["\x1d", "{GS}", "^]", "|"]),
)
def test_what_goes_into_an_element_string_comes_out(
    lot: str, serial: str, day: date, payload: str, separator: str
) -> None:
    gtin = whole("9" + payload[1:])
    scanned = read(f"]d201{gtin}17{day:%y%m%d}10{lot}{separator}21{serial}")
    assert (scanned.gtin, scanned.lot, scanned.serial, scanned.expiry) == (gtin, lot, serial, day)


# Digital Link


@pytest.mark.parametrize(
    "url",
    [
        f"https://id.gs1.org/01/{GTIN}/10/ABC/21/12?17=270228&3103=000500",
        f"HTTPS://ID.GS1.ORG/01/{GTIN}/10/ABC/21/12?17=270228&3103=000500#top",
        "http://shop.example/eu/p/01/9506000134352/10/ABC/21/12/?17=270228&3103=000500&utm_source=x",
    ],
)
def test_a_digital_link_names_the_item_on_any_host(url: str) -> None:
    scanned = read(url)
    assert (scanned.kind, scanned.gtin, scanned.lot, scanned.serial) == (ScanKind.ITEM, GTIN, "ABC", "12")
    assert (scanned.expiry, scanned.grams) == (date(2027, 2, 28), 500)


def test_percent_signs_in_a_digital_link_are_read() -> None:
    assert read(f"https://id.gs1.org/01/{GTIN}/10/A%2FB").lot == "A/B"


def test_a_question_that_is_no_field_leaves_the_item_readable() -> None:
    assert read(f"https://id.gs1.org/01/{GTIN}?17=soon").gtin == GTIN


@pytest.mark.parametrize("url", ["https://example.com/", "https://[broken/01/1", f"https://x.example/01/{GTIN[:-1]}9"])
def test_other_addresses_are_data_and_never_opened(url: str) -> None:
    scanned = read(url)
    assert (scanned.kind, scanned.text) == (ScanKind.UNKNOWN, url)
    assert scanned.problem


# Our own labels


@given(st.sampled_from(sorted(LABEL_KINDS.values())), st.text("ABZ019 $%*+-./:", min_size=1, max_size=60))
def test_a_label_reads_back_as_what_it_was_printed_for(kind: ScanKind, value: str) -> None:
    value = f"A{value}Z"
    printed = label(kind, value)
    assert parse_label(printed) == (kind, value)
    for typed in (printed, printed.lower(), f"]Q1{printed}\r\n"):
        scanned = read(typed)
        assert (scanned.kind, scanned.value, scanned.text) == (kind, value, printed)


@pytest.mark.parametrize(("kind", "value"), [(ScanKind.ITEM, "1"), (ScanKind.TOTE, ""), (ScanKind.TOTE, "Ä1")])
def test_a_label_that_could_not_be_scanned_back_is_not_made(kind: ScanKind, value: str) -> None:
    with pytest.raises(BadCode):
        label(kind, value)


@pytest.mark.parametrize("text", ["BTN:Q:1", "BTN:", "BTN:T:", "BTN:T:é", "BTN"])
def test_a_spoilt_label_is_unknown_with_a_sentence(text: str) -> None:
    assert read(text).kind is ScanKind.UNKNOWN
    assert read(text).problem


# Everything else


def test_typed_codes_are_told_from_scanned_ones() -> None:
    assert read("k7qm 4fht 9xwd").kind is ScanKind.SHORT_CODE
    assert read("K7QM-4FHT-9XWD").value == "K7QM4FHT9XWD"
    assert read("K7QM-4FHT-9XWD", "Code128").kind is ScanKind.UNKNOWN
    assert (read(order_number(1042)).kind, read(order_number(1042).lower()).value) == (
        ScanKind.ORDER,
        order_number(1042),
    )


def test_a_wrong_number_says_what_the_check_digit_should_be_and_keeps_its_text() -> None:
    scanned = read("4006381333932")
    assert (scanned.kind, scanned.text) == (ScanKind.UNKNOWN, "4006381333932")
    assert scanned.problem == "4006381333932 ends in 2; its check digit should be 1."


def test_a_magazines_extra_digits_are_left_out() -> None:
    assert read("]E3978014001399305").gtin == "09780140013993"


@pytest.mark.parametrize("text", ["SKU-1", "168901", "Code 128", "óóóó1234", "WIDGET|BLUE", "10ABC"])
def test_a_code_of_somebody_elses_keeps_its_text_for_the_look_up(text: str) -> None:
    scanned = read(f"{text}\r\n")
    assert (scanned.kind, scanned.text) == (ScanKind.UNKNOWN, text)


@given(
    st.one_of(
        st.text(max_size=60),
        st.text("0123456789", max_size=60),
        st.text("01]Ced{GS}^|()/:?&=%BTN\x1d ", max_size=60),
        st.text(max_size=30).map("https://x.example/01/".__add__),
        st.text("0123456789\x1d", max_size=50).map("]C1".__add__),
    ),
    st.sampled_from([None, "]C1", "DataBarExp", "UPCE", "]E3", "QRCode"]),
)
@example("", None)
@example("]C1", None)
@example("9" * 5000, None)
def test_reading_never_raises_and_unknown_codes_say_why(text: str, symbology: str | None) -> None:
    scanned = read(text, symbology)
    assert (scanned.kind is ScanKind.UNKNOWN) == (scanned.problem is not None)
