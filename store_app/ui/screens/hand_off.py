"""Hand over: is it the right person, is it the right bag, what do they take. All of it works without a network."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import flet as ft

from shared.fulfilment import Fulfilment, State
from shared.proofs import Signature
from shared.reasons import REFUSAL_REASONS
from store_app.engine.counter import ProofOf
from store_app.ui.component import component, keyed
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.choice import Option, choice
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.field import field as text_field
from store_app.ui.components.frame import frame
from store_app.ui.components.section import section
from store_app.ui.components.sheet import sheet
from store_app.ui.components.status_chip import status_chip
from store_app.ui.components.stepper import stepper
from store_app.ui.components.text import muted, text
from store_app.ui.feedback import Feedback
from store_app.ui.hooks import go, use_app, use_feedback, use_now, use_query, use_scan
from store_app.ui.notices import engine, tell
from store_app.ui.scans import Scan
from store_app.ui.screens._parts.proofs import Over, proof_section, proof_sheet
from store_app.ui.screens.anywhere import follow
from store_app.ui.screens.lead import lead_pad
from store_app.ui.texts import t
from store_app.ui.theme import Space, Tone, Type


@dataclass(frozen=True)
class Draft:
    """What was said about this hand-off so far; nothing of it is stored before it happens."""

    given: dict[int, int] = field(default_factory=dict)
    refused: dict[int, tuple[int, str]] = field(default_factory=dict)
    collector: str = ""
    aged: bool = False
    vouched: ProofOf | None = None
    lead: str = ""
    signature: Signature | None = None
    photo: bytes = b""

    def back(self, number: int) -> int:
        """Units of a line that go back to the shelf."""
        return self.refused.get(number, (0, ""))[0]

    def leaves(self, number: int, held: int) -> int:
        """Units of a line that leave with the customer."""
        return min(self.given.get(number, held), held - self.back(number))


@component
def hand_off_screen() -> ft.Control:
    """The bag of one job: where it stands, how the right to collect is shown, and the moment it leaves."""
    job_id = ft.use_route_params()["job"]
    app, feedback = use_app(), use_feedback()
    use_now(20)
    job = use_query(lambda: engine().work.job(job_id))
    shown = use_query(lambda: engine().work.proved(job_id))
    code, set_code = ft.use_state("")
    draft, set_draft = ft.use_state(Draft())
    asking, ask = ft.use_state(False)
    refusing, set_refusing = ft.use_state(0)
    showing, show = ft.use_state(Over.NOTHING)

    def prove(raw: str) -> None:
        async def check() -> None:
            found = await asyncio.to_thread(engine().work.check_code, raw)
            tell(feedback, found)
            if found.job is not None and str(found.job.id) != job_id:
                go(f"/hand-off/{found.job.id}")

        app.page.run_task(check)

    def scanned(scan: Scan) -> None:
        follow(engine().work.scan(None, scan.text, symbology=scan.symbology or None), scan)

    def allowed(person: str, proof: str) -> None:
        ask(False)
        set_draft(replace(draft, lead=person, vouched="id_seen" if proof == "id_seen" else "lead_override"))

    def refuse(units: int, reason: str) -> None:
        set_draft(replace(draft, refused={**draft.refused, refusing: (units, reason)}))
        set_refusing(0)

    def leave(**what: Any) -> None:
        show(Over.NOTHING)
        set_draft(replace(draft, **what))

    def forget(what: Over) -> None:
        set_draft(replace(draft, signature=None) if what is Over.SIGN else replace(draft, photo=b""))

    def open_sheet(what: Over) -> None:
        app.camera.flip(False)  # one at a time
        show(what)

    use_scan(scanned)
    ft.use_dialog(
        proof_sheet(
            showing,
            signed=lambda signature: leave(signature=signature),
            taken=lambda photo: leave(photo=photo),
            close=lambda: show(Over.NOTHING),
        )
    )
    ft.use_dialog(
        sheet(t("hand_off.lead"), [lead_pad(allowed, with_proof=True)], lambda: ask(False)) if asking else None
    )
    line = job.line(refusing) if job and refusing else None
    ft.use_dialog(
        sheet(t("hand_off.refuse"), [refusal(line.held, _name(job, refusing), refuse)], lambda: set_refusing(0))
        if job and line
        else None
    )
    if job is None:
        return frame(t("hand_off.title"), [empty_state(t("job.gone"), t("job.gone_detail"))], back="/")
    if job.state is State.HANDED_OFF:
        return frame(t("hand_off.title"), [empty_state(t("hand_off.done"), t("hand_off.done_detail"))], back="/")
    proof = shown or draft.vouched
    stranger = bool(draft.collector.strip()) and not _named(job, draft.collector)
    parts: list[ft.Control] = [
        _bag(job),
        section(t("hand_off.identity"), _identity(shown, draft, code, set_code, prove, lambda: ask(True))),
    ]
    if job.age_check:
        parts.append(_age(job.age_check, draft, set_draft))
    parts.append(section(t("hand_off.who"), _who(job, draft, set_draft, stranger, lambda: ask(True))))
    lines = [_line(job, x.line, draft, set_draft, set_refusing) for x in job.lines if x.held]
    parts.append(section(t("hand_off.items"), [*lines, muted(_summary(job, draft))]))
    lacks = engine().work.proof_lacking(job, signed=draft.signature is not None, photo=bool(draft.photo))
    without = None if draft.lead else lambda: ask(True)
    parts.append(proof_section(draft.signature, draft.photo, lacks, show=open_sheet, forget=forget, ask=without))
    if job.method == "curbside" and job.state is State.ARRIVED:
        parts.append(button(t("curbside.not_there"), lambda: _not_there(feedback, job), rank="quiet"))
    ready = bool(proof) and (draft.aged or not job.age_check)
    ready = ready and (bool(draft.lead) or (not stranger and lacks == "none"))
    go_on = button(
        t("hand_off.go"),
        lambda: _hand_over(feedback, job, proof or "lead_override", draft),
        disabled=not ready,
        icon=ft.Icons.HANDSHAKE_ROUNDED,
    )
    return frame(t("hand_off.of", number=job.number), parts, back="/", action=go_on)


def _hand_over(feedback: Feedback, job: Fulfilment, proof: ProofOf, draft: Draft) -> None:
    """The customer has it."""
    units = [(x.line, draft.leaves(x.line, x.held)) for x in job.lines if x.held]
    result = engine().work.hand_off(
        job.id,
        proof=proof,
        lines=tuple((number, count) for number, count in units if count),
        refused_units=tuple((number, count, reason) for number, (count, reason) in draft.refused.items()),
        collector=draft.collector.strip() or None,
        proxy=bool(draft.collector.strip()),
        age_checked=draft.aged,
        lead=draft.lead or None,
        signature=draft.signature,
        photo=draft.photo or None,
    )
    tell(feedback, result)
    if result.ok:
        go("/")


def _not_there(feedback: Feedback, job: Fulfilment) -> None:
    result = engine().work.leave(job.id)
    tell(feedback, result)
    if result.ok:
        go("/curbside")


def _bag(job: Fulfilment) -> ft.Control:
    """Where the bag stands, big enough to read on the way."""
    words: list[ft.Control] = [muted(t("hand_off.bag_at")), text(job.staging or t("hand_off.no_place"), Type.HUGE)]
    words.append(text(job.customer, Type.HEADING))
    if job.phone:
        words.append(muted(job.phone))
    if job.arrival.vehicle or job.arrival.bay:
        bay = t("job.bay", bay=job.arrival.bay) if job.arrival.bay else ""
        words.append(text(", ".join(part for part in (job.arrival.vehicle or "", bay) if part), Type.STRONG))
    return card(ft.Column(words, spacing=Space.XS))


def _identity(
    shown: str | None,
    draft: Draft,
    code: str,
    set_code: Callable[[str], None],
    prove: Callable[[str], None],
    ask: Callable[[], None],
) -> list[ft.Control]:
    """Pass, code, or a lead's word."""
    if shown or draft.vouched:
        return [ft.Row([status_chip(t(f"proof.{shown or draft.vouched}"), Tone.OK)])]
    return [
        text(t("hand_off.scan_pass")),
        text_field(t("hand_off.code"), code, set_code, on_submit=prove, icon=ft.Icons.PIN_ROUNDED),
        button(t("hand_off.check_code"), lambda: prove(code), rank="secondary", disabled=not code.strip()),
        button(t("hand_off.lead"), ask, rank="quiet"),
    ]


