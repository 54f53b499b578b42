"""Pure rules of the catalogue: what an item is, which form its codes are kept in, and the words it is found by."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from shared.barcodes import BadCode, read
from shared.barcodes.gtin import LENGTHS, digits_only, gtin14
from shared.errors import FieldProblem
from shared.kernel import Currency, Input, Instant, Minor, Sku, Wire

MAX_ROWS = 5_000
"""Rows of one list; longer catalogues come in several."""
MAX_WORDS = 12
"""Words of a search that count."""

Code = Annotated[str, StringConstraints(min_length=1, max_length=48, pattern=r"^[!-~]([ -~]*[!-~])?$")]


class Flag(StrEnum):
    """What must be thought of when this item is handled."""

    SERIAL = "serial"
    LOT = "lot"
    WEIGHED = "weighed"
    """The stocking unit is the gram."""
    AGE_RESTRICTED = "age_restricted"
    HAZMAT = "hazmat"
    KIT = "kit"
    """Leaves from one node or not at all."""
    SHIP_ALONE = "ship_alone"


class Dimensions(Input):
    """Of one packed unit, in millimetres."""

    length: int = Field(ge=1, le=20_000)
    width: int = Field(ge=1, le=20_000)
    height: int = Field(ge=1, le=20_000)


class NewItem(Input):
    """An item as a master system sends it: always the whole item, what is left out is empty."""

    sku: Sku = Field(examples=["MILK-1L"])
    name: str = Field(min_length=1, max_length=200, examples=["Whole milk 1 l"])
    style: str | None = Field(default=None, max_length=40, description="Shared by all variants of one model.")
    variant: str = Field(default="", max_length=80, description="What tells it apart, for people: size, colour.")
    category: str = Field(default="", max_length=80, examples=["Dairy"])
    department: str = Field(default="", max_length=80, examples=["Grocery"])
    brand: str = Field(default="", max_length=80)
    barcodes: tuple[Code, ...] = Field(
        default=(),
        max_length=50,
        description="GTIN-8, 12, 13 or 14 with a right check digit, or other codes as they are scanned.",
        examples=[["036000291452"]],
    )
    price: Minor | None = Field(default=None, description="Price of one unit.", examples=[349])
    currency: Currency = "USD"
    weight_grams: int | None = Field(default=None, ge=0, le=10_000_000)
    dimensions: Dimensions | None = None
    flags: tuple[Flag, ...] = Field(default=(), max_length=len(Flag))
    min_age: int | None = Field(default=None, ge=1, le=99, description="Years; needed when age_restricted.")
    substitutes: tuple[Sku, ...] = Field(default=(), max_length=20, description="SKUs to offer instead, best first.")
    picture: str | None = Field(default=None, max_length=500, pattern=r"^(https://|[\w./-]+$)")
    active: bool = Field(default=True, description="False: no longer sold; past orders still show it.")

    @model_validator(mode="after")
    def _age(self) -> NewItem:
        if Flag.AGE_RESTRICTED in self.flags and self.min_age is None:
            raise ValueError("min_age: an age-restricted item needs the age from which it may be sold")
        return self


class ItemView(Wire):
    """An item as the API shows it."""

    sku: Sku
    name: str
    style: str | None
    variant: str
    category: str
    department: str
    brand: str
    barcodes: tuple[str, ...] = Field(description="GTINs in their fourteen-digit form.")
    price: int | None
    currency: Currency
    weight_grams: int | None
    dimensions: Dimensions | None
    flags: tuple[Flag, ...]
    min_age: int | None
    substitutes: tuple[Sku, ...]
    picture: str | None
    active: bool
    version: int = Field(description="Grows with every change.")
    updated_at: Instant


class ItemPage(Wire):
    """Part of the catalogue."""

    items: list[ItemView]
    next: str | None = Field(default=None, description="`after` of the next page; null at the end.")


class ItemsByCode(Wire):
    """What a code means. Several items: ask the person which one it is."""

    items: list[ItemView]
    grams: int | None = Field(default=None, description="Weight the label carries.")
    lot: str | None = None
    serial: str | None = None


def normal_code(code: str) -> str:
    """The form a code is kept in: fourteen digits for what has the length of an item number, else as it stands.

    Raises BadCode for an item number whose check digit is wrong.
    """
    text = code.strip()
    return gtin14(text) if digits_only(text) and len(text) in LENGTHS else text


def code_problems(item: NewItem) -> tuple[FieldProblem, ...]:
    """The codes of an item that cannot be what they look like."""
    found = []
    for number, code in enumerate(item.barcodes):
        try:
            normal_code(code)
        except BadCode as error:
            found.append(
                FieldProblem(
                    field=f"barcodes.{number}",
                    message=error.reason,
                    remedy="Correct the digits; a code of another kind must not have 8, 12, 13 or 14 digits only.",
                )
            )
    return tuple(found)


def codes_of(item: NewItem) -> tuple[str, ...]:
    """An item's codes in the form they are kept, each once, as they came."""
    return tuple(dict.fromkeys(normal_code(code) for code in item.barcodes))


def taken_codes(items: Sequence[NewItem | None], owners: Mapping[str, str]) -> list[tuple[FieldProblem, ...]]:
    """Per item: codes that another item has. `owners` is code -> SKU before this list; None is a row already refused.

    A code may move from one item to another in one list, if the first one's row no longer names it and goes in. Two
    rows that want the same free code: the earlier one gets it. A refused row frees nothing, so the rule is asked again
    until nothing changes.
    """
    problems: list[tuple[FieldProblem, ...]] = [() for _ in items]
    settled = False
    while not settled:
        settled = True
        writing = {item.sku for item, wrong in zip(items, problems, strict=True) if item is not None and not wrong}
        held = {code: sku for code, sku in owners.items() if sku not in writing}
        for number, item in enumerate(items):
            if item is None or problems[number]:
                continue
            problems[number] = tuple(_taken(item, held))
            settled = settled and not problems[number]
            if not problems[number]:
                held |= dict.fromkeys(codes_of(item), item.sku)
    return problems


def _taken(item: NewItem, held: Mapping[str, str]) -> Iterable[FieldProblem]:
    for number, code in enumerate(item.barcodes):
        owner = held.get(normal_code(code), item.sku)
        if owner != item.sku:
            yield FieldProblem(
                field=f"barcodes.{number}",
                message=f"The code {code} means {owner}.",
                remedy=f"Take it from {owner} first, or correct it.",
            )


def words_of(*texts: str | None) -> list[str]:
    """Words in the form they are looked for: small letters, no accents, each once."""
    plain = unicodedata.normalize("NFKD", " ".join(text or "" for text in texts)).casefold()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return list(dict.fromkeys(re.findall(r"[^\W_]+", plain)))


def search_words(item: NewItem) -> str:
    """What an item is found by, as stored."""
    return " ".join(words_of(item.sku, item.name, item.style, item.variant, item.category, item.department, item.brand))


def search_query(text: str) -> str | None:
    """A tsquery for items with a word that begins with each word of `text`; None when it has no word."""
    return " & ".join(f"'{word}':*" for word in words_of(text)[:MAX_WORDS]) or None


def codes_meant(text: str) -> tuple[str, ...]:
    """Every stored code that a scanned or typed text can mean, the likeliest first."""
    scan = read(text)
    return tuple(dict.fromkeys(code for code in (scan.gtin, *scan.also, scan.text, text.strip()) if code))
