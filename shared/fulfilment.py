"""One node's job for one order: its document, its commands, and `apply`, the rule that both sides run.

The device runs `apply` to show a result at once; the server runs the very same function to decide. A command is a
*claim* (asks for something, may be refused) or a *fact* (has already happened in the world, is never refused: where
it contradicts the books it becomes an exception for a person to settle).

Every unit of a line is in one place: `open` (still to pick), `held` (picked, in a tote, bag or parcel), `short`,
`cancelled` (taken away before it was picked), `put_back` (picked, then back to the shelf), `handed_over` or `replaced`
(a substitute stands for it, on a line of its own).
Totals in commands are absolute per device and line, never "+1", so a command seen twice changes nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from shared.kernel import Count, Input, Instant, NodeCode, Quantity, Sku, Wire
from shared.machine import Machine, Row
from shared.methods import METHODS
from shared.proofs import Photo, Signature


class State(StrEnum):
    """Where a fulfilment stands."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    PICKING = "picking"
    PICKED = "picked"
    PACKED = "packed"
    READY = "ready"
    ON_THE_WAY = "customer_on_the_way"
    ARRIVED = "customer_arrived"
    HANDED_OFF = "handed_off"
    AWAITING_CARRIER = "awaiting_carrier"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    SHORT = "short"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


_BEFORE_PACKED = ("offered", "accepted", "picking", "picked")

FULFILMENT = Machine(
    name="fulfilment",
    initial="offered",
    finals=frozenset({"handed_off", "delivered", "short", "rejected", "expired", "cancelled"}),
    rows=(
        Row("offered", "accept", "accepted"),
        *(Row(s, "pick", "picking") for s in ("offered", "accepted", "picking", "picked")),
        *(Row(s, "pick_done", "picked") for s in ("offered", "accepted", "picking", "picked")),
        *(Row(s, "all_short", "short") for s in ("offered", "accepted", "picking", "picked")),
        Row("picked", "pack", "packed"),
        Row("packed", "pack", "packed"),
        Row("packed", "unpack", "picked"),
        *(row for method in METHODS.values() for row in method.rows),
        *(Row(s, "reject", "rejected") for s in (*_BEFORE_PACKED, "packed")),
        *(Row(s, "cancel", "cancelled") for s in (*_BEFORE_PACKED, "packed")),
    ),
)
OPEN_STATES = frozenset(FULFILMENT.states) - FULFILMENT.finals - {"shipped"}
"""States in which the node still has something to do."""


# ---------------------------------------------------------------- the document


class JobLine(Wire):
    """Part of an order line that this node fulfils."""

    line: int = Field(description="Line number on the order.")
    sku: Sku
    quantity: int
    picked_by: dict[str, int] = Field(default_factory=dict, description="Device id -> units picked there, in total.")
    short_by: dict[str, int] = Field(default_factory=dict, description="Device id -> units not found, in total.")
    short_reason: str | None = None
    substitutes: tuple[str, ...] = Field(default=(), description="SKUs the customer takes instead, best first.")
    replaced: int = Field(default=0, description="Units that a substitute stands for.")
    replaces: int | None = Field(default=None, description="The line this substitute stands in for.")
    missing: dict[str, int] = Field(
        default_factory=dict, description="On a substitute: why what it stands for was not there, reason -> units."
    )
    cancelled: int = 0
    put_back: int = 0
    handed_over: int = 0
    serials: tuple[str, ...] = ()
    lots: tuple[str, ...] = ()
    grams: int | None = None

    @property
    def picked(self) -> int:
        return sum(self.picked_by.values())

    @property
    def short(self) -> int:
        return sum(self.short_by.values())

    @property
    def open(self) -> int:
        return self.quantity - self.picked - self.short - self.cancelled - self.replaced

    @property
    def held(self) -> int:
        return self.picked - self.put_back - self.handed_over


class PackedLine(Input):
    line: int = Field(ge=1)
    quantity: Quantity


class Package(Input):
    """A bag or box and what is in it."""

    id: str = Field(min_length=1, max_length=40)
    lines: tuple[PackedLine, ...] = ()
    weight_grams: Count | None = None
    carrier: str | None = Field(default=None, max_length=40)
    tracking: str | None = Field(default=None, max_length=60)


class Arrival(Wire):
    """A customer at the curb. The timer runs from `at` and pauses while `left_at` is set."""

    on_the_way_at: Instant | None = None
    at: Instant | None = None
    left_at: Instant | None = None
    vehicle: str | None = None
    bay: str | None = None


