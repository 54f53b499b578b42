"""Pure: the words of a message, and when a failed delivery is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

Kind = Literal["order_confirmed", "ready_for_pickup", "shipped", "units_cancelled", "promise_changed"]
TEMPLATES = Path(__file__).parent / "templates"
LANGUAGES = frozenset(path.name for path in TEMPLATES.iterdir() if path.is_dir())
MAX_ATTEMPTS = 10
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=12)
_plain = Environment(  # noqa: S701 (text, not markup: the HTML form escapes every paragraph)
    loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_marked_up = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=True)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message in words. `html` says the same as `text`."""

    subject: str
    text: str
    html: str


def language_of(wanted: str) -> str:
    """The language we have that comes nearest."""
    return next((code for code in (wanted, wanted.split("-")[0]) if code in LANGUAGES), "en")


def render(kind: str, language: str, values: Mapping[str, Any]) -> Rendered:
    """A message from its template: the first line is the subject, a blank line parts paragraphs."""
    whole = _plain.get_template(f"{language}/{kind}.txt").render(values)
    subject, text = whole.split("\n", 1)
    paragraphs = [part.strip() for part in text.strip().split("\n\n") if part.strip()]
    html = _marked_up.get_template("layout.html").render(
        subject=subject.strip(), paragraphs=paragraphs, link=values["link"], language=language
    )
    return Rendered(" ".join(subject.split()), "\n\n".join(paragraphs) + "\n", html)


def pause_after(attempts: int) -> timedelta | None:
    """How long to wait after so many failed attempts; None: give up (about two days)."""
    if attempts >= MAX_ATTEMPTS:
        return None
    factor: int = 3 ** (attempts - 1)
    return min(_FIRST_PAUSE * factor, _LONGEST_PAUSE)


def mail(message_id: str, sender: str, to: str, rendered: Rendered) -> EmailMessage:
    """The e-mail itself. Its Message-ID is the same however often it is sent."""
    found = EmailMessage()
    found["Message-ID"] = f"<{message_id}@{sender.rsplit('@', 1)[-1]}>"
    found["From"] = Address(addr_spec=sender)
    found["To"] = Address(addr_spec=to)
    found["Subject"] = rendered.subject
    found["Auto-Submitted"] = "auto-generated"
    found.set_content(rendered.text)
    found.add_alternative(rendered.html, subtype="html")
    return found


def amount(minor: int, currency: str) -> str:
    """An amount for people, such as `12.98 USD`."""
    return f"{minor // 100}.{minor % 100:02} {currency}"
