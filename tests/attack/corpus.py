"""The hostile corpus: requests that are made to stop, to swell or to mislead a server, and what each must be answered.

An input is made at any size. Each is one kind of trouble: a scan that may go back, a list that may be walked, an
escape that may be decoded too often. What is right to answer is written beside it, as the order of checks has it.

Spec: Request UIP Format; RESULT_CODE and RESULT_DESC. Reading: R3.
"""

import gzip
import json
from collections.abc import Callable

import msgspec

from cloudsms_simulator.engine.account import DEFAULT_AUTH_KEY

KEY = DEFAULT_AUTH_KEY

OK = 1
EMPTY = 0x04
INVALID_PARAMETER = 0x10000001
INVALID_CONTEXT = 0x10000003
LOST_INFO = 0x10000007
NOTHING_IN_IT = 0x1000000D
INVALID_VERSION = 0x10000010

_FIELDS: dict[str, object] = {
    "METHOD": "SMS_SEND_REQUEST",
    "TYPE": "REQUEST",
    "SERIAL": 1,
    "TIME": "2026-01-01 12:00:00",
    "AUTH_KEY": KEY,
    "VERSION": "2021-01-01",
    "ROUTE_ID": "VerifyCode_516",
    "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}],
    "SMS_CONTENT": "Your code is 123345",
}


class Attack(msgspec.Struct, frozen=True):
    """A body of a request to `/dave/io`, of at most any number of octets, and what it is answered."""

    name: str
    make: Callable[[int], bytes]
    code: int
    """RESULT_CODE of the answer."""
    headers: tuple[str, ...] = ()
    """Header lines beside Host and Content-Length."""


class Head(msgspec.Struct, frozen=True):
    """The target and the headers of a request whose body is a packet in order, and the HTTP status it is answered."""

    name: str
    target: Callable[[int], bytes]
    headers: Callable[[int], bytes]
    statuses: frozenset[int]


def padded(size: int) -> bytes:
    """A packet in order, padded to a size with one unknown string key: what the others are compared with."""
    return _filled("X", lambda room: b'"%b"' % (b"x" * room), size)


def _spelled(name: str, value: bytes) -> bytes:
    """A packet in order with one member more, or with another value for one of its members, as it is spelled."""
    members = {key: json.dumps(each).encode() for key, each in _FIELDS.items() if key != name}
    return b"{%b}" % b",".join(b'"%b":%b' % (key.encode(), each) for key, each in [*members.items(), (name, value)])


def _filled(name: str, value: Callable[[int], bytes], size: int) -> bytes:
    """A packet in order whose member `name` takes up what room there is."""
    room = max(0, size - len(_spelled(name, b'""')))
    return _spelled(name, value(room))


