"""States and events as data.

A `Machine` is a checked table of rows *(from, event, to)*. A row may belong to some methods only, so that every way
of fulfilling contributes rows to the one table instead of being a machine of its own. The table is checked when it is
built: each state can be reached, each state that is not final has a way to a final one, and no event is ambiguous.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.errors import IllegalMove


@dataclass(frozen=True, slots=True)
class Row:
    """One arrow of the diagram. `methods` empty means: for every method."""

    source: str
    event: str
    target: str
    methods: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Machine:
    """A checked state machine. `fire` is the only way from one state to the next."""

    name: str
    initial: str
    finals: frozenset[str]
    rows: tuple[Row, ...]
    _table: dict[tuple[str, str, str], str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        table: dict[tuple[str, str, str], str] = {}
        for row in self.rows:
            for method in row.methods or {""}:
                key = (row.source, row.event, method)
                if table.setdefault(key, row.target) != row.target:
                    raise ValueError(f"{self.name}: {row.event} from {row.source} leads to two states")
        object.__setattr__(self, "_table", table)
        self._check()

    @property
    def states(self) -> tuple[str, ...]:
        """Every state, in the order of the table."""
        return tuple(dict.fromkeys([self.initial, *(s for row in self.rows for s in (row.source, row.target))]))

    def target(self, state: str, event: str, method: str = "") -> str | None:
        """Where `event` leads from `state`, or None when there is no such row."""
        return self._table.get((state, event, method)) or self._table.get((state, event, ""))

    def can(self, state: str, event: str, method: str = "") -> bool:
        return self.target(state, event, method) is not None

    def fire(self, state: str, event: str, method: str = "") -> str:
        """The next state. Raises `IllegalMove` when the table has no such row."""
        target = self.target(state, event, method)
        if target is None:
            raise IllegalMove(f"{self.name}: {event.replace('_', ' ')} is not possible when {state.replace('_', ' ')}.")
        return target

    def events(self, state: str, method: str = "") -> tuple[str, ...]:
        """What may happen in `state`, in the order of the table."""
        return tuple(
            dict.fromkeys(r.event for r in self.rows if r.source == state and (not r.methods or method in r.methods))
        )

    def mermaid(self) -> str:
        """The diagram for the docs; rows of one pair of states share an arrow."""
        arrows: dict[tuple[str, str], list[str]] = {}
        for row in self.rows:
            label = row.event + (f" ({', '.join(sorted(row.methods))})" if row.methods else "")
            arrows.setdefault((row.source, row.target), []).append(label)
        lines = ["stateDiagram-v2", f"    [*] --> {self.initial}"]
        lines += [f"    {a} --> {b}: {' / '.join(labels)}" for (a, b), labels in arrows.items()]
        lines += [f"    {state} --> [*]" for state in self.states if state in self.finals]
        return "\n".join(lines)

    def _check(self) -> None:
        forward = _closure({self.initial}, ((r.source, r.target) for r in self.rows))
        if lost := [s for s in self.states if s not in forward]:
            raise ValueError(f"{self.name}: never reached: {', '.join(lost)}")
        backward = _closure(set(self.finals), ((r.target, r.source) for r in self.rows))
        if stuck := [s for s in self.states if s not in backward]:
            raise ValueError(f"{self.name}: no way out of {', '.join(stuck)}")


def _closure(start: set[str], arrows: Iterable[tuple[str, str]]) -> set[str]:
    """Every state that can be reached from `start` over `arrows`."""
    arrows = tuple(arrows)
    known = set(start)
    while more := {b for a, b in arrows if a in known} - known:
        known |= more
    return known
