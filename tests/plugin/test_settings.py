"""What is made of the words of a test: searches, settings, seeds."""

import re
from pathlib import Path

import pytest

from cloudsms_simulator.journal.search import parse_search as server_s_search_of
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.pytest_plugin.account import search_by_fields
from cloudsms_simulator.pytest_plugin.fixture import (
    ANSWER_RULES,
    FixtureSettings,
    fixture_settings,
    seed_of,
    strict_rules,
)


def test_a_search_asks_for_what_was_said_and_content_is_no_pattern() -> None:
    search = search_by_fields(to="852*", content='[Shop] 50% "off"*', state=None, final=True, segments=2)
    assert search == r'to:"852*" content:"\[Shop\] 50% \"off\"\*" final:"true" segments:"2"'
    terms = server_s_search_of(search, WallClock().now().astimezone(HONG_KONG)).terms
    assert [term.field for term in terms] == ["to", "text", "final", "segments"]


def test_settings_are_the_account_s_settings_and_what_the_fixture_sees_to() -> None:
    settings = {"balance": "HKD 10.00", "mtls": "off", "timeout": "2s", "scenario": "flaky", "strict_answers": True}
    assert fixture_settings(settings, "a::b", Path()) == FixtureSettings(
        account={
            "clock": "frozen",
            "seed": seed_of("a::b"),
            "balance": {"amount": "10.00", "currency": "HKD"},
            "scenario": "flaky",
        },
        mtls="off",
        timeout="2s",
        strict_answers=ANSWER_RULES,
    )


def test_a_seed_is_what_it_was_in_every_version() -> None:
    assert (seed_of("tests/test_otp.py::test_otp"), seed_of("")) == (1355703722, 1954132660)


def test_strictness_is_all_rules_of_answers_none_or_those_named() -> None:
    assert {"dr-http-status", "dr-answer-empty", "dr-answer-serial"} < strict_rules(True)
    assert strict_rules(False) == frozenset()
    assert strict_rules(["dr-answer-serial"]) == {"dr-answer-serial"}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("yes", "got 'yes', want True, False, or a list of rules such as dr-answer-serial"),
        (1, "got 1, want True, False"),
        (["dr-answer-seriel"], 'there is no rule "dr-answer-seriel" of answers to reports; did you mean "dr-answer-s'),
        (["body-empty"], 'there is no rule "body-empty" of answers to reports; want one of dr-answer-code, dr-answer-'),
    ],
)
def test_a_strictness_that_is_none_says_what_would_be(said: object, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        strict_rules(said)
