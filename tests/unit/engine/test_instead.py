"""Substitutes on a device without a network: offered, taken, put back, sent, and the same on both sides afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared.fulfilment import State
from shared.scanning import Act
from shared.sync import NodeDoc
from tests.unit.engine.fakes import NODE, FakeServer, Store, a_job, a_position, a_store, an_item

JOB = UUID(int=1)
OTHER, LAST = f"{3:014}", f"{4:014}"


def a_server(policy: dict[str, Any] | None = None, **item: Any) -> FakeServer:
    """A job for three shirts; the customer takes two others instead, of which the better one is not here."""
    server = FakeServer()
    server.put(
        "node",
        NODE,
        NodeDoc(code=NODE, name="Springfield", type="store", time_zone="UTC", currency="USD", policy=policy or {}),
    )
    job = a_job(1)
    line = job.lines[0].model_copy(update={"substitutes": ("SKU-4", "SKU-3", "SKU-9")})
    server.put("fulfilment", str(JOB), job.model_copy(update={"lines": (line, job.lines[1])}))
    for number, sellable in ((3, 5), (4, 0)):
        server.put("item", f"SKU-{number}", an_item(number, **item))
        server.put("stock", f"SKU-{number}", a_position(f"SKU-{number}", sellable))
    return server


def opened(folder: Path, server: FakeServer) -> Store:
    store = asyncio.run(a_store(folder, server))
    store.network.cut = True
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path, a_server())
    yield made
    made.engine.close()


def test_what_is_here_is_offered_first_and_unknown_items_are_not(store: Store) -> None:
    line = store.job().lines[0]
    assert [(each.item.sku, each.here) for each in store.engine.work.choices(line)] == [("SKU-3", 5), ("SKU-4", 0)]
    assert store.engine.work.choices(store.job().lines[1]) == []


def test_a_substitute_is_taken_and_put_back_and_the_shirt_is_wanted_again(store: Store) -> None:
    work = store.engine.work
    assert work.substitute(JOB, 1, "SKU-3", 2, "damaged").ok
    assert work.substitute(JOB, 1, "SKU-3", 1).notice.values["name"] == "Shirt 3"
    taken = store.job().line(1002)
    assert taken is not None
    assert (taken.held, taken.missing, store.job().lines[0].open) == (3, {"damaged": 2, "not_found": 1}, 0)
    assert work.unpick(JOB, 1002).notice.code == "unpicked"
    assert (store.job().lines[0].open, store.job().line(1002).held) == (1, 2)  # type: ignore[union-attr]


def test_a_scan_of_what_may_stand_in_asks_first_and_does_nothing(store: Store) -> None:
    answer = store.engine.work.scan(JOB, OTHER)
    assert (answer.act, answer.ok, answer.tone) == (Act.SUBSTITUTE, True, "note")
    assert answer.item is not None
    assert answer.item.sku == "SKU-3"
    assert answer.line is not None
    assert answer.line.line == 1
    assert len(store.job().lines) == 2
    assert store.engine.work.confirm(JOB, 1, 1, OTHER, instead="SKU-3").ok
    assert store.job().line(1002).held == 1  # type: ignore[union-attr]


def test_what_was_taken_offline_is_the_same_on_the_server_afterwards(store: Store) -> None:
    work = store.engine.work
    for number in (1, 2):
        work.substitute(JOB, 1, "SKU-3", 1)
        assert store.job().line(1002).held == number  # type: ignore[union-attr]
    work.short(JOB, 1, 1, "not_found")
    work.scan(JOB, "SKU-2")
    assert work.pack(JOB).ok
    store.network.cut = False
    asyncio.run(store.sync())
    assert store.engine.outbox.unsettled() == []
    assert store.server.job().lines == store.job().lines
    assert store.server.job().state is State.PACKED


def test_what_the_customer_did_not_agree_to_is_not_even_queued(store: Store) -> None:
    result = store.engine.work.substitute(JOB, 2, "SKU-3", 1)
    assert (result.ok, result.notice.code, result.n) == (False, "substitute_not_agreed", None)


@pytest.mark.parametrize(("policy", "associate", "lead"), [("nobody", False, False), ("leads", False, True)])
def test_the_stores_policy_says_who_may(tmp_path: Path, policy: str, associate: bool, lead: bool) -> None:
    store = opened(tmp_path, a_server({"substitute": policy}))
    work = store.engine.work
    for person, may in (("anna", associate), ("lea", lead)):
        store.sign_in(person)
        assert work.may_substitute is may
        assert bool(work.choices(store.job().lines[0])) is may
        assert work.scan(JOB, OTHER).act is (Act.SUBSTITUTE if may else Act.WRONG)
        assert work.substitute(JOB, 1, "SKU-3", 1).ok is may
    store.engine.close()


def test_a_serial_number_is_asked_for_of_a_substitute_too(tmp_path: Path) -> None:
    store = opened(tmp_path, a_server(flags=("serial",)))
    work = store.engine.work
    asked = work.scan(JOB, OTHER)
    assert (asked.act, asked.notice.code) == (Act.ASK, "scan_serial")
    assert work.confirm(JOB, 1, 1, OTHER, serial="S-1", instead="SKU-3").ok
    assert store.job().line(1002).serials == ("S-1",)  # type: ignore[union-attr]
    store.engine.close()
