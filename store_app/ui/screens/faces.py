"""Jobs and lines of the engine as the cards and rows of the screens."""

from collections.abc import Callable

import flet as ft

from shared.fulfilment import Fulfilment, JobLine, State
from shared.leases import LASTS
from store_app.engine.picking import PickStep
from store_app.engine.station import Station
from store_app.ui.component import keyed
from store_app.ui.components.job_card import JobFace, job_card
from store_app.ui.components.line_row import LineFace
from store_app.ui.format import span
from store_app.ui.hooks import opener
from store_app.ui.texts import t
from store_app.ui.theme import Tone

WAITS = frozenset({State.READY, State.ON_THE_WAY, State.ARRIVED})
"""The bag stands there and its customer may come."""
WENT_WRONG = frozenset({State.SHORT, State.REJECTED, State.EXPIRED, State.CANCELLED})


def job_route(job: Fulfilment) -> str:
    """Where a tap on the job leads: to the next thing to do with it."""
    return f"/hand-off/{job.id}" if job.state in WAITS else f"/job/{job.id}"


def job_tone(job: Fulfilment) -> Tone:
    """How its state is meant: on its way, well ended, or not."""
    if job.state in WENT_WRONG:
        return Tone.BAD
    if job.state in (State.HANDED_OFF, State.SHIPPED, State.DELIVERED):
        return Tone.OK
    return Tone.WARN if job.state is State.ARRIVED else Tone.INFO


def next_words(engine: Station, job: Fulfilment) -> str:
    """The next action, in words."""
    action = engine.work.next_action(job)
    if action is None:
        return t(f"state.{job.state.value}")
    return t(f"next.{action}", count=pieces(engine, job, lambda line: line.open))


def pieces(engine: Station, job: Fulfilment, count: Callable[[JobLine], int]) -> int:
    """Things to carry: what is weighed counts in grams and is one thing."""
    total = 0
    for line in job.lines:
        item = engine.lookup.item(line.sku)
        total += min(1, count(line)) if item and "weighed" in item.flags else count(line)
    return total


def job_face(engine: Station, job: Fulfilment) -> JobFace:
    """A job as its card shows it."""
    outside = job.arrival.at is not None and job.arrival.left_at is None
    notes = [job.arrival.vehicle, t("job.bay", bay=job.arrival.bay) if job.arrival.bay else None]
    if job.staging:
        notes.append(t("job.at_place", place=job.staging))
    elif job.assignee and job.assignee != engine.session.actor:
        notes.append(_whose(engine, job))
    return JobFace(
        number=job.number,
        method=job.method,
        customer=job.customer or job.number,
        next_action=next_words(engine, job),
        lines=sum(line.quantity > line.replaced for line in job.lines),
        units=pieces(engine, job, lambda line: line.quantity - line.replaced),
        due=job.expires_at if job.state in WAITS else job.due_at,
        note=", ".join(note for note in notes if note) or None,
        done=engine.work.next_action(job) is None,
        went_wrong=job.state in WENT_WRONG,
        waiting_since=job.arrival.at if outside else None,
    )


def _whose(engine: Station, job: Fulfilment) -> str:
    """Who is on it; from whom nothing has come for the length of a lease, may have put it down."""
    name, now = engine.lookup.person_name(job.assignee), engine.work.server_time()
    if job.lease and job.lease.until < now:
        return t("job.whose_quiet", name=name, span=span(now - job.lease.until + LASTS))
    return t("job.whose", name=name)


def job_cards(
    engine: Station, jobs: list[Fulfilment], *, under: str | None = None, chosen: str | None = None
) -> list[ft.Control]:
    """A card per job, each leading to what is next; or, with `under`, to its detail beside the list at that route."""
    return [
        keyed(
            str(job.id),
            job_card(
                job_face(engine, job),
                opener(f"{under}/{job.id}" if under else job_route(job)),
                selected=str(job.id) == chosen,
            ),
        )
        for job in jobs
    ]


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
        replaced=line.replaced,
        note=t("instead.of", name=step.instead_of.name) if step.instead_of else "",
        weighed=item is not None and "weighed" in item.flags,
    )
