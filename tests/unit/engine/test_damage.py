"""A store whose log was cut short or has bits turned over opens to one of its commits; one whose file is damaged is set
aside, said, and loaded anew, and what nobody else has is rescued where that is safe."""

from __future__ import annotations

import contextlib
import copy as copies
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest

from shared.reasons import Bucket
from store_app.engine import damage, db, local_store
from store_app.engine.db import Database
from store_app.engine.local_store import FILE
from store_app.engine.vault import Vault
from tests.unit.engine.fakes import FakeNetwork, FakeServer, Store, a_job, a_store, open_engine
from tests.unit.engine.mutations import copy, mutate

MORE = int(os.environ.get("MUTATIONS", "1"))
LOGS, FILES = 300 * MORE, 100 * MORE
"""Seeded mutations of each; `python -m tests.faults.prove` does more."""
TABLES = ("meta", "cursor", "command", "document", "barcode")
SMALL_LOG = 200_000
"""So that the log is carried over several times in these short lives."""


# ---------------------------------------------------------------- the log: a beginning of the commits


def digest(connection: sqlite3.Connection) -> str:
    """Everything that stands in the tables."""
    rows = [connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES]
    return hashlib.sha256(repr(rows).encode()).hexdigest()


class Remembering(Database):
    """Knows what it was after each of its commits."""

    commits: list[str]

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        with super().write() as tx:
            yield tx
        if not self._depth:
            self.commits.append(digest(self._writer))


def a_life(folder: Path, chance: Random) -> tuple[list[str], list[Path]]:
    """Some hundred commits; the store after each, and copies of its files at some of the moments between them."""
    vault = Vault(local_store.FileSecrets(folder / "device.json"), lambda: a_job().offered_at)
    store = Remembering(folder / FILE, vault)
    store.commits, taken = [digest(store._writer)], []
    for number in range(1, 161):
        with store.write() as tx:
            for _ in range(chance.randint(1, 4)):
                body = json.dumps({"n": number, "more": chance.randbytes(chance.randint(1, 1500)).hex()})
                id_ = str(chance.randint(1, 40))
                tx.execute("DELETE FROM document WHERE id = ?", (id_,))
                tx.execute(
                    "INSERT INTO document (kind, id, stream, version, body) VALUES ('x', ?, 's', ?, ?)",
                    (id_, number, body),
                )
            tx.execute("INSERT OR REPLACE INTO cursor VALUES ('s', ?)", (number,))
        if number % 20 == 7:
            taken.append(copy(folder / FILE, folder / f"copy-{number}"))
    store.close()
    return store.commits, taken


def mixtures(folder: Path, mutations: int, seed: int = 1) -> list[str]:
    """Mutated logs that open to something the store never was, without a complaint."""
    chance = Random(seed)
    commits, taken = a_life(folder, chance)
    found = []
    for number in range(mutations):
        file = copy(chance.choice(taken), folder / f"mutated-{number}")
        what = mutate(Path(f"{file}-wal"), chance)
        try:
            with contextlib.closing(sqlite3.connect(file)) as opened:
                damage.verify(opened)
                if digest(opened) not in commits:
                    found.append(f"{number}: {what}")
        except sqlite3.DatabaseError as error:
            found.append(f"{number}: {what}: {error}")
    return found


def test_a_log_that_is_cut_short_or_has_bits_turned_over_opens_to_one_of_the_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "LOG_BYTES", SMALL_LOG)
    assert mixtures(tmp_path, LOGS) == []


