"""Photos of hand-offs in a fleet's story: some are taken, and in the end the server has every one that was named."""

from __future__ import annotations

from random import Random

from shared.proofs import PIECE_BYTES
from tests.build import World

SIZES = (900, 900, 900, 2 * PIECE_BYTES + 900)
"""Bytes; most stories need only one piece."""


def perhaps_taken(chance: Random) -> bytes | None:
    """A picture nobody has taken before; at every fifth hand-off none."""
    if chance.random() > 0.8:
        return None
    return b"\xff\xd8\xff" + chance.randbytes(20) + bytes(chance.choice(SIZES) - 23)


async def photos(world: World) -> tuple[int, list[str]]:
    """How many commands have named, and what is wrong: those that never came."""
    rows = await world.rows("SELECT sha256, device, whole_at FROM attachment ORDER BY named_at, sha256")
    lost = [row for row in rows if row["whole_at"] is None]
    return len(rows), [f"the photo {row['sha256'][:8]} of {row['device']} never came" for row in lost]
