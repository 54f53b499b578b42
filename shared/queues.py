"""Where units wait that no node has, and how long before somebody should look."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class Queue(StrEnum):
    ROUTING = "routing"
    """Waits for the next run of the routing plan."""
    BACKORDER = "backorder"
    """Waits for stock."""
    REJECTED = "rejected"
    """Nodes have sent it back, and somebody should look, as the plan says."""
    UNFILLABLE = "unfillable"
    """Nobody may or can send it, and somebody should look, as the plan says."""


LOOK_AFTER = {
    Queue.ROUTING: timedelta(hours=24),
    Queue.BACKORDER: timedelta(hours=24),
    Queue.REJECTED: timedelta(hours=1),
    Queue.UNFILLABLE: timedelta(hours=1),
}
"""What waits longer is told once (`WaitsLong`) and shown as waiting long. When it is cancelled, its rule says."""
