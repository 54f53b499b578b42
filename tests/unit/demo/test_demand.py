"""Baskets as orders and counter sales."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from server.demo.demand import Behaviour, CounterSale, Happening, OnlineOrder, replay
from server.demo.retailer import Retailer, build


@cache
def shop() -> Retailer:
    return build(stores=8, items=1000)


@cache
def two_hundred() -> tuple[Happening, ...]:
    return tuple(replay(shop(), orders=200))


def orders(happenings: tuple[Happening, ...]) -> list[OnlineOrder]:
    return [one for one in happenings if isinstance(one, OnlineOrder)]


def test_so_many_orders_come_in_as_asked_for_and_the_rest_is_rung_up() -> None:
    assert len(orders(two_hundred())) == 200
    assert len(two_hundred()) > 500
    assert len(orders(tuple(replay(shop(), orders=1)))) == 1
    assert not orders(tuple(replay(shop(), orders=0)))


def test_more_orders_than_baskets_are_refused_with_a_remedy() -> None:
    with pytest.raises(ValueError, match="replay more weeks"):
        list(replay(shop(), orders=1_000_000))


def test_happenings_come_in_order_of_time_and_their_ids_once() -> None:
    times = [one.at for one in two_hundred()]
    assert times == sorted(times)
    assert all(time.tzinfo is UTC for time in times)
    ids = [one.external_id if isinstance(one, OnlineOrder) else one.receipt for one in two_hundred()]
    assert len(set(ids)) == len(ids)


def test_every_real_unit_is_asked_for_once() -> None:
    real = Counter[tuple[str, str]]()
    for basket in shop().baskets:
        for line in basket.lines:
            real[str(basket.id), line.sku] += line.quantity
    asked = Counter[tuple[str, str]]()
    for one in replay(shop()):
        number = one.external_id[1:] if isinstance(one, OnlineOrder) else one.receipt[1:]
        for line in one.lines:
            asked[number, line.sku] += line.quantity
    assert asked == real


def test_an_order_has_one_to_six_lines_and_its_money_is_sound() -> None:
    for order in orders(two_hundred()):
        assert 1 <= len(order.lines) <= 6
        assert len({line.sku for line in order.lines}) == len(order.lines)
        for line in order.lines:
            assert 1 <= line.quantity <= 8
            assert 0 <= line.discount <= line.quantity * line.unit_price
            assert 0 <= line.tax <= line.quantity * line.unit_price
        assert order.total == sum(line.total for line in order.lines) + order.shipping


def test_a_shipped_order_has_no_store_and_nothing_a_carrier_refuses() -> None:
    travels = {item.sku for item in shop().items if item.travels}
    for order in orders(two_hundred()):
        if order.method == "ship":
            assert order.node is None
            assert order.collection is None
            assert {line.sku for line in order.lines} <= travels
        else:
            assert order.node is not None
            assert order.channel != "marketplace"
            assert order.collection is not None


def test_methods_channels_and_behaviours_all_occur() -> None:
    some = orders(tuple(replay(shop(), orders=400)))
    assert set(Counter(order.method for order in some)) == {"pickup", "curbside", "ship"}
    assert set(Counter(order.channel for order in some)) == {"web", "app", "phone", "marketplace"}
    assert {order.collection.behaviour for order in some if order.collection} == set(Behaviour)
    for order in some:
        if order.collection:
            forgets = order.collection.behaviour is Behaviour.FORGETS
            assert (order.collection.after_ready is None) == forgets
            friend = order.collection.behaviour is Behaviour.SENDS_A_FRIEND
            assert order.collection.who == (order.customer.friend if friend else order.customer.name)
            assert (order.collection.car is not None) == (order.method == "curbside")


def test_the_mix_of_methods_can_be_chosen() -> None:
    only = orders(tuple(replay(shop(), orders=50, methods={"pickup": 1.0})))
    assert {order.method for order in only} == {"pickup"}


def test_the_same_seed_gives_the_same_demand_and_another_another() -> None:
    assert two_hundred() == tuple(replay(shop(), orders=200))
    assert two_hundred() != tuple(replay(shop(), orders=200, seed=2))


def test_a_given_start_keeps_weekday_and_hour_and_loses_nothing() -> None:
    start = datetime(2026, 3, 4, 15, 30, tzinfo=UTC)
    moved, plain = list(replay(shop(), start=start, share=0.0)), list(replay(shop(), share=0.0))
    assert moved[0].at >= start
    assert moved[0].at - start < timedelta(hours=12)
    assert moved[-1].at - start < timedelta(weeks=5, days=1)
    assert len(moved) == len(plain)
    by_receipt = {one.receipt: one.at for one in plain if isinstance(one, CounterSale)}
    for one in moved:
        assert isinstance(one, CounterSale)
        assert abs((one.at - by_receipt[one.receipt]) % timedelta(weeks=1) - timedelta(days=3.5)) >= timedelta(days=3.4)
