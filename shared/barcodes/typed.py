"""Codes that people read out and type: short pickup codes and order numbers.

Of every pair that looks alike one symbol is left out (B I L O S U Z), and typing the missing one counts as its twin, so
“O” is 0 and “L” is 1. That leaves 29 symbols, a prime, which lets the two check symbols of an order number be a
Reed-Solomon code over the field of 29 elements: any two wrong symbols are noticed, and so any two swapped.
"""

from __future__ import annotations

import re

from shared.barcodes.errors import BadCode

ALPHABET = "0123456789ACDEFGHJKMNPQRTVWXY"
LOCATOR_LENGTH = 4
SECRET_LENGTH = 8
_TWINS = str.maketrans("BILOSUZ", "81105V2")
_SHORT = re.compile(rf"[{ALPHABET}]{{{LOCATOR_LENGTH + SECRET_LENGTH}}}")
_GROUPED = re.compile(r"\w{4}[- ]\w{4}[- ]\w{4}", re.ASCII)
_ORDER = re.compile(rf"([0-9]{{1,15}})([{ALPHABET}]{{2}})")


def plain(text: str) -> str:
    """As typed, without spaces and hyphens, upper-case, look-alikes made one."""
    return _bare(text).translate(_TWINS)


def grouped(code: str) -> str:
    """In fours, as printed: K7QM-4FHT-9XWD."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def split_short_code(text: str) -> tuple[str, str] | None:
    """Locator and secret of a short code however it was typed, or None.

    Twelve digits are an item's number; without hyphens the first symbol must be a letter, as every locator's is.
    """
    code = plain(text)
    if not _SHORT.fullmatch(code):
        return None
    if not _GROUPED.fullmatch(text.strip()) and code[0].isdigit():
        return None
    return code[:LOCATOR_LENGTH], code[LOCATOR_LENGTH:]


def order_number(number: int) -> str:
    """The number people see and say for an order: B-1042-N9, the last two being check symbols."""
    if not 0 <= number < 10**15:
        raise BadCode("bad_number", f"An order number lies between 0 and 10^15; {number} does not.")
    return f"B-{number}-{_checks(str(number))}"


def order_number_of(text: str) -> int | None:
    """The number in an order number however it was typed (b 1042 n9, 1042-n9), or None when it does not check out."""
    bare = _bare(text).removeprefix("B")
    match = _ORDER.fullmatch(bare.translate(_TWINS))
    if match is None or _checks(match[1]) != match[2]:
        return None
    return int(match[1])


def _bare(text: str) -> str:
    return re.sub(r"[\s\-–—]", "", text).upper()


def _checks(digits: str) -> str:
    """Two check symbols: the digits as a polynomial at 2 and at 4, in the field of 29 elements (2 generates it)."""
    first = sum(int(digit) * pow(2, place, 29) for place, digit in enumerate(reversed(digits)))
    second = sum(int(digit) * pow(4, place, 29) for place, digit in enumerate(reversed(digits)))
    return ALPHABET[first % 29] + ALPHABET[second % 29]