def _age(years: int, draft: Draft, change: Callable[[Draft], None]) -> ft.Control:
    """Items with an age limit need a look at a document; its number is never kept."""
    label = t("hand_off.age_checked" if draft.aged else "hand_off.check_age", years=years)
    toggle = button(
        label,
        lambda: change(replace(draft, aged=not draft.aged)),
        rank="quiet" if draft.aged else "secondary",
        icon=ft.Icons.CHECK_CIRCLE_ROUNDED if draft.aged else ft.Icons.BADGE_ROUNDED,
    )
    return section(t("hand_off.age"), [muted(t("hand_off.age_detail", years=years)), toggle])


def _named(job: Fulfilment, name: str) -> bool:
    return name.casefold().strip() in {person.name.casefold().strip() for person in job.proxies}


def _who(
    job: Fulfilment, draft: Draft, change: Callable[[Draft], None], stranger: bool, ask: Callable[[], None]
) -> list[ft.Control]:
    """The customer, somebody they named, or somebody a lead lets through."""

    def choose(name: str) -> None:
        change(replace(draft, collector=name))

    options = [Option("", job.customer or t("hand_off.customer"), t("hand_off.customer"))]
    options += [Option(person.name, person.name, t("hand_off.named")) for person in job.proxies]
    parts: list[ft.Control] = [choice(options, None if stranger else draft.collector, choose)]
    parts.append(text_field(t("hand_off.somebody"), draft.collector if stranger else "", choose))
    if stranger and not draft.lead:
        parts.append(text(t("hand_off.stranger", name=draft.collector.strip())))
        parts.append(button(t("hand_off.lead"), ask, rank="secondary"))
    return parts


