"""One parcel before two: every parcel costs postage, hands and a ring at the door."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from server.routing.criteria._base import Criterion, Facts, Figures, Params


class FewestParcels(Params):
    """Nothing to set: every parcel costs 1."""


def score(facts: Facts, params: FewestParcels) -> NDArray[np.float64]:
    return np.ones(len(facts.metres))


def figures(facts: Facts, item: int, node: int) -> Figures:
    return {"parcels": 1}


def say(figures: Figures) -> str:
    return "a parcel of its own"


CRITERION = Criterion("fewest_parcels", "parcels", "parcel", FewestParcels, score, figures, say, step=1.0)
