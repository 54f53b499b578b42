"""Where the retailer is: real towns and coordinates around eight cities, everything else about a place invented.

Which till of the data set stands in which city is not known. Stores that share many households must be near one
another, so each city gets stores that do; within a city they keep some distance, so that the nearest one matters.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from server.demo.baskets import Ints, Sales, firsts
from server.demo.chance import dice
from server.demo.names import STREETS
from server.demo.towns import AREAS, CLOSE_KM, Area, Town, town_of, towns_around
from shared.kernel import Geo, distance_km

SALES_TAX = {"OH": 575, "KY": 600, "IN": 700, "TN": 700, "GA": 400, "TX": 625, "CO": 290, "NC": 475}
"""State sales tax on what is not food, in hundredths of a percent (2017, local taxes left out)."""
APART_KM = 7.0
"""Kilometres between two stores of a city, as long as there is room."""
OTHER_PLACES = (
    ("W01", "warehouse", "Ohio Valley Warehouse", "41048", 1200),
    ("W02", "warehouse", "Texas Warehouse", "76177", 900),
    ("T01", "third_party", "Midsouth Logistics", "38118", 1500),
    ("V01", "vendor", "Carolina Home Goods", "28208", 400),
)
"""Code, type, name, ZIP and jobs a day of the places invented around the stores."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Open from and to, local wall clock; "24:00" is midnight at the end of the day."""

    opens: str
    closes: str


@dataclass(frozen=True, slots=True)
class Node:
    """A place that holds stock. `hours` has seven entries, Monday first, None where closed.

    `capabilities` are what it can do for a customer: ship, pickup, curbside. `cutoff` is when the carrier comes.
    `till` is the store's number in the data set, None for a place invented around the stores.
    """

    code: str
    type: str
    name: str
    street: str
    town: Town
    place: Geo
    phone: str
    hours: tuple[Hours | None, ...]
    capacity: int
    """Jobs a day."""
    capabilities: tuple[str, ...]
    cutoff: str
    tax: int
    """On what is not food, in hundredths of a percent."""
    area: str
    till: int | None

    @property
    def time_zone(self) -> str:
        return self.town.time_zone


@dataclass(frozen=True, slots=True)
class Trade:
    """How many receipts a till wrote, and which share of them between one and five at night."""

    receipts: int
    at_night: float


def list_nodes(sales: Sales, tills: Sequence[int], seed: int) -> list[Node]:
    """A node per till, `S001` the busiest, then the warehouses, the 3PL and the vendor."""
    areas = assign_areas(sales, tills)
    sites = {area.name: _sites(area, areas.count(area.name), seed) for area in AREAS}
    trade = _trade(sales, tills)
    taken: set[str] = set()
    nodes = []
    for rank, (till, area) in enumerate(zip(tills, areas, strict=True), start=1):
        town = sites[area].pop(0)
        nodes.append(_store(rank, till, area, town, trade[till], taken, dice(seed, "store", till)))
    return nodes + [_other(*place, dice(seed, "place", place[0])) for place in OTHER_PLACES]


def assign_areas(sales: Sales, tills: Sequence[int]) -> list[str]:
    """The area of each till: a city begins with the busiest store left and takes those that share its households."""
    shared = shared_households(sales, tills)
    left = list(range(len(tills)))
    areas = [AREAS[0].name] * len(tills)
    for area, room in zip(AREAS, _rooms(len(tills)), strict=True):
        mine: list[int] = []
        while left and len(mine) < room:
            best = max(left, key=lambda one: (int(shared[one, mine].sum()) if mine else 0, -one))
            left.remove(best)
            mine.append(best)
            areas[best] = area.name
    return areas


