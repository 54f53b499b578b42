"""What a verb tells its screen: whether it is done, and a notice for the text catalogues."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from shared.fulfilment import Fulfilment, JobLine, Notice, Outcome
from shared.scanning import Act
from shared.sync import ItemDoc

Tone = Literal["right", "wrong", "note"]


@dataclass(frozen=True)
class Result:
    """`ok`: it is on the disk, or it was so already. The tone is for sound and touch; `notice` is the sentence."""

    ok: bool
    tone: Tone
    notice: Notice
    job: Fulfilment | None = None
    n: int | None = None
    """Number of the queued command, if one was needed."""


@dataclass(frozen=True)
class ScanResult(Result):
    """A scan and what came of it. `act` says where to go when the scan was not carried out here."""

    act: Act = Act.WRONG
    value: str = ""
    line: JobLine | None = None
    units: int = 0
    item: ItemDoc | None = None
    choices: tuple[ItemDoc, ...] = field(default_factory=tuple)


def notice(code: str, **values: str | int) -> Notice:
    return Notice(code=code, values=values)


def done(code: str, job: Fulfilment | None = None, n: int | None = None, **values: str | int) -> Result:
    return Result(True, "right", notice(code, **values), job, n)


def refused(code: str, job: Fulfilment | None = None, **values: str | int) -> Result:
    return Result(False, "wrong", notice(code, **values), job)


def verdict(outcome: Outcome) -> Result | None:
    """What the rules say against a command before it is queued; None when it changes the job."""
    job = outcome.fulfilment
    if problem := outcome.refusal or outcome.exception:
        return Result(False, "wrong", problem, job)
    if not outcome.changed:
        return Result(True, "note", outcome.adjustment or notice("already_done"), job)
    return None
