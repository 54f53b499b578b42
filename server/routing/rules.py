"""The routing plan: what the planner decides, as a document with a version.

A plan is a list of rules, gone through from top to bottom. A rule takes the orders it is for, serves them in its turn,
asks its nodes and compares them; what none of them can give goes on as the rule says: to the next rule, to wait for
stock, or into a queue where somebody looks at it. The last rule is for all orders, so that none falls through.

Within a rule an order is covered as far as its split allows before any cost is looked at; among equal coverage the
least cost wins; among equal cost fewer parcels, then the first node by code.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

from pydantic import Field, field_validator, model_validator

from server.routing.decisions import Demand, Outcome
from server.routing.filters import NodeFilter, OrderFilter, ServeFirst
from server.routing.runs import Run
from server.routing.spelling import Spelled
from server.routing.weighing import MAX_PARCELS, Sorted, Weighed, Weight, in_order, weighted


class Split(Spelled):
    """How far an order may be split. Of a kit all units leave from one node, and what ships alone has a job of its
    own: the catalogue says so, and every plan obeys."""

    max_parcels: int = Field(
        default=3, ge=1, le=MAX_PARCELS, description="For the whole order, those of earlier rules too."
    )
    whole_below: int = Field(default=0, ge=0, description="Orders worth less (minor units) leave in one parcel.")
    partly: bool = Field(default=True, description="False: the rule gives all that an order wants, or nothing of it.")

    def cap(self, value: int) -> int:
        return 1 if value < self.whole_below else self.max_parcels


class Otherwise(Spelled):
    """What happens to units that no node of the rule can give."""

    action: Literal["next_rule", "backorder", "queue"] = Field(
        default="next_rule",
        description="`next_rule`: the rules below try. `backorder`: they wait for stock. `queue`: they wait for stock,"
        " and somebody looks at them. Behind the last rule there is no next one: its units wait for stock.",
    )
    queue: Literal["unfillable", "rejected"] | None = Field(default=None, description="With `queue`: which one.")
    cancel_after_days: float | None = Field(
        default=None,
        gt=0,
        le=400,
        description="Cancelled when they have waited so long. Left out: as long as the server is told to be patient.",
    )

    @model_validator(mode="after")
    def _complete(self) -> Otherwise:
        if self.action == "queue" and self.queue is None:
            raise ValueError("queue: say which one, unfillable or rejected")
        if self.action != "queue" and self.queue is not None:
            raise ValueError('queue: belongs to "action": "queue"')
        return self

    def outcome(self, rule: str, now: datetime) -> Outcome:
        """How units wait that stay behind under this rule."""
        until = None if self.cancel_after_days is None else now + timedelta(days=self.cancel_after_days)
        return Outcome(rule, self.queue or "backorder", until)


class Rule(Spelled):
    """One step of a plan."""

    name: str = Field(min_length=1, max_length=60, examples=["Stores nearby"])
    orders: OrderFilter = OrderFilter()
    serve_first: tuple[ServeFirst, ...] = Field(
        default=(), max_length=4, description="Who comes first where stock is scarce. Left out: who ordered first."
    )
    nodes: NodeFilter = NodeFilter()
    weights: tuple[Weight, ...] = Field(default=(), max_length=20, description="Nodes compared by weighted costs.")
    sort: tuple[Sorted, ...] = Field(
        default=(), max_length=6, description="Or by one criterion after the other: the next decides between equals."
    )
    split: Split = Split()
    otherwise: Otherwise = Otherwise()

    @field_validator("weights", "sort")
    @classmethod
    def _once(cls, criteria: tuple[Weight | Sorted, ...]) -> tuple[Weight | Sorted, ...]:
        codes = Counter(each.criterion for each in criteria)
        if twice := [code for code, times in codes.items() if times > 1]:
            raise ValueError(f"each criterion stands once, and {twice[0]} stands twice")
        return criteria

    @model_validator(mode="after")
    def _compared(self) -> Rule:
        if bool(self.weights) == bool(self.sort):
            raise ValueError("weights: give weights or a sort, and not both")
        in_order(self.sort)
        return self

    @cached_property
    def weighed(self) -> tuple[tuple[Weighed, ...], tuple[Weighed, ...]]:
        """(criteria per parcel, criteria per unit), each in the rule's order."""
        ready = weighted(self.weights) if self.weights else in_order(self.sort)
        by_parcel = tuple(each for each in ready if each.criterion.scope == "parcel")
        return by_parcel, tuple(each for each in ready if each.criterion.scope == "unit")


