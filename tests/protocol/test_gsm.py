"""GSM 03.38 against two independent packages, over every character there is."""

import sys
import unicodedata
from collections.abc import Iterable

import gsmcodecs
import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.protocol.segmentation import (
    GSM_ALPHABET,
    GSM_CHARACTERS,
    GSM_ESCAPE,
    GSM_EXTENSION,
    LOOK_ALIKES,
    first_outside,
    gsm_escaped,
    gsm_unescaped,
    is_gsm,
    look_alike,
    septets,
)

CODEC = gsmcodecs.Codec()

gsm_texts = st.text(st.sampled_from(sorted(GSM_CHARACTERS)), max_size=400)
any_texts = st.text(st.one_of(st.sampled_from(sorted(GSM_CHARACTERS)), st.characters(codec="utf-8")), max_size=40)


@pytest.fixture(scope="module")
def every_character() -> str:
    """All 1,112,064 characters: every code point but the surrogates."""
    surrogates = range(0xD800, 0xE000)
    return "".join(chr(code) for code in range(sys.maxunicode + 1) if code not in surrogates)


def test_there_are_127_characters_of_one_septet_and_ten_of_two() -> None:
    assert len(GSM_ALPHABET) == 128
    assert len(set(GSM_ALPHABET) - {GSM_ESCAPE}) == 127
    assert GSM_ALPHABET[0x1B] == GSM_ESCAPE
    assert len(GSM_EXTENSION) == 10
    assert len(GSM_CHARACTERS) == 137


def test_the_characters_are_those_of_gsmcodecs(every_character: str) -> None:
    encoded, _ = CODEC.encode(every_character, "ignore")
    theirs, _ = CODEC.decode(encoded)

    assert frozenset(filter(is_gsm, every_character)) == frozenset(theirs) == GSM_CHARACTERS


def test_the_characters_are_those_of_smsutil_which_takes_the_escape_for_one(every_character: str) -> None:
    encoded = every_character.encode("gsm0338", "ignore")

    assert frozenset(smsutil.decode(encoded)) - {GSM_ESCAPE} == GSM_CHARACTERS


def test_the_septets_of_each_character_are_those_of_gsmcodecs() -> None:
    for character in GSM_CHARACTERS:
        ours = bytes([GSM_ALPHABET.index(character)]) if character in GSM_ALPHABET else None
        theirs, _ = CODEC.encode(character)

        assert theirs == (ours or bytes([0x1B, GSM_EXTENSION.get(character, 0)]))
        assert septets(character) == len(theirs)


def test_a_character_outside_spoils_the_whole_text() -> None:
    assert septets("Code 验") is None
    assert septets("Code é `") is None
    assert septets("`") is None


def test_the_escape_is_no_character() -> None:
    assert septets(GSM_ESCAPE) is None
    assert septets(f"é{GSM_ESCAPE}") is None
    assert first_outside(f"A{GSM_ESCAPE}") == (1, GSM_ESCAPE)


def test_an_empty_text_is_gsm() -> None:
    assert septets("") == 0
    assert is_gsm("")
    assert first_outside("") is None


def test_the_first_character_outside_is_told_with_its_index() -> None:
    assert first_outside("It’s “mine”") == (2, "’")
    assert first_outside("It's mine €") is None


@given(gsm_texts)
def test_septets_are_what_gsmcodecs_encodes(text: str) -> None:
    encoded, _ = CODEC.encode(text)

    assert septets(text) == len(encoded) == len(gsm_escaped(text))
    assert gsm_unescaped(gsm_escaped(text)) == text


@given(any_texts)
def test_the_three_questions_agree_on_any_text(text: str) -> None:
    outside = [(index, character) for index, character in enumerate(text) if character not in GSM_CHARACTERS]

    assert first_outside(text) == (outside[0] if outside else None)
    assert is_gsm(text) is (septets(text) is not None) is not outside


def test_every_look_alike_turns_a_foreign_character_into_gsm() -> None:
    for foreign, twin in LOOK_ALIKES.items():
        assert not is_gsm(foreign)
        assert is_gsm(twin)
        assert look_alike(foreign) == twin


def test_every_space_of_unicode_has_the_space_of_gsm(every_character: str) -> None:
    visible = "\u1680"  # OGHAM SPACE MARK is a stroke
    spaces = {each for each in every_character if unicodedata.category(each) == "Zs"} - {visible}
    assert {each: look_alike(each) for each in spaces} == dict.fromkeys(spaces, " ")


@pytest.mark.parametrize("code", [0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFE0E, 0xFE0F, 0xFEFF])
def test_what_is_not_seen_is_left_out(code: int) -> None:
    assert look_alike(f"a{chr(code)}b") == "ab"


def replaced(characters: Iterable[str]) -> list[str]:
    """The replacement of each, asked for in one text with something between them that leaves each as it is alone."""
    between = "|a|"
    return look_alike(between.join(characters)).split(between)


def test_a_replacement_is_gsm_or_the_composed_character_itself(every_character: str) -> None:
    twins = replaced(every_character)
    for character, twin in zip(every_character, twins, strict=True):
        if not is_gsm(twin):
            assert twin == unicodedata.normalize("NFC", character)
        elif not is_gsm(character) and unicodedata.normalize("NFC", character) not in LOOK_ALIKES:
            # What Unicode itself takes for the same, and never a letter without its accent.
            same = unicodedata.normalize("NFKC", character)
            assert twin == "".join(LOOK_ALIKES.get(each, each) for each in same)
    others = [twin for character, twin in zip(every_character, twins, strict=True) if twin != character]
    assert replaced(others) == others


def test_composed_and_decomposed_spellings_of_gsm_are_the_same() -> None:
    for character in GSM_CHARACTERS:
        assert look_alike(unicodedata.normalize("NFD", character)) == character


@pytest.mark.parametrize(
    ("text", "twin"),
    [
        ("“It’s here” – really…", '"It\'s here" - really...'),
        ("【CloudSMS】Code", "[CloudSMS]Code"),
        ("a\u00a0b", "a b"),
        ("Code：１２３４", "Code:1234"),
        ("验证码“1234”", '验证码"1234"'),
        ("Cafe\u0301 u\u0308 n\u0303 A\u030a", "Café ü ñ Å"),
        ("ʼ • ™ ½ × ﬁ © №", "' * TM 1/2 x fi (C) No"),
        ("1½", "1 1/2"),
        ("𝐂𝐨𝐝𝐞 Ａ Ⅷ", "Code A VIII"),
        ("zo\u00e1 m² ①", "zoá m² ①"),
        ("a\u2028b", "a\nb"),
    ],
)
def test_a_look_alike_reads_the_same(text: str, twin: str) -> None:
    assert look_alike(text) == twin
