"""For browser tests: PostgreSQL, the server, a small shop with stock, and the store app's own process."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Page

from server.fulfilment import passes, queries
from server.kit import migrate, outbox, postgres
from server.kit.auth import Actor
from server.people import devices, service
from server.people.rules import NewPerson
from server.people.service import Secrets
from shared.passes import pin_verifier
from tests import build
from tests.benchmarks.site import Site, serve
from tests.browser.harness import sees, served, wedge
from tests.shop import STORE, Shop, open_shop

T = TypeVar("T")
PIN = "246813"
ADMIN = Actor("key", "test", "Test", frozenset({"admin"}))


@dataclass
class Floor:
    """One store with a tablet that is not enrolled yet."""

    app: str
    """Address of the store app."""
    site: Site
    database: str
    badge: str
    """The lead's badge, as it is scanned."""
    person: str

    def new_code(self) -> str:
        """An enrolment code, as a manager shows it."""

        async def offer(shop: Shop) -> str:
            world = shop.world
            made = await world.write(lambda tx: devices.offer_enrolment(tx, ADMIN, world.parts.keys, STORE))
            return made.label

        return self.run(offer)

    def run(self, work: Callable[[Shop], Awaitable[T]]) -> T:
        """Do something as the shop's systems would, on the same database."""

        async def inside() -> T:
            async with build.world(self.database) as world:
                done = await work(Shop(world, CODES, _bought=Floor.bought))
                Floor.bought += 100
                await outbox.drain(world.parts)
                return done

        return _apart(inside())

    bought = 1000


CODES: dict[str, str] = {}


def _apart(work: Coroutine[Any, Any, T]) -> T:
    """Run in a thread of its own: Playwright has a loop running in this one."""
    with ThreadPoolExecutor(1) as own_thread:
        return own_thread.submit(asyncio.run, work).result()


@contextlib.contextmanager
def floor(folder: Path, *words: str) -> Iterator[Floor]:
    """Everything up, with ten of each item in every node; `words` go to the store app's command line."""
    with postgres.temporary() as pg:
        url = pg.url(None)
        migrate.upgrade(url)
        made = _apart(_fill(url))
        with serve(url) as site:
            address = f"http://{site.host}:{site.port}"
            with served(*words, data=folder, server=address) as app:
                yield Floor(app=app, site=site, database=url, **made)


async def _fill(url: str) -> dict[str, Any]:
    async with build.world(url) as world:
        shop = await open_shop(world)
        CODES.update(shop.codes)
        key = world.parts.keys.pin_key
        secrets = [Secrets(pin_verifier=pin_verifier(PIN, key, b"0123456789abcdef"))]
        new = NewPerson(name="Robin Reed", roles=["lead"], nodes=[STORE])
        people = await world.write(lambda tx: service.add_people(tx, ADMIN, [new], secrets=secrets))
        badge = await world.write(lambda tx: service.issue_badge(tx, ADMIN, people[0].id))
        return {"badge": badge.label, "person": "Robin Reed"}


def enter(page: Page, shop_floor: Floor) -> None:
    """Enrol the device and sign in by badge."""
    wedge(page, shop_floor.new_code())
    sees(page, shop_floor.person)
    sign_in(page, shop_floor.badge)


def sign_in(page: Page, badge: str) -> None:
    """By badge, on a device (or at a browser of a hub) that belongs to the store."""
    wedge(page, badge)
    sees(page, re.compile("Start next|All done"))


def pass_of(shop_floor: Floor, job_id: str) -> passes.Credentials:
    """What the customer was sent."""

    async def ask(shop: Shop) -> passes.Credentials:
        job = await shop.world.read(lambda tx: queries.job(tx, job_id))  # type: ignore[arg-type]
        assert job is not None
        return passes.credentials(shop.world.parts.keys, job)

    return shop_floor.run(ask)


def buy(shop_floor: Floor, *lines: tuple[str, int], **more: Any) -> dict[str, Any]:
    return shop_floor.run(lambda shop: shop.buy(*lines, **more))


def page_of(shop_floor: Floor, order: dict[str, Any]) -> dict[str, Any]:
    return shop_floor.run(lambda shop: shop.page(order["id"]))
