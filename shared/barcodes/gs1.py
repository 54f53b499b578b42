"""GS1 element strings and Digital Link: what a code says beyond the item's number.

The parsing itself is biip's. Ours is what surrounds it: scanners send the separator in whatever form they are set to,
catalogues print it with parentheses, web addresses carry it as a path. Expiry years are of this century (a shop sells
nothing that expired before 2000), so that reading a code needs no clock.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from urllib.parse import urlsplit, urlunsplit

from biip import ParseConfig, ParseError
from biip.gs1_digital_link_uris import GS1DigitalLinkURI
from biip.gs1_element_strings import GS1ElementStrings
from biip.gs1_messages import GS1Message

GS = "\x1d"
_SEPARATORS = re.compile(r"\{GS\}|<GS>|\[GS\]|\^\]|\u241d|\|", re.IGNORECASE)
"""None of these characters may stand in an element string's data, except in `<GS>`, which nobody has as a lot."""
_HUMAN = re.compile(r"\(\d{2,4}\)")
_UNMARKED = re.compile(r"(?:01|02)\d{14}|00\d{18}")
_CONFIG = ParseConfig(gs1_element_strings_verify_date=False)
_GRAMS = {
    "310": Decimal(1000),
    "320": Decimal("453.59237"),
    "356": Decimal("31.1034768"),
    "357": Decimal("28.349523125"),
}
"""Net weight in kilograms, pounds, troy ounces and ounces (GS1 General Specifications 3.6)."""


def with_separators(text: str) -> str:
    """The text with every known form of the group separator made one, and none at its ends."""
    return _SEPARATORS.sub(GS, text).strip(GS)


def looks_like_elements(text: str) -> bool:
    """Whether an unmarked text is worth parsing: separated, in parentheses, or a GTIN or SSCC with its identifier."""
    return GS in text or _HUMAN.match(text) is not None or _UNMARKED.match(text) is not None


def elements(text: str) -> dict[str, str] | None:
    """Application identifiers and values of an element string, or None when it is not one.

    A later field that breaks the rules (an expiry in month 99) does not hide the item or parcel at the front.
    """
    try:
        if _HUMAN.match(text):
            return _by_identifier(GS1Message.parse_hri(text, config=_CONFIG).element_strings)
        return _by_identifier(GS1Message.parse(text, config=_CONFIG).element_strings)
    except (ParseError, ValueError, ArithmeticError):
        front = _UNMARKED.match(text)
        return {front[0][:2]: front[0][2:]} if front else None


def link_elements(url: str) -> dict[str, str] | None:
    """Application identifiers and values in a Digital Link address, or None when it names no item.

    A shop's own questions after the `?` may look like identifiers and be wrong: then the path alone counts.
    """
    try:
        parts = urlsplit(url)
        path = parts.path.rstrip("/")
    except ValueError:
        return None
    for query in dict.fromkeys((parts.query, "")):
        try:
            whole = urlunsplit((parts.scheme, parts.netloc, path, query, ""))
            return _by_identifier(GS1DigitalLinkURI.parse(whole, config=_CONFIG).element_strings)
        except (ParseError, ValueError, ArithmeticError):
            continue
    return None


def expiry(found: Mapping[str, str]) -> date | None:
    """The expiry date (AI 17), day 00 meaning the end of the month. None when absent or no date."""
    value = found.get("17", "")
    if len(value) != 6:
        return None
    year, month, day = 2000 + int(value[:2]), int(value[2:4]), int(value[4:])
    try:
        return date(year, month, day or monthrange(year, month)[1])
    except ValueError:
        return None


def grams(found: Mapping[str, str]) -> int | None:
    """The net weight (AI 310n and its imperial kin) in whole grams, halves up."""
    for identifier, value in found.items():
        unit = _GRAMS.get(identifier[:3])
        if unit is not None and len(identifier) == 4:
            weight = Decimal(int(value)).scaleb(-int(identifier[3])) * unit
            return int(weight.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    return None


def count(found: Mapping[str, str]) -> int | None:
    """How many pieces (AI 30 or 37)."""
    value = found.get("37") or found.get("30")
    return int(value) if value else None


def _by_identifier(strings: GS1ElementStrings) -> dict[str, str]:
    return {string.ai.ai: string.value for string in strings}
