"""From bytes to a packet."""

import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.protocol.findings import OUT_OF_RANGE
from cloudsms_simulator.protocol.json_text import scan
from cloudsms_simulator.protocol.packet import (
    ABSENT,
    EMPTY_PACKET,
    PACKET_FIELDS,
    RAW_FIELDS,
    Decoded,
    Destination,
    Packet,
    decode,
    decode_untyped,
    entries_of,
    members_of,
    value_of,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
packets = st.dictionaries(st.sampled_from(sorted(PACKET_FIELDS)) | texts, values, max_size=8)


def fields_of(packet: Packet) -> dict[str, object]:
    """The fields that are not absent, by their names on the wire; raw ones as their bytes."""
    struct = msgspec.structs.fields(Packet)
    read = {field.encode_name: getattr(packet, field.name) for field in struct}
    return {
        name: bytes(value) if isinstance(value, msgspec.Raw) else value
        for name, value in read.items()
        if value is not None and value != ABSENT
    }


def test_a_packet_is_read_into_its_fields() -> None:
    body = (
        b'{"METHOD":"SMS_SEND_REQUEST","TYPE":"REQUEST","SERIAL":7,"TIME":"2021-10-01 12:00:00","AUTH_KEY":"k",'
        b'"ROUTE_ID":"r","MULTI_MSISDN_LIST":[ {"COUNTRY_CODE":852,"DEST_MSISDN":"67000011"} ],"SMS_CONTENT":"\\u4f60",'
        b'"ORIGINAL_ADDR":"","SIGNATURE":"S","SIGNATURE_TYPE":1,"PRIORITY":0,"VERSION":"2021-01-01","REPEAT":0,'
        b'"CUSTOMER_BODY":{ "a": 0.10 }}'
    )

    decoded = decode(body)

    assert decoded.destinations == [Destination(852, "67000011")]
    assert decode_untyped(body) == Decoded(
        Packet(
            method="SMS_SEND_REQUEST",
            type="REQUEST",
            serial=7,
            time="2021-10-01 12:00:00",
            auth_key="k",
            version="2021-01-01",
            route_id="r",
            original_addr="",
            signature="S",
            signature_type=1,
            priority=0,
            repeat=0,
            sms_content="你",
            multi_msisdn_list=msgspec.Raw(b'[ {"COUNTRY_CODE":852,"DEST_MSISDN":"67000011"} ]'),
            customer_body=msgspec.Raw(b'{ "a": 0.10 }'),
        )
    )
    assert fields_of(decoded.packet) == fields_of(decode_untyped(body).packet)


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b"", "empty"),
        (b" \t\r\n", "empty"),
        (b'{"METHOD":"x"}', "object"),
        (b' {"METHOD":"x"}\n', "object"),
        (b'{"SOMETHING":"else"}', "object"),
        (b"{}", "no-object"),
        (b"[]", "no-object"),
        (b"null", "no-object"),
        (b'[{"METHOD":"x"}]', "no-object"),
        (b'"{}"', "no-object"),
        (b"0", "no-object"),
        (b"true", "no-object"),
        (b"{", "cut"),
        (b'{"METHOD":"x"', "cut"),
        (b'{"METHOD":"x","SERIAL":1', "cut"),
        (b'{"METHOD":"x\\u12', "cut"),
        ('{"SMS_CONTENT":"验'.encode()[:-1], "cut"),
        ('{"SMS_CONTENT":"验"}'.encode()[:-4], "cut"),
        (b"tru", "cut"),
        (b'{"A":"\\ud800"}', "broken"),
        (b'{"CUSTOMER_BODY":{"a":"\\udc00\\ud800"}}', "broken"),
        (b'\xef\xbb\xbf{"METHOD":"x"}', "broken"),
        (b'{"METHOD":"\xff"}', "broken"),
        (b'{"FOO":"\xed\xa0\x80"}', "broken"),
        (b'{"SERIAL":1,"FOO":"\xff"}', "broken"),
        (b'{"SERIAL":1,"CUSTOMER_BODY":{"a":"\xff"}}', "broken"),
        (b'{"METHOD":NaN}', "broken"),
        (b'{"METHOD":-Infinity}', "broken"),
        (b"{'METHOD':'x'}", "broken"),
        (b'{"METHOD":"x",}', "broken"),
        (b"METHOD=SMS_SEND_REQUEST", "broken"),
        (b"<packet/>", "broken"),
        (b'{"METHOD":"a\nb"}', "broken"),
        (b'{"METHOD":"x","A":' + b"[" * 100 + b"]" * 100 + b"}", "broken"),
        (b'{"METHOD":"x","A":' + b"[" * 99 + b"]" * 99 + b"}", "object"),
        (b"[" * 100_000, "broken"),
        (b'{"METHOD":"\xff', "broken"),
    ],
)
def test_a_body_has_one_of_five_forms(body: bytes, form: str) -> None:
    assert decode(body).form == form