class Collector(Wire):
    """Somebody the customer named to collect."""

    name: str


class WhyCard(Wire):
    """Why this node has the job, for people: the rule and the rivals with the number that lost."""

    plan: str
    summary: str
    rivals: tuple[WhyRival, ...] = ()
    excluded: dict[str, int] = Field(default_factory=dict, description="Reason for exclusion -> number of nodes.")


class WhyRival(Wire):
    node: str
    name: str
    score: float
    lost_by: str = Field(description="The criterion and the figures that decided.")


class Proof(Wire):
    """How the right to collect was shown. No identity document number is ever stored."""

    method: str
    collector: str | None = None
    proxy: bool = False
    verified: bool = True
    signed: bool = Field(default=False, description="A signature was left; it stays with the server.")
    photo: bool = Field(default=False, description="A photo was taken.")
    at: Instant
    by: str | None = None


class Lease(Wire):
    """Who has the job in hand. `token` counts up with every new holder, so that late news can be told from fresh."""

    token: int
    person: str
    device: str
    since: Instant
    until: Instant = Field(description="By the server's clock; renewed by whatever the holder does.")


class Fulfilment(Wire):
    """The job as it travels to devices (feed kind `fulfilment`) and is stored."""

    id: UUID
    number: str = Field(examples=["B-1042-7K/1"])
    order_id: UUID
    order_number: str
    node: NodeCode
    method: str
    state: State = State.OFFERED
    version: int = 1
    lines: tuple[JobLine, ...]
    offered_at: Instant
    due_at: Instant | None = None
    expires_at: Instant | None = Field(default=None, description="When an uncollected bag goes back to the shelf.")
    finished_at: Instant | None = Field(
        default=None, description="When nothing was left to do here; devices forget personal data a week later."
    )
    assignee: str | None = Field(default=None, description="Person id of who works on it.")
    lease: Lease | None = Field(default=None, description="While one person has it in hand: from accepted to packed.")
    customer: str = Field(default="", description="Display name, such as `Maria S.`")
    phone: str | None = Field(default=None, description="Masked.")
    address: tuple[str, ...] = Field(default=(), description="Lines of the ship-to label; only for shipping methods.")
    packages: tuple[Package, ...] = ()
    staging: str | None = Field(default=None, description="Where the finished bag stands.")
    arrival: Arrival = Arrival()
    proxies: tuple[Collector, ...] = ()
    pass_generation: int = 1
    locator: str | None = Field(default=None, description="First part of the short code; finds the job.")
    code_hash: str | None = Field(default=None, description="argon2id of the secret part of the short code.")
    age_check: int | None = Field(default=None, description="Minimum age the collector must show, where items need it.")
    proof: Proof | None = None
    note: str | None = None
    why: WhyCard | None = None

    @property
    def units(self) -> int:
        """Units the customer is to get: one that was replaced is counted as its substitute."""
        return sum(line.quantity - line.replaced for line in self.lines)

    def line(self, number: int) -> JobLine | None:
        return next((line for line in self.lines if line.line == number), None)


# ---------------------------------------------------------------- commands


class _Command(Input):
    fulfilment: UUID
    lease: int | None = Field(
        default=None, ge=1, description="Token of the lease the person believed to hold; none: they help or look on."
    )


class Accept(_Command):
    """Claim: we take this job."""

    kind: Literal["accept"] = "accept"


class TakeOver(_Command):
    """Claim: I go on with a job somebody else began; what was done so far stays."""

    kind: Literal["take_over"] = "take_over"


class Pick(_Command):
    """Fact: this device has picked `total` units of the line so far."""

    kind: Literal["pick"] = "pick"
    line: int = Field(ge=1)
    total: Count
    scanned: str | None = Field(default=None, max_length=200, description="The code that was read, as evidence.")
    serial: str | None = Field(default=None, max_length=40)
    lot: str | None = Field(default=None, max_length=40)
    grams: Count | None = None


class Short(_Command):
    """Fact: this device could not find or use `total` units of the line so far."""

    kind: Literal["short"] = "short"
    line: int = Field(ge=1)
    total: Count
    reason: Literal["not_found", "damaged", "display_only", "defective", "wrong_label", "mismatch"]


