"""Who may manage whom, which PINs are too easy, and the shapes people, devices and keys have on the wire."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from server.kit.auth import HEAD_OFFICE, PERMISSIONS, STORE, Actor
from shared.errors import NotAllowed
from shared.kernel import Input, NodeCode, Wire
from shared.sync import PersonDoc

MANAGED_IN_STORES = frozenset({"associate", "lead"})
"""Roles a store's manager may give and take; the others are an admin's to give."""
WRONG_PINS = 5

PersonRole = Literal["associate", "lead", "manager", "agent", "planner", "admin"]
KeyRole = Literal["integration", "admin", "planner", "agent"]
Name = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]


def is_weak(pin: str) -> bool:
    """One digit repeated, or digits counting up or down: 111111, 123456, 987654."""
    return {(int(b) - int(a)) % 10 for a, b in pairwise(pin)} in ({0}, {1}, {9})


def _strong(pin: str) -> str:
    if is_weak(pin):
        raise ValueError("this PIN is among the first a thief tries; choose another")
    return pin


Pin = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$"), AfterValidator(_strong)]


def check_may_manage(actor: Actor, *, roles: Collection[str], nodes: Collection[str]) -> None:
    """Raises `NotAllowed` unless `actor` may make or change somebody with these roles at these nodes.

    A manager has a say over associates and leads who work only where the manager does: a new PIN for somebody who also
    works elsewhere would open that other store too.
    """
    if actor.kind == "system" or "admin" in actor.roles:
        return
    if not set(roles) <= MANAGED_IN_STORES:
        raise NotAllowed("Managers look after associates and leads.", remedy="Ask an admin.")
    if not nodes or not set(nodes) <= actor.nodes:
        raise NotAllowed("This person also works outside your nodes.", remedy="Ask an admin.")


def _fitting(roles: Collection[str], nodes: Collection[str]) -> None:
    if set(roles) & STORE and not nodes and not set(roles) & HEAD_OFFICE:
        raise ValueError("somebody who works in stores needs at least one node")


class NewPerson(Input):
    """Somebody who starts to work here."""

    name: Name = Field(examples=["Robin Reed"])
    roles: list[PersonRole] = Field(min_length=1, max_length=6, examples=[["associate"]])
    nodes: list[NodeCode] = Field(default_factory=list, max_length=200, description="Where; empty for head office.")
    language: Language = "en"

    @model_validator(mode="after")
    def _complete(self) -> NewPerson:
        _fitting(self.roles, self.nodes)
        return self


class NewPeople(Input):
    people: list[NewPerson] = Field(min_length=1, max_length=500)


class PersonChange(Input):
    """What is left out stays as it is. `active: false` when somebody leaves: signed out everywhere, at once."""

    name: Name | None = None
    roles: list[PersonRole] | None = Field(default=None, min_length=1, max_length=6)
    nodes: list[NodeCode] | None = Field(default=None, max_length=200)
    language: Language | None = None
    active: bool | None = None


class PersonView(Wire):
    """Somebody who works here, as their manager sees them."""

    id: UUID
    name: str
    roles: list[str]
    nodes: list[str]
    language: str
    active: bool
    has_badge: bool
    has_pin: bool
    locked_on: list[str] = Field(description="Devices on which too many wrong PINs were tried.")


class People(Wire):
    people: list[PersonView]


class Badge(Wire):
    """A new badge; the one before no longer works. Shown once."""

    person: UUID
    label: str = Field(description="What the QR code says.", examples=["BTN:B:7KQM4FHT9XWD2A3C"])


class PinChoice(Input):
    pin: Pin | None = Field(default=None, description="Six digits; one is drawn when left out.")


class PinShown(Wire):
    """The PIN, shown once."""

    person: UUID
    pin: str


class EnrolmentOffer(Input):
    node: NodeCode


class EnrolmentCode(Wire):
    """Type or scan it on the device within ten minutes. Shown once."""

    code: str = Field(examples=["7KQM-4FHT"])
    label: str = Field(
        description="What the QR code says: the code, and the server's address if `BATON_PUBLIC_URL` is set.",
        examples=["BTN:E:7KQM-4FHT HTTPS://OMS.EXAMPLE.COM"],
    )
    node: str
    expires_at: datetime


class DeviceView(Wire):
    """An enrolled device and how far it has synchronised."""

    id: str
    node: str
    name: str
    platform: str
    version: str
    enrolled_at: datetime
    last_seen_at: datetime | None
    revoked_at: datetime | None
    returned_at: datetime | None = Field(
        description="When a revoked device had handed over its queue; null while it is revoked: unreturned."
    )
    last_n: int = Field(description="Its last command that was carried out.")
    queue_length: int = Field(description="Commands that waited on it when it last reported.")
    queue_age_s: int = Field(description="No older than so many seconds when they were reported.")


class SignIn(Input):
    """A scanned badge, or a person and their PIN."""

    badge: Annotated[str, StringConstraints(min_length=8, max_length=80)] | None = Field(
        default=None, description="The badge's label (`BTN:B:...`) or its value."
    )
    person: UUID | None = None
    pin: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] | None = None

    @model_validator(mode="after")
    def _one_proof(self) -> SignIn:
        if (self.badge is None) == (self.pin is None) or (self.person is None) != (self.pin is None):
            raise ValueError("give a badge, or a person and a PIN")
        return self


class SignedIn(Wire):
    """Good for one shift on this device."""

    token: str
    expires_at: datetime
    person: PersonDoc


class NewKey(Input):
    """A machine's key. `scopes` limits it further than its roles do."""

    name: Name = Field(examples=["Web shop"])
    roles: list[KeyRole] = Field(default=["integration"], min_length=1, max_length=4)
    scopes: list[str] | None = Field(default=None, max_length=100, examples=[["order.place", "stock.read"]])

    @model_validator(mode="after")
    def _known(self) -> NewKey:
        unknown = sorted(set(self.scopes or ()) - set(PERMISSIONS))
        if unknown:
            raise ValueError(f"there is no permission {unknown[0]!r}")
        return self


class KeyView(Wire):
    """An API key; of the key itself only the beginning is known."""

    id: UUID
    name: str
    prefix: str
    roles: list[str]
    scopes: list[str] | None
    created_at: datetime
    revoked_at: datetime | None


class KeyShown(Wire):
    """The key, shown once."""

    id: UUID
    key: str
