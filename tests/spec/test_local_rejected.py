"""The cases in which LOCAL_REJECTED (60) is generated, as the Remark lists them.

Spec: SMS_STATE and RESULT_DESC, Remark.
"""

from decimal import Decimal

import pytest

from cloudsms_simulator.engine.acceptance import AdmissionRequest, rejection
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.plan import LOCAL_REJECTION
from cloudsms_simulator.protocol.packet import Destination

HEADING = "SMS_STATE and RESULT_DESC, Remark"
ACCOUNT = Account(
    routes=frozenset({"VerifyCode_516"}), directions=frozenset({65, 852}), balance=Decimal("0.05"), currency="HKD"
)


def applying(
    country: int = 852, msisdn: str = "67000011", route: str = "VerifyCode_516", cost: str = "0.05"
) -> str | None:
    return rejection(AdmissionRequest(ACCOUNT, route, Destination(country, msisdn), Decimal(cost), Decimal("0.05")))


@pytest.mark.parametrize(
    ("reason", "boundary"),
    [
        pytest.param(
            applying(65, "71234567"),
            [applying(65, "81234567"), applying(65, "91234567")],
            id=f"{HEADING}: Singapore phone numbers don't start with 8 or 9",
        ),
        pytest.param(
            applying(65, "8123456") and applying(65, "812345678"),
            [applying(65, "81234567"), applying(852, "8123456"), applying(852, "812345678")],
            id=f"{HEADING}: Singapore phone number is not eight digits (excluding country code)",
        ),
        pytest.param(
            applying(44, "7911123456"),
            [applying(852), applying(65, "81234567")],
            id=f"{HEADING}: Unconfigured sending direction",
        ),
        pytest.param(
            applying(route="VerifyCode_517"),
            [applying(route="VerifyCode_516")],
            id=f"{HEADING}: Wrong ROUTE_ID parameter values used in SMS_SEND_REQUEST",
        ),
        pytest.param(
            applying(cost="0.0500001"), [applying(cost="0.05")], id=f"{HEADING}: Insufficient account balance"
        ),
    ],
)
def test_a_message_is_rejected_locally_with_a_reason_and_one_just_within_is_not(
    reason: str | None, boundary: list[str | None]
) -> None:
    assert reason
    assert boundary == [None] * len(boundary)


def test_what_is_rejected_locally_reaches_state_60_and_nothing_else() -> None:
    assert [each.state for each in LOCAL_REJECTION.steps] == [60]
