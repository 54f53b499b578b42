"""`read`: the one way in, from what a scanner said to what it means.

The order matters and is the order below: our own labels, web addresses, element strings, item numbers, typed codes.
Whatever is left is unknown, with a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from shared.barcodes import gs1
from shared.barcodes.errors import BadCode
from shared.barcodes.gtin import LENGTHS, checks_out, digits_only, gtin14, meanings, weighed
from shared.barcodes.labels import parse_label
from shared.barcodes.scanned import ScanKind, Scanned
from shared.barcodes.typed import order_number, order_number_of, plain, split_short_code

_IDENTIFIER = re.compile(r"\][A-Za-z][0-9A-Za-z]")
_GS1_IDENTIFIERS = frozenset({"]C1", "]e0", "]e1", "]e2", "]e3", "]d2", "]Q3", "]J1"})
"""GS1-128, DataBar, GS1 Data Matrix, GS1 QR, GS1 DotCode (ISO/IEC 15424)."""
_EAN_WITH_ADDON = "]E3"
_ORDER_SHAPE = re.compile(r"B[- ]\w+[- ]\w{2}", re.IGNORECASE | re.ASCII)
MAX_TEXT = 4_296
"""The most a QR code holds. Anything longer was not scanned."""


def read(raw: str, symbology: str | None = None) -> Scanned:
    """What a scan means; never raises.

    `symbology` is what the decoder says the symbol was (a name such as `UPCE` or an identifier such as `]C1`); an
    identifier in front of the text itself counts first. Without either, the text may also have been typed by a person:
    only then can it be a short code or an order number, and when no job answers to that, the caller tries the text as
    an item's alternate code.
    """
    text = raw.strip(" \t\r\n\0")
    identifier = match[0] if (match := _IDENTIFIER.match(text)) else None
    text = text.removeprefix(identifier or "")
    origin = identifier or symbology
    if not text:
        return Scanned(ScanKind.UNKNOWN, text, problem="The scan was empty. Scan again.")
    if len(text) > MAX_TEXT:
        return Scanned(ScanKind.UNKNOWN, text[:MAX_TEXT], problem="That is longer than any code. Scan again.")
    return (
        _own_label(text)
        or _web_address(text)
        or _elements(text, origin)
        or _number(text, origin)
        or (_typed(text) if origin is None else None)
        or _unknown(text, "This code is not one we know.")
    )


def _own_label(text: str) -> Scanned | None:
    try:
        found = parse_label(text)
    except BadCode as error:
        return _unknown(text, error.reason)
    return None if found is None else Scanned(found[0], text.strip().upper(), value=found[1])


def _web_address(text: str) -> Scanned | None:
    if not text[:8].lower().startswith(("https://", "http://")):
        return None
    found = gs1.link_elements(text)
    if found is None:
        return _unknown(text, "This is a web address that names no item. It was not opened.")
    return _from_elements(text, found)


def _elements(text: str, origin: str | None) -> Scanned | None:
    told = origin in _GS1_IDENTIFIERS or (origin or "").startswith("DataBar")
    message = gs1.with_separators(text)
    if not told and not gs1.looks_like_elements(message):
        return None
    found = gs1.elements(message)
    if found is None:
        return _unknown(text, "This is a GS1 code, but its fields do not follow the rules.") if told else None
    if not told and "01" not in found and "02" not in found and "00" not in found:
        return None
    return _from_elements(text, found)


def _from_elements(text: str, found: Mapping[str, str]) -> Scanned:
    """An item if it names one, a package if it names a logistic unit (its contents, AI 02, along with it)."""
    number = found.get("01") or found.get("02")
    parcel = found.get("00")
    try:
        item = _item(text, gtin14(number)) if number else None
        if parcel and not checks_out(parcel):
            raise BadCode("wrong_check_digit", f"The parcel number {parcel} has a wrong check digit.")
    except BadCode as error:
        return _unknown(text, error.reason, found)
    if item is None and parcel is None:
        return _unknown(text, "This GS1 code names no item.", found)
    return Scanned(
        kind=ScanKind.PACKAGE if parcel else ScanKind.ITEM,
        text=text,
        gtin=item.gtin if item else None,
        lot=found.get("10"),
        serial=found.get("21"),
        expiry=gs1.expiry(found),
        grams=gs1.grams(found) or (item.grams if item else None),
        count=gs1.count(found),
        value=parcel or (item.value if item else None),
    )


def _number(text: str, origin: str | None) -> Scanned | None:
    upce = origin in ("UPCE", "UPC-E")
    digits = text
    if origin == _EAN_WITH_ADDON and len(digits) in (15, 18):
        digits = digits[:13]
    if not digits_only(digits) or not (len(digits) in LENGTHS or (upce and len(digits) in (6, 7))):
        return None
    try:
        return _item(text, gtin14(digits, upce=upce), also=meanings(digits))
    except BadCode as error:
        return _unknown(text, error.reason)


def _item(text: str, gtin: str, also: tuple[str, ...] = ()) -> Scanned:
    piece = weighed(gtin)
    if piece is not None:
        return Scanned(ScanKind.ITEM, text, gtin=piece.gtin, grams=piece.grams, value=piece.reference)
    return Scanned(ScanKind.ITEM, text, gtin=gtin, also=tuple(other for other in also if other != gtin))


def _typed(text: str) -> Scanned | None:
    number = order_number_of(text) if _ORDER_SHAPE.fullmatch(text) else None
    if number is not None:
        return Scanned(ScanKind.ORDER, text, value=order_number(number))
    if split_short_code(text) is not None:
        return Scanned(ScanKind.SHORT_CODE, text, value=plain(text))
    return None


def _unknown(text: str, problem: str, found: Mapping[str, str] | None = None) -> Scanned:
    known = found or {}
    lot, serial = known.get("10"), known.get("21")
    return Scanned(ScanKind.UNKNOWN, text, lot=lot, serial=serial, expiry=gs1.expiry(known), problem=problem)