@pytest.mark.parametrize("rest", [b"x", b"{}", b"\x00", b"\xef\xbb\xbf", b"\x0b", b"]"])
def test_bytes_after_the_value_are_told_apart_from_the_packet(rest: bytes) -> None:
    assert decode(b'{"SERIAL":1} ' + rest) == Decoded(Packet(serial=1), trailing=True, reason="JSON object", offset=12)


def test_bytes_after_the_value_that_end_inside_a_character_are_cut() -> None:
    assert decode('{"SERIAL":1}验'.encode()[:-1]).form == "cut"


@pytest.mark.parametrize("cut", ["", "}", "} x"])
@pytest.mark.parametrize(
    ("members", "fields"),
    [
        ('"SERIAL":1,"SERIAL":2,"TIME":""', {"SERIAL": 2, "TIME": ""}),
        ('"SERIAL":[],"SERIAL":{},"TIME":""', {"SERIAL": {}, "TIME": ""}),
        (r'"METH\u004fD":"a\u002fb\/c","TIME":""', {"METHOD": "a/b/c", "TIME": ""}),
        ('"method":"x","Method":"x","TIME":""', {"TIME": ""}),
        ('"CUSTOMER_BODY":{},"CUSTOMER_BODY" : null ,"TIME":""', {"CUSTOMER_BODY": b"null", "TIME": ""}),
        ('"uip_head":{"METHOD":1},"TIME":""', {"uip_head": b'{"METHOD":1}', "TIME": ""}),
        ('"SERIAL":1e400,"TIME":""', {"SERIAL": OUT_OF_RANGE, "TIME": ""}),
        ('"SERIAL":1.0,"TIME":""', {"SERIAL": 1.0, "TIME": ""}),
    ],
)
def test_every_way_of_reading_gives_the_same_fields(members: str, fields: dict[str, object], cut: str) -> None:
    read = fields_of(decode(f"{{{members}{cut}".encode()).packet)

    assert read == fields
    assert {name: type(value) for name, value in read.items()} == {name: type(fields[name]) for name in fields}


@pytest.mark.parametrize("end", [b"}", b"", b"} and more"])
def test_customer_body_stays_as_it_was_written(end: bytes) -> None:
    written = '{ "b": 1e400, "a":0.10,"b":-0, "\\u4e2d/\\/": "中" ,"n":{"x":[1 ,2]}}'.encode()

    assert (
        bytes(decode(b'{"SERIAL":1,"CUSTOMER_BODY": ' + written + b' ,"TIME":""' + end).packet.customer_body) == written
    )


def test_of_a_cut_body_the_members_that_arrived_whole_are_kept() -> None:
    body = b'{"AUTH_KEY":"k","MULTI_MSISDN_LIST":[{"COUNTRY_CODE":852}],"SERIAL":12,"SMS_CONTENT":"Hel'

    assert fields_of(decode(body).packet) == {
        "AUTH_KEY": "k",
        "MULTI_MSISDN_LIST": b'[{"COUNTRY_CODE":852}]',
        "SERIAL": 12,
    }


def test_a_number_at_the_end_of_a_cut_body_may_have_lost_digits_and_is_not_kept() -> None:
    assert decode(b'{"SERIAL":12').packet == EMPTY_PACKET


@pytest.mark.parametrize("digits", [20, 100, 400, 5000])
def test_an_integer_of_any_length_is_read(digits: int) -> None:
    packet = decode(b'{"SERIAL":' + b"9" * digits + b"}").packet

    assert packet.serial == OUT_OF_RANGE or packet.serial == 10**digits - 1


@given(packets)
def test_what_a_customer_encodes_is_what_is_decoded(sent: dict[str, Any]) -> None:
    decoded = decode(json.dumps(sent).encode())

    read = fields_of(decoded.packet)
    assert decoded.form == ("object" if sent else "no-object")
    assert {name: json.loads(value) if isinstance(value, bytes) else value for name, value in read.items()} == {
        name: value
        for name, value in sent.items()
        if name in PACKET_FIELDS and (value is not None or name in RAW_FIELDS)
    }


@given(packets, st.booleans())
def test_the_fast_and_the_thorough_reading_agree(sent: dict[str, Any], ascii_only: bool) -> None:
    body = json.dumps(sent, ensure_ascii=ascii_only).encode()

    fast, thorough = decode(body), decode(body + b" ]")

    assert fields_of(fast.packet) == fields_of(thorough.packet)
    assert (fast.form, fast.trailing, thorough.trailing) == (thorough.form, False, True)


@st.composite
def damaged_packets(draw: st.DrawFn) -> bytes:
    """Packets with a few bytes cut out, put in or changed."""
    body = bytearray(json.dumps(draw(packets), ensure_ascii=draw(st.booleans())).encode())
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 3))] = draw(
            st.binary(max_size=3)
            | st.sampled_from([b'"', b"\\", b"\\ud800", b"{", b"]", b",", b":", b"NaN", b"\xe4\xb8"])
        )
    return bytes(body)


