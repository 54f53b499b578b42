"""A device in a process of its own: the real engine on a real file, and somebody who works far faster than any person.

    device FOLDER SERVER JOURNAL SEED SOCKET        # forked by `nursery`

It is told what to do by a line of JSON from a socket, and answers with one: `enrol` (a code and a badge), `go`, `stop`,
`where` (what waits, how far the replica is), `show` (everything it has). What a verb has acknowledged it writes into
its journal, after the verb has returned. It may be killed at any moment, and goes on where the file says.
"""

from __future__ import annotations

import asyncio
import json
import queue
import random
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from shared.reasons import Bucket
from store_app.engine.engine import Engine
from store_app.engine.results import Result
from tests.faults.journal import Journal
from tests.shop import ITEMS
from tests.simulation.deeds import ODD, do, lasting

BREATH_S = 0.006
"""Between two things it does, on average."""
IN_A_ROW = 6
"""At most so many things with one job before another one."""


class Worker:
    """One device and whoever holds it."""

    def __init__(self, folder: Path, server: str, journal: Path, seed: str, line: socket.socket) -> None:
        self.chance = random.Random(seed)
        self.engine = Engine.open(folder, server)
        self.journal = Journal(journal)
        self.badge = folder / "badge"
        self.line = line
        self.words: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.busy = False

    def run(self) -> None:
        """Until nobody tells it anything any more."""
        self.engine.start()
        threading.Thread(target=self._listen, daemon=True).start()
        while (word := self._next_word()) is not None:
            if word:
                answer = getattr(self, word["do"])(**word.get("with", {}))
                self.line.sendall(json.dumps(answer).encode() + b"\n")
            else:
                self._work()
        self.engine.close()

    def _listen(self) -> None:
        for line in self.line.makefile():
            self.words.put(json.loads(line))
        self.words.put(None)

    def _next_word(self) -> dict[str, Any] | None:
        """What it is told; {} when it has work to do and nobody says anything."""
        try:
            return self.words.get(timeout=self.chance.expovariate(1 / BREATH_S)) if self.busy else self.words.get()
        except queue.Empty:
            return {}

    # ------------------------------------------------------------ what it is told

    def enrol(self, code: str, badge: str) -> dict[str, Any]:
        result = asyncio.run(self.engine.enrol(code, "Tablet"))
        self.badge.write_text(badge)
        return {"ok": result.ok, "device": self.engine.view.device}

    def go(self) -> dict[str, Any]:
        self.busy = True
        return {}

    def stop(self) -> dict[str, Any]:
        self.busy = False
        return {}

    def where(self) -> dict[str, Any]:
        """Somebody looks at the sync screen, and taps it when it is not in step."""
        status = self.engine.syncer.status
        if not status.online:
            self.engine.syncer.poke()
        said = {"link": status.link, "trouble": status.trouble, "stuck": status.stuck}
        return {"waiting": status.waiting + status.photos, "cursor": self.engine.replica.cursor, **said}

    def show(self) -> dict[str, Any]:
        """Its documents as they are, what screens show of its jobs, and its queue with its journal."""
        opened = self.engine.vault.open
        rows = self.engine.db.browse("SELECT kind, id, body FROM document")
        documents = [[kind, id_, lasting(opened(kind, id_, body))] for kind, id_, body in rows]
        jobs = {str(job.id): job.model_dump(mode="json") for job in self.engine.view.jobs()}
        commands = [
            {"n": q.n, "id": str(q.id), "state": q.state, "body": q.body} for q in self.engine.outbox.journal(1_000_000)
        ]
        damaged = self.engine.mended is not None
        return {"documents": documents, "jobs": jobs, "commands": commands[::-1], "damaged": damaged}

    # ------------------------------------------------------------ what it does

    def _work(self) -> None:
        if self.engine.session.actor is None:
            self._acknowledged(self.engine.session.sign_in_badge(self.badge.read_text()))
        elif self.chance.random() < 0.25:
            self._adjust()
        else:
            self._job()

    def _job(self) -> None:
        jobs = self.engine.work.jobs()
        if not jobs:
            return self._adjust()
        job = self.chance.choice(jobs[:20])
        for _ in range(self.chance.randint(1, IN_A_ROW)):
            action = self.engine.work.next_action(job)
            if action is None or self.chance.random() < 0.03:
                action = self.chance.choice(ODD)
            self._acknowledged(do(self.chance, self.engine, job, action))
            job = self.engine.work.job(job.id) or job
        return None

    def _adjust(self) -> None:
        sku, delta = self.chance.choice(sorted(ITEMS)), self.chance.choice((-2, -1, 1, 2, 3))
        self._acknowledged(
            self.engine.stock_work.adjust(
                sku, Bucket.SELLABLE, delta, "found" if delta > 0 else "theft", f"note {self.chance.getrandbits(64):x}"
            )
        )

    def _acknowledged(self, result: Result) -> None:
        """The verb has returned: from now on this must never be lost."""
        if not result.ok or result.n is None:
            return
        id_, kind = self.engine.db.all("SELECT id, kind FROM command WHERE n = ?", result.n)[0]
        self.journal.note(n=result.n, id=id_, kind=kind)


def main() -> None:
    folder, server, journal, seed, address = sys.argv[1:]
    line = socket.socket(socket.AF_UNIX)
    line.connect(address)
    Worker(Path(folder), server, Path(journal), seed, line).run()
