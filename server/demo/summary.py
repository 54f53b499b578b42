"""What a run of the demo came to: every order, unit and cent accounted for, and why each open order is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from server.demo.floor import Store
from server.kit.database import Database
from server.kit.transaction import Tx

UNEXPLAINED_SHARE = 0.02
"""More orders than this that are not final make the run fail."""

_UNITS = (
    "SELECT coalesce(sum(quantity), 0)::bigint AS ordered, count(*) AS lines,"
    " coalesce(sum(fulfilled), 0)::bigint AS fulfilled, coalesce(sum(cancelled), 0)::bigint AS cancelled,"
    " coalesce(sum(replaced), 0)::bigint AS substituted,"
    " coalesce(sum(held + routing + backordered + allocated), 0)::bigint AS left FROM order_line"
)
_JOB_UNITS = (
    "SELECT"
    " coalesce(sum((SELECT sum(v::bigint) FROM jsonb_each_text(l->'picked_by') AS p(k, v))), 0)::bigint AS picked,"
    " coalesce(sum((SELECT sum(v::bigint) FROM jsonb_each_text(l->'short_by') AS s(k, v))), 0)::bigint AS short,"
    " coalesce(sum((l->>'put_back')::bigint), 0)::bigint AS \"put back\","
    " coalesce(sum((l->>'handed_over')::bigint), 0)::bigint AS \"handed over or shipped\""
    " FROM fulfilment f, jsonb_array_elements(f.doc->'lines') AS l"
)
_JOBS = (
    "SELECT count(*) FILTER (WHERE state = 'handed_off') AS \"handed off\","
    " count(*) FILTER (WHERE state IN ('shipped', 'delivered')) AS shipped,"
    " count(*) FILTER (WHERE state = 'delivered') AS delivered, count(*) FILTER (WHERE state = 'expired') AS expired,"
    " count(*) FILTER (WHERE state = 'rejected') AS rejected, count(*) FILTER (WHERE state = 'short') AS short,"
    " count(*) FILTER (WHERE state = 'cancelled') AS cancelled, count(DISTINCT node) AS nodes FROM fulfilment"
)
_MONEY = (
    "SELECT coalesce(sum(total), 0)::bigint AS ordered, coalesce(sum(authorised), 0)::bigint AS authorised,"
    " coalesce(sum(captured), 0)::bigint AS captured, coalesce(sum(released), 0)::bigint AS released,"
    " coalesce(sum(refunded), 0)::bigint AS refunded FROM customer_order"
)
_SPLIT = "SELECT count(*) FROM (SELECT 1 FROM fulfilment GROUP BY order_id HAVING count(DISTINCT node) > 1) s"
_REROUTED = "SELECT coalesce(sum((body->>'units')::bigint), 0)::bigint FROM event WHERE kind = 'UnitsUnrouted'"
_BROKEN = "SELECT coalesce(sum((body->>'units')::bigint), 0)::bigint FROM event WHERE kind = 'PromiseBroken'"
_OPEN = (
    "SELECT o.number, o.status, CASE"
    " WHEN EXISTS (SELECT 1 FROM order_hold h WHERE h.order_id = o.id AND h.resolved_at IS NULL)"
    "  THEN 'on hold: ' || (SELECT min(h.reason) FROM order_hold h WHERE h.order_id = o.id AND h.resolved_at IS NULL)"
    " WHEN EXISTS (SELECT 1 FROM order_line l WHERE l.order_id = o.id AND l.backordered > 0) THEN 'waits for stock'"
    " WHEN EXISTS (SELECT 1 FROM fulfilment f WHERE f.order_id = o.id AND f.state IN ('ready', 'customer_on_the_way',"
    "  'customer_arrived')) THEN 'its bag waits for the customer'"
    " WHEN EXISTS (SELECT 1 FROM fulfilment f WHERE f.order_id = o.id AND f.state = 'shipped')"
    "  THEN 'its parcel is on the way'"
    " WHEN EXISTS (SELECT 1 FROM fulfilment f WHERE f.order_id = o.id AND NOT f.final) THEN 'a node works on it'"
    " WHEN EXISTS (SELECT 1 FROM money_entry m WHERE m.order_id = o.id AND m.state = 'wanted')"
    "  THEN 'the gateway has not answered'"
    " WHEN EXISTS (SELECT 1 FROM money_entry m WHERE m.order_id = o.id AND m.state = 'refused')"
    "  THEN 'the gateway refused to move money'"
    " ELSE 'unexplained' END AS why FROM customer_order o WHERE o.status NOT IN ('completed', 'cancelled')"
    " ORDER BY o.number"
)


@dataclass
class Summary:
    """Counts by name. `open_orders` has every order that is not final, with its reason."""

    orders: dict[str, Any] = field(default_factory=dict)
    units: dict[str, Any] = field(default_factory=dict)
    jobs: dict[str, Any] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)
    devices: dict[str, Any] = field(default_factory=dict)
    money: dict[str, int] = field(default_factory=dict)
    exceptions: dict[str, int] = field(default_factory=dict)
    open_orders: list[dict[str, str]] = field(default_factory=list)
    invariants: dict[str, int] = field(default_factory=dict)
    examples: list[dict[str, Any]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    days: float = 0.0

    @property
    def problems(self) -> list[str]:
        """Why this run is not a good one; empty when it is."""
        found = [f"broken: {name} ({count})" for name, count in self.invariants.items() if count]
        if len(self.open_orders) > UNEXPLAINED_SHARE * self.orders["placed"]:
            found.append(f"{len(self.open_orders)} orders have not come to an end")
        if unexplained := [o["number"] for o in self.open_orders if o["why"] == "unexplained"]:
            found.append(f"nobody knows why these are open: {', '.join(unexplained[:10])}")
        if self.units["ordered"] != self.units["fulfilled"] + self.units["cancelled"] + self.units["left"]:
            found.append("units were lost or invented")
        if sum(self.units["cancelled by reason"].values()) != self.units["cancelled"]:
            found.append("cancelled units without a reason")
        if self.devices["commands sent"] != self.devices["commands settled by the feed"]:
            found.append("commands without an outcome in the feed")
        if self.devices["outcomes"].get("held"):
            found.append("commands the server could not carry out")
        return found


async def summarise(db: Database, counts: dict[str, int], stores: Sequence[Store]) -> Summary:
    """Ask the database, the devices and the crowd."""
    for store in stores:
        if store.device:
            await store.pull()

    async def ask(tx: Tx) -> Summary:
        summary = Summary(people=dict(sorted(counts.items())))
        placed = await tx.value("SELECT count(*) FROM customer_order")
        summary.orders = {
            "placed": placed,
            "by method": await _by(tx, "SELECT method, count(*) FROM customer_order GROUP BY 1"),
            "by channel": await _by(tx, "SELECT channel, count(*) FROM customer_order GROUP BY 1"),
            "by status": await _by(tx, "SELECT status, count(*) FROM customer_order GROUP BY 1"),
            "by payment": await _by(tx, "SELECT payment_kind, count(*) FROM customer_order GROUP BY 1"),
            "split over several nodes": await tx.value(_SPLIT),
        }
        cancelled = (
            "SELECT body->>'reason', sum((body->>'units')::bigint)::bigint FROM event WHERE kind = 'UnitsCancelled'"
            " GROUP BY 1"
        )
        summary.units = {
            **_row(await tx.one(_UNITS)),
            "cancelled by reason": await _by(tx, cancelled),
            **_row(await tx.one(_JOB_UNITS)),
            "routed again": await tx.value(_REROUTED),
            "promises broken by sales": await tx.value(_BROKEN),
        }
        by_method = "SELECT method, count(*) FROM fulfilment GROUP BY 1"
        summary.jobs = {"by method": await _by(tx, by_method), **_row(await tx.one(_JOBS))}
        summary.money = _row(await tx.one(_MONEY))
        summary.exceptions = await _by(tx, "SELECT kind, count(*) FROM fulfilment_exception GROUP BY 1")
        summary.open_orders = [dict(row) for row in await tx.rows(_OPEN)]
        return summary

    summary = await db.read(ask)
    outcomes: dict[str, int] = {}
    for store in stores:
        for status, count in store.statuses.items():
            outcomes[status] = outcomes.get(status, 0) + count
    summary.devices = {
        "stores at work": sum(bool(store.device) for store in stores),
        "commands sent": sum(store.sent for store in stores),
        "commands settled by the feed": sum(store.settled for store in stores),
        "outcomes": outcomes,
    }
    return summary


def _row(row: Any) -> dict[str, int]:
    return {name: int(value) for name, value in dict(row).items()}


async def _by(tx: Tx, sql: str) -> dict[str, int]:
    rows = [tuple(dict(row).values()) for row in await tx.rows(sql)]
    return {str(key): int(count) for key, count in sorted(rows, key=lambda r: (-r[1], str(r[0])))}


def show(summary: Summary, out: Console) -> None:
    """The summary for people."""
    parts: list[tuple[str, dict[str, Any]]] = [
        ("Orders", summary.orders),
        ("Units", summary.units),
        ("Jobs", summary.jobs),
        ("People", summary.people),
        ("Devices", summary.devices),
        ("Money", {name: f"{cents / 100:,.2f} USD" for name, cents in summary.money.items()}),
        ("Exceptions for people", summary.exceptions),
        ("Invariants", {name: f"{count} broken" if count else "whole" for name, count in summary.invariants.items()}),
    ]
    for title, figures in parts:
        table = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
        for name, value in figures.items():
            text = ", ".join(f"{k} {v:,}" for k, v in value.items()) if isinstance(value, dict) else value
            table.add_row(name, f"{text:,}" if isinstance(text, int) else str(text))
        out.print(table, "")
    reasons: dict[str, list[str]] = {}
    for order in summary.open_orders:
        reasons.setdefault(order["why"], []).append(order["number"])
    out.print(f"[bold]Not final: {len(summary.open_orders)}[/]")
    for why, numbers in reasons.items():
        out.print(f"  {why}: {', '.join(numbers)}")
    for example in summary.examples[:10]:
        out.print(f"  [red]{example}[/]")
    out.print(
        f"{summary.days} days in {sum(summary.seconds.values()):.0f} s (loading {summary.seconds['loading']:.0f} s)"
    )
