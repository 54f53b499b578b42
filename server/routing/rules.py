"""The routing plan: what the planner decides, as a document with a version.

First the filters (which nodes may serve at all), then the split (how many parcels at most), then the weights. An order
is covered as far as the split allows before any cost is looked at; among equal coverage the least weighted cost wins;
among equal cost fewer parcels, then the first node by code.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

from pydantic import Field, field_validator

from server.routing.criteria import CRITERIA, Criterion
from shared.kernel import Input, NodeCode

MICRO = 1_000_000
"""Costs are whole millionths, so that comparing them is exact."""
MAX_PARCELS = 6


class Weight(Input):
    """One criterion of the plan. What it weighs is in units of `cost 1` of that criterion."""

    criterion: str = Field(examples=["proximity"])
    weight: float = Field(ge=0, le=1000, examples=[1.0])
    params: dict[str, Any] = Field(default_factory=dict)

    @field_validator("criterion")
    @classmethod
    def _known(cls, code: str) -> str:
        if code not in CRITERIA:
            raise ValueError(f"unknown criterion {code!r}; there are {', '.join(sorted(CRITERIA))}")
        return code

    @field_validator("params")
    @classmethod
    def _fits(cls, params: dict[str, Any], info: Any) -> dict[str, Any]:
        if code := info.data.get("criterion"):
            CRITERIA[code].params.model_validate(params)
        return params


class Split(Input):
    """How far an order may be split."""

    max_parcels: int = Field(default=3, ge=1, le=MAX_PARCELS)
    whole_below: int = Field(default=0, ge=0, description="Orders worth less (minor units) leave in one parcel.")

    def cap(self, value: int) -> int:
        return 1 if value < self.whole_below else self.max_parcels


class Filters(Input):
    """Which nodes may serve at all. They hold for shipping; a customer who collects chose the node."""

    max_km: float | None = Field(default=None, gt=0)
    node_types: tuple[str, ...] | None = Field(default=None, description="None: every type.")
    without: tuple[NodeCode, ...] = Field(default=(), description="Nodes that get no parcels to send.")


class Weighed:
    """A criterion of a plan, ready to use: parameters checked, weight in micro-units."""

    __slots__ = ("criterion", "factor", "params")

    def __init__(self, weight: Weight) -> None:
        self.criterion: Criterion = CRITERIA[weight.criterion]
        self.params = self.criterion.params.model_validate(weight.params)
        self.factor = weight.weight * MICRO


class RoutingPlan(Input):
    """A plan as it is stored, versioned and sent. Name and version stand in every decision."""

    name: str = Field(min_length=1, max_length=60)
    version: int = Field(ge=1)
    filters: Filters = Filters()
    split: Split = Split()
    batch: Literal["in_order", "together"] = Field(
        default="in_order",
        description="Orders that wait at the same time: one after the other, or decided together so that all cost less."
        " Together, too, each gets at least what it would get in order, and as soon.",
    )
    weights: tuple[Weight, ...] = Field(min_length=1, max_length=20)

    @field_validator("weights")
    @classmethod
    def _once(cls, weights: tuple[Weight, ...]) -> tuple[Weight, ...]:
        codes = [weight.criterion for weight in weights]
        if len(set(codes)) < len(codes):
            raise ValueError("each criterion stands once")
        return weights

    @cached_property
    def weighed(self) -> tuple[tuple[Weighed, ...], tuple[Weighed, ...]]:
        """(criteria per parcel, criteria per unit), each in the plan's order."""
        ready = [Weighed(weight) for weight in self.weights]
        by_parcel = tuple(each for each in ready if each.criterion.scope == "parcel")
        return by_parcel, tuple(each for each in ready if each.criterion.scope == "unit")


DEFAULT = RoutingPlan(
    name="standard",
    version=1,
    weights=(
        Weight(criterion="fewest_parcels", weight=1.0),
        Weight(criterion="proximity", weight=1.0),
        Weight(criterion="capacity", weight=0.3),
        Weight(criterion="stock_depth", weight=0.2),
    ),
)
