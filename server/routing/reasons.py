"""Why this node, in words: codes and figures become one sentence for associates and agents.

The router stores codes and numbers only; the words stand here and in the criteria, in English for now.
"""

from __future__ import annotations

from typing import Literal

from server.routing.criteria import CRITERIA
from server.routing.decisions import Choice, Decision, Rival, Unrouted
from server.routing.weighing import MICRO
from shared.fulfilment import WhyCard, WhyRival

EXCLUDED = {
    "not_in_channel": "does not sell for this channel",
    "left_out": "is left out by the routing plan",
    "not_capable": "does not offer this way of delivery",
    "switched_off": "has switched such orders off for now",
    "closed": "is closed",
    "no_capacity": "has no capacity left",
    "no_capacity_for_it": "has no capacity left for this way of delivery",
    "too_late": "would be too late",
    "too_far": "is too far away",
    "refused_before": "sent it back or could not find it before",
    "buffer": "keeps its last units for the shop",
    "no_stock": "has none available",
    "too_little": "has too few",
    "split_cap": "would mean more parcels than the plan allows",
    "not_whole": "has some, but the rule sends whole orders only",
    "for_others": "keeps them for another order that was decided together with this one",
}
"""Every reason for which a node falls out, in the order in which they are asked."""


def why(decision: Decision, line: int, node: str | None = None) -> WhyCard:
    """The card for one line (at one of its nodes, if it is split). Raises KeyError for a line that was not asked."""
    for choice in decision.choices:
        if choice.line == line and node in (None, choice.node):
            rivals = tuple(_rival(choice, rival) for rival in choice.rivals)
            plan = _plan(decision, choice.rule)
            return WhyCard(plan=plan, summary=_won(decision, choice), rivals=rivals, excluded=choice.excluded)
    for missing in decision.unrouted:
        if missing.line == line and node is None:
            return why_missing(decision, missing)
    raise KeyError(line)


def why_missing(decision: Decision, missing: Unrouted) -> WhyCard:
    """The card for units that no node took, also where others of their line have one."""
    plan = _plan(decision, missing.waits.rule)
    return WhyCard(plan=plan, summary=_missing(decision, missing), excluded=missing.excluded)


def _plan(decision: Decision, rule: str) -> str:
    """What decided: the plan, its version, and the rule."""
    return f"{decision.plan} v{decision.version}" + (f", {rule}" if rule else "")


def why_job(decision: Decision, node: str, *, alone: bool = False) -> WhyCard:
    """The card for a node's whole job: its first line's. Raises KeyError where the node has none."""
    lines = [choice.line for choice in decision.choices if choice.node == node and choice.alone == alone]
    if not lines:
        raise KeyError(node)
    return why(decision, min(lines), node)


def _won(decision: Decision, choice: Choice) -> str:
    if decision.delivery != "ship":
        return f"The customer chose {choice.name}, and it has what was ordered."
    figures = "; ".join(CRITERIA[t.criterion].say(t.figures) for t in choice.terms if t.criterion != "fewest_parcels")
    parcels = len({other.node for other in decision.choices})
    how = "in one parcel" if parcels == 1 else f"in {parcels} parcels"
    return f"{choice.name} sends this {how} {_best(decision, choice)}" + (f": {figures}." if figures else ".")


def _best(decision: Decision, choice: Choice) -> str:
    if choice.by == "sort":
        return "and comes first in the rule's sort" if decision.proven else "and comes first of those found"
    if decision.together:
        return "at the least cost for all orders decided together"
    return "at the least cost" if decision.proven else "at the least cost found"


def _rival(choice: Choice, rival: Rival) -> WhyRival:
    """In a sort there is no cost to show."""
    score = rival.cost / MICRO if choice.by == "cost" else 0.0
    return WhyRival(node=rival.node, name=rival.name, score=score, lost_by=lost_by(choice.name, rival, choice.by))


def lost_by(winner: str, rival: Rival, by: Literal["cost", "sort"] = "cost") -> str:
    """What decided against the rival, with the numbers of both."""
    if rival.criterion == "tie":
        return f"Same {'cost' if by == 'cost' else 'in every criterion'}; {winner} comes first by code."
    if rival.criterion == "together":
        return f"{rival.lost / MICRO:.3f} less for this order alone, but more for all that were decided together."
    criterion = CRITERIA[rival.criterion]
    number = f" +{rival.lost / MICRO:.3f}" if by == "cost" else ""
    if rival.extra_parcel and criterion.scope == "parcel":
        return f"{criterion.title}{number}: needs one more parcel."
    ours = criterion.say(rival.against)
    return f"{criterion.title}{number}: {criterion.say(rival.figures)}, against {ours} for {winner}."


def _missing(decision: Decision, missing: Unrouted) -> str:
    units = "1 unit" if missing.quantity == 1 else f"{missing.quantity:,} units"
    if decision.delivery != "ship":
        return f"The store the customer chose {EXCLUDED[missing.reason]}: {units} missing."
    if missing.reason == "no_stock":
        return f"No node has the last {units}."
    if missing.reason == "split_cap":
        return f"No node for {units}: sending them {EXCLUDED['split_cap']}."
    if missing.reason == "not_whole":
        return f"No node for {units}: not all of the order is to be had, and the rule sends whole orders only."
    return f"No node for {units}: the node that has most of them {EXCLUDED[missing.reason]}."
