"""Asking the server from a screen: an answer, or a sentence that says why there is none. Nothing waits for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import flet as ft

from shared.errors import BatonError
from store_app.engine.transport import Offline
from store_app.ui.components.buttons import button
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.loading import loading
from store_app.ui.hooks import use_app, use_feedback
from store_app.ui.notices import engine
from store_app.ui.texts import has, t
from store_app.ui.theme import Tone

T = TypeVar("T")
PATIENCE_S = 10.0


@dataclass(frozen=True)
class Asked(Generic[T]):
    """What came of a question. Neither a value nor a problem: the answer is on its way."""

    value: T | None
    problem: str
    again: Callable[[], None]


def problem_words(error: Exception) -> str:
    """Why the server did not do it, for people."""
    if isinstance(error, TimeoutError):
        return t("problem.offline")
    code = error.code if isinstance(error, BatonError) else "other"
    detail = error.detail if isinstance(error, BatonError) else ""
    return t(f"problem.{code}", detail=detail) if has(f"problem.{code}") else t("problem.other", detail=detail)


async def as_person(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask with the rights of whoever is signed in. Raises `Offline` when they cannot be vouched for now."""
    if not await asyncio.wait_for(engine().online_session(), PATIENCE_S):
        raise Offline("")
    return await asyncio.wait_for(ask(), PATIENCE_S)


def use_asked(ask: Callable[[], Awaitable[T]], about: str = "") -> Asked[T]:
    """Ask once on opening and whenever `about` changes; an empty-handed answer is a sentence and can be asked again."""
    app = use_app()
    nothing: tuple[str, Any] = ("", None)
    answer, set_answer = ft.use_state(nothing)
    problem, set_problem = ft.use_state("")
    turn: ft.MutableRef[int] = ft.use_ref(0)
    latest: ft.MutableRef[Callable[[], Awaitable[T]]] = ft.use_ref(None)
    latest.current = ask

    async def run(mine: int) -> None:
        try:
            value = await asyncio.wait_for(latest.current(), PATIENCE_S)
        except (BatonError, TimeoutError) as error:
            if turn.current == mine:
                set_problem(problem_words(error))
            return
        if turn.current == mine:
            set_problem("")
            set_answer((about, value))

    def again() -> None:
        turn.current = (turn.current or 0) + 1
        set_problem("")
        app.page.run_task(run, turn.current)

    ft.use_effect(again, [about])
    known = answer[1] if answer[0] == about else None
    return Asked(cast("T | None", known), problem, again)


def waiting(asked: Asked[Any]) -> ft.Control:
    """In place of an answer: one moment, or why there is none and what to do."""
    if not asked.problem:
        return loading(t("loading"))
    retry = button(t("error.retry"), asked.again, rank="secondary")
    return empty_state(t("online.none"), asked.problem, ft.Icons.CLOUD_OFF_ROUNDED, retry, Tone.WARN)


def use_doing() -> Callable[[Callable[[], Awaitable[Any]], Callable[[Any], Any]], None]:
    """`do(call, then)`: ask the server to do something as whoever is signed in; what hinders it is said."""
    app, feedback = use_app(), use_feedback()

    async def run(call: Callable[[], Awaitable[Any]], then: Callable[[Any], Any]) -> None:
        try:
            answer = await as_person(call)
        except (BatonError, TimeoutError) as error:
            feedback.wrong(t("problem.not_done"), problem_words(error))
            return
        after = then(answer)
        if asyncio.iscoroutine(after):
            await after

    def do(call: Callable[[], Awaitable[Any]], then: Callable[[Any], Any]) -> None:
        app.page.run_task(run, call, then)

    return do
