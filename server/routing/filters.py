"""Which orders a rule is for, which of them it serves first, and which nodes it asks.

Everything an order filter names must be true of the order; what it does not name is not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from server.catalog.rules import Flag
from server.network.rules import NodeType
from server.routing.decisions import Delivery, Demand
from server.routing.spelling import Spelled
from shared.kernel import Minor, NodeCode

Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Postcode = Annotated[str, StringConstraints(min_length=1, max_length=16, pattern=r"^[A-Za-z0-9 -]+$")]
ChannelCode = Annotated[str, StringConstraints(min_length=1, max_length=24, pattern=r"^[a-z][a-z0-9_-]*$")]
Hours = Annotated[float, Field(gt=0, le=24 * 400)]
ServeFirst = Literal["oldest", "soonest_wanted", "most_valuable", "fewest_units"]


class OrderFilter(Spelled):
    """Orders that a rule or a run is for. Left out: all."""

    channels: tuple[ChannelCode, ...] = Field(default=(), max_length=50, examples=[["web"]])
    methods: tuple[Delivery, ...] = Field(default=(), max_length=3, examples=[["ship"]])
    min_value: Minor | None = Field(default=None, description="Worth at least so much, in minor units.")
    max_value: Minor | None = Field(default=None, description="Worth at most so much, in minor units.")
    flags: tuple[Flag, ...] = Field(default=(), max_length=7, description="Has an item with one of these flags.")
    countries: tuple[Country, ...] = Field(default=(), max_length=250, description="Sent to one of these countries.")
    postcodes: tuple[Postcode, ...] = Field(
        default=(), max_length=500, description="Sent to a postcode that begins like one of these.", examples=[["452"]]
    )
    older_than_hours: Hours | None = Field(default=None, description="Placed longer ago than this.")
    wanted_within_hours: Hours | None = Field(default=None, description="The customer wants it within this time.")
    sent_back: bool | None = Field(default=None, description="Whether a node has sent some of it back.")

    @model_validator(mode="after")
    def _bounds(self) -> OrderFilter:
        if self.min_value is not None and self.max_value is not None and self.max_value < self.min_value:
            raise ValueError("max_value: is less than min_value; no order is worth that")
        return self

    @cached_property
    def everything(self) -> bool:
        """Whether no order is left out."""
        return not self.model_dump(exclude_defaults=True)

    @cached_property
    def _prefixes(self) -> tuple[str, ...]:
        return tuple(_plain(code) for code in self.postcodes)

    def takes(self, demand: Demand, now: datetime) -> bool:
        """Whether the order is one of these."""
        return self.everything or (self._takes_order(demand, now) and self._takes_place(demand))

    def _takes_order(self, demand: Demand, now: datetime) -> bool:
        placed, wanted = demand.placed_at or now, demand.wanted_by
        return (
            (not self.channels or demand.channel in self.channels)
            and (not self.methods or demand.delivery in self.methods)
            and (self.min_value is None or demand.value >= self.min_value)
            and (self.max_value is None or demand.value <= self.max_value)
            and (not self.flags or any(flag in line.flags for line in demand.lines for flag in self.flags))
            and (self.older_than_hours is None or now - placed > timedelta(hours=self.older_than_hours))
            and (
                self.wanted_within_hours is None
                or (wanted is not None and wanted - now <= timedelta(hours=self.wanted_within_hours))
            )
            and (self.sent_back is None or bool(demand.refused) == self.sent_back)
        )

    def _takes_place(self, demand: Demand) -> bool:
        """Orders to collect go nowhere, so a rule that names a place is not for them."""
        return (not self.countries or demand.country in self.countries) and (
            not self.postcodes or (demand.postcode is not None and _plain(demand.postcode).startswith(self._prefixes))
        )


def _plain(postcode: str) -> str:
    return postcode.replace(" ", "").replace("-", "").upper()


class NodeFilter(Spelled):
    """Nodes that a rule asks to send. A customer who collects chose the node."""

    types: tuple[NodeType, ...] = Field(default=(), max_length=5, description="Left out: every type.")
    max_km: float | None = Field(default=None, gt=0, le=40_000, description="From the customer.")
    only: tuple[NodeCode, ...] = Field(default=(), max_length=5000, description="These nodes and no other.")
    without: tuple[NodeCode, ...] = Field(default=(), max_length=5000, description="Not these nodes.")
    capabilities: tuple[Delivery, ...] = Field(
        default=(), max_length=3, description="Nodes that offer all of these, besides what the order needs."
    )

    @model_validator(mode="after")
    def _somebody(self) -> NodeFilter:
        if both := sorted(set(self.only) & set(self.without)):
            raise ValueError(f"without: {both[0]} also stands in only")
        return self


_LAST = datetime.max.replace(tzinfo=UTC)


def in_turn(demands: Sequence[Demand], first: Sequence[ServeFirst]) -> list[int]:
    """Places of the demands in the order in which they are served; what is equal stays as it came."""
    return sorted(range(len(demands)), key=lambda place: tuple(_key(demands[place], by) for by in first))


def _key(demand: Demand, by: ServeFirst) -> float | datetime:
    if by == "oldest":
        return demand.placed_at or _LAST
    if by == "soonest_wanted":
        return demand.wanted_by or _LAST
    if by == "most_valuable":
        return -demand.value
    return sum(line.quantity for line in demand.lines)
