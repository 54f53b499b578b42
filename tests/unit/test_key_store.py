"""The secrets of a packaged app: sealed under a key of the platform's key store, which may be locked, or missing."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from store_app.engine.engine import Engine
from store_app.engine.secrets import FileSecrets, SealedSecrets, Secrets
from store_app.key_store import PLAIN, SEALED, KeyStoreClosed, secrets_in
from tests.unit.engine.fakes import GTIN, FakeNetwork, FakeServer, a_job

JOB = UUID(int=1)
TOKEN = "token-of-this-device"


class Platform:
    """A key store: what it keeps, and what is wrong with it."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.locked = False
        self.forgets = False

    async def get(self, key: str) -> str | None:
        if self.locked:
            raise RuntimeError("errSecInteractionNotAllowed")
        return self.kept.get(key)

    async def set(self, key: str, value: Any) -> None:
        if self.locked:
            raise RuntimeError("errSecInteractionNotAllowed")
        if not self.forgets:
            self.kept[key] = str(value)


async def ask(question: Callable[[], Awaitable[Any]]) -> Any:
    return await question()


async def opened(folder: Path, platform: Platform) -> Secrets:
    return await secrets_in(folder, platform, ask)


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def test_the_secrets_lie_sealed_and_are_found_again(tmp_path: Path) -> None:
    platform = Platform()
    (await opened(tmp_path, platform)).put(token=TOKEN)
    assert TOKEN.encode() not in on_disk(tmp_path)
    (key,) = platform.kept.values()
    assert key.encode() not in on_disk(tmp_path)
    assert (await opened(tmp_path, platform)).get("token") == TOKEN
    assert (tmp_path / SEALED).stat().st_mode & 0o077 == 0


async def test_an_app_that_knew_no_key_store_leaves_nothing_in_the_clear(tmp_path: Path) -> None:
    FileSecrets(tmp_path / PLAIN).put(token=TOKEN, pin_key="a")
    found = await opened(tmp_path, Platform())
    assert (found.get("token"), found.get("pin_key")) == (TOKEN, "a")
    assert names(tmp_path) == [SEALED]


@pytest.mark.parametrize("fault", ["locked", "forgets"])
async def test_where_there_is_no_key_store_that_works_the_file_is_plain(tmp_path: Path, fault: str) -> None:
    platform = Platform()
    setattr(platform, fault, True)
    (await opened(tmp_path, platform)).put(token=TOKEN)
    assert json.loads((tmp_path / PLAIN).read_text()) == {"token": TOKEN}
    assert (await opened(tmp_path, platform)).get("token") == TOKEN


async def test_a_key_store_that_is_locked_loses_nothing(tmp_path: Path) -> None:
    platform = Platform()
    (await opened(tmp_path, platform)).put(token=TOKEN)
    platform.locked = True
    with pytest.raises(KeyStoreClosed):
        await opened(tmp_path, platform)
    platform.locked = False
    assert (await opened(tmp_path, platform)).get("token") == TOKEN


async def test_the_folder_of_another_phone_does_not_open(tmp_path: Path) -> None:
    (await opened(tmp_path, Platform())).put(token=TOKEN)
    there = await opened(tmp_path, Platform())
    assert there.get("token") is None
    there.put(token="another")  # it can be connected anew
    assert there.get("token") == "another"


@pytest.mark.parametrize("damage", [b"", b"short", bytes(200)])
async def test_a_damaged_file_is_as_good_as_gone(tmp_path: Path, damage: bytes) -> None:
    platform = Platform()
    (await opened(tmp_path, platform)).put(token=TOKEN)
    (tmp_path / SEALED).write_bytes(damage)
    assert (await opened(tmp_path, platform)).get("token") is None


async def test_wiping_takes_the_sealed_file(tmp_path: Path) -> None:
    found = await opened(tmp_path, Platform())
    found.put(token=TOKEN)
    found.wipe()
    assert names(tmp_path) == []
    assert found.get("token") is None


async def test_a_device_that_lost_its_keys_says_what_is_lost_with_them_and_can_be_connected_anew(
    tmp_path: Path,
) -> None:
    server = FakeServer()
    server.put("fulfilment", str(JOB), a_job(1, 3))
    network = FakeNetwork(server)

    def engine(key: bytes) -> Engine:
        secrets = SealedSecrets(tmp_path / SEALED, key, tmp_path / PLAIN)
        return Engine.open(tmp_path, "", clock=server.clock, transport=network, secrets=secrets)

    first = engine(bytes(32))
    assert (await first.enrol(server.code, "Tablet")).ok
    assert await first.syncer.run_once()
    person = first.lookup.person("anna")
    assert person is not None
    first.session._enter(person, "badge", {})
    network.cut = True
    assert first.work.scan(JOB, GTIN[1]).ok
    waiting = first.outbox.waiting
    assert waiting
    first.close()

    network.heal()
    second = engine(b"another key, of 32 bytes exactly")
    assert (second.enrolled, second.orphans) == (False, waiting)
    assert (await second.enrol(server.code, "Tablet")).ok
    assert await second.syncer.run_once()
    assert (second.enrolled, second.orphans, second.outbox.waiting) == (True, 0, 0)
    second.close()
