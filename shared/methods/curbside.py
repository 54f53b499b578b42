"""Curbside: like pickup, but an associate carries the bag to the customer's car."""

from shared.methods._base import Method, counter_rows

METHOD = Method(
    code="curbside",
    delivery="curbside",
    steps=("pick", "pack", "hand_off"),
    final="handed_off",
    rows=counter_rows("curbside"),
    has_pass=True,
)
