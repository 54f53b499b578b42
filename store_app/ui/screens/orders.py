"""Orders: every job of this store on the device, and any order of ours when there is a network."""

import asyncio
from datetime import datetime
from typing import Any

import flet as ft

from store_app.ui.component import component, keyed
from store_app.ui.components.card import card
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.field import search_field
from store_app.ui.components.frame import frame
from store_app.ui.components.section import section
from store_app.ui.components.status_chip import status_chip
from store_app.ui.components.text import muted, text
from store_app.ui.components.timeline import Happening, timeline
from store_app.ui.format import moment
from store_app.ui.hooks import opener, use_app, use_query, use_state_of
from store_app.ui.notices import engine
from store_app.ui.screens.faces import job_cards
from store_app.ui.texts import has, t
from store_app.ui.theme import Space, Tone, Type


@component
def orders_screen() -> ft.Control:
    """Search here first, then at head office."""
    app = use_app()
    words, set_words = ft.use_state("")
    nothing: list[dict[str, Any]] = []
    elsewhere, set_elsewhere = ft.use_state(nothing)
    online = use_state_of(lambda state: state.sync.online)
    jobs = use_query(lambda: engine().lookup.search_jobs(words) if words.strip() else engine().work.jobs("done")[:30])

    async def ask(wanted: str) -> None:
        try:
            answer = await asyncio.wait_for(engine().client.get("/v1/orders", search=wanted, limit="20"), 10)
        except Exception:
            set_elsewhere([])
            return
        set_elsewhere(answer["orders"])

    def search(wanted: str) -> None:
        set_words(wanted)
        if len(wanted.strip()) >= 3:
            app.page.run_task(ask, wanted)

    header = search_field(t("orders.search"), words, search)
    parts: list[ft.Control] = []
    if jobs:
        parts.append(section(t("orders.here"), job_cards(engine(), list(jobs)[:40]), count=len(jobs)))
    if elsewhere:
        parts.append(section(t("orders.all"), [_row(order) for order in elsewhere], count=len(elsewhere)))
    elif not online:
        parts.append(muted(t("orders.offline")))
    if not jobs and not elsewhere:
        parts.append(empty_state(t("orders.nothing"), t("orders.nothing_detail")))
    return frame(t("nav.orders"), parts, here="orders", header=header)


def _row(order: dict[str, Any]) -> ft.Control:
    words: list[ft.Control] = [text(order["number"], Type.STRONG), muted(order["customer"])]
    chip = status_chip(t(f"order.status.{order['status']}"), Tone.NEUTRAL)
    row = ft.Row([ft.Column(words, expand=True, spacing=0), chip])
    return keyed(order["id"], card(row, on_click=opener(f"/orders/{order['id']}"), label=order["number"]))


@component
def order_screen() -> ft.Control:
    """One order with its lines and everything that happened to it."""
    order_id = ft.use_route_params()["order"]
    app = use_app()
    nothing: dict[str, Any] = {}
    shown, show = ft.use_state(nothing)
    failed, fail = ft.use_state(False)

    async def ask() -> None:
        try:
            order = await asyncio.wait_for(engine().client.get(f"/v1/orders/{order_id}"), 10)
            happened = await asyncio.wait_for(engine().client.get(f"/v1/orders/{order_id}/timeline"), 10)
        except Exception:
            fail(True)
            return
        show({"order": order, "entries": happened["entries"]})

    def start() -> None:
        app.page.run_task(ask)

    ft.use_effect(start, [])
    if not shown:
        words = empty_state(
            t("orders.offline" if failed else "loading"), t("orders.offline_detail" if failed else "loading")
        )
        return frame(t("nav.orders"), [words], here="orders", back="/orders")
    order = shown["order"]
    head: list[ft.Control] = [
        text(order["customer"]["name"], Type.TITLE),
        status_chip(t(f"order.status.{order['status']}"), Tone.NEUTRAL),
    ]
    lines = [
        card(ft.Row([text(str(x["quantity"]), Type.STRONG), text(x["name"] or x["sku"], expand=True)]))
        for x in order["lines"]
    ]
    zone, now = engine().lookup.node.time_zone, app.now()
    story = timeline([_happening(entry, zone, now) for entry in shown["entries"]])
    parts = [
        card(ft.Column(head, spacing=Space.S)),
        section(t("job.lines"), lines),
        section(t("orders.story"), [story]),
    ]
    return frame(order["number"], parts, here="orders", back="/orders")


def _happening(entry: dict[str, Any], zone: str, now: datetime) -> Happening:
    key = f"timeline.{entry['code']}"
    words = {"reason": "", "node": entry.get("node") or "", "units": 0, "place": "", "status": "", **entry["values"]}
    said = t(key, **words) if has(key) else entry["code"].replace(".", " ").replace("_", " ")
    detail = " · ".join(part for part in (entry.get("node"), entry.get("actor")) if part)
    return Happening(said, moment(datetime.fromisoformat(entry["at"]), zone, now), detail)
