"""Why an order waits for somebody, as a task: kinds of holds, by when each should be dealt with, and how it ends."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class HoldKind(StrEnum):
    PAYMENT = "payment"
    """The gateway has not said yes."""
    FRAUD = "fraud"
    ADDRESS = "address"
    """Nobody could deliver there."""
    REMORSE = "remorse"
    """The customer may still change their mind; ends by itself."""
    SWAP = "swap"
    """The customer is asked what they take instead."""
    MANUAL = "manual"


class HoldResolution(StrEnum):
    """What somebody may say to a hold."""

    RELEASE = "release"
    """The order goes on, when nothing else holds it."""
    CANCEL = "cancel"
    """What it held is cancelled."""


BY_PEOPLE = (HoldKind.FRAUD, HoldKind.ADDRESS, HoldKind.SWAP, HoldKind.MANUAL)
"""Kinds that somebody opens; the others open by themselves."""
TIME_FOR = {
    HoldKind.PAYMENT: timedelta(hours=24),
    HoldKind.FRAUD: timedelta(hours=4),
    HoldKind.ADDRESS: timedelta(hours=24),
    HoldKind.SWAP: timedelta(hours=24),
    HoldKind.MANUAL: timedelta(hours=24),
}
"""Time until somebody should have dealt with it. A remorse window says its own end."""
