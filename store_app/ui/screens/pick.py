"""Pick in walking order: scan each unit; say what is not there; the last one leads on to packing."""

from collections.abc import Callable

import flet as ft

from shared.fulfilment import Fulfilment, State
from shared.scanning import Act
from store_app.engine.picking import PickStep
from store_app.engine.results import Result, ScanResult
from store_app.ui.component import component, keyed
from store_app.ui.components.buttons import Rank, button
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.frame import frame
from store_app.ui.components.line_row import amount, line_row
from store_app.ui.components.section import section
from store_app.ui.components.sheet import sheet
from store_app.ui.components.text import muted
from store_app.ui.hooks import go, opener, use_feedback, use_query, use_scan
from store_app.ui.notices import engine, sentence, tell
from store_app.ui.scans import Scan
from store_app.ui.screens._parts.instead import choices_section
from store_app.ui.screens._parts.pick_lines import current_line, taken_line
from store_app.ui.screens._parts.question import Question, Reply, line_taken, question_form, question_of
from store_app.ui.screens._parts.short_sheet import short_form
from store_app.ui.screens.anywhere import follow
from store_app.ui.screens.faces import line_face
from store_app.ui.texts import t
from store_app.ui.theme import Space, Tone

PICKABLE = frozenset({State.OFFERED, State.ACCEPTED, State.PICKING, State.PICKED})
HERE = frozenset({Act.PICK, Act.SUBSTITUTE, Act.WRONG, Act.ASK})
"""What a scan may come to without leaving the screen."""


@component
def pick_screen() -> ft.Control:
    """The lines of one job, the one to take now on top."""
    job_id = ft.use_route_params()["job"]
    feedback = use_feedback()
    job = use_query(lambda: engine().work.job(job_id))
    focus, set_focus = ft.use_state(0)
    last, set_last = ft.use_state(0)
    shorting, set_shorting = ft.use_state(False)
    no_question: Question | None = None
    question, ask = ft.use_state(no_question)
    reason: ft.MutableRef[str] = ft.use_ref("")

    def told(result: Result, line: int = 0) -> None:
        """Say it, remember it for undo, and leave when the tote is full."""
        if result.ok and line:
            set_last(line)
        if result.tone == "right" and line:
            feedback.right(sentence(result.notice), _taken_words(result, line))
        else:
            tell(feedback, result)
        now = engine().work.job(job_id)
        if now is not None and now.state is State.PICKED:
            go(f"/pack/{now.id}")
        elif now is not None and now.state is State.SHORT:
            go("/")

    def scanned(scan: Scan) -> None:
        if question is not None and question.kind == "scan_serial":
            answer(Reply(question.line, 1, serial=scan.text.strip()))
            return
        result = engine().work.scan(job_id, scan.text, line=focus or None, symbology=scan.symbology or None)
        if result.act not in HERE:
            follow(result, scan)
        elif result.act is Act.SUBSTITUTE and (shorting or _taken_before(result)):
            ask(None)
            take(question_of(result, scan.text))
        elif result.act in (Act.ASK, Act.SUBSTITUTE):
            tell(feedback, result)
            ask(question_of(result, scan.text))
        elif result.act is Act.WRONG:
            follow(result, scan)
        else:
            told(result, result.line.line if result.line else 0)

    def answer(reply: Reply) -> None:
        if question is not None:
            ask(None)
            take(question, reply)

    def take(asked: Question, reply: Reply | None = None) -> None:
        """What was scanned, in place of the line's own item where it is another."""
        said = reply or Reply(asked.line, asked.units)
        why = (shorting and reason.current) or asked.reason
        result = engine().work.confirm(
            job_id,
            said.line,
            said.units,
            asked.raw,
            serial=said.serial,
            grams=said.grams,
            instead=asked.instead,
            reason=why,
        )
        set_shorting(False)
        told(result, line_taken(result.job, said.line, asked.instead))

    def take_instead(sku: str, units: int, why: str) -> None:
        """Pressed, not scanned."""
        if current is not None:
            set_shorting(False)
            result = engine().work.substitute(job_id, current.line.line, sku, units, why)
            told(result, line_taken(result.job, current.line.line, sku))

    def undo(line: int) -> Callable[[], None]:
        def back() -> None:
            tell(feedback, engine().work.unpick(job_id, line, _one_of(line, job)))
            set_last(0)

        return back

    steps = engine().work.pick_list(job_id, focus or None) if job is not None and job.state in PICKABLE else []
    current = steps[0] if steps else None

    def short(units: int, reason: str) -> None:
        set_shorting(False)
        if current is not None:
            set_focus(0)
            told(engine().work.short(job_id, current.line.line, units, reason))

    def by_hand() -> None:
        if current is not None:
            units = current.line.open if _weighed(current) else 1
            told(engine().work.pick(job_id, current.line.line, units), current.line.line)

    use_scan(scanned)
    missing = _missing(current, short, lambda code: setattr(reason, "current", code), take_instead) if current else None
    ft.use_dialog(
        sheet(t("pick.short"), [missing], lambda: set_shorting(False)) if shorting and missing is not None else None
    )
    ft.use_dialog(
        sheet(t("ask.title"), [question_form(question, job, answer)], lambda: ask(None))
        if question is not None and job is not None
        else None
    )
    if job is None:
        return frame(t("pick.title"), [empty_state(t("job.gone"), t("job.gone_detail"))], back="/")
    title, back = t("pick.of", number=job.number), f"/job/{job.id}"
    if job.state not in PICKABLE:
        gone = empty_state(t("pick.closed"), t("pick.closed_detail", state=t(f"state.{job.state.value}")))
        return frame(title, [gone], back=back)
    taken = _taken(job, undo)
    if current is None:
        return frame(title, [_all_done(job), *taken], back=back, action=_to_pack(job))
    body: list[ft.Control] = [keyed(f"now-{current.line.line}", current_line(current))]
    body += _below(job, last, undo)
    if steps[1:]:
        then = [keyed(str(s.line.line), line_row(line_face(s), _focus(set_focus, s))) for s in steps[1:]]
        body.append(section(t("pick.then"), then, count=len(then)))
    body += taken
    return frame(title, body, back=back, action=_action(lambda: set_shorting(True), by_hand))


