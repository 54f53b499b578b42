"""Shipped by the vendor from the vendor's own stock."""

from shared.methods._base import Method, shipping_rows

METHOD = Method(
    code="drop_ship",
    delivery="ship",
    steps=("pick", "pack", "ship"),
    final="delivered",
    rows=shipping_rows("drop_ship"),
    needs_address=True,
    node_types=frozenset({"vendor"}),
)
