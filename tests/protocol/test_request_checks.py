"""Checks 10 to 16: is the request as a whole in order?"""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol import checks, mistakes
from cloudsms_simulator.protocol.checks import echo_of
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.packet import Destination, Submission
from cloudsms_simulator.protocol.profile import OBSERVED, SPEC, Profile
from cloudsms_simulator.protocol.segmentation import Segmentation

Make = Callable[..., dict[str, object]]
Judge = Callable[..., Any]

UNSET = msgspec.UNSET
UNFILLED = [pytest.param(UNSET, id="absent"), pytest.param(None, id="null"), pytest.param("", id="empty")]
NO_STRING = [1, 0, 1.5, True, [], {}, ["x"]]
NO_UINT = ["1", "", 1.0, 1.5, -1, True, False, [], {}, 1e300, 2**32, 10**400]


def test_the_smallest_packet_is_a_submission(packet: Make, judge: Judge) -> None:
    judged = judge(packet())

    assert judged.submission == Submission(
        serial=1,
        route_id="VerifyCode_516",
        sender="",
        text="Hello",
        segmentation=Segmentation(0, 5, 1),
        customer_body=None,
        destinations=(Destination(852, "67000011"),),
        verdicts={},
    )
    assert (judged.codes, judged.rules) == ((ResultCode.OK,), [])


def test_the_fullest_packet_is_a_submission(packet: Make, judge: Judge) -> None:
    judged = judge(
        packet(
            ORIGINAL_ADDR="CloudSMS",
            SIGNATURE="CloudSMS",
            SIGNATURE_TYPE=3,
            PRIORITY=1,
            REPEAT=0,
            CUSTOMER_BODY={"id": 1},
        )
    )

    assert judged.submission == Submission(
        serial=1,
        route_id="VerifyCode_516",
        sender="CloudSMS",
        text="[CloudSMS] Hello",
        segmentation=Segmentation(0, 18, 1),
        customer_body=b'{"id":1}',
        destinations=(Destination(852, "67000011"),),
        verdicts={},
    )
    assert judged.findings == ()


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        ("ORIGINAL_ADDR", []),
        ("SIGNATURE", []),
        ("SIGNATURE_TYPE", []),
        ("PRIORITY", []),
        ("REPEAT", []),
        ("CUSTOMER_BODY", ["customer-body-absent"]),
    ],
)
def test_an_optional_field_that_is_null_is_absent_with_a_warning(
    packet: Make, judge: Judge, field: str, rule: list[str]
) -> None:
    judged = judge(packet(**{"CUSTOMER_BODY": {}, field: None}))

    assert (judged.code, judged.codes) == (ResultCode.OK, (ResultCode.OK,))
    assert [finding.rule for finding in judged.findings] == ["null-field", *rule]
    assert judged.submission.customer_body == (None if field == "CUSTOMER_BODY" else b"{}")


@pytest.mark.parametrize("version", [*UNFILLED, *NO_STRING, 20210101, ["VERSION"]])
def test_check_10_a_version_that_is_missing_or_no_string_is_a_parameter_error(
    packet: Make, judge: Judge, version: object
) -> None:
    judged = judge(packet(VERSION=version))

    assert (judged.code, judged.by_gateway, judged.rules) == (0x10000001, False, ["version-missing"])


@pytest.mark.parametrize(
    ("version", "spec", "observed"),
    [
        ("2021-01-01", 0x01, 0x01),
        ("2020-07-12", 0x10000010, 0x01),
        ("2021-01-02", 0x10000010, 0x10000010),
        (" 2021-01-01", 0x10000010, 0x10000010),
        ("2.3", 0x10000010, 0x10000010),
        ("2021-01-01-and-more", 0x10000010, 0x10000010),
    ],
)
def test_check_10_accepted_versions_are_the_profiles(
    packet: Make, judge: Judge, version: str, spec: int, observed: int
) -> None:
    codes = [judge(packet(VERSION=version), account=Account(profile=profile)).code for profile in (SPEC, OBSERVED)]

    assert codes == [spec, observed]


