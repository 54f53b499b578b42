"""What belongs to the store, whoever works in it: one enrolment, one file, one queue, one sync.

A device has one of these and one person at a time in front of it (`engine`); a hub has one of these and a `Station` for
every browser. All methods may be called from any thread.
"""

from __future__ import annotations

import asyncio
import logging
import platform
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from shared.barcodes import split_enrolment
from shared.errors import BatonError, Conflict, NotAllowed
from shared.sync import Enrolment, happened_at
from store_app.engine import damage
from store_app.engine.client import Client
from store_app.engine.clock import Chance, Clock, SystemClock, system_chance
from store_app.engine.commands import Queued
from store_app.engine.contact import Contact
from store_app.engine.db import Database
from store_app.engine.effective import View
from store_app.engine.guard import Guard
from store_app.engine.leaving import give_back
from store_app.engine.lookup import Lookup
from store_app.engine.notify import Bus, Topic
from store_app.engine.outbox import Outbox
from store_app.engine.photos import FOLDER, Photos
from store_app.engine.replica import Replica
from store_app.engine.results import Result, done, refused
from store_app.engine.secrets import FileSecrets, Secrets
from store_app.engine.syncer import Syncer
from store_app.engine.transport import HttpTransport, Transport
from store_app.engine.vault import Vault

log = logging.getLogger(__name__)
FILE = "store.sqlite3"
CLEAR = (
    "DELETE FROM document",
    "DELETE FROM barcode",
    "DELETE FROM item_search",
    "DELETE FROM cursor",
    "DELETE FROM command",
    "DELETE FROM attachment",
    "DELETE FROM rescued",
    "DELETE FROM failure",
    "DELETE FROM scan_log",
    "DELETE FROM meta WHERE key != 'shut_out' AND key != 'settings' AND key NOT LIKE 'settings/%'",
)


@dataclass(frozen=True)
class Mended:
    """The file was damaged: when, and under which name it was set aside. `rescued` commands of its queue were put into
    the new one (None: the server has not been asked yet), `left` could be read but no longer be sent."""

    at: datetime
    file: str
    rescued: int | None
    left: int


@dataclass(frozen=True)
class ShutOut:
    """This device was revoked: when it erased itself, and how many commands it gave back before."""

    at: datetime
    given: int


