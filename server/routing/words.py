"""A plan in sentences, and two plans field by field. Pure: for people who do not read JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from server.routing.criteria import CRITERIA
from server.routing.filters import NodeFilter, OrderFilter
from server.routing.rules import LooksAgain, Otherwise, PlanBody, Rule, Split
from server.routing.runs import Run
from server.routing.views import Difference
from server.routing.weighing import Sorted, Weight

# ---------------------------------------------------------------- sentences


def when(plan: PlanBody) -> list[str]:
    """Its runs and how those that are routed at the same time are decided."""
    together = "decided together, so that all cost less" if plan.batch == "together" else "decided in order"
    again = [_again(plan.looks_again)] if plan.looks_again else []
    return [*(_run(run) for run in plan.runs), f"Orders that are routed at the same time are {together}.", *again]


def _again(looks: LooksAgain) -> str:
    return (
        f"Jobs that nobody has begun within {looks.within_minutes:g} minutes of the offer, or of opening, are looked at"
        f" again, and move where that saves more than {looks.least_saving:g}."
    )


def _run(run: Run) -> str:
    if run.when == "at_once":
        return f"{_orders(run.orders)} are routed as they come in."
    if run.when == "every":
        return f"What waits is routed every {'minute' if run.minutes == 1 else f'{run.minutes} minutes'}."
    return f"What waits is routed at {_all(run.times)} ({run.time_zone})."


def rule(each: Rule, *, is_last: bool) -> list[str]:
    """What a rule says, a sentence for each part that says something."""
    found = [f"For {_small(_orders(each.orders))}{_first(each)}."]
    if said := _nodes(each.nodes):
        found.append(f"Asks {said}.")
    found.append(_compared(each))
    found.append(_split(each.split))
    found.append(_otherwise(each.otherwise, is_last=is_last))
    return found


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]


def _orders(asked: OrderFilter) -> str:
    parts = [
        _of("from ", asked.channels),
        _of("for ", ["shipping" if way == "ship" else way for way in asked.methods]),
        f"worth {asked.min_value / 100:,.2f} or more" if asked.min_value is not None else "",
        f"worth {asked.max_value / 100:,.2f} or less" if asked.max_value is not None else "",
        _of("with an item that is ", [flag.replace("_", " ") for flag in asked.flags]),
        _of("to ", asked.countries),
        _of("to a postcode that begins with ", asked.postcodes),
        f"older than {asked.older_than_hours:g} hours" if asked.older_than_hours else "",
        f"wanted within {asked.wanted_within_hours:g} hours" if asked.wanted_within_hours else "",
        {True: "that a node sent back", False: "that no node sent back", None: ""}[asked.sent_back],
    ]
    said = ", ".join(part for part in parts if part)
    return f"Orders {said}" if said else "All orders"


_FIRST = {
    "oldest": "the oldest",
    "soonest_wanted": "those wanted soonest",
    "most_valuable": "those worth most",
    "fewest_units": "those with the fewest units",
}


def _first(each: Rule) -> str:
    return f"; first {', then '.join(_FIRST[by] for by in each.serve_first)}" if each.serve_first else ""


def _nodes(asked: NodeFilter) -> str:
    parts = [
        _of("only ", asked.only),
        _of("nodes of the type ", [kind.replace("_", " ") for kind in asked.types]),
        f"within {asked.max_km:g} km" if asked.max_km else "",
        f"that also offer {' and '.join(asked.capabilities)}" if asked.capabilities else "",
        _of("but not ", asked.without),
    ]
    said = " ".join(part for part in parts if part)
    return said if said.startswith(("only", "nodes")) or not said else f"nodes {said}"


def _compared(each: Rule) -> str:
    if each.sort:
        steps = [_name(by) + (f" in steps of {by.step:g}" if by.step else "") for by in each.sort]
        return f"Compares {', then '.join(steps)}."
    return f"Weighs {_all([f'{_name(weight)} {weight.weight:g}' for weight in each.weights], 'and')}."


def _name(by: Weight | Sorted) -> str:
    params = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in sorted(by.params.items()))
    return CRITERIA[by.criterion].title + (f" ({params})" if params else "")


def _split(split: Split) -> str:
    said = "One parcel" if split.max_parcels == 1 else f"At most {split.max_parcels} parcels"
    if split.whole_below and split.max_parcels > 1:
        said += f", one below a value of {split.whole_below / 100:,.2f}"
    return said + ("." if split.partly else ", and only if it gives the whole order.")


def _otherwise(otherwise: Otherwise, *, is_last: bool) -> str:
    if otherwise.action == "next_rule" and not is_last:
        return "What is left goes to the next rule."
    where = f" in the queue {otherwise.queue}" if otherwise.queue else ""
    until = (
        f" for {otherwise.cancel_after_days:g} days at most, then it is cancelled"
        if otherwise.cancel_after_days
        else ""
    )
    return f"What is left waits for stock{where}{until}."


def _all(words: Iterable[str], last: str = "and") -> str:
    found = list(words)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} {last} {found[-1]}"


def _of(before: str, words: Sequence[str]) -> str:
    if len(words) > 8:
        return f"{before}{', '.join(words[:6])} and {len(words) - 6} more"
    return before + _all(words, "or") if words else ""


# ---------------------------------------------------------------- differences


def differences(before: PlanBody, after: PlanBody) -> list[Difference]:
    """Field by field. Rules and criteria are the same where they have the same name; a rule that only one of the plans
    has is one difference."""
    found = _compared_fields(None, _plan_fields(before), _plan_fields(after))
    old, new = ({each.name: each for each in plan.rules} for plan in (before, after))
    for name in dict.fromkeys((*old, *new)):
        if name in old and name in new:
            found += _compared_fields(name, _rule_fields(old[name]), _rule_fields(new[name]))
        else:
            was, now = (" ".join(rule(own[name], is_last=False)) if name in own else None for own in (old, new))
            found.append(Difference(rule=name, field="", before=was, after=now))
    return found


def _compared_fields(name: str | None, old: dict[str, str], new: dict[str, str]) -> list[Difference]:
    return [
        Difference(rule=name, field=field, before=old.get(field), after=new.get(field))
        for field in dict.fromkeys((*old, *new))
        if old.get(field) != new.get(field)
    ]


def _plan_fields(plan: PlanBody) -> dict[str, str]:
    """Everything but what its rules say."""
    found = {"name": plan.name, "batch": plan.batch, "order of rules": ", ".join(each.name for each in plan.rules)}
    for number, run in enumerate(plan.runs):
        _fill(found, f"runs.{number}", run.model_dump(mode="json", exclude_defaults=True))
    return found


def _rule_fields(each: Rule) -> dict[str, str]:
    body = each.model_dump(mode="json", exclude_defaults=True, exclude={"name"})
    found: dict[str, str] = {}
    for comparing in ("weights", "sort"):
        for by in body.pop(comparing, ()):
            _fill(found, f"{comparing}.{by.pop('criterion')}", by or {"step": "its own"})
    _fill(found, "", body)
    if each.sort:
        found["order of the sort"] = ", ".join(by.criterion for by in each.sort)
    return found


def _fill(found: dict[str, str], field: str, value: Any) -> None:
    if isinstance(value, dict):
        for name, part in value.items():
            _fill(found, f"{field}.{name}" if field else name, part)
    else:
        found[field] = ", ".join(map(str, value)) if isinstance(value, list | tuple) else _plain(value)


def _plain(value: Any) -> str:
    return (
        {True: "yes", False: "no"}[value]
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
