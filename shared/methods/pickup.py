"""Buy online, pick up in store (BOPIS): the bag waits at the counter."""

from shared.methods._base import Method, counter_rows

METHOD = Method(
    code="pickup",
    delivery="pickup",
    steps=("pick", "pack", "hand_off"),
    final="handed_off",
    rows=counter_rows("pickup"),
    has_pass=True,
)
