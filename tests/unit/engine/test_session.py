"""Signing in without a network: badge, PIN, lock-out, inactivity, leads."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import passes
from tests.unit.engine.fakes import PIN_KEY, FakeServer, Store, a_person, a_store

PIN = "482915"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    server = FakeServer()
    key = base64.b64decode(PIN_KEY)
    server.put("person", "anna", a_person("anna", "Anna", pin_verifier=passes.pin_verifier(PIN, key, bytes(16))))
    server.put(
        "person", "lea", a_person("lea", "Lea", "lead", pin_verifier=passes.pin_verifier("739164", key, bytes(16)))
    )
    made = asyncio.run(a_store(tmp_path, server, signed_in=None))
    made.network.cut = True
    yield made
    made.engine.close()


def test_a_badge_signs_in_and_the_server_will_hear_of_it(store: Store) -> None:
    result = store.engine.session.sign_in_badge("BTN:B:BADGE-ANNA")
    assert (result.ok, result.notice.values["name"]) == (True, "Anna")
    assert store.engine.outbox.unsettled()[0].body == {"kind": "signed_in", "person": "anna", "by": "badge"}
    assert store.engine.session.actor == "anna"


def test_an_unknown_badge_signs_nobody_in(store: Store) -> None:
    assert store.engine.session.sign_in_badge("BTN:B:SOMEBODY").notice.code == "unknown_badge"
    assert store.engine.session.person is None


def test_a_pin_signs_in(store: Store) -> None:
    assert store.engine.session.sign_in_pin("anna", PIN).ok
    assert store.engine.session.can("associate")
    assert not store.engine.session.can("lead", "manager")


def test_five_wrong_pins_lock_that_person_on_this_device_over_a_restart(store: Store) -> None:
    for left in (4, 3, 2):
        assert store.engine.session.sign_in_pin("anna", "000000").notice.values == {"left": left}
    store.restart()
    assert store.engine.session.sign_in_pin("anna", "000000").notice.values == {"left": 1}
    assert store.engine.session.sign_in_pin("anna", "000000").notice.code == "locked_out"
    assert store.engine.session.sign_in_pin("anna", PIN).notice.code == "locked_out"
    assert store.engine.session.sign_in_badge("BTN:B:BADGE-ANNA").notice.code == "locked_out"
    assert store.engine.session.sign_in_pin("lea", "739164").ok  # others are not locked
    assert store.engine.session.unlock("anna").ok
    assert store.engine.session.sign_in_pin("anna", PIN).ok


async def test_a_new_pin_from_head_office_ends_a_lock_out(store: Store) -> None:
    for _ in range(5):
        store.engine.session.sign_in_pin("anna", "000000")
    verifier = passes.pin_verifier("571938", base64.b64decode(PIN_KEY), bytes(16))
    store.server.put("person", "anna", a_person("anna", "Anna", pin_verifier=verifier))
    store.network.heal()
    assert await store.sync()
    assert store.engine.session.sign_in_pin("anna", "571938").ok


def test_the_device_locks_when_nobody_touches_it(store: Store) -> None:
    store.sign_in()
    store.clock.pass_(seconds=200)
    store.engine.session.touch()
    store.clock.pass_(seconds=200)
    assert store.engine.session.actor == "anna"
    store.clock.pass_(seconds=200)
    assert store.engine.session.actor is None
    assert store.engine.session.locked is not None
    store.engine.session.touch()
    assert not store.engine.session.check()


async def test_somebody_who_has_left_the_company_is_signed_out_by_the_feed(store: Store) -> None:
    store.sign_in()
    store.server.put("person", "anna", a_person("anna", "Anna", active=False))
    store.network.heal()
    assert await store.sync()
    assert store.engine.session.person is None


def test_a_lead_allows_one_thing_for_a_short_while(store: Store) -> None:
    session = store.engine.session
    assert session.check_lead("anna", PIN).notice.code == "not_a_lead"
    assert session.check_lead("lea", "000000").notice.code == "wrong_pin"
    assert session.check_lead("lea", "739164").ok
    assert session.lead_allows("lea")
    assert not session.lead_allows("anna")
    store.clock.pass_(seconds=121)
    assert not session.lead_allows("lea")


def test_changing_who_is_signed_in_never_waits_for_the_queue(store: Store) -> None:
    store.sign_in("anna")
    store.sign_in("lea")
    assert store.engine.session.actor == "lea"
    assert store.engine.outbox.waiting == 2
