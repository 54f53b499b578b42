"""Orders: what this store has of them on the device, and any order of ours when there is a network."""

from urllib.parse import parse_qs, urlsplit

import flet as ft

from shared.orders import OrderDigest
from store_app.ui.component import component, keyed
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.field import search_field
from store_app.ui.components.frame import frame
from store_app.ui.components.section import section
from store_app.ui.components.status_chip import status_chip
from store_app.ui.components.text import muted, text
from store_app.ui.format import moment, money
from store_app.ui.hooks import opener, use_app, use_query
from store_app.ui.notices import engine
from store_app.ui.online import Asked, use_asked, waiting
from store_app.ui.screens.faces import job_cards
from store_app.ui.screens.order_words import STATUS_TONES
from store_app.ui.texts import t
from store_app.ui.theme import Space, Type

ENOUGH = 3
"""Letters before head office is asked."""


@component
def orders_screen() -> ft.Control:
    """Search here first, then at head office; a scanned order number arrives as `?search=`."""
    app = use_app()
    asked_for = parse_qs(urlsplit(app.page.route or "").query).get("search", [""])[0]
    words, search = ft.use_state(asked_for)
    plain = words.strip()
    jobs = use_query(lambda: engine().lookup.search_jobs(plain) if plain else engine().work.jobs("done")[:30])

    async def ask() -> list[OrderDigest]:
        return await engine().client.orders(plain) if len(plain) >= ENOUGH else []

    everywhere = use_asked(ask, plain)
    header = search_field(t("orders.search"), words, search)
    parts: list[ft.Control] = []
    if jobs:
        title = t("orders.here" if plain else "orders.done_here")
        parts.append(section(title, job_cards(engine(), list(jobs)[:40]), count=len(jobs)))
    if len(plain) >= ENOUGH:
        parts.append(section(t("orders.all"), _everywhere(everywhere)))
    elif not jobs:
        parts.append(empty_state(t("orders.start"), t("orders.nothing_detail"), ft.Icons.SEARCH_ROUNDED))
    return frame(t("nav.orders"), parts, here="orders", header=header)


def _everywhere(asked: Asked[list[OrderDigest]]) -> list[ft.Control]:
    if asked.value is None and asked.problem:
        return [text(t("orders.offline")), button(t("error.retry"), asked.again, rank="secondary")]
    if asked.value is None:
        return [waiting(asked)]
    return [_row(order) for order in asked.value] or [muted(t("orders.nothing"))]


def _row(order: OrderDigest) -> ft.Control:
    zone, now = engine().lookup.node.time_zone, engine().clock.now()
    placed = moment(order.placed_at, zone, now)
    amount = money(order.total, order.currency)
    words: list[ft.Control] = [
        text(order.customer, Type.STRONG),
        muted(t("orders.row", number=order.number, placed=placed)),
        ft.Row([status_chip(t(f"order.status.{order.status}"), STATUS_TONES[order.status])]),
    ]
    row = ft.Row([ft.Column(words, expand=True, spacing=Space.XS), text(amount, Type.STRONG)])
    spoken = t("orders.spoken", number=order.number, customer=order.customer, status=t(f"order.status.{order.status}"))
    return keyed(str(order.id), card(row, on_click=opener(f"/orders/{order.id}"), label=spoken))
