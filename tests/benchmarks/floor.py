"""The floor every order benchmark is measured against: what PostgreSQL does for one minimal order, without us.

A minimal order is an order, two lines, two guarded stock updates, two reservations and an event: eight prepared
statements between BEGIN and COMMIT, a round trip each, sent by pgbench. It runs in a scratch schema of the database
under test, so that server, settings, disk and neighbours are the same; stock, the hot rows, is taken last and in key
order, which is the order that favours the floor.

    python -m tests.benchmarks.floor            # on an embedded server of its own
"""

import json
import re
import subprocess
import tempfile
from pathlib import Path

from server.kit import postgres

SCHEMA = "bench_floor"
ITEMS, NODES = 5_000, 8

TABLES = f"""
DROP SCHEMA IF EXISTS {SCHEMA} CASCADE;
CREATE SCHEMA {SCHEMA};
SET search_path = {SCHEMA};
CREATE TABLE orders (id uuid PRIMARY KEY, external_id text NOT NULL, placed_at timestamptz NOT NULL,
                     body jsonb NOT NULL);
CREATE TABLE lines (order_id uuid, n int, item_id int NOT NULL, quantity int NOT NULL, PRIMARY KEY (order_id, n));
CREATE TABLE stock (item_id int, node_id int, on_hand int NOT NULL, reserved int NOT NULL DEFAULT 0,
                    PRIMARY KEY (item_id, node_id)) WITH (fillfactor = 50);
CREATE TABLE reservations (order_id uuid, n int, item_id int NOT NULL, node_id int NOT NULL, quantity int NOT NULL,
                           PRIMARY KEY (order_id, n));
CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, order_id uuid NOT NULL, kind text NOT NULL,
                     at timestamptz NOT NULL, body jsonb NOT NULL);
INSERT INTO stock (item_id, node_id, on_hand) SELECT i, n, 1000000 FROM generate_series(1, {ITEMS}) i,
                                                                        generate_series(1, {NODES}) n;
ANALYZE;
"""

TAKE = """UPDATE {s}.stock SET reserved = reserved + 1
    WHERE item_id = :{item} AND node_id = :node AND on_hand - reserved >= 1;"""

ORDER = """
\\set first random(1, {half})
\\set second random({half} + 1, {items})
\\set node random(1, {nodes})
BEGIN;
INSERT INTO {s}.orders VALUES ({uuid}(), 'web-' || :client_id, now(), '{{"channel": "web"}}')
    RETURNING id AS order \\gset
INSERT INTO {s}.lines VALUES (:order, 1, :first, 1);
INSERT INTO {s}.lines VALUES (:order, 2, :second, 1);
INSERT INTO {s}.events (order_id, kind, at, body) VALUES (:order, 'placed', now(), '{{"lines": 2}}');
INSERT INTO {s}.reservations VALUES (:order, 1, :first, :node, 1);
INSERT INTO {s}.reservations VALUES (:order, 2, :second, :node, 1);
{take_first}
{take_second}
COMMIT;
"""


def pgbench_floor(server: postgres.Running | str, seconds: int = 8, clients: int = 32) -> float:
    """Minimal orders a second, on an embedded server or on any PostgreSQL given as a libpq URL."""
    url = server if isinstance(server, str) else server.url(None)
    make_tables(url)
    try:
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "order.sql"
            script.write_text(_script(url))
            options = ["-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds), "-f", str(script)]
            said = _run([postgres.program("pgbench"), *options, url])
        placed = int(_sql(url, f"SELECT count(*) FROM {SCHEMA}.orders"))
        reserved = int(_sql(url, f"SELECT sum(reserved) FROM {SCHEMA}.stock"))
        if reserved != 2 * placed:
            raise RuntimeError(f"The floor is wrong: {placed} orders, but {reserved} units reserved.")
    finally:
        drop_tables(url)
    return float(re.findall(r"tps = ([\d.]+)", said)[-1])


def make_tables(url: str) -> None:
    """The scratch schema, with stock that never runs out."""
    _sql(url, TABLES)


def drop_tables(url: str) -> None:
    _sql(url, f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


def _script(url: str) -> str:
    time_ordered = int(_sql(url, "SHOW server_version_num")) >= 180000
    return ORDER.format(
        s=SCHEMA,
        half=ITEMS // 2,
        items=ITEMS,
        nodes=NODES,
        uuid="uuidv7" if time_ordered else "gen_random_uuid",
        take_first=TAKE.format(s=SCHEMA, item="first"),
        take_second=TAKE.format(s=SCHEMA, item="second"),
    )


def _sql(url: str, statements: str) -> str:
    quiet = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"]
    return _run([postgres.program("psql"), *quiet, "-c", "SET client_min_messages = warning", "-c", statements, url])


def _run(command: list[str | Path]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout.strip()


if __name__ == "__main__":
    with postgres.temporary(fast=False) as own:
        print(json.dumps({"bench": "floor", "value": round(pgbench_floor(own)), "unit": "orders/s"}))
