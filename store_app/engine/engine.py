"""The engine of one device: opens the local store, and holds everything a screen may ask or do."""

from __future__ import annotations

import asyncio
import logging
import platform
import sqlite3
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from shared.barcodes import split_enrolment
from shared.errors import BatonError, Conflict
from shared.sync import Enrolment
from store_app.engine.client import Client
from store_app.engine.clock import Chance, Clock, SystemClock, system_chance
from store_app.engine.contact import Contact
from store_app.engine.db import Database
from store_app.engine.effective import View
from store_app.engine.guard import Guard
from store_app.engine.leaving import give_back
from store_app.engine.lookup import Lookup
from store_app.engine.notify import Bus, Dispose, Listener, Topic
from store_app.engine.outbox import Outbox
from store_app.engine.replica import Replica
from store_app.engine.results import Result, done, refused
from store_app.engine.secrets import FileSecrets, Secrets
from store_app.engine.session import Session
from store_app.engine.state import SETTINGS, AppState, Link, SyncState
from store_app.engine.stock_work import StockWork
from store_app.engine.syncer import Syncer
from store_app.engine.transport import HttpTransport, Transport
from store_app.engine.vault import Vault
from store_app.engine.work import Work

log = logging.getLogger(__name__)
FILE = "store.sqlite3"
CLEAR = (
    "DELETE FROM document",
    "DELETE FROM barcode",
    "DELETE FROM item_search",
    "DELETE FROM cursor",
    "DELETE FROM command",
    "DELETE FROM failure",
    "DELETE FROM scan_log",
    "DELETE FROM meta WHERE key NOT IN ('settings', 'shut_out')",
)


@dataclass(frozen=True)
class ShutOut:
    """This device was revoked: when it erased itself, and how many commands it gave back before."""

    at: datetime
    given: int


