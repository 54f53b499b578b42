"""One order: its lines with where every unit is, its money, who works on it, why there, and all that happened."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import flet as ft

from shared.fulfilment import Fulfilment, WhyCard
from shared.orders import JobView, LineView, MoneyView, OrderView, TimelineEntry, UnitState
from store_app.ui.component import component, keyed
from store_app.ui.components.arithmetic import key_values
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.frame import frame
from store_app.ui.components.loading import loading
from store_app.ui.components.section import section
from store_app.ui.components.status_chip import status_chip
from store_app.ui.components.text import muted, text
from store_app.ui.components.timeline import timeline
from store_app.ui.format import moment, money
from store_app.ui.hooks import opener, use_query
from store_app.ui.notices import engine
from store_app.ui.online import Asked, use_asked, waiting
from store_app.ui.screens._parts.left import left_button, was_left
from store_app.ui.screens.faces import job_cards
from store_app.ui.screens.order_words import STATUS_TONES, happening
from store_app.ui.texts import has, t
from store_app.ui.theme import Space, Tone, Type

UNIT_TONES = {
    UnitState.HELD: Tone.WARN,
    UnitState.ROUTING: Tone.INFO,
    UnitState.BACKORDERED: Tone.WARN,
    UnitState.ALLOCATED: Tone.INFO,
    UnitState.FULFILLED: Tone.OK,
    UnitState.CANCELLED: Tone.BAD,
    UnitState.REPLACED: Tone.NEUTRAL,
}
AMOUNTS = ("authorised", "captured", "refunded", "released")


@dataclass(frozen=True)
class Story:
    """An order as head office knows it."""

    order: OrderView
    entries: list[TimelineEntry]


@component
def order_screen() -> ft.Control:
    """From head office when it answers; without a network what this store has of the order, and said so."""
    order_id = ft.use_route_params()["order"]
    id_ = UUID(order_id)

    async def ask() -> Story:
        return Story(await engine().client.order(id_), await engine().client.timeline(id_))

    asked = use_asked(ask, order_id)
    why = use_asked(lambda: engine().client.get(f"/v1/orders/{order_id}/why"), order_id)
    here = use_query(lambda: _known(id_))
    if asked.value is None:
        return frame(t("nav.orders"), _without(asked, here), here="orders", back="/orders")
    order = asked.value.order
    zone, now = engine().lookup.node.time_zone, engine().clock.now()
    points = [happening(entry, order.money.currency, zone, now, _item_name) for entry in reversed(asked.value.entries)]
    parts = [
        _head(order),
        section(
            t("job.lines"),
            [_line(line, order.lines, order.money.currency) for line in order.lines],
            count=len(order.lines),
        ),
        section(t("order.money"), [card(_money(order.money))]),
    ]
    if order.jobs:
        parts.append(section(t("order.jobs"), [_job(job) for job in order.jobs], count=len(order.jobs)))
    parts.append(section(t("why.title"), _why(why, here)))
    left = [left_button(tuple(job.id for job in order.jobs))] if was_left(asked.value.entries) else []
    parts.append(section(t("orders.story"), [*left, card(timeline(points))]))
    return frame(order.number, parts, here="orders", back="/orders")


def _known(order: UUID) -> list[Fulfilment]:
    """This store's jobs of the order, as they stand on the device."""
    return [job for job in (*engine().work.jobs(), *engine().work.jobs("done")) if job.order_id == order]


def _without(asked: Asked[Story], here: list[Fulfilment]) -> list[ft.Control]:
    """No answer (yet): this store's own jobs of the order."""
    if not asked.problem:
        return [loading(t("loading"))]
    if not here:
        return [waiting(asked)]
    words: list[ft.Control] = [text(asked.problem), muted(t("order.only_here"))]
    words.append(button(t("error.retry"), asked.again, rank="secondary"))
    cards = [_why_card(job.why, job.number) for job in here if job.why]
    parts: list[ft.Control] = [card(ft.Column(words, spacing=Space.S))]
    parts.append(section(t("orders.here"), job_cards(engine(), here), count=len(here)))
    return parts + ([section(t("why.title"), cards)] if cards else [])


def _head(order: OrderView) -> ft.Control:
    zone, now = engine().lookup.node.time_zone, engine().clock.now()
    pairs = [
        (t("order.placed"), moment(order.placed_at, zone, now)),
        (t("job.method"), t(f"method.{order.method}")),
        (t("order.channel"), f"{order.channel} · {order.external_id}"),
    ]
    if order.node:
        pairs.append((t("order.collect_at"), order.node))
    if order.customer.phone:
        pairs.append((t("job.phone"), order.customer.phone))
    if order.customer.email:
        pairs.append((t("order.email"), order.customer.email))
    if order.ship_to:
        pairs.append((t("job.address"), ", ".join(order.ship_to.label())))
    chips: list[ft.Control] = [status_chip(t(f"order.status.{order.status}"), STATUS_TONES[order.status])]
    chips += [status_chip(hold.reason, Tone.WARN) for hold in order.holds if hold.resolved_at is None]
    words: list[ft.Control] = [text(order.customer.name, Type.TITLE), ft.Row(chips, wrap=True), key_values(pairs)]
    return card(ft.Column(words, spacing=Space.S))


