"""Values as people read them."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.inbox import templates
from cloudsms_simulator.protocol.timestamps import HONG_KONG

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)


@given(st.text())
def test_no_control_character_reaches_a_page_and_nothing_else_changes(text: str) -> None:
    shown = templates.visible(text)
    assert len(shown) == len(text)
    for before, after in zip(text, shown, strict=True):
        is_control = (before < " " and before not in "\n\t") or before == "\x7f"
        assert (before == after) is not is_control
        assert after >= " " or after in "\n\t"


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (NOON, "2026-11-22 12:00:00"),
        (NOON + timedelta(milliseconds=7), "2026-11-22 12:00:00.007"),
        (NOON + timedelta(microseconds=999), "2026-11-22 12:00:00.000"),
    ],
)
def test_a_moment_has_a_fraction_where_there_is_one(moment: datetime, shown: str) -> None:
    assert templates.full_time(moment) == shown
    assert templates.clock_time(moment) == "12:00:00"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.002, "2 ms"),
        (3.25, "3.25 s"),
        (60, "1 m"),
        (65, "1 m 5 s"),
        (90_000, "25 h"),
        (3_600 + 61, "1 h 1 m 1 s"),
        (-65, "-1 m 5 s"),
    ],
)
def test_a_span_is_written_in_its_units(seconds: float, shown: str) -> None:
    assert templates.span(seconds) == shown


def test_money_keeps_every_digit() -> None:
    assert templates.amount(Money(Decimal("1000.0475"), "USD")) == "USD 1,000.0475"
    assert templates.amount("unlimited") == "unlimited"


def test_a_country_has_its_flag_and_a_service_has_none() -> None:
    assert (templates.flag(852), templates.region(852)) == ("🇭🇰", "HK")
    assert (templates.flag(800), templates.region(800)) == ("", "")


def test_json_is_laid_out_as_it_was_written_and_other_things_are_left_alone() -> None:
    assert templates.pretty('{"a":1.50,"b":"\\u4e2d"}') == '{\n  "a": 1.50,\n  "b": "\\u4e2d"\n}'
    assert templates.pretty("{cut") == "{cut"


@given(st.dictionaries(st.text(), st.text()))
def test_a_value_in_an_attribute_is_read_back_as_it_was(value: dict[str, str]) -> None:
    written = str(templates.attribute_json(value))
    assert not set(written) & set("<>\"'")
    assert json.loads(unescape(written)) == value


def test_a_character_is_named() -> None:
    assert templates.character_name("’") == "U+2019 RIGHT SINGLE QUOTATION MARK"
    assert templates.character_name("\x00") == "U+0000 without a name"
