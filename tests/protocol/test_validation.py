"""The order of the checks: the first failure decides, and everything is told."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.account import Account, Blacklist
from cloudsms_simulator.protocol.candidate import Refusal, candidate_of
from cloudsms_simulator.protocol.checks import CHECKS, REQUEST_CHECKS, first_refusal, gateway_refusal
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import FINDING_RULES
from cloudsms_simulator.protocol.packet import PACKET_FIELDS, decode
from cloudsms_simulator.protocol.profile import OBSERVED, SPEC, Profile

Make = Callable[..., dict[str, object]]
Judge = Callable[..., Any]

UNSET = msgspec.UNSET
STRICT = Account(blacklist=Blacklist(numbers=("65*",), words=("spam",)), prices={852: Decimal("0.05")})

# What makes each check fail, the code, and the rule that is told.
FAILURES: list[tuple[int, dict[str, object], int, str]] = [
    (5, {"METHOD": "SMS_SEND"}, 0x10000001, "method-wrong"),
    (5, {"TYPE": None}, 0x10000001, "type-missing"),
    (6, {"SERIAL": 0}, 0x10000001, "serial-wrong"),
    (6, {"TIME": ""}, 0x10000001, "time-missing"),
    (7, {"AUTH_KEY": UNSET}, 0x05, "auth-key-missing"),
    (8, {"AUTH_KEY": 7}, 0x10000001, "auth-key-wrong"),
    (9, {"AUTH_KEY": "nobody's"}, 0x05, "auth-key-unknown"),
    (10, {"VERSION": "2.3"}, 0x10000010, "version-unknown"),
    (10, {"VERSION": ""}, 0x10000001, "version-missing"),
    (11, {"ROUTE_ID": ""}, 0x10000001, "route-missing"),
    (12, {"ORIGINAL_ADDR": "移动"}, 0x10000001, "sender-wrong"),
    (13, {"SIGNATURE": 1}, 0x10000001, "signature-wrong"),
    (13, {"SIGNATURE_TYPE": 0}, 0x10000001, "signature-type-wrong"),
    (13, {"PRIORITY": -1}, 0x10000001, "priority-wrong"),
    (13, {"REPEAT": "no"}, 0x10000001, "repeat-wrong"),
    (14, {"CUSTOMER_BODY": []}, 0x10000001, "customer-body-wrong"),
    (15, {"SMS_CONTENT": "A" * 1531}, 0x10000003, "content-too-long"),
    (15, {"SMS_CONTENT": None}, 0x10000003, "content-missing"),
    (16, {"MULTI_MSISDN_LIST": {}}, 0x10000001, "list-is-object"),
]


def test_there_are_nineteen_checks_in_order() -> None:
    assert [number for number, _scope, _check in CHECKS] == list(range(1, 20))
    assert [scope for _number, scope, _check in CHECKS] == [
        *["body"] * 4,
        *["packet"] * 2,
        *["key"] * 3,
        *["request"] * 7,
        "destination",
        *["account"] * 2,
    ]


@pytest.mark.parametrize(("number", "changes", "code", "rule"), FAILURES)
def test_each_check_refuses_with_its_code_and_says_why(
    packet: Make, judge: Judge, number: int, changes: dict[str, object], code: int, rule: str
) -> None:
    judged = judge(packet(**changes), profile=OBSERVED)

    assert (judged.code, judged.by_gateway) == (code, number <= 9)
    assert judged.of(rule).heading == FINDING_RULES[rule].heading
    [check] = [check for each, _scope, check in CHECKS if each == number]
    body = json.dumps(packet(**changes)).encode()
    account = STRICT if number > 9 else None
    refusal = check(candidate_of(decode(body), account, OBSERVED))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, [finding.rule for finding in refusal.findings]) == (code, [rule])


@given(failures=st.lists(st.sampled_from(FAILURES), min_size=1, max_size=8, unique_by=lambda row: tuple(row[1])))
def test_the_first_failure_decides_and_every_finding_is_kept(
    packet: Make, judge: Judge, failures: list[tuple[int, dict[str, object], int, str]]
) -> None:
    changes = {name: value for _number, change, _code, _rule in failures for name, value in change.items()}

    judged = judge(packet(**changes), profile=OBSERVED)

    first = min(failures, key=lambda row: row[0])
    assert (judged.code, judged.by_gateway) == (first[2], first[0] <= 9)
    assert {row[3] for row in failures} <= set(judged.rules)
    order = [
        next(row[0] for row in FAILURES if row[3] == rule) for rule in judged.rules if rule in {f[3] for f in FAILURES}
    ]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 0x04),
        (b'{"METHOD":', 0x10000007),
        (b'{"METHOD":"x"]', 0x10000003),
        (b"{} {}", 0x10000003),
        (b"{}", 0x1000000D),
        (b'{"METHOD":"x"}', 0x10000001),
    ],
)
def test_the_form_of_a_body_comes_before_its_fields(judge: Judge, body: bytes, code: int) -> None:
    assert judge(body).code == code


def test_a_packet_before_trailing_bytes_is_judged_all_the_same(packet: Make, judge: Judge) -> None:
    body = json.dumps(packet(VERSION="2.3", ROUTE_ID="", FOO=1)).encode() + b" x"

    judged = judge(body)

    assert (judged.code, judged.rules) == (
        ResultCode.INVALID_CONTEXT,
        ["body-trailing", "version-unknown", "route-missing", "unknown-field"],
    )
    assert judge(body, account=Account(profile=OBSERVED)).code == ResultCode.INVALID_VERSION


@pytest.mark.parametrize("end", [b"", b"]", b'"\xff'])
def test_of_a_body_that_holds_no_packet_only_that_is_told(packet: Make, judge: Judge, end: bytes) -> None:
    body = json.dumps(packet(SERIAL=0, SIGNATURE="S", TIME="noon", PRIORITY=9, FOO=1)).encode()[:-1] + end

    judged = judge(body, headers=((b"Auth_Key", b"k"),))

    assert judged.rules == ["body-cut" if not end else "body-not-json", "auth-key-in-header"]


def test_what_is_told_does_not_depend_on_how_far_the_checks_got(packet: Make, judge: Judge) -> None:
    destinations = [
        {"COUNTRY_CODE": 65, "DEST_MSISDN": "81234567"},
        {"COUNTRY_CODE": 1242, "DEST_MSISDN": "+1"},
    ]
    refused, accepted = (
        judge(packet(VERSION=version, MULTI_MSISDN_LIST=destinations, SMS_CONTENT="spam"), account=STRICT)
        for version in ("2.3", "2021-01-01")
    )

    assert (refused.code, accepted.code) == (ResultCode.INVALID_VERSION, ResultCode.OK)
    assert refused.rules == ["version-unknown", *accepted.rules]
    assert accepted.codes == (ResultCode.INTERCEPT, ResultCode.INVALID_PARAMETER)


def test_a_finding_is_told_once(packet: Make, judge: Judge) -> None:
    judged = judge(
        packet(SMS_CONTENT="spam", MULTI_MSISDN_LIST=[{"COUNTRY_CODE": 852, "DEST_MSISDN": "1"}] * 5), account=STRICT
    )

    assert len(judged.findings) == len(set(judged.findings))
    assert judged.of("blacklisted-word")


def test_checks_stop_at_the_first_refusal(packet: Make) -> None:
    body = json.dumps(packet(VERSION="2.3", SMS_CONTENT="")).encode()
    candidate = candidate_of(decode(body), STRICT, SPEC)

    assert gateway_refusal(candidate) is None
    refusal = first_refusal(REQUEST_CHECKS, candidate)

    assert refusal is not None
    assert refusal.code == ResultCode.INVALID_VERSION
    assert (candidate.text, candidate.segmentation, candidate.destinations) == ("", None, [])


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
awkward = st.sampled_from(
    ["", " ", "0", "852", "-1", "1e400", "{}", "[1]", "【", "${x}", "1/2", "\x00", "\u200b", "９", "*"]
)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts | awkward,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["COUNTRY_CODE", "DEST_MSISDN", *sorted(PACKET_FIELDS)]) | texts, inner, max_size=4
        )
    ),
    max_leaves=12,
)
profiles = st.sampled_from([SPEC, OBSERVED, Profile(segmentation="packed"), Profile(digit_strings="accept")])


def is_one_of_refusal_and_submission(judged: Any) -> bool:
    assert judged.code in ResultCode
    assert set(judged.codes) <= {OK, *REFUSED_ALONE}
    assert all(finding.rule in FINDING_RULES for finding in judged.findings)
    return (judged.code is ResultCode.OK) == (judged.submission is not None)


OK = ResultCode.OK
REFUSED_ALONE = {ResultCode.INVALID_PARAMETER, ResultCode.INTERCEPT, ResultCode.UNPRICED_AREA}


@pytest.mark.fuzz
@given(field=st.sampled_from([*sorted(PACKET_FIELDS), "FOO"]), value=values, profile=profiles, ascii_only=st.booleans())
def test_one_field_of_any_value_is_refused_or_becomes_a_submission(
    packet: Make, judge: Judge, field: str, value: object, profile: Profile, ascii_only: bool
) -> None:
    body = json.dumps(packet(**{field: value}), ensure_ascii=ascii_only).encode()

    judged = judge(body, account=msgspec.structs.replace(STRICT, profile=profile), profile=profile, clock_is_real=True)

    assert is_one_of_refusal_and_submission(judged)


@pytest.mark.fuzz
@given(changes=st.dictionaries(st.sampled_from(sorted(PACKET_FIELDS)), values, max_size=5), profile=profiles)
def test_any_fields_of_any_values_are_refused_or_become_a_submission(
    packet: Make, judge: Judge, changes: dict[str, object], profile: Profile
) -> None:
    body = json.dumps(packet(**changes)).encode()

    judged = judge(body, account=msgspec.structs.replace(STRICT, profile=profile), clock_is_real=True)

    assert is_one_of_refusal_and_submission(judged)


@pytest.mark.fuzz
@given(
    destinations=st.lists(st.fixed_dictionaries({}, optional={"COUNTRY_CODE": values, "DEST_MSISDN": values}) | values)
)
def test_destinations_of_any_values_get_a_code_each(packet: Make, judge: Judge, destinations: list[object]) -> None:
    judged = judge(json.dumps(packet(MULTI_MSISDN_LIST=destinations)).encode(), account=STRICT)

    assert is_one_of_refusal_and_submission(judged)
    assert len(judged.codes) == len(destinations)
    for destination, code in zip(judged.submission.destinations if judged.codes else (), judged.codes, strict=True):
        assert 0 <= destination.country_code <= 9999
        assert len(destination.msisdn.encode()) <= 32
        assert code is not OK or destination.country_code == 852


@pytest.mark.fuzz
@given(data=st.data(), profile=profiles)
def test_any_bytes_are_judged(packet: Make, judge: Judge, data: st.DataObject, profile: Profile) -> None:
    body = bytearray(json.dumps(packet(CUSTOMER_BODY={"验": "证"}), ensure_ascii=False).encode())
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(body)))
        body[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=4))

    judged = judge(bytes(body), account=msgspec.structs.replace(STRICT, profile=profile))

    assert is_one_of_refusal_and_submission(judged)


@pytest.mark.fuzz
@given(st.binary(max_size=200))
def test_garbage_is_refused_by_the_gateway(judge: Judge, body: bytes) -> None:
    judged = judge(body)

    assert (judged.by_gateway, judged.submission) == (True, None)
    assert judged.findings


@given(
    changes=st.dictionaries(st.sampled_from(["METHOD", "SERIAL", "AUTH_KEY"]), values), end=st.sampled_from(["", " x"])
)
def test_the_gateway_leaves_out_only_checks_that_pass(packet: Make, changes: dict[str, object], end: str) -> None:
    decoded = decode((json.dumps(packet(**changes)) + end).encode())
    account = STRICT if decoded.packet.auth_key == STRICT.auth_key else None

    for profile in (SPEC, OBSERVED):
        candidate = candidate_of(decoded, account, profile)
        assert gateway_refusal(candidate) == first_refusal(tuple(check for _, _, check in CHECKS[:9]), candidate)


@given(members=st.dictionaries(st.sampled_from(sorted(PACKET_FIELDS)) | texts, values))
def test_an_object_of_any_members_is_refused_by_the_gateway(judge: Judge, members: dict[str, object]) -> None:
    judged = judge(json.dumps(members).encode())

    assert judged.by_gateway
    # No METHOD among these is one: the fifth check refuses whatever holds something.
    assert judged.code is (ResultCode.INVALID_PARAMETER if members else ResultCode.EMPTY_DATA_RECEIVED)
