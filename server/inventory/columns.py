"""What all nodes have of one item, column by column: so it is read, kept and added up. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from shared.stock import Atp


@dataclass(frozen=True, slots=True)
class Lineup:
    """Nodes in order of code, and the place of each. Many items stand in the same nodes and share one."""

    codes: tuple[str, ...]
    places: Mapping[str, int] = field(compare=False)

    def __len__(self) -> int:
        return len(self.codes)


@lru_cache(maxsize=1024)
def lineup(joined: str) -> Lineup:
    """From codes with blanks between them."""
    codes = joined.split()
    return Lineup(tuple(codes), {code: place for place, code in enumerate(codes)})


@dataclass(frozen=True, slots=True)
class Columns:
    """Units of one item by node; a node without a position of it is left out."""

    nodes: Lineup
    on_hand: Sequence[int]
    not_sellable: Sequence[int]
    reserved: Sequence[int]
    """Claims that live: a soft one whose time is over does not count, released or not."""
    safety_stock: Sequence[int]
    doubt: Sequence[int]
    promised: int = 0
    """Units of orders that have no node yet."""

    def atp(self, place: int, threshold: int = 0) -> Atp:
        return Atp(
            on_hand=self.on_hand[place],
            not_sellable=self.not_sellable[place],
            reserved=self.reserved[place],
            safety_stock=self.safety_stock[place],
            channel_threshold=threshold,
            doubt=self.doubt[place],
        )

    def available(self, thresholds: Sequence[int | None]) -> list[int]:
        """Per node: the same sum as `Atp.available`, without building the documents. A threshold of None: the node does
        not sell here."""
        return [
            0 if threshold is None else max(0, on_hand - not_sellable - reserved - safety - doubt - threshold)
            for on_hand, not_sellable, reserved, safety, doubt, threshold in zip(
                self.on_hand,
                self.not_sellable,
                self.reserved,
                self.safety_stock,
                self.doubt,
                thresholds,
                strict=True,
            )
        ]


NOTHING = Columns(lineup(""), (), (), (), (), ())
"""An item that no node has ever had."""


def without_expired(columns: Columns, expired: Mapping[str, int]) -> Columns:
    """`expired`: node -> units of soft claims whose time is over."""
    reserved = [units - expired.get(code, 0) for code, units in zip(columns.nodes.codes, columns.reserved, strict=True)]
    return replace(columns, reserved=reserved)
