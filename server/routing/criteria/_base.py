"""What a criterion is made of, and the facts it may look at.

A criterion turns facts into costs: 0 is as good as it gets, 1 is what the plan's author calls bad; more than 1 is
allowed where worse has no end (distance). A cost belongs to a parcel (opened once per node) or to each unit of a line;
the cost of an answer is the weighted sum of both, so it stays linear and its optimum can be proved.

Only `+ - * /`, `sqrt` and comparisons belong in `score`: they give the same bits on every machine. What needs more
(distances) is rounded to integers before it becomes a fact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from server.routing.spelling import Spelled

Ints = NDArray[np.int64]
Figures = dict[str, int]

UNLIMITED = 1_000_000_000
"""Capacity of a node that counts no jobs."""
NO_PLACE = -1
"""`Facts.metres` where the node or the customer has no place on the map."""


class Params(Spelled):
    """What the author of a plan may set for a criterion."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One order before the nodes that may serve it: n nodes in code order, m items in line order."""

    metres: Ints
    """(n) to the customer, or `NO_PLACE`."""
    capacity: Ints
    """(n) jobs a day."""
    capacity_left: Ints
    """(n) jobs the node can still take, at least one."""
    available: Ints
    """(m, n) units this order may take, before it takes any."""
    wanted: Ints
    """(m) units."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing a plan can weigh."""

    code: str
    title: str
    """For people, at the start of a reason: `distance`."""
    scope: Literal["parcel", "unit"]
    params: type[Params]
    score: Callable[[Facts, Any], NDArray[np.float64]]
    """(n) for a parcel, (m, n) for a unit; finite and never negative."""
    figures: Callable[[Facts, int, int], Figures]
    """The numbers behind the cost at one node, for one item: (facts, item, node)."""
    say: Callable[[Figures], str]
    """Those numbers in words, without the node's name: `12.3 km away`."""
    most: float | None = 1.0
    """No score is higher; None where worse has no end."""
    step: float = 0.1
    """In a sort: the least difference of scores that counts, unless the plan says another."""
