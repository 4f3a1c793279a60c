"""Every reason for LOCAL_REJECTED is known by what it says."""

from decimal import Decimal

import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.admission import RULES, Application
from cloudsms_simulator.protocol.submission import Destination
from cloudsms_simulator.server.inbox.reasons import OTHER, REASONS, reason_kind

ACCOUNT = Account(directions=frozenset({852}))
REJECTED = {
    "singapore_number": [
        Application(ACCOUNT, "VerifyCode_516", Destination(65, "61234567"), Decimal(1), None),
        Application(ACCOUNT, "VerifyCode_516", Destination(65, "9123456"), Decimal(1), None),
    ],
    "direction": [Application(ACCOUNT, "VerifyCode_516", Destination(44, "7911123456"), Decimal(1), None)],
    "route": [Application(ACCOUNT, "is left", Destination(852, "67000011"), Decimal(1), None)],
    "price": [Application(ACCOUNT, "VerifyCode_516", Destination(852, "67000011"), None, None)],
    "balance": [Application(ACCOUNT, "VerifyCode_516", Destination(852, "67000011"), Decimal(2), Decimal(1))],
}


def test_there_is_a_kind_for_every_rule() -> None:
    assert len(REASONS) == len(RULES)


@pytest.mark.parametrize("kind", REASONS)
def test_what_a_rule_says_is_of_its_kind(kind: str) -> None:
    rule = RULES[list(REASONS).index(kind)]
    assert {reason_kind(rule(application) or "") for application in REJECTED[kind]} == {kind}


def test_a_reason_nobody_knows_is_of_no_kind() -> None:
    assert reason_kind("because") == OTHER
