"""A plan in sentences, and what changed between two."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from server.routing import words
from server.routing.rules import DEFAULT, PlanBody, RoutingPlan, Rule

TEXT = (Path(__file__).parents[3] / "docs" / "routing.md").read_text()
SHOWN = PlanBody.model_validate(json.loads(re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)[0]))

SOONEST = (
    "For orders for shipping, to US, to a postcode that begins with 452 or 410; first those wanted soonest, then the"
    " oldest."
)


def rule(**more: Any) -> Rule:
    return Rule.model_validate({"name": "R", "weights": [{"criterion": "proximity", "weight": 1}], **more})


def test_the_plan_in_the_docs_is_said_in_sentences() -> None:
    assert words.when(SHOWN) == [
        "Orders for pickup or curbside are routed as they come in.",
        "What waits is routed every 15 minutes.",
        "Orders that are routed at the same time are decided in order.",
    ]
    said = [words.rule(each, is_last=each is SHOWN.rules[-1]) for each in SHOWN.rules]
    assert said == [
        [
            "For orders for shipping, with an item that is age restricted.",
            "Asks nodes of the type warehouse.",
            "Weighs distance 1.",
            "At most 3 parcels.",
            "What is left waits for stock in the queue unfillable for 5 days at most, then it is cancelled.",
        ],
        [
            SOONEST,
            "Asks nodes of the type store within 80 km.",
            "Compares distance in steps of 0.02, then load, then stock.",
            "One parcel, and only if it gives the whole order.",
            "What is left goes to the next rule.",
        ],
        [
            "For all orders.",
            "Weighs parcels 1, distance (full km 1500) 1, load 0.3 and stock 0.2.",
            "At most 3 parcels, one below a value of 30.00.",
            "What is left waits for stock for 10 days at most, then it is cancelled.",
        ],
    ]


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ({"when": "at_once"}, "All orders are routed as they come in."),
        ({"when": "every", "minutes": 1}, "What waits is routed every minute."),
        (
            {"when": "at", "times": ["06:00", "14:00"], "time_zone": "Europe/Berlin"},
            "What waits is routed at 06:00 and 14:00 (Europe/Berlin).",
        ),
    ],
)
def test_a_run_is_said_in_a_sentence(run: dict[str, Any], said: str) -> None:
    plan = PlanBody.model_validate({**DEFAULT.model_dump(exclude={"version"}), "runs": [run]})
    assert words.when(plan)[0] == said


def test_every_part_of_a_rule_is_said() -> None:
    asked = {
        "channels": ["web", "phone"],
        "min_value": 1000,
        "max_value": 250_000,
        "older_than_hours": 4,
        "wanted_within_hours": 2.5,
        "sent_back": True,
    }
    many = [f"S-{n}" for n in range(1, 12)]
    nodes = {"only": many, "without": ["S-99"], "capabilities": ["pickup", "curbside"]}
    orders, asks, *_ = words.rule(rule(orders=asked, nodes=nodes), is_last=False)
    assert orders == (
        "For orders from web or phone, worth 10.00 or more, worth 2,500.00 or less, older than 4 hours, wanted within"
        " 2.5 hours, that a node sent back."
    )
    assert asks == "Asks only S-1, S-2, S-3, S-4, S-5, S-6 and 5 more that also offer pickup and curbside but not S-99."


def test_the_same_plan_has_no_differences_whatever_is_left_out_of_it() -> None:
    full = RoutingPlan.model_validate_json(SHOWN.model_copy().model_dump_json()[:-1] + ',"version":3}')
    assert words.differences(SHOWN, full) == []


def test_what_was_taken_away_is_a_difference_too() -> None:
    fewer = SHOWN.model_copy(update={"rules": SHOWN.rules[1:]})
    whole, rules = words.differences(SHOWN, fewer)[::-1]
    assert (rules.field, rules.after) == ("order of rules", "A quiet store nearby, in one parcel, Everybody")
    assert (whole.rule, whole.field, whole.after) == ("Wine from the warehouse", "", None)
    assert whole.before == " ".join(words.rule(SHOWN.rules[0], is_last=False))


def test_a_sort_in_another_order_is_a_difference() -> None:
    near = rule(weights=[], sort=[{"criterion": "proximity"}, {"criterion": "capacity", "step": 0.2}])
    quiet = rule(weights=[], sort=[{"criterion": "capacity", "step": 0.2}, {"criterion": "proximity"}])
    one, two = (DEFAULT.model_copy(update={"rules": (each,)}) for each in (near, quiet))
    assert [(each.rule, each.field, each.before, each.after) for each in words.differences(one, two)] == [
        ("R", "order of the sort", "proximity, capacity", "capacity, proximity")
    ]
