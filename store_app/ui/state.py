"""What the frame shows about the world, kept outside the components.

`AppState` is one immutable snapshot; `Store` holds the current one and tells whoever listens that it was replaced.
The engine (or, in the gallery, sample data) writes; components only read, through `hooks.use_state_of`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from store_app.engine.state import AppState, SyncState

__all__ = ["AppState", "Dispose", "Engine", "HubFace", "Lease", "Listener", "Store", "Switch", "SyncState"]
Listener = Callable[[], None]
Dispose = Callable[[], None]


class Store:
    """Holds the current snapshot. Listeners are told on the thread that changes it; `App.post` brings it home."""

    def __init__(self, state: AppState | None = None) -> None:
        self.state = state or AppState()
        self._listeners: list[Listener] = []

    def change(self, **fields: Any) -> None:
        """Replace some fields; silent when nothing differs."""
        self.replace(replace(self.state, **fields))

    def replace(self, state: AppState) -> None:
        """Put a whole snapshot in place; silent when it equals the present one."""
        if state == self.state:
            return
        self.state = state
        self.tell()

    def tell(self) -> None:
        """Wake every listener, although the snapshot itself may be the same."""
        for listener in list(self._listeners):
            listener()

    def subscribe(self, listener: Listener) -> Dispose:
        """Be told after each change, until the returned function is called."""
        self._listeners.append(listener)

        def dispose() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return dispose


class Engine(Protocol):
    """What the face needs of an engine: a snapshot for the frame, and to be told when something changed.

    Screens ask the concrete engine for the rest (work, stock, orders); see `notices.engine`.
    """

    @property
    def enrolled(self) -> bool:
        """Whether this device belongs to a store."""
        ...

    def app_state(self) -> AppState:
        """The snapshot for the frame, read afresh."""
        ...

    def subscribe(self, listener: Listener) -> Dispose:
        """Call the listener, from any thread, after the local store changed."""
        ...

    def touch(self) -> None:
        """Somebody uses the device."""
        ...

    def tick(self) -> None:
        """Time passes: a device nobody uses locks."""
        ...

    def close(self) -> None:
        """Let go of files and threads."""
        ...


@dataclass(frozen=True)
class Lease:
    """An engine lent to one tab, and how to give it back; the lender closes it when nobody uses it."""

    engine: Engine
    give_back: Callable[[], None]


@dataclass(frozen=True)
class HubFace:
    """What people may want to know of the hub that serves their page: to connect another tablet, and to compare."""

    addresses: tuple[str, ...]
    fingerprint: str
    """Of the certificate, as AB:CD:...; empty without TLS of its own."""
    to_install: str
    """Address of the certificate's file; empty where tablets need none."""


class Switch:
    """Something that is on or off for the whole app, such as the camera."""

    def __init__(self) -> None:
        self.on = False
        self._store = Store()

    def flip(self, on: bool) -> None:
        """Turn it on or off; silent when it already is."""
        if on != self.on:
            self.on = on
            self._store.tell()

    def subscribe(self, listener: Listener) -> Dispose:
        """Be told when it was flipped."""
        return self._store.subscribe(listener)