def test_check_10_the_list_of_versions_is_a_switch(packet: Make, judge: Judge) -> None:
    account = Account(profile=Profile(versions=("2030-01-01",)))

    assert judge(packet(VERSION="2030-01-01"), account=account).code == ResultCode.OK
    assert judge(packet(), account=account).of("version-unknown").want == "2030-01-01"


@pytest.mark.parametrize("route", UNFILLED)
def test_check_11_a_route_that_is_not_filled_in_is_missing(packet: Make, judge: Judge, route: object) -> None:
    judged = judge(packet(ROUTE_ID=route))

    assert (judged.code, judged.by_gateway, judged.rules) == (0x10000001, False, ["route-missing"])


@pytest.mark.parametrize("route", [*NO_STRING, "r" * 256, "路" * 85 + "r"])
def test_check_11_a_route_is_a_string_of_at_most_255_octets(packet: Make, judge: Judge, route: object) -> None:
    judged = judge(packet(ROUTE_ID=route))

    assert (judged.code, judged.rules[0]) == (0x10000001, "route-wrong")


@pytest.mark.parametrize("route", ["r", "verifycode_516", "r" * 255, "路" * 85])
def test_check_11_a_route_nobody_has_is_accepted_here(packet: Make, judge: Judge, route: str) -> None:
    judged = judge(packet(ROUTE_ID=route))

    assert (judged.code, judged.rules, judged.submission.route_id) == (ResultCode.OK, ["route-unknown"], route)


@pytest.mark.parametrize(
    "sender", [*NO_STRING, "a" * 33, "Café", "移动", "a\nb", "\x1f", "\x80", "\u00a0", "a\x00", "😀"]
)
def test_check_12_a_sender_is_at_most_32_octets_from_0x20_to_0x7f(packet: Make, judge: Judge, sender: object) -> None:
    judged = judge(packet(ORIGINAL_ADDR=sender))

    assert (judged.code, judged.by_gateway, judged.rules) == (0x10000001, False, ["sender-wrong"])


@pytest.mark.parametrize("sender", ["", " ", "\x7f", "~", "10690000", "+447700900123", "a" * 32, "Cloud SMS"])
def test_check_12_any_other_sender_travels_on(packet: Make, judge: Judge, sender: str) -> None:
    judged = judge(packet(ORIGINAL_ADDR=sender))

    assert (judged.code, judged.rules, judged.submission.sender) == (ResultCode.OK, [], sender)


@pytest.mark.parametrize("signature", [*NO_STRING, "s" * 65, "签" * 21 + "ss"])
def test_check_13_a_signature_is_a_string_of_at_most_64_octets(packet: Make, judge: Judge, signature: object) -> None:
    judged = judge(packet(SIGNATURE=signature, SIGNATURE_TYPE=1))

    assert (judged.code, judged.by_gateway, judged.rules[0]) == (0x10000001, False, "signature-wrong")


@pytest.mark.parametrize("signature", ["s", "s" * 64, "签" * 21 + "s"])
def test_check_13_a_signature_of_64_octets_is_put_before_the_text(packet: Make, judge: Judge, signature: str) -> None:
    assert judge(packet(SIGNATURE=signature, SIGNATURE_TYPE=1)).submission.text == f"【{signature}】Hello"


@pytest.mark.parametrize(
    ("kind", "text"),
    [(1, "【S】Hello"), (2, "Hello【S】"), (3, "[S] Hello"), (4, "Hello[S]"), (5, "Hello"), (UNSET, "Hello")],
)
def test_check_13_signature_types_are_1_to_5(packet: Make, judge: Judge, kind: object, text: str) -> None:
    judged = judge(packet(SIGNATURE="S", SIGNATURE_TYPE=kind))

    assert (judged.code, judged.submission.text) == (ResultCode.OK, text)


