"""What the frame of the app shows: who and where we are, and how the sync is doing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Link(StrEnum):
    """The device's standing with its server."""

    NOT_ENROLLED = "not_enrolled"
    OFFLINE = "offline"
    ONLINE = "online"
    REVOKED = "revoked"
    UPDATE_NEEDED = "update_needed"


@dataclass(frozen=True)
class SyncStatus:
    """For the sync pill and the sync screen."""

    link: Link = Link.OFFLINE
    offline_since: datetime | None = None
    last_contact: datetime | None = None
    waiting: int = 0
    photos: int = 0
    """That wait to be sent, after the commands."""
    needs_you: int = 0
    stuck: int | None = None
    """Number of a command that makes the server fail whenever it is sent; it and what follows stay queued."""
    trouble: str | None = None
    """The last failure as a code, such as `offline`."""
    offset_ms: int = 0
    loading: bool = False
    """A snapshot is being loaded: the first one, or a new one."""

    @property
    def online(self) -> bool:
        return self.link is Link.ONLINE


@dataclass(frozen=True)
class SyncState:
    """The network as an associate needs to know it: here or not, what waits, what wants a person."""

    online: bool = True
    offline_since: datetime | None = None
    waiting: int = 0
    needs_you: int = 0
    shut_out: bool = False
    """The server no longer lets this device in."""
    update_needed: bool = False
    """The server speaks a newer version: what is queued goes up once the app is updated."""


@dataclass(frozen=True)
class AppState:
    """One snapshot for the frame. `theme` is system, light or dark."""

    node_name: str = ""
    person: str | None = None
    sync: SyncState = field(default_factory=SyncState)
    locale: str = "en"
    time_zone: str = "UTC"
    currency: str = "USD"
    theme: str = "system"
    left_handed: bool = False
    sound: bool = True


SETTINGS = ("locale", "theme", "left_handed", "sound")
"""Fields of `AppState` that belong to the device and can be set."""
