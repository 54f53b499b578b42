"""More: who and what this device is, how it looks, sounds and speaks, and the way to what is used less often."""

import flet as ft

from store_app.engine.state import SyncStatus
from store_app.ui.component import component
from store_app.ui.components.arithmetic import key_values
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.choice import Option, filters
from store_app.ui.components.frame import frame
from store_app.ui.components.icon_tile import icon_tile
from store_app.ui.components.section import section
from store_app.ui.components.text import muted, text
from store_app.ui.format import moment
from store_app.ui.hooks import opener, use_app, use_query, use_state_of
from store_app.ui.notices import engine
from store_app.ui.state import HubFace
from store_app.ui.texts import LANGUAGES, t
from store_app.ui.theme import Space, Tone, Type

THEMES = ("system", "light", "dark")
DESK = ("manager", "admin")


@component
def more_screen() -> ft.Control:
    """Ways first, settings below."""
    state = use_state_of(lambda state: state)
    status = use_query(lambda: engine().syncer.status)
    hub = use_app().hub
    todo = use_state_of(lambda state: state.sync.needs_you)
    ways = [
        _way("find.title", t("find.way"), "/hand-off", ft.Icons.HANDSHAKE_ROUNDED),
        _way("curbside.title", t("curbside.way"), "/curbside", ft.Icons.DIRECTIONS_CAR_ROUNDED),
        _way("count.title", t("count.way"), "/count", ft.Icons.PIN_ROUNDED),
        _way("receive.title", t("receive.way"), "/receive", ft.Icons.MOVE_TO_INBOX_ROUNDED),
        _way("more.ship", t("more.ship_detail"), "/ship", ft.Icons.LOCAL_SHIPPING_ROUNDED),
        _way(
            "needs.title",
            t("more.needs_you", count=todo) if todo else t("needs.nothing"),
            "/needs-you",
            ft.Icons.PRIORITY_HIGH_ROUNDED,
            Tone.WARN if todo else Tone.NEUTRAL,
        ),
        _way("queue.title", queue_words(status), "/queue", ft.Icons.SYNC_ROUNDED),
    ]
    if engine().session.can(*DESK):
        ways.append(_way("desk.title", t("desk.way"), "/desk", ft.Icons.BADGE_ROUNDED))
    parts: list[ft.Control] = [
        *ways,
        section(t("more.person"), [_person(state.person or "")]),
        section(t("more.device"), [card(key_values(_device(status, state.node_name)))]),
        *([_hub(hub)] if hub else []),
        *_settings(state.locale, state.theme, state.left_handed, state.sound),
    ]
    return frame(t("nav.more"), parts, here="more")


def queue_words(status: SyncStatus) -> str:
    """What waits, in one sentence."""
    if status.stuck is not None:
        return t("queue.stuck", n=status.stuck)
    if status.waiting:
        return t("queue.waits", count=status.waiting)
    return t("queue.photos", count=status.photos) if status.photos else t("queue.empty")


def _way(key: str, detail: str, route: str, icon: ft.IconData, tone: Tone = Tone.NEUTRAL) -> ft.Control:
    """One place to go, with what is to be found there."""
    title = t(key)
    words: list[ft.Control] = [text(title, Type.STRONG), muted(detail)]
    arrow = ft.Icon(ft.Icons.CHEVRON_RIGHT_ROUNDED, size=26)
    row = ft.Row([icon_tile(icon, tone), ft.Column(words, spacing=0, expand=True), arrow], spacing=Space.M)
    return card(row, on_click=opener(route), label=f"{title}, {detail}", padding=Space.M)


def _person(name: str) -> ft.Control:
    """Another person takes over at once: badge scan from anywhere, or this button."""
    leave = engine().session.sign_out
    person = engine().session.person
    roles = person.roles if person else ()
    words: list[ft.Control] = [text(name, Type.HEADING), muted(", ".join(t(f"role.{role}") for role in roles))]
    buttons: list[ft.Control] = [
        button(t("more.switch"), opener("/sign-in"), rank="secondary", icon=ft.Icons.SWITCH_ACCOUNT_ROUNDED),
        button(t("more.lock"), leave, rank="quiet", icon=ft.Icons.LOCK_ROUNDED),
    ]
    return card(ft.Column([*words, ft.Row(buttons, wrap=True, spacing=Space.S)], spacing=Space.XS))


def _device(status: SyncStatus, store: str) -> list[tuple[str, str]]:
    node, now = engine().lookup.node, engine().clock.now()
    last = moment(status.last_contact, node.time_zone, now) if status.last_contact else t("more.never")
    return [
        (t("more.store"), f"{store} ({node.code})"),
        (t("more.device_id"), engine().view.device[-8:].upper()),
        (t("more.network"), t("sync.online" if status.online else "sync.offline")),
        (t("more.last_contact"), last),
        (t("more.waiting"), str(status.waiting)),
        (t("more.clock"), t("more.clock_off", seconds=round(abs(status.offset_ms) / 1000))),
    ]


def _hub(hub: HubFace) -> ft.Control:
    """How another tablet is connected, and what its user compares before trusting the certificate."""
    facts = [(t("more.hub_address"), " ".join(hub.addresses))]
    facts += [(t("more.hub_certificate"), hub.to_install)] if hub.to_install else []
    facts += [(t("more.hub_fingerprint"), hub.fingerprint.replace(":", " "))] if hub.fingerprint else []
    words: list[ft.Control] = [
        ft.MergeSemantics(content=ft.Column([muted(name), text(value)], spacing=0)) for name, value in facts
    ]
    return section(t("more.hub"), [card(ft.Column([muted(t("more.hub_detail")), *words], spacing=Space.M))])


def _settings(locale: str, theme: str, left_handed: bool, sound: bool) -> list[ft.Control]:
    """What belongs to the device, not to a person."""
    languages = [Option(code, t(f"language.{code}")) for code in LANGUAGES]
    themes = [Option(code, t(f"theme.{code}")) for code in THEMES]
    hands = [Option("right", t("more.right_hand")), Option("left", t("more.left_hand"))]
    yes_no = [Option("yes", t("more.on")), Option("no", t("more.off"))]
    keep = engine().set
    return [
        section(t("more.language"), [filters(languages, locale, lambda code: keep(locale=code))]),
        section(t("more.look"), [filters(themes, theme, lambda code: keep(theme=code))]),
        section(
            t("more.hand"),
            [filters(hands, "left" if left_handed else "right", lambda code: keep(left_handed=code == "left"))],
        ),
        section(t("more.sound"), [filters(yes_no, "yes" if sound else "no", lambda code: keep(sound=code == "yes"))]),
    ]
