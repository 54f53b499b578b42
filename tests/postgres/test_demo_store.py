"""Your store in the live demo: its customers come, drive up, send a friend or forget; the page shows what to scan."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from server.demo import customers
from server.demo.codes import CodesPage, Yours, bars, qr, tracking
from server.demo.customers import Customers, Visit
from server.demo.people import Person
from server.fulfilment.passes import credentials
from server.kit import outbox
from shared.barcodes import ScanKind, read
from shared.fulfilment import Fulfilment, State
from tests import build
from tests.shop import STORE, open_shop

pytestmark = pytest.mark.postgres
ANA = Person("BADGE234", "129659", "Ana Field", "lead", (STORE,))


async def customers_of(world: build.World, speed: float = 60) -> Customers:
    return Customers(world.parts, await world.asking(None), STORE, ("1", "2"), speed, seed=1)


async def bag(world: build.World, method: str, *friends: str) -> str:
    """A packed bag that waits; its job's id."""
    shop = await open_shop(world)
    who = {"name": "Mila Reed", "email": "mila@example.com", "proxies": list(friends)}
    order = await shop.buy(("APPLE", 2), method=method, **({"customer": who} if friends else {}))
    job: str = order["jobs"][0]["id"]
    tablet = await shop.tablet()
    await tablet.push(
        tablet.command("pick", fulfilment=job, line=1, total=2),
        tablet.command("pack", fulfilment=job),
        tablet.command("stage", fulfilment=job, place="A1"),
    )
    await outbox.drain(world.parts)
    return job


def come_at(crowd: Customers, job: str, when: datetime, friend: str | None = None) -> None:
    crowd.visits[job] = Visit(when, friend, "white van", "2")


async def job_of(world: build.World, job: str) -> Fulfilment:
    rows = await world.rows("SELECT doc FROM fulfilment WHERE id = CAST(:id AS uuid)", id=job)
    return Fulfilment.model_validate(rows[0]["doc"])


async def test_a_customer_stands_at_the_counter_when_their_time_has_come_and_not_before(world: build.World) -> None:
    job, crowd = await bag(world, "pickup"), await customers_of(world)
    await crowd.look()
    assert crowd.visits[job].comes_at > datetime.now(UTC)
    assert crowd.here() == []
    come_at(crowd, job, datetime.now(UTC) - timedelta(seconds=1))
    [visitor] = crowd.here()
    right = credentials(world.parts.keys, await job_of(world, job))
    assert (visitor.pass_text, visitor.code, visitor.where) == (right.pass_text, right.code, "at the counter")


async def test_a_car_says_that_it_is_on_its_way_and_then_in_which_bay_it_stands(world: build.World) -> None:
    job, crowd = await bag(world, "curbside"), await customers_of(world)
    come_at(crowd, job, datetime.now(UTC) + customers.DRIVE / 2)
    await crowd.look()
    assert (await job_of(world, job)).state is State.ON_THE_WAY
    await crowd.look()
    assert crowd.here() == []
    come_at(crowd, job, datetime.now(UTC))
    await crowd.look()
    arrived = await job_of(world, job)
    assert (arrived.state, arrived.arrival.bay, arrived.arrival.vehicle) == (State.ARRIVED, "2", "white van")
    await crowd.look()
    assert [each.where for each in crowd.here()] == ["bay 2, white van"]


async def test_a_friend_has_no_pass_and_says_the_code(world: build.World) -> None:
    job, crowd = await bag(world, "pickup", "Hugo Abbott"), await customers_of(world)
    await crowd.look()
    come_at(crowd, job, datetime.now(UTC), "Hugo Abbott")
    [visitor] = crowd.here()
    assert visitor.pass_text is None
    assert visitor.who.startswith("Hugo Abbott, for ")
    assert read(visitor.code).kind is ScanKind.SHORT_CODE


async def test_who_was_handed_the_bag_stands_there_no_more(world: build.World) -> None:
    job, crowd = await bag(world, "pickup"), await customers_of(world)
    await crowd.look()
    come_at(crowd, job, datetime.now(UTC))
    assert len(crowd.here()) == 1
    await world.write(lambda tx: tx.run("UPDATE fulfilment SET state = 'handed_off' WHERE id = :id", id=UUID(job)))
    await crowd.look()
    assert crowd.here() == []
    assert crowd.visits == {}


async def test_at_any_speed_somebody_has_time_to_read_and_somebody_forgets(world: build.World) -> None:
    job = await job_of(world, await bag(world, "pickup", "Hugo Abbott"))
    now = datetime.now(UTC)
    for speed, longest in ((1, timedelta(hours=8)), (60, timedelta(minutes=9)), (100_000, timedelta(minutes=4))):
        crowd = await customers_of(world, speed)
        visits = [crowd._visit(job.model_copy(update={"number": f"B-{n}"}), now) for n in range(300)]
        waits = sorted(visit.comes_at - now for visit in visits)
        assert waits[0] >= customers.AT_LEAST * 0.7
        assert waits[-1] <= longest
        assert waits[-1] > 5 * waits[150], "nobody forgot"
        assert 20 < sum(visit.friend is not None for visit in visits) < 100


async def test_the_page_shows_everything_there_is_to_scan_as_the_app_reads_it(world: build.World) -> None:
    job, crowd = await bag(world, "pickup"), await customers_of(world)
    await crowd.look()
    come_at(crowd, job, datetime.now(UTC))
    page = CodesPage(Yours(STORE, "Elm Street", (ANA,), ("A1",), ("1",)), crowd)
    html = await page.draw(world.parts)
    kinds = {read(code).kind for code in re.findall(r'data-code="([^"]+)"', html)}
    assert {ScanKind.BADGE, ScanKind.STAGING, ScanKind.ENROLMENT, ScanKind.PASS} <= kinds
    assert "129659" in html
    assert "Elm Street" in html
    again = await page.draw(world.parts)
    assert re.findall(r"BTN:E:\w+", html) == re.findall(r"BTN:E:\w+", again) != [], "a new code at every look"


async def test_the_page_shows_what_is_to_be_picked_with_the_code_on_the_item(world: build.World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 2))
    html = await CodesPage(Yours(STORE, "Elm Street", (ANA,))).draw(world.parts)
    [row] = await world.rows("SELECT code FROM barcode WHERE sku = 'APPLE'")
    assert order["jobs"][0]["number"] in html
    assert f'data-code="{row["code"].removeprefix("0")}"' in html
    assert "2 × Red apples" in html


async def test_a_parcel_gets_a_label_that_is_nothing_else_to_the_app(world: build.World) -> None:
    shop = await open_shop(world)
    order = await shop.buy(("APPLE", 2), method="ship")
    job = await job_of(world, order["jobs"][0]["id"])
    html = await CodesPage(Yours(job.node, "Elm Street", (ANA,))).draw(world.parts)
    assert f'data-code="{tracking(job)}"' in html
    assert read(tracking(job)).kind is ScanKind.UNKNOWN
    await shop.buy(("APPLE", 1))
    assert html.count('data-code="PX') == 1, "what is collected needs none"


def test_an_items_code_is_drawn_in_bars_and_any_other_as_qr_with_every_sign_of_it() -> None:
    drawn = bars("4006381333931")
    assert 'viewBox="0 0 113' in drawn, "95 modules, 11 before and 7 after"
    assert drawn.count("M") >= 30
    for other in ("4006381333932", "123", "400638133393", "APPLE-1"):
        assert bars(other) == qr(other)
