r"""How far a text is JSON: passing over one value, or over the members of an object, and saying where that stops.

Texts come with their escaped quotes blanked out (`quotes_bared`), so that every quote begins or ends a string and no
pattern has to look into one. Whether the escapes themselves are right is a question of its own (`bad_escape`).

Spec: Interface specification and communication principle.
"""

import re
from functools import cache
from typing import Literal

import msgspec

Ending = Literal["complete", "cut", "broken"]

MAXIMUM_NESTING = 100
TOO_DEEP = f"nested more than {MAXIMUM_NESTING} deep"


class Stop(msgspec.Struct, frozen=True):
    """Where reading stopped, and why: after a complete value, at the end of the text, or at what is not JSON."""

    ending: Ending
    reason: str
    offset: int
    misplaced: bool = False
    """Whether what is wrong is the character at `offset`; the reason then goes behind it."""


class Member(msgspec.Struct, frozen=True):
    """Where a member of an object lies: its name with the quotes, and its value with the white space behind it."""

    name: slice
    value: slice


_WHITE = rb"[ \t\n\r]*+"
_STRING = rb'"[^"\x00-\x1f]*+"'
_NUMBER = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?(?![-+.0-9eE])"
_SCALAR = rb"(?:%b|%b|true|false|null)" % (_STRING, _NUMBER)
_VALUE = rb"(?:%b|([\[{]))%b" % (_SCALAR, _WHITE)
_COMMA = rb"%b,%b" % (_WHITE, _WHITE)
_NAMED = rb"%b%b:%b" % (_STRING, _WHITE, _WHITE)

_NESTED = 4
"""Layers of containers that one match passes over: most containers of a deep nest are the innermost ones."""


def _nested(layers: int) -> bytes:
    """A scalar, or an array or object of such: so many containers deep, at least one."""
    value = _SCALAR
    for _ in range(layers):
        array = rb"\[%b(?:%b%b(?:,%b(?!\])|(?=\])))*+\]" % (_WHITE, value, _WHITE, _WHITE)
        object_ = rb"\{%b(?:%b%b%b(?:,%b(?!\})|(?=\})))*+\}" % (_WHITE, _NAMED, value, _WHITE, _WHITE)
        value = rb"(?:%b|%b|%b)" % (_SCALAR, array, object_)
    return value


_ONE_VALUE = re.compile(_VALUE)
# One match passes over a run of scalars; bounded, because `re` keeps a frame for each round.
_ELEMENTS = re.compile(rb"(?:%b%b){0,200}%b" % (_SCALAR, _COMMA, _VALUE))
_FIELDS = re.compile(rb"(?:%b%b%b){0,200}%b%b" % (_NAMED, _SCALAR, _COMMA, _NAMED, _VALUE))
_PLAIN_MEMBER = re.compile(rb"(%b)%b:%b(%b%b),%b" % (_STRING, _WHITE, _WHITE, _SCALAR, _WHITE, _WHITE))
_NAME = re.compile(rb"(%b)%b:%b" % (_STRING, _WHITE, _WHITE))
_OPENED = re.compile(rb"\[{1,100}+")
_OPENED_OBJECTS = re.compile(rb"(?:%b\{%b){1,100}+" % (_NAMED, _WHITE))
_CLOSED = re.compile(rb"\]{1,100}+|\}{1,100}+")
_PUNCTUATION = re.compile(rb"[\]},]" + _WHITE)
_SPACES = re.compile(_WHITE)

_STRING_SO_FAR = re.compile(rb'"[^"\x00-\x1f]*+')
_NUMBER_SO_FAR = re.compile(rb"-?(?:(?:0|[1-9][0-9]*+)(?:\.[0-9]*+)?(?:(?<=[0-9])[eE][+-]?[0-9]*+)?)?")
_BAD_ESCAPE = re.compile(rb"\\(?![/bfnrt]|u[0-9a-fA-F]{4})")
_ESCAPE_SO_FAR = re.compile(rb"\\(?:u[0-9a-fA-F]{0,3})?")

_COMMA_BYTE, _ARRAY_ENDS, _OBJECT_ENDS = b",]}"
_CLOSERS = {b"[": _ARRAY_ENDS, b"{": _OBJECT_ENDS}
_CONTAINERS = {_ARRAY_ENDS: "an array", _OBJECT_ENDS: "an object"}
_DIGITS = b"0123456789"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def quotes_bared(body: bytes) -> bytes:
    r"""The body at the same length with `\\` and `\"` blanked out."""
    return body.replace(b"\\\\", b"__").replace(b'\\"', b"__") if b"\\" in body else body


