"""`baton check` finds a whole database whole, and each broken invariant broken, and that one only."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest

from server import check as checking
from server.check import check
from server.inventory import rebuild
from server.kit import audit, outbox
from server.kit.auth import SYSTEM
from server.kit.transaction import Tx
from shared.errors import Conflict
from tests import build
from tests.shop import STORE, open_shop

NO_GUARDS = (
    "ALTER TABLE order_line DROP CONSTRAINT order_line_units_conserved_check",
    "ALTER TABLE customer_order DROP CONSTRAINT customer_order_money_in_bounds_check",
)
"""What the database itself would refuse is let through, so that the check is seen to find it as well."""

ONE_CAPTURE = "(SELECT id FROM money_entry WHERE kind = 'capture' AND state = 'done' ORDER BY seq LIMIT 1)"
OPEN_ORDER = "(SELECT order_id FROM fulfilment WHERE NOT final ORDER BY id LIMIT 1)"
OWED = "5. what is owed for a line is what was not captured or given back"
MOVE = "(SELECT seq FROM event WHERE kind = 'JobMoved' ORDER BY seq LIMIT 1 OFFSET 1)"

BREAKS: dict[str, tuple[str, set[str]]] = {
    "a bucket without a movement": (
        "UPDATE stock_position SET damaged = damaged + 1 WHERE sku = 'WINE' AND node = 'S-1'",
        {"1. every position is the fold of its ledger"},
    ),
    "a movement without a position": (
        (
            "INSERT INTO stock_movement (id, sku, node, bucket, quantity, reason, at) VALUES"
            " (gen_random_uuid(), 'GHOST',"
            " 'S-1', 'sellable', 3, 'receipt', now())"
        ),
        {"1. every position is the fold of its ledger"},
    ),
    "a movement in no known bucket": (
        (
            "INSERT INTO stock_movement (id, sku, node, bucket, quantity, reason, at) VALUES"
            " (gen_random_uuid(), 'WINE',"
            " 'S-1', 'attic', 3, 'receipt', now())"
        ),
        {"1. every position is the fold of its ledger"},
    ),
    "a figure nobody followed": (
        "UPDATE stock_position SET fed_units = fed_units + 1 WHERE fed_at IS NOT NULL",
        {"1. the record follows the newest figure of a feed, and what happened since"},
    ),
    "doubt about what is not on record": (
        "UPDATE stock_position SET doubt = sellable + 1 WHERE sku = 'WINE' AND node = 'S-1'",
        {"3. only what is on record is doubted"},
    ),
    "reserved by nobody": (
        "UPDATE stock_position SET reserved = reserved + 1 WHERE sku = 'WINE' AND node = 'S-1'",
        {"2. reserved is the sum of live reservations"},
    ),
    "a promise nothing stands behind": (
        (
            "WITH m AS (INSERT INTO stock_movement (id, sku, node, bucket, quantity, reason, at) SELECT"
            " gen_random_uuid(),"
            " sku, node, 'sellable', -sellable - 1, 'theft', now() FROM stock_position WHERE sku = 'WINE'"
            " RETURNING sku)"
            " UPDATE stock_position SET sellable = -1 WHERE sku IN (SELECT sku FROM m)"
        ),
        {"3. nothing is promised that is not there"},
    ),
    "a job whose units are not reserved": (
        (
            "WITH r AS (UPDATE reservation r SET quantity = quantity - 1 WHERE id = (SELECT id FROM reservation"
            " WHERE quantity > 0 AND kind = 'hard' ORDER BY id LIMIT 1) RETURNING sku, node)"
            " UPDATE stock_position p SET reserved = reserved - 1 FROM r WHERE p.sku = r.sku AND p.node = r.node"
        ),
        {"3. every unit a job still has to do is reserved for it"},
    ),
    "a unit from nowhere": (
        f"UPDATE order_line SET quantity = quantity + 1 WHERE order_id = {OPEN_ORDER} AND line = 1",
        {"4. every ordered unit is in exactly one state"},
    ),
    "a unit counted in two jobs": (
        f"UPDATE order_line SET allocated = allocated + 1, quantity = quantity + 1 WHERE order_id = {OPEN_ORDER}",
        {"4. allocated units are with a node"},
    ),
    "fulfilled without leaving": (
        (
            "UPDATE order_line SET fulfilled = fulfilled + 1, cancelled = cancelled - 1 WHERE cancelled > 0 AND"
            " order_id IN"
            " (SELECT order_id FROM order_line WHERE fulfilled > 0)"
        ),
        {"4. units that left a node are fulfilled, and out of its stock"},
    ),
    "replaced by nothing": (
        "UPDATE order_line SET replaced = replaced + 1, cancelled = cancelled - 1 WHERE cancelled > 0",
        {"4. what was replaced has a line of its own"},
    ),
    "a substitute nobody agreed to": (
        "UPDATE order_line SET substitutes = '[]'",
        {"4. a substitute is one that was agreed"},
    ),
    "a job too many": (
        f"UPDATE customer_order SET jobs_open = jobs_open + 1 WHERE id = {OPEN_ORDER}",
        {"4. an order counts its open jobs"},
    ),
    "a status set by hand": (
        f"UPDATE customer_order SET status = 'backordered' WHERE id = {OPEN_ORDER}",
        {"4. the status of an order follows from its units"},
    ),
    "held by nobody": (
        f"UPDATE order_line SET held = 1, allocated = allocated - 1 WHERE order_id = {OPEN_ORDER} AND line = 1",
        {
            "4. what is held has a hold, and nothing else of its order waits for a node",
            "4. allocated units are with a node",
            "4. the status of an order follows from its units",
        },
    ),
    "a place in a node's day that no job takes": (
        "UPDATE node_day SET pickup = pickup + 1 WHERE node = 'S-1'",
        {"4. a node's day counts the jobs it was given and did not give back"},
    ),
    "captured with no entry": (
        f"UPDATE customer_order SET captured = captured + 1 WHERE id = {OPEN_ORDER}",
        {"5. money adds up per order"},
    ),
    "more captured for a line than it cost": (
        (
            "UPDATE money_entry SET lines = jsonb_set(jsonb_set(lines, '{0,2}',"
            " to_jsonb((lines#>>'{0,2}')::bigint + 500)),"
            " '{1,2}', to_jsonb((lines#>>'{1,2}')::bigint - 500)) WHERE kind = 'capture' AND"
            " jsonb_array_length(lines) = 2"
        ),
        {"5. money adds up per line", OWED},
    ),
    "more owed than is left": (
        f"UPDATE order_line SET owed = owed + 1 WHERE order_id = {OPEN_ORDER}",
        {OWED},
    ),
    "owed for nothing": (
        "UPDATE order_line SET owed = 1 WHERE fulfilled > 0 AND quantity = fulfilled + cancelled",
        {OWED, "5. nothing is owed for units that do not wait"},
    ),
    "a cent for nothing": (
        (
            "INSERT INTO money_entry (id, order_id, kind, amount, state, lines, made_at, settled_at) SELECT"
            " gen_random_uuid(), order_id, 'capture', 1, 'refused', '[]', now(), now() FROM fulfilment WHERE NOT final"
            " LIMIT 1"
        ),
        {"5. every cent of an entry is for something"},
    ),
    "a finished order whose money is not": (
        (
            "WITH gone AS (DELETE FROM money_entry WHERE kind = 'release' AND order_id = (SELECT id FROM customer_order"
            " WHERE status = 'cancelled' LIMIT 1) RETURNING id, order_id, amount), told AS (DELETE FROM"
            " test_gateway_entry"
            " g USING gone WHERE g.key = gone.id) UPDATE customer_order o SET released = o.released - gone.amount"
            " FROM gone WHERE o.id = gone.order_id"
        ),
        {"5. a finished order has captured or released what was authorised", OWED},
    ),
    "a gateway that knows another amount": (
        f"UPDATE test_gateway_entry SET amount = amount + 1 WHERE key = {ONE_CAPTURE}",
        {"5. the built-in gateway's books agree with ours"},
    ),
    "an authorisation nobody renewed": (
        (
            f"WITH o AS (UPDATE customer_order SET payment_token = 'tok_visa' WHERE id = {OPEN_ORDER} RETURNING id)"
            " UPDATE money_entry m SET expires_at = now() - interval '1 hour' FROM o"
            " WHERE m.order_id = o.id AND m.kind = 'authorise'"
        ),
        {"5. no authorisation has run out under goods that are still owed"},
    ),
    "money nobody asks for": (
        (
            "INSERT INTO money_entry (id, order_id, kind, amount, state, lines, made_at) SELECT"
            " gen_random_uuid(), order_id,"
            " 'capture', 1, 'wanted', '[[1, 1, 1]]', now() - interval '1 hour' FROM fulfilment WHERE NOT final LIMIT 1"
        ),
        {"5. somebody asks for all money that is wanted", OWED},
    ),
    "a command that was lost": (
        "UPDATE device SET last_n = last_n + 1 WHERE last_n > 0",
        {"6. device commands are applied once and without gaps"},
    ),
    "a command id used twice": (
        "UPDATE device_command SET id = (SELECT id FROM device_command WHERE n = 1) WHERE n = 2",
        {"6. no command id was used twice"},
    ),
    "an outcome told twice": (
        (
            "UPDATE feed SET doc_id = (SELECT id::text FROM device_command WHERE n = 1)"
            " WHERE kind = 'outcome' AND doc_id = (SELECT id::text FROM device_command WHERE n = 2)"
        ),
        {"6. every outcome stands in the feed once"},
    ),
    "a request without an answer": (
        "INSERT INTO command_log (scope, key, fingerprint, at) VALUES ('key:1', 'k', 'f', now())",
        {"6. every idempotency key has its answer"},
    ),
    "a gap in a feed": (
        (
            "WITH part AS (SELECT stream, seq, kind, count(*) FILTER (WHERE ends)"
            " OVER (PARTITION BY stream ORDER BY seq"
            " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS number FROM feed),"
            " whole AS (SELECT stream, number FROM part p WHERE number > 0 GROUP BY stream, number"
            " HAVING bool_and(kind <> 'outcome') AND number < (SELECT max(number) FROM part WHERE stream = p.stream)"
            " ORDER BY 1, 2 LIMIT 1)"
            " DELETE FROM feed WHERE (stream, seq) IN (SELECT stream, seq FROM part JOIN whole USING (stream, number))"
        ),
        {"7. feeds have no gaps"},
    ),
    "a transaction torn apart": (
        (
            "UPDATE feed f SET ends = false FROM feed_head h WHERE h.stream = f.stream AND h.last_seq = f.seq"
            f" AND f.stream = 'node/{STORE}'"
        ),
        {"7. transactions are whole in the feed"},
    ),
    "history out of order": (
        f"UPDATE event SET body = jsonb_set(body, '{{from_state}}', '\"ready\"') WHERE seq = {MOVE}",
        {"7. a job's history is told in order"},
    ),
    "an answer nobody gives": (
        (
            "INSERT INTO outbox (answer, kind, body, made_at, next_try_at)"
            " VALUES ('x', 'X', '{}', now() - interval '1 hour', now() - interval '1 hour')"
        ),
        {"7. answers after the commit are given in time"},
    ),
    "an answer given up": (
        (
            "INSERT INTO outbox (answer, kind, body, made_at, next_try_at, dead)"
            " VALUES ('x', 'X', '{}', now(), now(), true)"
        ),
        {"7. no answer was given up"},
    ),
    "somebody from another store": (
        "UPDATE person SET nodes = ARRAY['S-2'], left_nodes = '{}'",
        {"8. people worked where they belong"},
    ),
    "a page torn out of the audit": (
        "DELETE FROM audit WHERE n = 1 AND stream = 'test'",
        {"8. the audit chains are whole"},
    ),
    "a job nobody decided": (
        f"DELETE FROM routing_decision WHERE order_id = {OPEN_ORDER}",
        {"9. every job follows from a stored decision"},
    ),
    "a unit in nobody's hands": (
        (
            "INSERT INTO shelf_move (id, sku, node, in_hand, shelf, happened_at)"
            " VALUES (gen_random_uuid(), 'WINE', 'S-1', 1, -1, now())"
        ),
        {"1. what is off its shelf is in the hands of a job"},
    ),
    "a count that the record does not follow": (
        "UPDATE stock_count SET units = units + 1",
        {"1. the record follows the newest count, and what happened since"},
    ),
    "a correction that was not counted": (
        "UPDATE stock_count SET delta = delta + 1",
        {"1. every correction by a count is one that was counted"},
    ),
    "a delivery that is not on the ledger": (
        "UPDATE stock_received SET damaged = damaged + 1",
        {"1. what devices received is on the ledger"},
    ),
    "a decision from nothing": (
        "UPDATE routing_decision SET digest = ''",
        {"9. every decision names what it was taken from"},
    ),
}


async def a_day(world: build.World) -> None:
    """Orders of each kind: handed over in part, short, cancelled, still open."""
    shop = await open_shop(world)
    tablet = await shop.tablet()
    card = {"kind": "token", "reference": "tok_visa"}
    for lines in ((("APPLE", 2), ("BREAD", 1)), (("BREAD", 2),), (("WINE", 1),)):
        order = await shop.buy(*lines, payment=card)
        await outbox.drain(world.parts)
        order = await shop.page(order["id"])
        job = order["jobs"][0]["id"]
        if lines[0][0] == "WINE":
            continue
        await tablet.push(
            tablet.command("pick", fulfilment=job, line=1, total=1),
            tablet.command("short", fulfilment=job, line=1, total=1, reason="not_found"),
        )
        if len(lines) == 2:
            await tablet.push(
                tablet.command("pick", fulfilment=job, line=2, total=1),
                tablet.command("pack", fulfilment=job),
                tablet.command("stage", fulfilment=job, place="A1"),
                tablet.command("hand_off", fulfilment=job, proof="pass"),
            )
        await outbox.drain(world.parts)
    doubted = (await world.client.get("/v1/exceptions", params={"kind": "doubted"})).json()["items"]
    for task in doubted:
        await tablet.do("settle_exception", exception=task["id"], resolution="record_stands")
    await world.client.post(f"/v1/orders/{order['id']}/cancel", json={"reason": "changed mind"})
    order = await shop.buy(("WINE", 2), payment=card)
    await outbox.drain(world.parts)
    body = {"reason": "one is enough", "lines": [{"line": 1, "quantity": 1}]}
    await world.client.post(f"/v1/orders/{order['id']}/cancel", json=body)
    job = (await shop.page(order["id"]))["jobs"][0]["id"]
    await tablet.push(
        tablet.command("pick", fulfilment=job, line=1, total=1),
        tablet.command("pack", fulfilment=job),
        tablet.command("stage", fulfilment=job, place="A1"),
        tablet.command("hand_off", fulfilment=job, proof="pass"),
    )
    await shop.buy(("BREAD", 1), method="ship")
    order = await shop.buy(("BREAD", 1), payment=card, instead=("APPLE",))
    await outbox.drain(world.parts)
    job = (await shop.page(order["id"]))["jobs"][0]["id"]
    await tablet.push(tablet.command("substitute", fulfilment=job, line=1, sku="APPLE", total=1))
    await outbox.drain(world.parts)
    await tablet.push(
        tablet.command("receive", node=STORE, document="LS-1", sku="BREAD", good=4, damaged=1),
        tablet.command("count", node=STORE, sku="BREAD", units=3),
    )
    figure = '{"sku": "BREAD", "node": "S-2", "units": 4}'
    query = {"source": "erp", "as_of": datetime.now(UTC).isoformat()}
    await world.client.post("/v1/stock/figures", content=figure, params=query)
    await outbox.drain(world.parts)


class _UndoneError(Exception):
    """Ends a transaction that must leave nothing behind."""


async def found_after(world: build.World, *sql: str) -> set[str]:
    """The invariants that are broken after these statements, which are undone again."""
    found: set[str] = set()

    async def work(tx: Tx) -> None:
        for each in sql:
            await tx.run(each)
        found.update(f.name for f in await checking.findings(tx) if f.violations)
        raise _UndoneError

    with contextlib.suppress(_UndoneError):
        await world.write(work)
    return found


async def test_a_day_of_work_leaves_everything_whole(world: build.World) -> None:
    await a_day(world)
    findings = await check(world.db)
    assert [f for f in findings if f.violations] == []
    unseen = {f.name for f in findings if not f.compared}
    assert unseen <= {f.name for f in findings if "outbox" in f.name or "answer" in f.name or "audit" in f.name}


async def test_each_broken_invariant_is_found_and_no_other(world: build.World) -> None:
    await a_day(world)
    await world.write(lambda tx: audit.record(tx, "test", "me", "did", "one"))
    await world.write(lambda tx: audit.record(tx, "test", "me", "did", "two"))
    found = {what: await found_after(world, *NO_GUARDS, sql) for what, (sql, _) in BREAKS.items()}
    assert found == {what: names for what, (_, names) in BREAKS.items()}
    asked = {f.name for f in await check(world.db)}
    assert asked == set().union(*(names for _, names in BREAKS.values())), "each invariant is broken by some test"


async def test_only_the_first_rows_of_a_violation_are_shown_and_all_are_counted(world: build.World) -> None:
    many = (
        "INSERT INTO stock_movement (id, sku, node, bucket, quantity, reason, at)"
        " SELECT gen_random_uuid(), 'G-' || n, 'S-1', 'sellable', 1, 'receipt', now() FROM generate_series(1, 500) n"
    )
    await world.write(lambda tx: tx.run(many))
    first = (await check(world.db))[0]
    assert (first.violations, len(first.examples)) == (500, checking.SHOWN)


async def test_a_rebuild_makes_positions_follow_their_ledger_and_claims(world: build.World) -> None:
    await a_day(world)
    assert await world.read(rebuild.differences) == []
    spoilt = "UPDATE stock_position SET sellable = sellable + 4, reserved = 9 WHERE sku = 'APPLE' AND node = 'S-1'"
    before = await world.rows("SELECT sellable, reserved FROM stock_position WHERE sku = 'APPLE' AND node = 'S-1'")
    await world.write(lambda tx: tx.run(spoilt))
    wrong = await world.read(rebuild.differences)
    assert [(d.sku, d.node, d.bucket, d.position - d.facts) for d in wrong] == [
        ("APPLE", "S-1", "reserved", 9 - before[0]["reserved"]),
        ("APPLE", "S-1", "sellable", 4),
    ]
    mended = await world.write(lambda tx: rebuild.put_right(tx, SYSTEM.id, [(d.sku, d.node) for d in wrong]))
    assert mended == wrong
    after = await world.rows("SELECT sellable, reserved FROM stock_position WHERE sku = 'APPLE' AND node = 'S-1'")
    assert after == before
    assert [f for f in await check(world.db) if f.violations] == [], "the shelf's devices were told as well"


async def test_a_rebuild_refuses_a_ledger_no_shelf_can_follow(world: build.World) -> None:
    await open_shop(world)
    impossible = (
        "INSERT INTO stock_movement (id, sku, node, bucket, quantity, reason, at)"
        " VALUES (gen_random_uuid(), 'WINE', 'S-1', 'damaged', -2, 'miscount', now())"
    )
    await world.write(lambda tx: tx.run(impossible))
    with pytest.raises(Conflict, match="WINE at S-1 says -2 for damaged"):
        await world.write(lambda tx: rebuild.put_right(tx, SYSTEM.id, [("WINE", STORE)]))
