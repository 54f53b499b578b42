"""Settings, read once at the edge and passed in. Every one can be set as `BATON_<NAME>` in the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """How this installation runs."""

    model_config = SettingsConfigDict(env_prefix="BATON_", extra="ignore")

    database_url: str | None = Field(
        default=None, description="postgresql://... of a PostgreSQL 15 or newer. Empty: the embedded one in data_dir."
    )
    data_dir: Path = Field(default=Path(".baton"), description="Folder for the embedded database, keys and messages.")
    host: str = "127.0.0.1"
    port: int = 8550
    public_url: str | None = Field(
        default=None, description="Address customers and devices reach; used in links, passes and enrolment codes."
    )
    role: Literal["all", "api", "worker"] = Field(default="all", description="What this process does.")
    pool_size: int = Field(default=10, ge=1, le=100, description="Database connections of one process.")
    max_body_bytes: int = Field(default=8 * 1024 * 1024, description="Bigger bodies are answered with 413.")
    log_format: Literal["json", "text"] = "text"
    log_level: str = "INFO"
    smtp_url: str | None = Field(default=None, description="smtp://user:password@host:port. Empty: messages to files.")
    message_from: str = "orders@example.com"
    pickup_days: int = Field(default=5, ge=1, description="Days a ready bag waits before it goes back to the shelf.")
    backorder_hours: float = Field(default=72, gt=0, description="After this long, backordered units are cancelled.")
    payment_gateway: Literal["test"] = "test"

    @property
    def base_url(self) -> str:
        """The address to put into links."""
        return self.public_url or f"http://{self.host}:{self.port}"
