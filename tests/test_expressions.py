"""Regular expressions that are compiled when they are first used."""

import re

import pytest

from cloudsms_simulator.expressions import lazy_pattern


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The patterns that `re.compile` was given."""
    given: list[str] = []
    compile_now = re.compile

    def compile_noted(pattern: str, flags: int = 0) -> re.Pattern[str]:
        given.append(pattern)
        return compile_now(pattern, flags)

    monkeypatch.setattr(re, "compile", compile_noted)
    return given


def test_it_is_compiled_once_when_it_is_first_used(compiled: list[str]) -> None:
    digits = lazy_pattern(r"[0-9]+")
    assert (digits.pattern, compiled) == (r"[0-9]+", [])

    assert [digits.search(text) is not None for text in ("a1", "b2", "c")] == [True, True, False]
    assert compiled == [r"[0-9]+"]


def test_it_does_as_the_compiled_one() -> None:
    text, octets = lazy_pattern(r"(?P<word>[a-z]+)", re.IGNORECASE), lazy_pattern(rb"\d")

    assert text.sub("-", "AB 1 cd") == "- 1 -"
    assert [each["word"] for each in text.finditer("AB 1 cd")] == ["AB", "cd"]
    assert (text.fullmatch("a1"), text.flags) == (None, re.compile("", re.IGNORECASE).flags)
    assert octets.split(b"a1b") == [b"a", b"b"]


def test_what_is_no_expression_says_so_when_it_is_used() -> None:
    broken = lazy_pattern("(")

    with pytest.raises(re.error, match="unterminated subpattern"):
        broken.search("")
