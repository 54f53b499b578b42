"""Who is at the device (or at this browser of a hub). Badge or PIN, checked here without a network; every command
carries the person's id.

Five wrong PINs lock that person on this device (at every browser of a hub: the store counts them) until a lead unlocks
them or head office sets a new PIN. Changing who is signed in is always possible, whatever waits in the queue.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from shared import passes
from shared.barcodes import ScanKind, read
from shared.sync import PersonDoc, PersonSignedIn
from store_app.engine.clock import Clock
from store_app.engine.contact import Contact
from store_app.engine.guard import Guard
from store_app.engine.lookup import Lookup
from store_app.engine.notify import Bus, Topic
from store_app.engine.outbox import Outbox
from store_app.engine.results import Result, done, refused
from store_app.engine.secrets import Secrets

LEADS = frozenset({"lead", "manager", "admin"})
OVERRIDE_FOR = timedelta(minutes=2)
"""How long a lead's PIN allows what it was asked for."""


def badge_hash(value: str) -> str:
    """How a badge is stored: SHA-256 of the value behind `BTN:B:`, upper-case, as hex."""
    return hashlib.sha256(value.strip().upper().encode()).hexdigest()


class Session:
    """One signed-in person at a time, in memory only: a restart asks again."""

    def __init__(
        self,
        lookup: Lookup,
        outbox: Outbox,
        guard: Guard,
        secrets: Secrets,
        clock: Clock,
        bus: Bus,
        queued: Callable[[], None],
        contact: Contact,
    ) -> None:
        self._lookup, self._outbox, self._guard, self._secrets = lookup, outbox, guard, secrets
        self._clock, self._bus, self._queued, self._contact = clock, bus, queued, contact
        self._person: PersonDoc | None = None
        self._last = clock.now()
        self._told = self._state()
        self._allowed: dict[str, datetime] = {}
        self.proof: dict[str, str] | None = None
        """What was shown at sign-in, until a token for online reads was fetched with it. Never stored."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when somebody comes or goes."""

    # ------------------------------------------------------------ who

    @property
    def person(self) -> PersonDoc | None:
        """Who is signed in; None after sign-out or inactivity, or when head office ended it."""
        person = self._person
        return None if person is None or self._idle() else self._lookup.person(person.id)

    @property
    def actor(self) -> str | None:
        """The id commands carry."""
        person = self.person
        return person.id if person else None

    def can(self, *roles: str) -> bool:
        """Whether the signed-in person has one of these roles."""
        person = self.person
        return person is not None and bool(set(roles) & set(person.roles))

    @property
    def locked(self) -> PersonDoc | None:
        """Who was signed in when the device locked itself, to be offered first."""
        person = self._person
        return person if person is not None and self._idle() else None

    def touch(self) -> None:
        """Somebody is using the device. Does not wake a locked one."""
        if self._person is not None and not self._idle():
            self._last = self._clock.now()

    def check(self) -> bool:
        """For a timer: True while somebody is signed in; tells the screens when the device has just locked."""
        before, self._told = self._told, self._state()
        if before != self._told:
            self._bus.tell(Topic.SESSION)
        return self.person is not None

    def _state(self) -> tuple[bool, bool]:
        return self.locked is not None, self.shut

    @property
    def shut(self) -> bool:
        """Nobody works on this device before it has heard from its server: that was a week ago."""
        return self._contact.lost

    def _idle(self) -> bool:
        return self.shut or self._clock.now() - self._last > timedelta(seconds=self._lookup.node.lock_after_s)

    # ------------------------------------------------------------ in and out

    def sign_in_badge(self, raw: str) -> Result:
        """By a scanned badge."""
        if self.shut:
            return refused("shut")
        scanned = read(raw)
        value = scanned.value if scanned.kind is ScanKind.BADGE and scanned.value else raw
        hashed = badge_hash(value)
        person = next((p for p in self._lookup.people() if p.badge_hash == hashed), None)
        if person is None:
            return refused("unknown_badge")
        if self._guard.left(_key(person), person.pin_verifier or "") == 0:
            return refused("locked_out", name=person.name)
        return self._enter(person, "badge", {"badge": value})

    def sign_in_pin(self, person_id: str, pin: str) -> Result:
        """By PIN. Takes an eighth of a second by design: not on the thread that draws."""
        if self.shut:
            return refused("shut")
        person = self._lookup.person(person_id)
        if person is None:
            return refused("unknown_person")
        problem = self._wrong_pin(person, pin)
        return problem or self._enter(person, "pin", {"person": person.id, "pin": pin})

    def sign_out(self) -> None:
        """Nobody is signed in."""
        self._person, self.proof, self._told = None, None, self._state()
        self._allowed.clear()
        self.on_change()
        self._bus.tell(Topic.SESSION)

    def _enter(self, person: PersonDoc, by: str, proof: dict[str, str]) -> Result:
        self._person, self._last, self.proof = person, self._clock.now(), proof
        self._told = self._state()
        self.on_change()
        command = PersonSignedIn(person=person.id, by="badge" if by == "badge" else "pin")
        queued = self._outbox.append(command, person.id)
        self._queued()
        self._bus.tell(Topic.SESSION, Topic.SYNC)
        return done("signed_in", n=queued.n, name=person.name)

    def _wrong_pin(self, person: PersonDoc, pin: str) -> Result | None:
        verifier, key = person.pin_verifier, self._secrets.get("pin_key")
        if not verifier or not key:
            return refused("no_pin", name=person.name)
        if not self._guard.spend(_key(person), verifier):
            return refused("locked_out", name=person.name)
        if not passes.check_pin(pin, base64.b64decode(key), verifier):
            left = self._guard.left(_key(person), verifier)
            return refused("wrong_pin", left=left) if left else refused("locked_out", name=person.name)
        self._guard.forgive(_key(person))
        return None

    # ------------------------------------------------------------ leads

    def check_lead(self, person_id: str, pin: str) -> Result:
        """A lead's PIN for one thing that needs it; counts for two minutes (`lead_allows`)."""
        person = self._lookup.person(person_id)
        if person is None or not LEADS & set(person.roles):
            return refused("not_a_lead")
        if problem := self._wrong_pin(person, pin):
            return problem
        self._allowed[person.id] = self._clock.now()
        return done("lead_allowed", name=person.name)

    def lead_allows(self, lead_id: str | None) -> bool:
        """Whether this lead has just given their PIN."""
        at = self._allowed.get(lead_id or "")
        return at is not None and self._clock.now() - at <= OVERRIDE_FOR

    def unlock(self, person_id: str) -> Result:
        """A signed-in lead lets somebody who was locked out try again."""
        if not self.can(*LEADS):
            return refused("not_a_lead")
        person = self._lookup.person(person_id)
        if person is None:
            return refused("unknown_person")
        self._guard.forgive(_key(person))
        return done("unlocked", name=person.name)


def _key(person: PersonDoc) -> str:
    return f"pin:{person.id}"
