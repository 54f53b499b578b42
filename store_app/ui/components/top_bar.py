"""The head of a screen: its title, the store, who is signed in, and the sync pill."""

import flet as ft

from store_app.ui.component import component
from store_app.ui.components.buttons import icon_button
from store_app.ui.components.pressable import pressable
from store_app.ui.components.sync_pill import sync_pill
from store_app.ui.components.text import muted, text
from store_app.ui.hooks import opener, use_state_of, use_wide
from store_app.ui.state import SyncState
from store_app.ui.texts import t
from store_app.ui.theme import Color, Radius, Space, Type


@component
def top_bar(title: str, back: str | None = None) -> ft.Control:
    """On a phone the store stands over the title; on a tablet all share one line. `back` is a route."""
    name = use_state_of(lambda state: state.node_name)
    quiet = use_state_of(lambda state: state.sync == SyncState())
    wide = use_wide()
    heading = text(title, Type.TITLE, lines=1, heading=True, expand=True)
    lead = [icon_button(ft.Icons.ARROW_BACK_ROUNDED, t("nav.back"), opener(back))] if back else []
    if wide:
        store = muted(name, Type.LABEL, lines=1)
        row = ft.Row([*lead, heading, store, sync_pill(), person_button()], spacing=Space.M)
        return ft.Container(row, padding=ft.Padding(left=Space.L, top=Space.M, right=Space.L, bottom=Space.S))
    above = ft.Row([_place(name, quiet), person_button()], spacing=Space.XS)
    below = ft.Row([*lead, heading], spacing=Space.XS)
    rows: list[ft.Control] = [
        ft.Container(above, padding=ft.Padding.symmetric(horizontal=Space.L)),
        ft.Container(below, padding=ft.Padding.symmetric(horizontal=Space.XS if back else Space.L)),
    ]
    return ft.Container(ft.Column(rows, spacing=0, tight=True), padding=ft.Padding(top=Space.XS, bottom=Space.S))


def _place(name: str, quiet: bool) -> ft.Control:
    """The store and how its network is; news about the network needs the whole line of a phone."""
    if quiet:
        return ft.Row([muted(name, Type.LABEL, lines=1, expand=True), sync_pill()], expand=True, spacing=Space.S)
    return ft.Row([sync_pill()], expand=True, alignment=ft.MainAxisAlignment.END)


@component
def person_button() -> ft.Control:
    """Who is signed in; a tap lets somebody else sign in."""
    person = use_state_of(lambda state: state.person)
    face = (
        text(initials(person), Type.LABEL, Color.ON_PRIMARY_SOFT, lines=1)
        if person
        else ft.Icon(ft.Icons.PERSON_OUTLINE_ROUNDED, size=24, color=Color.ON_PRIMARY_SOFT)
    )
    circle = ft.Container(
        face,
        padding=10 if person else Space.S,
        border_radius=Radius.CHIP,
        bgcolor=Color.PRIMARY_SOFT,
        alignment=ft.Alignment.CENTER,
    )
    return pressable(
        circle,
        t("person.signed_in", name=person) if person else t("person.nobody"),
        opener("/sign-in"),
        radius=Radius.CHIP,
        padding=Space.XS,
        alignment=ft.Alignment.CENTER,
    )


def initials(name: str) -> str:
    """Marie Laurent -> ML; one letter for one name."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words[:1])).upper()
