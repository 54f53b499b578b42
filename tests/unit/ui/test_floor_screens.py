"""The screens of the floor over a real engine: what they say, what a press or a scan does, and what is stored then."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared import passes
from shared.fulfilment import Arrival, State, WhyCard, WhyRival
from store_app.engine.address import Address
from store_app.ui import screens
from store_app.ui.screens import anywhere
from store_app.ui.screens.job import job_screen
from store_app.ui.screens.pack import pack_screen
from store_app.ui.screens.pick import pick_screen
from store_app.ui.screens.ship import ship_screen
from store_app.ui.screens.sign_in import enrol, sign_in, switch_screen
from store_app.ui.screens.today import today
from store_app.ui.screens.work import work_screen
from tests.unit.engine.fakes import GTIN, NOON, PIN_KEY, FakeServer, Store, a_job, a_person, a_store, an_item
from tests.unit.ui.render import shown

JOB = str(UUID(int=1))
PIN = "482915"
Story = Callable[[Store], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Run a story on a device that has synced and lost its network since."""

    def run(story: Story, server: FakeServer | None = None, signed_in: str | None = "anna") -> None:
        async def whole() -> None:
            store = await a_store(tmp_path, server, signed_in=signed_in)
            store.network.cut = True
            try:
                await story(store)
            finally:
                store.engine.close()

        asyncio.run(whole())

    return run


def a_server(*jobs: Any) -> FakeServer:
    server = FakeServer()
    verifier = passes.pin_verifier(PIN, base64.b64decode(PIN_KEY), bytes(16))
    server.put("person", "lea", a_person("lea", "Lea", "lead", pin_verifier=verifier))
    for job in jobs:
        server.put("fulfilment", str(job.id), job)
    return server


def a_parcel(number: int = 1, **changes: Any) -> Any:
    address = ("Ines Caron", "12 rue de la République", "69002 Lyon")
    return a_job(number, 1, 1, method="ship_from_store", address=address, phone=None, **changes)


# ---------------------------------------------------------------- pick


def test_each_scan_counts_one_unit_and_the_last_leads_to_packing(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, pick_screen, job=JOB) as screen:
            assert "3 of 3" in screen.words
            assert "A-1" in screen.words
            await screen.scan(GTIN[1])
            assert "2 of 3" in screen.words
            for number in (1, 1, 2):
                await screen.scan(GTIN[number])
            assert screen.page.route == f"/pack/{JOB}"
        assert store.job().state is State.PICKED

    play(story)


def test_a_wrong_item_is_named_with_what_was_wanted_and_changes_nothing(play: Callable[..., None]) -> None:
    server = a_server()
    server.put("item", "SKU-3", an_item(3))

    async def story(store: Store) -> None:
        async with shown(store.engine, pick_screen, job=JOB) as screen:
            await screen.scan(f"{3:014}")
            assert screen.message.title == "This is Shirt 3 M blue"
            assert "Wanted is Shirt 1 M blue" in screen.message.detail
        assert store.job().line(1).open == 3  # type: ignore[union-attr]

    play(story, server)


def test_an_unknown_code_offers_a_search(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, pick_screen, job=JOB) as screen:
            await screen.scan("no-such-code")
            assert "no-such-code" in screen.message.title
            await screen.press("Search")
            assert screen.page.route == "/stock"

    play(story)


def test_what_is_not_there_is_reported_only_after_its_effect_was_shown(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, pick_screen, job=JOB) as screen:
            await screen.press("Not there")
            assert "Report 3 units" not in screen.buttons
            await screen.press("Not found")
            assert "stock record is corrected" in screen.words
            await screen.press("Fewer")
            await screen.press("Report 2 units")
            assert "1 of 3" in screen.words
        assert store.job().line(1).short == 2  # type: ignore[union-attr]

    play(story)


def test_the_last_scan_can_be_taken_back(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, pick_screen, job=JOB) as screen:
            await screen.scan(GTIN[1])
            await screen.press("Undo: Shirt 1")
            assert "3 of 3" in screen.words
        assert store.job().line(1).held == 0  # type: ignore[union-attr]

    play(story)


