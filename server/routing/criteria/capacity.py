"""Quiet before busy: work goes to nodes that have hands free."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from server.routing.criteria._base import UNLIMITED, Criterion, Facts, Figures, Params


class Capacity(Params):
    """Nothing to set: the cost is the share of the day's jobs already taken."""


def score(facts: Facts, params: Capacity) -> NDArray[np.float64]:
    taken = np.maximum(facts.capacity - facts.capacity_left, 0)
    share: NDArray[np.float64] = taken / np.maximum(facts.capacity, 1)
    return share


def figures(facts: Facts, item: int, node: int) -> Figures:
    capacity = int(facts.capacity[node])
    return {"taken": max(0, capacity - int(facts.capacity_left[node])), "capacity": capacity}


def say(figures: Figures) -> str:
    if figures["capacity"] >= UNLIMITED:
        return "no limit of jobs a day"
    return f"{figures['taken']:,} of {figures['capacity']:,} jobs taken"


CRITERION = Criterion("capacity", "load", "parcel", Capacity, score, figures, say)
