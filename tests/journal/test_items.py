"""Items: what the admin API shows, value by value.

Names are a contract: see the API's documentation.
"""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from ipaddress import ip_network

import msgspec
import pytest

from cloudsms_simulator.config.account_body import account_settings
from cloudsms_simulator.engine.account import Account, AccountState, Callback
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.engine.records import (
    Attempt,
    ConnectionFacts,
    Exchange,
    Message,
    ReachedState,
    Report,
    RequestLine,
    Sending,
    TlsFacts,
)
from cloudsms_simulator.engine.rules import CompiledRules, FaultRule, Rule, RuleBook
from cloudsms_simulator.journal.views import code_item, message_item, report_item, request_item
from cloudsms_simulator.protocol.answer import UidSequence
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import found
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.protocol.segmentation import segment
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.services.accounts import account_item

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)
NO_SETTINGS = msgspec.Raw(b"{}")
SECOND = timedelta(seconds=1)
KEY = "the-key-of-the-account"
FINGERPRINT = "key-"


def shown(item: object) -> dict[str, object]:
    """An item as JSON."""
    decoded: dict[str, object] = json.loads(msgspec.json.encode(item))
    return decoded


@pytest.fixture
def message() -> Message:
    text = "验证码 1234"
    sending = Sending(
        9,
        "shop",
        "uip",
        NOON,
        None,
        (),
        200,
        ResultCode.OK,
        msgspec.json.encode({"SMS_CONTENT": text}),
        None,
        None,
        "uid",
        serial=7,
        route_id="VerifyCode_516",
        source="Shop",
        segmentation=segment(text, "table"),
        currency="HKD",
        profile=SPEC,
        customer_body=b'{"a": 1e400}',
        places=(3,),
    )
    plan = plan_of(step(2, SECOND))
    return Message("uid", sending, 852, "67000011", Decimal("0.0500"), plan, passages=(ReachedState(2, NOON + SECOND),))


def test_a_code_is_shown_three_ways() -> None:
    assert shown(code_item(ResultCode.INVALID_PARAMETER)) == {
        "value": 268435457,
        "hex": "0x10000001",
        "name": "Invalid_parameter",
    }


def test_a_message(message: Message) -> None:
    item = msgspec.json.encode(message_item(message, KEY))
    assert b'"customer_body":{"a": 1e400}' in item, "byte for byte"
    told = json.loads(item)
    del told["customer_body"]
    assert told == {
        "uid": "uid",
        "account": "shop",
        "request_id": 9,
        "index": 3,
        "to": "85267000011",
        "country_code": 852,
        "msisdn": "67000011",
        "source": "Shop",
        "text": "验证码 1234",
        "dcs": 8,
        "segments": 1,
        "route": "VerifyCode_516",
        "price": {"amount": "0.0500", "currency": "HKD"},
        "cost": {"amount": "0.0500", "currency": "HKD"},
        "code": {"value": 1, "hex": "0x01", "name": "OK"},
        "state": 2,
        "state_name": "DELIVERED",
        "final": True,
        "refunded": False,
        "reason": None,
        "accepted_at": "2026-11-22T12:00:00+08:00",
        "final_at": "2026-11-22T12:00:01+08:00",
        "rule": None,
    }


def test_a_message_on_its_way_has_no_state_yet(message: Message) -> None:
    item = message_item(msgspec.structs.replace(message, passages=()), KEY)
    assert (item.state, item.state_name, item.final, item.final_at) == (None, None, False, None)


def test_a_message_without_a_customer_body_shows_none(message: Message) -> None:
    sending = msgspec.structs.replace(message.sending, customer_body=None)
    assert shown(message_item(msgspec.structs.replace(message, sending=sending), KEY))["customer_body"] is None


def test_a_request() -> None:
    tls = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", None)
    finding = found("body-cut", "body", "x", "the whole JSON object")
    exchange = Exchange(
        9,
        None,
        "uip",
        NOON,
        ConnectionFacts(4, "2001:db8::1", 50_000, tls),
        ((b"host", b"a"), (b"x-\xe9", b"\xff")),
        200,
        ResultCode.LOST_INFO,
        b'{"A":"\xd6\xd0',
        None,
        None,
        line=RequestLine("POST", "/dave/io?x", "1.0"),
    )
    assert shown(request_item(exchange, b"answer", (finding,))) == {
        "id": 9,
        "account": None,
        "kind": "uip",
        "received_at": "2026-11-22T12:00:00+08:00",
        "peer": "[2001:db8::1]:50000",
        "connection_id": 4,
        "tls": {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "peer": None},
        "headers": [["host", "a"], ["x-\\xe9", "\\xff"]],
        "http_status": 200,
        "code": {"value": 268435463, "hex": "0x10000007", "name": "Lost_info"},
        "body": '{"A":"\\xd6\\xd0',
        "answer": "answer",
        "findings": [
            {
                "rule": "body-cut",
                "severity": "error",
                "path": "body",
                "got": '"x"',
                "want": "the whole JSON object",
                "heading": "RESULT_CODE and RESULT_DESC",
            }
        ],
        "rule": None,
        "fault": None,
        "uids": [],
        "method": "POST",
        "target": "/dave/io?x",
        "http_version": "1.0",
        "body_base64": "eyJBIjoi1tA=",
    }


