"""Near before far: what a parcel costs, and how long it takes, grow with the way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from server.routing.criteria._base import NO_PLACE, Criterion, Facts, Figures, Params


class Proximity(Params):
    full_km: float = Field(default=1000, ge=1, le=40_000, description="The distance that costs 1.")
    unknown_km: float = Field(default=2000, ge=0, le=40_000, description="Counted for a node without a known place.")


def score(facts: Facts, params: Proximity) -> NDArray[np.float64]:
    metres = np.where(facts.metres == NO_PLACE, params.unknown_km * 1000, facts.metres)
    return metres / (params.full_km * 1000)


def figures(facts: Facts, item: int, node: int) -> Figures:
    return {"metres": int(facts.metres[node])}


def say(figures: Figures) -> str:
    metres = figures["metres"]
    return "distance not known" if metres == NO_PLACE else f"{metres / 1000:,.1f} km away"


CRITERION = Criterion("proximity", "distance", "parcel", Proximity, score, figures, say, most=None, step=0.05)
