"""The rules: every one that a packet can break is broken here at least once."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from cloudsms_simulator.engine.account import Account, Blacklist
from cloudsms_simulator.protocol.findings import FINDING_RULES, Finding, Told, found
from cloudsms_simulator.protocol.profile import OBSERVED
from cloudsms_simulator.protocol.timestamps import HONG_KONG

Make = Callable[..., dict[str, object]]
Judge = Callable[..., Any]

UNSET = msgspec.UNSET
HONG_KONG_ONLY = Account(prices={852: Decimal("0.05")})
BLACKLISTED = Account(blacklist=Blacklist(numbers=("852*",), words=("hello",)))


def to(country: object = 852, msisdn: object = "67000011", **more: object) -> dict[str, object]:
    """A packet's only destination."""
    return {"MULTI_MSISDN_LIST": [{"COUNTRY_CODE": country, "DEST_MSISDN": msisdn, **more}]}


# rule, what the smallest packet is changed by, whose packet it is
BROKEN_BY: list[tuple[str, dict[str, object], Account]] = [
    ("duplicate-key", {"CUSTOMER_BODY": msgspec.Raw(b'{"a":1,"a":2}')}, Account()),
    ("unknown-field", {"SENDER_ID": "Shop"}, Account()),
    ("null-field", {"PRIORITY": None}, Account()),
    ("uip-v2", {"uip_head": {}}, Account()),
    ("method-missing", {"METHOD": ""}, Account()),
    ("method-wrong", {"METHOD": "SMS_SEND"}, Account()),
    ("polled-for-report", {"METHOD": "SMS_PUSH_REPORT"}, Account()),
    ("names-misspelt", {"METHOD": UNSET, "method": "SMS_SEND_REQUEST"}, Account()),
    ("type-missing", {"TYPE": UNSET}, Account()),
    ("type-wrong", {"TYPE": "ANSWER"}, Account()),
    ("surrounding-spaces", {"METHOD": " SMS_SEND_REQUEST"}, Account()),
    ("serial-missing", {"SERIAL": None}, Account()),
    ("serial-wrong", {"SERIAL": 65536}, Account()),
    ("time-missing", {"TIME": ""}, Account()),
    ("time-wrong", {"TIME": 1}, Account()),
    ("time-format", {"TIME": "noon"}, Account()),
    ("time-unix", {"TIME": "1633060800"}, Account()),
    ("time-iso-8601", {"TIME": "2021-10-01T12:00:00"}, Account()),
    ("time-12-hour", {"TIME": "2021-10-01 01:00:00 PM"}, Account()),
    ("time-zone", {"TIME": "2021-10-01 04:00:00"}, Account()),
    ("time-skew", {"TIME": "2021-09-01 04:56:00"}, Account()),
    ("digit-string", {"SERIAL": "1"}, Account(profile=OBSERVED)),
    ("auth-key-missing", {"AUTH_KEY": UNSET}, Account()),
    ("auth-key-wrong", {"AUTH_KEY": 1}, Account()),
    ("auth-key-unknown", {"AUTH_KEY": "nobody's"}, Account()),
    ("auth-key-spaces", {"AUTH_KEY": "nobody's "}, Account()),
    ("version-missing", {"VERSION": UNSET}, Account()),
    ("version-unknown", {"VERSION": "2.3"}, Account()),
    ("route-missing", {"ROUTE_ID": ""}, Account()),
    ("route-wrong", {"ROUTE_ID": 516}, Account()),
    ("route-is-auth-key", {"ROUTE_ID": "key", "AUTH_KEY": "key"}, Account(auth_key="key")),
    ("route-unknown", {"ROUTE_ID": "elsewhere"}, Account()),
    ("sender-wrong", {"ORIGINAL_ADDR": "云"}, Account()),
    ("signature-wrong", {"SIGNATURE": 1}, Account()),
    ("signature-type-wrong", {"SIGNATURE_TYPE": 6}, Account()),
    ("signature-type-alone", {"SIGNATURE_TYPE": 1}, Account()),
    ("signature-type-missing", {"SIGNATURE": "S"}, Account()),
    ("signature-typed-and-sent", {"SMS_CONTENT": "[S] x", "SIGNATURE": "S", "SIGNATURE_TYPE": 3}, Account()),
    ("signature-brackets", {"SIGNATURE": "[S]", "SIGNATURE_TYPE": 3}, Account()),
    ("signature-unregistered", {"SIGNATURE": "S", **to(86, "13800138000")}, Account(signatures=frozenset())),
    ("priority-wrong", {"PRIORITY": -1}, Account()),
    ("priority-reserved", {"PRIORITY": 2}, Account()),
    ("repeat-wrong", {"REPEAT": "0"}, Account()),
    ("customer-body-wrong", {"CUSTOMER_BODY": "{}"}, Account()),
    ("customer-body-absent", {}, Account()),
    ("content-missing", {"SMS_CONTENT": ""}, Account()),
    ("content-wrong", {"SMS_CONTENT": 1}, Account()),
    ("content-too-long", {"SMS_CONTENT": "A" * 1531}, Account()),
    ("content-over-1530", {"SMS_CONTENT": "ç" * 1000}, Account()),
    ("content-forced-ucs2", {"SMS_CONTENT": "It’s " + "a" * 70}, Account()),
    ("content-placeholder", {"SMS_CONTENT": "${code}"}, Account()),
    ("content-split-by-hand", {"SMS_CONTENT": "(1/2) Hello"}, Account()),
    ("list-missing", {"MULTI_MSISDN_LIST": []}, Account()),
    ("list-wrong", {"MULTI_MSISDN_LIST": 67000011}, Account()),
    ("list-is-object", {"MULTI_MSISDN_LIST": {}}, Account()),
    ("list-is-json-text", {"MULTI_MSISDN_LIST": "[]"}, Account()),
    ("list-too-long", {"MULTI_MSISDN_LIST": [{}] * 201}, Account()),
    ("list-repeats", {"MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}] * 2}, Account()),
    ("destination-wrong", {"MULTI_MSISDN_LIST": ["67000011"]}, Account()),
    ("country-missing", to(None), Account()),
    ("country-wrong", to(1242), Account()),
    ("country-repeated", to(852, "85267000011"), Account()),
    ("msisdn-trunk-prefix", to(44, "07700900123"), Account()),
    ("msisdn-missing", to(852, ""), Account()),
    ("msisdn-wrong", to(852, 67000011), Account()),
    ("msisdn-placeholder", to(852, "67xxxx11"), Account()),
    ("msisdn-plus", to(852, "+67000011"), Account()),
    ("msisdn-spaces", to(852, "6700 0011"), Account()),
    ("msisdn-other-digits", to(852, "６７００００１１"), Account()),
    ("msisdn-mainland", to(86, "1380013800"), Account()),
    ("blacklisted-number", {}, BLACKLISTED),
    ("blacklisted-word", {}, BLACKLISTED),
    ("unpriced", to(65, "81234567"), HONG_KONG_ONLY),
]

# rule, body, whose it is
BROKEN_BY_A_BODY: list[tuple[str, bytes, Account]] = [
    ("body-empty", b"", Account()),
    ("body-cut", b"{", Account()),
    ("body-not-json", b"hello", Account()),
    ("not-looked-through", b'{"x":[' + b"0," * 10_001 + b"0]}", Account()),
    ("body-compressed", b"\x1f\x8b\x08", Account()),
    ("body-is-form", b"METHOD=SMS_SEND_REQUEST", Account()),
    ("body-trailing", b"{} x", Account()),
    ("body-trailing-ignored", b'{"AUTH_KEY":"key"} x', Account(auth_key="key", profile=OBSERVED)),
    ("body-empty-packet", b"{}", Account()),
]

BROKEN_BY_A_HEADER = "auth-key-in-header"

# What needs more than one packet, a connection, the engine, or the customer's server; suspicions need many exchanges.
NOT_A_PACKETS = {
    "rate-limited",
    "queue-full",
    "batch-refused",
    "scripted-code",
    "scripted-fault",
    "local-rejected",
    "surplus-bytes",
    "body-too-large",
    "body-unfinished",
    "head-unfinished",
    "path-wrong",
    "http-method-wrong",
    "not-http",
    "source-not-whitelisted",
    "handshake-refused",
    "unknown-error",
    "store-failed",
    "resent-unchanged",
    "resent-too-soon",
    "resent-at-once",
    "sent-twice",
    "otp-sent-twice",
    "batch-sent-again",
    "batch-refusals-ignored",
    "customer-body-never",
    "connection-per-request",
    "time-stands-still",
}
OF_REPORTS = ("report-", "push-", "dr-")


@pytest.mark.parametrize(("rule", "changes", "account"), BROKEN_BY, ids=[row[0] for row in BROKEN_BY])
def test_a_rule_is_broken_by_one_change_of_a_packet(
    packet: Make, judge: Judge, rule: str, changes: dict[str, object], account: Account
) -> None:
    judged = judge(packet(**changes), account=account, clock_is_real=True)

    assert rule in {finding.rule for finding in judged.findings}


def test_a_packet_in_order_breaks_no_rule(packet: Make, judge: Judge) -> None:
    assert judge(packet(CUSTOMER_BODY={}), clock_is_real=True).findings == ()


@pytest.mark.parametrize(("rule", "body", "account"), BROKEN_BY_A_BODY, ids=[row[0] for row in BROKEN_BY_A_BODY])
def test_a_rule_is_broken_by_a_body(judge: Judge, rule: str, body: bytes, account: Account) -> None:
    assert rule in judge(body, account=account).rules


def test_a_rule_is_broken_by_a_header(packet: Make, judge: Judge) -> None:
    assert judge(packet(), headers=((b"auth_key", b"k"),)).rules == [BROKEN_BY_A_HEADER]


def test_every_rule_a_packet_can_break_is_broken_here() -> None:
    broken = {row[0] for row in BROKEN_BY} | {row[0] for row in BROKEN_BY_A_BODY} | {BROKEN_BY_A_HEADER}
    others = {rule for rule in FINDING_RULES if rule in NOT_A_PACKETS or rule.startswith(OF_REPORTS)}

    assert broken | others == set(FINDING_RULES)
    assert broken & others == set()


@pytest.mark.parametrize("rule", FINDING_RULES.values(), ids=lambda rule: rule.id)
def test_a_rule_is_kebab_case_and_says_one_sentence(rule: Any) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.id)
    assert rule.severity in {"error", "warning", "suspicion", "note"}
    assert rule.summary.endswith(".")
    assert rule.heading


def test_a_finding_has_its_rules_severity_and_heading() -> None:
    assert found("serial-wrong", "$.SERIAL", 0, "an integer from 1 to 65535") == Finding(
        "serial-wrong", "error", "$.SERIAL", "0", "an integer from 1 to 65535", "SERIAL"
    )


@pytest.mark.parametrize(
    ("got", "said"),
    [
        (UNSET, "nothing"),
        (None, "nothing, or null"),
        ("", '""'),
        ("验", '"验"'),
        (True, "true"),
        ({"a": [1.5]}, '{"a":[1.5]}'),
        (float("inf"), "a number out of range"),
        (10**400, "1" + "0" * 79 + "…"),
        ("a" * 78, '"' + "a" * 78 + '"'),
        ("a" * 79, '"' + "a" * 79 + "…"),
        (Told("nothing listens"), "nothing listens"),
    ],
)
def test_a_finding_quotes_what_came(got: object, said: str) -> None:
    assert found("serial-wrong", "$.SERIAL", got, "").got == said


def test_a_rule_that_is_not_in_the_table_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        found("no-such-rule", "$", None, "")


def test_headings_of_the_rules_a_packet_can_break_are_the_specifications() -> None:
    headings = {FINDING_RULES[row[0]].heading for row in BROKEN_BY}

    assert headings <= {
        "General Parameters",
        "METHOD",
        "TYPE",
        "SERIAL",
        "TIME",
        "Interface specification and communication principle",
        "Request UIP Format",
        "Examples",
        "AUTH_KEY",
        "SMS_CONTENT",
        "ROUTE_ID",
        "SIGNATURE",
        "SIGNATURE_TYPE",
        "CUSTOMER_BODY",
        "RESULT_CODE and RESULT_DESC",
        "Remark",
        "CloudSMS SMPP slicing rules",
    }


def test_a_finding_travels_as_json(packet: Make, judge: Judge) -> None:
    judged = judge(json.dumps(packet(SERIAL=0)).encode(), at=datetime(2030, 1, 1, tzinfo=HONG_KONG))

    assert msgspec.json.decode(msgspec.json.encode(judged.findings), type=tuple[Finding, ...]) == judged.findings