def _name(job: Fulfilment | None, number: int) -> str:
    line = job.line(number) if job else None
    item = engine().lookup.item(line.sku) if line else None
    return item.name if item else (line.sku if line else "")


def _line(
    job: Fulfilment,
    number: int,
    draft: Draft,
    change: Callable[[Draft], None],
    refuse: Callable[[int], None],
) -> ft.Control:
    """One line of the bag: how many of it leave, and what goes back."""
    line, name = job.line(number), _name(job, number)
    held, back = (line.held if line else 0), draft.back(number)
    rows: list[ft.Control] = [text(name, Type.STRONG)]
    if line is not None and (ordered := engine().work.step_of(job, line).instead_of):
        rows.append(muted(t("instead.of", name=ordered.name)))
    if held > back:
        rows.append(
            stepper(
                draft.leaves(number, held),
                lambda units: change(replace(draft, given={**draft.given, number: units})),
                name,
                most=held - back,
            )
        )

    def take_after_all() -> None:
        change(replace(draft, refused={n: what for n, what in draft.refused.items() if n != number}))

    if back:
        reason = t(f"refusal.{draft.refused[number][1]}")
        rows.append(ft.Row([status_chip(t("hand_off.goes_back", count=back, reason=reason), Tone.WARN)], wrap=True))
        rows.append(button(t("hand_off.after_all", name=name), take_after_all, rank="quiet"))
    else:
        rows.append(button(t("hand_off.refuse_line", name=name), lambda: refuse(number), rank="quiet"))
    return keyed(f"line-{number}", card(ft.Column(rows, spacing=Space.S)))


@component
def refusal(held: int, name: str, done: Callable[[int, str], None]) -> ft.Control:
    """How many units the customer does not take, and why."""
    units, count = ft.use_state(held)
    reasons = [Option(each, t(f"refusal.{each}"), t(f"refusal.{each}.effect")) for each in REFUSAL_REASONS]
    parts: list[ft.Control] = [choice(reasons, None, lambda reason: done(units, reason))]
    if held > 1:
        parts.insert(0, stepper(units, count, name, least=1, most=held))
    return ft.Column(parts, spacing=Space.M, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


def _summary(job: Fulfilment, draft: Draft) -> str:
    """What leaves, what goes back, and what stays, in one sentence."""
    held = [(x.line, x.held) for x in job.lines if x.held]
    leaves = sum(draft.leaves(number, units) for number, units in held)
    back = sum(draft.back(number) for number, _ in held)
    stays = sum(units for _, units in held) - leaves - back
    words = [t("hand_off.leaves", count=leaves)]
    words += [t("hand_off.back", count=back)] if back else []
    words += [t("hand_off.stays", count=stays, place=job.staging or t("hand_off.no_place"))] if stays else []
    return " ".join(words)
