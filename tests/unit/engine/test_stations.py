"""Several people at one local store, as on a hub: each browser a person, all of them one device."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from shared import passes
from shared.errors import Conflict
from shared.fulfilment import Fulfilment
from shared.sync import ExceptionDoc
from store_app.engine.guard import Guard
from store_app.engine.local_store import LocalStore
from store_app.engine.results import Result
from store_app.engine.station import Station
from tests.unit.engine.fakes import (
    GTIN,
    NODE,
    NOON,
    PIN_KEY,
    FakeNetwork,
    FakeServer,
    a_job,
    a_person,
    an_item,
)

JOB, OTHER = UUID(int=1), UUID(int=2)
PIN = "482915"
SERIAL = f"01{GTIN[1]}21"
"""A GS1 element string; the serial number follows."""


@dataclass
class Hub:
    """One store, and the browsers at it."""

    server: FakeServer
    network: FakeNetwork
    store: LocalStore
    folder: Path

    def station(self, slot: str, person: str | None = None) -> Station:
        found = Station(self.store, slot)
        if person:
            assert found.session.sign_in_badge(f"BTN:B:BADGE-{person.upper()}").ok
        return found

    async def sync(self) -> bool:
        return await self.store.syncer.run_once()

    def reopen(self) -> None:
        self.store.close()
        self.store = open_store(self.folder, self.network)

    def sent(self) -> list[tuple[str, str]]:
        """What the server has of this one device: kind and actor, in order."""
        return [(c["body"]["kind"], c["actor"]) for _, c, _ in self.server.commands["D1"]]


def open_store(folder: Path, network: FakeNetwork) -> LocalStore:
    return LocalStore.open(folder, "http://unused", clock=network.server.clock, transport=network)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    server = FakeServer()
    verifier = passes.pin_verifier(PIN, base64.b64decode(PIN_KEY), bytes(16))
    server.put("person", "anna", a_person("anna", "Anna", pin_verifier=verifier))
    server.put("person", "ben", a_person("ben", "Ben", language="fr"))
    server.put("fulfilment", str(JOB), a_job(1, 20, 1))
    server.put("fulfilment", str(OTHER), a_job(2, 3))
    network = FakeNetwork(server)
    store = open_store(tmp_path, network)
    made = Hub(server, network, store, tmp_path)

    async def begin() -> None:
        assert (await store.enrol(server.code, "Hub")).ok
        assert await made.sync()

    asyncio.run(begin())
    yield made
    made.store.close()


def job(station: Station, id_: UUID = JOB) -> Fulfilment:
    found = station.work.job(id_)
    assert found is not None
    return found


def at_once(*works: Callable[[], object]) -> None:
    """Each in a thread of its own, begun together; what one raises is raised here."""
    gate, wrong = threading.Barrier(len(works)), []

    def run(work: Callable[[], object]) -> None:
        gate.wait()
        try:
            work()
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]


# ---------------------------------------------------------------- people


async def test_two_people_work_at_once_and_each_command_carries_its_own(hub: Hub) -> None:
    anna, ben = hub.station("a", "anna"), hub.station("b", "ben")
    assert (anna.session.actor, ben.session.actor) == ("anna", "ben")
    assert anna.work.scan(JOB, GTIN[1]).ok
    assert ben.work.scan(OTHER, GTIN[1]).ok
    assert anna.work.scan(JOB, GTIN[1]).ok
    assert (job(anna).assignee, job(anna, OTHER).assignee) == ("anna", "ben")
    assert await hub.sync()
    assert hub.sent() == [
        ("signed_in", "anna"),
        ("signed_in", "ben"),
        ("pick", "anna"),
        ("pick", "ben"),
        ("pick", "anna"),
    ]
    assert hub.store.outbox.waiting == 0


def test_signing_out_and_closing_concern_one_browser(hub: Hub) -> None:
    anna, ben = hub.station("a", "anna"), hub.station("b", "ben")
    anna.session.sign_out()
    assert (anna.session.person, ben.session.actor) == (None, "ben")
    assert anna.work.scan(JOB, GTIN[1]).notice.code == "sign_in_first"
    ben.close()
    assert ben.session.person is None


def test_a_quiet_browser_locks_and_a_busy_one_does_not(hub: Hub) -> None:
    anna, ben = hub.station("a", "anna"), hub.station("b", "ben")
    for _ in range(4):
        hub.server.clock.pass_(seconds=100)
        ben.touch()
    assert (anna.session.person, ben.session.actor) == (None, "ben")
    assert anna.session.locked is not None


def test_a_browser_that_has_locked_says_so_once_not_at_every_look(hub: Hub) -> None:
    anna, ben = hub.station("a", "anna"), hub.station("b", "ben")
    told: list[bool] = []
    ben.subscribe(lambda: told.append(True))
    hub.server.clock.pass_(seconds=400)
    anna.tick()
    anna.tick()
    assert told == [True]


def test_what_a_lead_allows_at_one_browser_is_not_allowed_at_another(hub: Hub) -> None:
    anna, ben = hub.station("a", "anna"), hub.station("b", "ben")
    anna.session._allowed["lea"] = hub.server.clock.now()
    assert anna.session.lead_allows("lea")
    assert not ben.session.lead_allows("lea")


def test_a_pass_that_was_checked_at_one_counter_is_not_checked_at_another(hub: Hub) -> None:
    anna, ben = hub.station("a", "anna"), hub.station("b", "ben")
    assert anna.work._proved(job(anna), "pass").ok
    assert (anna.work.proved(JOB), ben.work.proved(JOB)) == ("pass", None)
    assert ben.work.hand_off(JOB, proof="pass").notice.code == "check_the_pass_first"


def test_settings_belong_to_the_browser_and_outlive_the_hub(hub: Hub) -> None:
    anna, ben = hub.station("a", "anna"), hub.station("b", "ben")
    anna.set(theme="dark")
    anna.set(sound=False)
    ben.set(left_handed=True)
    hub.reopen()
    states = [hub.station(slot).app_state() for slot in ("a", "b", "c")]
    assert [(s.theme, s.sound, s.left_handed) for s in states] == [
        ("dark", False, False),
        ("system", True, True),
        ("system", True, False),
    ]


async def test_each_browser_speaks_the_language_of_its_person_and_keeps_it_in_another_store(hub: Hub) -> None:
    anna, ben = hub.station("a", "anna"), hub.station("b", "ben")
    assert (anna.app_state().locale, ben.app_state().locale) == ("en", "fr")
    anna.set(locale="de")
    assert (anna.app_state().locale, ben.app_state().locale) == ("de", "fr")
    assert await hub.sync()
    hub.store.reset()
    assert anna.app_state().locale == "de"


async def test_online_reads_are_made_with_the_rights_of_who_asks(hub: Hub) -> None:
    anna, ben = hub.station("a", "anna"), hub.station("b", "ben")
    shown: list[dict[str, str]] = []

    async def sign_in(**proof: str) -> None:
        shown.append(proof)
        anna.client.person_token = "anna's"

    anna.client.sign_in = sign_in  # type: ignore[method-assign]
    assert await anna.online_session()
    assert shown == [{"badge": "BADGE-ANNA"}]
    assert (anna.client.person_token, ben.client.person_token) == ("anna's", None)
    assert anna.client.token == ben.client.token == hub.store.client.token
    anna.session.sign_out()
    assert anna.client.person_token is None


async def test_who_comes_while_a_token_is_fetched_does_not_get_the_rights_of_who_was_here(hub: Hub) -> None:
    anna = hub.station("a", "anna")
    asked: list[str] = []

    async def sign_in(**proof: str) -> None:
        asked.append(proof["badge"])
        if len(asked) == 1:
            assert anna.session.sign_in_badge("BTN:B:BADGE-BEN").ok
        anna.client.person_token = proof["badge"]

    anna.client.sign_in = sign_in  # type: ignore[method-assign]
    assert await anna.online_session()
    assert asked == ["BADGE-ANNA", "BADGE-BEN"]
    assert anna.client.person_token == "BADGE-BEN"


def test_wrong_pins_count_at_all_browsers_together(hub: Hub) -> None:
    one, two = hub.station("a"), hub.station("b")
    left = [s.session.sign_in_pin("anna", "000000").notice.values.get("left") for s in (one, two, one, two)]
    assert left == [4, 3, 2, 1]
    assert one.session.sign_in_pin("anna", "000000").notice.code == "locked_out"
    assert two.session.sign_in_pin("anna", PIN).notice.code == "locked_out"
    hub.reopen()
    assert hub.station("c").session.sign_in_pin("anna", PIN).notice.code == "locked_out"


def test_eight_browsers_at_once_get_five_tries_between_them(hub: Hub) -> None:
    said: list[str] = []
    stations = [hub.station(str(n)) for n in range(8)]

    def guess(station: Station) -> None:
        said.append(station.session.sign_in_pin("anna", "000000").notice.code)

    guard = Guard(hub.store.db)
    tries: list[bool] = []
    at_once(*[lambda: tries.append(guard.spend("code:1", "mark"))] * 8)
    assert sorted(tries) == [False] * 3 + [True] * 5
    at_once(*[lambda station=station: guess(station) for station in stations])  # type: ignore[misc]
    assert said.count("locked_out") >= 3
    assert len(said) == 8


# ---------------------------------------------------------------- one job, many hands


def test_both_browsers_see_each_others_picks_at_once(hub: Hub) -> None:
    anna, ben = hub.station("a", "anna"), hub.station("b", "ben")
    seen: list[int] = []
    ben.subscribe(lambda: seen.append(job(ben).lines[0].picked))
    assert anna.work.scan(JOB, GTIN[1]).ok
    assert seen == [1]
    assert ben.work.scan(JOB, GTIN[1]).ok
    assert job(anna).lines[0].picked == 2


async def test_eight_people_pick_one_line_and_no_unit_is_lost_or_picked_twice(hub: Hub) -> None:
    stations = [hub.station(str(n), "anna" if n % 2 else "ben") for n in range(8)]
    results: list[Result] = []

    def pick_away(station: Station) -> None:
        results.extend(station.work.scan(JOB, GTIN[1]) for _ in range(4))

    at_once(*[lambda station=station: pick_away(station) for station in stations])  # type: ignore[misc]
    picked = [result for result in results if result.ok]
    assert len(results) == 32
    assert len(picked) == 20  # what the line has
    assert {r.notice.code for r in results if not r.ok} <= {"already_enough", "put_back_extra"}
    line = job(stations[0]).lines[0]
    assert (line.picked, line.open, line.picked_by) == (20, 0, {"D1": 20})
    totals = [q.body["total"] for q in hub.store.outbox.unsettled() if q.kind == "pick"]
    assert totals == list(range(1, 21))  # absolute, each once, in order
    assert [q.n for q in hub.store.outbox.unsettled()] == list(range(1, 29))
    assert await hub.sync()
    assert hub.server.job(1).lines[0].picked_by == {"D1": 20}
    assert hub.store.outbox.waiting == 0


async def test_picks_undo_and_shorts_of_many_add_up(hub: Hub) -> None:
    hub.server.put("person", "lea", a_person("lea", "Lea", "lead"))
    assert await hub.sync()
    stations = [hub.station(str(n), "lea") for n in range(6)]
    reported: list[Result] = []

    def work(number: int, station: Station) -> None:
        for _ in range(5):
            if number % 3 == 0:
                reported.append(station.work.short(JOB, 1, 1, "not_found"))
            else:
                reported.append(station.work.pick(JOB, 1, 1))
                if number % 3 == 1:
                    reported.append(station.work.unpick(JOB, 1, 1))

    at_once(*[lambda n=n, s=s: work(n, s) for n, s in enumerate(stations)])  # type: ignore[misc]
    line = job(stations[0]).lines[0]
    assert line.picked + line.short + line.open == 20
    count = {code: sum(r.ok and r.n is not None and r.notice.code == code for r in reported) for code in CODES}
    assert line.picked == count["picked"] - count["unpicked"]
    assert line.short == count["short_noted"]
    assert await hub.sync()
    assert hub.server.job(1).lines[0] == line


CODES = ("picked", "unpicked", "short_noted")


async def test_of_eight_who_scan_the_same_serial_number_one_has_it(hub: Hub) -> None:
    hub.server.put("item", "SKU-1", an_item(1, serialised=True))
    assert await hub.sync()
    stations = [hub.station(str(n), "anna") for n in range(8)]
    good: list[Result] = []

    def scan(station: Station) -> None:
        for number in range(5):
            result = station.work.scan(JOB, f"{SERIAL}S{number}")
            if result.ok:
                good.append(result)

    at_once(*[lambda station=station: scan(station) for station in stations])  # type: ignore[misc]
    line = job(stations[0]).lines[0]
    assert (len(good), line.picked, sorted(line.serials)) == (5, 5, [f"S{n}" for n in range(5)])


async def test_what_two_have_on_their_screens_is_settled_once(hub: Hub) -> None:
    wrong = ExceptionDoc(id=UUID(int=9), node=NODE, kind="put_back", opened_at=NOON)
    hub.server.put("exception", str(wrong.id), wrong)
    assert await hub.sync()
    stations = [hub.station(str(n), "anna") for n in range(4)]
    at_once(*[lambda s=s: s.work.settle_exception(wrong.id, "put_back") for s in stations])  # type: ignore[misc]
    assert [q.kind for q in hub.store.outbox.unsettled()].count("settle_exception") == 1


# ---------------------------------------------------------------- the store


async def test_the_store_goes_on_without_a_line_and_the_queue_drains(hub: Hub) -> None:
    anna, ben = hub.station("a", "anna"), hub.station("b", "ben")
    hub.network.cut = True
    for _ in range(3):
        assert ben.work.scan(OTHER, GTIN[1]).ok
        assert anna.work.scan(JOB, GTIN[1]).ok
    assert not await hub.sync()
    assert hub.server.job(1).lines[0].picked == 0
    hub.reopen()
    hub.network.heal()
    assert await hub.sync()
    assert hub.store.outbox.waiting == 0
    assert [hub.server.job(n).lines[0].picked for n in (1, 2)] == [3, 3]
    assert (hub.server.job(1).assignee, hub.server.job(2).assignee) == ("anna", "ben")


async def test_the_store_is_not_changed_or_reset_while_commands_of_anybody_wait(hub: Hub) -> None:
    anna, ben = hub.station("a", "anna"), hub.station("b")
    hub.network.cut = True
    assert anna.work.scan(JOB, GTIN[1]).ok
    with pytest.raises(Conflict):
        ben.reset()
    assert (await ben.enrol(hub.server.code, "Hub")).notice.code == "commands_wait"
    assert job(anna).lines[0].picked == 1


async def test_what_was_done_while_another_browser_enrols_is_not_thrown_away(hub: Hub) -> None:
    assert await hub.sync()
    enrol = hub.store.client.enrol

    async def slow(ask: object) -> object:
        answer = await enrol(ask)  # type: ignore[arg-type]
        hub.station("a", "anna").work.scan(JOB, GTIN[1])
        return answer

    hub.store.client.enrol = slow  # type: ignore[method-assign,assignment]
    result = await hub.station("b").enrol(hub.server.code, "Hub again")
    assert (result.ok, result.notice.code) == (False, "commands_wait")
    assert hub.store.view.device == "D1"
    assert hub.store.outbox.waiting == 2


async def test_nobody_stays_signed_in_over_another_enrolment(hub: Hub) -> None:
    anna, ben = hub.station("a", "anna"), hub.station("b", "ben")
    anna.client.person_token = "anna's"
    assert await hub.sync()
    assert (await ben.enrol(hub.server.code, "Hub")).ok
    assert await hub.sync()
    assert hub.store.view.device == "D2"
    assert (anna.session.person, ben.session.person, anna.client.person_token) == (None, None, None)
    assert hub.station("a", "anna").work.scan(JOB, GTIN[1]).ok


async def test_a_revoked_hub_erases_itself_for_all_browsers(hub: Hub) -> None:
    anna, ben = hub.station("a", "anna"), hub.station("b", "ben")
    assert anna.work.scan(JOB, GTIN[1]).ok
    hub.server.revoked["D1"] = []
    assert not await hub.sync()
    assert [command["actor"] for command in hub.server.revoked["D1"]] == ["anna", "ben", "anna"]
    for station in (anna, ben):
        assert (station.enrolled, station.session.person) == (False, None)
        assert station.shut_out is not None


def test_a_browser_that_left_is_forgotten(hub: Hub) -> None:
    before = len(hub.store.on_erase)
    for _ in range(3):
        hub.station("a", "anna").close()
    assert len(hub.store.on_erase) == before


def test_what_one_browser_reads_while_the_feed_changes_it_is_not_kept_for_all(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, documents = hub.station("a", "anna"), hub.store.db.documents
    feed = threading.Thread(target=lambda: asyncio.run(hub.sync()))
    hub.server.put("person", "pat", a_person("pat", "Pat"))

    def slowly(kind: str) -> list[str]:
        found = documents(kind)
        if not feed.ident:
            feed.start()  # the feed brings Pat after she was looked for, and before that is remembered
            feed.join(0.3)
        return found

    monkeypatch.setattr(hub.store.db, "documents", slowly)
    hub.store.lookup._forget()
    assert anna.lookup.person("pat") is None
    feed.join()
    assert anna.lookup.person("pat") is not None
