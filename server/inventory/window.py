"""The shop window: what shoppers are shown, as this process last read it, at most a second ago.

Whoever asks says how old the figures may be. What is not kept, or is too old, is read; requests that arrive while a
reading is on its way share the next one. Nothing is ever promised from here: reservations are made on the rows
themselves, and nobody but the asker relies on what is kept (docs/adr/0020).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from server.inventory import queries
from server.inventory.columns import NOTHING, Columns
from server.inventory.drawing import Drawing, Seller
from server.kit.combiner import Combiner
from server.kit.database import Database
from server.kit.transaction import Tx
from server.network import queries as network

MAX_AGE_S = 1.0
PIECE = 200
"""Items of one statement."""
MOST_CELLS = 200_000
"""Items times nodes that are kept; those that nobody has asked for longest go first."""
MOST_SELLERS = 8
"""Channels for which an item's drawings are kept."""


@dataclass(slots=True)
class Shown:
    """One item as it was read. While nothing about it changes, neither do its drawings."""

    sku: str
    columns: Columns
    read_at: datetime
    drawings: dict[Seller, Drawing] = field(default_factory=dict)

    @property
    def cells(self) -> int:
        return 1 + len(self.columns.nodes)

    def drawing(self, seller: Seller) -> Drawing:
        found = self.drawings.get(seller)
        if found is None:
            if len(self.drawings) == MOST_SELLERS:
                self.drawings.clear()
            found = self.drawings[seller] = Drawing(self.sku, self.columns, seller)
        return found


@dataclass(frozen=True, slots=True)
class _Ask:
    skus: Sequence[str]
    not_before: datetime


class Window:
    """What one process keeps. `sellers`: channels as of the last reading, and under None whoever asks for all nodes."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._kept: OrderedDict[str, Shown] = OrderedDict()
        self._cells = 0
        self._book: network.Book | None = None
        self.sellers: dict[str | None, Seller] = {}
        self._reading: Combiner[_Ask, Mapping[str, Shown]] = Combiner(self._read)

    async def look(self, skus: Sequence[str], max_age: timedelta) -> list[Shown]:
        """Each item as it was at most `max_age` ago; the sellers are never older than the oldest of them."""
        not_before = self._db.clock() - max_age
        found = self._fresh(skus, not_before)
        if missing := [sku for sku in skus if sku not in found]:
            found.update(await self._reading.submit(_Ask(missing, not_before)))
        return [found[sku] for sku in skus]

    def _fresh(self, skus: Iterable[str], not_before: datetime) -> dict[str, Shown]:
        """Those that are kept and not older; what was read later than now was read by a clock that was wrong."""
        now = self._db.clock()
        found = {}
        for sku in skus:
            shown = self._kept.get(sku)
            if shown is not None and not_before <= shown.read_at <= now:
                found[sku] = shown
                self._kept.move_to_end(sku)
        return found

    async def _read(self, asks: Sequence[_Ask]) -> list[Mapping[str, Shown]]:
        """One reading for all who wait, of what an earlier one did not bring."""
        found: dict[str, Shown] = {}
        wanted: dict[str, None] = {}
        for ask in asks:
            brought = self._fresh(ask.skus, ask.not_before)
            found.update(brought)
            wanted.update(dict.fromkeys(sku for sku in ask.skus if sku not in brought))
        left = iter(wanted)
        while piece := list(islice(left, PIECE)):
            async with self._db.reading() as tx:
                found.update(await self._read_from(tx, piece))
        return [found] * len(asks)

    async def _read_from(self, tx: Tx, skus: Sequence[str]) -> dict[str, Shown]:
        book = await network.book(tx)
        columns = await queries.columns(tx, skus)
        if book is not self._book:
            self._hang(book)
        return {sku: self._keep(sku, columns.get(sku, NOTHING), tx.now) for sku in skus}

    def _hang(self, book: network.Book) -> None:
        """Nodes or channels have changed: what was drawn says something else now."""
        self._book = book
        self.sellers = {channel: Seller(channel, mine, book.names) for channel, mine in book.thresholds.items()}
        self.sellers[None] = Seller(None, dict.fromkeys(book.names, 0), book.names)
        for shown in self._kept.values():
            shown.drawings.clear()

    def _keep(self, sku: str, columns: Columns, read_at: datetime) -> Shown:
        kept = self._kept.pop(sku, None)
        if kept is not None:
            self._cells -= kept.cells
        shown = Shown(sku, columns, read_at)
        if kept is not None and kept.columns == columns:
            shown.drawings = kept.drawings
        self._kept[sku] = shown
        self._cells += shown.cells
        while self._cells > MOST_CELLS and len(self._kept) > 1:
            self._cells -= self._kept.popitem(last=False)[1].cells
        return shown