def shared_households(sales: Sales, tills: Sequence[int]) -> Ints:
    """How many households bought at both, for each pair of tills."""
    place = {till: row for row, till in enumerate(tills)}
    rows = np.flatnonzero(np.isin(sales.store, np.asarray(tills)))
    visits = np.unique(sales.store[rows] * 1_000_000 + sales.household[rows])
    households, column = np.unique(visits % 1_000_000, return_inverse=True)
    seen = np.zeros((len(tills), len(households)), dtype=np.float32)
    seen[[place[int(store)] for store in visits // 1_000_000], column] = 1
    return (seen @ seen.T).astype(np.int64)


def _sites(area: Area, wanted: int, seed: int) -> list[Town]:
    """Towns for this many stores: drawn at random, some distance apart as long as there is room."""
    around = towns_around(area.name)
    close = [town for town in around if distance_km(area.centre, town.place) <= CLOSE_KM]
    farther = list(around[len(close) :])
    for ring in (close, farther):
        dice(seed, "sites", area.name, len(ring)).shuffle(ring)
    pool = close + farther
    chosen: list[Town] = []
    apart = APART_KM
    while len(chosen) < wanted:
        for town in pool:
            if len(chosen) < wanted and all(distance_km(town.place, other.place) >= apart for other in chosen):
                chosen.append(town)
        apart = apart / 2 if apart > 0.5 else 0.0
        if not apart and len(chosen) < wanted:
            chosen += pool[: wanted - len(chosen)]
    return chosen


def _rooms(stores: int) -> list[int]:
    """Stores per area, in proportion to the shares; the first areas get what rounding leaves over."""
    whole = sum(area.share for area in AREAS)
    rooms = [stores * area.share // whole for area in AREAS]
    for row in range(stores - sum(rooms)):
        rooms[row] += 1
    return rooms


def _store(rank: int, till: int, area: str, town: Town, trade: Trade, taken: set[str], chance: Random) -> Node:
    street = chance.choice(STREETS)
    name = town.city if town.city not in taken else f"{town.city} {street}"
    name = name if name not in taken else f"{name} {rank}"
    taken.add(name)
    busy = trade.receipts >= 200
    return Node(
        code=f"S{rank:03d}",
        type="store",
        name=name,
        street=f"{chance.randrange(100, 9900)} {street}",
        town=town,
        place=nearby(town.place, chance),
        phone=phone(town, chance),
        hours=_store_hours(trade, chance),
        capacity=20 + 5 * round(math.sqrt(trade.receipts) / 2) if busy else 25,
        capabilities=("ship", "pickup", "curbside") if busy or chance.random() < 0.5 else ("ship", "pickup"),
        cutoff=chance.choice(("15:00", "16:00", "17:00")),
        tax=SALES_TAX[town.state],
        area=area,
        till=till,
    )


def _other(code: str, kind: str, name: str, zip_code: str, capacity: int, chance: Random) -> Node:
    town = town_of(zip_code)
    weekday = Hours("06:00", "22:00")
    weekend = Hours("08:00", "16:00") if kind == "warehouse" else None
    return Node(
        code=code,
        type=kind,
        name=name,
        street=f"{chance.randrange(100, 9900)} {chance.choice(STREETS)}",
        town=town,
        place=nearby(town.place, chance),
        phone=phone(town, chance),
        hours=(weekday,) * 5 + (weekend, None),
        capacity=capacity,
        capabilities=("ship",),
        cutoff="18:00",
        tax=SALES_TAX[town.state],
        area=town.city,
        till=None,
    )


def phone(town: Town, chance: Random) -> str:
    """A number of the range 555-0100 to 555-0199, which no real line has."""
    return f"+1 {town.area_code} 555 {chance.randrange(100, 200):04d}"


def _store_hours(trade: Trade, chance: Random) -> tuple[Hours | None, ...]:
    """Some stores never close, as their real receipts show; the others close at night, earlier on Sundays."""
    if trade.at_night > 0.015 and trade.receipts > 200:
        return (Hours("00:00", "24:00"),) * 7
    opens, closes = chance.choice((("06:00", "24:00"), ("06:00", "23:00"), ("07:00", "23:00")))
    return (Hours(opens, closes),) * 6 + (Hours("07:00", "22:00"),)


def _trade(sales: Sales, tills: Sequence[int]) -> dict[int, Trade]:
    rows = firsts(sales)
    hour = (sales.when[rows] - sales.when[rows].astype("datetime64[D]")) // np.timedelta64(1, "h")
    stores, place = np.unique(sales.store[rows], return_inverse=True)
    receipts = np.bincount(place)
    nightly = np.bincount(place, weights=(hour >= 1) & (hour < 5)) / receipts
    columns = (stores.tolist(), receipts.tolist(), nightly.tolist())
    known = {store: Trade(count, share) for store, count, share in zip(*columns, strict=True)}
    return {till: known.get(till, Trade(0, 0.0)) for till in tills}


def nearby(place: Geo, chance: Random) -> Geo:
    """A point within about a kilometre."""
    return Geo(
        latitude=round(place.latitude + chance.uniform(-0.008, 0.008), 5),
        longitude=round(place.longitude + chance.uniform(-0.01, 0.01), 5),
    )
