"""The device protocol: commands go up, a gap-free feed comes down and settles them.

A device numbers its commands 1, 2, 3 without gaps. The server answers each exactly once and writes that answer into
the feed of the device's node, on the last row of the transaction that carried it out. The device takes a command off
its queue only when its cursor passes that row, never because of the push answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic import Field, ValidationError

from shared.fulfilment import Command, Notice
from shared.kernel import Input, Instant, NodeCode, Wire
from shared.proofs import Photo
from shared.put_back import Found, TaskLine
from shared.stock import Adjustment, Received, ShelfCount

SCHEMA = 1
"""Version of command bodies this build writes. A kind's meaning never changes; a new meaning gets a new kind, so a
server reads whatever was queued before an update: all versions up to its own."""
SPOKEN_SCHEMAS = range(1, SCHEMA + 1)
"""Versions of apps that this build talks to. An older app is told to update, and keeps its queue until then."""
MAX_PUSH = 200
CATALOGUE = "catalogue"
"""The stream every device reads beside its node's own: items, prices, barcodes."""


class AdjustStock(Adjustment):
    """Fact: the shelf holds more or fewer units than the record says."""

    kind: Literal["adjust_stock"] = "adjust_stock"


class CountStock(ShelfCount):
    """Fact: this is what lay there when it was counted. True as of its own time: what happened elsewhere afterwards
    stays on top of it, and what happened before is contained in it, whenever the server hears of either."""

    kind: Literal["count"] = "count"


class ReceiveStock(Received):
    """Fact: this device has received so many units of an item of a delivery so far."""

    kind: Literal["receive"] = "receive"


class PersonSignedIn(Input):
    """Fact: somebody signed in on this device (offline too), for the audit."""

    kind: Literal["signed_in"] = "signed_in"
    person: str
    by: Literal["badge", "pin"]


class SettleException(Input):
    """Fact: what an exception asked for has been done. `lines` empty: all of its units were found."""

    kind: Literal["settle_exception"] = "settle_exception"
    exception: UUID
    resolution: str = Field(min_length=1, max_length=40, description="A key of `shared.exceptions.EXCEPTIONS[kind]`.")
    note: str | None = Field(default=None, max_length=500)
    lines: tuple[Found, ...] = Field(default=(), max_length=500)


DeviceCommand = Command | AdjustStock | CountStock | ReceiveStock | PersonSignedIn | SettleException


def happened_at(made_at: datetime, offset_ms: int) -> datetime:
    """A device's time, corrected by what it had measured; as it stands where that leads out of all calendars."""
    try:
        return made_at + timedelta(milliseconds=offset_ms)
    except OverflowError:
        return made_at


EXAMPLES: list[dict[str, Any]] = [
    {"kind": "pick", "fulfilment": "0198c0de-0000-7000-8000-000000000001", "line": 1, "total": 2},
    {"kind": "count", "node": "S-1", "sku": "APPLE", "units": 7, "bin": "A-03-2", "mode": "blind"},
    {"kind": "receive", "node": "S-1", "document": "LS-4711", "sku": "APPLE", "good": 11, "damaged": 1},
    {"kind": "adjust_stock", "node": "S-1", "sku": "APPLE", "delta": -1, "reason": "damage"},
]
"""What commands look like, for the API's manual."""


class QueuedCommand(Input):
    """A command as it stands in a device's queue. `body` is parsed late, so that a bad one is held, never lost."""

    n: int = Field(ge=1, lt=2**63, description="1, 2, 3 ... without gaps per device.")
    id: UUID
    version: int = Field(default=SCHEMA, alias="schema")
    actor: str = Field(description="Person id of who did it.")
    made_at: Instant = Field(description="Device clock; shown, never used to order.")
    offset_ms: int = Field(default=0, description="Measured: server clock minus device clock.")
    body: dict[str, Any] = Field(
        description="One of the command kinds, with its `kind`. Totals are absolute: the device's own, so far.",
        examples=EXAMPLES,
    )

    @property
    def happened_at(self) -> datetime:
        """When it was done, by the server's clock as far as the device had measured it."""
        return happened_at(self.made_at, self.offset_ms)


def photos_of(commands: Iterable[QueuedCommand]) -> list[Photo]:
    """The photos that commands name, whether or not the rest of them can be read."""
    found = []
    for command in commands:
        try:
            found.append(Photo.model_validate(command.body.get("photo")))
        except ValidationError:
            continue
    return found


class Push(Input):
    commands: list[QueuedCommand] = Field(max_length=MAX_PUSH)
    waiting: int = Field(default=0, ge=0, le=2**53, description="Commands on the device behind these.")


CommandStatus = Literal["applied", "already_done", "adjusted", "refused", "exception", "held"]