@pytest.mark.fuzz
@given(st.binary(max_size=64) | damaged_packets())
def test_any_bytes_are_decoded_to_what_a_scan_of_them_says(body: bytes) -> None:
    decoded, seen = decode(body), scan(body)

    if not body.strip(b" \t\r\n"):
        assert decoded.form == "empty"
    elif seen.ending != "complete":
        assert (decoded.form, decoded.trailing) == (seen.ending, False)
    else:
        assert decoded.form == ("object" if seen.members else "no-object")
        assert decoded.trailing == seen.surplus


@given(texts | damaged_packets().map(lambda body: body.decode("utf-8", "ignore")))
def test_a_slice_of_any_text_is_taken_apart_without_an_error(text: str) -> None:
    value = value_of(text.encode())
    members, entries = members_of(text.encode()), entries_of(text.encode())
    assert members is None or entries is None, "nothing is an object and an array"
    assert members is None or isinstance(value, dict | float)
    assert entries is None or isinstance(value, list | float)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"", None),
        (b"null", None),
        (b"1", 1),
        (b"1.0", 1.0),
        (b'"\\u4e2d"', "中"),
        (b"1e400", OUT_OF_RANGE),
        (b"[{}]", [{}]),
    ],
)
def test_a_raw_value_is_read(raw: bytes, value: object) -> None:
    assert value_of(raw) == value
    assert type(value_of(msgspec.Raw(raw))) is type(value)


def test_members_of_an_object_and_entries_of_an_array_stay_raw() -> None:
    assert members_of(b'{"a":1.50,"a" : [ ]}') == {"a": msgspec.Raw(b"[ ]")}
    assert entries_of(b'[1.50, {"a":1}]') == [msgspec.Raw(b"1.50"), msgspec.Raw(b'{"a":1}')]


@pytest.mark.parametrize("raw", [b"", b"1", b"null", b'"{}"', b'{"a":1}', b"[1]"])
def test_what_is_no_object_has_no_members_and_what_is_no_array_no_entries(raw: bytes) -> None:
    assert (members_of(raw) is not None) == raw.startswith(b"{")
    assert (entries_of(raw) is not None) == raw.startswith(b"[")


KEY = b'"AUTH_KEY":"the-key"'


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf{%b}" % KEY,
        b'{"A":NaN,%b}' % KEY,
        b'{"A":nul,%b' % KEY,
        b'{"A":"\xff",%b,"B":1}' % KEY,
        b'{"A":"\x01",%b}' % KEY,
        b'{"A":"\\q",%b}' % KEY,
        b"{'A':'B',%b}" % KEY,
        b'{"A":abc",%b}' % KEY,
        b'{"A":[1,2,%b}' % KEY,
        b'{"A":{"B":"}"},,%b,"C":"' % KEY,
        b'{"A":NaN,"AUTH\\u005fKEY" : \n"the\\u002dkey"}',
        b'{"A":NaN,"AUTH_KEY":"another",%b}' % KEY,
        b'{"A":NaN,%b,"AUTH_KEY":12,"AUTH_KEY":"anoth' % KEY,
        b'{"A":NaN,%b,"SMS_CONTENT":"it said \\"AUTH_KEY\\":\\"another\\""}' % KEY,
        b'{"A":NaN,%b,"CUSTOMER_BODY":{"AUTH_KEY":"another"}}' % KEY,
        b"<xml>{%b}" % KEY,
        b"[{%b}]" % KEY,
    ],
)
def test_the_last_whole_auth_key_is_read_whatever_stands_before_it(body: bytes) -> None:
    decoded = decode(body)

    assert decoded.form != "object"
    assert decoded.packet.auth_key == "the-key"


@pytest.mark.parametrize(
    "body",
    [
        b'{"A":NaN,"AUTH_KEY":"the-k',
        b'{"A":NaN,"AUTH_KEY":"the\xff-key"}',
        b'{"A":NaN,"AUTH_KEY":the-key}',
        b'{"A":NaN,"CUSTOMER_BODY":{%b}}' % KEY,
        b'{"A":NaN,"SMS_CONTENT":"it said \\"AUTH_KEY\\":\\"the-key\\""}',
        b'{"A":NaN,"auth_key":"the-key"}',
        b"AUTH_KEY=the-key",
        b'"AUTH_KEY"',
    ],
)
def test_what_is_no_whole_auth_key_of_the_packet_itself_is_not_read(body: bytes) -> None:
    assert decode(body).packet.auth_key is None


@pytest.mark.parametrize("unit", [b"{", b'"', b'"AUTH_KEY" ', b'"AUTH_KEY":"x",', b'"AUTH_KEY":"', b'"\\u0041', b"\\"])
def test_looking_for_the_auth_key_of_a_broken_body_takes_no_more_than_its_share(unit: bytes) -> None:
    def effort(octets: int) -> float:
        body = b'{"A":NaN,' + unit * (octets // len(unit))
        begun = time.process_time()
        decode(body)
        return time.process_time() - begun

    small = min(effort(2**16) for _ in range(3))
    assert effort(2**20) < 16 * 4 * small + 0.1
