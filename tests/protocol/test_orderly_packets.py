"""Orderly packets: what decoding settles at once is what the checks say, in every profile.

Reading: R3.
"""

import json
from collections.abc import Callable
from itertools import product
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.candidate import Candidate, candidate_of, readable_key
from cloudsms_simulator.protocol.checks import (
    ACCOUNT_CHECKS,
    CHECKS,
    DESTINATION_CHECKS,
    REQUEST_CHECKS,
    SETTLED_BY_DECODING,
    diagnose,
    first_refusal,
    gateway_refusal,
    request_refusal,
)
from cloudsms_simulator.protocol.mistakes import Circumstances
from cloudsms_simulator.protocol.packet import PACKET_FIELDS, Decoded, decode, decode_untyped
from cloudsms_simulator.protocol.profile import OBSERVED, SPEC, Profile
from cloudsms_simulator.protocol.timestamps import EPOCH

Make = Callable[..., dict[str, object]]

PROFILES = [
    *(SPEC, OBSERVED, Profile(segmentation="packed")),
    *(
        Profile(digit_strings=digits, trailing_bytes=trailing)  # type: ignore[arg-type]
        for digits, trailing in product(("reject", "accept"), ("reject", "ignore"))
    ),
]
LIMITS = (32, 64, 128, 255)
CONTENT = {"SMS_CONTENT": "验证码", "SIGNATURE": "S", "SIGNATURE_TYPE": 3, "CUSTOMER_BODY": {"a": 1}}

NUMBERS = (-1, 0, 1, 5, 6, 65535, 65536, 2**31, 2**63, 2**64, 10**30, 1.0, 0.5)
WORDS = ("", " ", "1", "7", "+1", "0x1", "SMS_SEND_REQUEST", " SMS_SEND_REQUEST", "REQUEST", "REQUEST\n", "request")
DESTINATION = {"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}
LISTS = ([], [DESTINATION], [DESTINATION] * 200, [DESTINATION] * 201, [DESTINATION | {"COUNTRY_CODE": "852"}], [[]])
LONG = tuple(
    character * (limit // len(character.encode()) + more) for character, limit, more in product("aé验", LIMITS, (0, 1))
)
AWKWARD = (None, True, False, {}, {"a": "é" * 130}, *NUMBERS, *WORDS, *LISTS, *LONG, *("é" * limit for limit in LIMITS))

around_a_limit = st.builds(
    lambda character, limit, more: character * max(0, limit // len(character.encode()) + more),
    st.sampled_from(["a", "é", "验", "\U0001f600", "\x7f", '"']),
    st.sampled_from(LIMITS),
    st.integers(-1, 1),
) | st.builds(lambda character, limit: character * limit, st.sampled_from(["é", "验"]), st.sampled_from(LIMITS))
plain = st.none() | st.booleans() | st.sampled_from(NUMBERS)
words = st.sampled_from(WORDS)
destinations = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "COUNTRY_CODE": st.sampled_from([852, 86, 65, 0, -1, 1242, 99_999, 2**64, "852", 852.0, True, None]),
            "DEST_MSISDN": st.sampled_from(["67000011", "", "x", "1" * 33, 7, None]),
            "FOO": st.just({"a": [1]}),
        },
    )
    | plain,
    max_size=3,
) | st.sampled_from(LISTS)
deep = st.builds(lambda depth: json.loads("[" * depth + "]" * depth), st.integers(95, 102))
values: st.SearchStrategy[Any] = (
    plain | words | around_a_limit | destinations | deep | st.just({}) | st.just({"a": "é"})
)
fields = st.sampled_from([*sorted(PACKET_FIELDS), "FOO"])


@st.composite
def bodies(draw: st.DrawFn, packet: Make) -> bytes:
    """Packets in order but for a few fields, said once or twice, and a few bytes."""
    members = list(packet(**CONTENT).items()) if draw(st.booleans()) else list(packet().items())
    for name, value in draw(st.lists(st.tuples(fields, values), max_size=3)):
        if draw(st.booleans()):
            members = [(each, old) for each, old in members if each != name]
        members.insert(draw(st.integers(0, len(members))), (name, value))
    ascii_only = draw(st.booleans())
    said = ",".join(f"{json.dumps(name)}:{json.dumps(value, ensure_ascii=ascii_only)}" for name, value in members)
    body = bytearray(f"{{{said}}}{draw(st.sampled_from(['', '', ' ', ' x', '{}']))}".encode())
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 2))] = draw(
            st.sampled_from([b"", b'"', b"\\", b"\\u00e9", b"\\ud800", b"[", b"}", b"0", b"\xff", b"\xe9\xaa", b" "])
        )
    return bytes(body)


