"""Drives the store app in Chromium the way an associate and a screen reader do: by role and name, and by scanning.

`served()` starts `python -m store_app` on a free port and ends it again; `browser()` finds a Chromium; `opened()` gives
a page of phone or tablet size with the semantics tree switched on, so that every control can be found by what a screen
reader would call it. `wedge()` types as a scanner does: key events inside the page, nothing focused, far faster than
Playwright's own keyboard.
"""

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Error, Locator, Page, sync_playwright

PHONE = {"width": 390, "height": 844}
TABLET = {"width": 820, "height": 1180}
LANDSCAPE = {"width": 1180, "height": 820}
EVERY_SIZE = "BATON_EVERY_SIZE"
"""Set, each flow is played on a phone and on a tablet; else on one of them (`make browser SIZES=both` sets it)."""
ROOT = Path(__file__).parents[2]
ARTIFACTS = Path(os.environ.get("BATON_ARTIFACTS", ROOT / "build" / "screens"))
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 60_000
PROCESSES: dict[str, "subprocess.Popen[bytes]"] = {}
"""What was started last at an address, for tests that let it die."""
LOGS: dict[str, Path] = {}
"""And what it writes."""


def played_on(usual: Literal["phone", "tablet"]) -> pytest.MarkDecorator:
    """The size a test is given as `size`: its usual one, or each where every size is asked for."""
    sizes = {"phone": PHONE, "tablet": TABLET}
    names = list(sizes) if EVERY_SIZE in os.environ else [usual]
    return pytest.mark.parametrize("size", [sizes[name] for name in names], ids=names)


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(*words: str, data: Path, server: str = "http://127.0.0.1:9", port: int | None = None) -> Iterator[str]:
    """The store app in its own process; yields its address. More words go to its command line (`--gallery`); with
    `--hub` it has a certificate that nobody knows."""
    port = port or free_port()
    given = ["--port", str(port), "--data", str(data), "--server", server, *words]
    scheme = "https" if "--hub" in words else "http"
    with running(["-m", "store_app", *given], port, data, cwd=ROOT, scheme=scheme) as address:
        yield address


@contextmanager
def running(
    words: Sequence[str],
    port: int,
    data: Path,
    *,
    cwd: Path,
    more: Mapping[str, str] | None = None,
    scheme: str = "http",
) -> Iterator[str]:
    """Python with these words, in a process of its own that serves on `port`; `more` goes into its environment."""
    log = (data / "store_app.log").open("w+", encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, *words], cwd=cwd, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **(more or {})}
    )
    address = f"{scheme}://127.0.0.1:{port}"
    PROCESSES[address] = process
    LOGS[address] = Path(log.name)
    try:
        _await_answer(address, process, log.name)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        log.close()


def _await_answer(address: str, process: "subprocess.Popen[bytes]", log: str, patience: float = 60) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            urlopen(address, timeout=2, context=ssl._create_unverified_context()).close()  # it is there: that is all
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the store app did not start: {Path(log).read_text(encoding='utf-8')[-2000:]}")


