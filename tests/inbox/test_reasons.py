"""Every reason for LOCAL_REJECTED is known by what it says."""

from decimal import Decimal

import pytest

from cloudsms_simulator.engine.acceptance import ADMISSION_RULES, AdmissionRequest
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.inbox.coverage import OTHER_REASON, REJECTION_REASONS, reason_kind
from cloudsms_simulator.protocol.packet import Destination

ACCOUNT = Account(directions=frozenset({852}))
REJECTED = {
    "singapore_number": [
        AdmissionRequest(ACCOUNT, "VerifyCode_516", Destination(65, "61234567"), Decimal(1), None),
        AdmissionRequest(ACCOUNT, "VerifyCode_516", Destination(65, "9123456"), Decimal(1), None),
    ],
    "direction": [AdmissionRequest(ACCOUNT, "VerifyCode_516", Destination(44, "7911123456"), Decimal(1), None)],
    "route": [AdmissionRequest(ACCOUNT, "is left", Destination(852, "67000011"), Decimal(1), None)],
    "price": [AdmissionRequest(ACCOUNT, "VerifyCode_516", Destination(852, "67000011"), None, None)],
    "balance": [AdmissionRequest(ACCOUNT, "VerifyCode_516", Destination(852, "67000011"), Decimal(2), Decimal(1))],
}


def test_there_is_a_kind_for_every_rule() -> None:
    assert len(REJECTION_REASONS) == len(ADMISSION_RULES)


@pytest.mark.parametrize("kind", REJECTION_REASONS)
def test_what_a_rule_says_is_of_its_kind(kind: str) -> None:
    rule = ADMISSION_RULES[list(REJECTION_REASONS).index(kind)]
    assert {reason_kind(rule(application) or "") for application in REJECTED[kind]} == {kind}


def test_a_reason_nobody_knows_is_of_no_kind() -> None:
    assert reason_kind("because") == OTHER_REASON
