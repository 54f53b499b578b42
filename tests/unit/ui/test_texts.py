"""The message catalogues: nothing is said outside them, and nothing asked of them is missing."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from store_app.ui import texts
from store_app.ui.texts import catalogue, t

UI = Path(texts.__file__).parents[1]
SAMPLES = {"gallery.py", "sample.py"}  # sample values of the gallery are data, not the app's own words
FORMS = ("zero", "one", "two", "few", "many", "other")
SENTENCE = re.compile(r"[A-Za-z]{2,}[ \u00a0]+[A-Za-z]")


def sources() -> list[Path]:
    """Every module of the face that speaks to people."""
    return sorted(path for path in UI.rglob("*.py") if path.name not in SAMPLES)


def calls(path: Path) -> Iterator[ast.Call]:
    """Every call in a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def name_of(call: ast.Call) -> str:
    """`t`, `log.info`, `ft.Text`."""
    return ast.unparse(call.func)


def asked() -> Iterator[tuple[str, str]]:
    """(module, key) of every `t(...)` with a literal key; a key built from parts ends with `*`."""
    for path in sources():
        for call in calls(path):
            if name_of(call) == "t" and call.args:
                for key in literal_keys(call.args[0]):
                    yield path.name, key


def literal_keys(node: ast.expr) -> list[str]:
    """The keys an argument can be, as far as it is written out."""
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.IfExp):
        return literal_keys(node.body) + literal_keys(node.orelse)
    if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        return [f"{node.values[0].value!s}*"]
    return []


def known(key: str, language: str = "en") -> bool:
    """Whether a language can answer this key."""
    sentences = catalogue(language)
    if key.endswith("*"):
        return any(name.startswith(key[:-1]) for name in sentences)
    return key in sentences or f"{key}.other" in sentences


def base(key: str) -> str:
    """The key without its plural form."""
    stem, _, form = key.rpartition(".")
    return stem if form in FORMS else key


def test_every_key_that_is_asked_for_has_an_english_sentence() -> None:
    missing = [f"{module}: {key}" for module, key in asked() if not known(key)]
    assert not missing


def test_no_screen_has_words_of_its_own() -> None:
    found = []
    for path in sources():
        for call in calls(path):
            name = name_of(call)
            if name.startswith("log.") or name.endswith("Error") or name == "cast":
                continue
            given = [*call.args, *(keyword.value for keyword in call.keywords)]
            words = [a.value for a in given if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            found += [f"{path.name}: {word}" for word in words if SENTENCE.search(word)]
    assert not found


@pytest.mark.parametrize("language", [path.stem for path in sorted((UI / "texts").glob("*.json"))])
def test_a_catalogue_is_sorted_and_says_nothing_english_does_not_know(language: str) -> None:
    keys = list(catalogue(language))
    assert keys == sorted(keys)
    assert {base(key) for key in keys} <= {base(key) for key in catalogue("en")}


@pytest.mark.parametrize("language", [path.stem for path in sorted((UI / "texts").glob("*.json"))])
def test_a_translation_fills_in_nothing_that_english_does_not_give(language: str) -> None:
    def holes(sentence: str) -> set[str]:
        return set(re.findall(r"\{(\w+)", sentence))

    allowed: dict[str, set[str]] = {}
    for key, sentence in catalogue("en").items():
        allowed.setdefault(base(key), set()).update(holes(sentence))
    wrong = [key for key, sentence in catalogue(language).items() if not holes(sentence) <= allowed[base(key)]]
    assert not wrong


def test_a_number_chooses_the_form_of_its_word() -> None:
    assert t("job.lines", locale="en", count=1) == "1\u00a0line"
    assert t("job.lines", locale="en", count=1200) == "1,200\u00a0lines"


def test_arabic_has_its_own_word_for_two() -> None:
    assert t("job.lines", locale="ar", count=2) == "بندان"


def test_a_language_we_do_not_have_is_spoken_to_in_english() -> None:
    assert t("nav.today", locale="fi") == "Today"


def test_a_code_keeps_its_direction_inside_an_arabic_sentence() -> None:
    assert "\u2068A-03-2\u2069" in t("line.bin", locale="ar", bin="A-03-2")


def test_a_key_nobody_knows_is_an_error_and_not_a_blank() -> None:
    with pytest.raises(KeyError):
        t("no.such.key")
