"""Real baskets as demand: some of them come in as online orders, the rest are rung up at the till.

Which basket becomes an order, over which channel and how its customer wants it is chance, drawn from the seed and the
basket's own number. An order takes a few lines of its basket; what is left of it, and every other basket, is a counter
sale, so that each real unit is asked for once. Times are the demo's: the baskets' own dates, or the same weekdays and
hours counted from a given start.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import TypeVar
from zoneinfo import ZoneInfo

from server.demo.catalogue import Item
from server.demo.chance import dice
from server.demo.names import CARS
from server.demo.people import Customer
from server.demo.places import SALES_TAX, Node
from server.demo.retailer import Basket, BasketLine, Retailer

Choice = TypeVar("Choice")
SHARE = 0.35
"""Of the baskets, so many become orders, unless a number of orders asks for more."""
METHODS: Mapping[str, float] = {"pickup": 0.45, "curbside": 0.25, "ship": 0.30}
CHANNELS: Mapping[str, float] = {"web": 0.50, "app": 0.32, "phone": 0.06, "marketplace": 0.12}
LINES: Mapping[int, float] = {1: 0.16, 2: 0.22, 3: 0.22, 4: 0.18, 5: 0.13, 6: 0.09}
MOST_OF_ONE = 8
SHIPPING = 599
FREE_SHIPPING_FROM = 3500
CLOCK = ZoneInfo("America/New_York")
"""Whose weekday and hour a given start is."""


class Behaviour(StrEnum):
    """What a customer does once an order is ready to collect."""

    IN_TIME = "in_time"
    LATE = "late"
    FORGETS = "forgets"
    SENDS_A_FRIEND = "sends_a_friend"


BEHAVIOURS: Mapping[Behaviour, float] = {
    Behaviour.IN_TIME: 0.72,
    Behaviour.LATE: 0.12,
    Behaviour.FORGETS: 0.06,
    Behaviour.SENDS_A_FRIEND: 0.10,
}
MINUTES_AFTER_READY: Mapping[Behaviour, tuple[int, int]] = {
    Behaviour.IN_TIME: (15, 8 * 60),
    Behaviour.LATE: (26 * 60, 60 * 60),
    Behaviour.SENDS_A_FRIEND: (30, 20 * 60),
}


@dataclass(frozen=True, slots=True)
class Collection:
    """How an order will be collected. Who forgets has no `after_ready`; `car` and `calls_ahead` are for curbside."""

    behaviour: Behaviour
    after_ready: timedelta | None
    who: str
    car: str | None = None
    bay: int | None = None
    calls_ahead: bool = False


@dataclass(frozen=True, slots=True)
class OrderLine:
    """Money in cents; discount and tax for the whole line, tax after discount."""

    sku: str
    quantity: int
    unit_price: int
    discount: int
    tax: int

    @property
    def total(self) -> int:
        return self.quantity * self.unit_price - self.discount + self.tax


@dataclass(frozen=True, slots=True)
class OnlineOrder:
    """An order as a channel sends it. `node` is the store to collect from; None when it is shipped."""

    at: datetime
    channel: str
    external_id: str
    method: str
    customer: Customer
    node: str | None
    lines: tuple[OrderLine, ...]
    shipping: int
    collection: Collection | None

    @property
    def total(self) -> int:
        return sum(line.total for line in self.lines) + self.shipping


@dataclass(frozen=True, slots=True)
class CounterLine:
    """What was paid is in cents, for the whole line."""

    sku: str
    quantity: int
    paid: int


@dataclass(frozen=True, slots=True)
class CounterSale:
    """A receipt of a store's till."""

    at: datetime
    node: str
    receipt: str
    lines: tuple[CounterLine, ...]


Happening = OnlineOrder | CounterSale


def replay(
    retailer: Retailer,
    *,
    orders: int | None = None,
    share: float = SHARE,
    start: datetime | None = None,
    methods: Mapping[str, float] = METHODS,
    seed: int = 1,
) -> Iterator[Happening]:
    """Everything that happens, in order of time.

    `orders` gives exactly so many orders and stops when their stretch of baskets ends; without it `share` of all
    baskets become orders. `methods` weighs pickup, curbside and ship; what no carrier takes is collected instead.
    `start` (with a zone) moves the baskets to that moment, keeping weekday and hour. Raises ValueError when there are
    fewer baskets than orders wanted.
    """
    timed = _on_the_clock(retailer, start)
    wanted = round(len(timed) * share) if orders is None else orders
    if wanted > len(timed):
        raise ValueError(
            f"Weeks {retailer.weeks[0]} to {retailer.weeks[1]} have {len(timed)} baskets, fewer than {wanted} orders:"
            " replay more weeks, or take more stores."
        )
    stretch = len(timed) if orders is None or not share else min(len(timed), math.ceil(wanted / share))
    chosen = set(dice(seed, "orders").sample(range(stretch), wanted))
    shop = _Shop.of(retailer)
    for number, (at, basket) in enumerate(timed[:stretch]):
        left = basket.lines
        if number in chosen:
            order, left = shop.order(at, basket, methods, dice(seed, "basket", basket.id))
            yield order
        if left:
            yield CounterSale(at, basket.node, f"R{basket.id}", tuple(_rung_up(line) for line in left))


