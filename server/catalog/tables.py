"""Items and their codes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Computed, ForeignKey, Index
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.tables import Table


class ItemRow(Table):
    """A sellable item. `words` are what a person may look for, folded; `found_by` is their index form."""

    __tablename__ = "item"
    __table_args__ = (
        Index(None, "name", "sku"),
        Index(None, "found_by", postgresql_using="gin"),
        Index(None, "style", postgresql_where="style IS NOT NULL"),
    )

    sku: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    style: Mapped[str | None]
    """What variants of one another share, such as a model number."""
    variant: Mapped[str]
    category: Mapped[str]
    department: Mapped[str]
    brand: Mapped[str]
    price: Mapped[int | None]
    currency: Mapped[str]
    weight_grams: Mapped[int | None]
    dimensions: Mapped[dict[str, Any] | None]
    flags: Mapped[list[Any]]
    min_age: Mapped[int | None]
    substitutes: Mapped[list[Any]]
    picture: Mapped[str | None]
    active: Mapped[bool]
    version: Mapped[int]
    updated_at: Mapped[datetime]
    words: Mapped[str]
    found_by: Mapped[Any] = mapped_column(
        TSVECTOR, Computed("array_to_tsvector(string_to_array(words, ' '))", persisted=True)
    )


class BarcodeRow(Table):
    """A code that means an item: a GTIN in its fourteen-digit form, or any other text. One item per code."""

    __tablename__ = "barcode"
    __table_args__ = (Index(None, "sku"),)

    code: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(ForeignKey("item.sku", ondelete="CASCADE"))
