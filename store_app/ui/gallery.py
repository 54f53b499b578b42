"""All parts of the screens with sample values, in the frame they stand in: `python -m store_app --gallery`.

For the eye, for screenshots, and as a place to try a new part before a screen needs it. The words in here are sample
data, so they are not in the message catalogues.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import flet as ft

from store_app.main import build
from store_app.ui.component import component, keyed
from store_app.ui.components.arithmetic import Term, arithmetic, key_values
from store_app.ui.components.banner import banner
from store_app.ui.components.brand import brand_mark
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.choice import Option, choice, filters
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.error_state import error_state
from store_app.ui.components.field import search_field
from store_app.ui.components.frame import frame
from store_app.ui.components.job_card import JobFace, job_card
from store_app.ui.components.line_row import LineFace, line_row
from store_app.ui.components.loading import loading
from store_app.ui.components.pin_pad import pin_pad
from store_app.ui.components.section import section
from store_app.ui.components.sheet import confirm, sheet
from store_app.ui.components.status_chip import status_chip
from store_app.ui.components.stepper import stepper
from store_app.ui.components.text import text
from store_app.ui.components.timeline import Happening, timeline
from store_app.ui.format import money
from store_app.ui.hooks import go, opener, use_app, use_feedback, use_scan, use_state_of
from store_app.ui.sample import NOW, SampleEngine
from store_app.ui.scans import Scan
from store_app.ui.screens import Screen
from store_app.ui.state import AppState, Lease, SyncState
from store_app.ui.theme import Space, Tone, Type

JOBS = (
    JobFace("B-1042-7K", "curbside", "Marie L.", "Bring it out", 2, 3, NOW - timedelta(minutes=4), "Grey Clio, bay 2"),
    JobFace("B-1051-3D", "pickup", "Jonas Okafor", "Pick 5 units", 3, 5, NOW + timedelta(minutes=12)),
    JobFace("B-1047-9M", "ship_from_store", "A. Fernández", "Pack", 1, 1, NOW + timedelta(hours=2), "Tomás is on it"),
    JobFace("B-1038-2X", "pickup", "Wilhelmina van der Meer", "Hand over", 4, 11, NOW + timedelta(hours=5)),
)

LINES = (
    LineFace("Merino crew-neck jumper", "Navy · M", "A-03-2", 2, 3, "apparel"),
    LineFace("Organic whole milk", "1 l", "C-11-1", 6, 6, "drinks"),
    LineFace("Trail running shoes with a rather long name", "Sand · 42", "B-07-4", 0, 1, "shoes"),
    LineFace("Sourdough loaf", "800 g", "D-01-1", 0, 2, "bakery", short=1),
)


async def show_gallery(page: ft.Page) -> None:
    """Build the app on sample data with the gallery's screens."""
    engine = SampleEngine()
    await build(page, lambda slot: Lease(engine, engine.close), GALLERY, lambda: NOW)


@component
def today() -> ft.Control:
    """A list of jobs with its filters; on a tablet the chosen job beside it."""
    shown, show = ft.use_state("open")
    options = (
        Option("open", "Open"),
        Option("progress", "In progress"),
        Option("ready", "Ready"),
        Option("done", "Done"),
    )
    jobs = [keyed(job.number, job_card(job, opener("/work/" + job.number))) for job in JOBS]
    return frame(
        "Today",
        [section("Arrived", jobs[:1], count=1), section("Due soon", jobs[1:], count=3)],
        header=filters(options, shown, show),
        nothing_chosen=empty_state("Choose a job", "Its lines appear here.", ft.Icons.TOUCH_APP_ROUNDED),
        action=button("Start next", opener("/work/B-1051-3D"), icon=ft.Icons.PLAY_ARROW_ROUNDED),
    )


@component
def work() -> ft.Control:
    """Picking: the lines of a job, and what a scan does."""
    feedback = use_feedback()
    scanned, set_scanned = ft.use_state(0)

    def scan(scan: Scan) -> None:
        if scan.text.startswith("40"):
            set_scanned(lambda count: count + 1)
            feedback.right("Merino crew-neck jumper, Navy, M", f"{scanned + 1} of 3 picked")
        else:
            feedback.wrong(
                f"{scan.text} is not in this job", "Wanted: Merino crew-neck jumper. Put it back in its bin."
            )

    use_scan(scan)
    number = ft.use_route_params().get("number", "")
    jobs = [job_card(job, opener("/work/" + job.number), selected=job.number == number) for job in JOBS]
    lines = [line_row(line, lambda: None, current=index == 0) for index, line in enumerate(LINES)]
    return frame(
        number,
        [section("Due soon", jobs, count=len(jobs))],
        back="/",
        detail=[section("Pick", lines, count=4)],
        action=button(f"Done, {scanned} scanned", opener("/"), icon=ft.Icons.CHECK_ROUNDED),
    )


