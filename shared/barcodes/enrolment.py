"""The code that makes a device a store's: `BTN:E:7KQM-4FHT`, with the server's address behind it where that is known.

A packaged app does not know its server yet, and an address is a nuisance to type on a phone: the code a manager shows
carries it, `BTN:E:7KQM-4FHT HTTPS://OMS.EXAMPLE.COM`. Labels are upper-case, so only an address that means the same in
lower case fits on one; a device that was told its server otherwise leaves it unread.
"""

from __future__ import annotations

from shared.barcodes.errors import BadCode
from shared.barcodes.labels import PREFIX, label
from shared.barcodes.scanned import ScanKind

_LABEL = f"{PREFIX}E:"


def enrolment_label(code: str, server: str | None = None) -> str:
    """The text of the QR code; without the address if that cannot be written on a label."""
    if server and server == server.lower():
        try:
            return label(ScanKind.ENROLMENT, f"{code} {server}")
        except BadCode:
            pass
    return label(ScanKind.ENROLMENT, code)


def split_enrolment(text: str) -> tuple[str, str]:
    """Code and address of what was scanned or typed; the address is empty where there is none."""
    plain = text.strip()
    if plain.upper().startswith(_LABEL):
        plain = plain[len(_LABEL) :]
    code, _, address = plain.rpartition(" ")
    if code and address.lower().startswith(("https://", "http://")):
        return code.strip(), address.lower()
    return plain, ""