def after_white_space(text: bytes, position: int) -> int:
    """The first offset from `position` on that is not JSON's white space."""
    found = _SPACES.match(text, position)
    return position if found is None else found.end()


def bad_utf8(body: bytes) -> Stop | None:
    """Where a body stops being UTF-8: cut when only the end of its last character is missing."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            return Stop("cut", "the body ends inside a UTF-8 sequence", error.start)
        return Stop("broken", f"byte 0x{body[error.start]:02X} is not UTF-8", error.start)
    return None


def bad_escape(text: bytes) -> Stop | None:
    """The first backslash that begins no escape of JSON: cut when only the end of the escape is missing."""
    found = _BAD_ESCAPE.search(text)
    if found is None:
        return None
    if _ESCAPE_SO_FAR.fullmatch(text, found.start()):
        return Stop("cut", "the body ends inside an escape", found.start())
    return Stop("broken", "not an escape of JSON", found.start())


def pass_value(text: bytes, position: int, depth: int = 0) -> Stop:
    """Pass over the value at `position`, which lies inside `depth` containers, and over the white space behind it."""
    return _pass(text, position, depth, bytearray())


def pass_rest(text: bytes, position: int) -> Stop:
    """Pass over the members of the outermost object from the name at `position` on, and over its end."""
    return _pass(text, position, 0, bytearray(b"}"))


def _pass(text: bytes, position: int, depth: int, closers: bytearray) -> Stop:
    items = _items_in(closers, depth) if closers else _ONE_VALUE
    while True:
        found = items.match(text, position)
        if found is None:
            in_object = bool(closers) and closers[-1] == _OBJECT_ENDS
            return _no_name(text, position) if in_object else _no_value(text, position)
        position = found.end()
        opener = found[1]
        if opener is not None:
            if depth + len(closers) == MAXIMUM_NESTING:
                return Stop("broken", TOO_DEEP, found.start(1))
            closers.append(_CLOSERS[opener])
            position = _pass_opened(text, position, depth, closers)
            if text[position : position + 1] != closers[-1:]:
                items = _items_in(closers, depth)
                continue
        while closers:
            punctuation = _PUNCTUATION.match(text, position)
            byte = text[position] if punctuation else None
            if punctuation is None or byte not in (closers[-1], _COMMA_BYTE):
                return _no_punctuation(text, position, closers[-1])
            if byte == _COMMA_BYTE:
                position = punctuation.end()
                items = _items_in(closers, depth)
                break
            position = _pass_closed(text, punctuation, closers)
        else:
            return Stop("complete", "", position)


def _pass_opened(text: bytes, position: int, depth: int, closers: bytearray) -> int:
    """Pass over the containers of the same kind that begin at `position`, one right inside the other.

    Arrays as far as they are not too deep; objects, each the first field of the one around it, if none is.
    """
    room = MAXIMUM_NESTING - depth - len(closers)
    if closers[-1] == _OBJECT_ENDS:
        opened = _OPENED_OBJECTS.match(text, position)
        count = 0 if opened is None else opened[0].count(b'"') // 2
        if opened is None or count > room:
            return position
        closers.extend(bytes((_OBJECT_ENDS,)) * count)
        return opened.end()
    opened = _OPENED.match(text, position)
    if opened is None:
        return position
    count = min(len(opened[0]), room)
    closers.extend(bytes((_ARRAY_ENDS,)) * count)
    return after_white_space(text, position + count)


def _pass_closed(text: bytes, punctuation: re.Match[bytes], closers: bytearray) -> int:
    """Pass over the end of the innermost container, and over those around it, all of one kind, that end right there."""
    position = punctuation.end()
    closers.pop()
    if (closed := _CLOSED.match(text, position)) is None:
        return position
    count = min(len(closed[0]), len(closers) - len(closers.rstrip(closed[0][:1])))
    if count:
        del closers[-count:]
        position = after_white_space(text, position + count)
    return position


@cache
def _items_of(layers: int) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """What passes over elements and over fields, containers so deep among them. Made when a body is first refused."""
    shallow = _nested(layers)
    elements = re.compile(rb"(?:%b%b){0,200}%b" % (shallow, _COMMA, _VALUE))
    return elements, re.compile(rb"(?:%b%b%b){0,200}%b%b" % (_NAMED, shallow, _COMMA, _NAMED, _VALUE))


def _items_in(closers: bytearray, depth: int) -> re.Pattern[bytes]:
    """What passes over the items of a container; over shallow containers among them as far as they are not too deep."""
    layers = min(_NESTED, MAXIMUM_NESTING - depth - len(closers))
    elements, fields = _items_of(layers) if layers else (_ELEMENTS, _FIELDS)
    return fields if closers[-1] == _OBJECT_ENDS else elements


def pass_members(text: bytes, position: int, most: int | None = None) -> tuple[list[Member], Stop]:
    """Pass over the object at `position`: its members as far as they are there whole, and where it stops.

    Behind the first `most` of them it is only found out where it stops.
    """
    members: list[Member] = []
    position = after_white_space(text, position + 1)
    if text[position : position + 1] == b"}":
        return members, Stop("complete", "", position + 1)
    while True:
        if most is not None and len(members) >= most:
            return members, pass_rest(text, position)
        plain = _PLAIN_MEMBER.match(text, position)
        if plain is not None:
            members.append(Member(slice(*plain.span(1)), slice(*plain.span(2))))
            position = plain.end()
            continue
        name = _NAME.match(text, position)
        if name is None:
            return members, _no_name(text, position)
        value = pass_value(text, name.end(), depth=1)
        if value.ending != "complete":
            return members, value
        # A number at the very end may have lost digits.
        if value.offset < len(text) or text[-1:] not in _DIGITS:
            members.append(Member(slice(*name.span(1)), slice(name.end(), value.offset)))
        punctuation = _PUNCTUATION.match(text, value.offset)
        if punctuation is None or text[value.offset] == _ARRAY_ENDS:
            return members, _no_punctuation(text, value.offset, _OBJECT_ENDS)
        if text[value.offset] == _OBJECT_ENDS:
            return members, Stop("complete", "", value.offset + 1)
        position = punctuation.end()


def _no_value(text: bytes, position: int) -> Stop:
    """Why no value begins at `position`."""
    first = text[position : position + 1]
    if not first:
        return Stop("cut", "the body ends where a value should begin", position)
    if first == b'"':
        return _no_string(text, position)
    if first in b"-" + _DIGITS:
        number = _NUMBER_SO_FAR.match(text, position)
        end = position if number is None else number.end()
        if end == len(text):
            return Stop("cut", "the body ends inside a number", end)
        return Stop("broken", "not a number of JSON", end)
    rest = text[position : position + 5]
    if position + len(rest) == len(text) and any(word.startswith(rest) for word in (b"true", b"false", b"null")):
        return Stop("cut", "the body ends inside a literal", len(text))
    if text.startswith(_BYTE_ORDER_MARK, position):
        return Stop("broken", "a byte order mark", position)
    return Stop("broken", "where a value should begin", position, misplaced=True)


def _no_name(text: bytes, position: int) -> Stop:
    """Why no member of an object begins at `position`."""
    name = _NAME.match(text, position)
    if name is not None:
        return _no_value(text, name.end())
    if position == len(text):
        return Stop("cut", "the body ends inside an object", position)
    if text[position] != ord('"'):
        return Stop("broken", "where a name in double quotes should begin", position, misplaced=True)
    end = text.find(b'"', position + 1)
    if end < 0 or _STRING_SO_FAR.fullmatch(text, position, end) is None:
        return _no_string(text, position)
    end = after_white_space(text, end + 1)
    if end == len(text):
        return Stop("cut", "the body ends before a colon", end)
    return Stop("broken", "where a colon should stand", end, misplaced=True)


def _no_string(text: bytes, position: int) -> Stop:
    """Why the quote at `position` begins no string."""
    string = _STRING_SO_FAR.match(text, position)
    end = position if string is None else string.end()
    if end == len(text):
        return Stop("cut", "the body ends inside a string", end)
    return Stop("broken", f"control character 0x{text[end]:02X} inside a string", end)


def _no_punctuation(text: bytes, position: int, closer: int) -> Stop:
    """Why neither a comma nor `closer` stands at `position`."""
    if position == len(text):
        return Stop("cut", f"the body ends inside {_CONTAINERS[closer]}", position)
    return Stop("broken", f"where a comma or {chr(closer)} should stand", position, misplaced=True)
