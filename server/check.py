"""`baton check`: the invariants of a live database, each as one set-based question whose answer should be empty.

The numbers are those of the invariants in docs/architecture.md. Everything is asked on one snapshot, so a busy server
need not stop. What data alone cannot show (that a subscriber outside was told, that the router would decide the same
again) is proved by tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.fulfilment import in_hand
from server.inventory import counts, doubt, figures, rebuild, receiving
from server.kit import audit
from server.kit.auth import EVERYWHERE
from server.kit.database import Database
from server.kit.transaction import Tx
from server.orders.money import RENEWED
from server.orders.renewals import DUE
from server.orders.units import PENDING
from server.routing import days
from server.sync.documents import node_stream
from shared.orders import STAND_INS_FROM, UnitState, status_of

SHOWN = 10
"""Rows of a violation that are listed."""
LATE = "interval '10 minutes'"
"""How long something may be due before somebody should have done it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant: how many rows were looked at, how many contradict it, and the first of them."""

    name: str
    violations: int
    examples: tuple[dict[str, Any], ...]
    compared: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """`sql` gives the rows that contradict `name`; `of` is the table whose rows are looked at."""

    name: str
    of: str
    sql: str


# ruff: noqa: S608 (every part of these statements stands in this file)
_LEFT_IN_JOB = (
    "(l->>'quantity')::bigint - (l->>'cancelled')::bigint - (l->>'put_back')::bigint - (l->>'handed_over')::bigint"
    " - coalesce((l->>'replaced')::bigint, 0)"
    " - coalesce((SELECT sum(v::bigint) FROM jsonb_each_text(l->'short_by') AS s(k, v)), 0)"
)
_JOB_LINES = "fulfilment f CROSS JOIN LATERAL jsonb_array_elements(f.doc->'lines') AS l"
_IN_WORK = (
    f"SELECT f.order_id, f.id AS fulfilment_id, f.node, (l->>'line')::bigint AS line, l->>'sku' AS sku,"
    f" {_LEFT_IN_JOB} AS units FROM {_JOB_LINES} WHERE NOT f.final"
)
_PARTS = (
    "SELECT m.id, m.order_id, m.kind, m.reason, (p->>0)::bigint AS line, (p->>2)::bigint AS amount"
    " FROM money_entry m CROSS JOIN LATERAL jsonb_array_elements(m.lines) AS p"
)
_RENEWED = f"coalesce(sum(amount) FILTER (WHERE kind = 'release' AND reason = '{RENEWED}'), 0) AS renewed"
_ORDERED_LINE = f"CASE WHEN line < {STAND_INS_FROM} THEN line ELSE line / {STAND_INS_FROM} END AS line"
"""Money for a substitute is money for the line it stands in for."""
_KINDS = ("authorise", "capture", "release", "refund")
_BY_KIND = ", ".join(f"coalesce(sum(amount) FILTER (WHERE kind = '{k}'), 0) AS {k}" for k in _KINDS)

_GIVEN_BACK = ", ".join(repr(state.value) for state in sorted(days.GIVEN_BACK))

STOCK = (
    Question("1. every position is the fold of its ledger", "stock_position", rebuild.LEDGER_SQL),
    Question("2. reserved is the sum of live reservations", "stock_position", rebuild.CLAIMS_SQL),
    Question(
        "3. nothing is promised that is not there",
        "stock_position",
        "SELECT sku, node, sellable, reserved FROM stock_position WHERE reserved > sellable OR sellable < 0",
    ),
    Question("3. only what is on record is doubted", "stock_position", doubt.AMISS_SQL),
    Question(
        "3. every unit a job still has to do is reserved for it",
        "reservation",
        "SELECT fulfilment_id, line, sku, node, coalesce(w.units, 0) AS in_job, coalesce(r.units, 0) AS reserved"
        f" FROM (SELECT * FROM ({_IN_WORK}) i WHERE units <> 0) w FULL JOIN (SELECT fulfilment_id, line, sku, node,"
        " sum(quantity) AS units FROM reservation WHERE quantity > 0 AND kind = 'hard' GROUP BY 1, 2, 3, 4) r"
        " USING (fulfilment_id, line, sku, node) WHERE coalesce(w.units, 0) <> coalesce(r.units, 0)",
    ),
)
COUNTS = (
    Question("1. what is off its shelf is in the hands of a job", "shelf_move", in_hand.DIFFERENCES_SQL),
    Question("1. the record follows the newest count, and what happened since", "stock_count", counts.FOLLOWS_SQL),
    Question(
        "1. the record follows the newest figure of a feed, and what happened since",
        "stock_position",
        figures.FOLLOWS_SQL,
    ),
    Question("1. every correction by a count is one that was counted", "stock_count", counts.CORRECTIONS_SQL),
    Question("1. what devices received is on the ledger", "stock_received", receiving.RECEIPTS_SQL),
)
UNITS = (
    Question(
        "4. every ordered unit is in exactly one state",
        "order_line",
        "SELECT order_id, line, quantity FROM order_line"
        f" WHERE quantity <> {' + '.join(UnitState)} OR least({', '.join(UnitState)}) < 0",
    ),
    Question(
        "4. what was replaced has a line of its own",
        "order_line",
        "SELECT order_id, line, l.replaced, s.units AS stand_in FROM (SELECT order_id, line, replaced FROM order_line"
        " WHERE replaced <> 0) l FULL JOIN (SELECT order_id, replaces AS line, sum(quantity) AS units FROM order_line"
        " WHERE replaces IS NOT NULL GROUP BY 1, 2) s USING (order_id, line) WHERE l.replaced IS DISTINCT FROM s.units",
    ),
    Question(
        "4. a substitute is one that was agreed",
        "order_line",
        "SELECT s.order_id, s.line, s.sku, s.replaces FROM order_line s LEFT JOIN order_line l"
        " ON l.order_id = s.order_id AND l.line = s.replaces WHERE s.replaces IS NOT NULL"
        " AND (l.line IS NULL OR s.unit_price > l.unit_price OR NOT"
        " l.substitutes @> jsonb_build_array(jsonb_build_object('sku', s.sku)))",
    ),
    Question(
        "4. allocated units are with a node",
        "order_line",
        "SELECT order_id, line, coalesce(l.allocated, 0) AS allocated, coalesce(w.units, 0) AS with_nodes"
        " FROM (SELECT order_id, line, allocated FROM order_line WHERE allocated <> 0) l FULL JOIN"
        f" (SELECT order_id, line, sum(units) AS units FROM ({_IN_WORK}) i GROUP BY 1, 2) w USING (order_id, line)"
        " WHERE coalesce(l.allocated, 0) <> coalesce(w.units, 0)",
    ),
    Question(
        "4. units that left a node are fulfilled, and out of its stock",
        "fulfilment",
        "WITH gone AS (SELECT reference, sku, -coalesce(sum(quantity) FILTER (WHERE reason <> 'left_unrecorded'), 0)"
        " AS given, -coalesce(sum(quantity) FILTER (WHERE reason = 'left_unrecorded'), 0) AS stray FROM stock_movement"
        " WHERE reason IN ('ship', 'hand_off', 'left_unrecorded') GROUP BY 1, 2), jobs AS (SELECT f.order_id,"
        " f.number, l->>'sku' AS sku, sum((l->>'handed_over')::bigint) AS handed_over"
        f" FROM {_JOB_LINES} GROUP BY 1, 2, 3), left_orders AS (SELECT j.order_id, j.sku,"
        " sum(j.handed_over) AS handed_over, sum(coalesce(g.given, 0)) AS given, sum(coalesce(g.stray, 0)) AS stray"
        " FROM jobs j LEFT JOIN gone g ON g.reference = j.number AND g.sku = j.sku GROUP BY 1, 2)"
        " SELECT order_id, sku, coalesce(o.fulfilled, 0) AS fulfilled, coalesce(x.handed_over, 0) AS handed_over,"
        " coalesce(x.given, 0) AS out_of_stock, coalesce(x.stray, 0) AS left_unrecorded FROM left_orders x FULL JOIN"
        " (SELECT order_id, sku, sum(fulfilled) AS fulfilled FROM order_line GROUP BY 1, 2) o USING (order_id, sku)"
        " WHERE coalesce(o.fulfilled, 0) <> coalesce(x.given, 0)"
        " OR coalesce(x.handed_over, 0) <> coalesce(x.given, 0) + coalesce(x.stray, 0)",
    ),
    Question(
        "4. an order counts its open jobs",
        "customer_order",
        "SELECT o.id, o.number, o.jobs_open, coalesce(f.jobs, 0) AS jobs FROM customer_order o LEFT JOIN (SELECT"
        " order_id, count(*) AS jobs FROM fulfilment WHERE NOT final GROUP BY 1) f ON f.order_id = o.id"
        " WHERE o.jobs_open <> coalesce(f.jobs, 0)",
    ),
)
HOLDS = (
    Question(
        "4. what is held has a hold, and nothing else of its order waits for a node",
        "order_hold",
        "SELECT l.order_id, l.line, l.held, l.routing, l.backordered, h.kinds FROM order_line l LEFT JOIN (SELECT"
        " order_id, string_agg(kind, ', ' ORDER BY kind) AS kinds FROM order_hold WHERE resolved_at IS NULL"
        " GROUP BY 1) h"
        " USING (order_id) WHERE (l.held > 0 AND h.kinds IS NULL)"
        " OR (l.routing + l.backordered > 0 AND h.kinds IS NOT NULL)",
    ),
)
DAYS = (
    Question(
        "4. a node's day counts the jobs it was given and did not give back",
        "node_day",
        "SELECT day, node, d.ship, d.pickup, d.curbside, f.ship AS ship_jobs, f.pickup AS pickup_jobs,"
        " f.curbside AS curbside_jobs FROM node_day d FULL JOIN (SELECT work_day AS day, node, "
        + ", ".join(
            f"count(*) FILTER (WHERE method IN ({', '.join(map(repr, methods))})) AS {delivery}"
            for delivery, methods in days.METHODS_OF.items()
        )
        + f" FROM fulfilment WHERE work_day IS NOT NULL AND state NOT IN ({_GIVEN_BACK}) GROUP BY 1, 2) f"
        " USING (day, node) WHERE "
        + " OR ".join(f"coalesce(d.{delivery}, 0) <> coalesce(f.{delivery}, 0)" for delivery in days.METHODS_OF),
    ),
)
MONEY = (
    Question(
        "5. money adds up per order",
        "customer_order",
        "SELECT o.id, o.number, o.authorised, o.captured, o.released, o.refunded FROM customer_order o LEFT JOIN"
        f" (SELECT order_id, {_BY_KIND} FROM money_entry WHERE state = 'done' GROUP BY 1) m ON m.order_id = o.id"
        " WHERE o.captured + o.released > o.authorised OR o.refunded > o.captured"
        " OR o.authorised <> coalesce(m.authorise, 0) OR o.captured <> coalesce(m.capture, 0)"
        " OR o.released <> coalesce(m.release, 0) OR o.refunded <> coalesce(m.refund, 0)",
    ),
    Question(
        "5. money adds up per line",
        "money_entry",
        f"SELECT s.* FROM (SELECT order_id, {_ORDERED_LINE}, {_BY_KIND}, {_RENEWED}"
        f" FROM ({_PARTS} WHERE m.state = 'done') p GROUP BY 1, 2) s"
        " JOIN customer_order o ON o.id = s.order_id LEFT JOIN order_line l USING (order_id, line)"
        " WHERE s.capture + s.release > s.authorise OR s.refund > s.capture"
        " OR s.authorise - s.renewed > CASE WHEN s.line = 0 THEN o.shipping ELSE coalesce(l.total, 0) END",
    ),
    Question(
        "5. what is owed for a line is what was not captured or given back",
        "order_line",
        "SELECT o.id, line, l.total, l.owed, coalesce(m.gone, 0) AS gone FROM (SELECT order_id,"
        f" {_ORDERED_LINE}, sum(total) FILTER (WHERE replaces IS NULL) AS total, sum(owed + spare) AS owed"
        " FROM order_line GROUP BY 1, 2) l JOIN customer_order o ON o.id = l.order_id AND o.authorised > 0 AND"
        f" o.payment_kind <> 'paid' LEFT JOIN (SELECT order_id, {_ORDERED_LINE}, sum(amount) AS gone FROM ({_PARTS})"
        f" p WHERE kind IN ('capture', 'release') AND reason IS DISTINCT FROM '{RENEWED}' GROUP BY 1, 2) m"
        " USING (order_id, line) WHERE l.total <> l.owed + coalesce(m.gone, 0)",
    ),
    Question(
        "5. nothing is owed for units that do not wait",
        "order_line",
        "SELECT order_id, line, owed, spare FROM order_line"
        " WHERE owed + spare <> 0 AND quantity = fulfilled + cancelled + replaced",
    ),
    Question(
        "5. every cent of an entry is for something",
        "money_entry",
        "SELECT m.id, m.order_id, m.kind, m.amount, m.state FROM money_entry m"
        " WHERE m.amount <> (SELECT coalesce(sum((p->>2)::bigint), 0) FROM jsonb_array_elements(m.lines) AS p)"
        f" OR m.kind NOT IN ({', '.join(repr(k) for k in _KINDS)})"
        " OR m.state NOT IN ('wanted', 'done', 'refused') OR (m.state = 'wanted') <> (m.settled_at IS NULL)",
    ),
    Question(
        "5. a finished order has captured or released what was authorised",
        "customer_order",
        "SELECT o.id, o.number, o.authorised, o.captured, o.released FROM customer_order o"
        " WHERE o.status IN ('completed', 'cancelled') AND o.captured + o.released <> o.authorised AND NOT EXISTS"
        " (SELECT 1 FROM money_entry m WHERE m.order_id = o.id AND m.state <> 'done')",
    ),
    Question(
        "5. the built-in gateway's books agree with ours",
        "test_gateway_entry",
        "SELECT g.key, g.kind, g.amount, g.ok, m.kind AS our_kind, m.amount AS our_amount, m.state"
        " FROM test_gateway_entry g LEFT JOIN money_entry m ON m.id = g.key WHERE m.id IS NULL OR m.kind <> g.kind"
        " OR m.amount <> g.amount OR (m.state <> 'wanted' AND (m.state = 'done') <> g.ok)",
    ),
    Question(
        "5. no authorisation has run out under goods that are still owed",
        "customer_order",
        f"SELECT d.* FROM ({DUE.replace(':soon', 'CAST(:now AS timestamptz)')}) d WHERE NOT EXISTS"
        " (SELECT 1 FROM order_hold h WHERE h.order_id = d.id AND h.kind = 'payment' AND h.resolved_at IS NULL)",
    ),
    Question(
        "5. somebody asks for all money that is wanted",
        "money_entry",
        "SELECT m.id, m.order_id, m.kind, m.amount, m.made_at FROM money_entry m WHERE m.state = 'wanted'"
        f" AND m.made_at < CAST(:now AS timestamptz) - {LATE}"
        " AND NOT EXISTS (SELECT 1 FROM outbox b WHERE b.order_id = m.order_id AND NOT b.dead)",
    ),
)
_FEED_GAPS = (
    "SELECT stream, coalesce(h.first_seq, 1) AS first_seq, coalesce(h.last_seq, 0) AS last_seq,"
    " coalesce(f.rows, 0) AS rows, f.lowest, f.highest FROM feed_head h FULL JOIN (SELECT stream, count(*) AS rows,"
    " min(seq) AS lowest, max(seq) AS highest FROM feed GROUP BY 1) f USING (stream)"
    " WHERE coalesce(f.rows, 0) <> coalesce(h.last_seq, 0) - coalesce(h.first_seq, 1) + 1"
    " OR f.lowest <> coalesce(h.first_seq, 1) OR f.highest <> coalesce(h.last_seq, 0)"
)
FACTS = (
    Question(
        "6. device commands are applied once and without gaps",
        "device_command",
        "SELECT d.id AS device, d.last_n, count(c.n) AS known, max(c.n) AS highest FROM device d LEFT JOIN"
        " device_command c ON c.device = d.id GROUP BY d.id, d.last_n"
        " HAVING count(c.n) <> d.last_n OR coalesce(max(c.n), 0) <> d.last_n OR coalesce(min(c.n), 1) <> 1",
    ),
    Question(
        "6. no command id was used twice",
        "device_command",
        "SELECT id, count(*) AS times, min(device) AS device, min(n) AS n FROM device_command GROUP BY id"
        " HAVING count(*) > 1",
    ),
    Question(
        "6. every outcome stands in the feed once",
        "device_command",
        "SELECT c.device, c.n, c.id, coalesce(f.times, 0) AS times FROM device_command c JOIN device d"
        " ON d.id = c.device LEFT JOIN (SELECT doc_id, origin->>'device' AS device, count(*) AS times FROM feed"
        " WHERE kind = 'outcome' GROUP BY 1, 2) f ON f.doc_id = c.id::text AND f.device = c.device"
        f" LEFT JOIN feed_head h ON h.stream = '{node_stream('')}' || d.node"
        " WHERE f.times > 1 OR (f.times IS NULL AND coalesce(h.first_seq, 1) = 1)",
    ),
    Question(
        "6. every idempotency key has its answer",
        "command_log",
        "SELECT scope, key, at FROM command_log WHERE outcome IS NULL",
    ),
    Question("7. feeds have no gaps", "feed", _FEED_GAPS),
    Question(
        "7. transactions are whole in the feed",
        "feed",
        "SELECT stream, seq, at FROM (SELECT stream, seq, at, ends, lead(at) OVER (PARTITION BY stream ORDER BY seq)"
        " AS next_at FROM feed) f WHERE NOT ends AND next_at IS DISTINCT FROM at",
    ),
    Question(
        "7. a job's history is told in order",
        "event",
        "WITH moves AS (SELECT (body->>'fulfilment_id')::uuid AS id, seq, body->>'from_state' AS from_state,"
        " body->>'to_state' AS to_state FROM event WHERE kind = 'JobMoved'), chain AS (SELECT id, seq, from_state,"
        " to_state, lag(to_state) OVER w AS before, lead(seq) OVER w AS next FROM moves"
        " WINDOW w AS (PARTITION BY id ORDER BY seq))"
        " SELECT c.id, c.seq, c.before, c.from_state, c.to_state, f.state FROM chain c JOIN fulfilment f ON f.id = c.id"
        " WHERE c.before <> c.from_state OR (c.next IS NULL AND c.to_state <> f.state)",
    ),
    Question(
        "7. answers after the commit are given in time",
        "outbox",
        "SELECT o.seq, o.answer, o.order_id, o.made_at, o.attempts, o.error FROM outbox o WHERE NOT o.dead"
        f" AND greatest(o.next_try_at, o.leased_until) < CAST(:now AS timestamptz) - {LATE}"
        " AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.order_id = o.order_id AND e.seq < o.seq AND NOT e.dead)",
    ),
    Question("7. no answer was given up", "outbox", "SELECT seq, answer, order_id, error FROM outbox WHERE dead"),
)
_ANYWHERE = ", ".join(repr(role) for role in sorted(EVERYWHERE))
PEOPLE = (
    Question(
        "8. people worked where they belong",
        "event",
        "SELECT e.seq, e.actor, e.node, e.body->>'number' AS job FROM event e JOIN person p ON p.id::text = e.actor"
        f" WHERE e.kind = 'JobMoved' AND NOT p.roles && ARRAY[{_ANYWHERE}]::text[]"
        " AND NOT e.node = ANY(p.nodes || p.left_nodes)",
    ),
    Question(
        "9. every job follows from a stored decision",
        "fulfilment",
        "SELECT f.id, f.number, f.node FROM fulfilment f LEFT JOIN (SELECT DISTINCT d.order_id, c->>'node' AS node"
        " FROM routing_decision d CROSS JOIN LATERAL jsonb_array_elements(d.body::jsonb->'choices') AS c) d"
        " ON d.order_id = f.order_id AND d.node = f.node WHERE d.node IS NULL",
    ),
    Question(
        "9. every decision names what it was taken from",
        "routing_decision",
        "SELECT id, order_id, plan, version, digest FROM routing_decision WHERE digest !~ '^[0-9a-f]{64}$'"
        " OR body::jsonb->>'plan' <> plan OR (body::jsonb->>'version')::bigint <> version"
        " OR body::jsonb->>'order' <> order_id::text",
    ),
)
QUESTIONS = (*STOCK, *COUNTS, *UNITS, *HOLDS, *DAYS, *MONEY, *FACTS, *PEOPLE)


async def check(db: Database) -> list[Finding]:
    """Ask every question on one consistent snapshot."""
    return await db.read(findings)


async def findings(tx: Tx) -> list[Finding]:
    """The answers, by the number of their invariant."""
    counts = await _counts(tx)
    found = [await _answer(tx, question, counts) for question in QUESTIONS]
    broken = [{"stream": stream, "n": n} for stream, n in await audit.broken(tx)]
    chains = Finding("8. the audit chains are whole", len(broken), tuple(broken[:SHOWN]), counts["audit"])
    return sorted([*found, await _statuses(tx, counts), chains], key=lambda finding: finding.name[:2])


async def _counts(tx: Tx) -> Mapping[str, int]:
    """How many rows each table has that is looked at."""
    tables = sorted({question.of for question in QUESTIONS} | {"audit"})
    counted = await tx.one("SELECT " + ", ".join(f"(SELECT count(*) FROM {t}) AS {t}" for t in tables))
    return counted or {}


async def _answer(tx: Tx, question: Question, counts: Mapping[str, int]) -> Finding:
    """Only the first rows leave the database, however many there are."""
    binds = {"now": tx.now} if ":now" in question.sql else {}
    sql = f"SELECT count(*) OVER () AS violations_found, q.* FROM ({question.sql}) q LIMIT {SHOWN}"
    rows = [dict(row) for row in await tx.rows(sql, **binds)]
    found = [row.pop("violations_found") for row in rows]
    return Finding(question.name, found[0] if found else 0, tuple(rows), counts[question.of])


async def _statuses(tx: Tx, counts: Mapping[str, int]) -> Finding:
    """Every status is what the one rule derives: asked once for each kind of order there is, not for each order."""
    has = ", ".join(f"(sum({state}) > 0)::int AS {state}" for state in UnitState)
    kinds = await tx.rows(
        "SELECT status, in_work, settled, pending, count(*) AS orders, min(number) AS number,"
        f" {', '.join(UnitState)} FROM (SELECT o.status, o.in_work, o.number, {has}, {PENDING} AS pending,"
        " o.jobs_open = 0 AND bool_and(m.order_id IS NULL) AS settled FROM customer_order o"
        " JOIN order_line l ON l.order_id = o.id LEFT JOIN (SELECT DISTINCT order_id FROM money_entry"
        f" WHERE state <> 'done') m ON m.order_id = o.id GROUP BY o.id) x GROUP BY 1, 2, 3, 4, {', '.join(UnitState)}"
    )
    wrong = []
    for kind in kinds:
        units = {state: kind[state.value] for state in UnitState}
        should = status_of([units], in_work=kind["in_work"], settled=kind["settled"], pending=kind["pending"]).value
        if should != kind["status"]:
            first = {"first": kind["number"], "orders": kind["orders"]}
            wrong.append({"status": kind["status"], "should_be": should, **first})
    name = "4. the status of an order follows from its units"
    return Finding(name, sum(row["orders"] for row in wrong), tuple(wrong[:SHOWN]), counts["customer_order"])
