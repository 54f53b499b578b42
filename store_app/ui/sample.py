"""A stand-in for the engine with a fixed story to tell: for the gallery and for tests of the frame."""

from datetime import UTC, datetime

from store_app.ui.state import AppState, Dispose, Listener, Store, SyncState

NOW = datetime(2026, 11, 20, 10, 57, tzinfo=UTC)
STATE = AppState(
    node_name="Lyon Part-Dieu",
    person="Marie Laurent",
    sync=SyncState(),
    locale="en",
    time_zone="Europe/Paris",
    currency="EUR",
)


class SampleEngine:
    """Shows one snapshot; `show` replaces it and tells whoever listens."""

    enrolled = True

    def __init__(self, state: AppState = STATE) -> None:
        self.store = Store(state)

    def app_state(self) -> AppState:
        """The snapshot."""
        return self.store.state

    def show(self, state: AppState) -> None:
        """Tell another story."""
        self.store.replace(state)

    def subscribe(self, listener: Listener) -> Dispose:
        """Be told after each `show`."""
        return self.store.subscribe(listener)

    def touch(self) -> None:
        """Does not lock."""

    def tick(self) -> None:
        """Does not lock."""

    def close(self) -> None:
        """Nothing to let go of."""
