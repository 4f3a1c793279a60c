"""Every text of the pages is there in both languages, and nothing is translated that no page says."""

import re
import tomllib
from pathlib import Path

import jinja2
import pytest

from cloudsms_simulator.inbox.page_context import TRANSLATIONS_FOLDER, language_of, translations_of
from cloudsms_simulator.inbox.templates import TEMPLATES_FOLDER

PLACE = re.compile(r"%\((\w+)\)s")


def texts_of_the_templates() -> set[str]:
    environment = jinja2.Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    said: set[str] = set()
    for path in Path(TEMPLATES_FOLDER).glob("*.html"):
        for _, _, text in environment.extract_translations(path.read_text(encoding="utf-8")):  # type: ignore[attr-defined]
            said |= set(text) if isinstance(text, tuple) else {text}
    return said - {None}


def test_every_text_is_there_in_chinese_and_no_other() -> None:
    assert set(translations_of("zh").texts) == texts_of_the_templates()


def test_the_files_do_not_disagree_on_a_text() -> None:
    said: dict[str, set[str]] = {}
    for path in TRANSLATIONS_FOLDER.glob("*.toml"):
        for english, chinese in tomllib.loads(path.read_text(encoding="utf-8")).items():
            said.setdefault(english, set()).add(chinese)
    assert {english: chinese for english, chinese in said.items() if len(chinese) > 1} == {}


def test_chinese_is_written_with_chinese_punctuation() -> None:
    texts = translations_of("zh").texts.values()
    assert [text for text in texts if re.search("[,;:](?=[\u4e00-\u9fff])|(?<=[\u4e00-\u9fff])[,;:]", text)] == []


def test_a_translation_says_the_same_values() -> None:
    texts = translations_of("zh").texts.items()
    assert [english for english, chinese in texts if set(PLACE.findall(english)) != set(PLACE.findall(chinese))] == []


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        ("zh", "en", "zh"),
        ("en", "zh-CN", "en"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "fr, en;q=0.5, zh;q=0.7", "zh"),
        (None, "de", "en"),
        (None, "", "en"),
        ("xx", "zh;q=oops, en", "en"),
    ],
)
def test_the_language_is_the_chosen_one_or_the_browsers(chosen: str | None, accepted: str, language: str) -> None:
    assert language_of(chosen, accepted) == language
