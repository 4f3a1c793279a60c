"""Corrections: what is changed, what is left, and that nothing else is touched."""

import gzip
import json
from collections.abc import Callable
from datetime import datetime

import msgspec
import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.correction import (
    KEY_PLACEHOLDER,
    REMEDIES,
    Change,
    Correction,
    CorrectionContext,
    Uncorrected,
    beyond_correction,
    corrected,
)
from cloudsms_simulator.protocol.findings import FINDING_RULES, Finding, found
from cloudsms_simulator.protocol.profile import OBSERVED
from cloudsms_simulator.protocol.timestamps import HONG_KONG

Make = Callable[..., dict[str, object]]
NOON = datetime(2021, 10, 1, 12, 0, 0, tzinfo=HONG_KONG)


def correct(body: bytes | dict[str, object], account: Account | None = None, *, known: bool = True) -> Correction:
    sent = body if isinstance(body, bytes) else msgspec.json.encode(body)
    account = account or Account()
    return corrected(sent, account, CorrectionContext(account.profile, "VerifyCode_516", NOON), key_is_known=known)


def test_a_packet_in_order_is_left_alone_but_for_its_key(packet: Make) -> None:
    sent = packet(CUSTOMER_BODY=msgspec.Raw(b'{"n": 0.10, "e": 1e2}'))
    expected = msgspec.json.encode(sent | {"AUTH_KEY": KEY_PLACEHOLDER})

    assert correct(sent) == Correction(expected, (), ())


def test_a_key_nobody_has_is_a_change(packet: Make) -> None:
    made = correct(packet(AUTH_KEY="key-0a1b2c3d"), known=False)

    change = Change(
        path="$.AUTH_KEY", was='"key-0a1b2c3d"', to=f'"{KEY_PLACEHOLDER}"', why="the AUTH_KEY of the account"
    )
    assert (made.changes, made.uncorrected) == ((change,), ())


def test_one_mistake_is_one_change_and_the_rest_keeps_its_spelling(packet: Make) -> None:
    sent = packet(SERIAL="9", CUSTOMER_BODY=msgspec.Raw(b'{"n":0.10}'))
    made = correct(sent)

    why = "an integer from 1 to 65535; it may repeat"
    assert made.changes == (Change(path="$.SERIAL", was='"9"', to="9", why=why),)
    assert made.body == msgspec.json.encode(sent | {"AUTH_KEY": KEY_PLACEHOLDER, "SERIAL": 9})


def test_what_a_change_reveals_is_corrected_too(packet: Make) -> None:
    sent = packet(MULTI_MSISDN_LIST='{"COUNTRY_CODE": "852", "DEST_MSISDN": 67000011}')
    made = correct(sent)

    assert [change.path for change in made.changes] == [
        "$.MULTI_MSISDN_LIST",
        "$.MULTI_MSISDN_LIST[0].COUNTRY_CODE",
        "$.MULTI_MSISDN_LIST[0].DEST_MSISDN",
    ]
    assert json.loads(made.body or b"")["MULTI_MSISDN_LIST"] == [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}]


def test_what_only_the_sender_knows_is_left_and_the_rest_corrected(packet: Make) -> None:
    made = correct(packet(SERIAL=0, SMS_CONTENT=""))

    assert [change.path for change in made.changes] == ["$.SERIAL"]
    assert made.uncorrected == (Uncorrected("content-missing", "$.SMS_CONTENT", "only its sender knows the text"),)


def test_a_change_quotes_no_more_than_a_finding_does(packet: Make) -> None:
    (change,) = correct(packet(MULTI_MSISDN_LIST=[{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}] * 203)).changes

    assert (len(change.was), len(change.to)) == (81, 81)
    assert change.why == "200 at most; send the other 3 in another request"


