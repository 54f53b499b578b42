"""Who has a job in hand: leases of twenty minutes, told apart by their tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared import fulfilment as f
from shared.fulfilment import Context, Fulfilment, State, apply
from shared.leases import IN_HAND
from tests.unit.shared.test_fulfilment import ANNA, BEN, JOB, NOON, a_job, pick, run

ACCEPT, TAKE_OVER, PACK = f.Accept(fulfilment=JOB), f.TakeOver(fulfilment=JOB), f.Pack(fulfilment=JOB)


def at(who: Context, minutes: float, heard: float | None = None) -> Context:
    """`who`, so many minutes after noon; the server hears of it `heard` minutes after noon."""
    heard_at = None if heard is None else NOON + timedelta(minutes=heard)
    return who.model_copy(update={"at": NOON + timedelta(minutes=minutes), "heard_at": heard_at})


def token(job: Fulfilment) -> int:
    assert job.lease is not None
    return job.lease.token


def holder(job: Fulfilment) -> str | None:
    return job.lease.person if job.lease else None


def test_who_takes_a_job_has_it_for_twenty_minutes() -> None:
    job = run(a_job(1), ACCEPT)
    assert job.lease == f.Lease(token=1, person="anna", device="D1", since=NOON, until=NOON + timedelta(minutes=20))


def test_whatever_its_holder_does_renews_the_lease() -> None:
    job = run(run(a_job(2), ACCEPT), pick(1, 1), ctx=at(ANNA, 15))
    assert apply(job, ACCEPT, at(BEN, 30)).status == "refused"
    assert apply(job, ACCEPT, at(BEN, 36)).status == "applied"


def test_what_somebody_else_does_to_help_renews_nothing() -> None:
    job = run(run(a_job(2), ACCEPT), pick(1, 1), ctx=at(BEN, 15))
    assert (holder(job), apply(job, ACCEPT, at(BEN, 21)).status) == ("anna", "applied")


def test_late_news_renews_from_when_it_is_heard() -> None:
    job = run(run(a_job(2), ACCEPT), pick(1, 1), ctx=at(ANNA, 5, heard=120))
    assert apply(job, ACCEPT, at(BEN, 10, heard=130)).status == "refused"


def test_a_claim_is_judged_when_it_is_heard_not_when_it_was_made() -> None:
    job = run(a_job(1), ACCEPT)
    assert apply(job, ACCEPT, at(BEN, 5, heard=10)).status == "refused"
    assert holder(run(job, ACCEPT, ctx=at(BEN, 5, heard=30))) == "ben"


def test_a_lease_that_ran_out_costs_nothing_while_nobody_took_the_job() -> None:
    job = run(a_job(2), ACCEPT)
    outcome = apply(job, pick(1, 2, lease=token(job)), at(ANNA, 300))
    assert (outcome.status, holder(outcome.fulfilment)) == ("applied", "anna")


def test_work_under_a_lease_that_is_anothers_by_now_counts_and_says_who_has_it() -> None:
    before = run(a_job(2), ACCEPT)
    after = run(before, ACCEPT, ctx=at(BEN, 30))
    outcome = apply(after, pick(1, 1, lease=token(before)), at(ANNA, 40))
    assert (token(after), outcome.status, outcome.fulfilment.lines[0].picked) == (2, "adjusted", 1)
    assert outcome.adjustment == f.Notice(
        code="taken_meanwhile", values={"by": "ben", "since": at(BEN, 30).at.isoformat()}
    )
    assert holder(outcome.fulfilment) == "ben"


def test_who_helps_knowingly_is_told_nothing() -> None:
    job = run(a_job(2), ACCEPT)
    assert apply(job, pick(1, 1), BEN).status == "applied"


def test_units_that_are_too_many_are_the_news_not_who_has_the_job() -> None:
    before = run(a_job(1), ACCEPT)
    after = run(run(before, TAKE_OVER, ctx=BEN), pick(1, 1), ctx=BEN)
    outcome = apply(after, pick(1, 1, lease=token(before)), ANNA)
    assert outcome.adjustment is not None
    assert outcome.adjustment.code == "put_back_extra"


def test_a_job_that_another_took_over_is_not_sent_back_by_its_old_holder() -> None:
    before = run(a_job(2), ACCEPT)
    after = run(before, TAKE_OVER, ctx=BEN)
    outcome = apply(after, f.Reject(fulfilment=JOB, reason="too_late", lease=token(before)), ANNA)
    assert (outcome.status, outcome.changed, outcome.fulfilment) == ("adjusted", False, after)


def test_two_who_accepted_offline_have_the_same_token_and_are_told_apart() -> None:
    annas = run(a_job(2), ACCEPT)
    bens = run(a_job(2), ACCEPT, ctx=BEN)
    assert token(annas) == token(bens)
    assert apply(bens, pick(1, 1, lease=token(annas)), ANNA).status == "adjusted"


def test_a_finished_bag_is_nobodys() -> None:
    job = run(a_job(1), ACCEPT, pick(1, 1), PACK, f.Stage(fulfilment=JOB, place="A1"))
    assert (job.state, job.lease) == (State.READY, None)


WORK: tuple[Any, ...] = (
    ACCEPT,
    TAKE_OVER,
    pick(1, 1),
    pick(1, 2),
    pick(1, 0),
    PACK,
    f.Unpack(fulfilment=JOB),
    f.Stage(fulfilment=JOB, place="A1"),
    f.Short(fulfilment=JOB, line=2, total=1, reason="not_found"),
    f.Reject(fulfilment=JOB, reason="too_late"),
    f.Cancel(fulfilment=JOB),
)
STEPS = st.tuples(
    st.sampled_from(WORK), st.sampled_from((ANNA, BEN)), st.integers(0, 60), st.sampled_from((None, 1, 2))
)


@given(st.lists(STEPS, max_size=25))
def test_a_lease_is_its_assignees_and_tokens_only_grow(steps: list[tuple[Any, Context, int, int | None]]) -> None:
    job, minutes = a_job(2, 1), 0
    for command, who, passed, lease in steps:
        minutes += passed
        before = job
        job = apply(job, command.model_copy(update={"lease": lease}), at(who, minutes)).fulfilment
        assert (job.lease is None) == (job.state not in IN_HAND)
        assert holder(job) in (None, job.assignee)
        if before.lease and job.lease:
            assert (token(job) == token(before)) == (holder(job) == holder(before))
            assert token(job) >= token(before)