def test_only_who_may_do_without_a_scan_has_a_button_for_it(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, pick_screen, job=JOB) as screen:
            assert "Confirm by hand" not in screen.buttons
            assert "Scan each unit." in screen.words
            store.sign_in("lea")
            await screen.draw()
            await screen.press("Confirm by hand")
        assert store.job().line(1).held == 1  # type: ignore[union-attr]

    play(story)


def test_an_item_with_a_serial_number_asks_for_it_and_takes_the_next_scan(play: Callable[..., None]) -> None:
    server = a_server(a_job(1, 2))
    server.put("item", "SKU-1", an_item(1, flags=("serial",)))

    async def story(store: Store) -> None:
        async with shown(store.engine, pick_screen, job=JOB) as screen:
            await screen.scan(GTIN[1])
            assert "Serial number: " in screen.words
            await screen.scan("SN-0815")
        line = store.job().line(1)
        assert line is not None
        assert (line.held, line.serials) == (1, ("SN-0815",))

    play(story, server)


def test_two_items_on_one_code_are_asked_about(play: Callable[..., None]) -> None:
    server = a_server()
    for number in (1, 2):
        server.put("item", f"SKU-{number}", an_item(number, barcodes=(GTIN[1],)))

    async def story(store: Store) -> None:
        async with shown(store.engine, pick_screen, job=JOB) as screen:
            await screen.scan(GTIN[1])
            await screen.press("Shirt 2, M blue")
        assert store.job().line(2).held == 1  # type: ignore[union-attr]

    play(story, server)


