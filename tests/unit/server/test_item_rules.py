"""Codes in one form, one owner each; words without accents."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from server.catalog.rules import NewItem, code_problems, codes_meant, codes_of, search_query, taken_codes, words_of

COLA, WATER = "036000291452", "4006381333931"


def item(sku: str, *codes: str, **more: object) -> NewItem:
    return NewItem.model_validate({"sku": sku, "name": sku, "barcodes": codes, **more})


def test_every_length_of_an_item_number_is_one_code() -> None:
    assert codes_of(item("A", COLA, "0" + COLA, "00" + COLA)) == ("00" + COLA,)


def test_a_wrong_check_digit_names_its_place_and_the_remedy() -> None:
    wrong = code_problems(item("A", COLA, COLA[:-1] + "9"))
    assert [p.field for p in wrong] == ["barcodes.1"]
    assert wrong[0].remedy


def test_a_code_of_another_item_is_refused_and_the_earlier_row_wins() -> None:
    assert [len(p) for p in taken_codes([item("A", COLA), item("B", COLA)], {})] == [0, 1]
    assert [len(p) for p in taken_codes([item("B", COLA)], {"00" + COLA: "A"})] == [1]


def test_a_code_moves_when_its_owner_lets_go_in_the_same_list() -> None:
    owners = {"00" + COLA: "A"}
    assert taken_codes([item("A"), item("B", COLA)], owners) == [(), ()]


def test_a_refused_row_lets_nothing_go() -> None:
    owners = {"00" + COLA: "A", "0" + WATER: "C"}
    problems = taken_codes([item("A", WATER), item("B", COLA)], owners)
    assert [bool(p) for p in problems] == [True, True]


def test_an_age_restricted_item_needs_its_age() -> None:
    with pytest.raises(ValidationError, match="min_age"):
        item("WINE", flags=("age_restricted",))


def test_words_are_found_without_accents_and_by_their_beginning() -> None:
    assert words_of("Crème Brûlée", "CRÈME") == ["creme", "brulee"]
    assert search_query("Crè 1,5l") == "'cre':* & '1':* & '5l':*"
    assert search_query(" -- ") is None


def test_a_scan_means_its_item_number_and_itself() -> None:
    assert codes_meant(COLA)[0] == "00" + COLA
    assert "SHELF-7" in codes_meant("SHELF-7")
