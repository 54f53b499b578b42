"""The code that lets a device in, with and without the server's address."""

from __future__ import annotations

import pytest

from shared.barcodes import ScanKind, enrolment_label, read, split_enrolment

CODE = "7KQM-4FHT"


@pytest.mark.parametrize("server", ["https://oms.example.com", "http://192.168.1.20:8550", "https://example.com/baton"])
def test_a_label_carries_the_server_and_gives_it_back(server: str) -> None:
    text = enrolment_label(CODE, server)
    assert text == text.upper()
    assert split_enrolment(text) == (CODE, server)
    assert read(text).kind is ScanKind.ENROLMENT


@pytest.mark.parametrize("server", [None, "", "https://oms.example.com/Baton", "https://oms.example.com/a_b"])
def test_an_address_that_capitals_would_change_is_left_off(server: str | None) -> None:
    assert enrolment_label(CODE, server) == f"BTN:E:{CODE}"


@pytest.mark.parametrize("text", [CODE, f"BTN:E:{CODE}", f" btn:e:{CODE} "])
def test_a_label_without_an_address_is_the_code(text: str) -> None:
    assert split_enrolment(text) == (CODE, "")


def test_a_code_typed_with_spaces_stays_whole() -> None:
    assert split_enrolment("7KQM 4FHT") == ("7KQM 4FHT", "")
    assert split_enrolment("https://oms.example.com") == ("https://oms.example.com", "")
