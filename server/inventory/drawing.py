"""Availability as JSON, made of pieces that are kept: the text of a node is drawn when somebody first asks for it.

The texts are what `shared.stock.Availability` would dump. Drawing them by hand is several times quicker, and one that
is kept costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from server.inventory.columns import Columns, Lineup
from server.kit.database import to_json

Detail = Literal["network", "nodes", "arithmetic"]


class Seller:
    """A channel at the shelves: which nodes it sells from, and what it may not touch there. None: the whole network,
    every node with nothing held back for anybody."""

    def __init__(self, channel: str | None, thresholds: Mapping[str, int], names: Mapping[str, str]) -> None:
        self.channel = channel
        self.thresholds = thresholds
        self.heads = {code: f'{{"node":"{code}","name":{to_json(names.get(code, ""))}' for code in thresholds}

    def places(self, nodes: Lineup, asked: Sequence[str] | None) -> list[int]:
        """Where in the line-up stand the nodes that it sells from: the asked ones, or all."""
        wanted = nodes.codes if asked is None else asked
        return [nodes.places[code] for code in wanted if code in nodes.places and code in self.thresholds]


class Drawing:
    """One item as one channel sees it."""

    __slots__ = ("_available", "_columns", "_head", "_pieces", "_seller", "_thresholds")

    def __init__(self, sku: str, columns: Columns, seller: Seller) -> None:
        self._columns = columns
        self._seller = seller
        self._thresholds = tuple(map(seller.thresholds.get, columns.nodes.codes))
        self._available = columns.available(self._thresholds)
        self._pieces: dict[Detail, list[str]] = {}
        in_nodes = sum(self._available)
        self._head = (
            f'{{"sku":"{sku}","channel":{to_json(seller.channel)},"available":{max(0, in_nodes - columns.promised)},'
            f'"in_nodes":{in_nodes},"promised_not_routed":{columns.promised},"nodes":['
        )

    def text(self, places: Sequence[int], detail: Detail) -> str:
        """With the nodes at these places of the line-up, in this order."""
        if detail == "network":
            return self._head + "]}"
        drawn = self._pieces.get(detail)
        if drawn is None:
            drawn = self._pieces[detail] = [""] * len(self._available)
        found = [drawn[place] for place in places]
        if "" in found:
            for place in places:
                drawn[place] = drawn[place] or self._piece(place, detail)
            found = [drawn[place] for place in places]
        return f"{self._head}{','.join(found)}]}}"

    def _piece(self, place: int, detail: Detail) -> str:
        columns, available = self._columns, self._available[place]
        head = f'{self._seller.heads[columns.nodes.codes[place]]},"available":{available}'
        if detail == "nodes":
            return head + "}"
        return (
            f'{head},"atp":{{"on_hand":{columns.on_hand[place]},"not_sellable":{columns.not_sellable[place]},'
            f'"reserved":{columns.reserved[place]},"safety_stock":{columns.safety_stock[place]},'
            f'"channel_threshold":{self._thresholds[place]},"doubt":{columns.doubt[place]},"inbound":0,'
            f'"available":{available}}}}}'
        )
