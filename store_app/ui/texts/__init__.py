"""Message catalogues: what the app says, in every language it speaks.

A catalogue is a flat JSON file, `<language>.json`: key -> sentence with `{placeholders}`. A key that depends on a
number has the forms `key.one`, `key.few`, `key.other` ... and is asked for with `count=`. What a language lacks is
said in English rather than not at all. Whole numbers in placeholders are written the way the language writes them.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from babel import Locale
from babel.numbers import format_decimal

FOLDER = Path(__file__).parent
LANGUAGES = ("en", "es", "fr", "de", "ar")
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


_sources: list[Callable[[], str]] = [lambda: "en"]  # the app puts its own here


def use_locale_from(source: Callable[[], str]) -> None:
    """Let every `t` ask this function which locale to speak."""
    _sources[:] = [source]


def current_locale() -> str:
    """The locale of the person in front of us, such as `en` or `de_AT`."""
    return _sources[-1]()


def is_right_to_left(locale: str) -> bool:
    """Whether this locale is read from the right."""
    return language_of(locale) in RIGHT_TO_LEFT


def language_of(locale: str) -> str:
    """`de_AT` and `de-AT` -> `de`."""
    return locale.replace("-", "_").split("_")[0].lower()


@cache
def catalogue(language: str) -> dict[str, str]:
    """All sentences of one language; empty when we have none."""
    path = FOLDER / f"{language}.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def t(key: str, *, locale: str | None = None, **values: object) -> str:
    """The sentence for a key. Raises KeyError for a key that English lacks."""
    spoken = locale or current_locale()
    sentence = _find(key, spoken, values.get("count"))
    return sentence.format(**{name: _written(value, spoken) for name, value in values.items()}) if values else sentence


def _find(key: str, locale: str, count: object) -> str:
    for language in (language_of(locale), "en"):
        sentences = catalogue(language)
        for form in _forms(key, language, count):
            if form in sentences:
                return sentences[form]
    raise KeyError(f"no sentence for {key!r}")


def _forms(key: str, language: str, count: object) -> tuple[str, ...]:
    if not isinstance(count, int):
        return (key,)
    return (f"{key}.{Locale.parse(language).plural_form(count)}", f"{key}.other", key)


def _written(value: object, locale: str) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return format_decimal(value, locale=locale.replace("-", "_"))
    return isolated(str(value), locale)


def isolated(words: str, locale: str | None = None) -> str:
    """Names and codes keep their own direction inside a sentence that is read from the right."""
    if not words or not is_right_to_left(locale or current_locale()):
        return words
    return f"\u2068{words}\u2069"


def has(key: str) -> bool:
    """Whether English (and so every language, at worst in English) has a sentence for this key."""
    return key in catalogue("en")
