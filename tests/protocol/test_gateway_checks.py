"""Checks 1 to 9: is this a packet, of the right kind, from somebody known?"""

import gzip
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.profile import OBSERVED, SPEC, Profile

Make = Callable[..., dict[str, object]]
Judge = Callable[..., Any]

UNSET = msgspec.UNSET
UNFILLED = [pytest.param(UNSET, id="absent"), pytest.param(None, id="null"), pytest.param("", id="empty")]
NO_STRING = [1, 0, 1.5, True, [], {}, ["x"]]
NO_UINT = ["1", "", 1.0, 1.5, -1, True, False, [], {}, 1e300]


@pytest.mark.parametrize("body", [b"", b" ", b"\t\r\n  "])
def test_check_1_an_empty_body_is_empty_data(judge: Judge, body: bytes) -> None:
    judged = judge(body)

    assert (judged.code, judged.by_gateway, judged.rules) == (ResultCode.EMPTY_DATA, True, ["body-empty"])
    assert judged.code == 0x00000004


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[",
        b'{"METHOD":"SMS_SEND_REQUEST"',
        b'{"METHOD":"SMS_SEND_REQ',
        b'{"METHOD":"SMS_SEND_REQUEST","SERIAL":',
        b'{"A":"\\u4f',
        b'{"A":nul',
        b'"',
        b"-",
    ],
)
def test_check_2_a_body_that_ends_inside_a_value_has_lost_info(judge: Judge, body: bytes) -> None:
    judged = judge(body)

    assert (judged.code, judged.by_gateway, judged.rules) == (ResultCode.LOST_INFO, True, ["body-cut"])


def test_check_2_chinese_text_counted_in_characters_loses_the_end_of_the_body(packet: Make, judge: Judge) -> None:
    text = json.dumps(packet(SMS_CONTENT="您的验证码是123456"), ensure_ascii=False)

    judged = judge(text.encode()[: len(text)])

    assert judged.code == ResultCode.LOST_INFO
    assert "not characters" in judged.of("body-cut").want


@pytest.mark.parametrize("lost", [1, 2])
def test_check_2_a_body_that_ends_inside_a_utf_8_sequence_has_lost_info(judge: Judge, lost: int) -> None:
    assert judge('{"SMS_CONTENT":"验'.encode()[:-lost]).code == ResultCode.LOST_INFO
    assert judge(b'{"SERIAL":1}' + "验".encode()[:-lost]).code == ResultCode.LOST_INFO


@pytest.mark.parametrize(
    "body",
    [
        b"hello",
        b'{"METHOD":"\xff"}',
        b'{"FOO":"\xc0\x80"}',
        b'{"METHOD":"\xff',
        b'{"A":"\\\xff"}',
        b'{"A":"\\u00\xff"}',
        b'{"SMS_CONTENT":"C:\\' + "文件".encode("gbk") + b'","B":1}',
        b'\xef\xbb\xbf{"METHOD":"SMS_SEND_REQUEST"}',
        b'{"A":"\\ud800"}',
        b'{"A":NaN}',
        b'{"A":Infinity}',
        b'{"A":-Infinity}',
        b'{"A":01}',
        b'{"A":1,}',
        b"{'A':1}",
        b'{"A":' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"A":"tab\there"}',
    ],
)
def test_check_3_what_is_not_strict_json_in_utf_8_is_invalid_context(judge: Judge, body: bytes) -> None:
    judged = judge(body)

    assert (judged.code, judged.by_gateway, judged.rules) == (ResultCode.INVALID_CONTEXT, True, ["body-not-json"])


@pytest.mark.parametrize(
    ("body", "rule"),
    [(b"METHOD=SMS_SEND_REQUEST&TYPE=REQUEST", "body-is-form"), (gzip.compress(b"{}", mtime=0), "body-compressed")],
)
def test_check_3_a_form_and_what_is_compressed_are_named(judge: Judge, body: bytes, rule: str) -> None:
    judged = judge(body)

    assert (judged.code, judged.by_gateway, judged.rules) == (ResultCode.INVALID_CONTEXT, True, [rule])


