"""One thing that needs somebody, step by step: carry units back by scanning them, or say how it ended."""

from collections.abc import Callable, Mapping

import flet as ft

from shared.exceptions import Resolution, choices
from shared.put_back import Found
from shared.sync import ExceptionDoc
from store_app.engine.needs import Need, needs
from store_app.engine.put_back import CarryStep
from store_app.ui.component import component, keyed
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.field import field
from store_app.ui.components.frame import frame
from store_app.ui.components.section import section
from store_app.ui.components.sheet import confirm, sheet
from store_app.ui.components.text import muted, text
from store_app.ui.components.time_chip import time_chip
from store_app.ui.hooks import go, use_feedback, use_kept, use_query, use_scan
from store_app.ui.notices import advice, engine, sentence, tell
from store_app.ui.scans import Scan
from store_app.ui.screens._parts.carry_lines import carry_rows, names_of_missing
from store_app.ui.screens._parts.guide import guide
from store_app.ui.screens._parts.need_words import about, owner_chip, what_happened
from store_app.ui.texts import t
from store_app.ui.theme import Space, Tone, Type

Back = Mapping[int, int]
NOTHING: Back = {}


@component
def settle_screen() -> ft.Control:
    """An exception that is open; when it is not any more, that is said."""
    id_ = ft.use_route_params()["exception"]
    feedback = use_feedback()
    doc = use_query(lambda: engine().work.exception(id_))
    back, carry = use_kept(f"carried.{id_}", NOTHING)
    missing, ask_missing = ft.use_state(False)
    noting, ask_note = ft.use_state("")
    note, set_note = ft.use_state("")
    need = needs([doc], [])[0] if doc else None
    steps = engine().work.carry_list(doc) if doc else []

    def settled(code: str, found: tuple[Found, ...] = ()) -> None:
        ask_missing(False)
        ask_note("")
        if doc is not None:
            tell(feedback, engine().work.settle_exception(doc.id, code, note.strip() or None, found))
        go("/needs-you")

    def scanned(scan: Scan) -> bool:
        said = (
            engine().work.carry_scan(doc, back, scan.text, scan.symbology) if doc and need and need.put_back else None
        )
        if said is None:
            return False
        if said.ok:
            carry({**back, said.line: back.get(said.line, 0) + said.units})
            feedback.right(sentence(said.notice))
        else:
            feedback.wrong(sentence(said.notice), advice(said.notice))
        return True

    def tapped(step: CarryStep) -> None:
        """All of a line is back; tapped again, none of it."""
        all_back = back.get(step.line.line, 0) >= step.line.quantity
        carry({**back, step.line.line: 0 if all_back else step.line.quantity})

    def answered(answer: Resolution) -> None:
        ask_note(answer.code) if answer.note else settled(answer.code)

    use_scan(scanned)
    ft.use_dialog(_ask_missing(steps, back, settled, lambda: ask_missing(False)) if missing else None)
    ft.use_dialog(_ask_note(noting, note, set_note, settled, lambda: ask_note("")) if noting else None)
    if doc is None or need is None:
        gone = empty_state(t("needs.settled"), t("needs.settled_detail"), tone=Tone.OK)
        return frame(t("needs.title"), [gone], here="more", back="/needs-you")
    body = [_head(need), section(t("needs.steps"), [guide(doc)])]
    if not need.put_back:
        body += [*carry_rows(steps, None, None), *_answers(doc, answered)]
        return frame(t("needs.resolve"), body, here="more", back="/needs-you")
    body += carry_rows(steps, back, tapped)
    action = _carried(steps, back, settled, lambda: ask_missing(True))
    return frame(t("needs.put_back"), body, here="more", back="/needs-you", action=action)


def _head(need: Need) -> ft.Control:
    doc = need.exception
    chips: list[ft.Control] = []
    if doc is not None:
        chips.append(owner_chip(doc))
        chips += [time_chip(doc.due_at)] if doc.due_at else []
    words: list[ft.Control] = [text(what_happened(need), Type.HEADING, heading=True), muted(about(need))]
    if doc is not None and doc.note:
        words.append(text(doc.note))
    return card(ft.Column([*words, ft.Row(chips, wrap=True, spacing=Space.S)], spacing=Space.S, tight=True))


def _answers(doc: ExceptionDoc, answered: Callable[[Resolution], None]) -> list[ft.Control]:
    """What the person who is here may answer; otherwise, whose it is."""
    person = engine().session.person
    mine = choices(doc.kind, person.roles if person else ())
    if doc.owner_role == "agent":
        mine = [each for each in mine if not each.to_care]
    if not mine:
        return [muted(t("needs.ask_care" if doc.owner_role == "agent" else "needs.ask_lead"))]
    rows = [_answer(each, answered) for each in mine]
    return [section(t("needs.answers"), rows)]


def _answer(answer: Resolution, answered: Callable[[Resolution], None]) -> ft.Control:
    return keyed(answer.code, button(t(f"resolution.{answer.code}"), lambda: answered(answer), rank="secondary"))


def _carried(
    steps: list[CarryStep], back: Back, settled: Callable[..., None], ask_missing: Callable[[], None]
) -> ft.Control:
    """Done when every unit is back; before that, the way out for what cannot be found."""
    if all(back.get(step.line.line, 0) >= step.line.quantity for step in steps):
        return button(t("resolution.put_back"), lambda: settled("put_back"), icon=ft.Icons.CHECK_ROUNDED, tone=Tone.OK)
    return button(t("needs.not_all"), ask_missing, rank="secondary", icon=ft.Icons.SEARCH_OFF_ROUNDED)


def _ask_missing(
    steps: list[CarryStep], back: Back, settled: Callable[..., None], dismiss: Callable[[], None]
) -> ft.AlertDialog:
    found = tuple(Found(line=step.line.line, quantity=back.get(step.line.line, 0)) for step in steps)
    detail = t("needs.missing", names=names_of_missing(steps, back))
    yes = t("needs.missing_yes")
    return confirm(t("needs.not_all"), detail, yes, lambda: settled("put_back", found), dismiss, tone=Tone.BAD)


def _ask_note(
    code: str, note: str, set_note: Callable[[str], None], settled: Callable[..., None], dismiss: Callable[[], None]
) -> ft.BottomSheet:
    send = button(t("needs.settle"), lambda: settled(code), disabled=not note.strip())
    return sheet(t(f"resolution.{code}"), [field(t("needs.say"), note, set_note, focus=True)], dismiss, send)
