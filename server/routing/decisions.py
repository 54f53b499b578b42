"""What is asked of the router, and what it answers: values only, small enough to be stored with every order.

An answer keeps the winner, its costs by criterion, the best five rivals with the criterion that decided, and how many
nodes fell out for which reason. Everything else can be computed again from the snapshot and the plan's version.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import TypeAdapter

from shared.kernel import Geo

Delivery = Literal["ship", "pickup", "curbside"]


@dataclass(frozen=True, slots=True)
class DemandLine:
    line: int
    sku: str
    quantity: int
    flags: tuple[str, ...] = ()
    """What the catalogue says of the item (`kit`, `ship_alone`), in order."""


@dataclass(frozen=True, slots=True)
class Demand:
    """One order, or what is left of it, that needs nodes."""

    order: UUID
    lines: tuple[DemandLine, ...]
    delivery: Delivery
    channel: str
    node: str | None = None
    """The store the customer asked for; pickup and curbside only."""
    destination: Geo | None = None
    wanted_by: datetime | None = None
    value: int = 0
    """Worth of the order in minor units, for the split."""
    refused: frozenset[tuple[int | None, str]] = frozenset()
    """(line or None for all, node) that rejected or could not find it before."""
    placed_at: datetime | None = None
    country: str | None = None
    postcode: str | None = None
    parcels: int = 0
    """Opened for this order by earlier rules of the plan."""


@dataclass(frozen=True, slots=True)
class Term:
    """One named part of a cost, in weighted micro-units, and the numbers behind it."""

    criterion: str
    cost: int
    figures: dict[str, int]


@dataclass(frozen=True, slots=True)
class Rival:
    """Another node, and what the whole answer would cost with it: the parcel moved there, or only this line."""

    node: str
    name: str
    cost: int
    criterion: str
    """What it lost by most; `tie`: the same cost, later in code order; `together`: it would cost this order less, but
    the orders that were decided with it more."""
    lost: int
    """How much more that criterion costs with the rival; with `together`, how much less this order would cost."""
    figures: dict[str, int]
    against: dict[str, int]
    """The winner's figures of the same criterion."""
    extra_parcel: bool
    """The rival would send a parcel more."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Units of one line promised by one node."""

    line: int
    sku: str
    node: str
    name: str
    quantity: int
    terms: tuple[Term, ...]
    """What this line in this parcel costs: the parcel's terms, and its own units'."""
    rivals: tuple[Rival, ...]
    excluded: dict[str, int]
    """Reason -> nodes that fell out for this line."""
    rule: str = ""
    """The rule of the plan that decided."""
    by: Literal["cost", "sort"] = "cost"
    """How it compared nodes. The costs of a sort are counts that only their order means something of."""
    alone: bool = False
    """The item leaves in a parcel of its own."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How units wait that no node took."""

    rule: str
    """The rule that had the last word."""
    queue: str
    """`backorder`, `unfillable` or `rejected`."""
    cancel_at: datetime | None
    """When they have waited long enough; None: as long as the server is patient."""


@dataclass(frozen=True, slots=True)
class Unrouted:
    """Units of one line that no node takes now."""

    line: int
    sku: str
    quantity: int
    reason: str
    excluded: dict[str, int]
    waits: Outcome = Outcome("", "backorder", None)


@dataclass(frozen=True, slots=True)
class Part:
    """What one rule decided about one order, or about what of it ships alone."""

    choices: tuple[Choice, ...]
    unrouted: tuple[Unrouted, ...]
    cost: int
    proven: bool
    together: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    order: UUID
    plan: str
    version: int
    delivery: Delivery
    choices: tuple[Choice, ...]
    """By line, then by node code."""
    unrouted: tuple[Unrouted, ...]
    cost: int
    """Micro-units of the plan's weights, over all rules that had a part in it."""
    proven: bool
    """True: no other answer covers more, or as much at less cost. False: search cut short, or decided `together`."""
    together: bool = False
    """True: the orders decided with this one cost less in all, though another answer may suit this one better."""

    @property
    def assignments(self) -> dict[str, dict[int, int]]:
        """Node -> line -> units, in order of node code."""
        found: dict[str, dict[int, int]] = {}
        for choice in sorted(self.choices, key=lambda choice: (choice.node, choice.line)):
            units = found.setdefault(choice.node, {})
            units[choice.line] = units.get(choice.line, 0) + choice.quantity
        return found

    @property
    def jobs(self) -> list[tuple[str, bool, dict[int, int]]]:
        """(node, whether it is one item that ships alone, line -> units), in order of node code."""
        found: dict[tuple[str, str], dict[int, int]] = {}
        for choice in self.choices:
            units = found.setdefault((choice.node, choice.sku if choice.alone else ""), {})
            units[choice.line] = units.get(choice.line, 0) + choice.quantity
        return [(node, bool(alone), units) for (node, alone), units in sorted(found.items())]

    def to_json(self) -> bytes:
        """Canonical: the same decision is the same bytes."""
        return _DECISION.dump_json(self)

    @staticmethod
    def from_json(stored: bytes | str) -> Decision:
        return _DECISION.validate_json(stored)


_DECISION = TypeAdapter(Decision)
