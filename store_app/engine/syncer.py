"""Keeps server and device in step: pushes the queue, pulls the feed, waits well when neither works.

`run_once` is the whole protocol once (greet, push everything, pull everything); `run_forever` repeats it, then stays
connected with a long poll while new commands are pushed at once. Back-off has full jitter between 1 and 60 seconds and
begins anew with `poke` (a tap, the foreground, a new command).

A command that makes the server itself fail is tried alone; after five failures it is reported as `stuck` and goes on
being tried with the longest back-off, while the feed is pulled as ever. (The server holds what it cannot carry out, so
this is the last resort; skipping a number is not possible without losing order.)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from shared import errors
from shared.sync import MAX_PUSH, Hello
from store_app.engine.client import Client, ServerFailed
from store_app.engine.clock import Chance, Clock
from store_app.engine.commands import Queued
from store_app.engine.contact import Contact
from store_app.engine.damage import Damaged
from store_app.engine.db import Database
from store_app.engine.needs import waited_for
from store_app.engine.notify import Bus, Topic
from store_app.engine.outbox import Outbox
from store_app.engine.photos import Photos
from store_app.engine.replica import BrokenSnapshot, Replica
from store_app.engine.sending import PhotoSender
from store_app.engine.state import Link, SyncStatus
from store_app.engine.transport import Offline
from store_app.engine.wiping import wipe

log = logging.getLogger(__name__)
PULL_ROWS = 500
LONG_POLL_S = 25
FAILURES_TO_STUCK = 5
LONGEST_PAUSE_S = 60.0
WIPE_EVERY = timedelta(hours=1)


class Syncer:
    """One per device. All of it runs on one event loop; `poke` may be called from any thread."""

    def __init__(
        self,
        db: Database,
        outbox: Outbox,
        replica: Replica,
        client: Client,
        clock: Clock,
        chance: Chance,
        bus: Bus,
        contact: Contact,
        photos: Photos,
    ) -> None:
        self._db, self._outbox, self._replica, self._client = db, outbox, replica, client
        self._clock, self._chance, self._bus = clock, chance, bus
        self._contacts, self._photos = contact, photos
        self.sender = PhotoSender(photos, client, bus)
        self._status = SyncStatus(
            link=Link.OFFLINE if db.meta("device") else self._without_token(), last_contact=contact.last
        )
        self.on_damaged: Callable[[], None] = lambda: None
        """Begins a new store in the place of the damaged one."""
        self.on_revoked: Callable[[], Awaitable[None]] = _nothing
        """Gives the queue back and erases the device, or raises why not."""
        self._streams: list[str] = []
        self._exchange = asyncio.Lock()
        """No command goes up while a snapshot is read, so that it is clear which ones it contains."""
        self._failures = 0
        self._stuck_tries = 0
        self._closing = False
        self._wiped_at: datetime | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._poked: asyncio.Event | None = None
        self._queued: asyncio.Event | None = None

    # ------------------------------------------------------------ status

    @property
    def status(self) -> SyncStatus:
        """As of now, counts included."""
        unseen = self._outbox.unseen() if self._outbox.needs_you else []
        return replace(
            self._status,
            waiting=self._outbox.waiting,
            photos=self._photos.waiting,
            needs_you=len(waited_for(self._replica.view.exceptions(), unseen)) + self._told,
            offset_ms=self._outbox.offset_ms,
        )

    @property
    def _told(self) -> int:
        """What else waits to be read: a command that makes the server fail, a damaged file that was mended."""
        return (self._status.stuck is not None) + (self._db.meta("mended") is not None)

    def _set(self, **fields: Any) -> None:
        before = self._status
        self._status = replace(before, **fields)
        if replace(before, last_contact=None) != replace(self._status, last_contact=None):
            self._bus.tell(Topic.SYNC)

    def poke(self, *, new_command: bool = False) -> None:
        """Something changed (a tap, the foreground, a new command): try now."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        with contextlib.suppress(RuntimeError):  # the loop ended between the question and now
            for event in (self._queued, None if new_command and not self._status.online else self._poked):
                if event is not None:
                    loop.call_soon_threadsafe(event.set)

    def stop(self) -> None:
        """`run_forever` ends soon."""
        self._closing = True
        self.poke()

    # ------------------------------------------------------------ once

    async def run_once(self) -> bool:
        """Greet, push all, pull all, send photos. True when all of that was done; otherwise `status` says why not."""
        return await self._guarded(self._everything)

    async def _everything(self) -> None:
        await self._in_step()
        await self.sender.send_all(self._push_all)

    async def _in_step(self) -> None:
        await self._greet()
        try:
            await self._explain()  # somebody may have switched it off between a snapshot and the answer
            await self._push_all()
        finally:
            await self._pull_all()
        self._contact()

    async def _greet(self) -> None:
        sent_at = self._clock.now()
        mine = self._db.meta("epoch") or 0
        hello = await self._client.hello(mine, self._outbox.settled_n if mine else 0)
        self._contacts.heard()
        self._know(hello)
        self._measure(hello.server_time, sent_at)
        first, last = hello.schemas
        if not first <= self._outbox.schema <= last:
            raise errors.UpdateNeeded("The server speaks another version.")
        self._streams = hello.streams
        if mine != hello.epoch or not self._replica.cursor:
            await self._load_snapshot()
        self._reconcile(hello)

    def _know(self, hello: Hello) -> None:
        """After damage the server says who this device is, and how far its queue had come."""
        if self._db.meta("device") != hello.device:
            self._db.set_meta(device=hello.device, node=hello.node)
            self._replica.view.load(hello.device, self._outbox.unsettled())
        self._outbox.take_back(hello.last_n)

    def _measure(self, server_time: datetime, sent_at: datetime) -> None:
        middle = sent_at + (self._clock.now() - sent_at) / 2
        offset = round((server_time - middle).total_seconds() * 1000)
        if abs(offset - self._outbox.offset_ms) > 250:
            self._db.set_meta(offset_ms=offset)

    def _reconcile(self, hello: Hello) -> None:
        """Agree on which commands the server has. What we think it has not is sent, even if it has: it knows."""
        self._outbox.send_again_after(hello.last_n)
        self._outbox.skip_to(hello.last_n)

    async def _push_all(self) -> None:
        size, pushed = MAX_PUSH, 0
        while batch := self._to_push(size):
            try:
                async with self._exchange:
                    behind = max(0, self._outbox.waiting_to_go - len(batch))
                    answer = await self._client.push([queued.wire() for queued in batch], behind)
            except errors.QueueGap as gap:
                self._close_gap(gap.wanted, batch[0].n)
                continue
            except errors.ReusedKey:
                if len(batch) > 1:
                    size = 1
                else:
                    self._outbox.renumber_after(batch[0].n, (await self._client.hello()).last_n)
                continue
            except ServerFailed:
                if len(batch) > 1:
                    size = len(batch) // 2
                    continue
                self._count_failure(batch[0].n)
                raise
            self._stuck_tries = 0
            self._set(stuck=None)
            size = min(MAX_PUSH, size * 2)
            if strangers := self._outbox.mark_sent(answer.outcomes):
                self._outbox.renumber_after(min(o.n for o in strangers), answer.last_n)
            elif answer.last_n < batch[0].n or batch[0].n == pushed:
                raise Offline("The server did not take the commands.")
            pushed = batch[0].n
            self._bus.tell(Topic.SYNC)

    def _to_push(self, size: int) -> list[Queued]:
        if self._db.damaged:  # found by somebody at a screen: nothing of this file is sent any more
            raise Damaged("the store is damaged")
        return self._outbox.to_push(size)

    def _close_gap(self, wanted: int, first: int) -> None:
        """The server lacks earlier commands (restored from a backup): the journal is pushed again from there."""
        if wanted >= first:
            raise Offline("The server asks for commands that were just sent.")
        self._outbox.send_again_after(wanted - 1)
        again = self._outbox.to_push(1)
        if not again or again[0].n != wanted:
            raise errors.Conflict(f"The server asks for command {wanted}, which is no longer in the journal.")

    def _count_failure(self, n: int) -> None:
        self._stuck_tries += 1
        if self._stuck_tries >= FAILURES_TO_STUCK:
            self._set(stuck=n)

    async def _pull_all(self) -> None:
        while await self._pull(wait=0):
            pass

    async def _pull(self, wait: int) -> bool:
        """One page. True when there is more already."""
        known = self._replica.cursor
        cursor = {stream: known.get(stream, 0) for stream in {*known, *self._streams}}
        try:
            page = await self._client.pull(cursor, wait, PULL_ROWS)
        except errors.Resync:
            await self._load_snapshot()
            return True
        if page.epoch != self._db.meta("epoch"):
            raise Offline("The server was restored from a backup: greet it again.")
        self._replica.apply(page)
        moved = any(seq > cursor.get(stream, 0) for stream, seq in page.cursor.items())
        return page.more and moved

    async def _load_snapshot(self) -> None:
        self._set(loading=True)
        try:
            async with self._exchange:
                header, rows = await self._client.snapshot()
            load = self._replica.snapshot()
            count = 0
            while piece := list(islice(rows, PULL_ROWS)):
                load.add(piece)
                count += len(piece)
                await asyncio.sleep(0)
            load.swap(header["cursor"], int(header["epoch"]), count, header.get("last_n"))
            await self._explain()
        except (BrokenSnapshot, KeyError, ValueError) as error:
            raise Offline("The snapshot was not complete.") from error
        finally:
            self._set(loading=False)
        self.poke(new_command=True)  # a snapshot of another epoch puts commands back into the queue

    async def _explain(self) -> None:
        """Ask what became of commands that a snapshot settled. Where the server knows another command by a number this
        store is an old copy, and ours was never sent: it goes back into the queue, where it is given another number."""
        unknown = self._outbox.unexplained(MAX_PUSH)
        try:
            await self._ask_about(unknown)
        except errors.ReusedKey:
            for queued in unknown:
                try:
                    await self._ask_about([queued])
                except errors.ReusedKey:
                    self._outbox.put_back(queued.n)

    async def _ask_about(self, unknown: Sequence[Queued]) -> None:
        if unknown:
            self._outbox.explain((await self._client.push([queued.wire() for queued in unknown])).outcomes)

    # ------------------------------------------------------------ for ever

    async def run_forever(self) -> None:
        """Until `stop`. Never raises; what is wrong stands in `status`."""
        self._loop = asyncio.get_running_loop()
        self._poked, self._queued = asyncio.Event(), asyncio.Event()
        while not self._closing:
            self._wipe()
            if await self._guarded(self._in_step):
                self._failures = 0
                self._outbox.prune(self._clock.now())
                await self._guarded(self._stay)
            if not self._closing:
                await self._pause()

    def _wipe(self) -> None:
        """Once an hour, with or without a connection: personal data that has had its time leaves the device."""
        now = self._clock.now()
        if self._wiped_at is not None and timedelta(0) <= now - self._wiped_at < WIPE_EVERY:
            return
        self._wiped_at = now
        try:
            wipe(self._db, self._replica.view)
            self._photos.wipe()
        except (sqlite3.Error, OSError):
            log.exception("personal data could not be wiped; tried again in an hour")

    async def _stay(self) -> None:
        """Connected: the long poll brings what is new, a new command goes up at once. Ends by raising."""
        await self._first(self._keep_pulling(), self._keep_pushing())

    async def _keep_pulling(self) -> None:
        while not self._closing:
            await self._pull(wait=LONG_POLL_S)
            self._contact()
            self._wipe()

    async def _keep_pushing(self) -> None:
        assert self._queued is not None  # noqa: S101  (set by run_forever)
        tries = 0
        while not self._closing:
            try:
                await self._push_all()
                if await self.sender.send_all(self._push_all):
                    tries = 0
                    await self._queued.wait()
                else:  # photos are tried again by and by; a new command goes at once
                    tries += 1
                    await self._first(self._clock.sleep(self._jitter(tries)), self._wait(self._queued))
            except ServerFailed:
                tries += 1
                await self._clock.sleep(self._jitter(tries))
            self._queued.clear()

    async def _pause(self) -> None:
        """Full jitter; `poke` ends it and makes the next pause short again."""
        assert self._poked is not None  # noqa: S101  (set by run_forever)
        self._poked.clear()
        self._failures += 1
        await self._first(self._clock.sleep(self._jitter(self._failures)), self._wait(self._poked))
        if self._poked.is_set():
            self._failures = 0

    @staticmethod
    async def _wait(event: asyncio.Event) -> None:
        await event.wait()

    def _jitter(self, tries: int) -> float:
        top = min(LONGEST_PAUSE_S, 2.0 ** min(tries, 6))
        return 1.0 + self._chance.random() * (top - 1.0)

    @staticmethod
    async def _first(*jobs: Coroutine[Any, Any, None]) -> None:
        """Run side by side until one ends; the others are cancelled, and what the first one raised is raised."""
        tasks = [asyncio.ensure_future(job) for job in jobs]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            if task in done:
                task.result()

    # ------------------------------------------------------------ trouble

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Do it, and turn whatever goes wrong into status. A programming error is logged, never fatal."""
        if not self._client.token:
            self._set(link=self._without_token())
            return False
        try:
            if self._db.damaged:
                self.on_damaged()
            await work()
        except (errors.NotSignedIn, errors.NotAllowed) as error:
            self._lost(Link.REVOKED, error.code)
            await self._leave()
        except errors.UpdateNeeded as error:
            self._lost(Link.UPDATE_NEEDED, error.code)
        except errors.BatonError as error:
            self._lost(Link.OFFLINE, error.code)
        except Exception as error:
            log.exception("sync failed")
            self._lost(Link.OFFLINE, type(error).__name__)
        else:
            return True
        return False

    def _without_token(self) -> Link:
        return Link.REVOKED if self._db.meta("shut_out") else Link.NOT_ENROLLED

    async def _leave(self) -> None:
        """The server no longer lets this device in: if it is revoked, its queue goes to quarantine and its keys away;
        otherwise nothing changes, and it is asked again at the next turn."""
        try:
            await self.on_revoked()
        except errors.BatonError as error:
            log.info("the queue stays: %s", error.code)
        except Exception:
            log.exception("leaving failed")

    def _contact(self) -> None:
        self._contacts.heard()
        self._set(link=Link.ONLINE, offline_since=None, trouble=None, last_contact=self._clock.now())

    def _lost(self, link: Link, trouble: str) -> None:
        self._set(link=link, offline_since=self._status.offline_since or self._clock.now(), trouble=trouble)


async def _nothing() -> None:
    """Without an engine nothing is erased."""
