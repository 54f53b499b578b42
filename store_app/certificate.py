"""A certificate of this machine's own, so that tablets on the network get a secure page: a browser's camera wants one.

It is vouched for by an authority that is made for this one signature: its key is never written anywhere and is gone
when `own` returns, so that a tablet which installs the authority trusts this machine and can never be made to trust
another by it. (Phones install authorities only, not the certificates of machines.) A tablet that does not install it
asks once. A shop that has a certificate of its own gives that instead (`--tls-cert`, `--tls-key`).
"""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
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
    """PEM; what vouches for it comes behind it."""
    key: Path
    authority: Path | None = None
    """PEM of what a tablet installs to trust the certificate; None: given by somebody else."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what a tablet installs, as AB:CD:...; of the certificate itself where nothing is to be installed.
        Raises ValueError or OSError when that file cannot be read."""
        found = x509.load_pem_x509_certificate((self.authority or self.certificate).read_bytes())
        return found.fingerprint(hashes.SHA256()).hex(":").upper()

    @property
    def to_install(self) -> bytes | None:
        """The authority as a file for tablets (DER), which all of them read."""
        if self.authority is None:
            return None
        return x509.load_pem_x509_certificate(self.authority.read_bytes()).public_bytes(serialization.Encoding.DER)


def own(folder: Path, now: datetime | None = None) -> Tls:
    """The certificate in `folder`, made anew when it is missing, near its end, or the machine's addresses changed."""
    tls = Tls(folder / "certificate.pem", folder / "key.pem", folder / "authority.pem")
    names, at = [socket.gethostname(), "localhost"], now or datetime.now(UTC)
    addresses = ["127.0.0.1", *network_addresses()]
    if not _good(tls, names, addresses, at):
        folder.mkdir(parents=True, exist_ok=True)
        _make(tls, names, addresses, at)
    return tls


def _good(tls: Tls, names: Sequence[str], addresses: Sequence[str], now: datetime) -> bool:
    """Whether it still serves, and the authority that tablets are given is the one behind it."""
    try:
        found = x509.load_pem_x509_certificate(tls.certificate.read_bytes())
        known = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        key = serialization.load_pem_private_key(tls.key.read_bytes(), None)
        assert tls.authority is not None  # noqa: S101  (this is one of our own)
        found.verify_directly_issued_by(x509.load_pem_x509_certificate(tls.authority.read_bytes()))
    except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    if found.public_key() != key.public_key():
        return False
    has = {*known.get_values_for_type(x509.DNSName), *map(str, known.get_values_for_type(x509.IPAddress))}
    return {*names, *addresses} <= has and now + RENEWED < found.not_valid_after_utc


def _make(tls: Tls, names: Sequence[str], addresses: Sequence[str], now: datetime) -> None:
    above, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _name(f"Baton hub {names[0]}"[:64])
    known = [*map(x509.DNSName, names), *(x509.IPAddress(ipaddress.ip_address(each)) for each in addresses)]
    authority = (
        _begun(issuer, issuer, above, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(above.public_key()), critical=False)
        .sign(above, hashes.SHA256())
    )
    made = (
        _begun(_name("Baton store app"), issuer, key, now)
        .add_extension(x509.SubjectAlternativeName(known), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above.public_key()), critical=False)
        .sign(above, hashes.SHA256())
    )
    assert tls.authority is not None  # noqa: S101  (this is one of our own)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    tls.key.touch(mode=0o600)
    tls.key.chmod(0o600)
    tls.key.write_bytes(secret)
    vouching = authority.public_bytes(serialization.Encoding.PEM)
    tls.authority.write_bytes(vouching)
    tls.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM) + vouching)


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    begun = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    begun = begun.serial_number(x509.random_serial_number())
    return begun.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + LASTS)


def _name(words: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    """To sign the one certificate, or to serve with it."""
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