class CommandOutcome(Wire):
    """What became of a command."""

    id: UUID
    n: int
    status: CommandStatus
    notice: Notice | None = None


class Pushed(Wire):
    """A hint for a quick toast; only the feed settles."""

    outcomes: list[CommandOutcome]
    last_n: int


class Quarantine(Input):
    """What a revoked device still had in its queue, in pieces of at most 200."""

    commands: list[QueuedCommand] = Field(max_length=MAX_PUSH)
    more: bool = Field(default=False, description="Another piece follows.")


class Quarantined(Wire):
    """The server has it, and the device is revoked: it destroys its keys now."""

    device: str
    held: int = Field(description="Commands of this device that are held, those of earlier pieces included.")


class Origin(Wire):
    device: str
    outcome: CommandOutcome


class FeedRow(Wire):
    """One whole document, or its end (`body` null). `seq` is gap-free within its stream."""

    stream: str
    seq: int
    kind: str = Field(examples=["fulfilment", "stock", "item", "person", "node", "exception", "received", "outcome"])
    id: str
    version: int
    body: dict[str, Any] | None
    origin: Origin | None = None


class Page(Wire):
    """Part of the feed; never splits a transaction. `cursor` maps stream -> last seq contained."""

    rows: list[FeedRow]
    cursor: dict[str, int]
    more: bool = False
    server_time: Instant
    epoch: int = Field(description="As in `hello`: rows of another epoch are of another history; greet again.")


class Hello(Wire):
    server_time: Instant
    schemas: list[int] = Field(min_length=2, max_length=2, description="First and last accepted command schema.")
    epoch: int = Field(description="Changes when the server was restored; devices then push their journal again.")
    node: NodeCode
    device: str
    last_n: int = Field(description="Last command of this device the server has.")
    streams: list[str]


class Enrolment(Input):
    """What a device sends once, with the code a manager shows."""

    code: str = Field(min_length=4, max_length=40)
    name: str = Field(min_length=1, max_length=80, examples=["Tablet at the counter"])
    platform: str = Field(default="", max_length=80)
    version: str = Field(default="", max_length=40)


class Enrolled(Wire):
    """The token is shown once and stored by the device only."""

    device: str
    node: NodeCode
    token: str
    pin_key: str = Field(description="Key of the HMAC under the stored PIN verifiers (base64).")


class NodeDoc(Wire):
    """The store itself, as devices know it (feed kind `node`)."""

    code: NodeCode
    name: str
    type: str
    time_zone: str
    currency: str
    address: tuple[str, ...] = ()
    staging: tuple[str, ...] = ()
    bays: tuple[str, ...] = ()
    pass_keys: tuple[str, ...] = Field(default=(), description="Ed25519 public keys of pickup passes (base64).")
    lock_after_s: int = 300
    policy: dict[str, Any] = Field(default_factory=dict)


class PersonDoc(Wire):
    """Staff of the store (feed kind `person`). The verifier is argon2id over an HMAC with the device's key."""

    id: str
    name: str
    roles: tuple[str, ...]
    badge_hash: str | None = None
    pin_verifier: str | None = None
    active: bool = True
    language: str = "en"


class ItemDoc(Wire):
    """An item (feed kind `item`, stream `catalogue`)."""

    sku: str
    name: str
    variant: str = ""
    category: str = ""
    barcodes: tuple[str, ...] = Field(default=(), description="GTIN-14s and other codes that mean this item.")
    price: int | None = None
    currency: str = "USD"
    weight_grams: int | None = None
    flags: tuple[str, ...] = ()
    min_age: int | None = None
    substitutes: tuple[str, ...] = ()
    picture: str | None = None


class ExceptionDoc(Wire):
    """A contradiction between a fact and the books that a person must settle (feed kind `exception`)."""

    id: UUID
    kind: str = Field(description="A key of `shared.exceptions.EXCEPTIONS`.", examples=["handed_off_after_close"])
    node: NodeCode
    fulfilment: UUID | None = None
    order_number: str | None = Field(default=None, examples=["B-1042-7K"])
    values: dict[str, str | int | None] = Field(
        default_factory=dict, description="For its sentence.", examples=[{"state": "cancelled", "units": 2}]
    )
    lines: tuple[TaskLine, ...] = Field(default=(), description="Units that are not where they belong.")
    owner_role: str = Field(default="lead", description="associate or lead of the store, or agent (customer care).")
    opened_at: Instant
    opened_by: str | None = Field(default=None, description="Who did what contradicts the books.")
    device: str | None = None
    due_at: Instant | None = None
    settled_at: Instant | None = None
    settled_by: str | None = None
    resolution: str | None = Field(default=None, examples=["came_back"])
    note: str | None = Field(default=None, examples=["Brought back on Friday, seal unbroken."])
    version: int = 1