class LooksAgain(Spelled):
    """Orders that nobody works on yet are looked at again, together, while there is time."""

    within_minutes: float = Field(
        default=30,
        ge=5,
        le=24 * 60,
        description="A store may have begun a job that it has been offered for longer than this, or that it has when it"
        " opens within this time: it keeps it.",
    )
    least_saving: float = Field(
        default=0.1,
        ge=0,
        le=1000,
        description="Moving jobs is trouble for stores: an exchange must save more than this, in units of the weights.",
    )

    def may_move(self, offered_at: datetime, opens_at: datetime | None, now: datetime) -> bool:
        """Whether a job can be taken from its node without anybody having walked for it. `opens_at`: when somebody is
        there next; not after `now` where somebody is."""
        within = timedelta(minutes=self.within_minutes)
        if opens_at is not None and opens_at <= now:
            return now - offered_at <= within
        return opens_at is None or opens_at - now > within


class PlanBody(Spelled):
    """A plan without its version."""

    name: str = Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$", examples=["autumn"])
    runs: tuple[Run, ...] = Field(default=(Run(when="at_once"),), min_length=1, max_length=10)
    batch: Literal["in_order", "together"] = Field(
        default="in_order",
        description="Orders that are routed at the same time: one after the other, or decided together so that all cost"
        " less. Together, too, each gets at least what it would get in order, and as soon.",
    )
    looks_again: LooksAgain | None = Field(
        default=None, description="Left out: an order keeps the nodes it was given, unless they send it back."
    )
    rules: tuple[Rule, ...] = Field(min_length=1, max_length=30)

    @model_validator(mode="after")
    def _whole(self) -> PlanBody:
        names = Counter(rule.name for rule in self.rules)
        if twice := [name for name, times in names.items() if times > 1]:
            raise ValueError(f"rules: two rules are called {twice[0]!r}; give each a name of its own")
        if not self.rules[-1].orders.everything:
            place = len(self.rules) - 1
            raise ValueError(
                f"rules.{place}.orders: the last rule must take every order, or some would never be routed"
            )
        if self.batch == "together" and (sorts := [n for n, rule in enumerate(self.rules) if rule.sort]):
            raise ValueError(f"rules.{sorts[0]}.sort: orders decided together are compared by weights; use weights")
        at_once = [run for run in self.runs if run.when == "at_once"]
        if len(at_once) == len(self.runs) and not any(run.orders.everything for run in at_once):
            raise ValueError(
                "runs: orders that are not routed at once need a run `every` so many minutes or `at` a time"
            )
        return self

    def at_once(self, demand: Demand, now: datetime) -> bool:
        """Whether an order is routed as it comes in; otherwise it waits for the next run."""
        return any(run.when == "at_once" and run.orders.takes(demand, now) for run in self.runs)

    @cached_property
    def all_at_once(self) -> bool:
        return any(run.when == "at_once" and run.orders.everything for run in self.runs)

    def last_run(self, now: datetime) -> datetime:
        """Orders that came in before this need not wait any longer."""
        return max((start for run in self.runs if (start := run.last(now))), default=now)


class RoutingPlan(PlanBody):
    """A plan as it is stored and used. Name and version stand in every decision."""

    version: int = Field(ge=1)


DEFAULT = RoutingPlan(
    name="standard",
    version=1,
    rules=(
        Rule(
            name="Everything",
            weights=(
                Weight(criterion="fewest_parcels", weight=1.0),
                Weight(criterion="proximity", weight=1.0),
                Weight(criterion="capacity", weight=0.3),
                Weight(criterion="stock_depth", weight=0.2),
            ),
        ),
    ),
)
"""What is used until a planner activates a plan."""
