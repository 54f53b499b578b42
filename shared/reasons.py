"""Why a unit could not be fulfilled, and what each reason means for stock, other jobs and fairness.

Each reason answers three questions: does it change the stock record (`variance`), does it put the same item in other
open jobs of this node in doubt (`collateral`), and may it count against the person who picked (`blames_picker`; never,
when the evidence says that the record was wrong).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Bucket(StrEnum):
    """Where in a position a unit stands. Only `sellable` may be promised."""

    SELLABLE = "sellable"
    DAMAGED = "damaged"
    QUALITY_HOLD = "quality_hold"
    DISPLAY = "display"


@dataclass(frozen=True, slots=True)
class Reason:
    code: str
    variance: bool = False
    """The record said sellable and was wrong: the unit leaves the sellable bucket."""
    to_bucket: Bucket | None = None
    """Where a variance puts the unit; None means it is not in the building."""
    collateral: bool = False
    blames_picker: bool = False


REASONS: dict[str, Reason] = {
    r.code: r
    for r in (
        Reason("not_found", variance=True, collateral=True),
        Reason("damaged", variance=True, to_bucket=Bucket.DAMAGED),
        Reason("display_only", variance=True, to_bucket=Bucket.DISPLAY, collateral=True),
        Reason("defective", variance=True, to_bucket=Bucket.QUALITY_HOLD),
        Reason("wrong_label", variance=True, to_bucket=Bucket.QUALITY_HOLD),
        Reason("no_capacity"),
        Reason("too_late", blames_picker=True),
        Reason("avoid_split"),
        Reason("mismatch", variance=True, to_bucket=Bucket.QUALITY_HOLD),
        Reason("fraud_suspect"),
        # System reasons, never offered to a picker:
        Reason("promise_broken"),
        Reason("moved"),
        Reason("customer_refused"),
        Reason("customer_cancelled"),
        Reason("held"),
        Reason("uncollected"),
    )
}
SHORT_REASONS = ("not_found", "damaged", "display_only", "defective", "wrong_label", "mismatch")
"""What a picker may say about units that cannot be picked."""
REJECT_REASONS = ("no_capacity", "too_late", "not_found", "damaged", "avoid_split", "fraud_suspect")
"""What a store may say when it sends a whole job back."""
REFUSAL_REASONS = ("not_ordered", "damaged", "changed_mind", "too_late")
"""What a customer may say at the counter."""
