"""The paragraphs about single parameters, with their examples."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.candidate import candidate_of, submission_of
from cloudsms_simulator.protocol.checks import REQUEST_CHECKS, first_refusal, gateway_refusal
from cloudsms_simulator.protocol.mistakes import observe_no_customer_body, observe_signature
from cloudsms_simulator.protocol.packet import Submission, decode
from cloudsms_simulator.protocol.profile import SPEC

Make = Callable[..., dict[str, object]]
Codes = Callable[..., list[int]]

OK, CHANNEL_NOT_EXIST, INVALID_PARAMETER = 0x01, 0x05, 0x10000001

EXAMPLE_KEY = "cOUlfIimjcBgfxf5cNaiOZ7BLsonagmjt5+vncIGdKOsZXsjkuQjERKtSrm7iTvNKgcXvvLsK9+ptfYQHFgB0a=="


def submitted(body: bytes, account: Account) -> Submission:
    """What a packet in order asks for."""
    candidate = candidate_of(decode(body), account, SPEC)
    assert (gateway_refusal(candidate) or first_refusal(REQUEST_CHECKS, candidate)) is None
    return submission_of(candidate)


def test_auth_key_the_example_is_shorter_than_its_fixed_128_bytes_and_taken(packet: Make, codes: Codes) -> None:
    assert len(EXAMPLE_KEY) < 128
    assert codes(packet(AUTH_KEY=EXAMPLE_KEY), Account(auth_key=EXAMPLE_KEY)) == [OK, OK]


def test_auth_key_identifies_the_user(packet: Make, codes: Codes) -> None:
    assert codes(packet(AUTH_KEY=EXAMPLE_KEY)) == [CHANNEL_NOT_EXIST, CHANNEL_NOT_EXIST]


def test_auth_key_is_compared_and_not_decoded(packet: Make, codes: Codes) -> None:
    same_bytes = EXAMPLE_KEY.replace("0a==", "0b==")  # the bits that differ are padding

    assert codes(packet(AUTH_KEY=same_bytes), Account(auth_key=EXAMPLE_KEY)) == [CHANNEL_NOT_EXIST] * 2


def test_auth_key_may_be_escaped_in_json(packet: Make, codes: Codes) -> None:
    body = msgspec.json.encode(packet(AUTH_KEY=EXAMPLE_KEY)).replace(b"+", b"\\u002b")

    assert codes(body, Account(auth_key=EXAMPLE_KEY)) == [OK, OK]


def test_route_id_the_example_is_one_of_the_default_account(packet: Make, codes: Codes) -> None:
    assert codes(packet(ROUTE_ID="VerifyCode_516")) == [OK, OK]
    assert Account().knows_route("VerifyCode_516")
    assert not Account().knows_route("verifycode_516")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        pytest.param(1, "【Signature】xxx", id="SIGNATURE_TYPE 1"),
        pytest.param(2, "xxx【Signature】", id="SIGNATURE_TYPE 2"),
        pytest.param(3, "[Signature] xxx", id="SIGNATURE_TYPE 3"),
        pytest.param(4, "xxx[Signature]", id="SIGNATURE_TYPE 4"),
        pytest.param(5, "xxx", id="SIGNATURE_TYPE 5"),
    ],
)
def test_signature_type_puts_the_signature_into_the_text_that_is_sent(packet: Make, kind: int, text: str) -> None:
    body = msgspec.json.encode(packet(SMS_CONTENT="xxx", SIGNATURE="Signature", SIGNATURE_TYPE=kind))

    assert submitted(body, Account()).text == text


@pytest.mark.parametrize("kind", [0, 6, -1, 1.0, "1", True])
def test_signature_type_has_no_other_rows(packet: Make, codes: Codes, kind: object) -> None:
    assert codes(packet(SIGNATURE="Signature", SIGNATURE_TYPE=kind)) == [INVALID_PARAMETER] * 2


@pytest.mark.parametrize(
    ("registered", "told"),
    [(frozenset({"CloudSMS"}), []), (frozenset({"Other"}), ["signature-unregistered"]), (None, [])],
)
def test_signature_is_registered_in_advance_where_regulation_demands_it(
    packet: Make, codes: Codes, registered: frozenset[str] | None, told: list[str]
) -> None:
    mainland = [{"COUNTRY_CODE": 86, "DEST_MSISDN": "13800138000"}]
    sent = packet(SIGNATURE="CloudSMS", SIGNATURE_TYPE=1, MULTI_MSISDN_LIST=mainland)
    account = Account(signatures=registered)
    candidate = candidate_of(decode(msgspec.json.encode(sent)), account, SPEC)
    assert (gateway_refusal(candidate) or first_refusal(REQUEST_CHECKS, candidate)) is None

    unused: Any = None
    assert [finding.rule for finding in observe_signature(candidate, unused)] == told
    assert codes(sent, account) == [OK, OK]


@pytest.mark.parametrize(
    "written",
    [
        b"{}",
        b'{"id":"order-1"}',
        b'{ "b" : 1, "a" : 0.10, "big" : 12345678901234567890123, "e" : 1e400 }',
        b'{"\\u8ba2\\u5355":"\\/","a":[{"b":null}]}',
        '{"订单":"二"}'.encode(),
        b'{"a":1,"a":2}',
    ],
)
def test_customer_body_is_kept_without_changes(packet: Make, written: bytes) -> None:
    body = msgspec.json.encode(packet(CUSTOMER_BODY=msgspec.Raw(written)))

    assert submitted(body, Account()).customer_body == written


@pytest.mark.parametrize("value", [msgspec.UNSET, None])
def test_customer_body_that_is_absent_stays_absent(packet: Make, value: object) -> None:
    body = msgspec.json.encode(packet(CUSTOMER_BODY=value))

    assert submitted(body, Account()).customer_body is None
    unused: Any = None
    candidate = candidate_of(decode(body), Account(), SPEC)
    assert [finding.rule for finding in observe_no_customer_body(candidate, unused)] == ["customer-body-absent"]
