"""The retailer made from the real baskets: twelve stores and fifteen hundred items of it, for speed."""

import subprocess
import sys
from collections import Counter
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from server.demo.baskets import LAST_WEEK, busiest_stores, read_sales
from server.demo.people import is_weak
from server.demo.places import Node
from server.demo.retailer import Retailer, build
from shared.barcodes import gtin14, in_store
from shared.kernel import distance_km

FINGERPRINT = """
import hashlib
from server.demo.demand import replay
from server.demo.retailer import build
from server.demo.world import world_behind
retailer = build(stores=5, items=300)
wrong = world_behind(retailer.positions, 1).differences(retailer.positions)
print(hashlib.sha256(repr((retailer, wrong, list(replay(retailer, orders=50)))).encode()).hexdigest())
"""


@cache
def shop() -> Retailer:
    return build(stores=12, items=1500)


def stores_near(store: Node) -> list[float]:
    return sorted(distance_km(store.place, other.place) for other in shop().stores if other is not store)


def test_no_week_after_the_fortieth_is_used() -> None:
    sales = read_sales()
    assert int(sales.week.max()) == LAST_WEEK
    with pytest.raises(ValueError, match="weeks 1 to 40"):
        sales.weeks(1, 41)
    with pytest.raises(ValueError, match="between 2 and 40"):
        build(weeks=(39, 41))


def test_fuel_coupons_and_empty_lines_are_dropped() -> None:
    sales = read_sales()
    assert int(sales.quantity.min()) == 1
    assert int(sales.quantity.max()) <= 100
    assert len(sales) > 1_000_000


def test_lines_of_a_receipt_stand_together_in_order_of_time() -> None:
    sales = read_sales()
    assert bool(np.all(np.diff(sales.when) >= np.timedelta64(0, "s")))
    starts = np.flatnonzero(np.diff(sales.basket, prepend=-1))
    assert len(starts) == len(np.unique(sales.basket))


def test_every_store_of_the_data_is_known_the_busiest_first() -> None:
    assert len(set(busiest_stores(read_sales()))) == 457


def test_items_have_valid_barcodes_of_the_range_shops_number_themselves() -> None:
    items = shop().items
    assert all(len(item.gtin) == 13 and gtin14(item.gtin) == "0" + item.gtin for item in items)
    assert all(in_store(item.gtin) and "20" <= item.gtin[:2] <= "27" for item in items)


def test_codes_and_names_are_unique_and_prices_sensible() -> None:
    items = shop().items
    assert len(items) == 1500
    for values in ([i.sku for i in items], [i.gtin for i in items], [i.name for i in items]):
        assert len(set(values)) == len(items)
    assert all(5 <= item.price < 50_000 for item in items)
    assert sum(item.grams is not None for item in items) > len(items) // 2
    assert all(item.grams is None or 0 < item.grams <= 25_000 for item in items)
    assert any(item.age_restricted for item in items)
    assert not any(item.age_restricted and item.travels for item in items)


def test_stores_stand_in_real_towns_with_hours_and_a_zone() -> None:
    for node in shop().nodes:
        assert ZoneInfo(node.time_zone)
        assert len(node.town.zip) == 5
        assert len(node.hours) == 7
        assert node.capacity > 0
        assert "ship" in node.capabilities
    assert [node.type for node in shop().nodes[-4:]] == ["warehouse", "warehouse", "third_party", "vendor"]
    assert len({node.name for node in shop().nodes}) == len(shop().nodes)
    assert len({node.time_zone for node in shop().nodes}) >= 3


def test_cities_have_more_than_one_store_some_way_apart() -> None:
    cincinnati = [store for store in shop().stores if store.area == "Cincinnati"]
    assert len(cincinnati) >= 2
    assert all(1 < stores_near(store)[0] < 60 for store in cincinnati)


def test_bins_are_a_walk_and_no_shelf_is_crowded() -> None:
    for node in shop().nodes:
        bins = [position.bin for position in shop().positions if position.node == node.code]
        assert bins == sorted(bins)
        assert max(Counter(bins).values()) <= 2


def test_opening_stock_covers_most_of_what_the_weeks_replayed_ask() -> None:
    have = Counter({(p.node, p.sku): p.units for p in shop().positions})
    asked = Counter[tuple[str, str]]()
    for basket in shop().baskets:
        for line in basket.lines:
            asked[basket.node, line.sku] += line.quantity
    assert set(asked) <= set(have)
    covered = sum(min(units, have[key]) for key, units in asked.items())
    assert covered / asked.total() > 0.8


def test_a_quiet_store_is_stocked_like_a_busy_one() -> None:
    retailer = build(stores=80, items=300, weeks=(39, 40))
    lines = Counter(position.node for position in retailer.positions)
    assert min(lines[store.code] for store in retailer.stores) > 100


def test_every_store_has_a_manager_a_lead_and_some_associates() -> None:
    people = shop().people
    for store in shop().stores:
        roles = Counter(person.role for person in people if store.code in person.nodes)
        assert roles["manager"] == roles["lead"] == 1
        assert 2 <= roles["associate"] <= 4
    assert len({person.badge for person in people}) == len(people)
    assert all(len(person.pin) == 6 and not is_weak(person.pin) for person in people)


def test_customers_live_near_their_store_and_do_not_exist() -> None:
    by_code = {node.code: node for node in shop().nodes}
    assert {basket.household for basket in shop().baskets} == set(shop().customers)
    for customer in shop().customers.values():
        assert customer.email.endswith("@example.com")
        assert " 555 01" in customer.phone
        assert distance_km(customer.place, by_code[customer.store].place) < 60


@pytest.mark.slow
def test_two_processes_make_the_same_retailer_to_the_byte() -> None:
    runs = {
        subprocess.run(
            [sys.executable, "-c", FINGERPRINT],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1
    assert len(runs.pop().strip()) == 64