class LocalStore:
    """`LocalStore.open(...)`, then `start()` to sync in the background, `close()` at the end."""

    DATABASE: type[Database] = Database
    """What the file is opened with; the simulation has one that loses its power."""

    def __init__(self, file: Path, transport: Transport, clock: Clock, chance: Chance, secrets: Secrets) -> None:
        self.clock, self.secrets, self._file = clock, secrets, file
        self.vault = Vault(secrets, self._server_now)
        self.db = db = self._opened(file)
        self.bus = Bus()
        self.on_erase: list[Callable[[], None]] = []
        """Called when the enrolment ends or another one begins: nobody stays signed in over that."""
        self.client = Client(transport)
        self.client.token = secrets.get("token")
        self.view = View(db)
        self.outbox = Outbox(db, clock, chance)
        self.photos = Photos(db, file.parent / FOLDER, clock)
        self.outbox.on_write = self._name_photo
        self.outbox.on_append = self.view.add
        self.outbox.on_reload = lambda: self.view.load(self.view.device, self.outbox.unsettled())
        self.replica = Replica(db, self.outbox, self.view, self.bus)
        self.contact = Contact(db, clock)
        if self.client.token is None and self.shut_out is not None:
            self._clear()  # it was closed after the keys were gone and before the rest was
        self.syncer = Syncer(
            db, self.outbox, self.replica, self.client, clock, chance, self.bus, self.contact, self.photos
        )
        self.syncer.on_revoked = self._leave
        self.syncer.on_damaged = self._begin_anew
        db.on_damage = self.syncer.poke
        self.lookup = Lookup(db, self.view, clock, self.bus)
        self.guard = Guard(db)
        self.view.load(db.meta("device") or "", self.outbox.unsettled())
        self._thread: threading.Thread | None = None

    def _opened(self, file: Path) -> Database:
        """The store in this file; a damaged one is set aside, and a new one begun."""
        damage.finish(file)
        damage.forget_files(file, self.clock.now() - damage.KEPT_FOR)
        try:
            return self.DATABASE(file, self.vault)
        except damage.ERRORS as error:
            if not damage.keeps_from_opening(error, file):
                raise
            log.exception("the store is damaged, and is set aside")
        self.DATABASE.replace(file, self.vault, self.clock.now())
        return self.DATABASE(file, self.vault)

    def _begin_anew(self) -> None:
        """The file turned out to be damaged while it was used: the same, with everybody who works on it."""
        with self.db.lock:
            self.db.begin_anew(self.clock.now())
            self.view.load(self.db.meta("device") or "", ())
            self.photos.adopt()
        self._nobody_stays()
        self.bus.tell(*Topic)

    @property
    def mended(self) -> Mended | None:
        """Set when the file was damaged and set aside; until somebody has seen that."""
        told = self.db.meta("mended") if self.enrolled else None
        return Mended(datetime.fromisoformat(told["at"]), told["file"], told["rescued"], told["left"]) if told else None

    def mended_seen(self) -> None:
        """Somebody knows about it."""
        self.db.set_meta(mended=None)
        self.bus.tell(Topic.NEEDS_YOU, Topic.SYNC)

    @classmethod
    def open(
        cls,
        folder: Path,
        server_url: str,
        clock: Clock | None = None,
        random: Chance | None = None,
        transport: Transport | None = None,
        secrets: Secrets | None = None,
    ) -> LocalStore:
        """The local store in `folder`, made if it is not there."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(
            folder / FILE,
            transport or HttpTransport(server_url),
            clock or SystemClock(),
            random or system_chance(),
            secrets or FileSecrets(folder / "device.json"),
        )

    def start(self) -> None:
        """Sync in the background, in a thread with its own event loop."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._sync, name="baton-sync", daemon=True)
            self._thread.start()

    def _sync(self) -> None:
        asyncio.run(self._sync_until_closed())

    async def _sync_until_closed(self) -> None:
        try:
            await self.syncer.run_forever()
        finally:
            await self.client.transport.aclose()

    def close(self) -> None:
        """Let go of files and threads. Everything that was done is on the disk already."""
        self.syncer.stop()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None
        self.db.close()

    def _name_photo(self, tx: sqlite3.Connection, queued: Queued) -> None:
        if photo := getattr(queued.command, "photo", None):
            self.photos.name(tx, photo)

    def command_queued(self) -> None:
        """There is something to send."""
        self.syncer.poke(new_command=True)

    # ------------------------------------------------------------ the enrolment

    @property
    def enrolled(self) -> bool:
        return self.client.token is not None

    async def enrol(self, code: str, name: str) -> Result:
        """Make this a device of a store, with the code a manager shows (scanned or typed). Then sync begins.

        A store of its own begins: what was copied from another one is fetched anew, and a device that has commands
        waiting stays what it is, since they count under its name. On a hub two may try at once: who comes second finds
        that out when the server has answered.
        """
        if problem := self._commands_wait():
            return problem
        plain, _ = split_enrolment(code)
        ask = Enrolment(code=plain, name=name, platform=platform.platform()[:80], version=_version())
        try:
            answer = await self.client.enrol(ask)
        except NotAllowed:
            return refused("enrolment_refused")
        except BatonError as error:
            return refused(error.code, detail=error.detail)
        with self.db.lock:
            if problem := self._commands_wait():
                return problem
            self.secrets.put(token=answer.token, pin_key=answer.pin_key)
            self.vault.renew()
            self._clear()
            self.db.set_meta(device=answer.device, node=answer.node, shut_out=None)
            self.contact.heard()
            self.client.token = answer.token
            self.view.load(answer.device, self.outbox.unsettled())
        self._nobody_stays()
        self.bus.tell(*Topic)
        self.syncer.poke()
        return done("enrolled", node=answer.node)

    def _commands_wait(self) -> Result | None:
        waiting = self.outbox.waiting + self.photos.waiting
        given_up = self.shut_out is not None or self.orphans
        return refused("commands_wait", waiting=waiting) if waiting and not given_up else None

    @property
    def orphans(self) -> int:
        """Commands and photos that can never be sent, because the keys of this device are gone (its files came from a
        backup or another phone, or its key store was emptied): nothing proves any more whose they are."""
        return 0 if self.enrolled or self.shut_out is not None else self.outbox.waiting + self.photos.waiting

    def reset(self, *, abandon: bool = False) -> None:
        """Forget the store and its keys. Raises `Conflict` while commands or photos wait, since they exist only here;
        `abandon` gives them up (a revoked device: head office lists them as unreturned)."""
        with self.db.lock:
            commands, photos = self.outbox.waiting, self.photos.waiting
            if (commands or photos) and not abandon:
                raise Conflict(
                    f"{commands} commands and {photos} photos wait for the server.",
                    remedy="Connect the device, then try again.",
                )
            self._erase()

    @property
    def shut_out(self) -> ShutOut | None:
        """Set when this device was revoked and has erased itself; until it is enrolled again."""
        kept = self.db.meta("shut_out")
        return ShutOut(datetime.fromisoformat(kept["at"]), int(kept["given"])) if kept else None

    async def _leave(self) -> None:
        """Revoked: give the queue and the photos back, then destroy the keys and everything else. Raises what the
        server says when it does not take it. What was queued meanwhile is given back before anything is destroyed."""
        given: frozenset[int] = frozenset()
        while True:
            given |= await give_back(self.client, self.outbox)
            await self.syncer.sender.leave()
            with self.db.lock:
                if all(queued.n in given for queued in self.outbox.unsettled()):
                    self.db.set_meta(shut_out={"at": self.clock.now().isoformat(), "given": len(given)})
                    self._erase()
                    return

    def _erase(self) -> None:
        """Keys first: what is not erased when the battery dies now is unreadable."""
        self.secrets.wipe()
        self.vault.forget()
        self.client.token = None
        self._nobody_stays()
        self._clear()
        self.view.load("", ())
        self.bus.tell(*Topic)

    def _nobody_stays(self) -> None:
        for sign_out in list(self.on_erase):
            sign_out()

    def _clear(self) -> None:
        """Everything that belongs to one enrolment, out of the files too; settings of people and browsers stay."""
        self.contact.forget()
        damage.forget_files(self._file)
        self.photos.clear()
        with self.db.write() as tx:
            for statement in CLEAR:
                tx.execute(statement)
        try:
            self.db.compact()
        except sqlite3.Error:  # a full disk: what is left in the file is sealed
            log.exception("the store could not be written anew")

    def _server_now(self) -> datetime:
        """This device's clock, corrected by what was measured."""
        return happened_at(self.clock.now(), self.outbox.offset_ms)


def _version() -> str:
    try:
        return version("baton")
    except PackageNotFoundError:
        return ""
