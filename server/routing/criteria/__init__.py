"""What a routing plan can weigh, one file each, found by being there.

To add a criterion, write `<code>.py` with a `CRITERION` in it. Nothing else names it.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from server.routing.criteria._base import NO_PLACE, Criterion, Facts, Figures


def _found() -> dict[str, Criterion]:
    names = sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))
    found: dict[str, Criterion] = {}
    for name in names:
        criterion = import_module(f"{__name__}.{name}").CRITERION
        if criterion.code != name:
            raise ImportError(f"criteria/{name}.py holds the criterion {criterion.code!r}: name the file after it")
        found[name] = criterion
    return found


CRITERIA: dict[str, Criterion] = _found()

__all__ = ["CRITERIA", "NO_PLACE", "Criterion", "Facts", "Figures"]
