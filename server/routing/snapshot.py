"""What the router looks at: the nodes as columns, and what they hold.

Columns stand in order of node code, whatever order the rows came in, so that no answer depends on row order. `Nodes`
changes when a planner or a store changes a node and can be kept; `Candidates` is taken anew for every batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from server.routing.criteria._base import NO_PLACE, UNLIMITED, Ints
from shared.kernel import EARTH_RADIUS_KM, Geo


@dataclass(frozen=True, slots=True)
class Node:
    """One node as the network slice knows it."""

    code: str
    name: str
    type: str
    location: Geo | None = None
    capacity: int = UNLIMITED
    """Jobs on its day."""
    capacity_by: Mapping[str, int] = field(default_factory=dict)
    """Way of delivery -> jobs on its day, where that has a limit of its own."""
    day: date | None = None
    """The day of its own calendar on which a job given now is worked on; what its capacity is counted for."""
    off: frozenset[str] = frozenset()
    """Ways of delivery that the store has switched off."""
    open: bool = True
    """Works today or tomorrow, and takes jobs now or later."""
    deliveries: frozenset[str] = frozenset({"ship", "pickup", "curbside"})
    routing_buffer: int = 0
    """With fewer units than this of an item, the node sends none of it."""
    thresholds: Mapping[str, int] = field(default_factory=dict)
    """Channel -> units of each item that it may not touch; empty where `available` has them taken off already."""
    channels: frozenset[str] | None = None
    """Channels that sell from here; None: all."""
    ready_at: datetime | None = None
    """When a parcel given now leaves; None: no statement."""
    collect_at: datetime | None = None
    """When a bag given now stands ready; None: no statement."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """All nodes, column by column, in order of code. Arrays are read only."""

    codes: tuple[str, ...]
    names: tuple[str, ...]
    types: tuple[str, ...]
    row: dict[str, int]
    points: NDArray[np.float64]
    """(3, n) on the unit sphere; NaN without a place."""
    capacity: Ints
    capacity_by: dict[str, Ints]
    """Only ways of delivery that some node limits."""
    days: tuple[date | None, ...]
    off: dict[str, NDArray[np.bool_]]
    """Only ways of delivery that some node has switched off."""
    open: NDArray[np.bool_]
    routing_buffer: Ints
    ready_at: Ints
    """Seconds since 1970; 0 without a statement."""
    collect_at: Ints
    """As `ready_at`."""
    deliveries: dict[str, NDArray[np.bool_]]
    channels: dict[str, NDArray[np.bool_]]
    """Only channels that some node names; a node without a list sells for all."""
    any_channel: NDArray[np.bool_]
    thresholds: dict[str, Ints]

    @classmethod
    def of(cls, nodes: Iterable[Node]) -> Nodes:
        found = sorted(nodes, key=lambda node: node.code)
        codes = tuple(node.code for node in found)
        if len(set(codes)) < len(codes):
            raise ValueError("a node stands twice in the snapshot")

        def flags(test: Callable[[Node], bool]) -> NDArray[np.bool_]:
            return np.array([test(node) for node in found], dtype=np.bool_)

        def ints(figure: Callable[[Node], int]) -> Ints:
            return np.array([figure(node) for node in found], dtype=np.int64)

        deliveries = sorted({code for node in found for code in node.deliveries})
        named = sorted({code for node in found for code in node.channels or ()})
        limited = sorted({code for node in found for code in node.thresholds})
        return cls(
            codes=codes,
            names=tuple(node.name for node in found),
            types=tuple(node.type for node in found),
            row={code: row for row, code in enumerate(codes)},
            points=np.array([_point(node.location) for node in found], dtype=np.float64).reshape(-1, 3).T.copy(),
            capacity=ints(lambda node: node.capacity),
            capacity_by={
                code: ints(lambda node, code=code: node.capacity_by.get(code, UNLIMITED))  # type: ignore[misc]
                for code in sorted({code for node in found for code in node.capacity_by})
            },
            days=tuple(node.day for node in found),
            off={
                code: flags(lambda node, code=code: code in node.off)  # type: ignore[misc]
                for code in sorted({code for node in found for code in node.off})
            },
            open=flags(lambda node: node.open),
            routing_buffer=ints(lambda node: node.routing_buffer),
            ready_at=ints(lambda node: _seconds(node.ready_at)),
            collect_at=ints(lambda node: _seconds(node.collect_at)),
            deliveries={code: flags(lambda node, code=code: code in node.deliveries) for code in deliveries},  # type: ignore[misc]
            channels={
                code: flags(lambda node, code=code: node.channels is None or code in node.channels)  # type: ignore[misc]
                for code in named
            },
            any_channel=flags(lambda node: node.channels is None),
            thresholds={
                code: ints(lambda node, code=code: node.thresholds.get(code, 0))  # type: ignore[misc]
                for code in limited
            },
        )

    def __len__(self) -> int:
        return len(self.codes)

    def delivers(self, way: str, code: str) -> bool:
        """Whether a node does that for customers at all."""
        return way in self.deliveries and bool(self.deliveries[way][self.row[code]])

    def metres_from(self, places: Sequence[Geo | None]) -> Ints:
        """(places, n) great-circle metres, rounded; `NO_PLACE` where either end has none.

        Chord length between points on the sphere: the same figure as the haversine formula, cheaper per node.
        """
        here = np.array([_point(place) for place in places], dtype=np.float64).reshape(-1, 3)
        squares = (self.points[0] - here[:, 0:1]) ** 2
        squares += (self.points[1] - here[:, 1:2]) ** 2
        squares += (self.points[2] - here[:, 2:3]) ** 2
        half_chord = np.minimum(np.sqrt(squares) / 2, 1.0)
        metres = np.rint(np.arcsin(half_chord) * (2000 * EARTH_RADIUS_KM))
        metres[np.isnan(metres)] = NO_PLACE
        whole: Ints = metres.astype(np.int64)
        return whole


@dataclass(frozen=True, slots=True)
class Candidates:
    """One snapshot for a batch: nodes, the jobs they can still take, and their stock."""

    nodes: Nodes
    capacity_left: Ints
    """(n) jobs of all ways of delivery."""
    left_by: dict[str, Ints]
    """Way of delivery -> (n) jobs, where some node limits it."""
    skus: dict[str, int]
    """Item -> row of `available`."""
    available: Ints
    """(items, n) units available to promise, never negative. Channel thresholds of `nodes` are taken off later."""

    @classmethod
    def of(
        cls,
        nodes: Nodes,
        stock: Iterable[tuple[str, str, int]],
        *,
        capacity_left: Mapping[str, int] | None = None,
        left_by: Mapping[str, Mapping[str, int]] | None = None,
    ) -> Candidates:
        """From rows (item, node, available), in any order; what has no row has no stock.

        `capacity_left` names the nodes that have jobs already; the others have all of their capacity. So does
        `left_by`, by way of delivery.
        """
        rows = [(sku, nodes.row[node], units) for sku, node, units in stock if node in nodes.row]
        skus = {sku: place for place, sku in enumerate(sorted({sku for sku, _, _ in rows}))}
        available = np.zeros((len(skus), len(nodes)), dtype=np.int64)
        if rows:
            items, places, units = zip(*((skus[sku], node, units) for sku, node, units in rows), strict=True)
            available[list(items), list(places)] = np.maximum(np.array(units, dtype=np.int64), 0)
        return cls(nodes, *_all_left(nodes, capacity_left, left_by), skus, available)

    @classmethod
    def of_columns(
        cls,
        nodes: Nodes,
        stock: Mapping[str, tuple[Sequence[int], Sequence[int]]],
        *,
        capacity_left: Mapping[str, int] | None = None,
        left_by: Mapping[str, Mapping[str, int]] | None = None,
    ) -> Candidates:
        """As `of`, from columns: item -> (places of its nodes in `nodes.codes`, units there)."""
        skus = {sku: place for place, sku in enumerate(sorted(stock))}
        available = np.zeros((len(skus), len(nodes)), dtype=np.int64)
        for sku, item in skus.items():
            places, units = stock[sku]
            available[item, places] = units
        np.maximum(available, 0, out=available)
        return cls(nodes, *_all_left(nodes, capacity_left, left_by), skus, available)

    def with_free(self, free: Mapping[tuple[str, str], int]) -> Candidates:
        """The same with other units at some (item, node)."""
        if not free:
            return self
        skus = {sku: row for row, sku in enumerate(sorted(self.skus.keys() | {sku for sku, _ in free}))}
        available = np.zeros((len(skus), len(self.nodes)), dtype=np.int64)
        for sku, row in self.skus.items():
            available[skus[sku]] = self.available[row]
        for (sku, node), units in free.items():
            if node in self.nodes.row:
                available[skus[sku], self.nodes.row[node]] = max(0, units)
        return replace(self, skus=skus, available=available)


def _seconds(at: datetime | None) -> int:
    return int(at.timestamp()) if at else 0


def _all_left(
    nodes: Nodes, in_all: Mapping[str, int] | None, by: Mapping[str, Mapping[str, int]] | None
) -> tuple[Ints, dict[str, Ints]]:
    by = by or {}
    return (
        _left(nodes, nodes.capacity, in_all or {}),
        {code: _left(nodes, capacity, by.get(code, {})) for code, capacity in nodes.capacity_by.items()},
    )


def _left(nodes: Nodes, capacity: Ints, named: Mapping[str, int]) -> Ints:
    left = capacity.copy()
    for code, jobs in named.items():
        if code in nodes.row:
            left[nodes.row[code]] = jobs
    return left


def _point(place: Geo | None) -> tuple[float, float, float]:
    if place is None:
        return (np.nan, np.nan, np.nan)
    latitude, longitude = np.radians(place.latitude), np.radians(place.longitude)
    return (
        float(np.cos(latitude) * np.cos(longitude)),
        float(np.cos(latitude) * np.sin(longitude)),
        float(np.sin(latitude)),
    )