@pytest.mark.parametrize("kind", [*NO_UINT, 0, 6, 2**70])
def test_check_13_any_other_signature_type_is_refused(packet: Make, judge: Judge, kind: object) -> None:
    body = json.dumps(packet(SIGNATURE="S", SIGNATURE_TYPE=kind)).encode()

    assert (judge(body).code, judge(body).rules) == (0x10000001, ["signature-type-wrong"])


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("signature", UNFILLED)
def test_check_13_a_signature_type_without_a_signature_changes_nothing(
    packet: Make, judge: Judge, signature: object, kind: int
) -> None:
    assert judge(packet(SIGNATURE=signature, SIGNATURE_TYPE=kind)).submission.text == "Hello"


@pytest.mark.parametrize("field", ["PRIORITY", "REPEAT"])
@pytest.mark.parametrize("value", NO_UINT)
def test_check_13_priority_and_repeat_are_unsigned_integers(
    packet: Make, judge: Judge, field: str, value: object
) -> None:
    judged = judge(packet(**{field: value}))

    assert (judged.code, judged.by_gateway, judged.rules) == (0x10000001, False, [f"{field.lower()}-wrong"])


@pytest.mark.parametrize(
    ("priority", "rules"),
    [(0, []), (1, []), (2, ["priority-reserved"]), (9, ["priority-reserved"]), (2**32 - 1, ["priority-reserved"])],
)
def test_check_13_priorities_above_1_are_reserved_and_accepted(
    packet: Make, judge: Judge, priority: int, rules: list[str]
) -> None:
    judged = judge(packet(PRIORITY=priority, REPEAT=priority))

    assert (judged.code, judged.rules) == (ResultCode.OK, rules)


@pytest.mark.parametrize("value", ["text", "", '{"a":1}', 1, 0, True, [], [{"a": 1}]])
def test_check_14_customer_body_is_an_object(packet: Make, judge: Judge, value: object) -> None:
    judged = judge(packet(CUSTOMER_BODY=value))

    assert (judged.code, judged.by_gateway, judged.rules) == (0x10000001, False, ["customer-body-wrong"])
    assert judged.of("customer-body-wrong").got == msgspec.json.encode(value).decode()


def with_customer_body(packet: dict[str, object], written: bytes) -> bytes:
    return msgspec.json.encode(packet)[:-1] + b',"CUSTOMER_BODY":' + written + b"}"


@pytest.mark.parametrize("spaces", [b"", b" ", b"\n\t  " * 100])
@pytest.mark.parametrize(("octets", "code"), [(255, 0x01), (256, 0x10000001)])
def test_check_14_customer_body_is_measured_without_its_white_space(
    packet: Make, judge: Judge, spaces: bytes, octets: int, code: int
) -> None:
    filler = b"x" * (octets - len(b'{"a":"","b":[1,2]}'))
    written = spaces.join([b"{", b'"a"', b":", b'"' + filler + b'"', b",", b'"b"', b":", b"[1", b",", b"2]", b"}"])

    judged = judge(with_customer_body(packet(), written))

    assert judged.code == code
    assert code == ResultCode.OK or judged.of("customer-body-wrong").got == "256 octets"
    assert code != ResultCode.OK or judged.submission.customer_body == written


@pytest.mark.parametrize(
    "character", ["验", "é", "😀", "a", "/"], ids=["three octets", "two octets", "four octets", "one octet", "slash"]
)
@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize("over", [0, 1])
def test_check_14_customer_body_is_measured_in_utf_8_however_it_is_escaped(
    packet: Make, judge: Judge, character: str, escaped: bool, over: int
) -> None:
    room = 255 - len('{"a":""}')
    size = len(character.encode())
    text = character * (room // size)
    rest = "x" * (room % size + over)
    units = character.encode("utf-16-be").hex()
    spelled = (
        "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)) * (room // size) if escaped else text
    )

    judged = judge(with_customer_body(packet(), f'{{"a":"{spelled}{rest}"}}'.encode()))

    assert judged.code == (0x10000001 if over else 0x01)


@pytest.mark.parametrize("escape", [r"\\", r"\"", r"\\\"", r"\"\\", r"\n", r"\u0000", r"\\u4e2d"])
def test_check_14_escapes_that_are_needed_are_measured_as_they_are(packet: Make, judge: Judge, escape: str) -> None:
    before = f'{{"a\\\\":null,"{escape}":["{escape}"],"b":"'
    room = 255 - len(before) - len('"}')

    assert judge(with_customer_body(packet(), f'{before}{"x" * room}" }}'.encode())).code == ResultCode.OK
    assert (
        judge(with_customer_body(packet(), f'{before}{"x" * room}x" }}'.encode())).code == ResultCode.INVALID_PARAMETER
    )


@given(body=st.dictionaries(st.text(max_size=30), st.text(max_size=60) | st.integers(-(2**53), 2**53), max_size=8))
@pytest.mark.parametrize("ascii_only", [False, True])
def test_check_14_customer_body_is_as_large_as_json_writes_it_compact_in_utf_8(
    packet: Make, judge: Judge, body: dict[str, object], ascii_only: bool
) -> None:
    octets = len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode().replace(b"\\u007f", b"\x7f"))

    judged = judge(with_customer_body(packet(), json.dumps(body, ensure_ascii=ascii_only, indent=1).encode()))

    assert judged.code == (ResultCode.OK if octets <= 255 else ResultCode.INVALID_PARAMETER)


