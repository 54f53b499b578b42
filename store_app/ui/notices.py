"""What a verb or a scan came to, as a sentence, a colour and a tone."""

from datetime import datetime
from typing import Any, cast

from shared.fulfilment import Notice
from store_app.engine.results import Result
from store_app.engine.station import Station
from store_app.ui.context import current_app
from store_app.ui.feedback import Feedback
from store_app.ui.format import span
from store_app.ui.texts import has, t


def engine() -> Station:
    """The real engine behind this page, on a hub its station; components of the gallery do without it."""
    return cast(Station, current_app().engine)


def sentence(notice: Notice) -> str:
    """What happened, for people."""
    key = f"notice.{notice.code}"
    return t(key, **_words(notice)) if has(key) else t("notice.other", code=notice.code.replace("_", " "))


def advice(notice: Notice) -> str:
    """What to do next; empty where there is nothing to say."""
    key = f"advice.{notice.code}"
    return t(key, **_words(notice)) if has(key) else ""


def _words(notice: Notice) -> dict[str, Any]:
    """People and items by name, moments as how long ago."""
    words: dict[str, Any] = {"problem": "", "scanned": "", **notice.values}
    if "sku" in words and "name" not in words:
        item = engine().lookup.item(words["sku"])
        words["name"] = f"{item.name} {item.variant}".strip() if item else words["sku"]
    if "by" in words:
        words["by"] = engine().lookup.person_name(words["by"])
    if "since" in words:
        words["since"] = span(engine().work.server_time() - datetime.fromisoformat(words["since"]))
    return words


def tell(feedback: Feedback, result: Result) -> None:
    """Banner, tone and touch for a result that is on the disk already."""
    say = {"right": feedback.right, "wrong": feedback.wrong, "note": feedback.note}[result.tone]
    say(sentence(result.notice), advice(result.notice))
