"""Hand over: is it the right person, is it the right bag, what do they take. All of it works without a network."""

import asyncio
from collections.abc import Callable

import flet as ft

from shared.fulfilment import Fulfilment, State
from shared.reasons import REFUSAL_REASONS
from shared.sync import PersonDoc
from store_app.ui.component import component, keyed
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.choice import Option, choice
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.field import field
from store_app.ui.components.frame import frame
from store_app.ui.components.pin_pad import pin_pad
from store_app.ui.components.section import section
from store_app.ui.components.sheet import sheet
from store_app.ui.components.status_chip import status_chip
from store_app.ui.components.stepper import stepper
from store_app.ui.components.text import muted, text
from store_app.ui.hooks import go, use_app, use_feedback, use_now, use_query, use_scan
from store_app.ui.notices import engine, tell
from store_app.ui.scans import Scan
from store_app.ui.screens.anywhere import follow
from store_app.ui.screens.sign_in import PIN_DIGITS
from store_app.ui.texts import t
from store_app.ui.theme import Space, Tone, Type


@component
def hand_off_screen() -> ft.Control:
    """The bag of one job: where it stands, how the right to collect is shown, and the moment it leaves."""
    job_id = ft.use_route_params()["job"]
    app, feedback = use_app(), use_feedback()
    use_now(20)
    job = use_query(lambda: engine().work.job(job_id))
    shown = use_query(lambda: engine().work.proved(job_id))
    code, set_code = ft.use_state("")
    collector, set_collector = ft.use_state("")
    aged, set_aged = ft.use_state(False)
    lead, set_lead = ft.use_state("")
    asking, ask_lead = ft.use_state(False)
    wrong_pin, set_wrong_pin = ft.use_state(0)
    nothing: dict[int, int] = {}
    given, set_given = ft.use_state(nothing)
    refusing, set_refusing = ft.use_state(0)
    none_refused: dict[int, str] = {}
    refused, set_refused = ft.use_state(none_refused)

    def prove(raw: str) -> None:
        async def check() -> None:
            found = await asyncio.to_thread(engine().work.check_code, raw)
            tell(feedback, found)
            if found.job is not None and str(found.job.id) != job_id:
                go(f"/hand-off/{found.job.id}")

        app.page.run_task(check)

    def scanned(scan: Scan) -> None:
        follow(engine().work.scan(None, scan.text, symbology=scan.symbology or None), scan)

    def allow(person: str, pin: str) -> None:
        async def check() -> None:
            result = await asyncio.to_thread(engine().session.check_lead, person, pin)
            tell(feedback, result)
            if result.ok:
                set_lead(person)
                ask_lead(False)
            else:
                set_wrong_pin(wrong_pin + 1)

        app.page.run_task(check)

    use_scan(scanned)
    leads = [p for p in engine().lookup.people() if {"lead", "manager"} & set(p.roles) and p.pin_verifier]
    pad = keyed(f"lead-{wrong_pin}", lead_pad(leads, allow))
    ft.use_dialog(sheet(t("hand_off.lead"), [pad], lambda: ask_lead(False)) if asking else None)

    def refuse(reason: str) -> None:
        set_refused({**refused, refusing: reason})
        set_refusing(0)

    reasons = [Option(each, t(f"refusal.{each}")) for each in REFUSAL_REASONS]
    ft.use_dialog(
        sheet(t("hand_off.refuse"), [choice(reasons, None, refuse)], lambda: set_refusing(0)) if refusing else None
    )
    if job is None:
        return frame(t("hand_off.title"), [empty_state(t("job.gone"), t("job.gone_detail"))], back="/")
    if job.state is State.HANDED_OFF:
        return frame(t("hand_off.title"), [empty_state(t("hand_off.done"), t("hand_off.done_detail"))], back="/")

    def hand_over() -> None:
        lines = tuple((n, units) for n, units in _units(job, given, refused).items())
        back = tuple((x.line, x.held, refused[x.line]) for x in job.lines if x.line in refused and x.held)
        proxy = bool(collector.strip())
        result = engine().work.hand_off(
            job.id,
            proof=shown or "lead_override",
            lines=lines,
            refused_units=back,
            collector=collector.strip() or None,
            proxy=proxy,
            age_checked=aged,
            lead=lead or None,
        )
        tell(feedback, result)
        if result.ok:
            go("/")

    identity = _identity(shown, lead, code, set_code, prove, lambda: ask_lead(True))
    parts: list[ft.Control] = [_bag(job), section(t("hand_off.identity"), identity)]
    if job.age_check:
        parts.append(_age(job.age_check, aged, set_aged))
    parts.append(section(t("hand_off.who"), _who(job, collector, set_collector)))
    lines = [
        _refused_line(job, x.line, refused) if x.line in refused else _line(job, x.line, given, set_given, set_refusing)
        for x in job.lines
        if x.held
    ]
    parts.append(section(t("hand_off.items"), lines))
    if job.method == "curbside" and job.state is State.ARRIVED:
        parts.append(button(t("curbside.not_there"), lambda: tell(feedback, engine().work.leave(job.id)), rank="quiet"))
    ready = bool(shown or lead) and (aged or not job.age_check)
    action = button(t("hand_off.go"), hand_over, disabled=not ready, icon=ft.Icons.HANDSHAKE_ROUNDED)
    return frame(t("hand_off.of", number=job.number), parts, back="/", action=action)


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
    lead: str,
    code: str,
    set_code: Callable[[str], None],
    prove: Callable[[str], None],
    ask: Callable[[], None],
) -> list[ft.Control]:
    """Pass, code, or a lead's word."""
    if shown or lead:
        return [status_chip(t(f"proof.{shown or 'lead_override'}"), Tone.OK)]
    return [
        text(t("hand_off.scan_pass")),
        field(t("hand_off.code"), code, set_code, on_submit=prove, icon=ft.Icons.PIN_ROUNDED),
        button(t("hand_off.check_code"), lambda: prove(code), rank="secondary", disabled=not code.strip()),
        button(t("hand_off.lead"), ask, rank="quiet"),
    ]


