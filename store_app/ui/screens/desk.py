"""The manager's desk: web orders on or off, who works here, the store's devices. Online only, and it says so."""

from datetime import datetime
from typing import Any

import flet as ft

from store_app.ui.component import component, keyed
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.frame import frame
from store_app.ui.components.qr import qr_picture
from store_app.ui.components.section import section
from store_app.ui.components.sheet import confirm, sheet
from store_app.ui.components.status_chip import status_chip
from store_app.ui.components.text import muted, text
from store_app.ui.format import clock, moment
from store_app.ui.hooks import opener, use_feedback, use_query
from store_app.ui.notices import engine
from store_app.ui.online import as_person, use_asked, use_doing, waiting
from store_app.ui.screens._parts.web_orders import web_orders
from store_app.ui.screens.more import DESK
from store_app.ui.texts import t
from store_app.ui.theme import Space, Tone, Type

Found = dict[str, Any]


@component
def desk_screen() -> ft.Control:
    """The switch, people and devices of this store, and the code that lets a new device in."""
    feedback, do = use_feedback(), use_doing()
    node = use_query(lambda: engine().lookup.node)
    nothing: Found = {}
    code, show_code = ft.use_state(nothing)
    revoking, revoke = ft.use_state(nothing)

    async def ask() -> Found:
        people = await as_person(lambda: engine().client.get("/v1/people", limit="200"))
        devices = await as_person(lambda: engine().client.get("/v1/devices", limit="200"))
        here = await as_person(lambda: engine().client.get(f"/v1/nodes/{node.code}"))
        return {"people": people["items"], "devices": devices["items"], "node": here}

    asked = use_asked(ask)

    def offer() -> None:
        do(lambda: engine().client.post("/v1/devices/enrolment-codes", {"node": node.code}), show_code)

    def revoked(device: Found) -> None:
        feedback.note(t("desk.revoked", name=device["name"]))
        asked.again()

    def yes() -> None:
        do(lambda: engine().client.post(f"/v1/devices/{revoking['id']}/revoke", {}), revoked)
        revoke({})

    ft.use_dialog(sheet(t("desk.code_title"), _code(code, node.time_zone), lambda: show_code({})) if code else None)
    question = t("desk.revoke_ask", name=revoking.get("name", ""))
    ft.use_dialog(
        confirm(question, t("desk.revoke_detail"), t("desk.revoke"), yes, lambda: revoke({}), tone=Tone.BAD)
        if revoking
        else None
    )
    if not engine().session.can(*DESK):
        closed = empty_state(t("desk.closed"), t("desk.closed_detail"), ft.Icons.LOCK_ROUNDED)
        return frame(t("desk.title"), [closed], here="more", back="/more")
    if asked.value is None:
        return frame(t("desk.title"), [waiting(asked)], here="more", back="/more")
    people = sorted(asked.value["people"], key=lambda person: (not person["active"], person["name"]))
    devices = sorted(asked.value["devices"], key=lambda device: (bool(device["revoked_at"]), device["name"]))
    new = button(t("desk.add"), opener("/desk/new"), rank="quiet", icon=ft.Icons.PERSON_ADD_ROUNDED)
    parts = [
        web_orders(asked.value["node"], asked.again),
        section(t("desk.people"), [_person(person) for person in people], count=len(people), trailing=new),
        section(t("desk.devices"), [_device(device, revoke) for device in devices], count=len(devices)),
    ]
    action = button(t("desk.enrol"), offer, icon=ft.Icons.QR_CODE_2_ROUNDED)
    return frame(t("desk.title"), parts, here="more", back="/more", action=action)


def _code(code: Found, zone: str) -> list[ft.Control]:
    """Big enough to be read across the counter, and to be scanned."""
    until = clock(datetime.fromisoformat(code["expires_at"]), zone)
    picture = ft.Row([qr_picture(code["label"], t("desk.code_spoken"))], alignment=ft.MainAxisAlignment.CENTER)
    big = text(code["code"], Type.HUGE, align=ft.TextAlign.CENTER)
    words: list[ft.Control] = [picture, big, muted(t("desk.code_detail", until=until))]
    return [ft.Column(words, spacing=Space.M, horizontal_alignment=ft.CrossAxisAlignment.CENTER)]


def _person(person: Found) -> ft.Control:
    """A row that leads to what can be done for them."""
    roles = ", ".join(t(f"role.{role}") for role in person["roles"])
    lacks = [t(f"desk.no_{what}") for what in ("badge", "pin") if not person[f"has_{what}"]]
    words: list[ft.Control] = [text(person["name"], Type.STRONG), muted(" · ".join([roles, *lacks]))]
    row: list[ft.Control] = [ft.Column(words, spacing=0, expand=True)]
    if not person["active"]:
        row.append(status_chip(t("desk.left"), Tone.NEUTRAL))
    elif person["locked_on"]:
        row.append(status_chip(t("desk.locked"), Tone.BAD, ft.Icons.LOCK_ROUNDED))
    spoken = f"{person['name']}, {roles}"
    return keyed(person["id"], card(ft.Row(row), on_click=opener(f"/desk/{person['id']}"), label=spoken))


def _device(device: Found, revoke: Any) -> ft.Control:
    zone, now = engine().lookup.node.time_zone, engine().clock.now()
    seen = device["last_seen_at"]
    last = moment(datetime.fromisoformat(seen), zone, now) if seen else t("more.never")
    words: list[ft.Control] = [
        text(device["name"], Type.STRONG),
        muted(t("desk.device", node=device["node"], id=device["id"][-8:].upper())),
        muted(t("desk.last_contact", when=last)),
    ]
    if device["queue_length"]:
        chip = status_chip(t("queue.waits", count=device["queue_length"]), Tone.WARN)
        words.append(ft.Row([chip]))
    if device["revoked_at"] and device["returned_at"]:
        words.append(muted(t("desk.returned", when=moment(datetime.fromisoformat(device["returned_at"]), zone, now))))
    elif device["revoked_at"]:
        words.append(ft.Row([status_chip(t("desk.unreturned"), Tone.WARN)]))
    row: list[ft.Control] = [ft.Column(words, spacing=2, expand=True)]
    if device["revoked_at"]:
        row.append(status_chip(t("desk.is_revoked"), Tone.NEUTRAL))
    elif device["id"] == engine().view.device:
        row.append(status_chip(t("desk.this_one"), Tone.INFO))
    else:
        row.append(button(t("desk.revoke"), lambda: revoke(device), rank="quiet", tone=Tone.BAD))
    return keyed(device["id"], card(ft.Row(row)))
