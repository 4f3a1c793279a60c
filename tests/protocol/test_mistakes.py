"""What clients get wrong, and what they are told. The answer stays the platform's."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.profile import OBSERVED
from cloudsms_simulator.protocol.timestamps import HONG_KONG

Make = Callable[..., dict[str, object]]
Judge = Callable[..., Any]

NOON = datetime(2021, 10, 1, 12, 0, 0, tzinfo=HONG_KONG)
HEADERS = ((b"host", b"localhost"), (b"content-type", b"application/json"))


def entry(country: object, msisdn: object) -> dict[str, object]:
    return {"COUNTRY_CODE": country, "DEST_MSISDN": msisdn}


@pytest.mark.parametrize("name", [b"AUTH_KEY", b"auth-key", b"X-Auth-Key", b"Authorization", b"X-API-Key"])
def test_auth_key_as_a_header(packet: Make, judge: Judge, name: bytes) -> None:
    judged = judge(packet(AUTH_KEY=msgspec.UNSET), headers=(*HEADERS, (name, b"secret")))

    assert judged.rules == ["auth-key-missing", "auth-key-in-header"]
    assert judged.of("auth-key-in-header") == Finding(
        "auth-key-in-header", "warning", "headers", f'"{name.decode()}"', "AUTH_KEY as a field of the body", "AUTH_KEY"
    )


def test_other_headers_are_nobodys_business(packet: Make, judge: Judge) -> None:
    assert judge(packet(), headers=HEADERS).rules == []


def test_route_id_holding_the_auth_key(packet: Make, judge: Judge) -> None:
    judged = judge(packet(ROUTE_ID=packet()["AUTH_KEY"]))

    assert (judged.code, judged.rules) == (ResultCode.OK, ["route-is-auth-key"])
    assert judged.of("route-is-auth-key").got == "the AUTH_KEY"


@pytest.mark.parametrize(
    ("route", "routes", "rules"),
    [
        ("VerifyCode_516", {"VerifyCode_516"}, []),
        ("verifycode_516", {"VerifyCode_516"}, ["route-unknown"]),
        ("anything", {"*"}, []),
    ],
)
def test_a_route_the_account_does_not_have(
    packet: Make, judge: Judge, route: str, routes: set[str], rules: list[str]
) -> None:
    assert judge(packet(ROUTE_ID=route), account=Account(routes=frozenset(routes))).rules == rules


def test_whose_routes_an_unknown_key_has_nobody_knows(packet: Make, judge: Judge) -> None:
    assert judge(packet(AUTH_KEY="nobody's", ROUTE_ID="anything")).rules == ["auth-key-unknown"]


@pytest.mark.parametrize(
    ("country", "rule"),
    [
        (msgspec.UNSET, "country-missing"),
        (None, "country-missing"),
        ("852", "country-wrong"),
        ("+852", "country-wrong"),
    ],
)
def test_country_code_missing_null_or_a_string(packet: Make, judge: Judge, country: object, rule: str) -> None:
    destination = {name: value for name, value in entry(country, "67000011").items() if value is not msgspec.UNSET}

    assert judge(packet(MULTI_MSISDN_LIST=[destination])).rules == [rule]


@pytest.mark.parametrize(
    ("country", "msisdn"),
    [
        (852, "85267000011"),
        (852, "0085267000011"),
        (65, "6581234567"),
        (1, "12025550123"),
        (44, "447700900123"),
        (91, "919876543210"),
        (7, "77012345678"),
        (886, "886912345678"),
        (61, "61412345678"),
        (55, "5511987654321"),
        (853, "85366123456"),
        (679, "6797012345"),
        (1, "12125550123"),
        (39, "393921234567"),
        (44, "4407700900123"),
    ],
)
def test_country_code_repeated_inside_the_number(packet: Make, judge: Judge, country: int, msisdn: str) -> None:
    judged = judge(packet(MULTI_MSISDN_LIST=[entry(country, msisdn)]))

    assert (judged.codes, judged.rules) == ((ResultCode.OK,), ["country-repeated"])
    assert judged.of("country-repeated").want == f"the number without {country}"


@pytest.mark.parametrize(
    ("country", "msisdn", "rule"),
    [
        (852, "+85267000011", "msisdn-plus"),
        (86, "8613800138000", "msisdn-mainland"),
        (86, "+8613800138000", "msisdn-plus"),
    ],
)
def test_country_code_repeated_in_a_number_that_is_refused(
    packet: Make, judge: Judge, country: int, msisdn: str, rule: str
) -> None:
    assert judge(packet(MULTI_MSISDN_LIST=[entry(country, msisdn)])).rules == [rule, "country-repeated"]


@pytest.mark.parametrize(
    ("country", "msisdn"),
    [
        (852, "67000011"),
        (852, "85212345"),
        (65, "65123456"),
        (679, "679701234"),
        (1, "1202555012"),
        (52, "5255123456"),
        (7, "7012345678"),
        (91, "9198765432"),
        (66, "661234567"),
        (84, "841234567"),
        (33, "331234567"),
        (55, "55991234567"),
        (86, "13800138000"),
        (65, "0012345678"),
        (1, "2025550123"),
        (39, "3921234567"),
        (39, "390123456"),
        (44, "4412345678"),
        (225, "0712345678"),
        (226, "01234567"),
        (229, "0195123456"),
        (242, "061234567"),
        (39, "0612345678"),
    ],
)
def test_a_number_that_only_begins_like_its_country_code(packet: Make, judge: Judge, country: int, msisdn: str) -> None:
    assert judge(packet(MULTI_MSISDN_LIST=[entry(country, msisdn)])).rules == []


@pytest.mark.parametrize(
    ("country", "msisdn", "national"),
    [
        (44, "07700900123", "7700900123"),
        (7, "89161234567", "9161234567"),
        (81, "09012345678", "9012345678"),
        (49, "015112345678", "15112345678"),
        (886, "0912345678", "912345678"),
    ],
)
def test_a_trunk_prefix_in_front_of_the_number(
    packet: Make, judge: Judge, country: int, msisdn: str, national: str
) -> None:
    judged = judge(packet(MULTI_MSISDN_LIST=[entry(country, msisdn)]))

    assert (judged.codes, judged.rules) == ((ResultCode.OK,), ["msisdn-trunk-prefix"])
    assert judged.of("msisdn-trunk-prefix") == Finding(
        "msisdn-trunk-prefix",
        "warning",
        "$.MULTI_MSISDN_LIST[0].DEST_MSISDN",
        f'"{msisdn}"',
        f"{national}, without the trunk prefix, which is dialled inside the country only",
        "Remark",
    )


def test_multi_msisdn_list_as_an_object_as_in_the_java_sample(packet: Make, judge: Judge) -> None:
    judged = judge(packet(MULTI_MSISDN_LIST=entry(852, "67000011")))

    assert judged.of("list-is-object") == Finding(
        "list-is-object",
        "error",
        "$.MULTI_MSISDN_LIST",
        '{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011"}',
        "an array of 1 to 200 objects",
        "Request UIP Format",
    )


def test_multi_msisdn_list_as_json_text(packet: Make, judge: Judge) -> None:
    assert judge(packet(MULTI_MSISDN_LIST=json.dumps([entry(852, "67000011")]))).rules == ["list-is-json-text"]


def test_more_than_200_numbers(packet: Make, judge: Judge) -> None:
    judged = judge(packet(MULTI_MSISDN_LIST=[entry(852, "67000011")] * 201))

    assert judged.of("list-too-long").got == "201 entries"


def test_the_same_number_many_times(packet: Make, judge: Judge) -> None:
    entries = [entry(852, "67000011"), entry(65, "81234567"), entry(852, "67000011"), entry(852, "67000011")]

    judged = judge(packet(MULTI_MSISDN_LIST=entries))

    assert (judged.codes, judged.rules) == ((ResultCode.OK,) * 4, ["list-repeats"])
    assert judged.of("list-repeats").got == "85267000011, 3 times"


def test_numbers_that_cannot_be_read_are_not_the_same_number(packet: Make, judge: Judge) -> None:
    assert judge(packet(MULTI_MSISDN_LIST=[entry(852, None), entry(852, 67000011)])).rules == [
        "msisdn-missing",
        "msisdn-wrong",
    ]


@pytest.mark.parametrize(
    ("msisdn", "rule"),
    [
        ("67xxxx11", "msisdn-placeholder"),
        ("+67000011", "msisdn-plus"),
        ("6700 0011", "msisdn-spaces"),
        ("６７００００１１", "msisdn-other-digits"),
    ],
)
def test_placeholder_digits_plus_spaces_and_non_ascii_digits(
    packet: Make, judge: Judge, msisdn: str, rule: str
) -> None:
    judged = judge(packet(MULTI_MSISDN_LIST=[entry(852, msisdn)]))

    assert (judged.codes, judged.rules) == ((ResultCode.INVALID_PARAMETER,), [rule])
    assert judged.of(rule).got == f'"{msisdn}"'


def test_non_ascii_sender(packet: Make, judge: Judge) -> None:
    assert judge(packet(ORIGINAL_ADDR="云短信")).of("sender-wrong").got == '"云短信"'


def test_old_version(packet: Make, judge: Judge) -> None:
    judged = judge(packet(VERSION="2020-07-12"))

    assert (judged.of("version-unknown").got, judged.of("version-unknown").want) == ('"2020-07-12"', "2021-01-01")


@pytest.mark.parametrize(
    ("time", "rule"),
    [
        ("2021-10-01 01:00:00 PM", "time-12-hour"),
        ("2021-10-01 01:00:00PM", "time-12-hour"),
        ("2021-10-01 1:00:00 p.m.", "time-12-hour"),
        ("2021-10-01 下午01:00:00", "time-12-hour"),
        ("1633060800", "time-unix"),
        ("1633060800000", "time-unix"),
        ("1633060800.25", "time-unix"),
        ("2021-10-01T12:00:00", "time-iso-8601"),
        ("2021-10-01T04:00:00Z", "time-iso-8601"),
        ("2021-10-01T12:00:00.000+08:00", "time-iso-8601"),
        ("2021/10/01 12:00:00", "time-format"),
        ("2021-10-01", "time-format"),
        ("20211001120000", "time-format"),
        ("2021-13-01 12:00:00", "time-format"),
        ("2021-10-01 12:00:00 ", "time-format"),
        ("2021-10-01 12: 00: 00", "time-format"),
        ("Please input your local time", "time-format"),
    ],
)
def test_time_in_another_format(packet: Make, judge: Judge, time: str, rule: str) -> None:
    judged = judge(packet(TIME=time))

    assert (judged.code, judged.rules) == (ResultCode.OK, [rule])
    assert judged.of(rule).severity == "warning"
    assert judged.of(rule).want == "2021-10-01 12:00:00 (YYYY-MM-DD HH:MM:SS, Hong Kong time, UTC+8)"


@pytest.mark.parametrize(
    ("time", "rules"),
    [
        (1633060800, ["time-wrong", "time-unix"]),
        (1633060800000, ["time-wrong", "time-unix"]),
        (1633060800.25, ["time-wrong", "time-unix"]),
        (12, ["time-wrong"]),
        (True, ["time-wrong"]),
    ],
)
def test_time_as_a_number_of_unix_seconds(packet: Make, judge: Judge, time: object, rules: list[str]) -> None:
    assert judge(packet(TIME=time)).rules == rules


@pytest.mark.parametrize(
    ("skew", "rules", "said"),
    [
        (timedelta(0), [], None),
        (timedelta(minutes=5), [], None),
        (timedelta(minutes=-5), [], None),
        (timedelta(minutes=5, seconds=1), ["time-skew"], "+0:05:01"),
        (timedelta(minutes=-20), ["time-skew"], "-0:20:00"),
        (timedelta(hours=-8), ["time-zone"], "-8:00:00"),
        (timedelta(hours=-8, seconds=-3), ["time-zone"], "-8:00:03"),
        (timedelta(hours=-8, minutes=5), ["time-zone"], "-7:55:00"),
        (timedelta(hours=-8, minutes=6), ["time-skew"], "-7:54:00"),
        (timedelta(hours=-20), ["time-zone"], "-20:00:00"),
        (timedelta(hours=14), ["time-zone"], "+14:00:00"),
        (timedelta(hours=15), ["time-skew"], "+15:00:00"),
        (timedelta(hours=1), ["time-zone"], "+1:00:00"),
        (timedelta(hours=-16), ["time-zone"], "-16:00:00"),
        (timedelta(hours=8), ["time-zone"], "+8:00:00"),
        (timedelta(hours=-21), ["time-skew"], "-21:00:00"),
        (timedelta(hours=-2.5), ["time-zone"], "-2:30:00"),
        (timedelta(hours=-2.25, seconds=9), ["time-zone"], "-2:14:51"),
        (timedelta(hours=1.5), ["time-zone"], "+1:30:00"),
        (timedelta(hours=-5.5), ["time-skew"], "-5:30:00"),
        (timedelta(days=-3), ["time-skew"], "-3 days, 0:00:00"),
    ],
)
def test_time_of_another_zone_or_moment_says_the_skew(
    packet: Make, judge: Judge, skew: timedelta, rules: list[str], said: str | None
) -> None:
    moment = NOON + skew
    body = packet(TIME=f"{moment:%Y-%m-%d %H:%M:%S}")

    judged = judge(body, at=NOON, clock_is_real=True)

    assert judged.rules == rules
    assert said is None or judged.of(rules[0]).got == f"{moment:%Y-%m-%d %H:%M:%S}, off by {said}"


@pytest.mark.parametrize(
    ("now", "told", "rule"),
    [
        ("2021-10-01 13:30:00", "2021-10-01 01:30:00", "time-12-hour"),
        ("2021-10-01 00:30:00", "2021-10-01 12:30:00", "time-12-hour"),
        ("2021-10-01 06:30:00", "2021-09-30 18:30:00", "time-zone"),
        ("2021-10-01 01:30:00", "2021-10-01 13:30:00", "time-zone"),
        ("2021-10-01 12:30:00", "2021-10-01 00:30:00", "time-zone"),
    ],
)
def test_time_on_a_12_hour_clock_is_off_by_twelve_hours_and_shows_none_above_12(
    packet: Make, judge: Judge, now: str, told: str, rule: str
) -> None:
    at = datetime.strptime(now, "%Y-%m-%d %H:%M:%S").replace(tzinfo=HONG_KONG)

    assert judge(packet(TIME=told), at=at, clock_is_real=True).rules == [rule]


def test_time_computed_once_at_start_falls_behind(packet: Make, judge: Judge) -> None:
    started = packet(TIME="2021-10-01 12:00:00")

    told = [judge(started, at=NOON + timedelta(minutes=minutes), clock_is_real=True).rules for minutes in (0, 4, 6, 40)]

    assert told == [[], [], ["time-skew"], ["time-skew"]]


def test_time_is_not_held_against_a_clock_that_is_not_real(packet: Make, judge: Judge) -> None:
    assert judge(packet(TIME="1999-12-31 23:59:59")).rules == []


def test_content_length_in_characters(packet: Make, judge: Judge) -> None:
    text = json.dumps(packet(SMS_CONTENT="您的验证码是123456"), ensure_ascii=False)

    judged = judge(text.encode()[: len(text)])

    assert judged.rules == ["body-cut"]
    assert "Content-Length counts octets, not characters" in judged.of("body-cut").want


def test_no_body(judge: Judge) -> None:
    assert judge(b"").of("body-empty").got == "no body"


@pytest.mark.parametrize(
    ("text", "counter"),
    [
        ("(1/3) Dear customer", "(1/3)"),
        ("1/2 Dear customer " + "x" * 120, "1/2"),
        ("1/2 尊敬的客户" + "您" * 50, "1/2"),
        ("[2/2] and goodbye", "[2/2]"),
        ("  ( 1 / 2 ) Dear customer", "( 1 / 2 )"),
        ("Dear [customer] [ 2/2 ]", "[ 2/2 ]"),
        (" " * 40_000, None),
        ("（1/2）尊敬的客户", "（1/2）"),
        ("Dear customer (2/3)", "(2/3)"),
        ("Dear customer 【1/10】 ", "【1/10】"),
        ("24/7 support is there for you", None),
        ("Open 24/7", None),
        ("1/1 is the whole text", None),
        ("0/2", None),
        ("Paid 1/2 of it", None),
        ("Your order (12/5)", None),
        ("1/2: half price", None),
        ("1/2 price on everything", None),
        ("1/2 " + "x" * 115, None),
        ("1/2 " + "x" * 200, None),
        ("1/2/2026 is the day", None),
        ("(1/2/2026)", None),
    ],
)
def test_splitting_long_text_oneself(packet: Make, judge: Judge, text: str, counter: str | None) -> None:
    judged = judge(packet(SMS_CONTENT=text, CUSTOMER_BODY={}))

    told = [finding.got for finding in judged.findings if finding.rule == "content-split-by-hand"]
    assert told == ([] if counter is None else [f'"{counter}"'])


def test_one_curly_quote_forcing_ucs_2(packet: Make, judge: Judge) -> None:
    judged = judge(packet(SMS_CONTENT="It’s " + "a" * 150))

    assert judged.of("content-forced-ucs2") == Finding(
        "content-forced-ucs2",
        "warning",
        "$.SMS_CONTENT",
        "'’' (U+2019) as character 3 of the signed text: DCS 8",
        "a look-alike of GSM 03.38; segments: 1 instead of 3",
        "CloudSMS SMPP slicing rules",
    )


def test_decomposed_accents_forcing_ucs_2(packet: Make, judge: Judge) -> None:
    judged = judge(packet(SMS_CONTENT="Cafe\u0301 " + "a" * 150))
    accents = "letters and their accents as one character each (Unicode NFC)"
    assert judged.of("content-forced-ucs2").want == f"{accents}; segments: 1 instead of 3"

    both = judge(packet(SMS_CONTENT="Cafe\u0301 – " + "a" * 150)).of("content-forced-ucs2")
    assert both.want == f"a look-alike of GSM 03.38, and {accents}; segments: 1 instead of 3"


def test_one_solid_bracket_forcing_ucs_2(packet: Make, judge: Judge) -> None:
    judged = judge(packet(SMS_CONTENT="a" * 150, SIGNATURE="CloudSMS", SIGNATURE_TYPE=1))

    assert judged.of("content-forced-ucs2").got == "'【' (U+3010) as character 1 of the signed text: DCS 8"
    assert judged.of("content-forced-ucs2").want == "a look-alike of GSM 03.38; segments: 2 instead of 3"


def test_one_curly_quote_that_costs_no_segment_is_not_told(packet: Make, judge: Judge) -> None:
    assert judge(packet(SMS_CONTENT="It’s " + "a" * 65)).rules == []
    assert judge(packet(SMS_CONTENT="It’s " + "a" * 66)).of("content-forced-ucs2").want.endswith("1 instead of 2")


@pytest.mark.parametrize("text", ["您的验证码是123456", "Hello", "It's “你好”", "😀"])
def test_a_text_no_look_alike_can_make_cheaper(packet: Make, judge: Judge, text: str) -> None:
    assert judge(packet(SMS_CONTENT=text)).rules == []


def test_a_text_over_the_documents_bytes(packet: Make, judge: Judge) -> None:
    judged = judge(packet(SMS_CONTENT="ç" * 766))

    assert judged.code == ResultCode.OK
    assert judged.of("content-over-1530").got == "1532 bytes"
    assert "content-over-1530" not in judge(packet(SMS_CONTENT="ç" * 765)).rules
    assert judge(packet(SMS_CONTENT="ç" * 1340)).rules == ["content-over-1530"]
    assert judge(packet(SMS_CONTENT="ç" * 1341)).rules == ["content-too-long"]


@pytest.mark.parametrize(
    ("changes", "typed"),
    [
        ({"SMS_CONTENT": "【CloudSMS】Hello", "SIGNATURE": "CloudSMS", "SIGNATURE_TYPE": 1}, '"【CloudSMS】"'),
        ({"SMS_CONTENT": "Hello【CloudSMS】", "SIGNATURE": "CloudSMS", "SIGNATURE_TYPE": 2}, '"【CloudSMS】"'),
        ({"SMS_CONTENT": "[CloudSMS] Hello", "SIGNATURE": "CloudSMS", "SIGNATURE_TYPE": 3}, '"[CloudSMS]"'),
        ({"SMS_CONTENT": "Hello [cloudsms]", "SIGNATURE": "CloudSMS", "SIGNATURE_TYPE": 4}, '"[cloudsms]"'),
        ({"SMS_CONTENT": "[CloudSMS] Hello", "SIGNATURE": "CloudSMS", "SIGNATURE_TYPE": 5}, None),
        ({"SMS_CONTENT": "[CloudSMS] Hello", "SIGNATURE": "CloudSMS"}, None),
        ({"SMS_CONTENT": "[CloudSMS] Hello"}, None),
        ({"SMS_CONTENT": "Hello", "SIGNATURE": "CloudSMS", "SIGNATURE_TYPE": 3}, None),
        ({"SMS_CONTENT": "Hello", "SIGNATURE": "[CloudSMS]", "SIGNATURE_TYPE": 3}, None),
    ],
)
def test_signature_typed_and_sent(packet: Make, judge: Judge, changes: dict[str, object], typed: str | None) -> None:
    judged = judge(packet(**changes))

    assert judged.code == ResultCode.OK
    assert [finding.got for finding in judged.findings if finding.rule == "signature-typed-and-sent"] == (
        [] if typed is None else [typed]
    )


@pytest.mark.parametrize("typed", ["[CloudSMS]", "【CloudSMS】", "[CloudSMS", "CloudSMS]"])
def test_brackets_typed_around_the_signature(packet: Make, judge: Judge, typed: str) -> None:
    judged = judge(packet(SIGNATURE=typed, SIGNATURE_TYPE=3))

    assert judged.submission.text == f"[{typed}] Hello"
    assert [rule for rule in judged.rules if rule.startswith("signature")] == ["signature-brackets"]


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"SIGNATURE": "CloudSMS"}, ["signature-type-missing"]),
        ({"SIGNATURE": "CloudSMS", "SIGNATURE_TYPE": None}, ["null-field", "signature-type-missing"]),
        ({"SIGNATURE_TYPE": 1}, ["signature-type-alone"]),
        ({"SIGNATURE": "", "SIGNATURE_TYPE": 3}, ["signature-type-alone"]),
        ({"SIGNATURE_TYPE": 5}, []),
        ({"SIGNATURE": ""}, []),
    ],
)
def test_a_signature_or_its_type_alone(
    packet: Make, judge: Judge, changes: dict[str, object], rules: list[str]
) -> None:
    judged = judge(packet(**changes))

    assert (judged.submission.text, judged.rules) == ("Hello", rules)


@pytest.mark.parametrize(
    ("country", "signatures", "rules"),
    [
        (86, frozenset({"Registered"}), ["signature-unregistered"]),
        (86, frozenset({"CloudSMS"}), []),
        (86, None, []),
        (852, frozenset({"Registered"}), []),
    ],
)
def test_a_signature_mainland_china_does_not_know(
    packet: Make, judge: Judge, country: int, signatures: frozenset[str] | None, rules: list[str]
) -> None:
    body = packet(SIGNATURE="CloudSMS", SIGNATURE_TYPE=3, MULTI_MSISDN_LIST=[entry(country, "13800138000")])

    judged = judge(body, account=Account(signatures=signatures))

    assert (judged.codes, judged.rules) == ((ResultCode.OK,), rules)


@pytest.mark.parametrize("text", ["Your code is ${code}", "Your code is ${code"])
def test_unresolved_placeholders(packet: Make, judge: Judge, text: str) -> None:
    assert judge(packet(SMS_CONTENT=text)).rules == (["content-placeholder"] if text.endswith("}") else [])


def test_uip_v2_packets(packet: Make, judge: Judge) -> None:
    body = {"uip_head": {"METHOD": "SMS_SEND_REQUEST", "SERIAL": 1}, "uip_body": {"SMS_CONTENT": "Hello"}}

    assert judge(body).of("uip-v2").want == (
        "the flat packet of UIP v1: uip_head.METHOD as METHOD, uip_head.SERIAL as SERIAL, "
        "uip_body.SMS_CONTENT as SMS_CONTENT, and all of it on the top level, with TYPE and VERSION"
    )
    assert judge(packet(uip_head={})).rules == ["uip-v2"]


def test_no_customer_body(packet: Make, judge: Judge) -> None:
    assert [finding.rule for finding in judge(packet()).findings] == ["customer-body-absent"]
    assert judge(packet(CUSTOMER_BODY={"id": 1})).findings == ()


def test_fields_nobody_knows(packet: Make, judge: Judge) -> None:
    destination = entry(852, "67000011") | {"NAME": "Li"}

    judged = judge(packet(SENDER_ID="Shop", sms_content="x", MULTI_MSISDN_LIST=[destination], CUSTOMER_BODY={"FOO": 1}))

    assert judged.code == ResultCode.OK
    assert [(finding.rule, finding.path, finding.got, finding.want) for finding in judged.findings] == [
        ("unknown-field", "$.SENDER_ID", '"Shop"', "ORIGINAL_ADDR"),
        ("unknown-field", "$.sms_content", '"x"', "SMS_CONTENT"),
        ("unknown-field", "$.MULTI_MSISDN_LIST[0].NAME", '"Li"', "COUNTRY_CODE and DEST_MSISDN"),
    ]


@pytest.mark.parametrize("rest", [b"", b" x"])
def test_keys_that_are_there_twice(packet: Make, judge: Judge, rest: bytes) -> None:
    body = json.dumps(packet()).encode()[:-1] + b',"SERIAL":7,"CUSTOMER_BODY":{"a":1,"a":2}}' + rest

    judged = judge(body, account=Account(profile=OBSERVED))

    assert (judged.code, judged.submission.serial) == (ResultCode.OK, 7)
    assert [finding.path for finding in judged.findings if finding.rule == "duplicate-key"] == [
        "$.SERIAL",
        "$.CUSTOMER_BODY.a",
    ]


def test_a_long_value_is_quoted_in_part(packet: Make, judge: Judge) -> None:
    judged = judge(packet(ORIGINAL_ADDR="移" * 200))

    assert judged.of("sender-wrong").got == '"' + "移" * 79 + "…"


def test_of_many_fields_that_nobody_knows_a_hundred_are_told_and_that_there_are_more(
    packet: Make, judge: Judge
) -> None:
    judged = judge(packet(**{f"x{index}": index for index in range(500)}))

    told = [finding for finding in judged.findings if finding.rule == "unknown-field"]
    assert [finding.path for finding in told[:2]] == ["$.x0", "$.x1"]
    assert (len(told), told[-1].path, told[-1].got) == (101, "body", "more fields that nobody knows")


def test_of_many_keys_twice_twenty_are_told_and_that_there_are_more(judge: Judge) -> None:
    judged = judge(b"{" + b",".join(b'"x%d":0,"x%d":1' % (index, index) for index in range(500)) + b"}")

    told = [finding for finding in judged.findings if finding.rule == "duplicate-key"]
    assert (len(told), told[0].path, told[-1].path) == (21, "$.x0", "body")


def test_a_body_of_too_many_pieces_is_not_looked_through_for_keys(packet: Make, judge: Judge) -> None:
    judged = judge(packet(x=[[]] * 10_000, y=1))

    assert judged.code == ResultCode.OK
    assert judged.rules == ["not-looked-through"]
    assert judged.of("not-looked-through").want.startswith("at most 10000, ")


def test_the_name_of_an_unknown_field_is_cut_in_its_path(packet: Make, judge: Judge) -> None:
    assert len(judge(packet(**{"x" * 5000: 1})).of("unknown-field").path) < 250
