"""Where the server is, for a device that learns it from an enrolment code or from a person."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit


class Address:
    """One line in a file beside the local store, which a new enrolment empties; `url` is empty until it is known."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.url = path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            self.url = ""

    def move(self, typed: str) -> None:
        """From now on the server is there. Raises ValueError for what is no address."""
        url = address_of(typed)
        if url == self.url:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.write_text(url + "\n", encoding="utf-8")
        beside.replace(self._path)
        self.url = url


def address_of(typed: str) -> str:
    """What was typed or scanned, as the beginning of a web address without a slash at its end.

    A bare name is taken to be secure (https); a bare number (192.168.1.20:8550) or localhost is a server on the shop's
    own network or on this machine, which nobody can have vouched for. Raises ValueError for what is no address.
    """
    plain = typed.strip()
    if "://" not in plain:
        host = urlsplit(f"//{plain}").hostname or ""
        plain = f"{'http' if _nearby(host) else 'https'}://{plain}"
    parts = urlsplit(plain)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"no address of a server: {typed!r}")
    if any(not sign.isprintable() or sign.isspace() for sign in plain) or parts.username is not None:
        raise ValueError(f"no address of a server: {typed!r}")
    port = f":{parts.port}" if parts.port else ""  # a port that is no number raises ValueError here
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def _nearby(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True