def test_check_3_a_hundred_levels_are_no_trouble(packet: Make, judge: Judge) -> None:
    body = msgspec.json.encode(packet())[:-1] + b',"FOO":' + b"[" * 99 + b"]" * 99 + b"}"

    assert judge(body).code == ResultCode.OK


@pytest.mark.parametrize("rest", [b"x", b"{}", b"\x00", b"\xef\xbb\xbf"])
def test_check_3_bytes_after_the_value_are_the_profiles_business(packet: Make, judge: Judge, rest: bytes) -> None:
    body = msgspec.json.encode(packet(CUSTOMER_BODY={})) + b"\n" + rest

    rejected = judge(body)
    ignored = judge(body, account=Account(profile=OBSERVED))

    assert (rejected.code, rejected.rules) == (ResultCode.INVALID_CONTEXT, ["body-trailing"])
    assert (ignored.code, ignored.rules) == (ResultCode.OK, ["body-trailing-ignored"])
    assert ignored.of("body-trailing-ignored").severity == "warning"


def test_white_space_around_the_value_is_no_trouble(packet: Make, judge: Judge) -> None:
    judged = judge(b"\r\n\t " + msgspec.json.encode(packet()) + b"\r\n\t ")

    assert (judged.code, judged.rules) == (ResultCode.OK, [])


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"null", b"0", b"true", b'"text"', b'[{"METHOD":"SMS_SEND_REQUEST"}]', b" { } "]
)
def test_check_4_json_that_is_no_object_with_members_is_an_empty_packet(judge: Judge, body: bytes) -> None:
    judged = judge(body)

    assert (judged.code, judged.by_gateway, judged.rules) == (0x1000000D, True, ["body-empty-packet"])
    assert judged.code is ResultCode.EMPTY_DATA_RECEIVED


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        *[(field, value, f"{field.lower()}-missing") for field in ("METHOD", "TYPE") for value in (UNSET, None, "")],
        *[(field, value, f"{field.lower()}-wrong") for field in ("METHOD", "TYPE") for value in NO_STRING],
        ("METHOD", "SMS_PUSH_REPORT", "polled-for-report"),
        ("METHOD", "sms_send_request", "method-wrong"),
        ("METHOD", "   ", "method-wrong"),
        ("METHOD", "SMS_SEND REQUEST", "method-wrong"),
        ("TYPE", "ANSWER", "type-wrong"),
        ("TYPE", "request", "type-wrong"),
    ],
)
def test_check_5_method_and_type_are_those_of_a_send(
    packet: Make, judge: Judge, field: str, value: object, rule: str
) -> None:
    judged = judge(packet(**{field: value}))

    assert (judged.code, judged.by_gateway, judged.rules) == (ResultCode.INVALID_PARAMETER, True, [rule])


@pytest.mark.parametrize("space", ["\u00a0", "\u3000", "\x1f", "\x85", "\x0b"])
def test_check_5_white_space_that_is_none_of_json_is_not_trimmed(packet: Make, judge: Judge, space: str) -> None:
    judged = judge(packet(METHOD="SMS_SEND_REQUEST" + space))

    assert (judged.code, judged.rules) == (ResultCode.INVALID_PARAMETER, ["method-wrong"])


@pytest.mark.parametrize("field", ["METHOD", "TYPE"])
@pytest.mark.parametrize("spaced", [" {}", "{} ", "\t{}\n"])
def test_check_5_surrounding_spaces_are_trimmed_with_a_warning(
    packet: Make, judge: Judge, field: str, spaced: str
) -> None:
    judged = judge(packet(**{field: spaced.format(packet()[field])}))

    assert (judged.code, judged.rules) == (ResultCode.OK, ["surrounding-spaces"])
    assert judged.of("surrounding-spaces").path == f"$.{field}"


def test_check_5_a_uip_v2_packet_is_named_as_one(judge: Judge) -> None:
    judged = judge({"uip_head": {"METHOD": "SMS_SEND_REQUEST", "SERIAL": 1}, "uip_body": {"SMS_CONTENT": "Hello"}})

    assert (judged.code, judged.by_gateway) == (ResultCode.INVALID_PARAMETER, True)
    assert judged.rules == ["uip-v2"]


