"""The running figures of one batch: who may serve, and what earlier orders left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from server.routing.criteria._base import Ints
from server.routing.decisions import Demand, DemandLine
from server.routing.filters import NodeFilter
from server.routing.reasons import EXCLUDED
from server.routing.rules import Rule
from server.routing.snapshot import Candidates, Nodes

CODES = ("", *EXCLUDED)
_CODE = {code: number for number, code in enumerate(CODES)}

Codes = NDArray[np.int8]
"""(n) 0 where the node may serve, else the place of its reason in `CODES`."""


@dataclass(slots=True)
class Items:
    """The distinct items of an order, and the lines of each, both in line order."""

    skus: tuple[str, ...]
    lines: tuple[tuple[DemandLine, ...], ...]
    wanted: Ints
    refused: tuple[tuple[int, int], ...]
    """(item, node row) not to be asked again."""
    kits: tuple[int, ...]
    """Items that leave from one node or not at all."""

    @classmethod
    def of(cls, demand: Demand, nodes: Nodes) -> Items:
        by_sku: dict[str, list[DemandLine]] = {}
        for line in sorted(demand.lines, key=lambda line: line.line):
            by_sku.setdefault(line.sku, []).append(line)
        refused: set[tuple[int, int]] = set()
        if demand.refused:
            item = {line.line: place for place, lines in enumerate(by_sku.values()) for line in lines}
            refused = {
                (item[line], nodes.row[node])
                for line, node in demand.refused
                if line is not None and line in item and node in nodes.row
            }
        wanted = np.array([sum(line.quantity for line in lines) for lines in by_sku.values()], dtype=np.int64)
        kits = tuple(place for place, lines in enumerate(by_sku.values()) if "kit" in lines[0].flags)
        return cls(tuple(by_sku), tuple(map(tuple, by_sku.values())), wanted, tuple(sorted(refused)), kits)

    def shares(self, units: Ints) -> list[list[list[tuple[int, int]]]]:
        """item -> node -> (line, units), from (m, nodes) units: lines filled in line order, nodes as they stand."""
        return [_dealt(lines, given) for lines, given in zip(self.lines, units.tolist(), strict=True)]

    def last(self, item: int, units: int) -> list[tuple[int, int]]:
        """(line, units) of an item that are left over: the last lines are."""
        found = []
        for line in reversed(self.lines[item]):
            take = min(units, line.quantity)
            if take:
                found.append((line.line, take))
            units -= take
        return found


def _dealt(lines: tuple[DemandLine, ...], given: list[int]) -> list[list[tuple[int, int]]]:
    if len(lines) == 1:
        return [[(lines[0].line, units)] if units else [] for units in given]
    wants = [[line.line, line.quantity] for line in lines]
    dealt = []
    for units in given:
        parts = []
        for want in wants:
            take = min(units, want[1])
            if take:
                parts.append((want[0], take))
                want[1] -= take
                units -= take
        dealt.append(parts)
    return dealt


class Desk:
    """One batch under one rule. Arrays of the snapshot are copied where the batch goes on after this order."""

    def __init__(self, candidates: Candidates, rule: Rule, now: datetime, *, lasting: bool) -> None:
        self.nodes: Nodes = candidates.nodes
        self.rule = rule
        self.now = now
        self.lasting = lasting
        self.skus = candidates.skus
        self.available = candidates.available.copy() if lasting else candidates.available
        self.capacity_left = candidates.capacity_left.copy() if lasting else candidates.capacity_left
        self.left_by = {code: left.copy() if lasting else left for code, left in candidates.left_by.items()}
        self.everyone = np.arange(len(candidates.nodes))
        self.buffered = bool(self.nodes.routing_buffer.any())
        self._standing: dict[tuple[str, str], Codes] = {}

    def turn_to(self, rule: Rule) -> None:
        """Go on with what is left, under another rule."""
        self.rule = rule
        self._standing.clear()

    def left(self) -> Candidates:
        """What is there now, as a snapshot for somebody else."""
        by = {code: left.copy() for code, left in self.left_by.items()}
        return Candidates(self.nodes, self.capacity_left.copy(), by, self.skus, self.available.copy())

    def codes(self, demand: Demand, metres: Ints | None) -> Codes:
        """Its nodes, and why the others fall out. The first reason in the order of `EXCLUDED` counts."""
        codes = self._standing_of(demand.delivery, demand.channel).copy()
        _mark(codes, self.capacity_left < 1, "no_capacity")
        if (left := self.left_by.get(demand.delivery)) is not None:
            _mark(codes, left < 1, "no_capacity_for_it")
        if demand.wanted_by is not None and demand.wanted_by > self.now:
            at = self.nodes.ready_at if demand.delivery == "ship" else self.nodes.collect_at
            _mark(codes, at > int(demand.wanted_by.timestamp()), "too_late")
        if metres is not None and self.rule.nodes.max_km is not None:
            _mark(codes, metres > self.rule.nodes.max_km * 1000, "too_far")
        for line, node in demand.refused:
            row = self.nodes.row.get(node)
            if line is None and row is not None and not codes[row]:
                codes[row] = _CODE["refused_before"]
        return codes

    def _standing_of(self, delivery: str, channel: str) -> Codes:
        """What does not depend on the order; worked out once per batch."""
        key = (delivery, channel)
        if key not in self._standing:
            self._standing[key] = _standing(self.nodes, self.rule.nodes, delivery, channel)
        return self._standing[key]

    def stock(self, skus: Sequence[str], channel: str) -> Ints:
        """(m, n) units the channel may take now, a new array."""
        rows = [self.skus.get(sku, -1) for sku in skus]
        if min(rows, default=0) < 0:
            stock = np.zeros((len(rows), len(self.nodes)), dtype=np.int64)
            for place, row in enumerate(rows):
                if row >= 0:
                    stock[place] = self.available[row]
        else:
            stock = self.available.take(rows, axis=0)
        threshold = self.nodes.thresholds.get(channel)
        return stock if threshold is None else np.maximum(stock - threshold, 0)

    def take(self, items: Items, node: int, units: list[int], delivery: str = "ship") -> None:
        """One job at the node, and its units; only if another order follows."""
        if self.lasting:
            self.count_jobs(node, -1, delivery)
            for sku, count in zip(items.skus, units, strict=True):
                if count:
                    self.available[self.skus[sku], node] -= count

    def put_back(self, items: Items, node: int, units: list[int], delivery: str = "ship") -> None:
        """The reverse of `take`, in a lasting batch."""
        self.count_jobs(node, 1, delivery)
        for sku, count in zip(items.skus, units, strict=True):
            if count:
                self.available[self.skus[sku], node] += count

    def count_jobs(self, node: int, more: int, delivery: str) -> None:
        """So many more jobs, or fewer, that the node can still take."""
        self.capacity_left[node] += more
        if (left := self.left_by.get(delivery)) is not None:
            left[node] += more


def _standing(nodes: Nodes, asked: NodeFilter, delivery: str, channel: str) -> Codes:
    codes = np.zeros(len(nodes), dtype=np.int8)
    _mark(codes, ~nodes.channels.get(channel, nodes.any_channel), "not_in_channel")
    if delivery == "ship":
        _mark(codes, _left_out(nodes, asked), "left_out")
    for each in (delivery, *(asked.capabilities if delivery == "ship" else ())):
        _mark(codes, ~nodes.deliveries.get(each, np.zeros(len(nodes), dtype=np.bool_)), "not_capable")
    if (off := nodes.off.get(delivery)) is not None:
        _mark(codes, off, "switched_off")
    _mark(codes, ~nodes.open, "closed")
    return codes


def _left_out(nodes: Nodes, asked: NodeFilter) -> NDArray[np.bool_]:
    """Nodes that the rule does not ask, whatever they have."""
    only, without = frozenset(asked.only), frozenset(asked.without)
    if not (asked.types or only or without):
        return np.zeros(len(nodes), dtype=np.bool_)
    out = [
        code in without or (bool(only) and code not in only) or (bool(asked.types) and kind not in asked.types)
        for code, kind in zip(nodes.codes, nodes.types, strict=True)
    ]
    return np.array(out, dtype=np.bool_)


def _mark(codes: Codes, where: NDArray[np.bool_], reason: str) -> None:
    if np.logical_or.reduce(where):
        codes[where & (codes == 0)] = _CODE[reason]


# ---------------------------------------------------------------- stock that a shipped order may take


@dataclass(slots=True)
class Stock:
    """What one shipped order may take, and how many nodes fall out per item and reason."""

    usable: Ints
    """(m, n) units."""
    excluded: tuple[dict[str, int], ...]


def usable(desk: Desk, items: Items, codes: Codes, channel: str) -> Stock:
    stock = desk.stock(items.skus, channel)
    may = codes == 0
    stock *= may
    counts = np.bincount(codes, minlength=1).tolist()
    whole = {CODES[place]: count for place, count in enumerate(counts) if count and place}
    withheld: list[dict[str, int]] = [{}] * len(items.skus)
    if items.refused or desk.buffered:
        withheld = [_withheld(desk, items, item, stock[item], may) for item in range(len(items.skus))]
    excluded = []
    for filled, kept in zip(np.add.reduce(stock > 0, axis=1).tolist(), withheld, strict=True):
        empty = counts[0] - filled - sum(kept.values())
        found = _added(whole, kept) if kept else whole
        excluded.append({**found, "no_stock": empty} if empty else found)
    return Stock(stock, tuple(excluded))


def _withheld(desk: Desk, items: Items, item: int, stock: Ints, may: NDArray[np.bool_]) -> dict[str, int]:
    """Takes out of `stock` what nodes refused before or keep for the shop, and counts those nodes."""
    found: dict[str, int] = {}
    refused = [node for at, node in items.refused if at == item and may[node]]
    kept = (stock > 0) & (stock < desk.nodes.routing_buffer)
    kept[refused] = False
    if refused:
        stock[refused] = 0
        found["refused_before"] = len(refused)
    if kept.any():
        stock[kept] = 0
        found["buffer"] = int(kept.sum())
    return found


def _added(one: dict[str, int], two: dict[str, int]) -> dict[str, int]:
    return {code: one.get(code, 0) + two.get(code, 0) for code in EXCLUDED if code in one or code in two}


def missing_reason(desk: Desk, items: Items, item: int, codes: Codes, stock: Stock, given: int, channel: str) -> str:
    """Why units of an item found no node: the first thing that would have to change."""
    if int(stock.usable[item].sum()) > given:
        return "too_little" if item in items.kits else "split_cap"
    held = desk.stock([items.skus[item]], channel)[0]
    held[stock.usable[item] > 0] = 0
    if not held.any():
        return "no_stock"
    refused = [node for at, node in items.refused if at == item]
    reasons = np.where(codes == 0, _CODE["buffer"], codes)
    reasons[[node for node in refused if not codes[node]]] = _CODE["refused_before"]
    units = np.bincount(reasons, weights=held, minlength=len(CODES))
    return CODES[int(units.argmax())]
