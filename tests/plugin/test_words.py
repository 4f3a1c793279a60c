"""What is made of the words of a test: searches, wishes, seeds."""

from pathlib import Path

from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.pytest_support.searching import search_of
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
        strict_answers=True,
    )


def test_a_seed_is_what_it_was_in_every_version() -> None:
    assert (seed_of("tests/test_otp.py::test_otp"), seed_of("")) == (1355703722, 1954132660)
