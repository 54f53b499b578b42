"""Full shelves before thin ones: the last piece in a shop sells in that shop, or is not found.

A unit costs the share it takes of what is there: 1 of 10 costs 0.1, the last one costs 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from server.routing.criteria._base import Criterion, Facts, Figures, Params


class StockDepth(Params):
    """Nothing to set: the cost of a unit is its share of the node's available stock."""


def score(facts: Facts, params: StockDepth) -> NDArray[np.float64]:
    return 1.0 / np.maximum(facts.available, 1)


def figures(facts: Facts, item: int, node: int) -> Figures:
    return {"available": int(facts.available[item, node])}


def say(figures: Figures) -> str:
    return f"{figures['available']:,} in stock"


CRITERION = Criterion("stock_depth", "stock", "unit", StockDepth, score, figures, say)
