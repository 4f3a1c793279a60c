"""What is made of the words of a test: searches, wishes, seeds."""

import re
from pathlib import Path

import pytest

from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.pytest_support.searching import search_of
from cloudsms_simulator.pytest_support.strictness import ANSWER_RULES, strictness_of
from cloudsms_simulator.pytest_support.wishes import Wishes, seed_of, wishes_of
from cloudsms_simulator.server.search import search_of as server_s_search_of
from cloudsms_simulator.server.wall import WallClock


def test_a_search_asks_for_what_was_said_and_content_is_no_pattern() -> None:
    search = search_of(to="852*", content='[Shop] 50% "off"*', state=None, final=True, segments=2)
    assert search == r'to:"852*" content:"\[Shop\] 50% \"off\"\*" final:"true" segments:"2"'
    terms = server_s_search_of(search, WallClock().now().astimezone(HONG_KONG)).terms
    assert [term.field for term in terms] == ["to", "text", "final", "segments"]


def test_wishes_are_the_account_s_settings_and_what_the_fixture_sees_to() -> None:
    settings = {"balance": "HKD 10.00", "mtls": "off", "timeout": "2s", "scenario": "flaky", "strict_answers": True}
    assert wishes_of(settings, "a::b", Path()) == Wishes(
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
    assert {"dr-http-status", "dr-answer-empty", "dr-answer-serial"} < strictness_of(True)
    assert strictness_of(False) == frozenset()
    assert strictness_of(["dr-answer-serial"]) == {"dr-answer-serial"}


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
        strictness_of(said)
