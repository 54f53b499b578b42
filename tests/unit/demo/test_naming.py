"""Names and sizes from a grocer's till codes."""

import pytest

from server.demo.baskets import Product
from server.demo.departments import Zone, department_of, needs_age, travels, zone_of
from server.demo.naming import names, size_of


def product(
    number: int = 1, kind: str = "PREMIUM", category: str = "PASTA SAUCE", size: str = "24 OZ", **more: object
) -> Product:
    values: dict[str, object] = {"maker": 69, "department": "GROCERY", "private": True} | more
    return Product(id=number, category=category, kind=kind, size=size, **values)  # type: ignore[arg-type]


def test_a_name_says_brand_thing_and_size() -> None:
    assert names([product()]) == ["Private Label Premium Pasta Sauce 24 oz"]
    yogurt = product(kind="YOGURT NOT MULTI-PACKS", category="YOGURT", size="6 OZ")
    assert names([yogurt]) == ["Private Label Yogurt 6 oz"]


def test_food_by_the_piece_has_no_brand_and_no_crate_in_its_name() -> None:
    bananas = product(kind="BANANAS", category="TROPICAL FRUIT", size="40 LB", department="PRODUCE", private=False)
    assert names([bananas]) == ["Bananas"]
    assert size_of(bananas).grams is None


def test_things_that_would_share_a_name_are_told_apart() -> None:
    many = [product(number) for number in range(1, 80)]
    assert len(set(names(many))) == len(many)
    assert names(many) == names(many)


def test_words_cut_short_are_spelled_out() -> None:
    kind = product(kind="FRZN BRKFST SNDWCH & DRNK (MISC", category="OTHER", size="")
    assert names([kind]) == ["Private Label Frozen Breakfast Sandwich & Drink"]


@pytest.mark.parametrize(
    ("written", "text", "grams"),
    [
        ("16 OZ", "16 oz", 454),
        ("1/2 GAL", "0.5 gal", 1892),
        ("HALF GAL", "0.5 gal", 1892),
        ("12/8 OZ", "12 x 8 oz", 2722),
        ("6 PK/12 OZ", "6 x 12 oz", 2041),
        ("L   10.5 OZ", "10.5 oz", 298),
        ("(600) 4 LB", "4 lb", 1814),
        ("1 DZ", "1 dozen", 680),
        ("1.75 L", "1.75 L", 1750),
        ("750 ML", "750 ml", 750),
        ("48-54 CT", "54 ct", None),
        ("83.5 SQ FT", "83.5 sq ft", None),
        ("", "", None),
        ("LARGE", "", None),
        ("0 OZ", "", None),
        ("1/0 OZ", "", None),
    ],
)
def test_a_package_size_is_read_with_its_weight(written: str, text: str, grams: int | None) -> None:
    size = size_of(product(size=written, kind="THING", category="THINGS"))
    assert (size.text, size.grams) == (text, grams)


def test_a_pack_of_cans_weighs_as_many_cans() -> None:
    cans = product(kind="SOFT DRINKS 12/18&15PK CAN CAR", category="SOFT DRINKS", size="12 OZ")
    assert size_of(cans).grams == 12 * 340


def test_fuel_and_coupons_are_no_goods() -> None:
    assert department_of("FUEL", "FUEL") is None
    assert department_of("GROCERY", "COUPON/MISC ITEMS") is None
    assert department_of("GROCERY", "SOUP") == "Grocery"


def test_wine_and_tobacco_need_age_and_do_not_travel() -> None:
    assert needs_age("Grocery", "DOMESTIC WINE", "PREMIUM 750ML WINES")
    assert needs_age("Household & Health", "CIGARETTES", "CIGARETTES")
    assert not needs_age("Grocery", "BEERS/ALES", "BEERALE -NON ALCOHOLIC")
    assert not travels(Zone.WINE, True, 750)


def test_zones_follow_from_what_a_thing_is() -> None:
    assert zone_of("Grocery", "FRZN VEGETABLE/VEG DSH") is Zone.FROZEN
    assert zone_of("Grocery", "FLUID MILK PRODUCTS") is Zone.DAIRY
    assert zone_of("Grocery", "SOUP") is Zone.GROCERY
    assert zone_of("Household & Health", "HAIR CARE PRODUCTS") is Zone.HEALTH
    assert zone_of("Floral", "FLORAL-FRESH CUT") is Zone.GENERAL
    assert not travels(Zone.DAIRY, False, 100)
