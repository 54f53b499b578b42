"""`python -m store_app`: serve the store app to browsers."""

import argparse
from pathlib import Path

from store_app import certificate
from store_app.certificate import Tls
from store_app.web import serve


def parser() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    words = argparse.ArgumentParser(prog="python -m store_app", description="Serve the Baton store app to browsers.")
    words.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    words.add_argument("--port", type=int, default=8600, help="port to listen on (default %(default)s)")
    words.add_argument("--server", default="http://127.0.0.1:8550", help="address of the Baton server")
    words.add_argument("--data", type=Path, default=Path(".baton/store"), help="folder of the local stores")
    words.add_argument("--tls", action="store_true", help="secure pages, with a certificate this machine makes itself")
    words.add_argument("--tls-cert", type=Path, help="secure pages, with this certificate")
    words.add_argument("--tls-key", type=Path, help="key of the certificate")
    words.add_argument("--gallery", action="store_true", help="show all parts of the screens with sample values")
    return words


def main() -> None:
    """Read the command line and serve."""
    words = parser()
    given = words.parse_args()
    if bool(given.tls_cert) != bool(given.tls_key):
        words.error("--tls-cert and --tls-key go together")
    tls = certificate.own(given.data / "tls") if given.tls else None
    tls = Tls(given.tls_cert, given.tls_key) if given.tls_cert else tls
    serve(given.host, given.port, given.data, given.server, tls, given.gallery)


if __name__ == "__main__":
    main()
