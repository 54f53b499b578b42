"""The ways of fulfilling, one file each. To add one, write its file and add its line here."""

from __future__ import annotations

from shared.methods import curbside, drop_ship, pickup, ship_from_store, warehouse
from shared.methods._base import Method

METHODS: dict[str, Method] = {
    m.METHOD.code: m.METHOD for m in (pickup, curbside, ship_from_store, warehouse, drop_ship)
}


def method_for(delivery: str, node_type: str) -> Method | None:
    """Which method serves what the customer asked for (`ship`, `pickup`, `curbside`) at a node of this type."""
    return next((m for m in METHODS.values() if m.delivery == delivery and node_type in m.node_types), None)


__all__ = ["METHODS", "Method", "method_for"]
