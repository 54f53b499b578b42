"""A hub in a real store: two people at two browsers of one process, over TLS, with the server gone in the middle."""

from __future__ import annotations

import contextlib
import hashlib
import re
import sqlite3
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page

from server import check
from server.fulfilment import queries
from server.people import service
from server.people.rules import NewPerson
from tests.benchmarks.site import serve
from tests.browser.harness import (
    PHONE,
    PROCESSES,
    TABLET,
    opened,
    press,
    press_to,
    sees,
    served,
    shot,
    show,
    until,
    wedge,
)
from tests.browser.shop_floor import ADMIN, CODES, Floor, buy, enter, floor, page_of, sign_in
from tests.shop import STORE, Shop

SECOND = "Sam Stone"
WORDS = ("--hub", "--host", "127.0.0.1")


@dataclass
class Hub:
    """The floor, and what lies in the hub's folder."""

    floor: Floor
    folder: Path

    def log(self) -> str:
        return (self.folder / "store_app.log").read_text(encoding="utf-8")

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        """A question to the hub's own store, while it runs."""
        with contextlib.closing(sqlite3.connect(self.folder / "hub" / "store.sqlite3")) as store:
            return store.execute(sql).fetchall()

    def waiting(self) -> int:
        return len(self.ask("SELECT n FROM command WHERE state != 'settled'"))


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    with floor(folder, *WORDS) as up:
        yield Hub(up, folder)


def second_person(shop_floor: Floor) -> str:
    """Somebody else of the store; their badge."""

    async def add(shop: Shop) -> str:
        new = NewPerson(name=SECOND, roles=["associate"], nodes=[STORE])
        people = await shop.world.write(lambda tx: service.add_people(tx, ADMIN, [new]))
        made = await shop.world.write(lambda tx: service.issue_badge(tx, ADMIN, people[0].id))
        return made.label

    return shop_floor.run(add)


def broken(shop_floor: Floor) -> list[str]:
    """Invariants of the books that do not hold."""

    async def ask(shop: Shop) -> list[str]:
        return [finding.name for finding in await check.check(shop.world.db) if finding.violations]

    return shop_floor.run(ask)


def actors_of(shop_floor: Floor, job: str) -> set[tuple[str, str]]:
    """Which people did something with a job, as the server has it, and through which device."""

    async def ask(shop: Shop) -> set[tuple[str, str]]:
        sql = (
            "SELECT DISTINCT p.name, c.device FROM device_command c JOIN person p ON p.id::text = c.actor"
            " WHERE c.body ->> 'fulfilment' = :job"
        )
        rows = await shop.world.read(lambda tx: tx.rows(sql, job=job))
        return {(row["name"], row["device"]) for row in rows}

    return shop_floor.run(ask)


def picked_by(shop_floor: Floor, job: str) -> dict[str, int]:
    """Units of a job's only line by device, as the server has it."""

    async def ask(shop: Shop) -> dict[str, int]:
        found = await shop.world.read(lambda tx: queries.job(tx, UUID(job)))
        assert found is not None
        return found.lines[0].picked_by

    return shop_floor.run(ask)


def stop_server(shop_floor: Floor) -> None:
    """The line to head office is dead: nobody answers any more."""
    process = shop_floor.site.process
    process.terminate()
    process.wait(timeout=20)
    assert not Path(f"/proc/{process.pid}").exists()


def revived(hub: Hub) -> contextlib.AbstractContextManager[str]:
    """The hub is killed, and started again at the same address."""
    process = PROCESSES[hub.floor.app]
    process.kill()
    process.wait(timeout=20)
    port = int(hub.floor.app.rpartition(":")[2])
    return served(*WORDS, data=hub.folder, server=f"http://{hub.floor.site.host}:{hub.floor.site.port}", port=port)


