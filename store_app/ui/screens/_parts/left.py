"""Who took it: what was left at a job's hand-overs, asked of the server by whoever may see it.

Personal data: nothing is fetched before somebody presses the button, and the server writes down who looked.
"""

from dataclasses import dataclass
from uuid import UUID

import flet as ft

from shared.orders import TimelineEntry
from shared.proofs import ProofView
from store_app.ui.component import component
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.photo_sheet import photo_picture
from store_app.ui.components.sheet import sheet
from store_app.ui.components.sign_pad import signature_picture
from store_app.ui.components.text import muted, text
from store_app.ui.format import moment
from store_app.ui.notices import engine
from store_app.ui.online import as_person, use_asked, waiting
from store_app.ui.texts import t
from store_app.ui.theme import Space, Type

MAY_SEE = ("lead", "manager", "agent", "admin")
WIDTH = 280


@dataclass(frozen=True)
class Left:
    """One hand-over, and the photo if it has come."""

    proof: ProofView
    picture: bytes | None


def was_left(entries: list[TimelineEntry]) -> bool:
    """Whether the order's story says that a signature or a photo was left."""
    return any(entry.values.get("signed") or entry.values.get("photo") for entry in entries)


@component
def left_button(jobs: tuple[UUID, ...]) -> ft.Control:
    """For those who may; nobody else sees that there is something to press."""
    opened, open_ = ft.use_state(False)
    ft.use_dialog(sheet(t("proofs.title"), [_shown(jobs)], lambda: open_(False)) if opened else None)
    if not engine().session.can(*MAY_SEE):
        return ft.Container(height=0)
    press = button(t("order.proofs"), lambda: open_(True), rank="secondary", icon=ft.Icons.DRAW_ROUNDED)
    return ft.Column(
        [press, muted(t("order.proofs_detail"))],
        spacing=Space.XS,
        horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
    )


@component
def _shown(jobs: tuple[UUID, ...]) -> ft.Control:
    asked = use_asked(lambda: as_person(lambda: _ask(jobs)), str(jobs))
    if asked.value is None:
        return waiting(asked)
    parts: list[ft.Control] = [_card(left) for left in asked.value] or [muted(t("proofs.none"))]
    return ft.Column(parts, spacing=Space.M, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


async def _ask(jobs: tuple[UUID, ...]) -> list[Left]:
    """Of all jobs of the order, in the order of the hand-overs."""
    client = engine().client
    found = []
    for job in jobs:
        for proof in await client.proofs(job):
            come = proof.photo is not None and proof.photo.arrived_at is not None
            found.append(Left(proof, await client.photo(job, proof.photo.sha256) if come and proof.photo else None))
    return sorted(found, key=lambda left: left.proof.at)


def _card(left: Left) -> ft.Control:
    proof, zone, now = left.proof, engine().lookup.node.time_zone, engine().clock.now()
    who = t("proofs.collector", name=proof.collector) if proof.collector else t("proofs.customer")
    by = t("proofs.by", proof=t(f"proof.{proof.method}"), name=proof.by, when=moment(proof.at, zone, now))
    parts: list[ft.Control] = [text(who, Type.STRONG), muted(by)]
    if proof.signature:
        parts.append(signature_picture(proof.signature, WIDTH))
    if left.picture:
        parts.append(photo_picture(left.picture, WIDTH * 0.75))
    elif proof.photo:
        parts.append(muted(t("proofs.photo_waits")))
    return card(ft.Column(parts, spacing=Space.S, horizontal_alignment=ft.CrossAxisAlignment.STRETCH))
