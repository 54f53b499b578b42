"""The one error tree, raised on both sides and shown as a sentence a person can act on.

BatonError
├── InvalidInput         422  a field is wrong: names the field and the remedy
│   ├── ReusedKey        422  same idempotency key, other body
│   └── TooLarge         413  the body is bigger than the route takes
├── NotSignedIn          401  no token, or one that is unknown, expired or revoked
├── NotAllowed           403  signed in, but outside role, node or scope
├── NotFound             404  no such thing, or not yours to see
├── Conflict             409  true of the request, not of the world
│   ├── IllegalMove      409  the state machine has no such row
│   ├── Duplicate        409  the same business key with other content
│   ├── QueueGap         409  a device skipped a command number
│   └── Resync           409  the feed no longer holds what the cursor needs
├── PaymentRefused       402  the gateway said no
├── Busy                 429  over a limit: try again after a while
├── UpdateNeeded         426  the app speaks a version the server no longer takes
└── Unavailable          503  not ready, draining, or a dependency is down
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field


class FieldProblem(BaseModel):
    """One wrong field: where it is, what is wrong, what to do."""

    model_config = ConfigDict(extra="ignore")

    field: str = Field(description="Dotted path of the field in the body, query or header.", examples=["lines.0.sku"])
    message: str = Field(examples=["No item has the SKU X-1."])
    remedy: str | None = Field(default=None, examples=["Load the item first, or correct the SKU."])


class Problem(BaseModel):
    """RFC 9457 problem details: what every error answer looks like on the wire."""

    model_config = ConfigDict(extra="ignore")

    type: str = Field(default="about:blank", examples=["urn:baton:invalid_input"])
    title: str = Field(examples=["The request is not valid"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["No item has the SKU X-1."])
    code: str = Field(examples=["invalid_input"])
    remedy: str | None = Field(default=None, examples=["Load the item first, or correct the SKU."])
    errors: list[FieldProblem] = Field(default_factory=list)


class BatonError(Exception):
    """Root of the tree. `code` is stable and may be branched on; `detail` is for people."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str, *, field: str | None = None, remedy: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy
        self.fields: list[FieldProblem] = (
            [FieldProblem(field=field, message=detail, remedy=remedy)] if field is not None else []
        )

    def problem(self) -> Problem:
        """The wire form of this error."""
        return Problem(
            type=f"urn:baton:{self.code}",
            title=self.title,
            status=self.status,
            detail=self.detail,
            code=self.code,
            remedy=self.remedy,
            errors=self.fields,
        )


class InvalidInput(BatonError):
    code, status, title = "invalid_input", 422, "The request is not valid"

    @classmethod
    def of(cls, fields: list[FieldProblem]) -> InvalidInput:
        """Several wrong fields at once; the first one becomes the sentence."""
        error = cls(fields[0].message, remedy=fields[0].remedy)
        error.fields = fields
        return error


class ReusedKey(InvalidInput):
    code, title = "reused_key", "The idempotency key was used before with another body"


class TooLarge(BatonError):
    code, status, title = "too_large", 413, "The body is too large"


class NotSignedIn(BatonError):
    code, status, title = "not_signed_in", 401, "Sign in first"


class NotAllowed(BatonError):
    code, status, title = "not_allowed", 403, "Not allowed"


class NotFound(BatonError):
    code, status, title = "not_found", 404, "Not found"


class Conflict(BatonError):
    code, status, title = "conflict", 409, "The request does not fit the present state"


class IllegalMove(Conflict):
    code, title = "illegal_move", "Not possible in this state"


class Duplicate(Conflict):
    code, title = "duplicate", "This key is taken by something else"


class QueueGap(Conflict):
    code, title = "queue_gap", "A command number is missing"

    def __init__(self, detail: str, *, wanted: int) -> None:
        super().__init__(detail, remedy=f"Send the queue again from command {wanted}.")
        self.wanted = wanted


class Resync(Conflict):
    code, title = "resync", "Fetch a new snapshot"


class PaymentRefused(BatonError):
    code, status, title = "payment_refused", 402, "The payment was refused"


class Busy(BatonError):
    code, status, title = "busy", 429, "Too many requests"


class UpdateNeeded(BatonError):
    code, status, title = "update_needed", 426, "Update the app"


class Unavailable(BatonError):
    code, status, title = "unavailable", 503, "Not available at the moment"