def test_check_14_numbers_are_measured_as_they_are_spelled(packet: Make, judge: Judge) -> None:
    zeros = b"0" * (255 - len(b'{"a":1.}'))

    assert judge(with_customer_body(packet(), b'{"a":1.' + zeros + b"}")).code == ResultCode.OK
    assert judge(with_customer_body(packet(), b'{"a":1.' + zeros + b"0}")).code == ResultCode.INVALID_PARAMETER


@pytest.mark.parametrize("written", [b"{}", b"{ }", b'{"b":1,"a":0.10,"b":1e400}', b'{"\\u4e2d":"\\/"}'])
def test_check_14_customer_body_travels_on_as_it_was_written(packet: Make, judge: Judge, written: bytes) -> None:
    assert judge(with_customer_body(packet(), written)).submission.customer_body == written


@pytest.mark.parametrize("content", UNFILLED)
def test_check_15_a_text_that_is_not_filled_in_is_invalid_context(packet: Make, judge: Judge, content: object) -> None:
    judged = judge(packet(SMS_CONTENT=content))

    assert (judged.code, judged.by_gateway, judged.rules) == (0x10000003, False, ["content-missing"])


@pytest.mark.parametrize("content", NO_STRING)
def test_check_15_a_text_that_is_no_string_is_invalid_context(packet: Make, judge: Judge, content: object) -> None:
    judged = judge(packet(SMS_CONTENT=content))

    assert (judged.code, judged.rules) == (0x10000003, ["content-wrong"])


@pytest.mark.parametrize(
    ("character", "most", "dcs"),
    [("A", 1530, 0), ("€", 765, 0), ("ç", 1340, 3), ("验", 670, 8), ("😀", 335, 8)],
)
def test_check_15_a_text_has_at_most_ten_segments(
    packet: Make, judge: Judge, character: str, most: int, dcs: int
) -> None:
    fits, too_long = judge(packet(SMS_CONTENT=character * most)), judge(packet(SMS_CONTENT=character * (most + 1)))

    assert (fits.code, fits.submission.segmentation.segments) == (ResultCode.OK, 10)
    assert (too_long.code, too_long.by_gateway) == (0x10000003, False)
    assert too_long.of("content-too-long").got == f"11 segments of DCS {dcs}"


def test_check_15_the_signature_counts_to_the_segments(packet: Make, judge: Judge) -> None:
    signed = {"SIGNATURE": "S", "SIGNATURE_TYPE": 3}  # "[S] ", both brackets two septets

    assert judge(packet(SMS_CONTENT="A" * 1524, **signed)).submission.segmentation == Segmentation(0, 1530, 10)
    assert judge(packet(SMS_CONTENT="A" * 1525, **signed)).code == ResultCode.INVALID_CONTEXT
    assert judge(packet(SMS_CONTENT="A" * 1525, SIGNATURE="S", SIGNATURE_TYPE=5)).code == ResultCode.OK