def test_a_report_with_its_attempts() -> None:
    attempt = Attempt(5, NOON + SECOND, "http://a/", b'{"SERIAL":5}', 500, b"\xff", None, ())
    report = Report("uid", 2, "shop", 99, NOON, "pending", NOON + 2 * SECOND, (attempt,))
    assert shown(report_item(report, KEY, None)) == {
        "id": "uid-2",
        "uid": "uid",
        "account": "shop",
        "state": 99,
        "state_name": "UNKNOWN",
        "due_at": "2026-11-22T12:00:00+08:00",
        "outcome": "pending",
        "next_attempt_at": "2026-11-22T12:00:02+08:00",
        "attempts": [
            {
                "serial": 5,
                "at": "2026-11-22T12:00:01+08:00",
                "url": "http://a/",
                "request": '{"SERIAL":5}',
                "status": 500,
                "body": "\\xff",
                "error": None,
                "findings": [],
                "fault": None,
                "tls": None,
                "resent": False,
                "repeated": False,
            }
        ],
        "findings": [],
    }


def test_an_account_with_its_standing() -> None:
    account = Account(
        name="shop",
        auth_key=KEY,
        prices={852: Decimal("0.0475"), None: Decimal("1E-8")},
        currency="HKD",
        credit_limit=Decimal("5"),
        directions=frozenset({852, 65}),
        whitelist=(ip_network("10.0.0.0/8"),),
        callback=Callback(url="http://a/", retries=(SECOND, timedelta(milliseconds=1500)), verify=False),
        rules=CompiledRules(RuleBook(name="night", rules=(Rule(id="a"), Rule(id="b")), faults=(FaultRule(id="c"),))),
        seed=42,
    )
    standing = AccountState(Clock.real(NOON), UidSequence(1), Decimal("999.95000000"), outstanding=3)
    told = shown(account_item(account, standing, NOON, account_settings(account)))
    assert str(told.pop("auth_key")).startswith(FINGERPRINT)
    settings = told.pop("settings")
    assert (settings["seed"], settings["credit_limit"], settings["whitelist"]) == (42, 5, ["10.0.0.0/8"])
    assert told == {
        "name": "shop",
        "profile": "spec",
        "routes": ["Marketing_516", "Notification_516", "VerifyCode_516"],
        "directions": [65, 852],
        "prices": {"852": "0.0475", "*": "0.00000001"},
        "currency": "HKD",
        "balance": {"amount": "999.95000000", "currency": "HKD"},
        "credit_limit": {"amount": "5", "currency": "HKD"},
        "default_sender": "CloudSMS",
        "callback": {
            "url": "http://a/",
            "retries_s": [1.0, 1.5],
            "verify": False,
            "concurrency": 32,
            "connect_timeout_s": 2.0,
            "timeout_s": 5.0,
            "identity": "valid",
            "ca": None,
            "client_cert": None,
            "client_key": None,
        },
        "now": "2026-11-22T12:00:00+08:00",
        "outstanding": 3,
        "seed": 42,
        "scenario": "night",
        "rules": 3,
        "whitelist": ["10.0.0.0/8"],
    }


def test_an_account_that_plays_nothing_has_no_scenario() -> None:
    told = shown(account_item(Account(), AccountState(Clock.real(NOON), UidSequence(1), Decimal(1)), NOON, NO_SETTINGS))
    assert (told["seed"], told["scenario"], told["rules"]) == (0, None, 0)


def test_an_unlimited_balance_all_directions_and_any_key_are_words() -> None:
    account = Account(auth_key="*", balance="unlimited")
    told = shown(account_item(account, AccountState(Clock.real(NOON), UidSequence(1), None), NOON, NO_SETTINGS))
    assert (told["auth_key"], told["balance"], told["directions"]) == ("*", "unlimited", "all")


def test_the_accounts_key_is_a_fingerprint_wherever_it_was_written(message: Message) -> None:
    customer_body = b'{"mine":"%b"}' % KEY.encode()
    sending = msgspec.structs.replace(message.sending, kept_text=f"my key is {KEY}", customer_body=customer_body)
    attempt = Attempt(5, NOON, "http://a/", b'{"AUTH_KEY":"x","CUSTOMER_BODY":%b}' % customer_body, 200, KEY.encode())
    report = Report("uid", 1, "shop", 2, NOON, "answered", None, (attempt,))
    for item in (message_item(msgspec.structs.replace(message, sending=sending), KEY), report_item(report, KEY, None)):
        text = msgspec.json.encode(item)
        assert KEY.encode() not in text
        assert text.count(FINGERPRINT.encode()) >= 2


def test_where_any_key_will_do_what_is_shown_is_the_kept_body_without_the_one_that_was_sent(message: Message) -> None:
    secret = "a key that nobody knew before"
    raw = msgspec.json.encode({"key": secret})
    masked = msgspec.json.encode({"SMS_CONTENT": "Use key-5f0c3a91", "CUSTOMER_BODY": {"key": "key-5f0c3a91"}})
    sending = msgspec.structs.replace(
        message.sending, kept_body=masked, kept_text=f"Use {secret}", customer_body=raw, profile=SPEC
    )
    sent = msgspec.structs.replace(message, sending=sending)
    item = shown(message_item(sent, "*"))
    assert (item["text"], item["customer_body"]) == ("Use key-5f0c3a91", {"key": "key-5f0c3a91"})
    attempt = Attempt(1, NOON, "http://a/", b'{"CUSTOMER_BODY": ' + raw + b"}")
    report = Report("uid", 1, "shop", 2, NOON, attempts=(attempt,))
    assert report_item(report, "*", sent).attempts[0].request == '{"CUSTOMER_BODY": {"key":"key-5f0c3a91"}}'