def _repeated(piece: bytes, room: int) -> bytes:
    """As many whole pieces as fit."""
    return piece * (room // len(piece))


def _string_of(piece: bytes) -> Callable[[int], bytes]:
    return lambda room: b'"%b"' % _repeated(piece, room)


def _member(name: str, value: Callable[[int], bytes]) -> Callable[[int], bytes]:
    return lambda size: _filled(name, value, size)


def _only(piece: bytes) -> Callable[[int], bytes]:
    return lambda size: _repeated(piece, size)


def _list_of(element: bytes) -> Callable[[int], bytes]:
    """An array of as many elements as fit."""
    return lambda room: b"[%b]" % _repeated(element + b",", room).rstrip(b",")


def _members_of(element: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """A packet in order, followed by as many members as fit; `element` writes one by its number, always as long."""

    def make(size: int) -> bytes:
        begin = _spelled("VERSION", b'"2021-01-01"')[:-1]
        count = max(0, size - len(begin) - 1) // (len(element(0)) + 1)
        return begin + b"".join(b"," + element(number) for number in range(count)) + b"}"

    return make


def _before(piece: bytes) -> Callable[[int], bytes]:
    """As many pieces as fit before a packet in order."""
    packet = _spelled("VERSION", b'"2021-01-01"')
    return lambda size: _repeated(piece, size - len(packet)) + packet


def _after(piece: bytes) -> Callable[[int], bytes]:
    """A packet in order, and as many pieces as fit behind it."""
    packet = _spelled("VERSION", b'"2021-01-01"')
    return lambda size: packet + _repeated(piece, size - len(packet))


def _cut(make: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """A body without its last two octets: the value ends inside a string, an array or a number."""
    return lambda size: make(size)[:-2]


def _nested(deep: int, opening: bytes = b"[", closing: bytes = b"]") -> Callable[[int], bytes]:
    """Values nested so deep, side by side in an array."""
    inner = b"0" if opening.endswith(b":") else b""
    return _list_of(opening * deep + inner + closing * deep)


def _batch(element: Callable[[int, int], bytes], count: int = 200) -> Callable[[int], bytes]:
    """A packet to so many destinations; `element` writes one by its number, of at most so many octets."""

    def make(size: int) -> bytes:
        def entries(room: int) -> bytes:
            return b"[%b]" % b",".join(element(number, room // count - 1) for number in range(count))

        return _filled("MULTI_MSISDN_LIST", entries, size)

    return make


def _destination_with(piece: bytes) -> Callable[[int, int], bytes]:
    """A destination in order with one unknown member that fills it."""

    def element(number: int, room: int) -> bytes:
        begin = b'{"COUNTRY_CODE":852,"DEST_MSISDN":"%d","X":"' % (67_000_000 + number)
        return begin + _repeated(piece, max(0, room - len(begin) - 2)) + b'"}'

    return element


def _number_of(piece: bytes) -> Callable[[int, int], bytes]:
    """A destination whose DEST_MSISDN fills it."""

    def element(_number: int, room: int) -> bytes:
        begin = b'{"COUNTRY_CODE":852,"DEST_MSISDN":"'
        return begin + _repeated(piece, max(40, room - len(begin) - 2)) + b'"}'

    return element


def _zipped(size: int) -> bytes:
    """A packet in order that was packed, but made no smaller."""
    return gzip.compress(padded(size - 400), compresslevel=0, mtime=0)


def _uip_v2(room: int) -> bytes:
    return b'{"METHOD":"SMS_SEND_REQUEST","SERIAL":1,"AUTH_KEY":"%b","X":[%b]}' % (
        KEY.encode(),
        _repeated(b'{"a":1},', max(0, room - 200)).rstrip(b","),
    )


def _lower_case(size: int) -> bytes:
    packet = {name.lower(): value for name, value in _FIELDS.items()}
    packet["x"] = "x" * max(0, size - len(json.dumps({**packet, "x": ""})))
    return json.dumps(packet).encode()


def _bodies() -> list[Attack]:
    key = KEY.encode()
    escaped_key = b"".join(b"\\u%04x" % octet for octet in key)
    content, unknown, listed = "SMS_CONTENT", "X", "MULTI_MSISDN_LIST"
    return [
        # Masking: what is, or looks like, an AUTH_KEY.
        Attack(
            "backslashes in AUTH_KEY and beside it",
            lambda size: b'{"AUTH_KEY":"%b","X":"%b"}' % (b"\\\\" * 102, b"\\\\" * ((size - 230) // 2)),
            INVALID_PARAMETER,
        ),
        Attack(
            "an AUTH_KEY of backslashes as long as the body",
            _member("AUTH_KEY", _string_of(b"\\\\")),
            INVALID_PARAMETER,
        ),
        Attack(
            "backslashes in a string that is cut off",
            lambda size: b'{"AUTH_KEY":"' + b"\\" * (size - 13 - (size - 13) % 2),
            LOST_INFO,
        ),
        Attack("a quarter of AUTH_KEY's name, over and over", _member(unknown, _string_of(b"auth")), OK),
        Attack("AUTH_KEY= over and over", _only(b"AUTH_KEY=" + key[:20] + b"&"), INVALID_CONTEXT),
        Attack("AUTH_KEY: over and over, each cut off", _only(b'"AUTH_KEY":"'), INVALID_CONTEXT),
        Attack("AUTH_KEY spelled in escapes", _members_of(lambda n: b'"\\u0041UTH_KE\\u0059":"%07d"' % n), 0x05),
        Attack("AUTH_KEY deep inside", _member(unknown, _list_of(b'{"AUTH_KEY":"%b"}' % key)), OK),
        Attack("the key over and over", _member(unknown, _string_of(key)), OK),
        Attack("all of the key but its end, over and over", _member(unknown, _string_of(key[:-1])), OK),
        Attack("the key's beginning, over and over", _member(unknown, _string_of(key[:8])), OK),
        Attack("the key in escapes, over and over", _member(unknown, _string_of(escaped_key)), OK),
        Attack("the key's beginning in escapes", _member(unknown, _string_of(escaped_key[: 6 * 80])), OK),
        Attack("slashes with backslashes", _member(unknown, _string_of(b"\\/")), OK),
        Attack("a key as long as the body", _member("AUTH_KEY", _string_of(b"k")), INVALID_PARAMETER),
        Attack("a key of escapes as long as the body", _member("AUTH_KEY", _string_of(b"\\u006b")), INVALID_PARAMETER),
        Attack("the key as ROUTE_ID, and more", _member("ROUTE_ID", _string_of(key)), INVALID_PARAMETER),
        # What is no JSON, or not all of it.
        Attack("nothing but white space", _only(b" \t\r\n"), EMPTY),
        Attack("white space before a packet", _before(b" "), OK),
        Attack("white space behind a packet", _after(b"\n"), OK),
        Attack("octets of zero", _only(b"\0"), INVALID_CONTEXT),
        Attack("octets of 255", _only(b"\xff"), INVALID_CONTEXT),
        Attack("every octet in turn", _only(bytes(range(256))), INVALID_CONTEXT),
        Attack("byte order marks before a packet", _before(b"\xef\xbb\xbf"), INVALID_CONTEXT),
        Attack("octets of GBK in a text", _member(content, _string_of(b"\xc4\xe3")), INVALID_CONTEXT),
        Attack("commas behind a packet", _after(b","), INVALID_CONTEXT),
        Attack("packets behind a packet", _after(b"{}"), INVALID_CONTEXT),
        Attack("quotation marks", _only(b'"'), INVALID_CONTEXT),
        Attack("opening brackets", _only(b"["), INVALID_CONTEXT),
        Attack("closing brackets", _only(b"]"), INVALID_CONTEXT),
        Attack("opening braces", _only(b"{"), INVALID_CONTEXT),
        Attack("objects inside objects", _only(b'{"a":'), INVALID_CONTEXT),
        Attack("arrays side by side, 95 deep", _member(unknown, _nested(95)), OK),
        Attack("objects side by side, 95 deep", _member(unknown, _nested(95, b'{"a":', b"}")), OK),
        Attack("arrays side by side, 101 deep", _member(unknown, _nested(101)), INVALID_CONTEXT),
        Attack("empty arrays", _member(unknown, _list_of(b"[]")), OK),
        Attack("brackets in strings", _member(unknown, _list_of(b'"[{"')), OK),
        Attack("digits", _only(b"1"), NOTHING_IN_IT),
        Attack("minus signs", _only(b"-"), INVALID_CONTEXT),
        Attack("a string", lambda size: b'"%b"' % (b"x" * (size - 2)), NOTHING_IN_IT),
        Attack("an array of zeros", lambda size: _list_of(b"0")(size - 2), NOTHING_IN_IT),
        Attack("an array of NaN", _member(unknown, _list_of(b"NaN")), INVALID_CONTEXT),
        Attack("backslashes outside of strings", _after(b"\\"), INVALID_CONTEXT),
        Attack("escapes that are none", _member(unknown, _string_of(b"\\x")), INVALID_CONTEXT),
        Attack("halves of surrogate pairs", _member(unknown, _string_of(b"\\ud800")), INVALID_CONTEXT),
        Attack("surrogate pairs the wrong way round", _member(content, _string_of(b"\\udc00\\ud800")), INVALID_CONTEXT),
        Attack("surrogate pairs", _member(unknown, _string_of(b"\\ud83d\\ude00")), OK),
        Attack("a packet cut off in a string", _cut(_member(unknown, _string_of(b"x"))), LOST_INFO),
        *(
            Attack(f"a packet cut off behind {name}", _cut(_member(unknown, _list_of(nest))), LOST_INFO)
            for name, nest in (
                ("nests of arrays", b"[[[[0]]]]"),
                ("nests of arrays with blanks", b"[ [ [ [ [ [ [0] ] ] ] ] ] ]"),
                ("nests of arrays with more beside each", b"[[[[[0,0],0],0],0],0]"),
                ("nests of objects", b'{"a":' * 9 + b"0" + b"}" * 9),
                ("nests of objects and arrays in turn", b'{"a":[{"a":[{"a":[{"a":[0]}]}]}]}'),
                ("empty arrays", b"[]"),
            )
        ),
        Attack(
            "a packet too deep behind nests of arrays",
            lambda size: _cut(_member(unknown, _list_of(b"[[[[0]]]]")))(size - 101) + b"[" * 101,
            INVALID_CONTEXT,
        ),
        Attack("a packet cut off after many members", _cut(_members_of(lambda n: b'"a%07d":"x"' % n)), LOST_INFO),
        Attack(
            "a form",
            _only(b"METHOD=SMS_SEND_REQUEST&"),
            INVALID_CONTEXT,
            ("Content-Type: application/x-www-form-urlencoded",),
        ),
        Attack("a web page", _only(b"<p>&nbsp;</p>"), INVALID_CONTEXT, ("Content-Type: text/html",)),
        Attack("a packet in gzip", _zipped, INVALID_CONTEXT, ("Content-Encoding: gzip",)),
        # Members: many, doubled, unknown.
        Attack("unknown members", _members_of(lambda n: b'"a%07d":0' % n), OK),
        Attack("unknown members with long names", _member("x" * 1000, _string_of(b"x")), OK),
        Attack("one member, over and over", _members_of(lambda _n: b'"a":0'), OK),
        Attack("METHOD, over and over", _members_of(lambda _n: b'"METHOD":"SMS_SEND_REQUEST"'), OK),
        Attack("doubled members in an array", _member(unknown, _list_of(b'{"a":0,"a":0}')), OK),
        Attack("names of backslashes", _members_of(lambda _n: b'"' + b"\\\\" * 100 + b'":0'), OK),
        Attack("fields of the next version", _member("uip_head", _uip_v2), INVALID_PARAMETER),
        Attack("a packet in lower case", _lower_case, INVALID_PARAMETER),
        Attack("fields that hold null", _members_of(lambda n: b'"N%07d":null' % n), OK),
        # Fields that are too long, or hold too much.
        Attack("SERIAL of digits", _member("SERIAL", lambda room: b"1" * room), INVALID_PARAMETER),
        Attack(
            "SERIAL with digits behind its point",
            _member("SERIAL", lambda room: b"1." + b"0" * (room - 2)),
            INVALID_PARAMETER,
        ),
        Attack(
            "SERIAL with a large exponent", _member("SERIAL", lambda room: b"1e" + b"9" * (room - 2)), INVALID_PARAMETER
        ),
        Attack("SERIAL as a string of digits", _member("SERIAL", _string_of(b"1")), INVALID_PARAMETER),
        Attack("METHOD of blanks", _member("METHOD", _string_of(b" ")), INVALID_PARAMETER),
        Attack("TIME of digits", _member("TIME", _string_of(b"1")), INVALID_PARAMETER),
        Attack("VERSION of blanks", _member("VERSION", _string_of(b" ")), INVALID_VERSION),
        Attack("ROUTE_ID of letters", _member("ROUTE_ID", _string_of(b"r")), INVALID_PARAMETER),
        Attack("ORIGINAL_ADDR of letters", _member("ORIGINAL_ADDR", _string_of(b"s")), INVALID_PARAMETER),
        Attack("SIGNATURE of brackets", _member("SIGNATURE", _string_of("【".encode())), INVALID_PARAMETER),
        Attack(
            "CUSTOMER_BODY of members",
            _member("CUSTOMER_BODY", lambda room: b'{"a":[%b]}' % _repeated(b"0,", room - 8).rstrip(b",")),
            INVALID_PARAMETER,
        ),
        Attack(
            "CUSTOMER_BODY of arrays, 95 deep",
            _member("CUSTOMER_BODY", lambda room: b'{"a":%b}' % _nested(95)(room - 8)),
            INVALID_PARAMETER,
        ),
        # Texts: each is too long to be sent.
        *(
            Attack(f"a text of {name}", _member(content, _string_of(piece.encode())), INVALID_CONTEXT)
            for name, piece in (
                ("blanks", " "),
                ("line feeds", "\\n"),
                ("digits", "7"),
                ("numbered parts", "(1/2) "),
                ("opening parentheses and digits", "(1"),
                ("openings of placeholders", "${"),
                ("openings of double braces", "{{"),
                ("placeholders", "${a}"),
                ("opening brackets", "["),
                ("opening lenticular brackets", "【"),
                ("signatures", "【a】"),
                ("percent signs", "%"),
                ("code, over and over", "code "),
                ("codes of four digits", "code 1234 "),
                ("hyphens and digits", "1-"),
                ("full-width digits", "１"),
                ("combining accents", "e\u0301"),
                ("accents alone", "\u0301"),
                ("a ligature that is eighteen letters", "\ufdfa"),
                ("dotted capital I", "\u0130"),
                ("Hangul", "각"),
                ("overrides of direction", "\u202e"),
                ("escape characters", "\\u001b[2J"),
                ("extension characters", "€"),
                ("emoji of families", "👨‍👩‍👧"),
                ("one curly quote each", "’"),
            )
        ),
        # Destinations.
        Attack("zeros as destinations", _member(listed, _list_of(b"0")), INVALID_PARAMETER),
        Attack("objects as destinations", _member(listed, _list_of(b"{}")), INVALID_PARAMETER),
        Attack(
            "too many destinations",
            _member(listed, _list_of(b'{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011"}')),
            INVALID_PARAMETER,
        ),
        Attack(
            "destinations as an object",
            _member(listed, lambda room: b'{"a":[%b]}' % _repeated(b"0,", room - 8).rstrip(b",")),
            INVALID_PARAMETER,
        ),
        Attack(
            "destinations as a text of JSON",
            _member(listed, lambda room: b'"%b"' % _list_of(b"0")(room - 2)),
            INVALID_PARAMETER,
        ),
        Attack("200 destinations with much beside", _batch(_destination_with(b"x")), OK),
        Attack("200 destinations with backslashes", _batch(_destination_with(b"\\\\")), OK),
        Attack("200 numbers of digits", _batch(_number_of(b"7")), INVALID_PARAMETER),
        Attack("200 numbers of full-width digits", _batch(_number_of("７".encode())), INVALID_PARAMETER),
        Attack("200 numbers of plus signs", _batch(_number_of(b"+")), INVALID_PARAMETER),
        Attack(
            "200 destinations that are strings",
            _batch(lambda _n, room: b'"%b"' % (b"7" * max(1, room - 2))),
            INVALID_PARAMETER,
        ),
        Attack(
            "200 country codes of digits",
            _batch(lambda _n, room: b'{"DEST_MSISDN":"67000011","COUNTRY_CODE":%b}' % (b"8" * max(9, room - 45))),
            INVALID_PARAMETER,
        ),
    ]


BODIES = tuple(_bodies())
"""Every hostile body."""

_TARGET = b"/dave/io"
_ANY_REFUSAL = frozenset({400, 404, 413, 414, 431})


def _header(name: bytes, piece: bytes) -> Callable[[int], bytes]:
    return lambda size: b"%b: %b\r\n" % (name, _repeated(piece, size - len(name) - 4))


HEADS = (
    Head("a header that is long", lambda _size: _TARGET, _header(b"X-Long", b"x"), frozenset({200, 400, 431})),
    Head("a header of keys", lambda _size: _TARGET, _header(b"X-Key", KEY.encode()), frozenset({200, 400, 431})),
    Head(
        "many headers",
        lambda _size: _TARGET,
        lambda size: b"".join(b"X-%07d: x\r\n" % number for number in range(size // 14)),
        frozenset({200, 400, 431}),
    ),
    Head(
        "many headers with a key each",
        lambda _size: _TARGET,
        lambda size: b"".join(b"X-%07d: %b\r\n" % (number, KEY.encode()) for number in range(size // (13 + len(KEY)))),
        frozenset({200, 400, 431}),
    ),
    Head("a cookie of pairs", lambda _size: _TARGET, _header(b"Cookie", b"a=b; "), frozenset({200, 400, 431})),
    Head("a path that is long", lambda size: b"/" + b"a" * (size - 1), lambda _size: b"", _ANY_REFUSAL),
    Head("a path of escapes", lambda size: b"/" + _repeated(b"%1b[2J", size - 1), lambda _size: b"", _ANY_REFUSAL),
    Head("a path of line feeds", lambda size: b"/" + _repeated(b"%0aERROR", size - 1), lambda _size: b"", _ANY_REFUSAL),
    Head(
        "a query of keys",
        lambda size: _TARGET + b"?" + _repeated(KEY.encode() + b"&", size - 9),
        lambda _size: b"",
        frozenset({200, *_ANY_REFUSAL}),
    ),
)
"""Every hostile head."""
