"""Sends photos after the commands: piece after piece, and whatever was queued meanwhile goes first.

A line that breaks costs one piece; the server says where to go on. A photo the server cannot take now (it is busy, or
fails on this one) does not keep the others from going, and does not make the device look offline.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from shared import errors
from shared.proofs import PIECE_BYTES, Received
from store_app.engine.client import Client
from store_app.engine.notify import Bus, Topic
from store_app.engine.photos import Photos
from store_app.engine.transport import Offline

log = logging.getLogger(__name__)
SETBACKS = 3
"""How often a photo may be no further after a piece than before, until it is called unwanted."""
_ENDS_ALL = (Offline, errors.NotSignedIn, errors.NotAllowed, errors.UpdateNeeded)
"""What is not about one photo."""
First = Callable[[], Awaitable[None]]
"""What has priority before each piece."""


async def _nothing() -> None:
    """A revoked device has said everything else."""


class PhotoSender:
    """One per device, on the syncer's loop."""

    def __init__(self, photos: Photos, client: Client, bus: Bus) -> None:
        self._photos, self._client, self._bus = photos, client, bus

    async def send_all(self, first: First) -> bool:
        """Send what waits. False: the server would not have some of it now, to be tried again later. Raises what ends
        every conversation: no line, no rights, an app that is too old."""
        all_done = True
        for sha256 in self._photos.to_send():
            try:
                await self._send(sha256, first)
            except _ENDS_ALL:
                raise
            except errors.BatonError as error:
                log.warning("a photo could not be sent: %s", error.code)
                all_done = False
        return all_done

    async def leave(self) -> None:
        """The last push of a revoked device, after its queue. Raises `Offline`: nothing may be destroyed yet. What the
        server does not take for another reason is given up."""
        for sha256 in self._photos.to_send():
            try:
                await self._send(sha256, _nothing, left=True)
            except Offline:
                raise
            except errors.BatonError as error:
                log.warning("a photo was not taken from a revoked device: %s", error.code)

    async def _send(self, sha256: str, first: First, *, left: bool = False) -> None:
        """Until the server has it, or says that it does not want it. An empty piece asks how much is there."""
        content = self._photos.content(sha256)
        if content is None:
            return
        told, setbacks = await self._offer(sha256, 0, b"", left), 0
        while told is not None and not told.whole and setbacks < SETBACKS:
            await first()
            start = told.received
            told = await self._offer(sha256, start, content[start : start + PIECE_BYTES], left)
            setbacks += told is not None and told.received <= start
        if told is not None and told.whole:
            self._photos.sent(sha256)
        else:
            log.warning("the server does not take a photo")
            self._photos.unwanted(sha256)
        self._bus.tell(Topic.SYNC)

    async def _offer(self, sha256: str, start: int, piece: bytes, left: bool) -> Received | None:
        """What the server has now; nothing where it has thrown away what did not add up. None: nobody has named it."""
        try:
            return await self._client.send_piece(sha256, start, piece, left=left)
        except (errors.NotFound, errors.TooLarge):
            return None
        except errors.InvalidInput:
            return Received(sha256=sha256, size=0, received=0, whole=False)
