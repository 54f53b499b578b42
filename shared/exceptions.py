"""What a person must settle: for each kind who owns it, by when, which answers there are, and how to get there.

A fact that contradicts the books becomes an exception. Its kind is the code of the rule that found it (see
`shared.fulfilment`). Three are raised by no such rule: `put_back`, units in somebody's hands that nobody wants any
more; `recount`, a shelf whose count cannot be put in order with what others did there at the same time; and `doubted`,
a shelf that was found empty although the record has more.
The sentences are in the catalogues: `notice.<kind>` says what happened, `advice.<kind>` what to do,
`step.<step>` how, and `resolution.<resolution>` names an answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from shared.errors import InvalidInput, NotAllowed
from shared.fulfilment import State
from shared.stock import MovementReason

Owner = Literal["associate", "lead", "agent"]
LEADS = frozenset({"lead", "manager"})
STORE = LEADS | {"associate"}
CARE = frozenset({"agent", "admin", "integration"})
ANYBODY = STORE | CARE
PUT_BACK = "put_back"
RECOUNT = "recount"
DOUBTED = "doubted"
TO_COUNT = (RECOUNT, DOUBTED)
"""The next count of their shelf settles these."""
CARE_DUE = timedelta(hours=4)
"""How long what a store passes on may wait at customer care."""
UNWANTED = frozenset({State.CANCELLED, State.REJECTED, State.EXPIRED})
"""Jobs whose picked units go back to their shelves."""
_SAID_BY_TASK = frozenset({"packed_after_close", "unpacked_after_close", "staged_after_close", "labelled_after_close"})


@dataclass(frozen=True, slots=True)
class Resolution:
    """One answer. `by`: roles that may give it; `note`: it says nothing without words of its own."""

    code: str
    by: frozenset[str] = ANYBODY
    note: bool = False
    restock: MovementReason | None = None
    """The exception's units are on their shelves again: the stock record follows, with this reason."""
    to_care: bool = False
    """Not settled yet: customer care owns it from now on."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of exception. `urgent`: red and a long buzz; else amber."""

    owner: Owner
    due: timedelta
    resolutions: tuple[Resolution, ...]
    steps: tuple[str, ...]
    urgent: bool = True

    def resolution(self, code: str) -> Resolution | None:
        return next((each for each in self.resolutions if each.code == code), None)


PUT_BACK_DONE = Resolution("put_back")
CHECKED = Resolution("checked", by=LEADS | CARE)
CORRECTED = Resolution("corrected", by=LEADS | CARE, note=True)
TO_CARE = Resolution("to_care", by=STORE, note=True, to_care=True)
BY_CARE = Resolution("settled_by_care", by=CARE, note=True)
CAME_BACK = Resolution("came_back", restock=MovementReason.RETURN)
NEVER_LEFT = Resolution("never_left", restock=MovementReason.FOUND)
WRITE_OFF = Resolution("write_off", by=CARE, note=True)
COUNT_STANDS = Resolution("count_stands", by=LEADS | CARE)
RECORD_STANDS = Resolution("record_stands", by=LEADS | CARE)
"""The ways out of a count that nobody can make; the usual one is to count."""

_MINUTES = timedelta(minutes=1)
_HOURS = timedelta(hours=1)
_LOOK = Kind("lead", 4 * _HOURS, (CHECKED, CORRECTED, TO_CARE, BY_CARE), ("look_at_job", "put_right"), urgent=False)
_GONE = (CAME_BACK, NEVER_LEFT, WRITE_OFF)

