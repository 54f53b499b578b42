"""The contract of every criterion, found by being there; a new file is tested without a new test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from server.routing import criteria
from server.routing.criteria import CRITERIA, NO_PLACE, Facts
from server.routing.rules import DEFAULT, RoutingPlan, Rule, Split
from server.routing.weighing import Weight

FACTS = Facts(
    metres=np.array([0, 1200, 9_000_000, NO_PLACE], dtype=np.int64),
    capacity=np.array([40, 0, 1_000_000_000, 1], dtype=np.int64),
    capacity_left=np.array([40, 1, 999_999_999, 1], dtype=np.int64),
    available=np.array([[0, 1, 2, 5000], [3, 0, 1, 7]], dtype=np.int64),
    wanted=np.array([1, 4], dtype=np.int64),
)
NONE = Facts(
    metres=np.zeros(0, dtype=np.int64),
    capacity=np.zeros(0, dtype=np.int64),
    capacity_left=np.zeros(0, dtype=np.int64),
    available=np.zeros((2, 0), dtype=np.int64),
    wanted=FACTS.wanted,
)


def test_every_file_of_the_folder_is_a_criterion() -> None:
    folder = Path(criteria.__file__).parent
    assert {file.stem for file in folder.glob("[!_]*.py")} == set(CRITERIA)


@pytest.mark.parametrize("code", sorted(CRITERIA))
def test_a_criterion_gives_one_finite_cost_per_place(code: str) -> None:
    criterion = CRITERIA[code]
    for facts, nodes in ((FACTS, 4), (NONE, 0)):
        score = criterion.score(facts, criterion.params())
        assert score.shape == ((nodes,) if criterion.scope == "parcel" else (2, nodes))
        assert np.isfinite(score).all()
        assert (score >= 0).all()
        assert criterion.most is None or (score <= criterion.most).all()


@pytest.mark.parametrize("code", sorted(CRITERIA))
def test_a_criterion_depends_on_each_node_alone(code: str) -> None:
    criterion = CRITERIA[code]
    order = np.array([2, 0, 3, 1])
    turned = Facts(
        FACTS.metres[order], FACTS.capacity[order], FACTS.capacity_left[order], FACTS.available[:, order], FACTS.wanted
    )
    score, again = (criterion.score(facts, criterion.params()) for facts in (FACTS, turned))
    assert (score[..., order] == again).all()


@pytest.mark.parametrize("code", sorted(CRITERIA))
def test_a_criterion_says_its_figures_in_words(code: str) -> None:
    criterion = CRITERIA[code]
    assert criterion.title
    for node in range(4):
        figures = criterion.figures(FACTS, 1, node)
        assert all(type(value) is int for value in figures.values())
        assert criterion.say(figures)


@pytest.mark.parametrize("code", sorted(CRITERIA))
def test_a_criterion_refuses_parameters_it_does_not_know(code: str) -> None:
    with pytest.raises(ValidationError):
        Weight(criterion=code, weight=1, params={"no_such_thing": 1})


def test_a_plan_is_a_document_with_a_version() -> None:
    assert RoutingPlan.model_validate_json(DEFAULT.model_dump_json()) == DEFAULT
    with pytest.raises(ValidationError, match="no criterion"):
        Weight(criterion="moon_phase", weight=1)
    with pytest.raises(ValidationError, match="stands once"):
        Rule(name="twice", weights=(DEFAULT.rules[0].weights[0],) * 2)
    assert Split(max_parcels=2, whole_below=100).cap(99) == 1
