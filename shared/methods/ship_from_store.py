"""Ship from store: the store picks, packs and gives the parcel to a carrier."""

from shared.methods._base import Method, shipping_rows

METHOD = Method(
    code="ship_from_store",
    delivery="ship",
    steps=("pick", "pack", "ship"),
    final="delivered",
    rows=shipping_rows("ship_from_store"),
    needs_address=True,
)