EXCEPTIONS: dict[str, Kind] = {
    PUT_BACK: Kind("associate", 2 * _HOURS, (PUT_BACK_DONE,), ("fetch", "carry_back")),
    RECOUNT: Kind("associate", 2 * _HOURS, (COUNT_STANDS,), ("find_shelf", "count_again"), urgent=False),
    DOUBTED: Kind("associate", 4 * _HOURS, (RECORD_STANDS,), ("find_shelf", "count_again"), urgent=False),
    # Somebody stands outside
    "arrived_after_close": Kind(
        "associate",
        5 * _MINUTES,
        (Resolution("customer_told"), TO_CARE, BY_CARE),
        ("go_to_customer", "offer_care"),
    ),
    "handed_off_twice": Kind(
        "lead",
        15 * _MINUTES,
        (Resolution("same_customer", by=LEADS | CARE), TO_CARE, BY_CARE),
        ("ask_both", "find_bag"),
    ),
    "nothing_to_hand_off": Kind(
        "lead", 30 * _MINUTES, (CHECKED, CORRECTED, TO_CARE, BY_CARE), ("find_bag", "put_right")
    ),
    # Goods are gone, and nobody pays for them
    "handed_off_after_close": Kind("agent", CARE_DUE, _GONE, ("find_bag", "ask_customer")),
    "handed_off_too_many": Kind("agent", CARE_DUE, _GONE, ("count_bag", "ask_customer")),
    "shipped_after_close": Kind("agent", _HOURS, _GONE, ("find_parcel", "stop_parcel")),
    "delivered_unshipped": Kind("agent", CARE_DUE, (CHECKED, CORRECTED, BY_CARE), ("look_at_job", "ask_carrier")),
    # A bag that may go out wrong
    "packed_differs": Kind("lead", 30 * _MINUTES, (CHECKED, CORRECTED, TO_CARE, BY_CARE), ("open_bag", "put_right")),
    "unpicked_after_pack": Kind(
        "lead", 30 * _MINUTES, (CHECKED, CORRECTED, TO_CARE, BY_CARE), ("open_bag", "put_right")
    ),
    "substitute_not_agreed": Kind("associate", 2 * _HOURS, (PUT_BACK_DONE,), ("fetch", "carry_back"), urgent=False),
    "unknown_line": Kind("lead", 30 * _MINUTES, (CHECKED, CORRECTED, TO_CARE, BY_CARE), ("open_bag", "put_right")),
    # Work on a job that had gone on without it
    "picked_after_close": Kind("associate", 2 * _HOURS, (PUT_BACK_DONE,), ("fetch", "carry_back")),
    "packed_after_close": _LOOK,
    "unpacked_after_close": _LOOK,
    "staged_after_close": _LOOK,
    "labelled_after_close": _LOOK,
    "short_after_close": Kind(
        "lead", 4 * _HOURS, (CHECKED, CORRECTED, BY_CARE), ("count_shelf", "put_right"), urgent=False
    ),
    "reject_after_close": _LOOK,
}


def kind_of(code: str) -> Kind:
    """The entry of a kind; what an older or newer release calls otherwise is looked at by a lead."""
    return EXCEPTIONS.get(code, _LOOK)


def opened_by(code: str, state: State) -> str | None:
    """The kind of exception a contradiction opens; None where the job's put-back task says all there is to do."""
    if code == "picked_after_close" or (code in _SAID_BY_TASK and state in UNWANTED):
        return None
    return code


def stands_in_list(status: str, code: str) -> bool:
    """Whether the store's list says what this outcome of a command says: its device need not repeat it."""
    if status == "adjusted":
        return code == "put_back_extra"
    return status == "exception" and kind_of(code).owner != "agent"


def choices(code: str, roles: Iterable[str]) -> list[Resolution]:
    """What somebody with these roles may answer."""
    mine = frozenset(roles)
    return [each for each in kind_of(code).resolutions if each.by & mine]


def chosen(code: str, resolution: str, roles: Iterable[str], note: str | None) -> Resolution:
    """The answer somebody gave. Raises `InvalidInput` or `NotAllowed` when it is none, or not theirs to give."""
    found = kind_of(code).resolution(resolution)
    if found is None:
        wanted = ", ".join(each.code for each in kind_of(code).resolutions)
        raise InvalidInput(f"{code} has no resolution {resolution}.", field="resolution", remedy=f"One of: {wanted}.")
    if not found.by & frozenset(roles):
        raise NotAllowed(f"{resolution} is for: {', '.join(sorted(found.by))}.", remedy="Ask one of them.")
    if found.note and not (note or "").strip():
        raise InvalidInput(f"{resolution} needs a note.", field="note", remedy="Say what was done, in a few words.")
    return found