def _missing(
    step: PickStep,
    short: Callable[[int, str], None],
    say: Callable[[str], None],
    take: Callable[[str, int, str], None],
) -> ft.Control:
    """The sheet for what is not there: report it, or take what the customer agreed to."""
    choices = engine().work.choices(step.line)

    def instead(units: int, why: str) -> list[ft.Control]:
        return choices_section(choices, lambda sku: take(sku, units, why))

    return short_form(line_face(step).name, step.line.open, short, _weighed(step), say, instead)


def _taken_before(result: ScanResult) -> bool:
    """Whether units of this substitute are in the tote already, so that the next one needs no question."""
    lines = result.job.lines if result.job and result.line and result.item else ()
    return any(each.replaces == result.line.line and each.sku == result.item.sku for each in lines)  # type: ignore[union-attr]


def _taken_words(result: Result, number: int) -> str:
    """What was taken, and how many more."""
    line = result.job.line(number) if result.job else None
    if line is None or result.job is None:
        return ""
    face = line_face(engine().work.step_of(result.job, line))
    name = " ".join(filter(None, (face.name, face.variant)))
    return t("pick.taken_left", name=name, left=amount(face.left, face)) if face.left else name


def _action(short: Callable[[], None], by_hand: Callable[[], None]) -> ft.Control:
    """Scanning needs no button; who may do without it has one."""
    if not engine().work.may_pick_without_scan:
        return button(t("pick.short"), short, rank="secondary", icon=ft.Icons.SEARCH_OFF_ROUNDED)
    rank: Rank = "primary" if engine().work.scan_policy == "none" else "secondary"
    return ft.Row(
        [
            button(t("pick.short"), short, rank="secondary", expand=2),
            button(t("pick.by_hand"), by_hand, rank=rank, expand=3),
        ],
        spacing=Space.S,
    )


def _below(job: Fulfilment, last: int, undo: Callable[[int], Callable[[], None]]) -> list[ft.Control]:
    """Under the line in hand: how to confirm it, and the way back from the last scan."""
    line = job.line(last)
    if line is not None and line.held:
        item = engine().lookup.item(line.sku)
        label = t("pick.undo", name=item.name if item else line.sku)
        return [button(label, undo(last), rank="quiet", icon=ft.Icons.UNDO_ROUNDED)]
    return [] if engine().work.may_pick_without_scan else [muted(t("pick.scan_each"))]


def _focus(set_focus: Callable[[int], None], step: PickStep) -> Callable[[], None]:
    return lambda: set_focus(step.line.line)


def _weighed(step: PickStep) -> bool:
    return step.item is not None and "weighed" in step.item.flags


def _one_of(number: int, job: Fulfilment | None) -> int:
    """What undo takes back: one piece, or everything that was weighed."""
    line = job.line(number) if job else None
    item = engine().lookup.item(line.sku) if line else None
    return line.held if line and item and "weighed" in item.flags else 1


def _taken(job: Fulfilment, undo: Callable[[int], Callable[[], None]]) -> list[ft.Control]:
    """What is done with, each with a way back while it is in the tote."""
    done = [line for line in job.lines if line.open == 0]
    steps = [engine().work.step_of(job, line) for line in done]
    rows = [keyed(f"done-{s.line.line}", taken_line(s, undo(s.line.line))) for s in steps]
    return [section(t("pick.done"), rows, count=len(done))] if rows else []


def _all_done(job: Fulfilment) -> ft.Control:
    return empty_state(t("pick.all_done"), t("pick.all_done_detail", number=job.number), tone=Tone.OK)


def _to_pack(job: Fulfilment) -> ft.Control | None:
    if job.state is not State.PICKED:
        return None
    return button(t("pick.to_pack"), opener(f"/pack/{job.id}"), icon=ft.Icons.INVENTORY_2_ROUNDED)
