"""Customers hear once of what happens to their order, and a broken mail server only delays it."""

from __future__ import annotations

import asyncio
import email
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from server.integrations.messengers.files import Files
from server.integrations.messengers.smtp import Smtp
from server.kit import outbox
from server.kit.transaction import Tx
from server.messages.rules import mail, pause_after, render
from server.messages.service import NewMessage, queue, send_due
from tests.build import World
from tests.shop import open_shop

pytestmark = pytest.mark.postgres
SENDER = "orders@shop.example"


def a_message(key: str = "order_confirmed/1") -> NewMessage:
    values = {
        "number": "B-1042-7K",
        "name": "Maria <b>Sanchez</b>",
        "link": "https://shop.example/c/abc",
        "lines": [{"name": "Red apples", "quantity": 2}],
        "total": "6.98 USD",
        "store": "Store S-1",
    }
    return NewMessage(key, "order_confirmed", UUID(int=1), "maria@example.com", "en", values)


class Fake:
    """A messenger that fails as often as told, then delivers."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.delivered: list[EmailMessage] = []

    async def send(self, message: EmailMessage) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the server is away")
        self.delivered.append(message)


@asynccontextmanager
async def smtp_sink() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A real mail server that takes everything, on a free port."""
    letters: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"DATA":
                writer.write(b"354 go on\r\n")
                letters.append((await reader.readuntil(b"\r\n.\r\n"))[:-5])
            writer.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            await writer.drain()
            if word == b"QUIT":
                break
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], letters


async def put(world: World, *messages: NewMessage) -> int:
    async def work(tx: Tx) -> int:
        return await queue(tx, messages)

    return await world.write(work)


async def test_the_same_message_is_queued_once(world: World) -> None:
    assert await put(world, a_message()) == 1
    assert await put(world, a_message(), a_message("order_confirmed/2")) == 1


async def test_nobody_is_told_that_a_bag_waits_which_they_took_while_the_store_was_offline(world: World) -> None:
    shop = await open_shop(world)
    tablet = await shop.tablet()
    for taken in (False, True):
        job = (await shop.buy(("APPLE", 1)))["jobs"][0]["id"]
        commands = [
            tablet.command("pick", fulfilment=job, line=1, total=1),
            tablet.command("pack", fulfilment=job),
            tablet.command("stage", fulfilment=job, place="A1"),
        ]
        if taken:
            given = [{"line": 1, "quantity": 1}]
            commands.append(tablet.command("hand_off", fulfilment=job, proof="id_seen", lines=given))
        await tablet.push(*commands)
        await outbox.drain(world.parts)
        told = await world.rows("SELECT id FROM message WHERE dedupe_key LIKE :key", key=f"ready_for_pickup/{job}/%")
        kept = await world.rows("SELECT doc FROM fulfilment WHERE id = CAST(:job AS uuid)", job=job)
        assert (len(told), kept[0]["doc"]["code_hash"] is None) == ((0, True) if taken else (1, False))


async def test_a_message_is_sent_once_and_its_words_are_kept(world: World) -> None:
    fake = Fake()
    await put(world, a_message())
    assert await send_due(world.db, fake, sender=SENDER) == 1
    assert await send_due(world.db, fake, sender=SENDER) == 0
    assert len(fake.delivered) == 1
    row = (await world.rows("SELECT * FROM message"))[0]
    assert row["state"] == "sent"
    assert "2 x Red apples" in row["body_text"]
    assert "Maria &lt;b&gt;" in row["body_html"]


async def test_a_failed_delivery_waits_and_is_tried_again_with_the_same_message_id(world: World) -> None:
    fake = Fake(failures=1)
    await put(world, a_message())
    await send_due(world.db, fake, sender=SENDER)
    row = (await world.rows("SELECT * FROM message"))[0]
    assert (row["state"], row["attempts"]) == ("waiting", 1)
    assert "away" in row["error"]
    assert await send_due(world.db, fake, sender=SENDER) == 0, "not before its time"

    async def later(tx: Tx) -> None:
        await tx.run("UPDATE message SET next_try_at = :now", now=tx.now - timedelta(seconds=1))

    await world.write(later)
    assert await send_due(world.db, fake, sender=SENDER) == 1
    assert str(row["id"]) in str(fake.delivered[0]["Message-ID"])


async def test_two_workers_never_take_the_same_message(world: World) -> None:
    fake = Fake()
    await put(world, *(a_message(f"order_confirmed/{n}") for n in range(30)))
    await asyncio.gather(*(send_due(world.db, fake, sender=SENDER) for _ in range(4)))
    ids = [m["Message-ID"] for m in fake.delivered]
    assert len(ids) == len(set(ids)) == 30


def test_pauses_grow_and_end() -> None:
    pauses = [pause_after(n) for n in range(1, 11)]
    assert pauses[0] == timedelta(minutes=1)
    assert pauses[-1] is None
    assert all(a <= b for a, b in itertools.pairwise(pauses) if a and b)


async def test_smtp_delivers_to_a_real_server() -> None:
    message = a_message()
    said = render("order_confirmed", "en", message.values)
    async with smtp_sink() as (port, letters):
        await Smtp(f"smtp://127.0.0.1:{port}").send(mail(str(uuid4()), SENDER, message.to, said))
    letter = email.message_from_bytes(letters[0], policy=policy.default)
    assert letter["Subject"] == "Your order B-1042-7K"
    assert letter["To"] == "maria@example.com"


async def test_files_replace_themselves(tmp_path: Path) -> None:
    letter = mail("abc", SENDER, "maria@example.com", render("order_confirmed", "en", a_message().values))
    for _ in range(2):
        await Files(tmp_path).send(letter)
    assert [p.name for p in await asyncio.to_thread(lambda: list(tmp_path.iterdir()))] == ["abc.eml"]
