"""One person at the manager's desk: badge, PIN, unlock, out of the door; and the form for somebody new."""

from typing import Any

import flet as ft

from store_app.ui.component import component
from store_app.ui.components.arithmetic import key_values
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.choice import Option, choice
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.field import field
from store_app.ui.components.frame import frame
from store_app.ui.components.qr import qr_picture
from store_app.ui.components.section import section
from store_app.ui.components.sheet import confirm, sheet
from store_app.ui.components.status_chip import status_chip
from store_app.ui.components.text import muted, text
from store_app.ui.hooks import go, use_feedback
from store_app.ui.notices import engine
from store_app.ui.online import as_person, use_asked, use_doing, waiting
from store_app.ui.texts import LANGUAGES, t
from store_app.ui.theme import Space, Tone, Type

Found = dict[str, Any]
GIVEN = ("associate", "lead")
"""Roles a manager may give."""


@component
def desk_person_screen() -> ft.Control:
    """What is shown once (badge, PIN) is shown big, and gone when the sheet closes."""
    id_ = ft.use_route_params()["person"]
    feedback, do = use_feedback(), use_doing()
    nothing: Found = {}
    shown, show = ft.use_state(nothing)
    leaving, leave = ft.use_state(False)
    post, path = engine().client.post, f"/v1/people/{id_}"

    async def ask() -> Found:
        found = await as_person(lambda: engine().client.get("/v1/people", limit="200"))
        return next((person for person in found["items"] if person["id"] == id_), nothing)

    asked = use_asked(ask, id_)

    def made(what: Found) -> None:
        show(what)
        asked.again()

    def changed(person: Found) -> None:
        feedback.right(t("desk.saved", name=person["name"]))
        asked.again()

    async def save(card_pdf: bytes) -> None:
        await ft.FilePicker().save_file(file_name=f"badge-{id_[-6:]}.pdf", src_bytes=card_pdf)

    def go_away() -> None:
        leave(False)
        do(lambda: engine().client.patch(path, {"active": False}), changed)

    ft.use_dialog(sheet(t("desk.once"), _shown(shown), lambda: show({})) if shown else None)
    name = (asked.value or {}).get("name", "")
    ft.use_dialog(
        confirm(
            t("desk.leave_ask", name=name),
            t("desk.leave_detail"),
            t("desk.leave"),
            go_away,
            lambda: leave(False),
            tone=Tone.BAD,
        )
        if leaving
        else None
    )
    if asked.value is None:
        return frame(t("desk.title"), [waiting(asked)], here="more", back="/desk")
    person = asked.value
    if not person:
        return frame(
            t("desk.title"), [empty_state(t("desk.nobody"), t("desk.nobody_detail"))], here="more", back="/desk"
        )
    parts: list[ft.Control] = [_head(person)]
    if not person["active"]:
        back = button(
            t("desk.back"), lambda: do(lambda: engine().client.patch(path, {"active": True}), changed), rank="secondary"
        )
        return frame(person["name"], [*parts, back], here="more", back="/desk")
    if person["locked_on"]:
        unlock = button(t("desk.unlock"), lambda: do(lambda: post(f"{path}/unlock", {}), changed), rank="secondary")
        parts.append(unlock)
    parts += [
        button(
            t("desk.badge_print"),
            lambda: do(lambda: engine().client.fetch(f"{path}/badge.pdf"), save),
            rank="secondary",
            icon=ft.Icons.PRINT_ROUNDED,
        ),
        button(
            t("desk.badge"),
            lambda: do(lambda: post(f"{path}/badge", {}), made),
            rank="secondary",
            icon=ft.Icons.QR_CODE_2_ROUNDED,
        ),
        button(
            t("desk.pin"),
            lambda: do(lambda: post(f"{path}/pin", {}), made),
            rank="secondary",
            icon=ft.Icons.PIN_ROUNDED,
        ),
        muted(t("desk.replaces")),
    ]
    if person["id"] != engine().session.actor:
        parts.append(button(t("desk.leave"), lambda: leave(True), rank="quiet", tone=Tone.BAD))
    return frame(person["name"], parts, here="more", back="/desk")


def _head(person: Found) -> ft.Control:
    yes_no = {True: t("desk.yes"), False: t("desk.no")}
    pairs = [
        (t("desk.roles"), ", ".join(t(f"role.{role}") for role in person["roles"])),
        (t("desk.where"), ", ".join(person["nodes"])),
        (t("desk.has_badge"), yes_no[person["has_badge"]]),
        (t("desk.has_pin"), yes_no[person["has_pin"]]),
    ]
    words: list[ft.Control] = [text(person["name"], Type.TITLE), key_values(pairs)]
    if person["locked_on"]:
        locked = t("desk.locked_on", devices=", ".join(person["locked_on"]))
        words.append(ft.Row([status_chip(locked, Tone.BAD, ft.Icons.LOCK_ROUNDED)], wrap=True))
    return card(ft.Column(words, spacing=Space.S))


def _shown(what: Found) -> list[ft.Control]:
    """A new PIN in figures, or a new badge to scan or to copy by hand."""
    words: list[ft.Control]
    if "pin" in what:
        words = [text(what["pin"], Type.HUGE, align=ft.TextAlign.CENTER), muted(t("desk.pin_once"))]
    else:
        picture = ft.Row([qr_picture(what["label"], t("desk.badge_spoken"))], alignment=ft.MainAxisAlignment.CENTER)
        words = [picture, text(what["label"], Type.CODE, align=ft.TextAlign.CENTER), muted(t("desk.badge_once"))]
    return [ft.Column(words, spacing=Space.M, horizontal_alignment=ft.CrossAxisAlignment.CENTER)]


@component
def new_person_screen() -> ft.Control:
    """A name and a role; badge and PIN follow on the person's own page."""
    feedback, do = use_feedback(), use_doing()
    name, set_name = ft.use_state("")
    role, set_role = ft.use_state("associate")
    language, set_language = ft.use_state("en")

    def added(answer: Found) -> None:
        person = answer["people"][0]
        feedback.right(t("desk.saved", name=person["name"]))
        go(f"/desk/{person['id']}")

    def add() -> None:
        node = engine().lookup.node.code
        new = {"name": name.strip(), "roles": [role], "nodes": [node], "language": language}
        do(lambda: engine().client.post("/v1/people", {"people": [new]}), added)

    roles = [Option(code, t(f"role.{code}"), t(f"role.{code}.may")) for code in GIVEN]
    languages = [Option(code, t(f"language.{code}")) for code in LANGUAGES]
    parts: list[ft.Control] = [
        field(t("desk.name"), name, set_name, icon=ft.Icons.PERSON_ROUNDED),
        section(t("desk.role"), [choice(roles, role, set_role)]),
        section(t("more.language"), [choice(languages, language, set_language)]),
    ]
    action = button(t("desk.add"), add, disabled=not name.strip(), icon=ft.Icons.PERSON_ADD_ROUNDED)
    return frame(t("desk.add"), parts, here="more", back="/desk", action=action)
