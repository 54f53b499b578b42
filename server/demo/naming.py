"""Names for products that have none: "PREMIUM" among "PASTA SAUCE" in "24 OZ" becomes "Birch Hollow Premium Pasta
Sauce 24 oz".

The data set's words are a grocer's till codes, cut at thirty characters; `words.py` spells them out. Brands are
invented, one per maker; the retailer's own products are "Private Label", and food by the piece has no brand.
"""

import re
from dataclasses import dataclass
from functools import cache

from server.demo.baskets import Product
from server.demo.words import (
    BRAND_FIRST,
    BRAND_SECOND,
    BY_THE_PIECE,
    CATEGORY_SAYS,
    NOISE,
    NOUNS,
    SAYS,
    SMALL,
    VARIETIES,
    WORDS,
)


@dataclass(frozen=True, slots=True)
class Size:
    """A package size: how it reads on a label, and its weight in grams where the unit tells it."""

    text: str
    grams: int | None


NO_SIZE = Size("", None)
HEAVIEST = 25_000
"""Grams. What weighs more measures something else, like a garbage bag of 13 gallons."""
GRAMS = {
    "oz": 28.35, "fl oz": 29.57, "lb": 453.59, "g": 1.0, "kg": 1000.0, "ml": 1.0, "L": 1000.0, "gal": 3785.0,
    "qt": 946.0, "pt": 473.0, "dozen": 680.0,
}  # fmt: skip
"""Liquids as if water; a dozen is eggs."""
UNITS = {
    "OZ": "oz", "OZS": "oz", "FL OZ": "fl oz", "LB": "lb", "G": "g", "GM": "g", "KG": "kg", "ML": "ml", "L": "L",
    "LTR": "L", "GA": "gal", "GAL": "gal", "QT": "qt", "PT": "pt", "DZ": "dozen", "DOZ": "dozen", "CT": "ct",
    "PK": "pack", "PKS": "pack", "PC": "ct", "PCS": "ct", "SQ FT": "sq ft", "LD": "loads", "LDS": "loads",
    "LOAD": "loads", "LOADS": "loads", "STEM": "stem", "FT": "ft",
}  # fmt: skip
_AMOUNT = r"(\d+ \d+/\d+|\d+/\d+|\d*\.?\d+)"
_UNIT = "(" + "|".join(sorted(UNITS, key=len, reverse=True)) + r")\b"
_MEASURE = re.compile(_AMOUNT + r"\s*" + _UNIT)
_TIMES = re.compile(r"(\d+)\s*(?:PK|CT)?\s*/\s*" + _AMOUNT + r"\s*" + _UNIT)
_ALONE = re.compile(r"^(?:HALF )?" + _UNIT)
_PACK = re.compile(r"(\d+) Pack")
FRACTIONS = {"1/2", "1/4", "3/4", "1/3", "2/3"}


def size_of(product: Product) -> Size:
    """The size one customer buys. Produce by the crate (`40 LB` of bananas) tells nothing of a piece."""
    by_crate = product.department in ("PRODUCE", "TRAVEL & LEISURE")
    return _size(product.size.upper(), product.category, product.kind, by_crate)


def plain_name(product: Product) -> str:
    """What it is, without brand and size: "Premium Pasta Sauce"."""
    return _plain_name(product.category, product.kind)


@cache
def _size(text: str, category: str, kind: str, by_crate: bool) -> Size:
    size = _several(text) or _one(text)
    if by_crate and _is_crate(text, size):
        return NO_SIZE
    if "BG" in category.split() or (size.grams or 0) > HEAVIEST:
        return Size(size.text, None)
    packs = _PACK.search(_plain_name(category, kind))
    if packs and size.grams and size.grams < 1000:
        return Size(size.text, size.grams * int(packs.group(1)))
    return size


