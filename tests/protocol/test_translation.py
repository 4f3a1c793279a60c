"""Translations: UIP v2, names in another case, questions for reports, forms and compressed bodies.

Reading: R24.
"""

import gzip
import json
import zlib

import msgspec
import pytest

from cloudsms_simulator.protocol.candidate import (
    disguise_finding,
    field_for,
    from_other_names,
    from_v2,
    key_of_v2,
    poll_finding,
)
from cloudsms_simulator.protocol.packet import decode, members_of

V2 = {
    "uip_head": {
        "METHOD": "SMS_SEND_REQUEST",
        "SERIAL": 1,
        "TIME": "2026-11-30 12:00:00",
        "CHANNEL": "VerifyCode_516",
        "AUTH_KEY": "the-key",
    },
    "uip_body": {"SMS_CONTENT": "Hello", "DESTINATION_ADDR": ["+85267000011"], "ORIGINAL_ADDR": "Shop"},
    "uip_version": 2,
}


def members(packet: object) -> dict[str, msgspec.Raw]:
    return members_of(msgspec.json.encode(packet)) or {}


def read(flat: dict[str, msgspec.Raw]) -> dict[str, object]:
    decoded: dict[str, object] = json.loads(msgspec.json.encode(flat))
    return decoded


def test_a_packet_of_v2_is_translated_field_by_field() -> None:
    found = from_v2(members(V2))
    assert found is not None
    assert read(found.members) == {
        "METHOD": "SMS_SEND_REQUEST",
        "SERIAL": 1,
        "TIME": "2026-11-30 12:00:00",
        "ROUTE_ID": "VerifyCode_516",
        "AUTH_KEY": "the-key",
        "SMS_CONTENT": "Hello",
        "MULTI_MSISDN_LIST": ["+85267000011"],
        "ORIGINAL_ADDR": "Shop",
    }
    assert ("uip_head.CHANNEL", "ROUTE_ID") in [(each.was, each.name) for each in found.renamed]


@pytest.mark.parametrize("head", [{}, None, "x", [], {"uip_head": {}}, {"AUTH_KEY": 1}])
def test_a_head_that_says_nothing_is_translated_all_the_same(head: object) -> None:
    found = from_v2(members({"uip_head": head, "uip_body": head}))
    assert found is not None
    assert set(found.members) <= {"AUTH_KEY"}


def test_the_key_of_v2_is_that_of_its_head() -> None:
    assert key_of_v2(msgspec.Raw(msgspec.json.encode(V2["uip_head"]))) == "the-key"
    assert key_of_v2(msgspec.Raw(b"[]")) is None


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("method", "METHOD"),
        ("Sms_Content", "SMS_CONTENT"),
        ("smsContent", "SMS_CONTENT"),
        ("sms-content", "SMS_CONTENT"),
        ("authKey", "AUTH_KEY"),
        ("METHOD", "METHOD"),
        ("me\x00thod", None),
        ("m" * 50, None),
        ("uip_head", None),
        ("foo", None),
    ],
)
def test_a_name_stands_for_a_field_in_any_case(name: str, field: str | None) -> None:
    assert field_for(name) == field


def test_names_in_another_case_are_put_right_in_the_list_too() -> None:
    found = from_other_names(
        members({"method": "m", "priority": 0, "multi_msisdn_list": [{"country_code": 852, "destMsisdn": "1"}]})
    )
    assert found is not None
    assert read(found.members) == {
        "METHOD": "m",
        "PRIORITY": 0,
        "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "1"}],
    }
    assert [each.was for each in found.renamed][-1] == "MULTI_MSISDN_LIST[0].destMsisdn"


@pytest.mark.parametrize("packet", [{"METHOD": "m", "method": "n"}, {"priority": 0}, {"foo": 1}, {}])
def test_names_are_left_alone_where_no_required_field_comes_of_it(packet: object) -> None:
    assert from_other_names(members(packet)) is None


@pytest.mark.parametrize(
    ("packet", "path"),
    [
        ({"METHOD": "SMS_PUSH_REPORT", "SMS_CONTENT": "x", "MULTI_MSISDN_LIST": [1]}, "$.METHOD"),
        ({"METHOD": " SMS_PUSH_REPORT "}, "$.METHOD"),
        ({"METHOD": "SMS_SEND_REQUEST", "SMS_UID": "00"}, "$.SMS_UID"),
        ({"METHOD": "SMS_QUERY_REQUEST", "sms_uid": "00"}, "$.sms_uid"),
        ({"METHOD": "SMS_STATUS"}, "$.METHOD"),
        ({"METHOD": "SMS_SEND_REQUEST", "SMS_UID": "00", "SMS_CONTENT": "x"}, None),
        ({"METHOD": "SMS_SEND_REQUEST"}, None),
        ({"METHOD": 1}, None),
    ],
)
def test_a_question_for_a_report_is_told_from_a_send(packet: dict[str, object], path: str | None) -> None:
    found = poll_finding(decode(msgspec.json.encode(packet)).packet, packet)
    assert (None if found is None else found.path) == path


JSON = b'{"METHOD":"x"}'


@pytest.mark.parametrize(
    ("body", "headers", "rule", "got"),
    [
        (gzip.compress(JSON, mtime=0), ((b"content-encoding", b"gzip"),), "body-compressed", "Content-Encoding: gzip"),
        (gzip.compress(JSON, mtime=0), (), "body-compressed", "octets of gzip"),
        (zlib.compress(JSON), ((b"Content-Encoding", b"deflate"),), "body-compressed", "Content-Encoding: deflate"),
        (b"\x0b\x07\x80{}\x03", ((b"content-encoding", b"br"),), "body-compressed", "Content-Encoding: br"),
        (JSON[:5], ((b"content-encoding", b"gzip"),), None, None),
        (
            b"METHOD=x&TYPE=y",
            ((b"content-type", b"application/x-www-form-urlencoded"),),
            "body-is-form",
            "Content-Type: application/x-www-form-urlencoded",
        ),
        (b"METHOD=x", (), "body-is-form", "the fields of a form"),
        (
            b'--b\r\nContent-Disposition: form-data; name="METHOD"\r\n\r\nx\r\n--b--',
            ((b"content-type", b"multipart/form-data; boundary=b"),),
            "body-is-form",
            "Content-Type: multipart/form-data",
        ),
        (JSON[:5], ((b"content-type", b"application/x-www-form-urlencoded"),), None, None),
        (b"hello", ((b"content-type", b"application/json"),), None, None),
    ],
)
def test_what_is_no_json_says_what_it_is_instead(
    body: bytes, headers: tuple[tuple[bytes, bytes], ...], rule: str | None, got: str | None
) -> None:
    found = disguise_finding(body, headers)
    assert ((None, None) if found is None else (found.rule, found.got)) == (rule, got)
