"""A POST that happens once: its idempotency key, claimed and answered in the transaction that does the work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import BaseModel

from server.kit import commands
from server.kit.auth import Actor
from server.kit.transaction import Tx
from shared.errors import ReusedKey

Answer = TypeVar("Answer", bound=BaseModel)


async def once(
    tx: Tx,
    actor: Actor,
    key: str | None,
    request: str | bytes,
    answer: type[Answer],
    work: Callable[[], Awaitable[Answer]],
) -> Answer:
    """Do `work` unless this actor's `key` was answered before; then give that answer again.

    `request` is what was asked: the route and the body. Raises ReusedKey when the key stood for
    something else. Without a key the work is simply done.
    """
    if key is None:
        return await work()
    claim = commands.Key(f"{actor.kind}:{actor.id}", key, commands.fingerprint(request))
    known = (await commands.begin(tx, [claim]))[claim]
    if isinstance(known, ReusedKey):
        raise known
    if known is not None:
        return answer.model_validate(known)
    done = await work()
    await commands.finish(tx, {claim: done.model_dump(mode="json")})
    return done
