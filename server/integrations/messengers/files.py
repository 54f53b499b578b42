"""Writes each message into a folder as an .eml file, for the demo and for trying things out."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Files:
    """One file per Message-ID: a message sent again replaces itself."""

    folder: Path

    async def send(self, message: EmailMessage) -> None:
        await asyncio.to_thread(self._write, message)

    def _write(self, message: EmailMessage) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^\w.-]", "", str(message["Message-ID"]).split("@")[0])
        half = self.folder / f".{name}.part"
        half.write_bytes(bytes(message))
        half.rename(self.folder / f"{name}.eml")
