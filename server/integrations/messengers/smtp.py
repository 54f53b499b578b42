"""Delivers by SMTP: `smtp://user:password@host:587` (STARTTLS where offered) or `smtps://...:465`."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server. Signing in without encryption is refused, except to this machine."""

    url: str

    async def send(self, message: EmailMessage) -> None:
        await asyncio.to_thread(self._send, message)

    def _send(self, message: EmailMessage) -> None:
        address = urlsplit(self.url)
        host = address.hostname or "localhost"
        context = ssl.create_default_context()
        with (
            smtplib.SMTP_SSL(host, address.port or 465, timeout=TIMEOUT_S, context=context)
            if address.scheme == "smtps"
            else smtplib.SMTP(host, address.port or 587, timeout=TIMEOUT_S)
        ) as server:
            server.ehlo()
            encrypted = address.scheme == "smtps"
            if not encrypted and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
                encrypted = True
            if address.username:
                if not encrypted and host not in {"localhost", "127.0.0.1", "::1"}:
                    raise ConnectionError(f"{host} offers no encryption; the password is not sent")
                server.login(unquote(address.username), unquote(address.password or ""))
            server.send_message(message)