@pytest.mark.parametrize("head", [{}, None, {"METHOD": "SMS_SEND_REQUEST"}, "x"])
def test_check_5_a_uip_head_beside_the_fields_of_v1_is_refused_too(packet: Make, judge: Judge, head: object) -> None:
    judged = judge(packet(uip_head=head))

    assert (judged.code, judged.rules) == (ResultCode.INVALID_PARAMETER, ["uip-v2"])


@pytest.mark.parametrize("serial", [1, 2, 128, 129, 65535])
def test_check_6_serial_is_from_1_to_65535(packet: Make, judge: Judge, serial: int) -> None:
    judged = judge(packet(SERIAL=serial))

    assert (judged.code, judged.rules, judged.submission.serial) == (ResultCode.OK, [], serial)


@pytest.mark.parametrize("serial", [0, -1, 65536, 2**64, "1", 1.0, 1e2, True, False, [], [1], {}])
def test_check_6_a_serial_that_is_no_such_integer_is_refused(packet: Make, judge: Judge, serial: object) -> None:
    body = json.dumps(packet(SERIAL=serial)).encode()

    assert (judge(body).code, judge(body).rules) == (ResultCode.INVALID_PARAMETER, ["serial-wrong"])


@pytest.mark.parametrize("serial", UNFILLED)
def test_check_6_a_serial_that_is_not_filled_in_is_missing(packet: Make, judge: Judge, serial: object) -> None:
    judged = judge(packet(SERIAL=serial))

    assert (judged.code, judged.by_gateway, judged.rules) == (ResultCode.INVALID_PARAMETER, True, ["serial-missing"])


def test_check_6_serial_and_time_are_told_apart(packet: Make, judge: Judge) -> None:
    assert judge(packet(SERIAL=0, TIME="2" * 32)).rules == ["serial-wrong", "time-format"]
    assert judge(packet(SERIAL=0, TIME="2" * 33)).rules == ["serial-wrong", "time-wrong", "time-format"]
    assert judge(packet(SERIAL=None, TIME=None)).rules == ["serial-missing", "time-missing"]


def test_check_6_a_number_too_large_for_any_type_is_no_serial(packet: Make, judge: Judge) -> None:
    body = msgspec.json.encode(packet()).replace(b'"SERIAL":1,', b'"SERIAL":1e400,')

    assert judge(body).code == ResultCode.INVALID_PARAMETER
    assert judge(body).of("serial-wrong").got == "a number out of range"


def test_check_6_a_serial_may_repeat_and_go_back(packet: Make, judge: Judge) -> None:
    assert [judge(packet(SERIAL=serial)).rules for serial in (9, 9, 3, 9)] == [[], [], [], []]


@pytest.mark.parametrize("time", UNFILLED)
def test_check_6_a_time_that_is_not_filled_in_is_missing(packet: Make, judge: Judge, time: object) -> None:
    judged = judge(packet(TIME=time))

    assert (judged.code, judged.by_gateway, judged.rules) == (ResultCode.INVALID_PARAMETER, True, ["time-missing"])


@pytest.mark.parametrize("time", [*NO_STRING, "2" * 33, "响" * 11])
def test_check_6_a_time_is_a_string_of_at_most_32_octets(packet: Make, judge: Judge, time: object) -> None:
    judged = judge(packet(TIME=time))

    assert (judged.code, judged.by_gateway, judged.rules[0]) == (ResultCode.INVALID_PARAMETER, True, "time-wrong")


@pytest.mark.parametrize("time", ["2" * 32, "响" * 10 + "aa", "Please input your local time", "响应时间", " "])
def test_check_6_how_time_is_written_is_no_more_than_a_warning(packet: Make, judge: Judge, time: str) -> None:
    judged = judge(packet(TIME=time))

    assert (judged.code, judged.rules) == (ResultCode.OK, ["time-format"])


@pytest.mark.parametrize("key", UNFILLED)
@pytest.mark.parametrize(
    ("profile", "code"),
    [(SPEC, 0x10000001), (OBSERVED, 0x05), (Profile(missing_key_code=0x05), 0x05)],
)
def test_check_7_what_a_missing_key_is_told_is_the_servers_profiles_business(
    packet: Make, judge: Judge, key: object, profile: Profile, code: int
) -> None:
    judged = judge(packet(AUTH_KEY=key), profile=profile)

    assert (judged.code, judged.by_gateway, judged.rules) == (code, True, ["auth-key-missing"])


