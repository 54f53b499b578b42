"""A cart's question, and what it may be promised, as the API shows them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from shared.kernel import Geo, Input, Instant, Minor, NodeCode, Quantity, Sku, Wire
from shared.network import Delivery


class CartLine(Input):
    sku: Sku
    quantity: Quantity


class Destination(Input):
    """As much of an address as is known while somebody shops."""

    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = Field(
        default=None, description="ISO 3166-1 alpha-2.", examples=["US"]
    )
    postal_code: Annotated[str, StringConstraints(min_length=1, max_length=16)] | None = None
    location: Geo | None = Field(default=None, description="For distances; without it no node is nearer than others.")


class Asked(Input):
    """A cart, and the ways in which its customer might get it."""

    channel: str = Field(min_length=1, max_length=24, examples=["web"])
    lines: list[CartLine] = Field(min_length=1, max_length=500)
    ship_to: Destination | None = Field(default=None, description="Asks for parcels.")
    stores: list[NodeCode] = Field(default=[], max_length=50, description="Asks for collection at these.")
    near: Geo | None = Field(default=None, description="Asks for collection at the nearest stores to this point.")
    nearest: int = Field(default=5, ge=1, le=50, description="How many of those.")
    ways: list[Delivery] | None = Field(default=None, min_length=1, max_length=3, description="Only these; null: all.")
    wanted_by: Instant | None = Field(default=None, description="Nodes that would be later are left out.")
    value: Minor | None = Field(
        default=None, description="Worth of the cart, which may decide how far it is split; null: by list prices."
    )
    cart: Annotated[str, StringConstraints(min_length=1, max_length=80)] | None = Field(
        default=None, description="As in POST /v1/reservations: what it has claimed counts as free for it."
    )

    @model_validator(mode="after")
    def _somewhere(self) -> Asked:
        if self.ship_to is None and not self.stores and self.near is None:
            raise ValueError("ship_to: say where to send it, or `stores` or `near` for where to collect it")
        return self


class Units(Wire):
    sku: Sku
    quantity: int


class Missing(Units):
    """Units that cannot be had in this way now."""

    reason: str = Field(examples=["no_stock"])
    why: str = Field(description="The reason in a sentence.")
    expected_at: Instant | None = Field(
        description="When more of the item are expected, where somebody has said so; what a backorder is promised for."
    )


class Parcel(Wire):
    """What one node would send."""

    node: NodeCode
    name: str
    items: list[Units]
    leaves_at: Instant | None = Field(description="When its carrier collects it; null: not within a year.")
    order_by: Instant | None = Field(description="Until when it must be ordered to leave then.")


class Ship(Wire):
    """The cart as parcels to the address."""

    complete: bool = Field(description="Whether everything can be sent now.")
    parcels: list[Parcel]
    leaves_by: Instant | None = Field(description="When the last parcel has left; null unless complete.")
    order_by: Instant | None = Field(description="Until when it must be ordered for that; null unless complete.")
    missing: list[Missing]


class Collect(Wire):
    """The cart collected at one store, in one way."""

    node: NodeCode
    name: str
    distance_km: float | None = None
    way: Delivery
    complete: bool = Field(description="Whether it has everything now.")
    ready_at: Instant | None = Field(description="When the bag stands ready; null where nothing can be had.")
    items: list[Units]
    missing: list[Missing]


class Promise(Wire):
    """What the cart may be promised now. Each way is answered as if it were the only one."""

    as_of: Instant
    plan: str = Field(description="The routing plan that was asked.", examples=["standard v1"])
    ship: Ship | None
    collect: list[Collect] = Field(description="Stores as named, then the nearest; each way by itself.")
