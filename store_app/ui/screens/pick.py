"""Pick in walking order: scan each unit; say what is not there; the last one leads on to packing."""

from collections.abc import Callable
from uuid import UUID

import flet as ft

from shared.fulfilment import Fulfilment, State
from shared.reasons import SHORT_REASONS
from store_app.engine.picking import PickStep
from store_app.ui.component import component, keyed
from store_app.ui.components.buttons import button
from store_app.ui.components.choice import Option, choice
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.frame import frame
from store_app.ui.components.line_row import line_row
from store_app.ui.components.section import section
from store_app.ui.components.sheet import sheet
from store_app.ui.components.text import muted
from store_app.ui.hooks import go, use_feedback, use_query, use_scan
from store_app.ui.notices import engine, tell
from store_app.ui.scans import Scan
from store_app.ui.screens.anywhere import follow
from store_app.ui.screens.faces import line_face
from store_app.ui.texts import t


@component
def pick_screen() -> ft.Control:
    """The lines of one job, the one to take now on top."""
    job_id = ft.use_route_params()["job"]
    feedback = use_feedback()
    job = use_query(lambda: engine().work.job(job_id))
    focus, set_focus = ft.use_state(0)
    shorting, set_shorting = ft.use_state(False)

    def scanned(scan: Scan) -> bool | None:
        result = engine().work.scan(job_id, scan.text, line=focus or None, symbology=scan.symbology or None)
        if result.act.value in ("pick", "wrong", "ask"):
            tell(feedback, result)
            _on(result.job)
            return None
        follow(result, scan)
        return None

    def _on(now: Fulfilment | None) -> None:
        if now is not None and now.state is State.PICKED:
            go(f"/pack/{now.id}")
        elif now is not None and now.state is State.SHORT:
            go("/")

    use_scan(scanned)
    if job is None:
        return frame(t("pick.title"), [empty_state(t("job.gone"), t("job.gone_detail"))], back="/")
    steps = engine().work.pick_list(job_id, focus or None)
    current = steps[0] if steps else None

    def short(reason: str) -> None:
        set_shorting(False)
        if current is not None:
            result = engine().work.short(job.id, current.line.line, current.line.open, reason)
            tell(feedback, result)
            set_focus(0)
            _on(engine().work.job(job_id))

    def by_hand() -> None:
        if current is not None:
            result = engine().work.pick(job.id, current.line.line)
            tell(feedback, result)
            _on(engine().work.job(job_id))

    reasons = [Option(code, t(f"reason.{code}"), t(f"reason.{code}.effect")) for code in SHORT_REASONS]
    ft.use_dialog(
        sheet(t("pick.short"), [choice(reasons, None, short)], lambda: set_shorting(False)) if shorting else None
    )
    if current is None:
        return frame(t("pick.title"), [_all_done(job)], back=f"/job/{job.id}", action=_to_pack(job))
    body: list[ft.Control] = [keyed(str(step.line.line), _row(step, step is current, set_focus)) for step in steps]
    body += _picked(job)
    buttons: list[ft.Control] = [button(t("pick.short"), lambda: set_shorting(True), rank="secondary", expand=True)]
    if engine().work.may_pick_without_scan:
        buttons.append(button(t("pick.by_hand"), by_hand, expand=True, icon=ft.Icons.CHECK_ROUNDED))
    else:
        body.append(muted(t("pick.scan_each")))
    return frame(t("pick.of", number=job.number), body, back=f"/job/{job.id}", action=ft.Row(buttons))


def _row(step: PickStep, current: bool, focus: Callable[[int], None]) -> ft.Control:
    return line_row(line_face(step), lambda: focus(step.line.line), current=current)


def _picked(job: Fulfilment) -> list[ft.Control]:
    """What is in the tote already, each with a way back."""
    done = [line for line in job.lines if line.open == 0]
    rows = [
        keyed(f"done-{step.line.line}", line_row(line_face(step), _undo(job.id, step.line.line)))
        for step in (PickStep(line, engine().lookup.item(line.sku), None) for line in done)
    ]
    return [section(t("pick.done"), rows, count=len(done))] if rows else []


def _undo(job: UUID, line: int) -> Callable[[], None]:
    def back() -> None:
        engine().work.unpick(job, line)

    return back


def _all_done(job: Fulfilment) -> ft.Control:
    return empty_state(t("pick.all_done"), t("pick.all_done_detail", number=job.number))


def _to_pack(job: Fulfilment) -> ft.Control | None:
    if job.state is not State.PICKED:
        return None
    return button(t("pick.to_pack"), lambda: go(f"/pack/{job.id}"), icon=ft.Icons.INVENTORY_2_ROUNDED)
