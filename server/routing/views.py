"""Routing plans, their differences and previews as the API shows them."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from server.routing.rules import RoutingPlan
from shared.fulfilment import WhyCard
from shared.kernel import Instant, Wire

Status = Literal["draft", "active", "archived"]


class PlanDigest(Wire):
    """A version of a plan: what it is called, how it stands, and who did what when."""

    name: str
    version: int
    status: Status
    revision: int = Field(description="Counts the changes of a draft; send it with the next one.")
    note: str = Field(description="Why, in its author's words.")
    made_by: str
    made_at: Instant
    changed_by: str | None
    changed_at: Instant | None
    activated_by: str | None
    activated_at: Instant | None
    archived_by: str | None
    archived_at: Instant | None


class PlanView(PlanDigest):
    """A version with everything it says."""

    plan: RoutingPlan


class Difference(Wire):
    """One field in which two plans differ."""

    rule: str | None = Field(examples=["Everybody"], description="The rule it belongs to, by its name; null: the plan.")
    field: str = Field(
        examples=["split.max_parcels"], description="Criteria by their name. Empty: the whole rule, in sentences."
    )
    before: str | None = Field(description="null: it was not there.")
    after: str | None = Field(description="null: it is not there any more.")


class PreviewLine(Wire):
    """Units of one line, and what would become of them."""

    line: int
    sku: str
    name: str
    quantity: int
    node: str | None = Field(description="null: no node takes them.")
    node_name: str | None
    rule: str
    queue: str | None = Field(default=None, description="How they would wait that no node takes.")
    cancel_at: Instant | None = None
    why: WhyCard


class PreviewOrder(Wire):
    """What a plan would decide about an order now. Nothing is reserved, written or offered."""

    order: UUID
    number: str
    routed_already: bool = Field(description="No unit waits for a node; it is looked at as if it came in now.")
    lines: list[PreviewLine]
    parcels: int
    changes: bool = Field(description="The active plan would decide otherwise.")
    now: list[PreviewLine] = Field(description="What the active plan would decide.")