class Substitute(_Command):
    """Fact: this device has taken `total` units of `sku` so far, in place of units of the line that are not there.

    Fewer than before: they went back to the shelf, and the line's own units are to be picked again.
    """

    kind: Literal["substitute"] = "substitute"
    line: int = Field(ge=1, description="The line whose units are not there.")
    sku: Sku = Field(description="What was taken instead.")
    total: Count
    reason: Literal["not_found", "damaged", "display_only", "defective", "wrong_label", "mismatch"] = "not_found"
    scanned: str | None = Field(default=None, max_length=200, description="The code that was read, as evidence.")
    serial: str | None = Field(default=None, max_length=40)
    lot: str | None = Field(default=None, max_length=40)
    grams: Count | None = None


class Pack(_Command):
    """Fact: the picked units are in these bags or boxes. No packages: one bag with everything."""

    kind: Literal["pack"] = "pack"
    packages: tuple[Package, ...] = Field(default=(), max_length=50)


class Unpack(_Command):
    """Fact: opened again, the units are loose."""

    kind: Literal["unpack"] = "unpack"


class Stage(_Command):
    """Fact: the bag stands at `place` and waits for its customer."""

    kind: Literal["stage"] = "stage"
    place: str = Field(min_length=1, max_length=24)


class Label(_Command):
    """Fact: the parcel carries this carrier's label."""

    kind: Literal["label"] = "label"
    carrier: str = Field(min_length=1, max_length=40)
    tracking: str = Field(min_length=1, max_length=60)


class Ship(_Command):
    """Fact: the carrier has the parcel."""

    kind: Literal["ship"] = "ship"


class Deliver(_Command):
    """Fact: the carrier says that it arrived."""

    kind: Literal["deliver"] = "deliver"


class OnTheWay(_Command):
    """Fact: the customer says that they are coming."""

    kind: Literal["on_the_way"] = "on_the_way"
    vehicle: str | None = Field(default=None, max_length=80)


class Arrive(_Command):
    """Fact: the customer is here."""

    kind: Literal["arrive"] = "arrive"
    vehicle: str | None = Field(default=None, max_length=80)
    bay: str | None = Field(default=None, max_length=12)


class Leave(_Command):
    """Fact: the customer is not (or no longer) there; the timer pauses."""

    kind: Literal["leave"] = "leave"


class LineUnits(Input):
    line: int = Field(ge=1)
    quantity: Quantity


class Refused(LineUnits):
    reason: Literal["not_ordered", "damaged", "changed_mind", "too_late"]


class HandOff(_Command):
    """Fact: the customer has these units. `lines` empty: everything that is held.

    `refused` units stay in the store, go back to the shelf and are refunded. Units that are neither handed over nor
    refused stay at the staging place (a partial hand-off).
    """

    kind: Literal["hand_off"] = "hand_off"
    lines: tuple[LineUnits, ...] = Field(default=(), max_length=500)
    refused: tuple[Refused, ...] = Field(default=(), max_length=500)
    proof: Literal["pass", "code", "id_seen", "lead_override"]
    collector: str | None = Field(default=None, max_length=80, description="Name of the person, when not the customer.")
    proxy: bool = False
    age_checked: bool = False
    lead: str | None = Field(default=None, description="Person id of the lead whose PIN allowed it.")
    signature: Signature | None = Field(default=None, description="What the customer signed with.")
    photo: Photo | None = Field(default=None, description="A picture that shows it; its bytes follow.")


class Reject(_Command):
    """Fact: this node cannot do the job; its units are routed again."""

    kind: Literal["reject"] = "reject"
    reason: Literal["no_capacity", "too_late", "not_found", "damaged", "avoid_split", "fraud_suspect"]


class Expire(_Command):
    """The bag was not collected in time (from the schedule, not from people)."""

    kind: Literal["expire"] = "expire"


class Cancel(_Command):
    """Units taken away by care, a hold or a broken promise. `lines` empty: everything not yet handed over."""

    kind: Literal["cancel"] = "cancel"
    lines: tuple[LineUnits, ...] = Field(default=(), max_length=500)
    reason: Literal["customer_cancelled", "promise_broken", "held", "moved"] = Field(
        default="customer_cancelled", description="`moved`: another node has the units now; nobody had begun."
    )