def test_a_job_that_was_taken_away_says_so_instead_of_offering_its_lines(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        assert store.engine.work.reject(JOB, "no_capacity").ok
        async with shown(store.engine, pick_screen, job=JOB) as screen:
            assert "There is nothing to pick here" in screen.words

    play(story)


# ---------------------------------------------------------------- pack and ship


def picked(store: Store) -> None:
    """Everything is in the tote."""
    for line in store.job().lines:
        for _ in range(line.open):
            assert store.engine.work.scan(JOB, GTIN[line.line]).ok


def test_a_bag_is_put_away_by_choosing_its_place(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        picked(store)
        async with shown(store.engine, pack_screen, job=JOB) as screen:
            await screen.type("Another place", "Shelf 4")
            await screen.press("Put in Shelf 4")
            assert screen.page.route == "/"
        assert (store.job().state, store.job().staging) == (State.READY, "Shelf 4")

    play(story)


def test_a_bag_is_put_away_by_scanning_its_place(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        picked(store)
        async with shown(store.engine, pack_screen, job=JOB) as screen:
            await screen.scan("BTN:S:A1")
            assert screen.message.title == "Stands at A1"
        assert store.job().staging == "A1"

    play(story)


def test_units_are_scanned_into_the_first_bag_and_the_rest_goes_into_the_last(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        picked(store)
        async with shown(store.engine, pack_screen, job=JOB) as screen:
            await screen.press("Another bag")
            await screen.scan(GTIN[1])
            await screen.scan("BTN:S:A1")
        inside = [{part.line: part.quantity for part in package.lines} for package in store.job().packages]
        assert inside == [{1: 1}, {1: 2, 2: 1}]

    play(story)


def test_a_parcel_needs_a_carrier_and_the_scanned_label_gives_the_number(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        picked(store)
        async with shown(store.engine, pack_screen, job=JOB) as screen:
            assert "12 rue de la République" in screen.words
            await screen.type("Carrier", "Colissimo")
            await screen.scan("6A12345678901")
            await screen.press("Label it")
            assert screen.page.route == "/ship"
        assert store.job().packages[0].tracking == "6A12345678901"
        assert store.job().state is State.AWAITING_CARRIER

    play(story, a_server(a_parcel()))


def test_only_parcels_that_were_scanned_into_the_van_leave(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        for number in (1, 2):
            id_ = UUID(int=number)
            for line in store.job(number).lines:
                assert store.engine.work.scan(id_, GTIN[line.line]).ok
            assert store.engine.work.pack(id_).ok
            assert store.engine.work.label(id_, "Colissimo", f"TRACK-{number}").ok
        async with shown(store.engine, ship_screen) as screen:
            await screen.scan("TRACK-2")
            await screen.press("Driver took 1 of 2")
        assert [store.job(n).state for n in (1, 2)] == [State.AWAITING_CARRIER, State.SHIPPED]

    play(story, a_server(a_parcel(1), a_parcel(2)))


# ---------------------------------------------------------------- today, work, job


def test_today_puts_who_waits_outside_first_and_start_next_begins_picking(play: Callable[..., None]) -> None:
    outside = a_job(2, 1, method="curbside", customer="Omar", arrival=Arrival(at=NOON, vehicle="Red van"))
    late = a_job(3, 1, customer="Lena", due_at=NOON)

    async def story(store: Store) -> None:
        store.clock.pass_(minutes=4)
        async with shown(store.engine, today) as screen:
            words = screen.words
            assert words.index("Arrived") < words.index("Omar") < words.index("Late") < words.index("Lena")
            assert "Waiting 4 min" in words
            assert "Red van" in words
            await screen.press("Start next")
            assert screen.page.route == f"/pick/{UUID(int=3)}"
        assert store.job(3).state is State.ACCEPTED

    play(story, a_server(outside, late))


def test_searching_today_finds_a_job_by_the_last_digits(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, today) as screen:
            await screen.type("Name, order number, last digits", "4711")
            assert "Maria 1." in screen.words
            await screen.type("Name, order number, last digits", "nobody")
            assert "Nothing here" in screen.words

    play(story)


def test_the_work_list_shows_one_tab_and_can_be_narrowed(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, work_screen, tab="open") as screen:
            assert "Maria 1." in screen.words
            assert "Ines" in screen.words
            await screen.press("Narrow the list")
            await screen.press("Ship from store")
            assert "Ines" in screen.words
            assert "Maria 1." not in screen.words
            assert "Narrow the list, 1 choice on" in screen.buttons
            await screen.press("Show all")
            assert "Maria 1." in screen.words

    play(story, a_server(a_parcel(2, customer="Ines C.")))


def test_a_tablet_shows_the_list_beside_the_job(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, work_screen, width=820, tab="open", job=JOB) as screen:
            assert "Why me?" not in screen.words
            assert any(name.startswith("Pick 4 units, Pickup") for name in screen.buttons)
            await screen.press("Pick 4 units")

    play(story)


def test_a_job_says_why_it_is_here_and_by_what_the_others_lost(play: Callable[..., None]) -> None:
    rival = WhyRival(node="S2", name="Shelbyville", score=0.5, lost_by="12 km further away")
    why = WhyCard(plan="standard v3", summary="Closest with everything.", rivals=(rival,), excluded={"no_stock": 2})

    async def story(store: Store) -> None:
        async with shown(store.engine, job_screen, job=JOB) as screen:
            assert "Closest with everything." in screen.words
            assert "12 km further away" in screen.words
            assert "2 stores: none available" in screen.words
            assert "Pick: next" in screen.words
            assert "Hand over: later" in screen.words

    play(story, a_server(a_job(1, why=why)))


def test_a_job_is_sent_back_with_a_reason_whose_effect_is_shown(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, job_screen, job=JOB) as screen:
            await screen.press("Send back")
            await screen.press("Too much to do here, Stock stays as it is")
        assert store.job().state is State.REJECTED

    play(story)


def test_somebody_elses_job_can_be_taken_over(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, job_screen, job=JOB) as screen:
            assert "Lea" in screen.words
            await screen.press("Take over")
            assert "Take over" not in screen.buttons
        assert store.job().assignee == "anna"

    play(story, a_server(a_job(1, state=State.PICKING, assignee="lea")))


def test_a_job_that_is_gone_says_so(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        for draw in (job_screen, pick_screen, pack_screen):
            async with shown(store.engine, draw, job=str(UUID(int=77))) as screen:
                assert "not here any more" in screen.words

    play(story)


# ---------------------------------------------------------------- who is there


def test_a_person_signs_in_by_pin_without_a_network(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, sign_in) as screen:
            await screen.press("Lea")
            for digit in "111111":
                await screen.press(digit)
            assert "Wrong PIN" in screen.words
            for digit in PIN:
                await screen.press(digit)
        assert store.engine.session.actor == "lea"

    play(story, a_server(), signed_in=None)


def test_a_device_that_locked_itself_says_so_and_offers_the_same_person(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        store.clock.pass_(minutes=10)
        async with shown(store.engine, sign_in) as screen:
            assert "Locked, because nobody used it" in screen.words
            assert "Hello, Lea" in screen.words

    play(story, a_server(), signed_in="lea")


def test_a_badge_switches_the_person_from_the_switch_screen(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, switch_screen) as screen:
            assert "Anna is signed in" in screen.words
            await screen.scan("BTN:B:BADGE-LEA")
            assert screen.page.route == "/"
        assert store.engine.session.actor == "lea"

    play(story, a_server())


def test_enrolling_without_a_network_says_what_to_do(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, enrol) as screen:
            await screen.scan("BTN:E:123456")
            assert "cannot be reached" in screen.words
            assert "Check the network" in screen.words
            assert "Connect" in screen.buttons

    play(story, signed_in=None)


def test_a_code_with_an_address_connects_a_device_that_did_not_know_its_server(
    play: Callable[..., None], tmp_path: Path
) -> None:
    async def story(store: Store) -> None:
        store.engine.reset()
        store.network.cut = False
        address = Address(tmp_path / "server.txt")
        async with shown(store.engine, enrol, address=address) as screen:
            await screen.scan(f"BTN:E:{store.server.code} HTTPS://OMS.EXAMPLE.COM:8550")
            assert store.engine.enrolled
        assert Address(tmp_path / "server.txt").url == "https://oms.example.com:8550"

    play(story, signed_in=None)


def test_a_code_without_an_address_asks_where_the_server_is(play: Callable[..., None], tmp_path: Path) -> None:
    async def story(store: Store) -> None:
        store.engine.reset()
        store.network.cut = False
        asked = len(store.server.requests)
        address = Address(tmp_path / "server.txt")
        async with shown(store.engine, enrol, address=address) as screen:
            await screen.scan(f"BTN:E:{store.server.code}")
            assert "Where is the server?" in screen.words
            assert len(store.server.requests) == asked
            await screen.type("Address of the server", "192.168.1.20:8550")
            await screen.press("Connect")
            assert store.engine.enrolled
        assert address.url == "http://192.168.1.20:8550"

    play(story, signed_in=None)


def test_where_the_page_comes_with_its_server_nobody_is_asked_for_it(play: Callable[..., None]) -> None:
    async def story(store: Store) -> None:
        store.engine.reset()
        store.network.cut = False
        async with shown(store.engine, enrol) as screen:
            assert "Address of the server" not in screen.words
            await screen.scan(f"BTN:E:{store.server.code} HTTPS://ELSEWHERE.EXAMPLE.COM")
            assert store.engine.enrolled

    play(story, signed_in=None)


# ---------------------------------------------------------------- anywhere


@pytest.mark.parametrize(
    ("code", "route"),
    [(GTIN[1], "/stock/SKU-1"), ("BTN:J:B-1-AA/1", f"/job/{JOB}")],
    ids=["an item opens stock", "a job's label opens the job"],
)
def test_a_scan_where_no_screen_claims_it_does_the_obvious_thing(
    play: Callable[..., None], code: str, route: str
) -> None:
    async def story(store: Store) -> None:
        async with shown(store.engine, today) as screen:
            screen.app.scans.otherwise = anywhere.answer
            await screen.scan(code)
            assert screen.page.route == route

    play(story)


def test_every_screen_has_a_route_of_its_own() -> None:
    paths = [screen.path for screen in screens.SCREENS]
    assert len(paths) == len(set(paths))
