"""Who is there: enrol the device once, then badge or PIN. Works without a network once enrolled."""

import asyncio
from collections.abc import Callable

import flet as ft

from shared.barcodes import split_enrolment
from shared.sync import PersonDoc
from store_app.engine.results import Result
from store_app.ui.component import component, keyed
from store_app.ui.components.banner import banner
from store_app.ui.components.brand import brand_mark
from store_app.ui.components.buttons import button
from store_app.ui.components.choice import Option, choice
from store_app.ui.components.field import field, search_field
from store_app.ui.components.frame import frame
from store_app.ui.components.pin_pad import pin_pad
from store_app.ui.components.text import muted, text
from store_app.ui.context import App, current_app
from store_app.ui.format import moment
from store_app.ui.hooks import go, use_app, use_feedback, use_query, use_scan, use_state_of
from store_app.ui.notices import advice, engine, sentence, tell
from store_app.ui.scans import Scan
from store_app.ui.screens._parts.mended import mended_words
from store_app.ui.texts import t
from store_app.ui.theme import Space, Tone, Type

PIN_DIGITS = 6
MANY = 8
"""From so many people on, the list has a search."""


def _alone(title: str, detail: str, parts: list[ft.Control], action: ft.Control | None = None) -> ft.Control:
    """Nothing leads elsewhere from here; the words stand in the middle of a tablet."""
    head: list[ft.Control] = [
        ft.Container(ft.Row([brand_mark(56)]), padding=ft.Padding.only(top=Space.XL)),
        text(title, Type.DISPLAY, heading=True),
        *([muted(detail)] if detail else []),
    ]
    column = ft.Column([*head, *parts], spacing=Space.L, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
    return frame(title, [column], alone=True, action=action)


@component
def enrol() -> ft.Control:
    """The first thing on a new device: the code a manager shows, scanned or typed; where nobody has told the app yet
    where the server is, the code does, or it is typed as well."""
    app, feedback = use_app(), use_feedback()
    code, set_code = ft.use_state("")
    server, set_server = ft.use_state(app.address.url if app.address else "")
    name, set_name = ft.use_state(t("enrol.device_name"))
    busy, set_busy = ft.use_state(False)
    problem, set_problem = ft.use_state("")

    async def send(value: str) -> None:
        if not value.strip() or busy:
            return
        if app.address is not None:
            try:
                app.address.move(split_enrolment(value)[1] or server)
            except ValueError:
                set_problem(t("enrol.which_server"))
                return
            set_server(app.address.url)
        set_busy(True)
        set_problem("")
        result = await engine().enrol(value, name.strip() or t("enrol.device_name"))
        set_busy(False)
        if result.ok:
            tell(feedback, result)
        else:
            set_problem(_said(result))

    def submit(value: str) -> None:
        app.page.run_task(send, value)

    def scanned(scan: Scan) -> None:
        set_code(split_enrolment(scan.text)[0])
        app.page.run_task(send, scan.text)

    use_scan(scanned)
    parts: list[ft.Control] = [
        *_shut_out(),
        *_keys_gone(),
        field(t("enrol.code"), code, set_code, on_submit=submit, icon=ft.Icons.QR_CODE_2_ROUNDED),
        *([banner(Tone.BAD, problem)] if problem else []),
        *([field(t("enrol.server"), server, set_server, icon=ft.Icons.DNS_ROUNDED)] if app.address else []),
        field(t("enrol.name"), name, set_name, icon=ft.Icons.TABLET_ANDROID_ROUNDED),
        muted(t("enrol.help")),
        _camera(app),
    ]
    action = button(
        t("enrol.busy") if busy else t("enrol.go"),
        lambda: submit(code),
        disabled=busy or not code.strip(),
        icon=ft.Icons.LOGIN_ROUNDED,
    )
    return _alone(t("enrol.title"), t("enrol.detail"), parts, action)


def _shut_out() -> list[ft.Control]:
    """What became of a device that was revoked: said until it belongs to a store again."""
    gone = use_query(lambda: engine().shut_out)
    if gone is None:
        return []
    when = moment(gone.at, engine().lookup.node.time_zone, engine().clock.now())
    detail = [t("enrol.shut_out_detail", when=when), *([t("enrol.given", count=gone.given)] if gone.given else [])]
    return [banner(Tone.BAD, t("enrol.shut_out"), " ".join(detail))]


def _keys_gone() -> list[ft.Control]:
    """Work that was never sent and cannot be any more: said before it is let go."""
    orphans = use_query(lambda: engine().orphans)
    return [banner(Tone.BAD, t("enrol.keys_gone"), t("enrol.orphans", count=orphans))] if orphans else []


@component
def sign_in() -> ft.Control:
    """Badge scan, or a name and its PIN: for a device nobody is signed in on, or that has locked itself."""
    store = use_state_of(lambda state: state.node_name)
    shut_out = use_state_of(lambda state: state.sync.shut_out)
    locked = use_query(lambda: engine().session.locked)
    shut = use_query(lambda: engine().session.shut)
    if shut:
        again = button(t("sign_in.try"), engine().syncer.poke, icon=ft.Icons.SYNC_ROUNDED)
        return _alone(store, "", [banner(Tone.WARN, t("sign_in.shut"), t("sign_in.shut_detail"))], again)
    detail = t("sign_in.locked") if locked else t("sign_in.detail")
    refused = [banner(Tone.BAD, t("sign_in.shut_out"), t("sign_in.shut_out_detail"))] if shut_out else []
    return _alone(store, detail, [*refused, *_mended(), who_form(_home, locked.id if locked else "")])


def _mended() -> list[ft.Control]:
    """Nobody can sign in on a device that was damaged before it has loaded everything anew: that is said."""
    mended = use_query(lambda: engine().mended)
    return [banner(Tone.WARN, t("mended.title"), " ".join(mended_words(mended)))] if mended else []


@component
def switch_screen() -> ft.Control:
    """Somebody else takes the device: whatever waits in the queue keeps its own person."""
    name = use_state_of(lambda state: state.person)

    def leave() -> None:
        go("/")
        engine().session.sign_out()

    parts: list[ft.Control] = [muted(t("sign_in.now", name=name or "")), who_form(lambda: go("/"))]
    action = button(t("sign_in.lock"), leave, rank="secondary", icon=ft.Icons.LOCK_ROUNDED)
    return frame(t("sign_in.switch"), parts, here="more", back="/", action=action)


def _home() -> None:
    """Go on where the device was when it locked; the switch screen itself is not such a place."""
    if ft.context.page.route.startswith("/sign-in"):
        go("/")


@component
def who_form(entered: Callable[[], None], first: str = "") -> ft.Control:
    """Choose a name and type its PIN, or scan a badge at any moment. Calls `entered` when somebody is in."""
    app, feedback = use_app(), use_feedback()
    here = engine().session.actor
    people = use_query(lambda: [p for p in engine().lookup.people() if p.pin_verifier and p.id != here])
    chosen, choose = ft.use_state(first)
    problem, set_problem = ft.use_state("")
    attempt, set_attempt = ft.use_state(0)
    words, search = ft.use_state("")

    def badge(scan: Scan) -> None:
        result = engine().session.sign_in_badge(scan.text)
        tell(feedback, result)
        if result.ok:
            entered()
            app.page.run_task(engine().online_session)

    async def check(pin: str) -> None:
        result = await asyncio.to_thread(engine().session.sign_in_pin, chosen, pin)
        if result.ok:
            tell(feedback, result)
            entered()
            await engine().online_session()
        else:
            set_problem(_said(result))
            set_attempt(attempt + 1)

    def try_pin(pin: str) -> None:
        app.page.run_task(check, pin)

    def pick(person: str) -> None:
        set_problem("")
        choose(person)

    use_scan(badge)
    person = next((p for p in people if p.id == chosen), None)
    if person is None:
        return _people(people, words, search, pick, alone=here is None)
    pad = keyed(f"pin-{person.id}-{attempt}", pin_pad(try_pin, PIN_DIGITS, problem or None))
    back = button(t("sign_in.other"), lambda: pick(""), rank="secondary")
    head: list[ft.Control] = [text(t("sign_in.hello", name=person.name), Type.TITLE), muted(t("sign_in.pin"))]
    stretch = ft.CrossAxisAlignment.STRETCH
    return ft.Column([*head, pad, back], spacing=Space.M, tight=True, horizontal_alignment=stretch)


def _people(
    people: list[PersonDoc], words: str, search: Callable[[str], None], pick: Callable[[str], None], alone: bool
) -> ft.Control:
    if not people:
        return muted(t("sign_in.nobody"))
    wanted = words.casefold().strip()
    options = [
        Option(p.id, p.name, ", ".join(t(f"role.{r}") for r in p.roles), ft.Icons.PERSON_ROUNDED)
        for p in people
        if wanted in p.name.casefold()
    ]
    parts: list[ft.Control] = [search_field(t("sign_in.search"), words, search)] if len(people) >= MANY else []
    parts += [choice(options, None, pick), *([_camera(current_app())] if alone else [])]
    return ft.Column(parts, spacing=Space.M, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


def _camera(app: App) -> ft.Control:
    """For a device without a scanner."""
    return button(
        t("scan.open"), lambda: app.camera.flip(True), rank="secondary", icon=ft.Icons.QR_CODE_SCANNER_ROUNDED
    )


def _said(result: Result) -> str:
    """What went wrong and what to do, in one breath."""
    return " ".join(filter(None, (f"{sentence(result.notice)}.", advice(result.notice))))