Command = Annotated[
    Accept
    | TakeOver
    | Pick
    | Short
    | Substitute
    | Pack
    | Unpack
    | Stage
    | Label
    | Ship
    | Deliver
    | OnTheWay
    | Arrive
    | Leave
    | HandOff
    | Reject
    | Expire
    | Cancel,
    Field(discriminator="kind"),
]
CLAIMS = frozenset({"accept", "take_over"})
SYSTEM_ONLY = frozenset({"expire", "cancel", "deliver"})
"""Commands that no device may send."""


# ---------------------------------------------------------------- the outcome


class Exit(StrEnum):
    """Where a unit went when it left the job."""

    FULFILLED = "fulfilled"
    """With the customer or the carrier: stock leaves, money is captured."""
    REROUTE = "reroute"
    """Another node is looked for."""
    CANCEL = "cancel"
    """Cancelled on the order: money is released or refunded."""
    REPLACED = "replaced"
    """Not there; the move's stand-in has joined the job for it."""
    RESTORED = "restored"
    """The way back: the stand-in left the job, and the unit is in it again."""
    LEFT = "left"
    """Gone although the order no longer wanted it: stock leaves, an exception says who settles it."""


class StandIn(Wire):
    """The line and item that a substitute came with."""

    line: int
    sku: Sku


class UnitMove(Wire):
    """Units of one line that left the job, and why. `reason` is a key of `shared.reasons.REASONS`, or None."""

    line: int
    sku: Sku
    quantity: int
    exit: Exit
    reason: str | None = None
    stand_in: StandIn | None = Field(default=None, description="What replaced the units, or no longer does.")

    @property
    def skus(self) -> tuple[str, ...]:
        """The items whose stock it touches."""
        return (self.sku, self.stand_in.sku) if self.stand_in else (self.sku,)


class Notice(Wire):
    """A refusal, an adjustment or an exception: a code for the catalogues and the values for its sentence."""

    code: str
    values: dict[str, str | int] = Field(default_factory=dict)


class Outcome(Wire):
    """What `apply` decided. At most one of `refusal`, `adjustment` and `exception` is set."""

    fulfilment: Fulfilment
    moves: tuple[UnitMove, ...] = ()
    changed: bool = True
    refusal: Notice | None = None
    adjustment: Notice | None = None
    exception: Notice | None = None

    @property
    def status(self) -> str:
        """`applied`, `already_done`, `refused`, `adjusted` or `exception`: what the device shows."""
        if self.refusal:
            return "refused"
        if self.exception:
            return "exception"
        if self.adjustment:
            return "adjusted"
        return "applied" if self.changed else "already_done"


class Context(Wire):
    """Who did it, on which device, when it happened, and when it is decided (server or device time in UTC)."""

    at: Instant
    actor: str
    device: str
    heard_at: Instant | None = Field(default=None, description="When the server heard of it, if that was later.")

    @property
    def decided_at(self) -> Instant:
        return self.heard_at or self.at


def apply(job: Fulfilment, command: Command, ctx: Context) -> Outcome:
    """Decide what `command` does to `job`. Pure and total: every command has an outcome in every state.

    Raises nothing for what people do; a command for another job is a programming error (ValueError).
    """
    if command.fulfilment != job.id:
        raise ValueError(f"{command.kind} is for {command.fulfilment}, not for {job.id}")
    taken = _leases.taken_meanwhile(job, command, ctx)
    if taken and command.kind in _leases.GIVES_UP:
        return Outcome(fulfilment=job, changed=False, adjustment=taken)
    outcome = _RULES[command.kind](job, command, ctx)
    if not outcome.changed:
        return outcome.model_copy(update={"fulfilment": job})
    told = {"adjustment": taken} if taken and outcome.status == "applied" else {}
    after = _leases.with_lease(job, outcome.fulfilment, ctx)
    return outcome.model_copy(update={"fulfilment": after.model_copy(update=_stamps(job, after, ctx)), **told})


def _stamps(before: Fulfilment, after: Fulfilment, ctx: Context) -> dict[str, object]:
    """The next version, and when nothing was left to do."""
    stamps: dict[str, object] = {"version": before.version + 1}
    if before.finished_at is None and after.state not in OPEN_STATES:
        stamps["finished_at"] = ctx.at
    return stamps


from shared import leases as _leases  # noqa: E402  (the rules need the models above)
from shared._fulfilment_rules import RULES as _FLOOR  # noqa: E402
from shared._substitute_rules import RULES as _SUBSTITUTES  # noqa: E402

_RULES = {**_FLOOR, **_SUBSTITUTES}
