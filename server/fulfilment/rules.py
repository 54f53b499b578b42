"""Pure rules of jobs on the server: which promise breaks first, and what the timeline says about a command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.fulfilment import Cancel, Command, Fulfilment, Label, Pack, Pick, Reject, Short, Stage, Substitute


@dataclass(frozen=True, slots=True)
class Promise:
    """Units of one job's line that are promised but not picked yet."""

    fulfilment_id: UUID
    line: int
    units: int
    made_at: datetime


def break_promises(excess: int, promises: Sequence[Promise]) -> tuple[list[tuple[Promise, int]], int]:
    """Who gives up how many units when `excess` are missing: the newest promise first (first ordered, first promised).

    Returns the broken ones, and how many units nobody could give up: those are picked already, so they are there,
    and it is the stock record that is wrong.
    """
    broken = []
    for promise in sorted(promises, key=lambda p: (p.made_at, p.fulfilment_id, p.line), reverse=True):
        if excess == 0:
            break
        units = min(excess, promise.units)
        if units:
            broken.append((promise, units))
            excess -= units
    return broken, excess


def short_name(name: str) -> str:
    """`Maria Sanchez` becomes `Maria S.`: enough to call out, little to lose."""
    first, *rest = name.split()
    return f"{first} {rest[-1][0]}." if rest else first


def timeline_values(command: Command, job: Fulfilment) -> dict[str, str | int | None]:
    """What the sentence about this command says: item, units, place, carrier, reason."""
    match command:
        case Pick(line=line, total=total):
            return {"line": line, "sku": _sku(job, line), "units": total}
        case Short(line=line, total=total, reason=reason):
            return {"line": line, "sku": _sku(job, line), "units": total, "reason": reason}
        case Substitute(line=line, sku=sku, total=total):
            return {"line": line, "sku": _sku(job, line), "instead": sku, "units": total}
        case Pack():
            return {"packages": len(job.packages)}
        case Stage(place=place):
            return {"place": place}
        case Label(carrier=carrier, tracking=tracking):
            return {"carrier": carrier, "tracking": tracking}
        case Reject(reason=reason):
            return {"reason": reason}
        case Cancel(reason="moved"):
            return {"kind": "moved"}
        case _ if command.kind == "hand_off" and job.proof:
            left = {"signed": int(job.proof.signed), "photo": int(job.proof.photo)}
            return {"proof": job.proof.method, "collector": job.proof.collector, "units": _handed(job), **left}
        case _:
            return {}


def _sku(job: Fulfilment, line: int) -> str | None:
    found = job.line(line)
    return found.sku if found else None


def _handed(job: Fulfilment) -> int:
    return sum(line.handed_over for line in job.lines)
