"""Admission: each rule alone, and their order.

Spec: SMS_STATE and RESULT_DESC, Remark. Reading: R8.
"""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine import acceptance
from cloudsms_simulator.engine.acceptance import (
    ADMISSION_RULES,
    AdmissionRequest,
    none_can_reject,
    none_can_reject_country,
    rejection,
)
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.packet import Destination

ACCOUNT = Account(directions=frozenset({65, 852}))


def application(
    country: int = 852,
    msisdn: str = "67000011",
    route: str = "VerifyCode_516",
    cost: str | None = "0.05",
    funds: str | None = "1.00",
) -> AdmissionRequest:
    return AdmissionRequest(
        ACCOUNT,
        route,
        Destination(country, msisdn),
        None if cost is None else Decimal(cost),
        None if funds is None else Decimal(funds),
    )


def test_the_rules_are_asked_in_the_order_of_the_remark() -> None:
    assert [rule.reject for rule in ADMISSION_RULES] == [
        acceptance.reject_singapore_number,
        acceptance.reject_direction,
        acceptance.reject_route,
        acceptance.reject_without_price,
        acceptance.reject_beyond_balance,
    ]


def test_a_message_that_breaks_no_rule_is_admitted() -> None:
    assert rejection(application()) is None
    assert rejection(application(65, "81234567")) is None


@pytest.mark.parametrize(
    ("msisdn", "reason"),
    [
        ("81234567", None),
        ("91234567", None),
        ("61234567", "a Singapore number starts with 8 or 9, not 6"),
        ("01234567", "a Singapore number starts with 8 or 9, not 0"),
        ("8123456", "a Singapore number has 8 digits, not 7"),
        ("812345678", "a Singapore number has 8 digits, not 9"),
        ("6512345", "a Singapore number has 8 digits, not 7"),
    ],
)
def test_a_singapore_number_has_8_digits_and_starts_with_8_or_9(msisdn: str, reason: str | None) -> None:
    assert rejection(application(65, msisdn)) == reason


def test_other_countries_have_no_such_rule() -> None:
    assert rejection(application(852, "61234567")) is None
    assert rejection(application(852, "6123456")) is None


def test_a_country_outside_the_directions_is_rejected() -> None:
    assert rejection(application(44, "7911123456")) == "country 44 is not among the account's directions"


@pytest.mark.parametrize("route", ["Nonsense_516", "verifycode_516", "VerifyCode_516 ", "*"])
def test_a_route_that_is_not_exactly_one_of_the_accounts_is_rejected(route: str) -> None:
    assert rejection(application(route=route)) == f'"{route}" is not one of the account\'s routes'


def test_a_country_without_a_price_is_rejected_even_on_an_unlimited_balance() -> None:
    assert rejection(application(cost=None, funds=None)) == "the account has no price for country 852"


@pytest.mark.parametrize(
    ("cost", "funds", "admitted"),
    [
        ("0.05", "0.05", True),
        ("0.05000001", "0.05", False),
        ("0.05", "0.0499999", False),
        ("0", "0", True),
        ("0", "-0.01", False),
        ("999999999999.99999999", None, True),
    ],
)
def test_a_cost_strictly_greater_than_what_is_left_is_rejected(cost: str, funds: str | None, admitted: bool) -> None:
    reason = rejection(application(cost=cost, funds=funds))
    assert reason == (None if admitted else f"it costs {cost} USD, and {funds} is left")


def test_amounts_are_written_out_and_never_in_exponents() -> None:
    assert rejection(application(cost="1E-7", funds="0E-9")) == "it costs 0.0000001 USD, and 0.000000000 is left"


@given(
    country=st.sampled_from([65, 852, 44, 86]),
    msisdn=st.text("0689", min_size=1, max_size=9),
    route=st.sampled_from(["VerifyCode_516", "Nonsense_516"]),
    routes=st.sampled_from([frozenset({"*"}), frozenset({"VerifyCode_516"}), frozenset()]),
    directions=st.none() | st.frozensets(st.sampled_from([65, 852])),
    price=st.none() | st.sampled_from([Decimal(0), Decimal("0.05")]),
    balance=st.none() | st.sampled_from([Decimal(0), Decimal(1)]),
)
def test_no_rule_applies_to_what_is_spared_the_rules(
    country: int,
    msisdn: str,
    route: str,
    routes: frozenset[str],
    directions: frozenset[int] | None,
    price: Decimal | None,
    balance: Decimal | None,
) -> None:
    account = Account(routes=routes, directions=directions)
    if none_can_reject(account, route, balance) and none_can_reject_country(country, price):
        assert rejection(AdmissionRequest(account, route, Destination(country, msisdn), price, balance)) is None


def test_an_ordinary_message_on_an_unlimited_balance_is_spared_the_rules() -> None:
    assert none_can_reject(Account(), "VerifyCode_516", None)
    assert none_can_reject_country(852, Decimal(0))


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"country": 65, "msisdn": "6"}, "a Singapore number has 8 digits, not 1"),
        ({"country": 44}, "country 44 is not among the account's directions"),
        ({}, '"nowhere" is not one of the account\'s routes'),
        ({"route": "VerifyCode_516"}, "the account has no price for country 852"),
        ({"route": "VerifyCode_516", "cost": "0.05"}, "it costs 0.05 USD, and -1 is left"),
    ],
    ids=["(a) Singapore", "(b) direction", "(c) route", "unpriced", "(d) balance"],
)
def test_of_several_reasons_the_first_rules_is_kept(broken: dict[str, str], reason: str) -> None:
    everything = {"country": 852, "msisdn": "67000011", "route": "nowhere", "cost": None, "funds": "-1"}
    assert rejection(application(**everything | broken)) == reason
