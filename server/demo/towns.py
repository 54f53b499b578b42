"""Real towns: ZIP codes with their coordinates and time zones, around the eight cities the demo trades in."""

import importlib
from dataclasses import dataclass
from functools import cache
from typing import Any

from shared.kernel import Geo, distance_km

STATES = ("OH", "KY", "IN", "TN", "GA", "TX", "CO")


@dataclass(frozen=True, slots=True)
class Area:
    """A city with its surroundings; `share` says how many of forty stores it gets."""

    name: str
    centre: Geo
    share: int


AREAS = (
    Area("Cincinnati", Geo(latitude=39.10, longitude=-84.51), 9),
    Area("Columbus", Geo(latitude=39.96, longitude=-83.00), 6),
    Area("Indianapolis", Geo(latitude=39.77, longitude=-86.16), 5),
    Area("Atlanta", Geo(latitude=33.75, longitude=-84.39), 5),
    Area("Louisville", Geo(latitude=38.25, longitude=-85.76), 4),
    Area("Nashville", Geo(latitude=36.16, longitude=-86.78), 4),
    Area("Dallas", Geo(latitude=32.78, longitude=-96.80), 4),
    Area("Denver", Geo(latitude=39.74, longitude=-104.99), 3),
)
CLOSE_KM = 25.0
REACH_KM = 45.0
"""Towns this close to a centre get a store first; those farther away only when the closer ones are full."""


@dataclass(frozen=True, slots=True)
class Town:
    """A ZIP code's area, as the postal data has it."""

    zip: str
    city: str
    state: str
    time_zone: str
    place: Geo
    area_code: str


@cache
def towns() -> tuple[Town, ...]:
    """Every ordinary ZIP code of the states we trade in, in order of its number."""
    rows = [row for state in STATES for row in _postal().filter_by(state=state)]
    usable = [row for row in rows if row["zip_code_type"] == "STANDARD" and row["active"] and row["timezone"]]
    return tuple(sorted((_town(row) for row in usable), key=lambda town: town.zip))


@cache
def towns_around(name: str) -> tuple[Town, ...]:
    """Those within reach of the area's centre, nearest first."""
    area = next(area for area in AREAS if area.name == name)
    band = [town for town in towns() if abs(town.place.latitude - area.centre.latitude) < REACH_KM / 110]
    near = [(distance_km(area.centre, town.place), town.zip, town) for town in band]
    return tuple(town for km, _, town in sorted(near, key=lambda one: one[:2]) if km <= REACH_KM)


def town_of(zip_code: str) -> Town:
    """One town by its ZIP code."""
    return _town(_postal().matching(zip_code)[0])


def _postal() -> Any:
    """The postal data, which is untyped and takes a second to unpack."""
    return importlib.import_module("zipcodes")


def _town(row: dict[str, Any]) -> Town:
    return Town(
        zip=row["zip_code"],
        city=row["city"],
        state=row["state"],
        time_zone=row["timezone"],
        place=Geo(latitude=float(row["lat"]), longitude=float(row["long"])),
        area_code=(row["area_codes"] or ["555"])[0],
    )
