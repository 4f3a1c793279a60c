"""Whatever reads a body takes time linear in it, whatever it holds: checks, findings, corrections, places, pages."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache

import msgspec
import pytest
from growth import Case, assert_linear

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.billing import bill_of_packet
from cloudsms_simulator.engine.rules import destinations_of, subject_of
from cloudsms_simulator.inbox.detail import BodyMark, marked_body, pretty_json
from cloudsms_simulator.protocol import packet as packet_module
from cloudsms_simulator.protocol.answer import echoes_of
from cloudsms_simulator.protocol.candidate import candidate_of
from cloudsms_simulator.protocol.checks import diagnose
from cloudsms_simulator.protocol.correction import CorrectionContext, corrected
from cloudsms_simulator.protocol.delivery_report import audit
from cloudsms_simulator.protocol.json_text import Places, duplicate_keys, scan, too_deep
from cloudsms_simulator.protocol.masking import mask
from cloudsms_simulator.protocol.mistakes import Circumstances
from cloudsms_simulator.protocol.profile import OBSERVED, SPEC
from cloudsms_simulator.protocol.timestamps import HONG_KONG

NOON = datetime(2021, 10, 1, 12, tzinfo=HONG_KONG)
ACCOUNT = Account()
Make = Callable[[int], bytes]

_FIELDS: Mapping[str, bytes] = {
    "METHOD": b'"SMS_SEND_REQUEST"',
    "TYPE": b'"REQUEST"',
    "SERIAL": b"1",
    "TIME": b'"2021-10-01 12:00:00"',
    "ROUTE_ID": b'"VerifyCode_516"',
    "MULTI_MSISDN_LIST": b'[{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011"}]',
    "SMS_CONTENT": b'"Hello"',
    "VERSION": b'"2021-01-01"',
}


def packet(**fields: bytes) -> bytes:
    """A packet with some fields as they are given."""
    return b"{%b}" % b",".join(b'"%b":%b' % (name.encode(), raw) for name, raw in {**_FIELDS, **fields}.items())


def run(unit: bytes, before: bytes = b"", behind: bytes = b"") -> Make:
    """A unit again and again, with something around all of it."""
    return lambda size: before + unit * (size // len(unit)) + behind


def field(name: str, unit: bytes, before: bytes = b'"', behind: bytes = b'"') -> Make:
    """A packet with a long run in one field, a string unless said."""
    return lambda size: packet(**{name: run(unit, before, behind)(size)})


def listed(unit: Callable[[int], bytes], opening: bytes, closing: bytes) -> Make:
    """Different units in a row, with commas."""

    def make(size: int) -> bytes:
        count = size // (len(unit(size)) + 1)
        return opening + b",".join(map(unit, range(count))) + closing

    return make


def under_a_long_name(inner: Make) -> Make:
    """Half of the size goes to the name of a member, the other half to what is in it."""
    return lambda size: packet(X=b'{"%b":%b}' % (b"n" * (size // 2), inner(size // 2)))


def deep_under_names(inner: Make) -> Make:
    """Half of the size goes to ninety names around the other half."""

    def make(size: int) -> bytes:
        name = b"n" * (size // 180)
        return packet(X=b'{"%b":' % name * 90 + inner(size // 2) + b"}" * 90)

    return make


def signed(size: int) -> bytes:
    """A text of openings of its own long signature."""
    return packet(SIGNATURE=b'"%b"' % (b"a[" * (size // 4) + b"b"), SMS_CONTENT=b'"%b"' % (b"[a" * (size // 4)))


PADDING = b" " * 24
"""Makes a thing of some octets out of one of two or three: what counts is how the time grows with their number."""
TWICE = listed(lambda index: PADDING + b'"%07x":1,"%07x":1' % (index, index), b"{", b"}")

BODIES: Mapping[str, Make] = {
    "white space": run(b" \n"),
    "openings of objects": run(b"{"),
    "openings of arrays": run(b"["),
    "openings of both": run(b'{"a":['),
    "openings and closings": run(b"[]"),
    "quotes": run(b'"'),
    "quotes in an object": run(b'"', b"{"),
    "backslashes": run(b"\\"),
    "backslashes in an object": run(b"\\", b'{"'),
    "backslashes in a string": run(b"\\\\", b'{"A":"', b'"}'),
    "escaped quotes in a string": run(b'\\"', b'{"A":"', b'"}'),
    "escaped quotes without an end": run(b'\\"', b'{"A":"'),
    "a wrong escape behind many": run(b"\\u0041", b'{"A":"', b'\\x"}'),
    "a string without an end": run(b"a", b'{"A":"'),
    "literals": run(b"t"),
    "minus signs": run(b"-"),
    "commas": run(b",", b"["),
    "colons": run(b":", b'{"a"'),
    "white space in an object": run(b" ", b"{"),
    "white space before a colon": run(b"\t", b'{"a"'),
    "white space behind a value": run(b"\r", b'{"a":1', b"x"),
    "no UTF-8": run(b"\xff"),
    "UTF-8 cut in a string": run("é".encode(), b'{"A":"', b"\xc3"),
    "NUL": run(b"\0"),
    "byte order marks": run(b"\xef\xbb\xbf"),
    "packets in a row": run(packet()),
    "white space behind a packet": run(b" ", packet(), b"x"),
    "braces behind a packet": run(b"{", packet()),
    "packets in an array": run(packet() + b",", b"[", b"1]"),
    "JSON inside a string": lambda size: msgspec.json.encode(run(b"{}", b"[", b"]")(size).decode()),
    "digits": field("SERIAL", b"1", b"", b""),
    "digits behind a point": field("SERIAL", b"1", b"0.", b""),
    "digits of an exponent": field("SERIAL", b"9", b"1e", b""),
    "digits without an end": run(b"1", b'{"SERIAL":'),
    "digits in a string": field("SERIAL", b"1"),
    "numbers of 4,300 digits": lambda size: packet(X=b"[%b0]" % (b"1" * 4300 + b",") * (size // 4301)),
    "one key": run(b"k", b'{"', b'":1}'),
    "one key of escapes": run(b"\\u0041", b'{"', b'":1}'),
    "one unknown key beside a packet": lambda size: packet(**{"k" * size: b"1"}),
    "one key of dots": lambda size: packet(**{"." * size: b"1"}),
    "one key of brackets": lambda size: packet(**{'[\\"' * (size // 3): b"1"}),
    "one key like an entry": lambda size: packet(**{f"MULTI_MSISDN_LIST[{'1' * size}]": b"1"}),
    "lone surrogates, high": field("X", b"\\ud800"),
    "lone surrogates, low": field("X", b"\\udc00"),
    "surrogates in pairs": field("X", b"\\ud83d\\ude00"),
    "a lone surrogate behind pairs": field("X", b"\\ud83d\\ude00", b'"', b'\\ud83d"'),
    "nested 95 deep, many times": lambda size: packet(
        X=b"[%b0]" % (b"[" * 95 + b"0" + b"]" * 95 + b",") * (size // 192)
    ),
    "objects nested 95 deep, many times": lambda size: packet(
        X=b"[%b0]" % (b'{"a":' * 95 + b"0" + b"}" * 95 + b",") * (size // 572)
    ),
    "nested 101 deep behind a lot": lambda size: packet(X=b'["%b",%b]' % (b"[" * size, b"[" * 101 + b"]" * 101)),
    "brackets in strings": run(PADDING + b'"[{",', b"[", b"1]"),
    "the same key again": run(PADDING + b'"a":1,', b"{", b'"b":1}'),
    "the same known key again": run(b'"TIME":"",', b"{", b'"b":1}'),
    "keys twice": TWICE,
    "keys twice in many objects": run(PADDING + b'{"a":1,"a":1},', b'{"X":[', b"1]}"),
    "keys twice under a long name": under_a_long_name(TWICE),
    "keys twice deep under names": deep_under_names(TWICE),
    "elements under a long name": under_a_long_name(run(PADDING + b"[],", b"[", b"1]")),
    "members under a long name": under_a_long_name(listed(lambda index: PADDING + b'"%07x":[]' % index, b"{", b"}")),
    "elements deep under names": deep_under_names(run(PADDING + b"[],", b"[", b"1]")),
    "unknown members": listed(lambda index: PADDING + b'"%07x":1' % index, packet()[:-1] + b",", b"}"),
    "unknown members with escapes": listed(
        lambda index: PADDING + b'"\\u0041%07x":1' % index, packet()[:-1] + b",", b"}"
    ),
    "unknown members like entries": listed(
        lambda index: PADDING + b'"MULTI_MSISDN_LIST[%07d]":1' % index, packet()[:-1] + b",", b"}"
    ),
    "METHOD and spaces": field("METHOD", b" ", b'"SMS_SEND_REQUEST'),
    "TIME of blanks": field("TIME", b" "),
    "TIME of digits": field("TIME", b"1"),
    "TIME in seconds and blanks": field("TIME", b" ", b'"1633060800.', b'x"'),
    "TIME of dots": field("TIME", b"p."),
    "a long route": field("ROUTE_ID", b"r"),
    "a long sender": field("ORIGINAL_ADDR", b"s"),
    "a long sender of blanks": field("ORIGINAL_ADDR", b"\\u007f"),
    "a long signature": field("SIGNATURE", b"["),
    "a text like its signature": signed,
    "VERSION": field("VERSION", b"2"),
    "a list of zeros": field("MULTI_MSISDN_LIST", PADDING + b"0,", b"[", b"0]"),
    "a list of empty objects": field("MULTI_MSISDN_LIST", PADDING + b"{},", b"[", b"{}]"),
    "a list as JSON in a string": field("MULTI_MSISDN_LIST", PADDING + b"{},", b'"[', b'{}]"'),
    "a list that is a number": field("MULTI_MSISDN_LIST", b"6"),
    "one long number": field("MULTI_MSISDN_LIST", b"6", b'[{"COUNTRY_CODE":852,"DEST_MSISDN":"', b'"}]'),
    "one number of plus signs": field("MULTI_MSISDN_LIST", b"+", b'[{"COUNTRY_CODE":852,"DEST_MSISDN":"', b'"}]'),
    "one number of blanks": field("MULTI_MSISDN_LIST", b" ", b'[{"COUNTRY_CODE":852,"DEST_MSISDN":"', b'6"}]'),
    "one number of zeros": field("MULTI_MSISDN_LIST", b"0", b'[{"COUNTRY_CODE":"44","DEST_MSISDN":"', b'"}]'),
    "one long country code": field("MULTI_MSISDN_LIST", b"8", b'[{"COUNTRY_CODE":"', b'","DEST_MSISDN":"6"}]'),
    "unknown members of one entry": field("MULTI_MSISDN_LIST", b'"a":1,', b"[{", b'"COUNTRY_CODE":"0"}]'),
    "two hundred entries, one of them long": lambda size: packet(
        MULTI_MSISDN_LIST=b'[{"DEST_MSISDN":"+852 67","X":"%b"}%b]' % (b"x" * size, b',{"DEST_MSISDN":"+852 67"}' * 199)
    ),
    "keys without an end": run(b"AUTH_KEY", b'{"'),
    "keys beside each other": run(b"AUTH_KEY=", b'{"X":"', b'"}'),
    "keys and blanks": run(b'"AUTH_KEY" ', b"{"),
    "a key of backslashes": run(b"\\", b'{"AUTH_KEY":"', b'","X":"' + b"\\" * 100 + b'"}'),
    "a key before backslashes": run(b"\\", b'{"AUTH_KEY":"' + b"\\" * 204 + b'","X":"', b'"}'),
    "keys in keys": run(b'{"AUTH_KEY":', b"", b"1"),
    "a CUSTOMER_BODY of escapes": field("CUSTOMER_BODY", b"\\u0041", b'{"id":"', b'"}'),
    "a CUSTOMER_BODY of strings": field("CUSTOMER_BODY", b'"\\n","a",', b'{"id":[', b"1]}"),
    "a CUSTOMER_BODY of members": listed(
        lambda index: PADDING + b'"%07x":1' % index, packet()[:-1] + b',"CUSTOMER_BODY":{', b"}}"
    ),
    "a CUSTOMER_BODY of white space": field("CUSTOMER_BODY", b" ", b'{"id":', b"1}"),
    "a CUSTOMER_BODY in a string": field("CUSTOMER_BODY", b"[", b'"', b'"'),
}  # fmt: skip

TEXTS = (
    " ", "\t", "(", "( ", "(1/2)", "1/", "1 ", "(1 ", "/", "[", "[ ", "]", "${", "${{", "{{", "{{ ", "{%", "$", "\\",
    "1", "12 ", "code ", "otp", "验证码", "中", "é", "e\u0301", "😀", "’", "€", "{", "0", "a", "x1", "pm ", "ap.",
    "\u2028",
)  # fmt: skip
for text in TEXTS:
    unit = msgspec.json.encode(text)[1:-1]
    BODIES = {**BODIES, f"a text of {text!r}": field("SMS_CONTENT", unit)}


def _all_letters(size: int) -> bytes:
    return packet(SMS_CONTENT=msgspec.json.encode("".join(chr(0x4E00 + index % 20_000) for index in range(size // 3))))


BODIES = {**BODIES, "a text of all letters": _all_letters}


def _correction(body: bytes) -> object:
    return corrected(body, ACCOUNT, CorrectionContext(SPEC, "VerifyCode_516", NOON), key_is_known=True)


def _places(body: bytes) -> object:
    places = Places(body)
    paths = [f"$.MULTI_MSISDN_LIST[{index}].COUNTRY_CODE" for index in range(50)]
    return [places.of(path) for path in ("$", "$.X", "$.SERIAL", "$.VERSION", "$.X[0][0]", *paths)]


def _page(body: bytes) -> object:
    candidate = candidate_of(packet_module.decode(body), None, OBSERVED)
    found = diagnose(candidate, Circumstances(body, (), NOON, True))
    return marked_body(body, [BodyMark(each.path, 1, each.severity, each.rule) for each in found])


def _reading(body: bytes) -> object:
    candidate = candidate_of(packet_module.decode(body), None, SPEC)
    subject = subject_of(candidate, account="a", default_sender="", request=1, now=NOON, elapsed=NOON - NOON, state="")
    return (
        mask(body, None), scan(body), too_deep(body), duplicate_keys(body),
        audit(1, 200, body), pretty_json(body),
        echoes_of(candidate), destinations_of(candidate), subject, bill_of_packet(candidate.packet, SPEC, None),
    )  # fmt: skip


WORK: list[Callable[[bytes], object]] = [_reading, _correction, _places, _page]


@pytest.mark.parametrize("shape", BODIES)
def test_reading_a_body_takes_linear_time(shape: str) -> None:
    make = cache(BODIES[shape])

    assert_linear([Case(work.__name__.strip("_"), work, make) for work in WORK])
