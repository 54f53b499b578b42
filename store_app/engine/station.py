"""One place to work at: a person at a browser or a device, over a local store that others may share.

Who is signed in, the lock, what a lead allowed, which passes were checked, rights for online reads and settings belong
to the station. Jobs, stock, queue and sync belong to the store: what is done at one station shows at all of them.
"""

from __future__ import annotations

from typing import Any

from shared.errors import BatonError
from store_app.engine.local_store import LocalStore, Mended, ShutOut
from store_app.engine.notify import Dispose, Listener, Topic
from store_app.engine.results import Result
from store_app.engine.session import Session
from store_app.engine.state import SETTINGS, AppState, Link, SyncState, SyncStatus
from store_app.engine.stock_work import StockWork
from store_app.engine.work import Work


class Station:
    """Everything a screen may ask or do. Verbs may be called from any thread and never wait for the network; what asks
    the server is a coroutine. `slot` names the browser among those of a hub."""

    def __init__(self, store: LocalStore, slot: str = "") -> None:
        self.store = store
        self._settings = f"settings/{slot}" if slot else "settings"
        self.db, self.clock, self.bus, self.vault = store.db, store.clock, store.bus, store.vault
        self.view, self.outbox, self.replica, self.lookup = store.view, store.outbox, store.replica, store.lookup
        self.syncer, self.contact = store.syncer, store.contact
        self.client = store.client.for_somebody()
        queued = store.command_queued
        self.session = Session(
            self.lookup, self.outbox, store.guard, store.secrets, self.clock, self.bus, queued, self.contact
        )
        self.session.on_change = self._drop_rights
        store.on_erase.append(self.session.sign_out)
        parts = (self.db, self.view, self.outbox, self.lookup, self.session, store.guard, self.clock, self.bus, queued)
        self.work = Work(*parts, photos=store.photos)
        self.stock_work = StockWork(*parts)

    def close(self) -> None:
        """The browser is gone: whoever was signed in there is not any more. The store goes on."""
        self.store.on_erase.remove(self.session.sign_out)
        self.session.sign_out()

    # ------------------------------------------------------------ the store

    @property
    def enrolled(self) -> bool:
        """Whether this belongs to a store."""
        return self.store.enrolled

    @property
    def shut_out(self) -> ShutOut | None:
        """See `LocalStore.shut_out`."""
        return self.store.shut_out

    @property
    def orphans(self) -> int:
        """See `LocalStore.orphans`."""
        return self.store.orphans

    @property
    def mended(self) -> Mended | None:
        """See `LocalStore.mended`."""
        return self.store.mended

    def mended_seen(self) -> None:
        """See `LocalStore.mended_seen`."""
        self.store.mended_seen()

    async def enrol(self, code: str, name: str) -> Result:
        """See `LocalStore.enrol`; on a hub one browser does it for all."""
        return await self.store.enrol(code, name)

    def reset(self, *, abandon: bool = False) -> None:
        """See `LocalStore.reset`."""
        self.store.reset(abandon=abandon)

    def seen(self, n: int) -> None:
        """Somebody has looked at what became of a command (`outbox.unseen()` lists them)."""
        self.outbox.seen(n)
        self.bus.tell(Topic.NEEDS_YOU, Topic.SYNC)

    # ------------------------------------------------------------ who is here

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
        if self.session.proof is not proof:  # somebody else has come meanwhile
            self.client.person_token = None
            return await self.online_session()
        self.session.proof = None
        return True

    def _drop_rights(self) -> None:
        self.client.person_token = None

    def touch(self) -> None:
        """Somebody works here: the time until it locks begins anew."""
        self.session.touch()

    def tick(self) -> None:
        """For a timer: tells the screens when this has just locked."""
        self.session.check()

    # ------------------------------------------------------------ for the frame

    def subscribe(self, listener: Listener, *topics: Topic) -> Dispose:
        """Call `listener`, from any thread, after a change of one of the topics (none given: any), wherever it was
        made."""
        return self.bus.subscribe(listener, *topics)

    def app_state(self) -> AppState:
        """The snapshot for the frame, read afresh."""
        node, person, sync = self.lookup.node, self.session.person, self.syncer.status
        kept = self.db.meta(self._settings) or {}
        locale = kept.get("locale") or (person.language if person else "en")
        return AppState(
            node_name=node.name,
            person=person.name if person else None,
            sync=_for_people(sync),
            time_zone=node.time_zone,
            currency=node.currency,
            **{**{name: kept[name] for name in SETTINGS if name in kept}, "locale": locale},
        )

    def set(self, **settings: Any) -> None:
        """Settings of this device, or of this browser: locale, theme, left_handed, sound."""
        if wrong := set(settings) - set(SETTINGS):
            raise ValueError(f"no such setting: {', '.join(sorted(wrong))}")
        with self.db.lock:
            self.db.set_meta(**{self._settings: {**(self.db.meta(self._settings) or {}), **settings}})
        self.bus.tell(Topic.SETTINGS)


def _for_people(sync: SyncStatus) -> SyncState:
    return SyncState(
        online=sync.online,
        offline_since=sync.offline_since,
        waiting=sync.waiting,
        needs_you=sync.needs_you,
        shut_out=sync.link is Link.REVOKED,
        update_needed=sync.link is Link.UPDATE_NEEDED,
    )
