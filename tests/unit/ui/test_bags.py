"""Which units go into which bag, and how far a job has come."""

from store_app.ui.screens._parts.bags import Bags, bags_of, held_by
from store_app.ui.screens._parts.steps import steps_done, steps_row
from tests.unit.engine.fakes import a_job

HELD = {1: 3, 2: 1}


def test_one_bag_takes_everything() -> None:
    (bag,) = Bags().packages(HELD)
    assert [(part.line, part.quantity) for part in bag.lines] == [(1, 3), (2, 1)]


def test_the_last_bag_takes_what_is_in_no_other() -> None:
    bags = Bags().another().put(HELD, 0, 1, 2)
    assert bags.contents(HELD) == [{1: 2}, {1: 1, 2: 1}]


def test_a_bag_gets_no_more_than_the_others_leave() -> None:
    bags = Bags().another().another().put(HELD, 0, 1, 2).put(HELD, 1, 1, 5)
    assert bags.contents(HELD) == [{1: 2}, {1: 1}, {2: 1}]


def test_units_that_went_back_to_the_shelf_leave_their_bag() -> None:
    bags = Bags().another().put(HELD, 0, 1, 3)
    assert bags.contents({1: 1}) == [{1: 1}, {}]


def test_an_empty_bag_is_not_sent() -> None:
    assert len(Bags().another().packages(HELD)) == 1


def test_a_removed_bag_gives_its_units_to_the_last() -> None:
    bags = Bags().another().put(HELD, 0, 1, 2).without(0)
    assert bags.contents(HELD) == [HELD]


def test_bags_are_found_again_as_they_were_packed() -> None:
    packed = Bags().another().put(HELD, 0, 2, 1).weighing(0, 450)
    job = a_job(1, 3, 1, packages=packed.packages(HELD))
    job = job.model_copy(
        update={"lines": tuple(line.model_copy(update={"picked_by": {"D": line.quantity}}) for line in job.lines)}
    )
    assert bags_of(job).packages(held_by(job)) == job.packages


def test_the_steps_of_a_job_are_done_one_after_the_other() -> None:
    states = ("offered", "picking", "picked", "packed", "ready", "handed_off")
    assert [steps_done(a_job(1, state=state)) for state in states] == [0, 0, 1, 1, 2, 3]


def test_a_job_that_was_called_off_has_no_steps_left() -> None:
    assert steps_row(a_job(1, state="cancelled")) is None
