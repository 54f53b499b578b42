"""What a customer leaves at the counter: a signature, a photo of the bag in good hands; and where a store asks for it.

A signature is drawn on a pad of `PAD` units and travels inside its hand-off as strokes. A photo is named there by its
hash; its bytes follow later, in pieces. Both are extras: nobody waits for them, unless the store's policy says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import hypot
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from shared.kernel import Input, Instant, NodeCode, Wire
from shared.methods import METHODS

PAD = (1000, 500)
"""Width and height of the signing pad, whatever the screen it was drawn on."""
MOST_STROKES = 60
MOST_POINTS = 1200
"""Of a signature in all: some 12 kB of JSON at most, as much as an order."""
NEAR = 4
"""Points closer than this to the one before say nothing more."""
SHORTEST = 60
"""A line shorter than this in all is a slip of the finger, no signature."""
MAX_PHOTO_BYTES = 2 * 1024 * 1024
PIECE_BYTES = 256 * 1024
"""What is sent of a photo at once: a second or two on a poor line."""

Point = tuple[Annotated[int, Field(ge=0, le=PAD[0])], Annotated[int, Field(ge=0, le=PAD[1])]]
Stroke = Annotated[tuple[Point, ...], Field(min_length=1, max_length=MOST_POINTS)]
PhotoType = Literal["image/jpeg", "image/png", "image/webp"]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ProofPolicy = Literal["none", "signature", "photo", "either"]
Drawn = Sequence[tuple[float, float]]
"""One stroke in the pixels of some screen."""


def _few(strokes: tuple[Stroke, ...]) -> tuple[Stroke, ...]:
    if sum(map(len, strokes)) > MOST_POINTS:
        raise ValueError(f"has more than {MOST_POINTS} points; leave out those that lie close together")
    return strokes


class Signature(Input):
    """Strokes on a pad 1000 wide and 500 high, from its upper left corner, in the order in which they were drawn."""

    strokes: Annotated[tuple[Stroke, ...], Field(min_length=1, max_length=MOST_STROKES), AfterValidator(_few)] = Field(
        examples=[[[[120, 300], [180, 140], [240, 320]], [[140, 250], [220, 250]]]]
    )


class Photo(Input):
    """A photo by its hash. Its bytes are sent to `PUT /v1/sync/attachments/{sha256}` after the command."""

    sha256: Sha256 = Field(description="SHA-256 of the bytes, in hex.", examples=["9f86d081884c7d65" * 4])
    type: PhotoType
    size: int = Field(ge=1, le=MAX_PHOTO_BYTES, description="Bytes.", examples=[184_320])


class Received(Wire):
    """How much of a photo the server has."""

    sha256: Sha256
    size: int = Field(description="Bytes of the whole, as its hand-off said.")
    received: int = Field(description="Bytes that are here: the offset of the next piece.")
    whole: bool = Field(description="Everything is here, and is what its hash says.")


class PhotoView(Wire):
    """A photo as those see it who may."""

    sha256: Sha256
    type: PhotoType
    size: int
    arrived_at: Instant | None = Field(default=None, description="Null: it still waits on its device.")


class ProofView(Wire):
    """What was left at one hand-off, and who was there."""

    at: Instant
    node: NodeCode
    by: str = Field(description="Name of the associate.", examples=["Robin Reed"])
    device: str | None = None
    method: str = Field(description="How the right to collect was shown.", examples=["pass"])
    collector: str | None = Field(default=None, description="Who took it, when not the customer.")
    proxy: bool = False
    signature: Signature | None = None
    photo: PhotoView | None = None


def type_of(picture: bytes) -> PhotoType | None:
    """What the first bytes say it is; None: nothing we keep."""
    if picture.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if picture.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/webp" if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP" else None


# ---------------------------------------------------------------- where it is asked for


def asked_for(policy: Any, method: str) -> ProofPolicy:
    """What a store asks for at a hand-off of this method. `policy` is one word for all methods that hand over to a
    customer, or a mapping from method to word; anything else asks for nothing."""
    if method not in METHODS or not METHODS[method].has_pass:
        return "none"
    word = policy.get(method) if isinstance(policy, Mapping) else policy
    return word if word in ("signature", "photo", "either") else "none"


def lacking(asked: ProofPolicy, *, signed: bool, photo: bool) -> ProofPolicy:
    """What of it is not there yet."""
    there = {"none": True, "signature": signed, "photo": photo, "either": signed or photo}[asked]
    return "none" if there else asked


# ---------------------------------------------------------------- from a screen to the pad


def signature_of(strokes: Iterable[Drawn], width: float, height: float) -> Signature | None:
    """What was drawn on a pad of this many pixels; None where that is too little to be a signature."""
    scaled = [_scaled(stroke, width, height) for stroke in strokes if stroke][:MOST_STROKES]
    if sum(map(_length, scaled)) < SHORTEST:
        return None
    while sum(map(len, scaled)) > MOST_POINTS:
        scaled = [_thinned(stroke) for stroke in scaled]
    return Signature(strokes=tuple(scaled))


def _scaled(stroke: Drawn, width: float, height: float) -> tuple[Point, ...]:
    points: list[Point] = []
    for x, y in stroke:
        point = (_within(x * PAD[0] / width, PAD[0]), _within(y * PAD[1] / height, PAD[1]))
        if not points or hypot(point[0] - points[-1][0], point[1] - points[-1][1]) >= NEAR:
            points.append(point)
    return tuple(points)


def _within(value: float, most: int) -> int:
    return max(0, min(most, round(value)))


def _length(stroke: Sequence[Point]) -> float:
    return sum(hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(stroke))


def _thinned(stroke: tuple[Point, ...]) -> tuple[Point, ...]:
    """Every other point, both ends kept."""
    return stroke if len(stroke) < 3 else (*stroke[:-1:2], stroke[-1])
