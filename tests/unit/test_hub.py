"""A hub from the command line: where it listens, what it says of itself, what it gives to tablets and to browsers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from store_app import __main__ as command
from store_app import certificate, web
from store_app.certificate import Tls
from store_app.engine.local_store import LocalStore
from store_app.engine.station import Station
from store_app.ui.screens.more import more_screen
from store_app.ui.state import HubFace
from store_app.web import CERTIFICATE, Engines, create_web
from tests.unit.engine.fakes import FakeNetwork, FakeServer, Store, a_store
from tests.unit.ui.render import shown


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What `serve` is called with; no port is opened."""
    seen: dict[str, object] = {}

    def serve(
        host: str, port: int, data: Path, server: str, tls: Tls | None, gallery: bool, hub: HubFace | None
    ) -> None:
        seen.update(host=host, port=port, tls=tls, hub=hub)

    monkeypatch.setattr(command, "serve", serve)
    monkeypatch.setattr(command, "network_addresses", lambda: ["192.168.1.20", "10.0.0.7"])
    return seen


def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *words: str) -> None:
    monkeypatch.setattr("sys.argv", ["store_app", "--data", str(tmp_path), *words])
    command.main()


def test_a_hub_is_for_the_whole_network_and_says_how_tablets_come_to_trust_it(
    started: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, tmp_path, "--hub")
    tls = certificate.own(tmp_path / "tls")
    assert (started["host"], started["tls"]) == ("0.0.0.0", tls)
    assert started["hub"] == HubFace(
        ("https://192.168.1.20:8600", "https://10.0.0.7:8600"),
        tls.fingerprint,
        "https://192.168.1.20:8600/hub/certificate.crt",
    )
    said = capsys.readouterr().out
    for words in ("https://192.168.1.20:8600\n", "https://10.0.0.7:8600\n", CERTIFICATE, tls.fingerprint):
        assert words in said


def test_a_hub_does_as_it_is_told_otherwise(
    started: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, tmp_path, "--hub", "--host", "192.168.7.1", "--port", "443")
    hub = started["hub"]
    assert isinstance(hub, HubFace)
    assert (started["host"], hub.addresses) == ("192.168.7.1", ("https://192.168.7.1:443",))
    run(monkeypatch, tmp_path, "--hub", "--no-tls")  # behind a proxy: nothing unencrypted leaves the machine by default
    assert (started["host"], started["tls"]) == ("127.0.0.1", None)
    assert started["hub"] == HubFace(("http://127.0.0.1:8600",), "", "")


def test_a_hub_with_a_certificate_of_the_shop_offers_none(
    started: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = certificate.own(tmp_path / "given")
    run(monkeypatch, tmp_path, "--hub", "--tls-cert", str(given.certificate), "--tls-key", str(given.key))
    hub = started["hub"]
    assert isinstance(hub, HubFace)
    assert (hub.to_install, hub.addresses[0][:8], len(hub.fingerprint)) == ("", "https://", 95)
    assert not (tmp_path / "tls").exists()


def test_a_certificate_that_cannot_be_read_is_said_before_anything_starts(
    started: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch, tmp_path, "--hub", "--tls-cert", str(tmp_path / "none.pem"), "--tls-key", "none.key")
    assert "certificate cannot be used" in capsys.readouterr().err
    assert started == {}


def test_without_hub_the_app_stays_on_this_machine(
    started: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, tmp_path)
    assert started == {"host": "127.0.0.1", "port": 8600, "tls": None, "hub": None}


# ---------------------------------------------------------------- what it serves


async def get(app: object, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://hub") as browser:  # type: ignore[arg-type]
        return await browser.get(path)


async def test_the_certificate_is_a_file_that_phones_know_what_to_do_with(tmp_path: Path) -> None:
    tls = certificate.own(tmp_path)
    app = create_web(Engines(_nobody), certificate=tls.to_install)
    answer = await get(app, CERTIFICATE)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-x509-ca-cert")
    assert answer.content == tls.to_install
    assert "<title>Baton" in (await get(app, "/")).text


async def test_where_nothing_is_to_be_installed_nothing_is_served() -> None:
    answer = await get(create_web(Engines(_nobody)), CERTIFICATE)
    assert "text/html" in answer.headers["content-type"]  # the page, as for every address


def _nobody(_slot: str) -> Station:
    raise AssertionError("no page was opened")


def test_browsers_of_a_hub_are_stations_of_one_store_and_tabs_of_a_browser_one_station(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lent: list[object] = []

    def visited(app: Engines, main: object, hub: HubFace | None, file: bytes | None) -> Engines:
        lent.extend(app.borrow(slot).engine for slot in ("a" * 32, "b" * 32, "a" * 32))
        return app

    monkeypatch.setattr(web, "create_web", visited)
    monkeypatch.setattr(web.uvicorn, "run", lambda app, **how: None)
    web.serve("127.0.0.1", 1, tmp_path, "http://127.0.0.1:9", hub=HubFace((), "", ""))
    first, second, again = lent
    assert isinstance(first, Station)
    assert isinstance(second, Station)
    assert first is again
    assert first is not second
    assert first.store is second.store
    assert [path.name for path in tmp_path.iterdir()] == ["hub"]


def test_the_store_of_a_hub_outlives_its_browsers(tmp_path: Path) -> None:
    store = LocalStore.open(tmp_path, "http://unused", transport=FakeNetwork(FakeServer()))
    engines = Engines(lambda slot: Station(store, slot))
    lease = engines.borrow("a" * 32)
    lease.give_back()
    assert store.on_erase == []
    assert engines.borrow("a" * 32).engine is not lease.engine
    assert store.outbox.waiting == 0  # the file is open
    store.close()


# ---------------------------------------------------------------- what it shows


def test_the_settings_show_how_another_tablet_is_connected_and_what_to_compare(tmp_path: Path) -> None:
    hub = HubFace(("https://192.168.1.20:8600",), "AB:CD:EF", "https://192.168.1.20:8600/hub/certificate.crt")

    async def look(store: Store) -> None:
        async with shown(store.engine, more_screen, hub=hub) as screen:
            assert "Hub of this store" in screen.words
            for words in ("https://192.168.1.20:8600", "/hub/certificate.crt", "AB CD EF"):
                assert words in screen.words
        async with shown(store.engine, more_screen) as screen:
            assert "Hub of this store" not in screen.words

    async def whole() -> None:
        store = await a_store(tmp_path)
        try:
            await look(store)
        finally:
            store.engine.close()

    asyncio.run(whole())