def chromium() -> str | None:
    """The system's Chromium or Chrome; None leaves it to Playwright's own."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    return None


@contextmanager
def browser(*switches: str) -> Iterator[Browser]:
    """A headless Chromium; more switches may be given, such as those of a fake camera."""
    with sync_playwright() as playwright:
        try:
            running = playwright.chromium.launch(executable_path=chromium(), args=[*SWITCHES, *switches])
        except Error as error:
            if "Executable doesn't exist" not in str(error):
                raise
            raise RuntimeError(
                "no Chromium: install the package chromium, or run: playwright install chromium"
            ) from None
        try:
            yield running
        finally:
            running.close()


@contextmanager
def opened(
    running: Browser,
    address: str,
    route: str = "/",
    size: dict[str, int] | None = None,
    scheme: Literal["light", "dark"] = "light",
    permissions: Sequence[str] = (),
) -> Iterator[Page]:
    """A page in a fresh profile (so: a fresh device slot), ready to be driven. Over TLS it proceeds past the browser's
    warning, as a person may."""
    width = size or PHONE
    context = running.new_context(
        viewport={"width": width["width"], "height": width["height"]},
        color_scheme=scheme,
        permissions=list(permissions),
        ignore_https_errors=address.startswith("https:"),
        device_scale_factor=2 if "BATON_SHARP" in os.environ else 1,
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    try:
        show(page, address + route)
        yield page
    finally:
        context.close()


def show(page: Page, url: str) -> None:
    """Load an address afresh."""
    page.goto(url)
    ready(page)


def ready(page: Page) -> None:
    """Wait for the engine of the page and switch on its semantics tree, as a screen reader would."""
    page.wait_for_selector("flt-semantics-placeholder", state="attached")
    page.evaluate("document.querySelector('flt-semantics-placeholder').click()")
    try:
        page.wait_for_selector("[flt-semantics-identifier=frame]", state="attached")
    except Error as error:
        shot(page, "never-ready")
        raise RuntimeError(f"the app was not drawn; its process says:\n{_said(page.url)}") from error
    page.evaluate(_SETTLED)


def _said(url: str) -> str:
    """The last words of the process that serves an address."""
    for address, log in LOGS.items():
        if url.startswith(address):
            return log.read_text(encoding="utf-8")[-2000:]
    return "(nobody knows it)"


_SETTLED = """() => new Promise(done => {
  const host = document.querySelector('flt-semantics-host');
  let timer = setTimeout(done, 250);
  const watch = new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(done, 250); });
  watch.observe(host, {childList: true, subtree: true, characterData: true});
  setTimeout(done, 3000);
})"""


def find(page: Page, role: str, name: str | re.Pattern[str], *, exact: bool = False) -> Locator:
    """The first control of this role and name, as a screen reader knows it."""
    return page.get_by_role(role, name=name, exact=exact).first  # type: ignore[arg-type]


def press(page: Page, name: str | re.Pattern[str], *, role: str = "button", exact: bool = False) -> None:
    """Find a button and press it; one that lies below the fold is scrolled to first.

    A screen that is being drawn anew replaces its controls: then the new one is looked for, as a person would.
    """
    control = find(page, role, name, exact=exact)
    until = time.monotonic() + PATIENCE / 1000
    while True:
        try:
            _reach(page, control)
            control.click(timeout=PATIENCE / 10)
        except Error as error:
            redrawn = "not attached" in str(error) or "Timeout" in str(error)
            if not redrawn or time.monotonic() > until:
                raise
        else:
            return


def press_to(page: Page, name: str | re.Pattern[str], words: str) -> None:
    """Press until these words are on the screen. A tap in the moment in which the screen slides may be lost; a person
    taps again."""
    until = time.monotonic() + PATIENCE / 1000
    while True:
        press(page, name)
        try:
            sees(page, words, timeout=PATIENCE / 10)
        except Error:
            if time.monotonic() > until or not find(page, "button", name).is_visible():
                raise
        else:
            return


def _reach(page: Page, control: Locator) -> None:
    control.wait_for(state="attached")
    before = control.bounding_box()
    control.scroll_into_view_if_needed(timeout=PATIENCE / 10)
    if control.bounding_box() != before:
        page.wait_for_timeout(300)  # the picture follows the scroll of the semantics tree a little later


def sees(page: Page, words: str | re.Pattern[str], *, timeout: float = PATIENCE) -> Locator:
    """Wait until something with these words is on the screen, be it text or the name of a control.

    Any space counts as a plain one. What a list has not scrolled to is not there for a screen reader either.
    """
    pattern = words.pattern if isinstance(words, re.Pattern) else re.escape(words)
    page.wait_for_function(_SEEN, arg=pattern, timeout=timeout)
    return page.locator("flt-semantics-host")


_SEEN = """pattern => {
  const wanted = new RegExp(pattern);
  const host = document.querySelector('flt-semantics-host');
  if (!host) return false;
  const plain = words => (words || '').replace(/[\\u00a0\\u202f\\s]+/g, ' ');
  if (wanted.test(plain(host.innerText))) return true;
  return [...host.querySelectorAll('[aria-label]')].some(e => wanted.test(plain(e.getAttribute('aria-label'))));
}"""


def wedge(page: Page, text: str, *, end: str = "Enter") -> None:
    """Scan as a keyboard-wedge scanner does: every key at once, then Enter."""
    page.evaluate(_TYPE, [text, end])


_TYPE = """([text, end]) => {
  const target = document.activeElement && document.activeElement !== document.body
    ? document.activeElement : document.querySelector('flutter-view');
  const us = {'-':'Minus','=':'Equal','[':'BracketLeft',']':'BracketRight','\\\\':'Backslash',';':'Semicolon',
    "'":'Quote',',':'Comma','.':'Period','/':'Slash','`':'Backquote',' ':'Space'};
  const shifted = {'!':'Digit1','@':'Digit2','#':'Digit3','$':'Digit4','%':'Digit5','^':'Digit6','&':'Digit7',
    '*':'Digit8','(':'Digit9',')':'Digit0','_':'Minus','+':'Equal','{':'BracketLeft','}':'BracketRight',
    '|':'Backslash',':':'Semicolon','"':'Quote','<':'Comma','>':'Period','?':'Slash','~':'Backquote'};
  const send = (kind, key, code, shiftKey, ctrlKey) => target.dispatchEvent(new KeyboardEvent(kind,
    {key, code, shiftKey, ctrlKey, bubbles: true, cancelable: true, composed: true}));
  const stroke = (key, code, shift, ctrl) => {
    if (shift) send('keydown', 'Shift', 'ShiftLeft', true, false);
    if (ctrl) send('keydown', 'Control', 'ControlLeft', false, true);
    send('keydown', key, code, shift, ctrl);
    send('keyup', key, code, shift, ctrl);
    if (ctrl) send('keyup', 'Control', 'ControlLeft', false, false);
    if (shift) send('keyup', 'Shift', 'ShiftLeft', false, false);
  };
  for (const c of text) {
    if (c === '\\u001d') stroke(']', 'BracketRight', false, true);
    else if (/[a-z]/.test(c)) stroke(c, 'Key' + c.toUpperCase(), false, false);
    else if (/[A-Z]/.test(c)) stroke(c, 'Key' + c, true, false);
    else if (/[0-9]/.test(c)) stroke(c, 'Digit' + c, false, false);
    else if (c in us) stroke(c, us[c], false, false);
    else if (c in shifted) stroke(c, shifted[c], true, false);
    else stroke(c, '', false, false);
  }
  stroke(end, end, false, false);
}"""


def shot(page: Page, name: str, folder: Path | None = None) -> Path:
    """A picture of the page as it is, in the artifacts folder (`BATON_ARTIFACTS`, else build/screens)."""
    target = (folder or ARTIFACTS) / f"{name}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    before = page.screenshot()
    for _ in range(8):  # until nothing moves any more
        page.wait_for_timeout(300)
        after = page.screenshot()
        if after == before:
            break
        before = after
    target.write_bytes(before)
    return target


def until(condition: Callable[[], bool], what: str, patience: float = 15) -> None:
    """Wait for something outside the page."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"waited {patience} s for {what}")
