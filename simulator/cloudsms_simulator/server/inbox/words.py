"""Words: the texts of the pages in the languages they are offered in.

English stands in the templates themselves; what it is in Simplified Chinese stands in the files of `zh/`, text by text,
one file for what pages share and one for each page.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import msgspec

Language = Literal["en", "zh"]

LANGUAGES: tuple[Language, ...] = get_args(Language)
TAGS: Mapping[Language, str] = {"en": "en", "zh": "zh-Hans"}
"""As HTML and browsers name them."""
CATALOGUES = Path(__file__).with_name("zh")


class Words(msgspec.Struct, frozen=True):
    """The texts of one language, found by the English ones."""

    language: Language
    texts: Mapping[str, str]

    def get(self, english: str) -> str:
        """A text; the English one where there is no other."""
        return self.texts.get(english, english)

    def plural(self, one: str, many: str, number: int) -> str:
        """A text that depends on a number; Chinese has one form for all of them."""
        return self.get(one if number == 1 else many)


@lru_cache
def words_in(language: Language) -> Words:
    """The words of a language."""
    if language == "en":
        return Words(language, {})
    texts: dict[str, str] = {}
    for path in sorted(CATALOGUES.glob("*.toml")):
        texts |= tomllib.loads(path.read_text(encoding="utf-8"))
    return Words(language, texts)


def language_of(chosen: str | None, accepted: str) -> Language:
    """The language a person chose, else the first that is offered of their `Accept-Language`, else English."""
    for language in LANGUAGES:
        if chosen == language:
            return language
    wanted = (part.split(";")[0].strip().lower() for part in _by_weight(accepted))
    for tag in wanted:
        for language in LANGUAGES:
            if tag == language or tag.startswith(f"{language}-"):
                return language
    return "en"


def _by_weight(accepted: str) -> Sequence[str]:
    def weight(part: str) -> float:
        _, _, value = part.partition(";q=")
        try:
            return float(value or 1)
        except ValueError:
            return 0.0

    return sorted(accepted[:500].split(","), key=weight, reverse=True)