def test_a_log_that_keeps_what_is_in_the_file_already_would_mix_old_and_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What SQLite does by itself, and why this store does not leave it to it."""
    monkeypatch.setattr(db, "SETTINGS", (*db.SETTINGS[:-1], "wal_autocheckpoint=50"))
    assert len(mixtures(tmp_path, LOGS)) > LOGS // 20


# ---------------------------------------------------------------- a device: set aside, loaded anew, rescued


async def a_busy_store(folder: Path, waiting: int = 6) -> Store:
    """A device with settled commands, some of them noticed, and some that nobody else has yet."""
    server = FakeServer()
    for number in range(2, 12):
        server.put("fulfilment", str(UUID(int=number)), a_job(number, 2, 1))
    store = await a_store(folder, server)
    for number in (2, 3, 4):
        assert store.engine.work.accept(UUID(int=number)).ok
    assert await store.sync()
    store.network.cut = True
    for number in range(waiting):
        assert store.engine.stock_work.adjust("SKU-1", Bucket.SELLABLE, 1 + number % 5, "found").ok
    return store


def made(store: Store) -> dict[str, dict[str, Any]]:
    return {str(q.id): q.body for q in store.engine.outbox.journal()}


def after(store: Store, folder: Path) -> Store:
    """Another day: the files in `folder` are opened against a copy of the server, over a good line."""
    server = copies.deepcopy(store.server)
    network = FakeNetwork(server)
    return Store(server, network, server.clock, open_engine(folder, network, server.clock), folder)


def agrees(store: Store, commands: dict[str, dict[str, Any]]) -> list[str]:
    """What is wrong with a device and its server after they have talked."""
    wrong = []
    recorded = store.server.commands["D1"]
    if store.engine.outbox.waiting:
        wrong.append("something waits")
    for id_, command, _ in recorded:
        if commands.get(id_) != command["body"]:
            wrong.append(f"the server has {command}, which nobody did")
    if len(set(store.server.applied)) != len(store.server.applied):
        wrong.append("something was applied twice")
    opened = store.engine.vault.open
    rows = store.engine.db.all("SELECT kind, id, body FROM document")
    mine = {(kind, id_): opened(kind, id_, body) for kind, id_, body in rows}
    if mine != {key: body for key, (_, _, body) in store.server.docs.items()}:
        wrong.append("its replica is not the server's")
    return wrong


@pytest.mark.parametrize("end", ["-wal", ""])
async def test_whatever_happens_to_its_files_a_device_agrees_with_its_server_in_the_end(
    tmp_path: Path, end: str
) -> None:
    store = await a_busy_store(tmp_path / "whole")
    store.engine.db.shrink_log()
    if end:
        assert store.engine.stock_work.adjust("SKU-2", Bucket.SELLABLE, 1, "found").ok
    commands, chance, set_aside = made(store), Random(7), 0
    for number in range(FILES):
        folder = tmp_path / f"{number}"
        file = copy(store.folder / FILE, folder)
        (folder / "device.json").write_bytes((store.folder / "device.json").read_bytes())
        what = mutate(Path(f"{file}{end}"), chance)
        opened = after(store, folder)
        for _ in range(3):
            await opened.sync()
        assert agrees(opened, commands) == [], f"{number}: {what}"
        set_aside += opened.engine.store.mended is not None
        opened.engine.close()
    store.engine.close()
    assert (set_aside > 0) == (end == ""), set_aside


def scribble(store: Store) -> None:
    """The file under a device that works: its newest jobs are written over, as a bad card does it."""
    store.engine.db.shrink_log()
    with (store.folder / FILE).open("r+b") as file:
        data = file.read()
        for start in range(4096, len(data), 4096):
            if b'"hand' in data[start : start + 4096] or b"adjust_stock" in data[start : start + 4096]:
                file.seek(start)
                file.write(b"\xff" * 4096)


def forget(store: Store, *numbers: int) -> None:
    """Change these commands behind the back of the store, as a bit that turns over does."""
    with contextlib.closing(sqlite3.connect(store.folder / FILE)) as file:
        for n in numbers:
            file.execute("UPDATE command SET actor = 'bnna' WHERE n = ?", (n,))
        file.commit()


async def test_a_damaged_file_is_set_aside_and_everything_is_loaded_anew(tmp_path: Path) -> None:
    store = await a_busy_store(tmp_path / "store")
    commands = made(store)
    forget(store, 1)  # long with the server
    store.restart()
    assert store.engine.enrolled
    assert store.engine.lookup.people() == []
    mended = store.engine.mended
    assert mended is not None
    assert (mended.rescued, (store.folder / mended.file).exists()) == (None, True)
    assert mended.file.startswith("store.damaged-2026")
    store.network.heal()
    assert await store.sync()
    assert agrees(store, commands) == []
    assert store.engine.mended == local_store.Mended(mended.at, mended.file, rescued=6, left=0)
    assert len(store.server.commands["D1"]) == len(commands)
    assert store.engine.syncer.status.needs_you == 1
    store.engine.mended_seen()
    assert store.engine.mended is None
    store.restart()
    assert store.engine.mended is None
    assert await store.sync()
    store.engine.close()


async def test_commands_behind_a_gap_are_not_sent_and_that_is_said(tmp_path: Path) -> None:
    store = await a_busy_store(tmp_path / "store")
    last = len(store.server.commands["D1"])
    forget(store, last + 3)
    commands = made(store)
    store.restart()
    store.network.heal()
    assert await store.sync()
    mended = store.engine.mended
    assert mended is not None
    assert (mended.rescued, mended.left) == (2, 3)
    assert len(store.server.commands["D1"]) == last + 2
    assert agrees(store, commands) == []
    store.sign_in()  # and work goes on under the next number
    assert await store.sync()
    assert [command["n"] for _, command, _ in store.server.commands["D1"]] == list(range(1, last + 4))
    store.engine.close()


async def test_damage_that_is_met_in_the_middle_of_work_is_mended_with_the_next_sync(tmp_path: Path) -> None:
    store = await a_busy_store(tmp_path / "store", waiting=40)
    commands = made(store)
    scribble(store)
    with pytest.raises(sqlite3.DatabaseError):
        store.engine.db.browse("SELECT * FROM command")
    assert store.engine.db.damaged
    store.network.heal()
    for _ in range(3):
        await store.sync()
    assert store.engine.mended is not None
    assert store.engine.session.actor is None
    assert agrees(store, commands) == []
    assert store.engine.syncer.status.online
    store.engine.close()


async def test_whose_device_it_is_comes_from_the_server_when_the_file_does_not_say(tmp_path: Path) -> None:
    store = await a_busy_store(tmp_path / "store")
    commands = made(store)
    store.engine.close()
    (store.folder / FILE).write_bytes(b"nothing of a database" * 1000)
    store.engine = open_engine(store.folder, store.network, store.clock)
    assert store.engine.enrolled
    store.network.heal()
    assert await store.sync()
    assert agrees(store, commands) == []
    assert (store.engine.view.device, store.engine.db.meta("node")) == ("D1", "S001")
    store.sign_in()
    assert await store.sync()
    store.engine.close()


async def test_a_battery_that_dies_while_a_damaged_file_is_replaced_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in range(1, 5):
        store = await a_busy_store(tmp_path / f"store-{step}")
        commands = made(store)
        forget(store, 1)
        store.engine.close()
        moves, replace = iter(range(step)), Path.replace

        def dying(self: Path, to: Path, moves: Iterator[int] = moves, replace: Any = replace) -> Path:
            if "store." in self.name and next(moves, None) is None:
                raise KeyboardInterrupt
            return replace(self, to)  # type: ignore[no-any-return]

        with monkeypatch.context() as patched, contextlib.suppress(KeyboardInterrupt):
            patched.setattr(Path, "replace", dying)
            open_engine(store.folder, store.network, store.clock).close()
        store.engine = open_engine(store.folder, store.network, store.clock)
        store.network.heal()
        assert await store.sync()
        assert agrees(store, commands) == []
        assert len(store.server.commands["D1"]) == len(commands), f"step {step}"
        store.engine.close()


async def test_a_full_disk_or_a_locked_file_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await a_busy_store(tmp_path / "store")
    store.engine.close()

    def full(connection: sqlite3.Connection, **_: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(damage, "verify", full)
        with pytest.raises(sqlite3.OperationalError):
            open_engine(store.folder, store.network, store.clock)
    assert list(store.folder.glob("*damaged*")) == []


async def test_a_device_that_is_shut_out_keeps_no_damaged_file_either(tmp_path: Path) -> None:
    store = await a_busy_store(tmp_path / "store")
    forget(store, 1)
    store.restart()
    store.network.heal()
    assert await store.sync()
    assert list(store.folder.glob("*damaged*"))
    store.server.revoked["D1"] = []
    await store.sync()
    assert not store.engine.enrolled
    assert list(store.folder.glob("*damaged*")) == []
    store.engine.close()


async def test_a_store_of_an_earlier_build_opens_as_it_is(tmp_path: Path) -> None:
    store = await a_busy_store(tmp_path / "store")
    commands = made(store)
    store.engine.close()
    with contextlib.closing(sqlite3.connect(store.folder / FILE)) as file:
        for table in ("command", "document"):
            file.execute(f"ALTER TABLE {table} DROP COLUMN mark")
        file.execute("DROP TABLE rescued")
        file.commit()
    store.engine = open_engine(store.folder, store.network, store.clock)
    assert store.engine.mended is None
    store.network.heal()
    assert await store.sync()
    assert agrees(store, commands) == []
    assert store.engine.stock_work is not None
    store.engine.close()
