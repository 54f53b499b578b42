"""Where the server is: what people type and codes say, kept for the next start, and asked for at each request."""

from __future__ import annotations

from pathlib import Path

import pytest

from store_app.device import STORAGE, Device, folder
from store_app.engine.address import Address, address_of
from store_app.engine.transport import HttpTransport, Offline
from tests.unit.test_key_store import Platform


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("https://oms.example.com", "https://oms.example.com"),
        (" HTTPS://OMS.Example.com:8550/ ", "https://oms.example.com:8550"),
        ("oms.example.com", "https://oms.example.com"),
        ("oms.example.com:8550/baton/", "https://oms.example.com:8550/baton"),
        ("192.168.1.20:8550", "http://192.168.1.20:8550"),
        ("https://192.168.1.20:8550", "https://192.168.1.20:8550"),
        ("localhost:8550", "http://localhost:8550"),
        ("[fd00::20]:8550", "http://[fd00::20]:8550"),
    ],
)
def test_an_address_may_be_typed_as_people_say_it(typed: str, url: str) -> None:
    assert address_of(typed) == url
    assert address_of(url) == url


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "/",
        "https://",
        "ftp://oms.example.com",
        "oms.example.com:port",
        "oms example.com",
        "a?b",
        "u@oms",
        "[::",
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(ValueError):
        address_of(typed)


def test_an_address_is_kept_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store" / "server.txt"
    address = Address(path)
    assert address.url == ""
    address.move("oms.example.com")
    with pytest.raises(ValueError):
        address.move("ftp://elsewhere")
    assert address.url == "https://oms.example.com"
    assert Address(path).url == "https://oms.example.com"
    assert [each.name for each in path.parent.iterdir()] == ["server.txt"]


async def test_a_request_goes_to_where_the_server_is_now() -> None:
    asked = []

    def where() -> str:
        asked.append("where")
        return ""

    transport = HttpTransport(where)
    for _ in range(2):
        with pytest.raises(Offline):
            await transport.request("GET", "/v1/sync/hello")
    await transport.aclose()
    assert asked == ["where", "where"]


async def test_a_device_has_one_engine_that_outlives_its_window(tmp_path: Path) -> None:
    device = Device(tmp_path / "store")
    try:
        for _ in range(2):
            await device.open(Platform())
        first, second = device.borrow("one"), device.borrow("two")
        assert first.engine is second.engine
        first.give_back()
        assert second.engine.app_state().person is None
        assert not second.engine.enrolled
    finally:
        device.close()
    assert (tmp_path / "store" / "store.sqlite3").exists()


def test_a_packaged_app_keeps_its_store_where_its_files_survive_an_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STORAGE, str(tmp_path))
    assert folder() == tmp_path / "store"
    monkeypatch.delenv(STORAGE)
    assert folder() == Path(".baton/device")
