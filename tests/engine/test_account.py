"""Accounts: what their configuration answers.

Spec: Parameter Details. Spec: CloudSMS Platform Server.
"""

import ipaddress
from decimal import Decimal

import pytest

from cloudsms_simulator.engine.account import DEFAULT_AUTH_KEY, Account, Blacklist

DEFAULT = Account()


def test_the_account_of_a_simulator_nobody_configured() -> None:
    assert DEFAULT.name == "default"
    assert len(DEFAULT.auth_key) == len(DEFAULT_AUTH_KEY) == 88
    assert DEFAULT.routes == {"VerifyCode_516", "Notification_516", "Marketing_516"}
    assert (DEFAULT.balance, DEFAULT.currency, DEFAULT.credit_limit) == (Decimal("1000.00"), "USD", 0)
    assert DEFAULT.price(852) == DEFAULT.price(1) == Decimal("0.05")
    assert DEFAULT.serves(852)
    assert DEFAULT.admits("203.0.113.9")
    assert not DEFAULT.callback.retries


def test_a_price_is_the_countrys_own_or_that_of_every_other_or_none() -> None:
    account = Account(prices={852: Decimal("0.04"), 65: Decimal(0), None: Decimal("0.10")})
    assert [account.price(country) for country in (852, 65, 44)] == [Decimal("0.04"), Decimal(0), Decimal("0.10")]
    assert Account(prices={852: Decimal("0.04")}).price(44) is None


def test_routes_count_letters_case_and_a_star_is_any() -> None:
    assert DEFAULT.knows_route("VerifyCode_516")
    assert not DEFAULT.knows_route("verifycode_516")
    assert not DEFAULT.knows_route("*")
    assert Account(routes=frozenset({"*"})).knows_route("whatever")


def test_directions_are_all_unless_listed() -> None:
    account = Account(directions=frozenset({852}))
    assert account.serves(852)
    assert not account.serves(65)


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("203.0.113.9", True),
        ("203.0.114.9", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("fe80::1%eth0", False),
    ],
)
def test_a_whitelist_admits_addresses_of_its_networks(host: str, admitted: bool) -> None:
    networks = (ipaddress.ip_network("203.0.113.0/24"), ipaddress.ip_network("2001:db8::/32"))
    assert Account(whitelist=networks).admits(host) is admitted


@pytest.mark.parametrize(
    ("number", "glob"),
    [
        ("85267000011", "85267*"),
        ("85268000011", None),
        ("6581234567", "65812345?7"),
        ("1852670", None),
    ],
)
def test_a_blacklist_matches_country_code_and_number_in_one(number: str, glob: str | None) -> None:
    assert Blacklist(numbers=("85267*", "65812345?7")).blocks_number(number) == glob


def test_a_blacklisted_word_is_found_whatever_its_letters_case() -> None:
    blacklist = Blacklist(words=("Casino", "STRASSE"))
    assert blacklist.blocks_text("the best CASINOs in town") == "Casino"
    assert blacklist.blocks_text("in der Straße") == "STRASSE"
    assert blacklist.blocks_text("nothing of the kind") is None


def test_an_empty_blacklist_is_false() -> None:
    assert not Blacklist()
    assert Blacklist(words=("casino",))
    assert Blacklist(numbers=("852*",))
