"""Item numbers: GTIN-8, 12, 13 and 14 and UPC-E, checked and brought to fourteen digits.

Fourteen digits are the one form stored and compared (GS1 General Specifications 3.3.2). Numbers a shop gives itself are
recognised before that (GTIN-13 prefixes 02 and 20 to 29, GTIN-8 beginning with 0 or 2): they mean something in that
shop only. One is reserved: 28 is a weighed label, `28 RRRRR GGGGG C`, an item reference and its weight in grams. The
others are ordinary GTINs to us.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.barcodes.errors import BadCode

WEIGHED_PREFIX = "28"
MAX_LABEL_GRAMS = 99_999
LENGTHS = (8, 12, 13, 14)


@dataclass(frozen=True)
class Weighed:
    """What a weighed label says. `gtin` is the item's: the same label with no grams on it."""

    gtin: str
    reference: str
    grams: int


def digits_only(code: str) -> bool:
    """Whether the code is plain ASCII digits (str.isdigit alone also takes other scripts' digits)."""
    return code.isascii() and code.isdigit()


def check_digit(payload: str) -> str:
    """The check digit for the digits before it: weights 3 and 1 from the right (GS1 General Specifications 7.9.1)."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(payload)))
    return str(-total % 10)


def checks_out(code: str) -> bool:
    """Whether the last digit is the check digit of the others."""
    return check_digit(code[:-1]) == code[-1]


def expand_upce(code: str) -> str:
    """UPC-E with its number system (0 or 1) and check digit, eight digits, as the UPC-A it abbreviates."""
    system, body, check = code[0], code[1:7], code[7]
    last = body[5]
    if last in "012":
        payload = f"{body[:2]}{last}0000{body[2:5]}"
    elif last == "3":
        payload = f"{body[:3]}00000{body[3:5]}"
    elif last == "4":
        payload = f"{body[:4]}00000{body[4]}"
    else:
        payload = f"{body[:5]}0000{last}"
    return system + payload + check


def _completed_upce(digits: str) -> str:
    body = digits.zfill(7) + "0"
    return body[:7] + check_digit(expand_upce(body)[:-1])


def is_upce(code: str) -> bool:
    """Whether eight digits make a valid UPC-E."""
    return len(code) == 8 and code[0] in "01" and checks_out(expand_upce(code))


def gtin14(code: str, *, upce: bool = False) -> str:
    """The fourteen-digit form of GTIN-8, 12, 13 or 14, its check digit verified. Spaces and hyphens are dropped.

    Eight digits are a GTIN-8, except that a valid UPC-E beginning with 0 is read as one (a GTIN-8 beginning with 0 is
    never on a product that travels). `upce=True` says that the symbol was UPC-E: then six digits (neither number system
    nor check digit) and seven (no check digit) will do as well. Raises BadCode.
    """
    digits = code.strip().replace(" ", "").replace("-", "")
    if not digits_only(digits):
        raise BadCode("not_digits", f"An item number has digits only, and “{code.strip()[:40]}” has something else.")
    if upce and len(digits) in (6, 7):
        digits = _completed_upce(digits)
    if len(digits) not in LENGTHS:
        raise BadCode("wrong_length", f"An item number has 8, 12, 13 or 14 digits; {digits[:40]} has {len(digits)}.")
    if is_upce(digits) and (upce or digits[0] == "0" or not checks_out(digits)):
        digits = expand_upce(digits)
    if not checks_out(digits):
        expected = check_digit(digits[:-1])
        raise BadCode("wrong_check_digit", f"{digits} ends in {digits[-1]}; its check digit should be {expected}.")
    if not digits.strip("0"):
        raise BadCode("all_zeros", "An item number cannot be all zeros.")
    return digits.zfill(14)


def meanings(code: str) -> tuple[str, ...]:
    """Every GTIN-14 that eight digits can mean: as GTIN-8 and as UPC-E. Empty for any other length."""
    if len(code) != 8 or not digits_only(code):
        return ()
    as_gtin8 = (code.zfill(14),) if checks_out(code) else ()
    as_upce = (expand_upce(code).zfill(14),) if is_upce(code) else ()
    return as_gtin8 + as_upce


def in_store(gtin: str) -> bool:
    """Whether a shop numbered this itself. Takes any GTIN, also in its fourteen-digit form."""
    digits = gtin.strip()
    if not digits_only(digits) or len(digits) not in LENGTHS:
        return False
    if len(digits) == 8 or (len(digits) == 14 and digits.startswith("000000")):
        return digits[-8] in "02"
    thirteen = digits.zfill(14)
    return thirteen[0] == "0" and (thirteen[1] == "2" or thirteen[1:3] == "02")


def weighed_label(reference: str, grams: int) -> str:
    """The GTIN-13 printed on a weighed piece. A reference is five digits; no grams gives the item's own code."""
    if not digits_only(reference) or len(reference) != 5:
        raise BadCode("bad_reference", f"A weighed item's reference has five digits, not “{reference}”.")
    if not 0 <= grams <= MAX_LABEL_GRAMS:
        raise BadCode("bad_weight", f"A label holds 0 to {MAX_LABEL_GRAMS} grams, not {grams}.")
    payload = f"{WEIGHED_PREFIX}{reference}{grams:05d}"
    return payload + check_digit(payload)


def weighed(gtin: str) -> Weighed | None:
    """The weighed label in a GTIN-14, or None when it is any other number or carries no weight."""
    if gtin[:3] != "0" + WEIGHED_PREFIX or gtin[8:13] == "00000":
        return None
    reference, grams = gtin[3:8], int(gtin[8:13])
    return Weighed(gtin14(weighed_label(reference, 0)), reference, grams)