def test_check_15_solid_brackets_make_a_text_of_two_octets_a_character(packet: Make, judge: Judge) -> None:
    signed = {"SIGNATURE": "S", "SIGNATURE_TYPE": 1}

    assert judge(packet(SMS_CONTENT="A" * 667, **signed)).submission.segmentation == Segmentation(8, 670, 10)
    assert judge(packet(SMS_CONTENT="A" * 668, **signed)).code == ResultCode.INVALID_CONTEXT


def test_check_15_segments_are_counted_the_profiles_way(packet: Make, judge: Judge) -> None:
    text = ("A" * 152 + "€") + "A" * 1376

    assert judge(packet(SMS_CONTENT=text)).submission.segmentation == Segmentation(0, 1530, 10)
    packed = judge(packet(SMS_CONTENT=text), account=Account(profile=Profile(segmentation="packed")))
    assert (packed.code, packed.of("content-too-long").got) == (0x10000003, "11 segments of DCS 0")


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (UNSET, "list-missing"),
        (None, "list-missing"),
        ("", "list-missing"),
        ([], "list-missing"),
        ({"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}, "list-is-object"),
        ({}, "list-is-object"),
        ('[{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011"}]', "list-is-json-text"),
        (' {"COUNTRY_CODE":852,"DEST_MSISDN":"67000011"}', "list-is-json-text"),
        ("67000011", "list-wrong"),
        (67000011, "list-wrong"),
        (True, "list-wrong"),
        (1.5, "list-wrong"),
    ],
)
def test_check_16_the_list_is_an_array_with_entries(packet: Make, judge: Judge, value: object, rule: str) -> None:
    judged = judge(packet(MULTI_MSISDN_LIST=value))

    assert (judged.code, judged.by_gateway, judged.rules) == (0x10000001, False, [rule])


def test_check_16_200_entries_are_taken_and_201_are_not(packet: Make, judge: Judge) -> None:
    entries = [{"COUNTRY_CODE": 852, "DEST_MSISDN": f"{number}"} for number in range(67000000, 67000201)]

    taken, refused = judge(packet(MULTI_MSISDN_LIST=entries[:200])), judge(packet(MULTI_MSISDN_LIST=entries))

    assert (taken.code, taken.codes) == (ResultCode.OK, (ResultCode.OK,) * 200)
    assert [destination.msisdn for destination in taken.submission.destinations] == [
        entry["DEST_MSISDN"] for entry in entries[:200]
    ]
    assert (refused.code, refused.rules) == (0x10000001, ["list-too-long"])


def test_check_16_201_entries_refuse_everything_whatever_they_are(packet: Make, judge: Judge) -> None:
    assert judge(packet(MULTI_MSISDN_LIST=[None] * 201)).code == ResultCode.INVALID_PARAMETER
    assert judge(packet(MULTI_MSISDN_LIST=[None] * 200)).codes == (ResultCode.INVALID_PARAMETER,) * 200


