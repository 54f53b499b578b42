"""Ways to deliver e-mail, and which one the settings ask for."""

from __future__ import annotations

from server.integrations.messengers.files import Files
from server.integrations.messengers.smtp import Smtp
from server.messages.service import Messenger
from server.settings import Settings


def messenger_of(settings: Settings) -> Messenger:
    """SMTP where an address is given, else files in the data folder."""
    if settings.smtp_url:
        return Smtp(settings.smtp_url)
    return Files(settings.data_dir / "messages")