@pytest.mark.parametrize("key", [*NO_STRING, "k" * 129, "钥" * 43])
def test_check_8_a_key_is_a_string_of_at_most_128_octets(packet: Make, judge: Judge, key: object) -> None:
    judged = judge(packet(AUTH_KEY=key), profile=OBSERVED)

    assert (judged.code, judged.by_gateway, judged.rules) == (ResultCode.INVALID_PARAMETER, True, ["auth-key-wrong"])


@pytest.mark.parametrize("key", ["k", "k" * 88, "k" * 128, "钥" * 42 + "kk", "not base64!"])
def test_check_8_a_key_of_up_to_128_octets_is_as_good_as_its_account(packet: Make, judge: Judge, key: str) -> None:
    assert judge(packet(AUTH_KEY=key), account=Account(auth_key=key)).code == ResultCode.OK
    assert judge(packet(AUTH_KEY=key)).code == ResultCode.CHANNEL_NOT_EXIST


@pytest.mark.parametrize(
    "change", [str.lower, lambda key: key[:-1], lambda key: key.rstrip("="), lambda key: f"{key}="]
)
def test_check_9_a_key_is_compared_as_a_string(packet: Make, judge: Judge, change: Callable[[str], str]) -> None:
    judged = judge(packet(AUTH_KEY=change(str(packet()["AUTH_KEY"]))))

    assert (judged.code, judged.by_gateway, judged.rules) == (0x05, True, ["auth-key-unknown"])


@pytest.mark.parametrize("spaced", [" {}", "{}\n"])
def test_check_9_white_space_around_a_key_is_not_trimmed_but_told(packet: Make, judge: Judge, spaced: str) -> None:
    judged = judge(packet(AUTH_KEY=spaced.format(packet()["AUTH_KEY"])))

    assert (judged.code, judged.rules) == (0x05, ["auth-key-unknown", "auth-key-spaces"])


def test_no_finding_quotes_a_key(packet: Make, judge: Judge) -> None:
    key = str(packet()["AUTH_KEY"])
    head = {"AUTH_KEY": key}
    bodies = [
        packet(AUTH_KEY=key + "="),
        packet(AUTH_KEY=[key]),
        packet(AUTH_KEY=UNSET, authKey=key),
        packet(ROUTE_ID=key),
        packet(FOO=key),
        packet(FOO={"deep": [key]}),
        packet(MULTI_MSISDN_LIST=[{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011", "AUTH_KEY": key}]),
        {"uip_head": head, "uip_body": head},
        msgspec.json.encode({"AUTH_KEY": key})[:-1],
        msgspec.json.encode(packet()) + msgspec.json.encode({"AUTH_KEY": key}),
    ]

    for body in bodies:
        for account in (Account(), Account(profile=OBSERVED)):
            judged = judge(body, account=account, headers=((b"AUTH_KEY", key.encode()),))
            assert judged.findings
            assert not any(key[:40] in finding.got + finding.want for finding in judged.findings)


def test_an_unknown_key_is_judged_by_the_servers_profile(packet: Make, judge: Judge) -> None:
    body = packet(AUTH_KEY="nobody's", SERIAL="7", TYPE=" REQUEST")
    account = Account(profile=OBSERVED)

    assert judge(body, account=account).code == ResultCode.INVALID_PARAMETER
    assert judge(body, account=account, profile=OBSERVED).code == ResultCode.CHANNEL_NOT_EXIST


def test_a_known_key_is_judged_by_its_accounts_profile(packet: Make, judge: Judge) -> None:
    body = packet(SERIAL="7")

    assert judge(body, account=Account(profile=OBSERVED)).code == ResultCode.OK
    assert judge(body, profile=OBSERVED).code == ResultCode.INVALID_PARAMETER


def test_the_key_of_a_packet_with_surplus_selects_its_account(packet: Make, judge: Judge) -> None:
    body = msgspec.json.encode(packet()) + b"surplus"

    assert judge(body, account=Account(profile=OBSERVED)).code == ResultCode.OK
