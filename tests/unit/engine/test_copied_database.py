"""Who copies a device's database finds no customer in it, and cannot guess a code or a PIN from it.

The files are searched byte by byte, with their write-ahead logs, as a thief would who has no key. That such a search
finds what does lie in the clear is tested too.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared import passes
from shared.barcodes.typed import ALPHABET, SECRET_LENGTH
from shared.fulfilment import Arrival, Collector
from shared.sync import NodeDoc
from store_app.engine.vault import Vault
from tests.unit.engine.fakes import GTIN, NODE, NOON, PIN_KEY, FakeServer, Store, a_job, a_person, a_store

JOB, SECOND = UUID(int=1), UUID(int=2)
PIN = "482915"
PRIVATE = bytes(range(32))
CODE = "K7QM-4FHT-9XWD"
LOCATOR, SECRET = "K7QM", "4FHT9XWD"
CODE_HASH = passes.hash_short_code(SECRET, bytes(16))
PASS = passes.sign(PRIVATE, passes.PassClaims(NODE, JOB, 1, int((NOON + timedelta(days=5)).timestamp())))
VERIFIER = passes.pin_verifier(PIN, base64.b64decode(PIN_KEY), bytes(16))
PERSONAL = {
    "customer": "Zoë Sanchez-Müller",
    "phone": "+1 217 555 0142",
    "street": "1209 Juniper Hollow Road",
    "town": "Springfield IL 62701",
    "proxy": "Bartholomew Quigley",
    "note": "Gate code is by the lilacs",
    "vehicle": "Turquoise Wartburg",
    "collector": "Ignatius Featherstone",
    "code": CODE,
    "code without dashes": CODE.replace("-", ""),
    "secret of the code": SECRET,
    "hash of the code": CODE_HASH,
    "pass": PASS,
    "what the pass says": PASS.removeprefix("BTN:P:"),
}


def a_server() -> FakeServer:
    server = FakeServer()
    public = Ed25519PrivateKey.from_private_bytes(PRIVATE).public_key().public_bytes_raw()
    keys = (base64.b64encode(public).decode(),)
    node = NodeDoc(code=NODE, name="Store", type="store", time_zone="UTC", currency="USD", pass_keys=keys)
    server.put("node", NODE, node)
    server.put("person", "anna", a_person("anna", "Anna", "lead", pin_verifier=VERIFIER))
    personal = {
        "customer": PERSONAL["customer"],
        "phone": PERSONAL["phone"],
        "address": (PERSONAL["street"], PERSONAL["town"]),
        "proxies": (Collector(name=PERSONAL["proxy"]),),
        "note": PERSONAL["note"],
        "locator": LOCATOR,
        "code_hash": CODE_HASH,
    }
    server.put("fulfilment", str(JOB), a_job(1, 1, **personal))
    server.put("fulfilment", str(SECOND), a_job(2, 1, **personal | {"arrival": Arrival(vehicle=PERSONAL["vehicle"])}))
    return server


def work(store: Store) -> None:
    """Everything that touches personal data: search, a pass, right and wrong codes, arrival and hand-off; some of it
    settled, some of it waiting, and some of it there twice because a snapshot came."""
    engine, sync = store.engine, lambda: asyncio.run(store.sync())
    store.sign_in()
    for job in (JOB, SECOND):
        assert engine.work.jobs(search="sanchez")
        assert engine.work.scan(job, GTIN[1]).ok
        assert engine.work.pack(job).ok
        assert engine.work.stage(job, "A1").ok
        assert engine.work.arrive(job, vehicle=PERSONAL["vehicle"]).ok
        if job == JOB:
            assert sync()
    assert engine.work.check_pass(PASS).ok
    engine.work.scan(None, PASS, screen="any")
    engine.work.scan(None, CODE, screen="any")
    assert engine.work.check_code("K7QM-9999-9999").notice.code == "wrong_short_code"
    assert engine.work.check_code(CODE).ok
    engine.db.set_meta(epoch=None)
    assert sync()
    store.network.cut = True
    engine.session._allowed["anna"] = store.clock.now()
    for job in (JOB, SECOND):
        given = {"collector": PERSONAL["collector"], "proxy": True, "lead": "anna"}
        assert engine.work.hand_off(job, proof="id_seen", **given).ok  # type: ignore[arg-type]
    assert engine.outbox.waiting >= 2


def copied(store: Store, to: Path) -> bytes:
    """The bytes of the database, its write-ahead log and its index, as they lie on the disk now."""
    files = sorted(store.folder.glob("store.sqlite3*"))
    assert [file.name for file in files] == ["store.sqlite3", "store.sqlite3-shm", "store.sqlite3-wal"]
    to.mkdir()
    return b"".join(Path(shutil.copy(file, to)).read_bytes() for file in files)


def readable(files: bytes) -> list[str]:
    """Which personal values stand in the bytes, as UTF-8 or as JSON writes them in ASCII."""
    found = []
    for name, value in PERSONAL.items():
        forms = {value.encode(), json.dumps(value)[1:-1].encode(), value.lower().encode(), value.encode("utf-16-le")}
        if any(form in files for form in forms):
            found.append(name)
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = asyncio.run(a_store(tmp_path / "store", a_server(), signed_in=None))
    yield made
    made.engine.close()


def test_a_copy_of_the_database_of_a_device_at_work_shows_no_customer(store: Store, tmp_path: Path) -> None:
    work(store)
    files = copied(store, tmp_path / "copy")
    assert readable(files) == []
    assert b"B-1-AA" in files  # what may lie in the clear is found by such a search
    assert b"hand_off" in files
    secrets = json.loads((store.folder / "device.json").read_text())
    for name in ("token", "pin_key", "data_key"):
        assert secrets[name].encode() not in files, name
        assert base64.b64decode(secrets[name] + "==", altchars=b"-_") not in files, name


def test_a_copy_of_the_database_after_revocation_shows_nobody_at_all(store: Store, tmp_path: Path) -> None:
    work(store)
    store.network.heal()
    store.server.revoked["D1"] = []
    assert not asyncio.run(store.sync())
    assert not store.engine.enrolled
    files = copied(store, tmp_path / "copy")
    assert readable(files) == []
    for gone in ("B-1-AA", "Anna", VERIFIER, "hand_off", "sealed"):
        assert gone.encode() not in files, gone
    assert b"shut_out" in files
    given = {c["body"].get("collector") for c in store.server.revoked["D1"] if c["body"]["kind"] == "hand_off"}
    assert given == {PERSONAL["collector"]}  # the server got it, whole


def test_a_copy_made_before_revocation_does_not_open_with_what_the_device_has_after_it(
    store: Store, tmp_path: Path
) -> None:
    work(store)
    copied(store, tmp_path / "copy")
    store.network.heal()
    store.server.revoked["D1"] = []
    asyncio.run(store.sync())
    assert not (store.folder / "device.json").exists()
    thief = sqlite3.connect(tmp_path / "copy" / "store.sqlite3")
    bodies = [row[0] for row in thief.execute("SELECT body FROM document WHERE kind = 'fulfilment'")]
    assert len(bodies) == 2
    assert readable("".join(bodies).encode()) == []


def test_the_search_would_find_what_is_not_sealed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Vault, "seal", lambda self, kind, id_, body: json.dumps(body, ensure_ascii=False))
    store.engine.db.set_meta(epoch=None)
    work(store)
    found = readable(copied(store, tmp_path / "copy"))
    assert {"customer", "phone", "street", "town", "proxy", "note", "vehicle", "collector", "hash of the code"} == set(
        found
    )


# ---------------------------------------------------------------- guessing


def seconds_per_guess() -> float:
    """The fastest of three checks on this machine: what a thief's processor core takes at the same speed."""
    taken = []
    for guess in ("99999999", "88888888", "77777777"):
        begun = time.perf_counter()
        assert not passes.check_short_code(guess, CODE_HASH)
        taken.append(time.perf_counter() - begun)
    return min(taken)


