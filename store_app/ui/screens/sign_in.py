"""Who is there: enrol the device once, then badge or PIN. Works without a network once enrolled."""

import flet as ft

from shared.sync import PersonDoc
from store_app.ui.component import component, keyed
from store_app.ui.components.brand import brand_mark
from store_app.ui.components.buttons import button
from store_app.ui.components.choice import Option, choice
from store_app.ui.components.field import field
from store_app.ui.components.frame import frame
from store_app.ui.components.pin_pad import pin_pad
from store_app.ui.components.text import muted, text
from store_app.ui.hooks import use_app, use_feedback, use_query, use_scan
from store_app.ui.notices import engine, sentence, tell
from store_app.ui.scans import Scan
from store_app.ui.texts import t
from store_app.ui.theme import Space, Type

PIN_DIGITS = 6


def _alone(title: str, detail: str, parts: list[ft.Control], action: ft.Control | None = None) -> ft.Control:
    head: list[ft.Control] = [
        ft.Container(ft.Row([brand_mark(56)]), padding=ft.Padding.only(top=Space.XXL)),
        text(title, Type.DISPLAY, heading=True),
        muted(detail),
    ]
    column = ft.Column([*head, *parts], spacing=Space.L, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
    return frame(title, [column], alone=True, action=action)


@component
def enrol() -> ft.Control:
    """The first thing on a new device: the code a manager shows, scanned or typed."""
    app, feedback = use_app(), use_feedback()
    code, set_code = ft.use_state("")
    busy, set_busy = ft.use_state(False)
    problem, set_problem = ft.use_state("")

    async def send(value: str) -> None:
        if not value.strip() or busy:
            return
        set_busy(True)
        result = await engine().enrol(value, t("enrol.device_name"))
        set_busy(False)
        if result.ok:
            tell(feedback, result)
        else:
            set_problem(sentence(result.notice))

    def submit(value: str) -> None:
        app.page.run_task(send, value)

    def scanned(scan: Scan) -> None:
        app.page.run_task(send, scan.text)

    use_scan(scanned)
    parts: list[ft.Control] = [
        field(
            t("enrol.code"),
            code,
            set_code,
            on_submit=submit,
            icon=ft.Icons.QR_CODE_2_ROUNDED,
            error=problem or None,
        ),
        muted(t("enrol.help")),
    ]
    action = button(
        t("enrol.busy") if busy else t("enrol.go"),
        lambda: submit(code),
        disabled=busy,
        icon=ft.Icons.LOGIN_ROUNDED,
    )
    return _alone(t("enrol.title"), t("enrol.detail"), parts, action)


@component
def sign_in() -> ft.Control:
    """Badge scan, or a name and its PIN."""
    app, feedback = use_app(), use_feedback()
    people = use_query(lambda: [p for p in engine().lookup.people() if p.pin_verifier])
    store = use_query(lambda: engine().lookup.node.name)
    locked = engine().session.locked
    chosen, choose = ft.use_state(locked.id if locked else "")
    problem, set_problem = ft.use_state("")
    attempt, set_attempt = ft.use_state(0)

    def badge(scan: Scan) -> None:
        result = engine().session.sign_in_badge(scan.text)
        tell(feedback, result)
        if result.ok:
            app.page.run_task(_greet)

    async def _greet() -> None:
        await engine().online_session()

    def pin(typed: str) -> None:
        async def check() -> None:
            import asyncio

            result = await asyncio.to_thread(engine().session.sign_in_pin, chosen, typed)
            if result.ok:
                set_problem("")
                await engine().online_session()
            else:
                set_problem(sentence(result.notice))
                set_attempt(attempt + 1)

        app.page.run_task(check)

    use_scan(badge)
    person = next((p for p in people if p.id == chosen), None)
    if person is None:
        return _alone(store, t("sign_in.detail"), [_who(people, choose)])
    pad = keyed(f"pin-{person.id}-{attempt}", pin_pad(pin, PIN_DIGITS, problem or None))
    back = button(t("sign_in.other"), lambda: choose(""), rank="secondary")
    return _alone(t("sign_in.hello", name=person.name), t("sign_in.pin"), [pad, back])


def _who(people: list[PersonDoc], choose: object) -> ft.Control:
    if not people:
        return muted(t("sign_in.nobody"))
    options = [Option(p.id, p.name, ", ".join(t(f"role.{r}") for r in p.roles)) for p in people]
    return choice(options, None, choose)  # type: ignore[arg-type]