class Engine:
    """`Engine.open(...)`, then `start()` to sync in the background, `close()` at the end. Verbs may be called from any
    thread and never wait for the network; what asks the server is a coroutine."""

    def __init__(self, file: Path, transport: Transport, clock: Clock, chance: Chance, secrets: Secrets) -> None:
        self.vault = Vault(secrets, self._server_now)
        self.db = db = Database(file, self.vault)
        self.clock, self._secrets = clock, secrets
        self.bus = Bus()
        self.client = Client(transport)
        self.client.token = secrets.get("token")
        self.view = View(db)
        self.outbox = Outbox(db, clock, chance)
        self.outbox.on_append = self.view.add
        self.outbox.on_reload = lambda: self.view.load(self.view.device, self.outbox.unsettled())
        self.replica = Replica(db, self.outbox, self.view, self.bus)
        self.contact = Contact(db, clock)
        if self.client.token is None and self.shut_out is not None:
            self._clear()  # it was closed after the keys were gone and before the rest was
        self.syncer = Syncer(db, self.outbox, self.replica, self.client, clock, chance, self.bus, self.contact)
        self.syncer.on_revoked = self._leave
        self.lookup = Lookup(db, self.view, clock, self.bus)
        guard = Guard(db)
        self.session = Session(
            self.lookup, self.outbox, guard, secrets, clock, self.bus, self._command_queued, self.contact
        )
        parts = (db, self.view, self.outbox, self.lookup, self.session, guard, clock, self.bus, self._command_queued)
        self.work = Work(*parts)
        self.stock_work = StockWork(*parts)
        self.view.load(db.meta("device") or "", self.outbox.unsettled())
        self._thread: threading.Thread | None = None

    @classmethod
    def open(
        cls,
        folder: Path,
        server_url: str,
        clock: Clock | None = None,
        random: Chance | None = None,
        transport: Transport | None = None,
        secrets: Secrets | None = None,
    ) -> Engine:
        """The local store in `folder`, made if it is not there."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(
            folder / FILE,
            transport or HttpTransport(server_url),
            clock or SystemClock(),
            random or system_chance(),
            secrets or FileSecrets(folder / "device.json"),
        )

    # ------------------------------------------------------------ the device

    @property
    def enrolled(self) -> bool:
        return self.client.token is not None

    async def enrol(self, code: str, name: str) -> Result:
        """Make this a device of a store, with the code a manager shows (scanned or typed). Then sync begins.

        A store of its own begins: what was copied from another one is fetched anew, and a device that has commands
        waiting stays what it is, since they count under its name.
        """
        if self.outbox.waiting and self.shut_out is None:
            return refused("commands_wait", waiting=self.outbox.waiting)
        plain, _ = split_enrolment(code)
        ask = Enrolment(code=plain, name=name, platform=platform.platform()[:80], version=_version())
        try:
            answer = await self.client.enrol(ask)
        except BatonError as error:
            return refused(error.code, detail=error.detail)
        self._secrets.put(token=answer.token, pin_key=answer.pin_key)
        self.vault.renew()
        self._clear()
        self.db.set_meta(device=answer.device, node=answer.node, shut_out=None)
        self.contact.heard()
        self.client.token = answer.token
        self.view.load(answer.device, self.outbox.unsettled())
        self.bus.tell(*Topic)
        self.syncer.poke()
        return done("enrolled", node=answer.node)

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

    async def online_session(self) -> bool:
        """Fetch a token for the signed-in person's online reads with what they showed at sign-in. False: offline."""
        proof = self.session.proof
        if proof is None:
            return self.client.person_token is not None
        self.client.person_token = None  # never ask with the rights of who was here before
        try:
            await self.client.sign_in(**proof)
        except BatonError:
            return False
        self.session.proof = None
        return True

    def reset(self, *, abandon: bool = False) -> None:
        """Forget the store and its keys. Raises `Conflict` while commands wait, since they exist only here; `abandon`
        gives them up (a revoked device: head office lists them as unreturned)."""
        waiting = self.outbox.waiting
        if waiting and not abandon:
            raise Conflict(f"{waiting} commands wait for the server.", remedy="Connect the device, then try again.")
        self._erase()

    @property
    def shut_out(self) -> ShutOut | None:
        """Set when this device was revoked and has erased itself; until it is enrolled again."""
        kept = self.db.meta("shut_out")
        return ShutOut(datetime.fromisoformat(kept["at"]), int(kept["given"])) if kept else None

    async def _leave(self) -> None:
        """Revoked: give the queue back, then destroy the keys and everything else. Raises what the server says when it
        does not take it. What was queued meanwhile is given back before anything is destroyed."""
        given: frozenset[int] = frozenset()
        while True:
            given |= await give_back(self.client, self.outbox)
            with self.db.lock:
                if all(queued.n in given for queued in self.outbox.unsettled()):
                    self.db.set_meta(shut_out={"at": self.clock.now().isoformat(), "given": len(given)})
                    self._erase()
                    return

    def _erase(self) -> None:
        """Keys first: what is not erased when the battery dies now is unreadable."""
        self._secrets.wipe()
        self.vault.forget()
        self.client.token = self.client.person_token = None
        self.session.sign_out()
        self._clear()
        self.view.load("", ())
        self.bus.tell(*Topic)

    def _clear(self) -> None:
        """Everything that belongs to one enrolment, out of the files too; settings of the device stay."""
        self.contact.forget()
        with self.db.write() as tx:
            for statement in CLEAR:
                tx.execute(statement)
        try:
            self.db.compact()
        except sqlite3.Error:  # a full disk: what is left in the file is sealed
            log.exception("the store could not be written anew")

    # ------------------------------------------------------------ for the frame

    def subscribe(self, listener: Listener, *topics: Topic) -> Dispose:
        """Call `listener`, from any thread, after a change of one of the topics (none given: any)."""
        return self.bus.subscribe(listener, *topics)

    def app_state(self) -> AppState:
        """The snapshot for the frame, read afresh."""
        node, person, sync = self.lookup.node, self.session.person, self.syncer.status
        kept = self.db.meta("settings") or {}
        locale = kept.get("locale") or (person.language if person else "en")
        return AppState(
            node_name=node.name,
            person=person.name if person else None,
            sync=SyncState(sync.online, sync.offline_since, sync.waiting, sync.needs_you, sync.link is Link.REVOKED),
            time_zone=node.time_zone,
            currency=node.currency,
            **{**{name: kept[name] for name in SETTINGS if name in kept}, "locale": locale},
        )

    def set(self, **settings: Any) -> None:
        """Settings of this device: locale, theme, left_handed, sound."""
        if wrong := set(settings) - set(SETTINGS):
            raise ValueError(f"no such setting: {', '.join(sorted(wrong))}")
        self.db.set_meta(settings={**(self.db.meta("settings") or {}), **settings})
        self.bus.tell(Topic.SETTINGS)

    def touch(self) -> None:
        """Somebody uses the device: the time until it locks begins anew."""
        self.session.touch()

    def tick(self) -> None:
        """For a timer: tells the screens when the device has just locked."""
        self.session.check()

    def seen(self, n: int) -> None:
        """Somebody has looked at what became of a command (`outbox.unseen()` lists them)."""
        self.outbox.seen(n)
        self.bus.tell(Topic.NEEDS_YOU, Topic.SYNC)

    def _server_now(self) -> datetime:
        """This device's clock, corrected by what was measured."""
        return self.clock.now() + timedelta(milliseconds=self.outbox.offset_ms)

    def _command_queued(self) -> None:
        self.syncer.poke(new_command=True)


def _version() -> str:
    try:
        return version("baton")
    except PackageNotFoundError:
        return ""
