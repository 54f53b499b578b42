"""Words of the network that the server, its API and the app share: what a node does, and why it stops for a while."""

from __future__ import annotations

from enum import StrEnum


class Delivery(StrEnum):
    """How a customer gets what they ordered."""

    SHIP = "ship"
    PICKUP = "pickup"
    CURBSIDE = "curbside"


class SwitchReason(StrEnum):
    """Why a node takes no web orders for a while."""

    BUSY = "busy"
    """More work than hands."""
    SHORT_STAFFED = "short_staffed"
    STOCK_TAKE = "stock_take"
    SYSTEM_DOWN = "system_down"
    """Tills, network or power."""
    WEATHER = "weather"
    CLOSED = "closed"
    """Closed at a time when it should be open."""
    OTHER = "other"