def test_the_file_a_tablet_installs_is_what_the_hub_printed_and_makes_it_trusted(hub: Hub) -> None:
    address = f"{hub.floor.app}/hub/certificate.crt"
    with urlopen(address, context=ssl._create_unverified_context()) as answer:  # as a tablet that knows nothing yet
        file = answer.read()
    assert address in hub.log()
    assert hashlib.sha256(file).digest().hex(":").upper() in hub.log()
    with pytest.raises(URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urlopen(hub.floor.app, context=ssl.create_default_context())
    with urlopen(hub.floor.app, context=ssl.create_default_context(cadata=file)) as page:
        assert b"<title>Baton" in page.read()


def test_two_people_go_on_while_the_server_is_gone_and_the_books_are_true_afterwards(hub: Hub, chrome: Browser) -> None:
    shop = hub.floor
    badge = second_person(shop)
    orders = [buy(shop, ("APPLE", 2)), buy(shop, ("BREAD", 2)), buy(shop, ("WINE", 4))]
    jobs = [order["jobs"][0] for order in orders]
    first, second, shared = (job["number"] for job in jobs)
    with (
        contextlib.ExitStack() as stack,
        opened(chrome, shop.app, size=TABLET) as robin,
        opened(chrome, shop.app, size=PHONE) as sam,
    ):
        enter(robin, shop)
        sees(sam, shop.person)  # the hub belongs to the store now, so this browser does too
        sign_in(sam, badge)
        sees(robin, f"{shop.person} is signed in")
        sees(sam, f"{SECOND} is signed in")
        for page in (robin, sam):
            sees(page, first)
        until(lambda: hub.waiting() == 0, "both sign-ins to be sent")

        stop_server(shop)
        for page in (robin, sam):
            sees(page, "Offline")

        # two jobs at once
        begin(robin, first, 2)
        begin(sam, second, 2)
        for _ in range(2):
            wedge(robin, CODES["APPLE"])
            wedge(sam, CODES["BREAD"])
        for page, place in ((robin, "A1"), (sam, "A2")):
            sees(page, "Where does it stand")
            wedge(page, f"BTN:S:{place}")
            sees(page, f"Stands at {place}")

        # the hub dies and is started again, still without a server: everybody is back, and nothing is lost
        before = hub.waiting()
        hub_again = stack.enter_context(revived(hub))
        assert hub_again == shop.app
        sees(robin, "Scan your badge")  # by itself
        show(sam, shop.app)
        sign_in(robin, shop.badge)
        sign_in(sam, badge)
        assert hub.waiting() == before + 2

        # both at one job: each sees what the other has just picked
        for page in (robin, sam):
            show(page, shop.app)  # whoever reloads is still signed in
            press(page, shared)
            sees(page, "Why me")
        for page in (robin, sam):
            press_to(page, "Pick 4 units", f"Pick {shared}")
        wedge(robin, CODES["WINE"])
        sees(sam, "3 of 4")
        wedge(sam, CODES["WINE"])
        sees(robin, "2 of 4")
        shot(robin, "hub-robin")
        shot(sam, "hub-sam")
        wedge(robin, CODES["WINE"])
        wedge(sam, CODES["WINE"])  # at the same moment
        until(lambda: picks_of(hub, jobs[2]["id"]) == [1, 2, 3, 4], "four units, each counted once")
        for page in (robin, sam):
            sees(page, re.compile("Where does it stand|Everything is picked"))

        press(sam, f"{SECOND} is signed in")
        press(sam, "Lock this device")
        sees(sam, "Scan your badge")
        sees(robin, "Offline")  # signing out concerns one browser
        waiting = hub.waiting()
        assert waiting >= 10
        assert {job["state"] for order in orders for job in page_of(shop, order)["jobs"]} == {"offered"}

        with serve(shop.database, port=shop.site.port):
            until(lambda: hub.waiting() == 0, "the queue to drain", patience=90)
            sees(robin, "Online")
            after = [page_of(shop, order) for order in orders]
    states = [page["jobs"][0]["state"] for page in after]
    assert states[:2] == ["ready", "ready"]
    people = [actors_of(shop, job["id"]) for job in jobs]
    assert [{name for name, _ in each} for each in people] == [{shop.person}, {SECOND}, {shop.person, SECOND}]
    [device] = {device for each in people for _, device in each}
    assert [picked_by(shop, job["id"]) for job in jobs] == [{device: 2}, {device: 2}, {device: 4}]
    assert broken(shop) == []


def begin(page: Page, number: str, units: int) -> None:
    """Open a job from today's list and begin to pick."""
    press(page, number)
    press_to(page, f"Pick {units} units", f"Pick {number}")


def picks_of(hub: Hub, job: str) -> list[object]:
    """The totals that were queued for a job, in order."""
    return [
        row[0]
        for row in hub.ask(
            "SELECT json_extract(body, '$.total') FROM command WHERE kind = 'pick'"
            f" AND json_extract(body, '$.fulfilment') = '{job}' ORDER BY n"
        )
    ]
