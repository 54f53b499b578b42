"""A certificate of this machine's own, so that tablets on the network get a secure page: a browser's camera wants one.

Nobody has vouched for it, so a tablet asks once whether to trust it. A shop that has a certificate of its own gives
that instead (`--tls-cert`, `--tls-key`).
"""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared.here import network_addresses

LASTS = timedelta(days=397)
"""As long as browsers accept."""
RENEWED = timedelta(days=30)
"""So long before its end it is made anew."""


@dataclass(frozen=True)
class Tls:
    """Where the certificate and its key lie."""

    certificate: Path
    key: Path


def own(folder: Path, now: datetime | None = None) -> Tls:
    """The certificate in `folder`, made anew when it is missing, near its end, or the machine's addresses changed."""
    tls = Tls(folder / "certificate.pem", folder / "key.pem")
    names, at = [socket.gethostname(), "localhost"], now or datetime.now(UTC)
    addresses = ["127.0.0.1", *network_addresses()]
    if not _good(tls, names, addresses, at):
        folder.mkdir(parents=True, exist_ok=True)
        _make(tls, names, addresses, at)
    return tls


def _good(tls: Tls, names: Sequence[str], addresses: Sequence[str], now: datetime) -> bool:
    if not (tls.certificate.is_file() and tls.key.is_file()):
        return False
    try:
        found = x509.load_pem_x509_certificate(tls.certificate.read_bytes())
        known = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    has = {*known.get_values_for_type(x509.DNSName), *map(str, known.get_values_for_type(x509.IPAddress))}
    return {*names, *addresses} <= has and now + RENEWED < found.not_valid_after_utc


def _make(tls: Tls, names: Sequence[str], addresses: Sequence[str], now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Baton store app")])
    known = [*map(x509.DNSName, names), *(x509.IPAddress(ipaddress.ip_address(each)) for each in addresses)]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LASTS)
        .add_extension(x509.SubjectAlternativeName(known), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    tls.key.touch(mode=0o600)
    tls.key.chmod(0o600)
    tls.key.write_bytes(secret)
    tls.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