def test_check_16_nobody_looks_at_the_entries_of_a_list_that_is_too_long(
    packet: Make, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[object] = []
    for module in (checks, mistakes):
        monkeypatch.setattr(
            module, "members_of", lambda raw, read=module.members_of: looked_at.append(raw) or read(raw)
        )

    refused = judge(packet(MULTI_MSISDN_LIST=[{"COUNTRY_CODE": "852", "x": 1}] * 400))

    assert refused.of("list-too-long").got == "400 entries"
    assert "digit-string" not in refused.rules
    assert len(looked_at) <= 1, "the members of the packet itself"


def test_check_15_the_segments_of_a_text_far_too_long_are_not_counted(packet: Make, judge: Judge) -> None:
    counted, uncounted = judge(packet(SMS_CONTENT="x" * 10_000)), judge(packet(SMS_CONTENT="x" * 10_001))

    assert (counted.code, uncounted.code) == (0x10000003, 0x10000003)
    assert counted.of("content-too-long").got == "66 segments of DCS 0"
    assert uncounted.of("content-too-long").got == "10001 characters"


def test_check_14_a_large_object_is_measured_as_it_came(packet: Make, judge: Judge) -> None:
    refused = judge(packet(CUSTOMER_BODY={"id": "x" * 20_000}))
    spaced = b'{"id":' + b" " * 20_000 + b'"1"}'

    assert refused.of("customer-body-wrong").got == "20009 octets, escapes as they came"
    assert judge(json.dumps(packet()).encode()[:-1] + b',"CUSTOMER_BODY":' + spaced + b"}").code == ResultCode.OK


@pytest.mark.parametrize("field", ["SERIAL", "SIGNATURE_TYPE", "PRIORITY", "REPEAT"])
@pytest.mark.parametrize("value", ["1", "0001", "4", "5".zfill(20), "3".zfill(4300)])
def test_digits_in_a_string_are_an_unsigned_integer_if_the_profile_says_so(
    packet: Make, judge: Judge, field: str, value: str
) -> None:
    body = packet(SIGNATURE="S", SIGNATURE_TYPE=5) | {field: value}

    accepted = judge(body, account=Account(profile=Profile(digit_strings="accept")))

    assert judge(body).code == ResultCode.INVALID_PARAMETER
    assert accepted.code == ResultCode.OK
    assert accepted.of("digit-string").path == f"$.{field}"
    assert field != "SERIAL" or accepted.submission.serial == int(value)


@pytest.mark.parametrize(
    "value", ["", " 1", "+1", "-1", "1.0", "1e0", "0x1", "１", "²", "1_0", "4294967296", "9" * 4301]
)
def test_other_strings_are_no_integers_in_any_profile(packet: Make, judge: Judge, value: str) -> None:
    judged = judge(packet(PRIORITY=value), account=Account(profile=OBSERVED))

    assert (judged.code, judged.rules) == (0x10000001, ["priority-wrong"])


def test_a_signature_type_in_digits_puts_the_signature_where_it_says(packet: Make, judge: Judge) -> None:
    judged = judge(packet(SIGNATURE="S", SIGNATURE_TYPE="3"), account=Account(profile=OBSERVED))

    assert (judged.submission.text, judged.rules) == ("[S] Hello", ["digit-string"])


@pytest.mark.parametrize(
    ("entry", "spec", "observed"),
    [
        ({"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}, Destination(852, "67000011"), None),
        ({"COUNTRY_CODE": 0, "DEST_MSISDN": ""}, Destination(0, ""), None),
        ({"COUNTRY_CODE": 9999, "DEST_MSISDN": "1" * 32}, Destination(9999, "1" * 32), None),
        ({"COUNTRY_CODE": 10000, "DEST_MSISDN": "1" * 33}, Destination(0, ""), None),
        ({"COUNTRY_CODE": -1, "DEST_MSISDN": "验" * 10}, Destination(0, "验" * 10), None),
        ({"COUNTRY_CODE": True, "DEST_MSISDN": "验" * 11}, Destination(0, ""), None),
        ({"COUNTRY_CODE": 852.0, "DEST_MSISDN": 67000011}, Destination(0, ""), None),
        ({"COUNTRY_CODE": None, "DEST_MSISDN": None}, Destination(0, ""), None),
        ({"COUNTRY_CODE": "852", "DEST_MSISDN": "+1 (2)"}, Destination(0, "+1 (2)"), Destination(852, "+1 (2)")),
        ({"COUNTRY_CODE": "10000"}, Destination(0, ""), None),
        ({"DEST_MSISDN": ["1"]}, Destination(0, ""), None),
        ({}, Destination(0, ""), None),
        ([], Destination(0, ""), None),
        ("67000011", Destination(0, ""), None),
        (None, Destination(0, ""), None),
    ],
)
def test_an_entry_is_echoed_as_far_as_it_can_be(entry: object, spec: Destination, observed: Destination | None) -> None:
    raw = msgspec.Raw(msgspec.json.encode(entry))

    assert (echo_of(raw, SPEC), echo_of(raw, OBSERVED)) == (spec, observed or spec)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7F), max_size=32))
def test_every_displayable_sender_is_accepted(packet: Make, judge: Judge, sender: str) -> None:
    assert judge(packet(ORIGINAL_ADDR=sender)).submission.sender == sender
