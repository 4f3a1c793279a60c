"""Bubbles: one for each segment, with the characters that made it dear, and the signature."""

import pytest

from cloudsms_simulator.engine.billing import bill
from cloudsms_simulator.inbox.detail import Bubbles, TextRun, bubbles_of


def talk(text: str, signature: str | None = None) -> Bubbles:
    return bubbles_of(bill(text, signature, None if signature is None else 1, "table", None))


def marked_in(found: Bubbles) -> list[str]:
    return [each.text for bubble in found.bubbles for each in bubble.stretches if each.kind == "forced"]


def test_a_plain_text_is_one_stretch_in_one_bubble() -> None:
    found = talk("Hello")
    assert [bubble.stretches for bubble in found.bubbles] == [(TextRun("Hello"),)]
    assert ([(bubble.length, bubble.room) for bubble in found.bubbles], found.blamed) == ([(5, 160)], ())


def test_each_segment_has_a_bubble_and_all_of_the_text_is_in_them() -> None:
    text = "€" * 200
    found = talk(text)
    assert "".join(each.text for bubble in found.bubbles for each in bubble.stretches) == text
    assert [(bubble.length, bubble.room) for bubble in found.bubbles] == [(152, 153), (152, 153), (96, 153)]


def test_the_characters_to_blame_are_marked_and_named() -> None:
    found = talk("It’s yours, isn’t it?")
    assert marked_in(found) == ["’", "’"]
    assert found.bubbles[0].stretches[1] == TextRun("’", "forced", "U+2019 RIGHT SINGLE QUOTATION MARK")
    assert [(each.character, each.times) for each in found.blamed] == [("’", 2)]


def test_only_those_are_to_blame_that_the_alphabet_is_needed_for() -> None:
    assert marked_in(talk("une hôtesse “ici” attend")) == ["“", "”"]
    assert marked_in(talk("une hôtesse attend")) == ["ô"]


def test_joined_characters_stay_together() -> None:
    assert marked_in(talk("A family: 👩‍👩‍👧 at home, safe and sound")) == ["👩‍👩‍👧"]


@pytest.mark.parametrize(("text", "outside"), [("您的验证码是 482910", 6), ("您的 482910 验证码 is here, 您好", 7)])
def test_a_text_that_is_mostly_outside_gsm_is_not_to_blame(text: str, outside: int) -> None:
    found = talk(text)
    assert (marked_in(found), found.blamed, found.outside) == ([], (), outside)


def test_the_signature_is_marked_and_its_brackets_are_to_blame() -> None:
    [bubble] = talk("Hello to everybody", "Shop").bubbles
    assert [(each.text, each.kind) for each in bubble.stretches] == [
        ("【", "forced"),
        ("Shop", "signature"),
        ("】", "forced"),
        ("Hello to everybody", ""),
    ]
