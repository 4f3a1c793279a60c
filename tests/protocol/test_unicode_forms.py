"""Unicode forms, against `unicodedata` and over every character there is."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.protocol.unicode_text import composed, folded

MARKS = "ae\u0301\u0327\u0345\u0323\u0302"
JAMO = "\u1100\u1161\u11a8한가"
AWKWARD = MARKS + JAMO + " ﬁＦİıI\u0307ß\u09c7\u09be\u0f71\u0f72\u212b"


@given(st.text(st.sampled_from(AWKWARD), max_size=600))
def test_a_text_is_composed_as_unicode_does_it_however_long(text: str) -> None:
    runs = max(map(len, "".join(each if unicodedata.combining(each) else "|" for each in text).split("|")), default=0)
    if runs < 30:  # the Stream-Safe Text Format of Annex 15 has no longer ones
        assert composed(text) == unicodedata.normalize("NFC", text)


def test_every_character_is_composed_and_folded_alike_in_all_its_spellings() -> None:
    for code in range(sys.maxunicode + 1):
        if 0xD800 <= code < 0xE000:
            continue
        character = chr(code)
        spelled = unicodedata.normalize("NFD", character)
        assert composed(spelled) == unicodedata.normalize("NFC", character)
        assert folded(spelled) == folded(character)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("café", "cafe\u0301"),
        ("İstanbul", "istanbul"),
        ("I\u0307stanbul", "ISTANBUL"),
        ("Ｆｕｌｌ", "full"),
        ("Straße", "STRASSE"),
    ],
)
def test_two_spellings_of_a_word_are_folded_alike(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(("one", "other"), [("café", "cafe"), ("ı", "i"), ("ñ", "n")])
def test_an_accent_and_a_dotless_i_stay(one: str, other: str) -> None:
    assert folded(one) != folded(other)


@pytest.mark.parametrize("marks", ["\u0300\u0327", "\u0327\u0300", "\u0345\u0300"])
def test_a_text_of_marks_is_normalized_in_pieces_that_bound_its_time(
    marks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = []
    normalize = unicodedata.normalize

    def watched(form: str, text: str) -> str:
        longest.append(len(text))
        return normalize(form, text)

    monkeypatch.setattr(unicodedata, "normalize", watched)
    composed("a" + marks * 20_000)
    assert max(longest) <= 128
