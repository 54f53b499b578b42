"""A lead's PIN for one thing that needs it, without signing anybody out."""

import asyncio
from collections.abc import Callable

import flet as ft

from store_app.engine.session import LEADS
from store_app.ui.component import component, keyed
from store_app.ui.components.choice import Option, choice
from store_app.ui.components.pin_pad import pin_pad
from store_app.ui.components.text import muted
from store_app.ui.hooks import use_app, use_feedback
from store_app.ui.notices import engine, sentence, tell
from store_app.ui.screens.sign_in import PIN_DIGITS
from store_app.ui.texts import t
from store_app.ui.theme import Space

PROOFS = ("id_seen", "lead_override")


@component
def lead_pad(allowed: Callable[[str, str], None], with_proof: bool = False) -> ft.Control:
    """Who of the leads, and their PIN; `with_proof`: first what they have looked at. Calls `allowed(lead, proof)`."""
    app, feedback = use_app(), use_feedback()
    proof, prove = ft.use_state("" if with_proof else "lead_override")
    lead, choose = ft.use_state("")
    problem, set_problem = ft.use_state("")
    attempt, set_attempt = ft.use_state(0)

    def check(pin: str) -> None:
        async def ask() -> None:
            result = await asyncio.to_thread(engine().session.check_lead, lead, pin)
            if result.ok:
                tell(feedback, result)
                allowed(lead, proof)
                return
            set_problem(sentence(result.notice))
            set_attempt(attempt + 1)

        app.page.run_task(ask)

    leads = [p for p in engine().lookup.people() if LEADS & set(p.roles) and p.pin_verifier]
    if not leads:
        return muted(t("lead.nobody"))
    if not proof:
        options = [Option(each, t(f"lead.{each}"), t(f"lead.{each}.detail")) for each in PROOFS]
        return _step(t("lead.how"), choice(options, None, prove))
    if not lead:
        return _step(t("lead.who"), choice([Option(person.id, person.name) for person in leads], None, choose))
    return _step(t("lead.pin"), keyed(f"lead-{lead}-{attempt}", pin_pad(check, PIN_DIGITS, problem or None)))


def _step(words: str, control: ft.Control) -> ft.Control:
    return ft.Column(
        [muted(words), control], spacing=Space.M, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH
    )