@pytest.mark.parametrize(
    ("wrap", "path", "was"),
    [
        (lambda packet: b"\xef\xbb\xbf" + packet, "body", "a byte order mark"),
        (lambda packet: packet + b" and more", "body", "more after the object"),
        (lambda packet: b"[" + packet + b"]", "body", "an array with a packet"),
        (lambda packet: json.dumps(packet.decode()).encode(), "body", "JSON inside a string"),
    ],
)
def test_what_is_around_a_packet_is_taken_away(
    packet: Make, wrap: Callable[[bytes], bytes], path: str, was: str
) -> None:
    made = correct(wrap(msgspec.json.encode(packet())))

    assert [(change.path, change.was) for change in made.changes] == [(path, was)]
    assert made.body == msgspec.json.encode(packet(AUTH_KEY=KEY_PLACEHOLDER))


def test_bytes_behind_a_packet_stay_where_they_are_ignored(packet: Make) -> None:
    made = correct(msgspec.json.encode(packet()) + b" x", Account(profile=OBSERVED))

    assert (made.body, made.changes) == (msgspec.json.encode(packet(AUTH_KEY=KEY_PLACEHOLDER)), ())


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "body-empty"),
        (b" \n", "body-empty"),
        (b'{"METHOD":"SMS_', "body-cut"),
        (b"hello", "body-not-json"),
        (b"METHOD=SMS_SEND_REQUEST", "body-is-form"),
        (gzip.compress(b"{}", mtime=0), "body-compressed"),
        (b'{"METHOD":"SMS_PUSH_REPORT"}', "polled-for-report"),
        (b'{"METHOD":"SMS_SEND_REQUEST","SMS_UID":"000"}', "polled-for-report"),
        (b"{}", "body-empty-packet"),
        (b"[{},{}]", "body-empty-packet"),
        (b'"hello"', "body-empty-packet"),
        (b"null", "body-empty-packet"),
        (json.dumps(json.dumps(json.dumps(json.dumps(json.dumps("x"))))).encode(), "body-empty-packet"),
    ],
)
def test_without_a_packet_there_is_nothing_to_correct(body: bytes, rule: str) -> None:
    made = correct(body)

    assert (made.body, [left.rule for left in made.uncorrected]) == (None, [rule])


def test_a_masked_key_that_was_no_string_does_not_hide_the_packet(packet: Make) -> None:
    kept = msgspec.json.encode(packet(AUTH_KEY=msgspec.Raw(b"key-0a1b2c3d")))
    made = correct(kept, known=False)

    assert made.body == msgspec.json.encode(packet(AUTH_KEY=KEY_PLACEHOLDER))


def test_a_rule_that_a_remedy_does_not_help_is_left(packet: Make) -> None:
    made = correct(packet(ROUTE_ID=""), Account(routes=frozenset({"another"})))

    assert [(left.rule, left.path) for left in made.uncorrected] == [("route-unknown", "$.ROUTE_ID")]


def test_what_is_not_about_the_packet_is_told_apart() -> None:
    busy = found("rate-limited", "connection", 1, "")

    assert beyond_correction(busy) == Uncorrected(
        "rate-limited",
        "connection",
        "the packet is in order; send it again later, after ten minutes as the document says",
    )
    assert beyond_correction(found("serial-wrong", "$.SERIAL", 0, "")) is None


def test_a_finding_of_another_version_is_left_as_it_is() -> None:
    assert beyond_correction(Finding("a-rule-of-yesterday", "error", "$", "", "", "TIME")) is None


def test_every_rule_that_refuses_has_a_remedy_or_the_reason_why_there_is_none() -> None:
    refusing = {
        rule.id
        for rule in FINDING_RULES.values()
        if rule.severity == "error" and not rule.id.startswith(("push-", "dr-", "body-", "auth-key-"))
    }
    rules = FINDING_RULES.values()
    no_remedy = {rule.id for rule in rules if rule.no_remedy}
    not_in_packet = {rule.id for rule in rules if rule.not_in_packet}
    tables = [set(REMEDIES), no_remedy, not_in_packet]

    assert refusing <= set().union(*tables) <= set(FINDING_RULES)
    assert sum(map(len, tables)) == len(set().union(*tables))
