"""Our own labels: `BTN:<letter>:<value>`, one letter per kind.

Upper-case letters, digits and ` $%*+-./:` only: a QR code then packs two characters into eleven bits, a Code 128 stays
short, and any of it can be typed on a keyboard when the label is torn.
"""

from __future__ import annotations

import re

from shared.barcodes.errors import BadCode
from shared.barcodes.scanned import ScanKind

PREFIX = "BTN:"
LABEL_KINDS: dict[str, ScanKind] = {
    "B": ScanKind.BADGE,
    "E": ScanKind.ENROLMENT,
    "T": ScanKind.TOTE,
    "K": ScanKind.PACKAGE,
    "P": ScanKind.PASS,
    "S": ScanKind.STAGING,
    "J": ScanKind.JOB,
}
_LETTERS = {kind: letter for letter, kind in LABEL_KINDS.items()}
_ALLOWED = re.compile(r"[0-9A-Z $%*+\-./:]{1,400}")


def label(kind: ScanKind, value: str) -> str:
    """The text to print or draw for a label of this kind; raises BadCode when it could not be scanned back."""
    letter = _LETTERS.get(kind)
    if letter is None:
        raise BadCode("no_label", f"There is no label for the kind “{kind}”.")
    plain = value.strip().upper()
    if not _ALLOWED.fullmatch(plain):
        raise BadCode("bad_value", f"A label holds letters, digits and $%*+-./: only, not “{value[:40]}”.")
    return f"{PREFIX}{letter}:{plain}"


def parse_label(text: str) -> tuple[ScanKind, str] | None:
    """Kind and value of one of our labels; None when it has not our prefix. Raises BadCode when it is spoilt."""
    plain = text.strip().upper()
    if not plain.startswith(PREFIX):
        return None
    letter, _, value = plain.removeprefix(PREFIX).partition(":")
    kind = LABEL_KINDS.get(letter)
    if kind is None:
        raise BadCode(
            "unknown_label", f"This is one of our labels, of a kind “{letter[:8]}” this version does not know."
        )
    if not _ALLOWED.fullmatch(value):
        raise BadCode("bad_value", "This is one of our labels, but what stands on it is damaged. Print it again.")
    return kind, value
