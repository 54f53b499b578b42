"""Shipped by a warehouse of our own or of a third party (3PL), whose system reports each step."""

from shared.methods._base import Method, shipping_rows

METHOD = Method(
    code="warehouse",
    delivery="ship",
    steps=("pick", "pack", "ship"),
    final="delivered",
    rows=shipping_rows("warehouse"),
    needs_address=True,
    node_types=frozenset({"warehouse", "third_party"}),
)