@component
def stock() -> ft.Control:
    """A figure with its sum, what happened, and a quantity to change."""
    amount, set_amount = ft.use_state(3)
    found, find = ft.use_state("")
    terms = (
        Term("On hand", 14),
        Term("Damaged", -1),
        Term("Reserved", -3, "2 pickups, 1 shipment"),
        Term("Safety stock", -2),
        Term("Channel threshold", 0),
    )
    sums = card(arithmetic(terms, "Available to promise", 8))
    change = card(
        ft.Column(
            [text("Adjust", Type.HEADING), stepper(amount, set_amount, "Quantity", most=9)],
            spacing=Space.L,
            horizontal_alignment=ft.CrossAxisAlignment.CENTER,
        )
    )
    facts = card(key_values((("Price", money(5990, "EUR")), ("Bin", "A-03-2"), ("Incoming", "12 on Tue, Nov 24"))))
    history = card(
        timeline(
            (
                Happening("Order placed", "Nov 20, 09:12", "Web shop, 3 lines"),
                Happening("Sent here", "Nov 20, 09:14", "Nearest with everything, 4 rivals", Tone.INFO),
                Happening("One unit short", "Nov 20, 10:31", "Not found in A-03-2", Tone.WARN),
                Happening("Handed over", "Nov 20, 10:52", "Pass checked without a network", Tone.OK),
            )
        )
    )
    return frame(
        "Merino crew-neck jumper",
        [line_row(LINES[0]), sums, facts, change, section("Movements", [history])],
        here="stock",
        header=search_field("Item, code or bin", found, find),
        action=button("Reserve for a customer", lambda: None),
    )


@component
def orders() -> ft.Control:
    """Banners, chips and the states of a list."""
    tones = ft.Row(
        [
            status_chip("Neutral"),
            status_chip("Picking", Tone.INFO),
            status_chip("Ready", Tone.OK),
            status_chip("Soon", Tone.WARN),
            status_chip("Late", Tone.BAD),
        ],
        wrap=True,
        spacing=Space.S,
        run_spacing=Space.S,
    )
    banners = [
        banner(Tone.OK, "Merino crew-neck jumper, Navy, M", "2 of 3 picked", aloud=False),
        banner(Tone.BAD, "Milk is not in this job", "Wanted: Merino jumper. Put it back.", lambda: None, aloud=False),
        banner(Tone.WARN, "Two items carry this code", "Choose which one you hold.", aloud=False),
    ]
    retry = card(error_state(on_retry=lambda: None))
    rest = [card(empty_state("Nothing is waiting", "New jobs appear here by themselves.")), card(loading()), retry]
    return frame("Orders", [tones, *banners, *rest], here="orders")


@component
def more() -> ft.Control:
    """Choices, buttons, a sheet, a question, and the switches of this gallery."""
    reason, choose = ft.use_state("not_found")
    opened, open_ = ft.use_state("")
    reasons = (
        Option("not_found", "Not found", "Lowers the stock by 1 and sends the line elsewhere"),
        Option("damaged", "Damaged", "Moves 1 to damaged"),
        Option("display_only", "Only the display piece"),
    )
    shut = lambda: open_("")  # noqa: E731
    done = button("Report short", shut, expand=True)
    dialogs: dict[str, ft.DialogControl] = {
        "sheet": sheet("Why is it short?", [choice(reasons, reason, choose)], shut, done),
        "ask": confirm("Cancel this job?", "What was picked goes back.", "Cancel job", shut, shut, tone=Tone.BAD),
    }
    ft.use_dialog(dialogs.get(opened))
    buttons = [
        button("Report short", lambda: open_("sheet"), rank="secondary", icon=ft.Icons.REMOVE_CIRCLE_OUTLINE_ROUNDED),
        button("Cancel job", lambda: open_("ask"), rank="quiet", tone=Tone.BAD),
        button("Not yet", None, disabled=True),
        button("Sign in", lambda: go("/sign-in"), rank="secondary"),
    ]
    return frame("More", [section("Moods", switches()), section("Buttons", buttons)], here="more")


def switches() -> list[ft.Control]:
    """Offline, dark, left-handed, Arabic: press to see the frame follow."""
    app = use_app()
    state = use_state_of(lambda state: state)
    engine = app.engine
    assert isinstance(engine, SampleEngine)  # noqa: S101
    offline = SyncState(False, NOW - timedelta(minutes=15), 7)
    moods: dict[str, Callable[[AppState], AppState]] = {
        "Offline, 7 waiting": lambda s: replace(s, sync=offline if s.sync.online else SyncState()),
        "Needs you": lambda s: replace(s, sync=SyncState(needs_you=0 if s.sync.needs_you else 1)),
        "Dark": lambda s: replace(s, theme="light" if s.theme == "dark" else "dark"),
        "Left-handed": lambda s: replace(s, left_handed=not s.left_handed),
        "Arabic": lambda s: replace(s, locale="en" if s.locale == "ar" else "ar"),
    }

    def press(mood: str) -> None:
        engine.show(moods[mood](state))

    names = list(moods)
    return [filters([Option(mood, mood) for mood in row], "", press) for row in (names[:2], names[2:])]


@component
def sign_in() -> ft.Control:
    """The PIN pad."""
    said, say = ft.use_state("")
    pad = pin_pad(lambda pin: say("That PIN is not right. 4 tries left"), error=said or None)
    column = ft.Column(
        [brand_mark(64), text("Marie Laurent", Type.TITLE), pad],
        spacing=Space.XL,
        tight=True,
        horizontal_alignment=ft.CrossAxisAlignment.CENTER,
    )
    return frame("Sign in", ft.Container(column, alignment=ft.Alignment.CENTER), alone=True)


GALLERY = (
    Screen("", today),
    Screen("work/:number", work),
    Screen("stock", stock),
    Screen("orders", orders),
    Screen("more", more),
    Screen("sign-in", sign_in),
)
