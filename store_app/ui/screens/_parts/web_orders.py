"""The store's own switch: which web orders it takes now, off for a while with a reason, and on again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import flet as ft

from shared.network import SwitchReason
from store_app.ui.component import component, keyed
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.choice import Option, choice, filters
from store_app.ui.components.section import section
from store_app.ui.components.sheet import sheet
from store_app.ui.components.status_chip import status_chip
from store_app.ui.components.text import muted, text
from store_app.ui.format import moment
from store_app.ui.notices import engine
from store_app.ui.online import use_doing
from store_app.ui.texts import t
from store_app.ui.theme import Tone, Type

HOURS = {"1": 1, "4": 4, "told": None}
"""How long it may be off; `told`: until somebody switches it on."""
ALL = "all"


@component
def web_orders(node: dict[str, Any], again: Callable[[], None]) -> ft.Control:
    """Each way of delivery with its state; one button that changes it."""
    do = use_doing()
    asking, ask = ft.use_state(False)
    what, set_what = ft.use_state(ALL)
    long, set_long = ft.use_state("1")
    why, set_why = ft.use_state(SwitchReason.BUSY.value)

    def switch(body: dict[str, Any]) -> None:
        ask(False)
        do(lambda: engine().client.post(f"/v1/nodes/{node['code']}/switch", body), lambda _: again())

    def off() -> None:
        hours = HOURS[long]
        until = (engine().clock.now() + timedelta(hours=hours)).isoformat() if hours else None
        ways = None if what == ALL else [what]
        switch({"taking_orders": False, "methods": ways, "until": until, "reason": why})

    ways = [Option(ALL, t("web.all")), *(Option(way, t(f"delivery.{way}")) for way in node["capabilities"])]
    times = [Option(code, t("web.hours", count=hours) if hours else t("web.told")) for code, hours in HOURS.items()]
    reasons = [Option(reason.value, t(f"switch.{reason.value}")) for reason in SwitchReason]
    body: list[ft.Control] = [
        filters(ways, what, set_what),
        filters(times, long, set_long),
        choice(reasons, why, set_why),
    ]
    action = button(t("web.stop"), off, tone=Tone.BAD, expand=True)
    ft.use_dialog(sheet(t("web.ask"), body, lambda: ask(False), action) if asking else None)
    stopped = {each["method"]: each for each in node["switched_off"]}
    change = (
        button(t("web.on"), lambda: switch({"taking_orders": True}), rank="quiet")
        if stopped
        else button(t("web.off"), lambda: ask(True), rank="quiet", tone=Tone.BAD)
    )
    rows = [_way(way, stopped.get(way)) for way in node["capabilities"]]
    return section(t("web.title"), rows, trailing=change)


def _way(way: str, off: dict[str, Any] | None) -> ft.Control:
    words: list[ft.Control] = [text(t(f"delivery.{way}"), Type.STRONG)]
    if off:
        why = " · ".join(part for part in (t(f"switch.{off['reason']}"), off["note"], off["by"]) if part)
        words.append(muted(why))
    chip = status_chip(_until(off), Tone.WARN) if off else status_chip(t("web.is_on"), Tone.OK)
    return keyed(way, card(ft.Row([ft.Column(words, spacing=2, expand=True), chip])))


def _until(off: dict[str, Any]) -> str:
    if off["until"] is None:
        return t("web.is_off")
    zone, now = engine().lookup.node.time_zone, engine().clock.now()
    return t("web.off_until", when=moment(datetime.fromisoformat(off["until"]), zone, now))
