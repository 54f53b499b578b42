"""Jobs and lines of the engine as the cards and rows of the screens."""

import flet as ft

from shared.fulfilment import Fulfilment, State
from store_app.engine.engine import Engine
from store_app.engine.picking import PickStep
from store_app.ui.component import keyed
from store_app.ui.components.job_card import JobFace, job_card
from store_app.ui.components.line_row import LineFace
from store_app.ui.hooks import opener
from store_app.ui.texts import t


def job_route(job: Fulfilment) -> str:
    """Where a tap on the job leads: to the next thing to do with it."""
    ready = job.state in (State.READY, State.ON_THE_WAY, State.ARRIVED)
    return f"/hand-off/{job.id}" if ready else f"/job/{job.id}"


def next_words(engine: Engine, job: Fulfilment) -> str:
    """The next action, in words."""
    action = engine.work.next_action(job)
    if action is None:
        return t(f"state.{job.state.value}")
    return t(f"next.{action}", count=sum(line.open for line in job.lines))


def job_face(engine: Engine, job: Fulfilment) -> JobFace:
    """A job as its card shows it."""
    notes = [job.arrival.vehicle, t("job.bay", bay=job.arrival.bay) if job.arrival.bay else None]
    if not any(notes):
        notes = [t("job.at_place", place=job.staging) if job.staging else None]
        if job.assignee and job.assignee != engine.session.actor and not job.staging:
            notes = [t("job.whose", name=engine.lookup.person_name(job.assignee))]
    return JobFace(
        number=job.number,
        method=job.method,
        customer=job.customer or job.number,
        next_action=next_words(engine, job),
        lines=len(job.lines),
        units=job.units,
        due=job.due_at,
        note=", ".join(note for note in notes if note) or None,
        done=engine.work.next_action(job) is None,
    )


def job_cards(engine: Engine, jobs: list[Fulfilment]) -> list[ft.Control]:
    """A card per job, each leading to what is next."""
    return [keyed(str(job.id), job_card(job_face(engine, job), opener(job_route(job)))) for job in jobs]


def line_face(step: PickStep) -> LineFace:
    """A line as its row shows it."""
    line, item = step.line, step.item
    return LineFace(
        name=item.name if item else line.sku,
        variant=item.variant if item else "",
        bin=(step.stock.bin if step.stock else None) or "",
        left=line.open,
        asked=line.quantity,
        category=item.category if item else "",
        picture=item.picture if item else None,
        short=line.short,
    )
