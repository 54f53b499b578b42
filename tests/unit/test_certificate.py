"""The certificate that a hub makes for itself: good for all its addresses, kept, and made anew in time."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

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


@pytest.mark.parametrize("lost", ["key.pem", "certificate.pem"])
def test_a_broken_or_lost_half_is_replaced(tmp_path: Path, lost: str) -> None:
    certificate.own(tmp_path, NOW)
    (tmp_path / lost).unlink()
    tls = certificate.own(tmp_path, NOW)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key)
    tls.certificate.write_text("scrambled")
    assert "localhost" in names(certificate.own(tmp_path, NOW))


def test_a_client_that_trusts_it_gets_a_secure_connection(tmp_path: Path) -> None:
    tls = certificate.own(tmp_path, NOW)
    ours, theirs = socket.socketpair()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(tls.certificate, tls.key)
    asking = ssl.create_default_context(cafile=str(tls.certificate))

    def answer() -> None:
        with serving.wrap_socket(ours, server_side=True) as secure:
            secure.sendall(secure.recv(5))

    thread = threading.Thread(target=answer)
    thread.start()
    with asking.wrap_socket(theirs, server_hostname="localhost") as secure:
        secure.sendall(b"hello")
        assert secure.recv(5) == b"hello"
    thread.join()
