"""The verdict of `shift`: that nothing was lost, by what the database and the devices' files hold afterwards."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Sequence

from server.check import check
from server.kit.database import Database
from server.kit.transaction import Tx
from shared import api
from shared.fulfilment import CLAIMS
from store_app.engine import Engine
from tests.benchmarks.offline import Tablet
from tests.benchmarks.site import Site
from tests.simulation.deeds import lasting


async def verify(db: Database, site: Site, tablets: Sequence[Tablet], web: int) -> Counter[str]:
    """Raises when anything is not as it must be; otherwise how the commands ended. `web`: orders that were answered."""
    for found in await check(db):
        assert not found.violations, f"{found.name}: {found.violations}, such as {found.examples[0]}"
    placed = await db.read(lambda tx: tx.value("SELECT count(*) FROM customer_order WHERE external_id LIKE 'bench-%'"))
    assert placed >= web, f"{web} web orders were answered, {placed} are there"
    ends: Counter[str] = Counter()
    for tablet in tablets:
        ends += await db.read(lambda tx, tablet=tablet: recorded(tx, tablet))  # type: ignore[misc]
        same_as_new(site, tablet)
    return ends


async def recorded(tx: Tx, tablet: Tablet) -> Counter[str]:
    """Every command of the device once and in order, and no fact refused or held."""
    rows = await tx.rows(
        "SELECT n, id::text, body->>'kind' AS kind, outcome->>'status' AS status FROM device_command"
        " WHERE device = :device ORDER BY n",
        device=tablet.made.id,
    )
    assert [row["id"] for row in rows] == tablet.ids, f"{tablet.folder.name}: other commands than were made"
    assert [row["n"] for row in rows] == list(range(1, len(rows) + 1)), f"{tablet.folder.name}: numbers with gaps"
    wrong = [r for r in rows if r["status"] == "held" or (r["status"] == "refused" and r["kind"] not in CLAIMS)]
    assert not wrong, f"{tablet.folder.name}: facts were not taken: {wrong[:3]}"
    return Counter(row["status"] for row in rows)


def same_as_new(site: Site, tablet: Tablet) -> None:
    """The replica on the disk is what a new device would be given, and its queue is empty."""
    request = urllib.request.Request(
        f"http://{site.host}:{site.port}{api.SNAPSHOT}", headers={"authorization": f"Bearer {tablet.made.token}"}
    )
    with urllib.request.urlopen(request) as answer:
        rows = [json.loads(line) for line in answer.read().splitlines()[1:-1]]
    engine = Engine.open(tablet.folder, "")
    opened = engine.vault.open
    mine = {
        (kind, id_): lasting(opened(kind, id_, body))
        for kind, id_, body in engine.db.browse("SELECT kind, id, body FROM document")
    }
    waiting = engine.outbox.waiting
    engine.close()
    assert waiting == 0, f"{tablet.folder.name}: {waiting} commands still wait"
    theirs = {(row["kind"], row["id"]): lasting(row["body"]) for row in rows}
    other = [key for key in {*mine, *theirs} if mine.get(key) != theirs.get(key)]
    assert not other, f"{tablet.folder.name}: {len(other)} documents differ, such as {other[0]}"
