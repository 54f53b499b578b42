"""Small values everything else is made of: ids, money shares, geography, masked personal data.

Quantities are whole stocking units (grams for weighed goods), money is whole minor units plus an ISO 4217 code, times
are UTC instants. Nothing here reads a clock or draws a random number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

EARTH_RADIUS_KM = 6371.0088  # IUGG mean radius
MAX_QUANTITY = 100_000
"""More units than this on one line is a slip of the hand, not an order."""


class Wire(BaseModel):
    """A document that travels: unknown fields of a newer version are ignored, values do not change in place."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Input(BaseModel):
    """Something a caller sends: unknown fields are an error, since they are a misunderstanding."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("give a time with its offset, such as 2026-03-01T09:30:00Z")
    return value


Instant = Annotated[datetime, AfterValidator(_aware)]
Sku = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
NodeCode = Annotated[str, StringConstraints(min_length=1, max_length=24, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY, strict=True)]
Count = Annotated[int, Field(ge=0, le=MAX_QUANTITY * 100, strict=True)]
Minor = Annotated[int, Field(ge=0, le=10**11, strict=True, description="Minor units of the currency (cents).")]


class Geo(Wire):
    """A point on the earth in degrees (WGS 84)."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


def distance_km(a: Geo, b: Geo) -> float:
    """Great-circle distance in kilometres (haversine formula, R. W. Sinnott 1984)."""
    la, lb = math.radians(a.latitude), math.radians(b.latitude)
    dlat, dlon = lb - la, math.radians(b.longitude - a.longitude)
    h = math.sin(dlat / 2) ** 2 + math.cos(la) * math.cos(lb) * math.sin(dlon / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(h)))


def uuid7(now: datetime, random_bytes: bytes) -> UUID:
    """A UUID version 7 (RFC 9562): 48 bits of milliseconds, then 74 of the 80 bits in `random_bytes` (10 bytes)."""
    return UUID(bytes=uuid7_bytes(now, random_bytes))


def uuid7_bytes(now: datetime, random_bytes: bytes) -> bytes:
    """The 16 bytes of `uuid7`."""
    value = bytearray(int(now.timestamp() * 1000).to_bytes(6, "big") + random_bytes[:10])
    value[6] = 0x70 | (value[6] & 0x0F)
    value[8] = 0x80 | (value[8] & 0x3F)
    return bytes(value)


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` minor units by `weights` so that the parts add up to the cent (largest remainder, Hamilton).

    Ties go to the earlier part, so the same split always gives the same cents. All weights zero: equal parts.
    """
    if not weights:
        return []
    whole = sum(weights)
    use = weights if whole else [1] * len(weights)
    whole = whole or len(weights)
    parts = [total * w // whole for w in use]
    by_remainder = sorted(range(len(use)), key=lambda i: (-(total * use[i] % whole), i))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def masked_phone(phone: str | None) -> str | None:
    """Only the last four digits, enough to ask for: `···· 4711`."""
    digits = "".join(c for c in phone or "" if c.isdigit())
    return f"···· {digits[-4:]}" if len(digits) >= 4 else None
