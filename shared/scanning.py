"""The work in hand and a scan: what happens next. Pure, so that every screen answers a scan alike.

`step` gets what is being done, what `barcodes.read` made of the scan, and the items the code may mean (the caller looks
them up). It returns one `Next`: do something (`pick`, `stage`), go somewhere (`open_job`, `open_stock`), ask, or say
what is wrong in a notice whose values name what was scanned and what was wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Literal

from shared.barcodes import ScanKind, Scanned
from shared.fulfilment import Fulfilment, JobLine, Notice
from shared.stock import StockDoc
from shared.sync import ItemDoc

Screen = Literal["any", "pick", "pack", "hand_off"]
ScanPolicy = Literal["every_unit", "one_per_line", "none"]


class Act(StrEnum):
    """What a scan leads to."""

    PICK = "pick"
    PACK = "pack"
    """The item goes into the open bag or box."""
    HAND = "hand"
    """The item is among those handed to the customer."""
    SUBSTITUTE = "substitute"
    """The customer takes this item if that of `line` is not there: to be asked, unless it was said already."""
    STAGE = "stage"
    OPEN_JOB = "open_job"
    OPEN_ORDER = "open_order"
    OPEN_STOCK = "open_stock"
    OPEN_PLACE = "open_place"
    """Everything that stands at a staging place."""
    CHECK_PASS = "check_pass"  # noqa: S105  (a pickup pass, not a password)
    CHECK_CODE = "check_code"
    SIGN_IN = "sign_in"
    ENROL = "enrol"
    ASK = "ask"
    """Several things are possible, or something is missing: `choices` or the notice says what."""
    WRONG = "wrong"


@dataclass(frozen=True)
class WorkInHand:
    """What the associate is doing. `counted` is line -> units already in this bag or on this counter."""

    screen: Screen = "any"
    job: Fulfilment | None = None
    line: int | None = None
    """The line in focus, if the screen shows one at a time."""
    counted: Mapping[int, int] = field(default_factory=dict)
    policy: ScanPolicy = "every_unit"
    today: date | None = None
    """In the store's time zone; units past their expiry date are not picked."""
    may_substitute: bool = True
    """Whether who scans may take a substitute."""
    wanted: ItemDoc | None = None
    """The item of the line in focus (or the next open one), named when a scan is wrong."""


@dataclass(frozen=True)
class Next:
    """The answer. `units` is how many stocking units the scan stands for."""

    act: Act
    notice: Notice | None = None
    line: int | None = None
    units: int = 0
    item: ItemDoc | None = None
    value: str = ""
    choices: tuple[ItemDoc, ...] = ()

    @property
    def wrong(self) -> bool:
        return self.act is Act.WRONG


def step(work: WorkInHand, scanned: Scanned, items: Sequence[ItemDoc]) -> Next:
    """What a scan means for the work in hand. Total: an unknown code is an answer too."""
    if scanned.kind in _LABELS:
        return Next(_LABELS[scanned.kind], value=scanned.value or scanned.text)
    if scanned.kind is ScanKind.PASS:
        return Next(Act.CHECK_PASS, value=scanned.text)
    if scanned.kind is ScanKind.STAGING:
        ready = work.job is not None and work.screen != "any"
        return Next(Act.STAGE if ready else Act.OPEN_PLACE, value=scanned.value or "")
    if items:
        return _item(work, scanned, items)
    if scanned.kind is ScanKind.SHORT_CODE:
        return Next(Act.CHECK_CODE, value=scanned.text)
    if scanned.kind is ScanKind.PACKAGE:
        return Next(Act.OPEN_JOB, value=scanned.value or "")
    read = scanned.gtin if scanned.gtin and not scanned.text.isdigit() else scanned.text[:60]
    return _wrong("unknown_code", scanned=read, problem=scanned.problem or "")


_LABELS = {
    ScanKind.BADGE: Act.SIGN_IN,
    ScanKind.ENROLMENT: Act.ENROL,
    ScanKind.JOB: Act.OPEN_JOB,
    ScanKind.TOTE: Act.OPEN_JOB,
    ScanKind.ORDER: Act.OPEN_ORDER,
}


def _wrong(code: str, **values: str | int) -> Next:
    return Next(Act.WRONG, notice=Notice(code=code, values=values))


def _item(work: WorkInHand, scanned: Scanned, items: Sequence[ItemDoc]) -> Next:
    if work.job is None or work.screen == "any":
        if len(items) > 1:
            return _ask(items)
        return Next(Act.OPEN_STOCK, item=items[0], value=items[0].sku)
    room = {line.line: _room(work, line) for line in work.job.lines}
    fitting = [item for item in items if any(x.sku == item.sku and room[x.line] > 0 for x in work.job.lines)]
    if len({item.sku for item in fitting}) > 1:
        return _ask(fitting)
    if fitting:
        return _fits(work, scanned, fitting[0], room)
    if instead := _agreed(work, items):
        return _instead(work, scanned, *instead)
    return _does_not_fit(work, scanned, items)