def _stand_in_words(line: LineView, lines: list[LineView]) -> str:
    """What a line was replaced by, or what it stands in for."""
    ordered = next((each for each in lines if each.line == line.replaces), None)
    if ordered is not None:
        return t("instead.of", name=ordered.name or ordered.sku)
    names = [each.name or each.sku for each in lines if each.replaces == line.line]
    return t("instead.by", names=", ".join(names)) if names else ""


def _line(line: LineView, lines: list[LineView], currency: str) -> ft.Control:
    """What was ordered, and where each of its units is now."""
    top: list[ft.Control] = [
        text(t("order.times", units=line.quantity, name=line.name or line.sku), Type.STRONG, expand=True),
        text(money(line.total, currency), Type.STRONG),
    ]
    chips: list[ft.Control] = [
        status_chip(t(f"unit.{state.value}", count=count), UNIT_TONES[state])
        for state, count in line.units.items()
        if count
    ]
    rows: list[ft.Control] = [ft.Row(top, vertical_alignment=ft.CrossAxisAlignment.START), ft.Row(chips, wrap=True)]
    if note := _stand_in_words(line, lines):
        rows.insert(1, muted(note))
    return keyed(str(line.line), card(ft.Column(rows, spacing=Space.S)))


def _money(view: MoneyView) -> ft.Control:
    pairs = [(t("money.total"), money(view.total, view.currency))]
    pairs += [
        (t(f"money.{name}"), money(getattr(view, name), view.currency)) for name in AMOUNTS if getattr(view, name)
    ]
    return key_values(pairs)


def _job(job: JobView) -> ft.Control:
    """A job of the order; one of this store leads to it."""
    mine = engine().lookup.job(job.id) is not None
    words: list[ft.Control] = [
        text(job.node_name or job.node, Type.STRONG),
        muted(t("order.job", number=job.number, method=t(f"method.{job.method}"), n=t("job.units", count=job.units))),
    ]
    row = ft.Row([ft.Column(words, spacing=0, expand=True), status_chip(t(f"state.{job.state}"))])
    spoken = t("order.job_spoken", number=job.number, node=job.node_name or job.node, state=t(f"state.{job.state}"))
    return keyed(str(job.id), card(row, on_click=opener(f"/job/{job.id}") if mine else None, label=spoken))


def _why(asked: Asked[Any], here: list[Fulfilment]) -> list[ft.Control]:
    """Every decision of the router; without an answer the reasons this store was given."""
    if asked.value is not None:
        return _decisions(asked.value["lines"]) or [muted(t("why.none"))]
    cards = [_why_card(job.why, job.number) for job in here if job.why]
    if cards:
        return cards
    return [muted(t("why.none") if asked.problem else t("loading"))]


def _decisions(lines: list[dict[str, Any]]) -> list[ft.Control]:
    """One card per decision: lines that went the same way for the same reason share it."""
    cards: list[tuple[WhyCard, list[str]]] = []
    for line in lines:
        why = WhyCard.model_validate(line["why"])
        named = t(
            "why.line", units=line["quantity"], name=_item_name(line["sku"]), node=line["node"] or t("why.nobody")
        )
        same = next((names for known, names in cards if known == why), None)
        if same is None:
            cards.append((why, [named]))
        else:
            same.append(named)
    return [_why_card(why, "\n".join(names)) for why, names in cards]


def _item_name(sku: str) -> str:
    item = engine().lookup.item(sku)
    return item.name if item else sku


def _why_card(why: WhyCard, of: str) -> ft.Control:
    """The rule, the rivals with the number by which they lost, and how many were left out for what."""
    words: list[ft.Control] = [text(of, Type.STRONG), text(why.summary)]
    words += [muted(t("order.rival", name=rival.name, lost=rival.lost_by)) for rival in why.rivals]
    words += [muted(_left_out(code, count)) for code, count in sorted(why.excluded.items())]
    words.append(muted(t("why.plan", plan=why.plan)))
    return card(ft.Column(words, spacing=Space.XS))


def _left_out(code: str, count: int) -> str:
    """How many stores were not asked, and for which reason."""
    reason = t(f"why.excluded.{code}") if has(f"why.excluded.{code}") else code.replace("_", " ")
    return t("order.left_out", count=count, reason=reason)
