"""One stream of scans, and who answers."""

from store_app.ui.scans import Scan, Scans


def keys(scans: Scans, words: str) -> None:
    """Type words and end the scan."""
    for letter in words:
        scans.key(letter.upper(), shift=letter.isupper())
    scans.key("Enter")


def test_a_wedge_scan_reaches_the_handler_on_top() -> None:
    scans, heard = Scans(browser=True), list[Scan]()
    scans.push(lambda scan: heard.append(Scan("below", scan.source)))
    scans.push(heard.append)
    keys(scans, "Ab12")
    assert heard == [Scan("Ab12", "wedge")]


def test_who_declines_leaves_the_scan_to_the_one_below() -> None:
    scans, heard = Scans(), list[Scan]()
    scans.push(heard.append)
    scans.push(lambda scan: False)
    scans.offer(Scan("4006381333931", "camera"))
    assert [scan.text for scan in heard] == ["4006381333931"]


def test_what_nobody_wants_goes_to_the_app_itself() -> None:
    scans, heard = Scans(), list[Scan]()
    scans.otherwise = heard.append
    scans.offer(Scan("?", "typed"))
    assert len(heard) == 1


def test_a_handler_that_left_is_asked_no_more() -> None:
    scans, heard = Scans(), list[Scan]()
    leave = scans.push(heard.append)
    leave()
    leave()
    scans.offer(Scan("1", "typed"))
    assert heard == []


def test_typing_into_a_field_is_not_scanning() -> None:
    scans, heard = Scans(), list[Scan]()
    scans.push(heard.append)
    scans.key("4")
    scans.typing(True)
    keys(scans, "12345")
    scans.typing(False)
    keys(scans, "99")
    assert [scan.text for scan in heard] == ["99"]


def test_a_pasted_code_is_a_scan_unless_a_field_has_the_keys() -> None:
    scans, heard = Scans(), list[Scan]()
    scans.push(heard.append)
    scans.paste(" 4006381333931\n")
    scans.paste("  ")
    scans.paste("1" * 5000)
    scans.typing(True)
    scans.paste("4711")
    assert heard == [Scan("4006381333931", "typed")]