def test_a_short_code_whose_hash_was_stolen_is_not_guessed_in_a_day() -> None:
    codes, cores = len(ALPHABET) ** SECRET_LENGTH, 1_000
    tried = cores * 24 * 3600 / seconds_per_guess()
    assert tried / codes < 0.02  # a thousand such cores for a day: a chance below one in fifty
    assert 24 * 3600 / seconds_per_guess() / codes < 0.000_02  # one core
    assert tried > 10**6  # six digits would have fallen, a thousand times over


def test_a_short_code_is_hashed_at_the_cost_the_sum_was_made_with() -> None:
    cost = passes.SHORT_CODE_COST
    assert CODE_HASH.startswith(f"$argon2id$v=19$m={cost.kibibytes},t={cost.passes},p=1$")
    assert cost.kibibytes >= 19_456
    assert cost.passes >= 2


def test_a_right_pin_does_not_verify_without_the_devices_key() -> None:
    assert passes.check_pin(PIN, base64.b64decode(PIN_KEY), VERIFIER)
    for key in (bytes(32), b"\xff" * 32, base64.b64decode(PIN_KEY)[::-1]):
        assert not passes.check_pin(PIN, key, VERIFIER)
    assert not passes.check_short_code(PIN, VERIFIER)  # argon2id of the PIN itself, without any key
