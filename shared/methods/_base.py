"""What a way of fulfilling is made of: a code, the steps an associate sees, and its rows of the one state table."""

from __future__ import annotations

from dataclasses import dataclass

from shared.machine import Row


@dataclass(frozen=True, slots=True)
class Method:
    """One way to get units from a node to the customer."""

    code: str
    delivery: str
    """What the customer asked for: `ship`, `pickup` or `curbside`."""
    steps: tuple[str, ...]
    """The screens of a job, in order."""
    final: str
    """The state in which everything went well."""
    rows: tuple[Row, ...]
    needs_address: bool = False
    has_pass: bool = False
    node_types: frozenset[str] = frozenset({"store", "dark_store"})


def rows(code: str, *arrows: tuple[str, str, str]) -> tuple[Row, ...]:
    """Rows that belong to `code` alone."""
    return tuple(Row(source, event, target, frozenset({code})) for source, event, target in arrows)


def shipping_rows(code: str) -> tuple[Row, ...]:
    """A parcel: label, carrier, delivery. A label may be replaced until the carrier has the parcel.

    The carrier may have it before its label is known here (another device wrote it and has not synced yet).
    """
    return rows(
        code,
        ("packed", "label", "awaiting_carrier"),
        ("packed", "ship", "shipped"),
        ("awaiting_carrier", "label", "awaiting_carrier"),
        ("awaiting_carrier", "unpack", "picked"),
        ("awaiting_carrier", "ship", "shipped"),
        ("awaiting_carrier", "cancel", "cancelled"),
        ("awaiting_carrier", "reject", "rejected"),
        ("shipped", "deliver", "delivered"),
    )


def counter_rows(code: str) -> tuple[Row, ...]:
    """A bag that waits at a staging place until its customer has it.

    A customer who stands at the counter may be given the bag before it was staged: a hand-off is a fact in any state
    in which the job holds units.
    """
    waiting = ("ready", "customer_on_the_way", "customer_arrived")
    early = ("picking", "picked", "packed")
    return rows(
        code,
        ("packed", "stage", "ready"),
        *((state, "stage", state) for state in waiting),
        ("ready", "on_the_way", "customer_on_the_way"),
        *((state, "arrive", "customer_arrived") for state in ("ready", "customer_on_the_way")),
        ("customer_arrived", "leave", "ready"),
        *((state, "hand_off", "handed_off") for state in (*early, *waiting)),
        *((state, "hand_off_part", state) for state in (*early, *waiting)),
        *((state, "unpack", "picked") for state in ("ready",)),
        *((state, "expire", "expired") for state in waiting),
        *((state, "cancel", "cancelled") for state in waiting),
        *((state, "reject", "rejected") for state in waiting),
    )
