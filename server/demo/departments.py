"""Which departments there are, in which zone of a store a category stands, and what follows from it: whether it may
travel in a parcel, is taxed as something other than food, or needs proof of age.

The data set's departments are a grocer's ledgers; those that are no goods on a shelf (fuel, coupons, tickets, postage)
are left out here.
"""

from enum import StrEnum
from functools import cache


class Zone(StrEnum):
    """Parts of a store in the order one walks them with a trolley: hard goods first, frozen last."""

    GENERAL = "general"
    HEALTH = "health"
    HOUSEHOLD = "household"
    GROCERY = "grocery"
    DRINKS = "drinks"
    WINE = "wine"
    BAKERY = "bakery"
    PRODUCE = "produce"
    MEAT = "meat"
    DELI = "deli"
    DAIRY = "dairy"
    FROZEN = "frozen"


DEPARTMENTS = {
    "GROCERY": "Grocery",
    "FROZEN GROCERY": "Grocery",
    "NUTRITION": "Natural Foods",
    "DRUG GM": "Household & Health",
    "COSMETICS": "Cosmetics",
    "PRODUCE": "Produce",
    "TRAVEL & LEISURE": "Produce",
    "MEAT": "Meat",
    "MEAT-PCKGD": "Packaged Meat",
    "SEAFOOD": "Seafood",
    "SEAFOOD-PCKGD": "Seafood",
    "DELI": "Deli",
    "SALAD BAR": "Deli",
    "CHEF SHOPPE": "Deli",
    "RESTAURANT": "Deli",
    "PASTRY": "Bakery",
    "FLORAL": "Floral",
    "GARDEN CENTER": "Garden",
    "SPIRITS": "Wine & Spirits",
}
NOT_GOODS = (
    "COUPON", "SUPPLIES/", "DEPOSIT", "TICKET", "PREPAID", "PHOTOFINISH", "POSTAL", "BOOKSTORE", "MEAT SUPPLIES",
    "PROD SUPPLIES", "DELI SUPPLIES", "FUEL", "LOBBY",
)  # fmt: skip
DEPARTMENT_ZONE = {
    "Household & Health": Zone.GENERAL,
    "Cosmetics": Zone.HEALTH,
    "Produce": Zone.PRODUCE,
    "Meat": Zone.MEAT,
    "Packaged Meat": Zone.MEAT,
    "Seafood": Zone.MEAT,
    "Deli": Zone.DELI,
    "Bakery": Zone.BAKERY,
    "Floral": Zone.GENERAL,
    "Garden": Zone.GENERAL,
    "Wine & Spirits": Zone.WINE,
}
CATEGORY_ZONE: tuple[tuple[Zone, tuple[str, ...]], ...] = (
    (Zone.FROZEN, ("FROZEN", "FRZN", "ICE CREAM", "NOVELTIES")),
    (Zone.DAIRY, (
        "FLUID MILK", "MILK BY", "YOGURT", "CHEESE", "EGGS", "BUTTER", "MARGARINE", "REFRGRATD", "REFRIGERATED",
        "MISC. DAIRY",
    )),
    (Zone.WINE, ("WINE", "BEER", "LIQUOR")),
    (Zone.DRINKS, ("SOFT DRINK", "WATER", "ISOTONIC", "JUICE", "BEVERAGE", "NEW AGE")),
    (Zone.BAKERY, ("BAKED BREAD", "BAKED SWEET")),
    (Zone.HEALTH, (
        "HAIR", "ORAL HYG", "SOAP", "DEODORANT", "VITAMIN", "ANALGESIC", "ANTACID", "COLD AND FLU", "FEMININE",
        "DIAPERS", "INFANT", "BABY", "SHAVING", "FIRST AID", "HAND/BODY", "SINUS", "EYE AND EAR", "LAXATIVE", "DIETARY",
        "FOOT CARE", "INCONTINENCE", "MAKEUP", "FRAGRANCE", "SUNTAN",
    )),
    (Zone.HOUSEHOLD, (
        "BATH TISSUE", "PAPER TOWEL", "PAPER HOUSE", "LAUNDRY", "BLEACH", "DISHWASH", "CLEANG", "AIR CARE", "CAT ",
        "DOG ", "PET ", "FD WRAPS", "BROOMS", "CHARCOAL", "INSECTICIDE", "FACIAL TISS", "DISPOSIBLE", "PLASTIC",
        "CANDLES",
    )),
    (Zone.GROCERY, ("CANDY", "SNACK", "GUM", "NUTS")),
)  # fmt: skip
"""The first row with a word of the category decides; otherwise the department, otherwise the grocery aisles."""
FRESH = frozenset({Zone.PRODUCE, Zone.MEAT, Zone.DELI, Zone.DAIRY, Zone.FROZEN, Zone.BAKERY})
FOOD_ZONES = FRESH | {Zone.GROCERY, Zone.DRINKS}
OF_AGE = ("WINE", "BEER", "SPIRITS", "LIQUOR", "CIGAR", "TOBACCO")
NO_ALCOHOL = ("NON ALCOHOLIC", "NON-ALCOHLIC", "COCKTAIL MIXES", "MARGARITA SALT", "CANDLES", "CHARCOAL", "DECOR")


@cache
def department_of(ledger: str, category: str) -> str | None:
    """The department's name, or None for what is no goods."""
    if any(word in category for word in NOT_GOODS):
        return None
    return DEPARTMENTS.get(ledger)


@cache
def zone_of(department: str, category: str) -> Zone:
    fixed = DEPARTMENT_ZONE.get(department)
    if department == "Floral" or fixed in FRESH or fixed is Zone.WINE:
        return Zone.FROZEN if fixed is Zone.MEAT and "FRO" in category else fixed or Zone.GENERAL
    for zone, words in CATEGORY_ZONE:
        if any(word in category for word in words):
            return zone
    return fixed or Zone.GROCERY


@cache
def needs_age(department: str, category: str, kind: str) -> bool:
    if any(word in kind for word in NO_ALCOHOL):
        return False
    return department == "Wine & Spirits" or any(word in category for word in OF_AGE)


def travels(zone: Zone, of_age: bool, grams: int | None) -> bool:
    """Whether a parcel carrier takes it as it is: nothing chilled, nothing for adults only, nothing over 10 kg."""
    return zone not in FRESH and not of_age and (grams or 0) <= 10_000


def is_taxed(zone: Zone, category: str) -> bool:
    """Food is not, in this demo; drinks other than water and juice are."""
    if zone is Zone.DRINKS:
        return "SOFT DRINK" in category
    return zone not in FOOD_ZONES