def judged(decoded: Decoded, profile: Profile, *, known: bool, body: bytes) -> object:
    """All that becomes of a decoded body: the refusals, or what the destinations come to, and everything told."""
    account = Account(profile=profile) if known else None
    candidate = candidate_of(decoded, account, profile)
    told = diagnose(candidate, Circumstances(body, (), EPOCH, clock_is_real=False))
    refusal = gateway_refusal(candidate) or request_refusal(candidate)
    if refusal is not None:
        return refusal, told
    first_refusal((*DESTINATION_CHECKS, *ACCOUNT_CHECKS), candidate)
    return candidate.text, candidate.segmentation, candidate.destinations, candidate.verdicts, candidate.findings, told


def by_every_check(candidate: Candidate) -> object:
    gateway = tuple(check for number, _, check in CHECKS if number <= 9)
    return first_refusal(gateway, candidate) or first_refusal(REQUEST_CHECKS, candidate)


def assert_judged_as_by_every_check(body: bytes, profile: Profile) -> None:
    decoded, untyped = decode(body), decode_untyped(body)
    assert readable_key(decoded.packet) == readable_key(untyped.packet)
    known = readable_key(untyped.packet) == Account().auth_key
    assert judged(decoded, profile, known=known, body=body) == judged(untyped, profile, known=known, body=body)
    account = Account(profile=profile) if known else None
    shortened, whole = candidate_of(decoded, account, profile), candidate_of(untyped, account, profile)
    assert (gateway_refusal(shortened) or request_refusal(shortened)) == by_every_check(whole)
    assert whole.destinations == shortened.destinations
    if decoded.destinations is not None:
        settled = [check for number, _, check in CHECKS if number in SETTLED_BY_DECODING]
        assert first_refusal(tuple(settled), candidate_of(untyped, account, profile)) is None


@pytest.mark.parametrize("field", [*sorted(PACKET_FIELDS), "FOO"])
def test_any_awkward_value_of_a_field_is_judged_as_by_every_check(packet: Make, field: str) -> None:
    for value, profile in product(AWKWARD, PROFILES):
        assert_judged_as_by_every_check(json.dumps(packet(**CONTENT | {field: value})).encode(), profile)


@pytest.mark.fuzz
@given(data=st.data(), profile=st.sampled_from(PROFILES))
def test_a_packet_that_is_taken_for_orderly_is_judged_as_by_every_check(
    packet: Make, data: st.DataObject, profile: Profile
) -> None:
    assert_judged_as_by_every_check(data.draw(bodies(packet)), profile)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        CONTENT,
        {"SIGNATURE": None, "SIGNATURE_TYPE": None, "PRIORITY": None, "REPEAT": None, "CUSTOMER_BODY": None},
        {"TIME": "验" * 10, "ROUTE_ID": "a" * 255, "SIGNATURE": "é" * 32, "SERIAL": 65535, "SENDER_ID": [1]},
        {"MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011", "NAME": {}}] * 200},
        {"FOO": json.loads("[" * 99 + "]" * 99)},
        {"VERSION": "old", "SMS_CONTENT": "", "ORIGINAL_ADDR": 1, "AUTH_KEY": None},
    ],
)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_an_ordinary_packet_in_order_is_orderly(packet: Make, changes: dict[str, object], ascii_only: bool) -> None:
    body = json.dumps(packet(**changes), ensure_ascii=ascii_only).encode()
    assert decode(body).destinations is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"METHOD": " SMS_SEND_REQUEST"},
        {"SERIAL": "1"},
        {"SERIAL": True},
        {"SERIAL": 65536},
        {"TIME": "é" * 17},
        {"ROUTE_ID": "é" * 128},
        {"SIGNATURE": "验" * 22},
        {"SIGNATURE_TYPE": 6},
        {"PRIORITY": -1},
        {"REPEAT": 1.0},
        {"uip_head": None},
        {"MULTI_MSISDN_LIST": []},
        {"MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}] * 201},
        {"MULTI_MSISDN_LIST": [{"COUNTRY_CODE": "852", "DEST_MSISDN": "67000011"}]},
        {"FOO": json.loads("[" * 100 + "]" * 100)},
        {"FOO": msgspec.UNSET, "TIME": msgspec.UNSET},
    ],
)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_whatever_is_not_right_to_the_letter_is_left_to_the_checks(
    packet: Make, changes: dict[str, object], ascii_only: bool
) -> None:
    body = json.dumps(packet(**changes), ensure_ascii=ascii_only).encode()
    assert decode(body).destinations is None


def test_what_is_kept_of_a_refused_destination_does_not_reach_into_the_decoded_packet(packet: Make) -> None:
    entries = [{"COUNTRY_CODE": 99_999, "DEST_MSISDN": "67000011"}]
    decoded = decode(json.dumps(packet(MULTI_MSISDN_LIST=entries)).encode())
    candidates = [candidate_of(decoded, Account(), SPEC) for _ in range(2)]
    for candidate in candidates:
        assert request_refusal(candidate) is None
        first_refusal(DESTINATION_CHECKS, candidate)
    assert candidates[0].destinations == candidates[1].destinations
    assert decoded.destinations is not None
    assert [each.country_code for each in decoded.destinations] == [99_999]
