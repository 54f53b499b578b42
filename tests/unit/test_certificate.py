"""The certificate that a hub makes for itself: good for all its addresses, kept, and made anew in time."""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from store_app import certificate
from store_app.certificate import Tls

NOW = datetime.now(UTC)


def read(tls: Tls) -> x509.Certificate:
    return x509.load_pem_x509_certificate(tls.certificate.read_bytes())


def names(tls: Tls) -> set[str]:
    known = read(tls).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*known.get_values_for_type(x509.DNSName), *map(str, known.get_values_for_type(x509.IPAddress))}


def test_it_is_for_every_address_of_this_machine_and_only_its_owner_reads_the_key(tmp_path: Path) -> None:
    tls = certificate.own(tmp_path / "tls", NOW)
    assert {"localhost", "127.0.0.1", *certificate.network_addresses()} <= names(tls)
    assert stat.S_IMODE(tls.key.stat().st_mode) == 0o600
    assert read(tls).not_valid_after_utc - NOW <= timedelta(days=398), "browsers refuse longer ones"


def test_the_next_start_finds_it_again_so_that_no_tablet_asks_twice(tmp_path: Path) -> None:
    first = certificate.own(tmp_path, NOW).certificate.read_bytes()
    assert certificate.own(tmp_path, NOW + timedelta(days=300)).certificate.read_bytes() == first


def test_near_its_end_it_is_made_anew(tmp_path: Path) -> None:
    first = read(certificate.own(tmp_path, NOW))
    later = read(certificate.own(tmp_path, NOW + timedelta(days=380)))
    assert later.not_valid_after_utc > first.not_valid_after_utc + timedelta(days=300)


def test_a_new_address_makes_a_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate.own(tmp_path, NOW)
    monkeypatch.setattr(certificate, "network_addresses", lambda: ["10.20.30.40"])
    assert "10.20.30.40" in names(certificate.own(tmp_path, NOW))


@pytest.mark.parametrize("lost", ["key.pem", "certificate.pem", "authority.pem"])
def test_a_broken_or_lost_half_is_replaced(tmp_path: Path, lost: str) -> None:
    certificate.own(tmp_path, NOW)
    (tmp_path / lost).unlink()
    tls = certificate.own(tmp_path, NOW)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key)
    tls.certificate.write_text("scrambled")
    assert "localhost" in names(certificate.own(tmp_path, NOW))


def greet(tls: Tls, asking: ssl.SSLContext) -> bytes:
    """What a client gets back over a connection to this machine."""
    ours, theirs = socket.socketpair()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(tls.certificate, tls.key)

    def answer() -> None:
        with contextlib.suppress(ssl.SSLError, ConnectionError), serving.wrap_socket(ours, server_side=True) as secure:
            secure.sendall(secure.recv(5))

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        with asking.wrap_socket(theirs, server_hostname="localhost") as secure:
            secure.sendall(b"hello")
            return secure.recv(5)
    finally:
        theirs.close()
        thread.join()


def trusting(tls: Tls) -> ssl.SSLContext:
    """A client that has installed what tablets are given, and is as strict as clients can be."""
    asking = ssl.create_default_context(cadata=tls.to_install)
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    return asking


def test_a_client_that_installed_what_tablets_are_given_gets_a_secure_connection(tmp_path: Path) -> None:
    tls = certificate.own(tmp_path, NOW)
    assert greet(tls, trusting(tls)) == b"hello"


def test_a_client_of_another_hub_does_not_trust_this_one(tmp_path: Path) -> None:
    tls, other = certificate.own(tmp_path / "a", NOW), certificate.own(tmp_path / "b", NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        greet(tls, trusting(other))


def test_what_tablets_install_is_an_authority_as_phones_demand_that_can_sign_nothing_more(tmp_path: Path) -> None:
    tls = certificate.own(tmp_path, NOW)
    assert tls.to_install is not None
    authority, own = x509.load_der_x509_certificate(tls.to_install), read(tls)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not own.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    own.verify_directly_issued_by(authority)
    kept = serialization.load_pem_private_key(tls.key.read_bytes(), None)
    assert kept.public_key() == own.public_key()
    assert kept.public_key() != authority.public_key()
    assert b"".join(each.read_bytes() for each in tmp_path.iterdir()).count(b"PRIVATE KEY-----") == 2  # begin and end


def test_the_fingerprint_is_that_of_the_file_tablets_install(tmp_path: Path) -> None:
    tls = certificate.own(tmp_path, NOW)
    assert tls.to_install is not None
    assert tls.fingerprint.replace(":", "").lower() == hashlib.sha256(tls.to_install).hexdigest()
    assert re.fullmatch("([0-9A-F]{2}:){31}[0-9A-F]{2}", tls.fingerprint)


def test_a_certificate_that_was_given_has_a_fingerprint_and_nothing_to_install(tmp_path: Path) -> None:
    made = certificate.own(tmp_path, NOW)
    given = Tls(made.certificate, made.key)
    assert given.to_install is None
    assert given.fingerprint.replace(":", "").lower() == read(made).fingerprint(hashes.SHA256()).hex()


def test_an_authority_that_did_not_sign_it_is_replaced(tmp_path: Path) -> None:
    tls, other = certificate.own(tmp_path / "a", NOW), certificate.own(tmp_path / "b", NOW)
    assert tls.authority is not None
    assert other.authority is not None
    tls.authority.write_bytes(other.authority.read_bytes())
    mended = certificate.own(tmp_path / "a", NOW)
    assert greet(mended, trusting(mended)) == b"hello"


def test_a_key_of_another_certificate_is_replaced(tmp_path: Path) -> None:
    tls, other = certificate.own(tmp_path / "a", NOW), certificate.own(tmp_path / "b", NOW)
    tls.key.write_bytes(other.key.read_bytes())
    mended = certificate.own(tmp_path / "a", NOW)
    assert greet(mended, trusting(mended)) == b"hello"
