"""Who works there and who buys: names put together at random, numbers and addresses nobody has.

Badges and PINs come from the seed, so that the demo can print them; a real shop draws them from its system's own
randomness.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from server.demo.chance import dice
from server.demo.names import FIRST_NAMES, LAST_NAMES, STREETS
from server.demo.places import Node, nearby, phone
from server.demo.towns import Town, towns_around
from shared.kernel import Geo, distance_km

BADGE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
NEAREST_TOWNS = 6
"""A household lives in one of so many towns nearest to its store."""


@dataclass(frozen=True, slots=True)
class Person:
    """Someone with a badge. `role` is one of the product's roles; `nodes` is empty for head office."""

    badge: str
    pin: str
    name: str
    role: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Customer:
    """A household of the data set with an invented name and address. `store` is where it bought most."""

    code: str
    name: str
    email: str
    phone: str
    street: str
    town: Town
    place: Geo
    store: str
    friend: str
    """Whom they send when they cannot come themselves."""


def list_staff(nodes: Sequence[Node], seed: int) -> list[Person]:
    """Three at head office; a manager, a lead and two to four associates in each store and warehouse."""
    badges: set[str] = set()
    office = dice(seed, "office")
    people = [_person(role, (), badges, set(), office) for role in ("admin", "planner", "agent")]
    for node in nodes:
        if node.type not in ("store", "warehouse"):
            continue
        chance = dice(seed, "staff", node.code)
        roles = ["manager", "lead"] + ["associate"] * chance.choice((2, 3, 3, 4))
        pins: set[str] = set()
        people += [_person(role, (node.code,), badges, pins, chance) for role in roles]
    return people


def list_customers(homes: Iterable[tuple[int, Node]], seed: int) -> dict[int, Customer]:
    """A customer per household, near the store where it buys."""
    near: dict[str, list[Town]] = {}
    customers = {}
    for household, store in homes:
        if store.code not in near:
            near[store.code] = _nearest_towns(store)
        customers[household] = _customer(household, store, near[store.code], dice(seed, "household", household))
    return customers


def person_name(chance: Random) -> str:
    return f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}"


def is_weak(pin: str) -> bool:
    """One digit repeated, or digits counting up or down: 111111, 123456, 987654."""
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    return steps in ({0}, {1}, {9})


def _person(role: str, nodes: tuple[str, ...], badges: set[str], pins: set[str], chance: Random) -> Person:
    badge = pin = ""
    while not badge or badge in badges:
        badge = "".join(chance.choice(BADGE_LETTERS) for _ in range(10))
    while not pin or pin in pins or is_weak(pin):
        pin = f"{chance.randrange(1_000_000):06d}"
    badges.add(badge)
    pins.add(pin)
    return Person(badge, pin, person_name(chance), role, nodes)


def _customer(household: int, store: Node, near: Sequence[Town], chance: Random) -> Customer:
    town = chance.choice(near)
    name = person_name(chance)
    return Customer(
        code=f"C{household:05d}",
        name=name,
        email=f"{name.lower().replace(' ', '.')}.{household}@example.com",
        phone=phone(town, chance),
        street=f"{chance.randrange(10, 9900)} {chance.choice(STREETS)}",
        town=town,
        place=nearby(town.place, chance),
        store=store.code,
        friend=person_name(chance),
    )


def _nearest_towns(store: Node) -> list[Town]:
    around = towns_around(store.area)
    return sorted(around, key=lambda town: (distance_km(store.place, town.place), town.zip))[:NEAREST_TOWNS]
