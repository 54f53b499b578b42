"""What a scan turned out to be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class ScanKind(StrEnum):
    """What the scanned thing is, and so which screen it belongs to."""

    ITEM = "item"
    BADGE = "badge"
    ENROLMENT = "enrolment"
    TOTE = "tote"
    PACKAGE = "package"
    PASS = "pass"  # noqa: S105 - a pickup pass, no password
    STAGING = "staging"
    JOB = "job"
    ORDER = "order"
    SHORT_CODE = "short_code"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Scanned:
    """One scan, understood. Only what the code carries is set."""

    kind: ScanKind
    text: str
    """What was scanned, without symbology identifier and line ends; for a pass, exactly what `passes.verify` takes."""
    gtin: str | None = None
    """Always 14 digits. For a weighed label the item's own code, with no weight in it."""
    also: tuple[str, ...] = ()
    """Other GTINs the same digits can mean (eight digits fit both GTIN-8 and UPC-E): look up all, ask if two match."""
    lot: str | None = None
    serial: str | None = None
    expiry: date | None = None
    grams: int | None = None
    count: int | None = None
    """How many of the item a logistic label says it contains."""
    value: str | None = None
    """What stands after our own prefix; a weighed label's item reference; an SSCC; a typed code in its plain form."""
    problem: str | None = None
    """For an unknown code: a sentence saying what is wrong with it."""
