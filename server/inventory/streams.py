"""Feeds of stock as streams of any length: read piece by piece, each piece in a transaction of its own.

What is in is in: a stream that breaks off has done what its answer says, and sending it again does nothing twice. A bad
row is reported by its line beside the good ones. Devices hear of it after the commit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import Field

from server.catalog import queries as catalog
from server.events import StockFed
from server.inventory import deltas, figures, service
from server.inventory.figures import Figure
from server.inventory.rules import FUTURE, PositionKey, Verdict
from server.inventory.service import Fact
from server.kit import commands
from server.kit.auth import Actor, may
from server.kit.database import Database, unavailable
from server.kit.ndjson import Reader, pieces
from server.kit.rows import BadRow
from server.kit.transaction import Tx
from server.kit.web import Parts
from server.network import queries as network
from shared.errors import FieldProblem, Unavailable
from shared.kernel import Wire
from shared.stock import MovementReason, StockDelta, StockFigure

PIECE = 2_000
"""Lines of one transaction."""
AT_ONCE = 2
"""Pieces under way: one is read while the database works on the other."""
TOLD = 250
"""Positions that devices are told of in one transaction."""
SHOWN = 1_000
"""Bad rows that an answer spells out."""
KEPT = 200_000
"""SKUs a stream remembers to exist."""
Row = TypeVar("Row", StockFigure, StockDelta)
Problems = tuple[FieldProblem, ...]


class LineProblem(Wire):
    """A row that is not in, and why."""

    line: int = Field(description="Line of the stream, from 1.", examples=[17])
    key: str | None = Field(description="The row's own key, as far as it could be read.")
    errors: tuple[FieldProblem, ...] = Field(description="Field, message and remedy.")


class FeedAnswer(Wire):
    """What became of a stream. The good rows are in, whatever is said of the others."""

    lines: int = Field(description="Lines read, bad ones too.", examples=[1000])
    changed: int = Field(description="Rows that were booked.", examples=[990])
    unchanged: int = Field(description="Rows that agree with the record, or came before.", examples=[7])
    overtaken: int = Field(description="Figures older than a count or figure that is known.", examples=[0])
    refused: int = Field(description="Rows that are not in.", examples=[3])
    problems: tuple[LineProblem, ...] = Field(description=f"The refused rows, the first {SHOWN:,} of them.")
    next_line: int = Field(description="Where to go on; everything before is in or refused.", examples=[1001])


@dataclass(slots=True)
class Tally:
    """Adds up what became of the rows. `first_line` is the number of the first one."""

    first_line: int = 1
    lines: int = 0
    changed: int = 0
    unchanged: int = 0
    overtaken: int = 0
    refused: int = 0
    problems: list[LineProblem] = field(default_factory=list)

    def refuse(self, line: int, key: str | None, problems: Problems) -> None:
        self.refused += 1
        if len(self.problems) < SHOWN:
            self.problems.append(LineProblem(line=self.first_line + line, key=key, errors=problems))

    def add(self, other: Tally) -> None:
        """Another piece of the same stream is in."""
        self.lines += other.lines
        self.changed += other.changed
        self.unchanged += other.unchanged
        self.overtaken += other.overtaken
        self.refused += other.refused
        self.problems += other.problems[: SHOWN - len(self.problems)]

    @property
    def next_line(self) -> int:
        return self.first_line + self.lines

    def answer(self) -> FeedAnswer:
        return FeedAnswer(
            lines=self.lines,
            changed=self.changed,
            unchanged=self.unchanged,
            overtaken=self.overtaken,
            refused=self.refused,
            problems=tuple(self.problems),
            next_line=self.next_line,
        )


@dataclass(slots=True)
class Feed(Generic[Row]):
    """A stream that is being read: whose, of what, and what it has found to exist so far."""

    kind: type[Row]
    actor: Actor
    source: str
    as_of: datetime | None = None
    """When figures were true that do not say it themselves."""
    skus: set[str] = field(default_factory=set)
    nodes: frozenset[str] = frozenset()


async def read(
    db: Database,
    feed: Feed[Any],
    body: AsyncIterable[bytes],
    *,
    first_line: int = 1,
    show: Callable[[Tally], None] = lambda _: None,
) -> Tally:
    """Read a stream to its end. Raises `Unavailable`, and says where to go on, when the database is away."""
    reader: Reader[Any] = Reader(feed.kind, "key" if feed.kind is StockDelta else "sku")
    tally, sent = Tally(first_line), first_line
    running: deque[asyncio.Task[Tally]] = deque()
    try:
        async for lines in pieces(body, PIECE):
            if len(running) == AT_ONCE:
                tally.add(await running.popleft())
                show(tally)
            running.append(asyncio.create_task(_piece(db, feed, reader.read(lines), sent)))
            sent += len(lines)
        while running:
            tally.add(await running.popleft())
            show(tally)
    except Exception as error:
        if unavailable(error):
            raise _away(tally) from error
        raise
    finally:
        await asyncio.gather(*running, return_exceptions=True)
    return tally


async def _piece(db: Database, feed: Feed[Any], rows: Sequence[Any], first_line: int) -> Tally:
    """What became of these rows, in a transaction of their own."""
    take = _figures if feed.kind is StockFigure else _deltas

    async def work(tx: Tx) -> Tally:
        done = Tally(first_line, lines=len(rows))
        await take(tx, feed, _good(rows, done), done)
        return done

    return await db.write(work)


def _away(tally: Tally) -> Unavailable:
    return Unavailable(
        f"The database is away. Everything before line {tally.next_line} is in.",
        remedy=f"Go on from line {tally.next_line} later, or send everything again: nothing is done twice.",
    )


def _good(rows: Sequence[Any], tally: Tally) -> list[tuple[int, Any]]:
    """The rows that could be read, with their places; the others are refused."""
    good = []
    for line, row in enumerate(rows):
        if isinstance(row, BadRow):
            tally.refuse(line, row.key, row.problems)
        elif row is not None:
            good.append((line, row))
    return good


async def _known(tx: Tx, feed: Feed[Row], rows: Sequence[tuple[int, Row]], tally: Tally) -> list[tuple[int, Row]]:
    """The rows that name an item of ours, and a node of ours where the actor may feed stock."""
    if not feed.nodes:
        feed.nodes = frozenset(n for n in await network.known_codes(tx) if may(feed.actor, "stock.feed", node=n))
    new = {row.sku for _, row in rows} - feed.skus
    if new:
        feed.skus = (feed.skus if len(feed.skus) < KEPT else set()) | await catalog.known_skus(tx, new)
    found = []
    for line, row in rows:
        if row.node not in feed.nodes:
            tally.refuse(
                line, row.node, (_problem("node", f"There is no node {row.node}, or it is not yours.", _NODE),)
            )
        elif row.sku not in feed.skus:
            tally.refuse(line, row.sku, (_problem("sku", f"No item has the SKU {row.sku}.", _SKU),))
        else:
            found.append((line, row))
    return found


_NODE = "Correct the code, or load the node first."
_SKU = "Load the item first, or correct the SKU."


def _problem(name: str, message: str, remedy: str) -> FieldProblem:
    return FieldProblem(field=name, message=message, remedy=remedy)


# ---------------------------------------------------------------- figures


async def _figures(tx: Tx, feed: Feed[StockFigure], rows: Sequence[tuple[int, StockFigure]], tally: Tally) -> None:
    newest: dict[PositionKey, tuple[int, Figure]] = {}
    for line, row in await _known(tx, feed, rows, tally):
        at = row.as_of or feed.as_of
        if at is None or at > tx.now + FUTURE:
            tally.refuse(line, row.sku, (_no_time(at),))
            continue
        figure = Figure((row.sku, row.node), row.units, at)
        before = newest.setdefault(figure.key, (line, figure))
        if before[1] is not figure:
            newest[figure.key] = _newer(before, (line, figure), tally)
    asked = list(newest.values())
    answers = await figures.build(tx, [f for _, f in asked], source=feed.source, actor=feed.actor.id)
    for (line, figure), answer in zip(asked, answers, strict=True):
        _count(line, figure, answer, tally)


def _newer(before: tuple[int, Figure], after: tuple[int, Figure], tally: Tally) -> tuple[int, Figure]:
    """Which of two figures of one position is asked about; the other is answered."""
    if before[1].at == after[1].at:
        _count(*after, Verdict.KNOWN if before[1].units == after[1].units else Verdict.CONTRADICTS, tally)
        return before
    tally.overtaken += 1
    return max(before, after, key=lambda each: each[1].at)


def _count(line: int, figure: Figure, answer: Verdict | int, tally: Tally) -> None:
    if answer is Verdict.CONTRADICTS:
        tally.refuse(line, figure.key[0], (_contradicts(figure),))
    elif answer is Verdict.OVERTAKEN:
        tally.overtaken += 1
    elif answer is Verdict.KNOWN or answer == 0:
        tally.unchanged += 1
    else:
        tally.changed += 1


def _no_time(at: datetime | None) -> FieldProblem:
    if at is None:
        return _problem("as_of", "Nobody knows when this was true.", "Give as_of for the row or for the whole stream.")
    return _problem("as_of", "This is in the future.", "Send when the figure was taken; check the clock.")


def _contradicts(figure: Figure) -> FieldProblem:
    sku, node = figure.key
    return _problem(
        "units",
        f"Another figure came for {sku} at {node} as of the same moment.",
        "Send each position once; send a correction with a later as_of.",
    )


# ---------------------------------------------------------------- deltas


async def _deltas(tx: Tx, feed: Feed[StockDelta], rows: Sequence[tuple[int, StockDelta]], tally: Tally) -> None:
    good = []
    for line, row in await _known(tx, feed, rows, tally):
        if row.delta == 0:
            tally.refuse(line, row.key, (_problem("delta", "A movement of nothing is none.", "Leave this row out."),))
        else:
            good.append((line, row))
    marks = {line: _mark(row) for line, row in good}
    first: dict[str, str] = {}
    known = await commands.claim(tx, f"stock/{feed.source}", {row.key: marks[line] for line, row in reversed(good)}, {})
    facts = []
    for line, row in good:
        before = known.get(row.key) or first.get(row.key)
        first.setdefault(row.key, marks[line])
        if before is None:
            facts.append(_fact(row, feed.source))
        elif before == marks[line]:
            tally.unchanged += 1
        else:
            tally.refuse(line, row.key, (_reused(row.key),))
    tally.changed += len(facts)
    await deltas.book(tx, facts, source=feed.source, actor=feed.actor.id)


def _mark(row: StockDelta) -> str:
    """What a key stands for; one that comes again with something else is refused."""
    return f"{row.sku} {row.node} {row.bucket} {row.delta} {row.reason} {row.at and row.at.timestamp()}"


def _fact(row: StockDelta, source: str) -> Fact:
    reference = f"{source}/{row.key}"
    return Fact(row.sku, row.node, row.delta, _REASONS[row.reason], row.bucket, reference, row.at)


_REASONS = {reason.value: reason for reason in MovementReason}


def _reused(key: str) -> FieldProblem:
    return _problem("key", f"{key} came before with other content.", "Send a correction under its own key.")


# ---------------------------------------------------------------- devices


async def tell_devices(parts: Parts, event: StockFed) -> None:
    """Positions as they are now go out to the devices of their nodes, a few at a time."""
    keys = sorted((sku, node) for node, skus in event.stock.items() for sku in skus)
    for start in range(0, len(keys), TOLD):
        await parts.db.write(lambda tx, some=keys[start : start + TOLD]: service.show(tx, some))  # type: ignore[misc]


def figure_feed(actor: Actor, source: str, as_of: datetime | None) -> Feed[StockFigure]:
    """A stream of figures."""
    return Feed(StockFigure, actor, source, as_of)


def delta_feed(actor: Actor, source: str) -> Feed[StockDelta]:
    """A stream of movements."""
    return Feed(StockDelta, actor, source)
