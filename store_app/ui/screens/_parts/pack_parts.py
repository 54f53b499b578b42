"""What the pack screen is made of: bags with their contents, staging places, the label and the address on the box."""

from collections import Counter
from collections.abc import Callable

import flet as ft

from shared.fulfilment import Fulfilment, State
from store_app.ui.components.buttons import button
from store_app.ui.components.card import card
from store_app.ui.components.choice import Option, choice, filters
from store_app.ui.components.field import field
from store_app.ui.components.section import section
from store_app.ui.components.stepper import stepper
from store_app.ui.components.text import muted, text
from store_app.ui.hooks import opener
from store_app.ui.notices import engine
from store_app.ui.screens._parts.bags import Bags, held_by
from store_app.ui.texts import t
from store_app.ui.theme import Space, Type


def bag_cards(
    job: Fulfilment,
    bags: Bags,
    chosen: int,
    set_bags: Callable[[Bags], None],
    choose: Callable[[int], None],
    *,
    weigh: bool,
) -> ft.Control:
    """Every bag with what is in it. One bag needs no thought; with more, units are scanned or counted into them."""
    held = held_by(job)
    contents = bags.contents(held)
    parts: list[ft.Control] = []
    if bags.filled:
        options = [Option(str(index), t("pack.bag", number=index + 1)) for index in range(bags.count)]
        parts += [filters(options, str(chosen), lambda code: choose(int(code))), muted(t("pack.scan_into"))]
    rows = _counted(job, bags, chosen, set_bags) if chosen < len(bags.filled) else _listed(job, contents[chosen])
    if weigh:
        rows.append(_weight(job, bags, chosen, contents[chosen], set_bags))
    parts.append(card(ft.Column(rows, spacing=Space.M, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)))

    def another() -> None:
        set_bags(bags.another())
        choose(len(bags.filled))

    def fewer() -> None:
        set_bags(bags.without(chosen))
        choose(0)

    ways = [button(t("pack.another"), another, rank="quiet", expand=True)]
    if job.state is State.PICKED:
        back = opener(f"/pick/{job.id}")
        ways.append(button(t("pack.back_to_pick"), back, rank="quiet", expand=True))
    if chosen < len(bags.filled):
        ways.append(button(t("pack.fewer"), fewer, rank="quiet", expand=True))
    return section(t("pack.contents"), [*parts, ft.Row(ways)], count=sum(held.values()))


def _name(job: Fulfilment, number: int) -> str:
    line = job.line(number)
    item = engine().lookup.item(line.sku) if line else None
    return " ".join(filter(None, (item.name, item.variant))) if item else (line.sku if line else "")


def _listed(job: Fulfilment, inside: dict[int, int]) -> list[ft.Control]:
    rows = [_row(units, _name(job, number)) for number, units in sorted(inside.items())]
    return rows or [muted(t("pack.empty"))]


def _row(units: int, name: str) -> ft.Control:
    count = ft.Container(text(str(units), Type.HEADING), width=44)
    return ft.MergeSemantics(content=ft.Row([count, text(name, expand=True)], spacing=Space.S))


def _counted(job: Fulfilment, bags: Bags, chosen: int, set_bags: Callable[[Bags], None]) -> list[ft.Control]:
    """A stepper per line; the ends are what is left for this bag."""
    held = held_by(job)
    rows: list[ft.Control] = []
    for number in sorted(held):
        units, name = bags.filled[chosen].get(number, 0), _name(job, number)
        most = bags.put(held, chosen, number, held[number]).filled[chosen][number]
        count = stepper(units, _put(bags, held, chosen, number, set_bags), name, most=most)
        rows.append(ft.Column([text(name), count], spacing=Space.XS, tight=True))
    return rows


def _put(
    bags: Bags, held: dict[int, int], bag: int, line: int, set_bags: Callable[[Bags], None]
) -> Callable[[int], None]:
    return lambda units: set_bags(bags.put(held, bag, line, units))


def _weight(
    job: Fulfilment, bags: Bags, bag: int, inside: dict[int, int], set_bags: Callable[[Bags], None]
) -> ft.Control:
    """What the scale says; what the items should weigh is said below."""
    grams = bags.grams.get(bag)

    def typed(value: str) -> None:
        digits = "".join(letter for letter in value if letter.isdigit())
        set_bags(bags.weighing(bag, int(digits or 0)))

    said = field(t("pack.weight"), str(grams or ""), typed, keyboard=ft.KeyboardType.NUMBER)
    expected = expected_grams(job, inside)
    words = [muted(t("pack.expected_weight", grams=expected), Type.LABEL)] if expected else []
    stretch = ft.CrossAxisAlignment.STRETCH
    return ft.Column([said, *words], spacing=Space.XS, tight=True, horizontal_alignment=stretch)


def expected_grams(job: Fulfilment, inside: dict[int, int]) -> int:
    """By the catalogue, without the box; 0 when an item's weight is not known."""
    total = 0
    for number, units in inside.items():
        line = job.line(number)
        item = engine().lookup.item(line.sku) if line else None
        if item is None or not item.weight_grams:
            return 0
        total += units if "weighed" in item.flags else units * item.weight_grams
    return total


def place_form(place: str, choose: Callable[[str], None]) -> ft.Control:
    """Where the bag will stand: the store's places with how full they are, or one typed in."""
    standing = Counter(job.staging for job in engine().work.jobs("ready") if job.staging)
    known = engine().lookup.node.staging
    options = [
        Option(code, code, t("pack.stands_there", count=standing[code]) if standing[code] else t("pack.free"))
        for code in known
    ]
    other = field(t("pack.other_place"), "" if place in known else place, choose, icon=ft.Icons.EDIT_LOCATION_ROUNDED)
    parts: list[ft.Control] = [muted(t("pack.scan_place"))]
    return section(t("pack.where"), [*parts, *([choice(options, place or None, choose)] if options else []), other])


def address_label(job: Fulfilment) -> ft.Control:
    """The address as it is written on the box, large enough to copy."""
    lines = [text(line, Type.HEADING if not index else Type.BODY) for index, line in enumerate(job.address)]
    words: list[ft.Control] = [*(lines or [muted(t("pack.no_address"))]), muted(job.number, Type.CODE)]
    box = card(ft.Column(words, spacing=2, tight=True))
    return section(t("pack.address"), [box])


def label_form(
    carrier: str, set_carrier: Callable[[str], None], tracking: str, set_tracking: Callable[[str], None]
) -> ft.Control:
    """Carrier and tracking number of a label that was made elsewhere; carriers used lately are one tap."""
    jobs = [*engine().work.jobs("ready"), *engine().work.jobs("done")]
    used = list(dict.fromkeys(package.carrier for job in jobs for package in job.packages if package.carrier))
    parts: list[ft.Control] = [muted(t("pack.scan_tracking"))]
    if used:
        parts.append(filters([Option(code, code) for code in used[:6]], carrier, set_carrier))
    parts += [
        field(t("pack.carrier"), carrier, set_carrier, icon=ft.Icons.LOCAL_SHIPPING_ROUNDED),
        field(t("pack.tracking"), tracking, set_tracking, icon=ft.Icons.NUMBERS_ROUNDED),
    ]
    return section(t("pack.label_of"), parts)