@dataclass(frozen=True, slots=True)
class _Shop:
    """The look-ups that turning a basket into an order needs."""

    items: dict[str, Item]
    nodes: dict[str, Node]
    customers: dict[int, Customer]

    @staticmethod
    def of(retailer: Retailer) -> "_Shop":
        items = {item.sku: item for item in retailer.items}
        return _Shop(items, {node.code: node for node in retailer.nodes}, retailer.customers)

    def order(
        self, at: datetime, basket: Basket, methods: Mapping[str, float], chance: Random
    ) -> tuple[OnlineOrder, tuple[BasketLine, ...]]:
        """The order, and the lines left of the basket."""
        channel, method = _pick(CHANNELS, chance), _pick(methods, chance)
        travelling = [line for line in basket.lines if self.items[line.sku].travels]
        if channel == "marketplace":  # a marketplace has no stores to collect from
            channel, method = ("marketplace", "ship") if travelling and methods.get("ship") else ("web", method)
        if method == "ship" and not travelling:
            method = "pickup"
        if method == "curbside" and "curbside" not in self.nodes[basket.node].capabilities:
            method = "pickup"
        asked = _some(travelling if method == "ship" else list(basket.lines), chance)
        customer = self.customers[basket.household]
        tax = SALES_TAX[customer.town.state] if method == "ship" else self.nodes[basket.node].tax
        lines = tuple(self._line(line, tax) for line in asked)
        goods = sum(line.quantity * line.unit_price - line.discount for line in lines)
        order = OnlineOrder(
            at=at,
            channel=channel,
            external_id=f"{channel[0].upper()}{basket.id}",
            method=method,
            customer=customer,
            node=None if method == "ship" else basket.node,
            lines=lines,
            shipping=SHIPPING if method == "ship" and goods < FREE_SHIPPING_FROM else 0,
            collection=None if method == "ship" else _collection(customer, method, chance),
        )
        return order, _left(basket.lines, asked)

    def _line(self, line: BasketLine, tax: int) -> OrderLine:
        item = self.items[line.sku]
        gross = item.price * line.quantity
        before = line.paid + line.saved
        discount = (2 * gross * line.saved + before) // (2 * before) if before else 0
        due = (2 * (gross - discount) * tax + 10_000) // 20_000 if item.taxed else 0
        return OrderLine(line.sku, line.quantity, item.price, discount, due)


def _on_the_clock(retailer: Retailer, start: datetime | None) -> list[tuple[datetime, Basket]]:
    """Baskets with their instants in the demo's time, in order. Those of the week before the start come last."""
    zones = {node.code: ZoneInfo(node.time_zone) for node in retailer.nodes}
    length = timedelta(weeks=retailer.weeks[1] - retailer.weeks[0] + 1)
    shift = timedelta()
    if start is not None and retailer.baskets:
        first_day = retailer.baskets[0].at.replace(hour=0, minute=0, second=0)
        shift = (start.astimezone(CLOCK).replace(tzinfo=None) - first_day) // timedelta(weeks=1) * timedelta(weeks=1)
    timed = []
    for basket in retailer.baskets:
        at = _instant(basket.at + shift, zones[basket.node])
        if start is not None and at < start:
            at = _instant(basket.at + shift + length, zones[basket.node])
        timed.append((at, basket))
    return sorted(timed, key=lambda one: (one[0], one[1].id))


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    return wall.replace(tzinfo=zone).astimezone(UTC)


def _some(lines: Sequence[BasketLine], chance: Random) -> list[BasketLine]:
    """A few of these lines in their order, no more than a few units of each."""
    count = min(len(lines), _pick(LINES, chance))
    rows = sorted(chance.sample(range(len(lines)), count))
    return [_part(lines[row], min(MOST_OF_ONE, lines[row].quantity)) for row in rows]


def _left(lines: Sequence[BasketLine], asked: Sequence[BasketLine]) -> tuple[BasketLine, ...]:
    gone = {line.sku: line.quantity for line in asked}
    return tuple(
        _part(line, line.quantity - gone.get(line.sku, 0)) for line in lines if line.quantity > gone.get(line.sku, 0)
    )


def _part(line: BasketLine, quantity: int) -> BasketLine:
    """So many units of the line with their share of its money."""
    if quantity == line.quantity:
        return line
    return BasketLine(line.sku, quantity, line.paid * quantity // line.quantity, line.saved * quantity // line.quantity)


def _rung_up(line: BasketLine) -> CounterLine:
    return CounterLine(line.sku, line.quantity, line.paid)


def _collection(customer: Customer, method: str, chance: Random) -> Collection:
    behaviour = _pick(BEHAVIOURS, chance)
    minutes = MINUTES_AFTER_READY.get(behaviour)
    curbside = method == "curbside"
    return Collection(
        behaviour=behaviour,
        after_ready=timedelta(minutes=chance.randint(*minutes)) if minutes else None,
        who=customer.friend if behaviour is Behaviour.SENDS_A_FRIEND else customer.name,
        car=chance.choice(CARS) if curbside else None,
        bay=chance.randint(1, 4) if curbside else None,
        calls_ahead=curbside and chance.random() < 0.7,
    )


def _pick(weights: Mapping[Choice, float], chance: Random) -> Choice:
    return chance.choices(list(weights), list(weights.values()))[0]
