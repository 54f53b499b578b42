"""Every table of every slice, for comparing the code with the database."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from sqlalchemy import MetaData

import server
from server.kit.tables import Table


def metadata() -> MetaData:
    """All declared tables: each slice's `tables` module is imported."""
    for package in pkgutil.iter_modules(server.__path__, "server."):
        if package.ispkg:
            inside = importlib.import_module(package.name)
            if any(module.name == "tables" for module in pkgutil.iter_modules(inside.__path__)):
                importlib.import_module(f"{package.name}.tables")
    return Table.metadata


def is_ours(thing: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
    """Alembic's `include_object`: partitions follow their table."""
    table = name if kind == "table" else getattr(getattr(thing, "table", None), "name", None)
    return not (reflected and str(table).endswith("_default"))
