"""More: who and what this device is, what waits to be sent, how it looks and speaks."""

from typing import Any

import flet as ft

from store_app.ui.component import component
from store_app.ui.components.arithmetic import key_values
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.choice import Option, filters
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.frame import frame
from store_app.ui.components.section import section
from store_app.ui.components.text import muted, text
from store_app.ui.hooks import opener, use_feedback, use_query, use_state_of
from store_app.ui.notices import engine, tell
from store_app.ui.texts import LANGUAGES, has, t
from store_app.ui.theme import Space, Type

THEMES = ("system", "light", "dark")


@component
def more_screen() -> ft.Control:
    """Settings and the state of the queue."""
    state = use_state_of(lambda state: state)
    status = use_query(lambda: engine().syncer.status)
    unseen = use_query(lambda: len(engine().work.today().exceptions))
    pairs = [
        (t("more.store"), state.node_name),
        (t("more.person"), state.person or ""),
        (t("more.waiting"), str(status.waiting)),
        (t("more.network"), t("sync.online" if status.online else "sync.offline")),
    ]
    languages = [Option(code, t(f"language.{code}")) for code in LANGUAGES]
    themes = [Option(code, t(f"theme.{code}")) for code in THEMES]
    yes_no = [Option("yes", t("more.on")), Option("no", t("more.off"))]
    parts: list[ft.Control] = [
        section(t("more.device"), [card(key_values(pairs))]),
        section(t("more.language"), [filters(languages, state.locale, lambda code: engine().set(locale=code))]),
        section(t("more.look"), [filters(themes, state.theme, lambda code: engine().set(theme=code))]),
        section(
            t("more.sound"),
            [filters(yes_no, "yes" if state.sound else "no", lambda code: engine().set(sound=code == "yes"))],
        ),
        button(t("more.needs_you", count=unseen), opener("/needs-you"), rank="secondary"),
        button(t("more.ship"), opener("/ship"), rank="secondary"),
        button(t("more.sign_out"), lambda: engine().session.sign_out(), rank="quiet"),
    ]
    return frame(t("nav.more"), parts, here="more")


@component
def needs_you_screen() -> ft.Control:
    """What contradicts the books, and what to do about it."""
    feedback = use_feedback()
    exceptions = use_query(lambda: engine().lookup.exceptions())
    if not exceptions:
        return frame(
            t("needs.title"), [empty_state(t("needs.nothing"), t("needs.nothing_detail"))], here="more", back="/more"
        )
    parts: list[ft.Control] = []
    for each in exceptions:
        key = f"notice.{each.kind}"
        values: dict[str, Any] = {"units": 0, "by": "", **each.values}
        said = t(key, **values) if has(key) else each.kind.replace("_", " ")

        def done(exception: object = each.id) -> None:
            tell(feedback, engine().work.settle_exception(exception, "settled"))  # type: ignore[arg-type]

        words: list[ft.Control] = [text(said, Type.STRONG, loose=True), muted(each.order_number or "")]
        words.append(button(t("needs.done"), done, rank="secondary"))
        parts.append(card(ft.Column(words, spacing=Space.S)))
    return frame(t("needs.title"), parts, here="more", back="/more")
