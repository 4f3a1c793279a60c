"""Texts on a terminal."""

import pytest

from cloudsms_simulator.cli.output import columns_of, dearness, fitted, quoted
from cloudsms_simulator.engine.billing import bill


@pytest.mark.parametrize(
    ("text", "shown"), [("It’s", '"It’s"'), ("a\nb\x1b", '"a\\nb\\u001b"'), ("", '""'), ("\ufeff", '"\\ufeff"')]
)
def test_a_text_is_one_line(text: str, shown: str) -> None:
    assert quoted(text) == shown


def test_a_dear_text_says_why_and_what_would_be_cheaper() -> None:
    assert list(dearness(bill("It’s", None, None, "table", None))) == [
        'forced by   "’" U+2019 RIGHT SINGLE QUOTATION MARK, character 3 of the text',
        'look-alike  "It\'s"',
        "            DCS 0, segments 1, 0 less",
    ]


def test_decomposed_accents_are_told_with_what_composing_them_saves() -> None:
    text = "Cafe\u0301 " + "x" * 80
    assert list(dearness(bill(text, None, None, "table", None))) == [
        'forced by   "\u0301" U+0301 COMBINING ACUTE ACCENT, character 5 of the text',
        'composed    "Café ' + "x" * 80 + '"',
        "            DCS 0, segments 1, 1 less",
    ]


def test_a_cheap_text_says_nothing_and_chinese_has_no_look_alike() -> None:
    assert list(dearness(bill("It's", None, None, "table", None))) == []
    assert len(list(dearness(bill("云", None, None, "table", None)))) == 1


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("云a", 3), ("ｅ", 2), ("e\u0301", 1), ("", 0)])
def test_a_text_takes_columns(text: str, columns: int) -> None:
    assert columns_of(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("云云", 4, "云云"),
        ("云云", 3, "云…"),
        ("云云", 2, "…"),
        ("ab cd", 4, "ab…"),
    ],
)
def test_a_text_is_cut_to_so_many_columns(text: str, columns: int, shown: str) -> None:
    assert fitted(text, columns) == shown