def _ask(items: Sequence[ItemDoc]) -> Next:
    names = " / ".join(item.name for item in items[:3])
    return Next(Act.ASK, notice=Notice(code="which_item", values={"names": names}), choices=tuple(items))


def _room(work: WorkInHand, line: JobLine) -> int:
    """Units of the line that the screen still wants."""
    if work.screen == "pick":
        return line.open
    return line.held - work.counted.get(line.line, 0)


def _fits(work: WorkInHand, scanned: Scanned, item: ItemDoc, room: Mapping[int, int]) -> Next:
    job = work.job
    assert job is not None  # noqa: S101  (the caller has checked)
    mine = [line for line in job.lines if line.sku == item.sku and room[line.line] > 0]
    line = next((x for x in mine if x.line == work.line), mine[0])
    if work.screen == "pick" and (problem := _not_pickable(work, scanned, item, line)):
        return problem
    act = {"pick": Act.PICK, "pack": Act.PACK}.get(work.screen, Act.HAND)
    units = _units(work, scanned, item, room[line.line])
    if units > room[line.line]:
        return Next(
            Act.ASK,
            notice=Notice(code="holds_more", values={"name": item.name, "units": units, "left": room[line.line]}),
            line=line.line,
            units=room[line.line],
            item=item,
        )
    return Next(act, line=line.line, units=units, item=item)


def _agreed(work: WorkInHand, items: Sequence[ItemDoc]) -> tuple[ItemDoc, JobLine] | None:
    """An item that the customer takes in place of an open line's, the line in focus first."""
    if work.job is None or work.screen != "pick" or not work.may_substitute:
        return None
    waiting = sorted((line for line in work.job.lines if line.open > 0), key=lambda line: line.line != work.line)
    return next(((item, line) for line in waiting for item in items if item.sku in line.substitutes), None)


def _instead(work: WorkInHand, scanned: Scanned, item: ItemDoc, line: JobLine) -> Next:
    if problem := _not_pickable(work, scanned, item, line):
        return problem
    units = min(_units(work, scanned, item, line.open), line.open)
    notice = Notice(code="may_stand_in", values={"name": item.name})
    return Next(Act.SUBSTITUTE, notice=notice, line=line.line, units=units, item=item)


def _units(work: WorkInHand, scanned: Scanned, item: ItemDoc, left: int) -> int:
    """Weighed goods count in grams (a heavier piece fills the line), everything else in pieces."""
    if "weighed" in item.flags:
        return min(scanned.grams or left, left)
    if scanned.count:
        return scanned.count
    return left if work.policy == "one_per_line" else 1


def _not_pickable(work: WorkInHand, scanned: Scanned, item: ItemDoc, line: JobLine) -> Next | None:
    """What the item asks for before a unit of it may be picked."""
    if scanned.expiry and work.today and scanned.expiry < work.today:
        return _wrong("past_expiry", name=item.name, expiry=scanned.expiry.isoformat())
    if "weighed" in item.flags and not scanned.grams:
        return Next(Act.ASK, notice=Notice(code="weigh_it", values={"name": item.name}), line=line.line, item=item)
    if "serial" in item.flags and not scanned.serial:
        return Next(Act.ASK, notice=Notice(code="scan_serial", values={"name": item.name}), line=line.line, item=item)
    if scanned.serial and scanned.serial in line.serials:
        return _wrong("same_serial", name=item.name, serial=scanned.serial)
    return None


def _does_not_fit(work: WorkInHand, scanned: Scanned, items: Sequence[ItemDoc]) -> Next:
    """Right job, nothing more wanted of it; or not of this job at all."""
    job, item = work.job, items[0]
    assert job is not None  # noqa: S101  (the caller has checked)
    same = next((line for line in job.lines for each in items if line.sku == each.sku), None)
    if same is not None:
        had = same.quantity - same.cancelled - same.replaced if work.screen == "pick" else same.held
        name = next(each.name for each in items if each.sku == same.sku)
        return Next(
            Act.WRONG, notice=Notice(code="already_enough", values={"name": name, "wanted": had}), line=same.line
        )
    wanted = f"{work.wanted.name} {work.wanted.variant}".strip() if work.wanted else ""
    got = f"{item.name} {item.variant}".strip()
    if work.wanted is None:
        return _about(_wrong("not_in_job", scanned=got, job=job.number), item)
    return _about(_wrong("wrong_item", scanned=got, wanted=wanted, sku=work.wanted.sku), item)


def _about(answer: Next, item: ItemDoc) -> Next:
    """The same answer, naming the item that was scanned, so that a screen can open it."""
    return Next(answer.act, answer.notice, answer.line, answer.units, item, answer.value, answer.choices)


def walk(job: Fulfilment, stock: Mapping[str, StockDoc], focus: int | None = None) -> list[JobLine]:
    """The open lines in walking order: the line in focus first, then by the place of their shelf."""

    def place(line: JobLine) -> tuple[bool, int, str, int]:
        shelf = stock.get(line.sku)
        return (line.line != focus, shelf.walk if shelf else 1_000_000, (shelf and shelf.bin) or "", line.line)

    return sorted((line for line in job.lines if line.open > 0), key=place)