def _age(years: int, checked: bool, check: Callable[[bool], None]) -> ft.Control:
    label = t("hand_off.age_checked" if checked else "hand_off.check_age", years=years)
    return button(
        label, lambda: check(not checked), rank="quiet" if checked else "secondary", icon=ft.Icons.BADGE_ROUNDED
    )


def _who(job: Fulfilment, collector: str, choose: Callable[[str], None]) -> list[ft.Control]:
    """The customer, or somebody they named."""
    options = [Option("", job.customer or t("hand_off.customer"), t("hand_off.customer"))]
    options += [Option(person.name, person.name, t("hand_off.named")) for person in job.proxies]
    return [choice(options, collector, choose)]


def _name(job: Fulfilment, number: int) -> str:
    line = job.line(number)
    item = engine().lookup.item(line.sku) if line else None
    return item.name if item else (line.sku if line else "")


def _refused_line(job: Fulfilment, number: int, refused: dict[int, str]) -> ft.Control:
    words = [text(_name(job, number), Type.STRONG), status_chip(t(f"refusal.{refused[number]}"), Tone.WARN)]
    return keyed(f"line-{number}", card(ft.Column(words)))


def _line(
    job: Fulfilment,
    number: int,
    given: dict[int, int],
    set_given: Callable[[dict[int, int]], None],
    refuse: Callable[[int], None],
) -> ft.Control:
    """One line of the bag: how many of it leave."""
    line, name = job.line(number), _name(job, number)
    held = line.held if line else 0
    count = stepper(given.get(number, held), lambda units: set_given({**given, number: units}), name, most=held)
    no = button(t("hand_off.refuse_line", name=name), lambda: refuse(number), rank="quiet")
    rows: list[ft.Control] = [text(name, Type.STRONG), ft.Row([count, no], wrap=True)]
    return keyed(f"line-{number}", card(ft.Column(rows, spacing=Space.XS)))


def _units(job: Fulfilment, given: dict[int, int], refused: dict[int, str]) -> dict[int, int]:
    """Line -> units that leave."""
    units = {x.line: given.get(x.line, x.held) for x in job.lines if x.held and x.line not in refused}
    return {number: count for number, count in units.items() if count}


@component
def lead_pad(leads: list[PersonDoc], allow: Callable[[str, str], None]) -> ft.Control:
    """Which lead, and their PIN, for this one hand-off."""
    chosen, choose = ft.use_state("")
    if chosen:
        return pin_pad(lambda pin: allow(chosen, pin), PIN_DIGITS)
    return choice([Option(person.id, person.name) for person in leads], None, choose)
