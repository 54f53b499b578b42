"""Chance that repeats: every draw is named, so adding one draw never changes another.

Each caller asks for a generator by its seed and a name ("bins", "S004"). Nothing here depends on hash randomisation,
the order of calls or the machine.
"""

import hashlib
import random

import numpy as np


def dice(seed: int, *name: object) -> random.Random:
    """A generator for a few draws, one at a time."""
    return random.Random(_number(seed, name))


def many(seed: int, *name: object) -> np.random.Generator:
    """A generator for many draws at once. PCG64 is named, since numpy may change its default."""
    return np.random.Generator(np.random.PCG64(_number(seed, name)))


def _number(seed: int, name: tuple[object, ...]) -> int:
    text = "/".join(str(part) for part in (seed, *name))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
