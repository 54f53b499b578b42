"""How a rule compares nodes: by weighted costs, or by one criterion after the other.

Both become whole numbers that are added up, so that one search finds the best answer and proves it. In a sort every
criterion is counted in whole steps, and one step of a criterion costs more than all steps that the criteria behind it
can come to in one order (`MOST_UNITS`, `MAX_PARCELS`): no sum of later ones ever outweighs an earlier one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from server.routing.criteria import CRITERIA, Criterion, Facts
from server.routing.criteria._base import Ints
from server.routing.spelling import Spelled, meant
from shared.kernel import MAX_QUANTITY

MICRO = 1_000_000
"""Weighted costs are whole millionths, so that comparing them is exact."""
MAX_PARCELS = 6
MOST_UNITS = 500 * MAX_QUANTITY
"""Units of the largest order there can be."""
MOST_STEPS = 1000
"""A criterion without an end counts no further."""
BOUND = 2**60
"""No order costs more: sums and differences of two costs stay within 64 bits."""


class _Named(Spelled):
    criterion: str = Field(examples=["proximity"], json_schema_extra={"enum": [*sorted(CRITERIA)]})

    @field_validator("criterion", check_fields=False)
    @classmethod
    def _known(cls, code: str) -> str:
        if code not in CRITERIA:
            raise ValueError(f"there is no criterion {code!r}; {meant(code, CRITERIA)}")
        return code

    @field_validator("params", check_fields=False)
    @classmethod
    def _fits(cls, params: dict[str, Any], info: Any) -> dict[str, Any]:
        if code := info.data.get("criterion"):
            CRITERIA[code].params.model_validate(params)
        return params


class Weight(_Named):
    """One criterion that counts, in weighted costs."""

    weight: float = Field(ge=0, le=1000, description="What a cost of 1 of the criterion counts.", examples=[1.0])
    params: dict[str, Any] = Field(default_factory=dict, description="What the criterion lets you set.")


class Sorted(_Named):
    """One criterion of a sort: nodes that are in the same step are equal, and the next criterion decides."""

    step: float | None = Field(
        default=None, ge=0.001, le=1000, description="The least difference that counts, as a cost. Left out: its own."
    )
    params: dict[str, Any] = Field(default_factory=dict, description="What the criterion lets you set.")


@dataclass(frozen=True, slots=True)
class Weighed:
    """A criterion of a rule, ready to use. Costs are whole numbers: `factor` for a score of 1, or for each step."""

    criterion: Criterion
    params: Any
    factor: float
    step: float | None = None
    steps: int = 0
    """At most so many."""

    def score(self, facts: Facts) -> NDArray[np.float64]:
        scored: NDArray[np.float64] = self.criterion.score(facts, self.params)
        return scored

    def in_steps(self, facts: Facts) -> Ints:
        """Costs in a sort. What stands on a border by its digits must not fall below it by its bits."""
        whole = np.minimum(np.floor(self.score(facts) / (self.step or 1) + 1e-9), self.steps)
        return whole.astype(np.int64) * int(self.factor)


def weigh(criteria: Sequence[Weighed], facts: Facts, shape: tuple[int, ...]) -> Ints:
    """(criteria, *shape) whole costs; rounding term by term makes the sum of what is shown the cost."""
    if criteria and criteria[0].step is not None:
        return np.stack([each.in_steps(facts) for each in criteria])
    scores = np.empty((len(criteria), *shape))
    for place, each in enumerate(criteria):
        np.multiply(each.score(facts), each.factor, out=scores[place])
    return np.rint(scores, out=scores).astype(np.int64)


def weighted(weights: Sequence[Weight]) -> tuple[Weighed, ...]:
    return tuple(
        Weighed(c := CRITERIA[each.criterion], c.params.model_validate(each.params), each.weight * MICRO)
        for each in weights
    )


def in_order(sort: Sequence[Sorted]) -> tuple[Weighed, ...]:
    """The criteria of a sort with factors that dominate. Raises ValueError where 64 bits do not hold them."""
    found: list[Weighed] = []
    factor = 1
    for each in reversed(sort):
        criterion = CRITERIA[each.criterion]
        step = each.step or criterion.step
        steps = MOST_STEPS if criterion.most is None else min(MOST_STEPS, ceil(criterion.most / step))
        found.append(Weighed(criterion, criterion.params.model_validate(each.params), factor, step, steps))
        factor += factor * steps * (MAX_PARCELS if criterion.scope == "parcel" else MOST_UNITS)
    if factor > BOUND:
        raise ValueError(
            "sort: too many criteria or too small steps to be told apart; leave out the last or use larger steps"
        )
    return tuple(reversed(found))
