"""What the tests of the protocol share: the smallest packet in order, and a judge who takes it through the checks.

A test changes one field of the packet and reads the judgement. The fixtures hold no state, so properties may use them.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.candidate import Candidate, candidate_of, readable_key, submission_of
from cloudsms_simulator.protocol.checks import (
    ACCOUNT_CHECKS,
    DESTINATION_CHECKS,
    REQUEST_CHECKS,
    diagnose,
    first_refusal,
    gateway_refusal,
)
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.mistakes import Circumstances, Headers
from cloudsms_simulator.protocol.packet import Submission, decode
from cloudsms_simulator.protocol.profile import SPEC, Profile
from cloudsms_simulator.protocol.timestamps import HONG_KONG

KEY = "local-simulator-only-AUTH-KEY-for-the-account-named-default-0123456789abcdefghijklmnop=="
NOON = datetime(2021, 10, 1, 12, 0, 0, tzinfo=HONG_KONG)
ACCOUNT = Account()

Packet = dict[str, object]


class Judgement(msgspec.Struct, frozen=True):
    """What became of a packet: its code, those of its destinations, and everything that was found."""

    code: ResultCode
    """The refusal's, or OK when checks 1 to 16 passed."""
    by_gateway: bool
    codes: tuple[ResultCode, ...]
    """Of the destinations, in order; none when the packet was refused."""
    submission: Submission | None
    findings: tuple[Finding, ...]

    @property
    def rules(self) -> list[str]:
        """The rules found, without the advice to send a CUSTOMER_BODY, which the smallest packet lacks."""
        return [finding.rule for finding in self.findings if finding.rule != "customer-body-absent"]

    def of(self, rule: str) -> Finding:
        """The one finding under a rule."""
        [finding] = [finding for finding in self.findings if finding.rule == rule]
        return finding


@pytest.fixture(scope="session")
def packet() -> Callable[..., Packet]:
    """Makes the smallest packet in order, with fields changed or, as UNSET, taken away."""

    def make(**changes: object) -> Packet:
        smallest: Packet = {
            "METHOD": "SMS_SEND_REQUEST",
            "TYPE": "REQUEST",
            "SERIAL": 1,
            "TIME": "2021-10-01 12:00:00",
            "AUTH_KEY": KEY,
            "ROUTE_ID": "VerifyCode_516",
            "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}],
            "SMS_CONTENT": "Hello",
            "VERSION": "2021-01-01",
        }
        return {name: value for name, value in (smallest | changes).items() if value is not msgspec.UNSET}

    return make


@pytest.fixture(scope="session")
def judge() -> Callable[..., Judgement]:
    """Takes a packet, or a body as it is, through all checks of one account; another key belongs to nobody."""

    def decide(
        sent: Mapping[str, object] | bytes,
        *,
        account: Account = ACCOUNT,
        profile: Profile = SPEC,
        headers: Headers = (),
        at: datetime = NOON,
        clock_is_real: bool = False,
    ) -> Judgement:
        body = sent if isinstance(sent, bytes) else msgspec.json.encode(sent)
        decoded = decode(body)
        known = readable_key(decoded.packet) == account.auth_key
        candidate = candidate_of(decoded, account if known else None, profile)
        findings = diagnose(candidate, Circumstances(body, headers, at, clock_is_real))
        by_gateway = gateway_refusal(candidate)
        refusal = by_gateway or first_refusal(REQUEST_CHECKS, candidate)
        if refusal is not None:
            return Judgement(refusal.code, by_gateway is not None, (), None, findings)
        return Judgement(ResultCode.OK, False, codes_of(candidate), submission_of(candidate), findings)

    return decide


def codes_of(candidate: Candidate) -> tuple[ResultCode, ...]:
    assert first_refusal((*DESTINATION_CHECKS, *ACCOUNT_CHECKS), candidate) is None
    return tuple(candidate.verdicts.get(index, ResultCode.OK) for index in range(len(candidate.destinations)))