@cache
def _plain_name(category: str, kind: str) -> str:
    if category in CATEGORY_SAYS:
        return CATEGORY_SAYS[category]
    kind = kind.removeprefix("MEAT:").removeprefix("SEAFOOD-")
    what = SAYS.get(kind) or _spelled(kind) or _spelled(category)
    frame = NOUNS.get(category, "{}")
    last = frame.replace("{}", "").strip().rstrip("s").lower().split(" ")[-1]
    says_it_already = bool(last) and last in what.lower()
    if says_it_already or (kind in SAYS and kind != "MAINSTREAM"):
        return what
    return frame.format(what)


def brand_of(product: Product) -> str:
    if product.private:
        return "Private Label"
    if product.department in BY_THE_PIECE:
        return ""
    first, second = len(BRAND_FIRST), len(BRAND_SECOND)
    number = product.maker * 389 % (first * second)
    return f"{BRAND_FIRST[number % first]} {BRAND_SECOND[number // first]}"


def names(products: list[Product]) -> list[str]:
    """A name for each, no two alike: those that would be are told apart by a variety."""
    parts = [(brand_of(one), plain_name(one), size_of(one).text) for one in products]
    alike: dict[tuple[str, str, str], list[int]] = {}
    for row, part in enumerate(parts):
        alike.setdefault(part, []).append(row)
    result = [""] * len(products)
    for (brand, what, size), rows in alike.items():
        for turn, row in enumerate(sorted(rows, key=lambda row: products[row].id)):
            variety = _variety(turn) if len(rows) > 1 else ""
            result[row] = " ".join(word for word in (brand, what, variety, size) if word)
    return result


def spelled_category(text: str) -> str:
    return _spelled(text) or "Other"


def _variety(turn: int) -> str:
    again, word = divmod(turn, len(VARIETIES))
    return VARIETIES[word] + (f" {again + 1}" if again else "")


@cache
def _spelled(text: str) -> str:
    text = re.sub(r"\(.*$", " ", text.upper()).replace("&", " & ").replace("'", "")
    words = [WORDS.get(word, word.capitalize()) for word in re.findall(r"[A-Z0-9&%.]+", text) if word not in NOISE]
    line = " ".join(word.lower() if word.lower() in SMALL else word for word in words if word)
    return re.sub(r"\b(\w+) \1\b", r"\1", line).strip(" &.").replace("..", ".")


def _several(text: str) -> Size | None:
    found = _TIMES.search(text)
    if not found or f"{found.group(1)}/{found.group(2)}" in FRACTIONS:
        return None
    count, amount, unit = int(found.group(1)), _amount(found.group(2)), UNITS[found.group(3)]
    if unit not in GRAMS or count < 2 or not amount:
        return None
    return Size(f"{count} x {_text(amount)} {unit}", _grams(count * amount, unit))


def _one(text: str) -> Size:
    if found := _MEASURE.search(text):
        amount, unit = _amount(found.group(1)), UNITS[found.group(2)]
        return Size(f"{_text(amount)} {unit}", _grams(amount, unit)) if amount else NO_SIZE
    if found := _ALONE.search(text):
        unit, amount = UNITS[found.group(1)], 0.5 if text.startswith("HALF") else 1.0
        return Size(f"{_text(amount)} {unit}", _grams(amount, unit)) if unit in GRAMS else NO_SIZE
    return NO_SIZE


def _is_crate(text: str, size: Size) -> bool:
    count = re.match(r"(\d+)(?:-\d+)?\s*CT", text)
    return (size.grams or 0) > 4600 or (count is not None and int(count.group(1)) > 12)


def _amount(text: str) -> float:
    whole, _, part = text.rpartition(" ")
    if "/" not in part:
        return float(part)
    above, below = part.split("/")
    return (float(whole) if whole else 0.0) + (int(above) / int(below) if int(below) else 0.0)


def _grams(amount: float, unit: str) -> int | None:
    return max(1, round(amount * GRAMS[unit])) if unit in GRAMS else None


def _text(amount: float) -> str:
    return f"{amount:.2f}".rstrip("0").rstrip(".")
