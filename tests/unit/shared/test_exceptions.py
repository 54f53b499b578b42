"""Whatever the rules can raise has an owner, a due time, answers and sentences; units to put back are never lost."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

import pytest
from hypothesis import given, settings

import shared
from shared.errors import BatonError
from shared.exceptions import EXCEPTIONS, PUT_BACK, TO_COUNT, Resolution, choices, chosen, opened_by
from shared.fulfilment import Command, Context, Fulfilment, State, apply
from shared.put_back import Found, TaskLine, after, done, told_by
from store_app.ui.texts import LANGUAGES, catalogue
from tests.unit.shared.test_fulfilment import COMMANDS, JOBS, STEPS

RULES = sorted([*Path(shared.__file__).parent.glob("_*_rules.py"), Path(shared.__file__).parent / "_outcomes.py"])
RAISES = {"contradiction": 1, "_left_the_building": 1}
"""Functions of the rules that make an exception of a code, and which argument that is."""
TELLS = {"refuse": 1, "taken_by": 0, "leases.taken_by": 0}


def codes(functions: Mapping[str, int], files: Sequence[Path] = RULES) -> set[str]:
    """Every code that is given to one of these functions; a part that is worked out is a `*`."""
    return {code for path in files for code in _codes_in(path, functions)}


def _codes_in(path: Path, functions: Mapping[str, int]) -> Iterator[str]:
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and (place := functions.get(ast.unparse(call.func))) is not None:
            given_code = call.args[place]
            if isinstance(given_code, ast.Constant):
                yield str(given_code.value)
            elif isinstance(given_code, ast.JoinedStr):
                yield "".join(str(p.value) if isinstance(p, ast.Constant) else "*" for p in given_code.values)


def test_every_contradiction_of_the_rules_has_an_entry() -> None:
    found = codes(RAISES)
    assert len(found) > 12
    assert [code for code in found if not any(fnmatch(known, code) for known in EXCEPTIONS)] == []


def test_every_entry_is_something_that_can_happen() -> None:
    found = codes(RAISES)
    known = [kind for kind in EXCEPTIONS if kind not in (PUT_BACK, *TO_COUNT)]
    assert [kind for kind in known if not any(fnmatch(kind, code) for code in found)] == []


@settings(max_examples=300, deadline=None)
@given(JOBS, STEPS, COMMANDS)
def test_what_any_command_in_any_state_raises_is_known(
    job: Fulfilment, steps: list[tuple[Command, Context]], command: Command
) -> None:
    for each, ctx in [*steps, (command, steps[0][1] if steps else Context(at=job.offered_at, actor="a", device="D1"))]:
        outcome = apply(job, each, ctx)
        if outcome.exception is not None:
            assert outcome.exception.code in EXCEPTIONS
        job = outcome.fulfilment


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_what_happened_what_to_do_and_how_it_may_end(language: str) -> None:
    said = catalogue(language)
    answers = {answer.code for kind in EXCEPTIONS.values() for answer in kind.resolutions}
    steps = {step for kind in EXCEPTIONS.values() for step in kind.steps}
    told = codes(TELLS) | {"put_back_extra", "taken_meanwhile"}
    wanted = [f"{family}.{code}" for code in {*EXCEPTIONS, *told} for family in ("notice", "advice")]
    wanted += [f"resolution.{code}" for code in {*answers, "gone", "counted"}] + [f"guide.{code}" for code in steps]
    wanted += [f"put_back.{cause}" for cause in ("cancelled", "rejected", "expired", "refused", "extra")]
    assert [key for key in wanted if key not in said] == []


@pytest.mark.parametrize("code", sorted(EXCEPTIONS))
def test_its_owner_can_settle_it_and_the_table_holds_no_nonsense(code: str) -> None:
    kind = EXCEPTIONS[code]
    final = [answer for answer in choices(code, [kind.owner]) if not answer.to_care]
    assert final or code in TO_COUNT, f"{kind.owner} has no way to settle {code}"  # a count settles it
    if any(answer.to_care for answer in kind.resolutions):
        assert [answer for answer in choices(code, ["agent"]) if not answer.to_care], "care has no way to settle it"
    assert len({answer.code for answer in kind.resolutions}) == len(kind.resolutions)
    assert kind.steps
    assert kind.due.total_seconds() > 0


def test_an_answer_must_exist_be_theirs_and_say_what_it_needs_to() -> None:
    def refusal(resolution: str, role: str, note: str | None = None) -> str:
        with pytest.raises(BatonError) as refused:
            chosen("handed_off_after_close", resolution, [role], note)
        return refused.value.code

    assert refusal("forget_it", "agent") == "invalid_input"
    assert refusal("write_off", "agent", "  ") == "invalid_input"
    assert refusal("write_off", "lead", "not worth it") == "not_allowed"
    assert isinstance(chosen("handed_off_after_close", "write_off", ["agent"], "not worth it"), Resolution)


def test_work_on_a_bag_that_nobody_wants_is_said_by_its_put_back_task() -> None:
    assert opened_by("picked_after_close", State.HANDED_OFF) is None
    assert opened_by("staged_after_close", State.CANCELLED) is None
    assert opened_by("staged_after_close", State.HANDED_OFF) == "staged_after_close"
    assert opened_by("packed_differs", State.PICKED) == "packed_differs"


# ---------------------------------------------------------------- units to put back


@settings(max_examples=300, deadline=None)
@given(JOBS, STEPS)
def test_a_task_holds_what_the_job_put_back_and_what_each_device_has_too_many(
    job: Fulfilment, steps: list[tuple[Command, Context]]
) -> None:
    task: tuple[TaskLine, ...] = ()
    for command, ctx in steps:
        outcome = apply(job, command, ctx)
        told = told_by(job, command, outcome, ctx.device)
        again = told_by(outcome.fulfilment, command, apply(outcome.fulfilment, command, ctx), ctx.device)
        task = after(task, told)
        if command.kind in ("pick", "substitute"):
            assert after(task, again) == task, "a pick seen twice adds nothing"
        job = outcome.fulfilment
        freed = {line.line: line.freed for line in task}
        assert {line.line: line.put_back for line in job.lines if line.put_back} == {
            n: u for n, u in freed.items() if u
        }
        assert all(line.quantity > 0 and line.damaged <= line.freed for line in task)


def test_a_bag_with_too_many_holds_the_units_that_were_picked_too_many() -> None:
    assert TaskLine(line=1, sku="A", freed=2, extra={"D1": 1, "D2": 1, "packed": 2}).quantity == 4
    assert TaskLine(line=1, sku="A", extra={"D1": 1, "packed": 3}).quantity == 3


def test_what_is_missing_is_what_the_job_had_and_not_what_was_scanned_twice() -> None:
    lines = (TaskLine(line=1, sku="A", freed=2, extra={"D1": 1}), TaskLine(line=2, sku="B", freed=1))
    assert [line.missing for line in done(lines, ())] == [0, 0]
    assert [line.missing for line in done(lines, [Found(line=1, quantity=2)])] == [0, 1]
    assert [line.missing for line in done(lines, [Found(line=1, quantity=0), Found(line=2, quantity=1)])] == [2, 0]
