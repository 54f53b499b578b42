"""`python -m store_app`: serve the store app to browsers."""

import argparse
import sys
from pathlib import Path

from shared.here import network_addresses
from store_app import certificate
from store_app.certificate import Tls
from store_app.ui.state import HubFace
from store_app.web import CERTIFICATE, serve

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  (a hub is for the tablets of its store)
HERE = "127.0.0.1"


def parser() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    words = argparse.ArgumentParser(prog="python -m store_app", description="Serve the Baton store app to browsers.")
    words.add_argument(
        "--hub", action="store_true", help="one local store for all browsers, with TLS, for the whole network"
    )
    words.add_argument("--host", help="address to listen on (default 127.0.0.1; a hub with TLS: all)")
    words.add_argument("--port", type=int, default=8600, help="port to listen on (default %(default)s)")
    words.add_argument("--server", default="http://127.0.0.1:8550", help="address of the Baton server")
    words.add_argument("--data", type=Path, default=Path(".baton/store"), help="folder of the local stores")
    words.add_argument(
        "--tls",
        action=argparse.BooleanOptionalAction,
        help="secure pages, with a certificate this machine makes itself (default: on a hub)",
    )
    words.add_argument("--tls-cert", type=Path, help="secure pages, with this certificate")
    words.add_argument("--tls-key", type=Path, help="key of the certificate")
    words.add_argument("--gallery", action="store_true", help="show all parts of the screens with sample values")
    return words


def chosen_tls(given: argparse.Namespace) -> Tls | None:
    """The certificate that was given, or this machine's own where one is wanted."""
    if given.tls_cert:
        return Tls(given.tls_cert, given.tls_key)
    wanted = given.hub if given.tls is None else given.tls
    return certificate.own(given.data / "tls") if wanted else None


def hub_face(host: str, port: int, tls: Tls | None) -> HubFace:
    """Under which addresses tablets reach this hub, and how they come to trust it."""
    hosts = network_addresses() if host in EVERYWHERE else [host]
    scheme = "https" if tls else "http"
    addresses = tuple(f"{scheme}://{f'[{each}]' if ':' in each else each}:{port}" for each in hosts or [HERE])
    to_install = addresses[0] + CERTIFICATE if tls and tls.authority else ""
    return HubFace(addresses, tls.fingerprint if tls else "", to_install)


def welcome(hub: HubFace) -> str:
    """What is said when a hub starts."""
    lines = [f"Store hub     {each}" for each in hub.addresses]
    lines += [f"Certificate   {hub.to_install}  (install it on each tablet: docs/hub.md)"] if hub.to_install else []
    lines += [f"SHA-256       {hub.fingerprint}"] if hub.fingerprint else []
    return "\n".join(lines) + "\n"


def main() -> None:
    """Read the command line and serve."""
    words = parser()
    given = words.parse_args()
    if bool(given.tls_cert) != bool(given.tls_key):
        words.error("--tls-cert and --tls-key go together")
    try:
        tls = chosen_tls(given)
        host = given.host or (EVERYWHERE[0] if given.hub and tls else HERE)
        hub = hub_face(host, given.port, tls) if given.hub else None
    except (OSError, ValueError) as error:
        words.error(f"the certificate cannot be used: {error}")
    if hub:
        sys.stdout.write(welcome(hub))
        sys.stdout.flush()
    serve(host, given.port, given.data, given.server, tls, given.gallery, hub)


if __name__ == "__main__":
    main()
