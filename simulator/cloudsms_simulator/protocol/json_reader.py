r"""How far a text is JSON: passing over one value, or over the members of an object, and saying where that stops.

Texts come with their escaped quotes blanked out (`quotes_bared`), so that every quote begins or ends a string and no
pattern has to look into one. Whether the escapes themselves are right is a question of its own (`bad_escape`).

Spec: Interface specification and communication principle.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate, islice
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

_SCALAR = re.compile(rb"(?:%b|%b|true|false|null)%b" % (_STRING, _NUMBER, _WHITE))
_NAME = re.compile(rb"(%b)%b:%b" % (_STRING, _WHITE, _WHITE))
_PUNCTUATION = re.compile(rb"[\]},]" + _WHITE)
_SPACES = re.compile(_WHITE)
_TO_BRACKET = re.compile(rb'(?:[^\[\]{}"]++|"[^"]*+")*+[\[\]{}]')

_STRING_SO_FAR = re.compile(rb'"[^"\x00-\x1f]*+')
_NUMBER_SO_FAR = re.compile(rb"-?(?:(?:0|[1-9][0-9]*+)(?:\.[0-9]*+)?(?:(?<=[0-9])[eE][+-]?[0-9]*+)?)?")
_BAD_ESCAPE = re.compile(rb"\\(?![/bfnrt]|u[0-9a-fA-F]{4})")
_ESCAPE_SO_FAR = re.compile(rb"\\(?:u[0-9a-fA-F]{0,3})?")

_COMMA, _ARRAY_ENDS, _OBJECT_ENDS = b",]}"
_CLOSERS = {ord("["): _ARRAY_ENDS, ord("{"): _OBJECT_ENDS}
_CONTAINERS = {_ARRAY_ENDS: "an array", _OBJECT_ENDS: "an object"}
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ONE_DEEPER_OR_LESS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_DIGITS = b"0123456789"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_DECODER = msgspec.json.Decoder(msgspec.Raw)
_ENDED = "trailing characters"
_REACHED = re.compile(r"\(byte ([0-9]{1,9})\)")
_CHUNK = 0x10000


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


def brackets_of(text: bytes) -> Iterator[tuple[int, bytes]]:
    """The brackets of a text that stand outside its strings, 64 KiB after 64 KiB, each with where they may begin.

    Others get their turn between two, and little memory is taken at a time.
    """
    in_string = False
    for begin in range(0, len(text), _CHUNK):
        parts = text[begin : begin + _CHUNK].split(b'"')
        outside = b"".join(parts[in_string::2])
        yield begin + (len(parts[0]) + 1 if in_string else 0), outside.translate(None, _ALL_BUT_BRACKETS)
        in_string ^= len(parts) % 2 == 0


class Reader:
    """Passes over the values of one text, as far as they are JSON nested at most 100 deep.

    A decoder finds in one go how far a container is in order. It is not shown what is too deep. Why it stopped is found
    out from the last item that it passed whole. Linear in time.
    """

    def __init__(self, text: bytes) -> None:
        self._text = text

    def value(self, position: int) -> Stop:
        """Pass over the value at `position`, and over the white space behind it.

        All before it has to be JSON as far as it goes, so that what it stands in is known.
        """
        if self._text[position : position + 1] not in (b"[", b"{"):
            scalar = _SCALAR.match(self._text, position)
            return self._no_value(position) if scalar is None else Stop("complete", "", scalar.end())
        try:
            _DECODER.decode(self._shown[position:])
        except msgspec.DecodeError as error:
            found = _REACHED.search(str(error))
            # It says how far it read, which is behind the first octet of what is wrong or too much.
            reached = len(self._shown) if found is None else position + int(found[1]) - 1
            if _ENDED not in str(error):
                return self._stop(position, reached)
            return Stop("complete", "", reached)
        return Stop("complete", "", len(self._shown))

    def members(self, start: int, most: int | None = None) -> tuple[list[Member], Stop]:
        """Pass over the object at `start`: its members as far as they are there whole, and where it stops.

        Behind the first `most` of them it is only found out where it stops.
        """
        text = self._text
        members: list[Member] = []
        position = after_white_space(text, start + 1)
        if text[position : position + 1] == b"}":
            return members, Stop("complete", "", position + 1)
        while most is None or len(members) < most:
            name = _NAME.match(text, position)
            if name is None:
                return members, self._no_name(position)
            value = self.value(name.end())
            if value.ending != "complete":
                return members, value
            # A number at the very end may have lost digits.
            if value.offset < len(text) or text[-1:] not in _DIGITS:
                members.append(Member(slice(*name.span(1)), slice(name.end(), value.offset)))
            punctuation = _PUNCTUATION.match(text, value.offset)
            if punctuation is None or text[value.offset] == _ARRAY_ENDS:
                return members, self._no_punctuation(value.offset, _OBJECT_ENDS)
            if text[value.offset] == _OBJECT_ENDS:
                return members, Stop("complete", "", value.offset + 1)
            position = punctuation.end()
        return members, self.value(start)

    @cached_property
    def _shown(self) -> memoryview:
        """What the decoder is shown of the text, an octet for an octet. Escapes are a question of their own."""
        return memoryview(self._text.replace(b"\\", b"_"))[: _too_deep(self._text)]

    def _stop(self, position: int, reached: int) -> Stop:
        """Where the container at `position` stops, of which the decoder came as far as `reached`."""
        text = self._text
        reached = max(position + 1, reached)
        if text.count(b'"', position, reached) % 2:
            reached = text.rfind(b'"', position, reached)
        item = -1
        while item < 0:
            quote = max(position, text.rfind(b'"', position, reached))
            item = max(text.rfind(before, quote, reached) for before in (b",", b"[", b"{"))
            reached = text.rfind(b'"', position, quote)
        opened = bytearray()
        for _, brackets in brackets_of(text[:item]):
            for bracket in brackets:
                if bracket in _CLOSERS:
                    opened.append(_CLOSERS[bracket])
                else:
                    opened.pop()
        return self._pass(item, opened)

    def _pass(self, position: int, closers: bytearray) -> Stop:
        """Pass over the rest of a text from the comma or the opening bracket at `position` on, a value at a time.

        What it stands in ends with `closers`, from the outside.
        """
        text = self._text
        while True:
            before = text[position]
            if before in _CLOSERS:
                if len(closers) == MAXIMUM_NESTING:
                    return Stop("broken", TOO_DEEP, position)
                closers.append(_CLOSERS[before])
            position = after_white_space(text, position + 1)
            if before == _COMMA or text[position : position + 1] != closers[-1:]:
                if closers[-1] == _OBJECT_ENDS:
                    name = _NAME.match(text, position)
                    if name is None:
                        return self._no_name(position)
                    position = name.end()
                if text[position : position + 1] in (b"[", b"{"):
                    continue
                scalar = _SCALAR.match(text, position)
                if scalar is None:
                    return self._no_value(position)
                position = scalar.end()
            while (punctuation := _PUNCTUATION.match(text, position)) and text[position] == closers[-1]:
                closers.pop()
                position = punctuation.end()
                if not closers:
                    return Stop("complete", "", position)
            if punctuation is None or text[position] != _COMMA:
                return self._no_punctuation(position, closers[-1])

    def _no_value(self, position: int) -> Stop:
        """Why no value begins at `position`."""
        text = self._text
        first = text[position : position + 1]
        if not first:
            return Stop("cut", "the body ends where a value should begin", position)
        if first == b'"':
            return self._no_string(position)
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

    def _no_name(self, position: int) -> Stop:
        """Why no member of an object begins at `position`."""
        text = self._text
        name = _NAME.match(text, position)
        if name is not None:
            return self._no_value(name.end())
        if position == len(text):
            return Stop("cut", "the body ends inside an object", position)
        if text[position] != ord('"'):
            return Stop("broken", "where a name in double quotes should begin", position, misplaced=True)
        end = text.find(b'"', position + 1)
        if end < 0 or _STRING_SO_FAR.fullmatch(text, position, end) is None:
            return self._no_string(position)
        end = after_white_space(text, end + 1)
        if end == len(text):
            return Stop("cut", "the body ends before a colon", end)
        return Stop("broken", "where a colon should stand", end, misplaced=True)

    def _no_string(self, position: int) -> Stop:
        """Why the quote at `position` begins no string."""
        text = self._text
        string = _STRING_SO_FAR.match(text, position)
        end = position if string is None else string.end()
        if end == len(text):
            return Stop("cut", "the body ends inside a string", end)
        return Stop("broken", f"control character 0x{text[end]:02X} inside a string", end)

    def _no_punctuation(self, position: int, closer: int) -> Stop:
        """Why neither a comma nor `closer` stands at `position`."""
        text = self._text
        if position == len(text):
            return Stop("cut", f"the body ends inside {_CONTAINERS[closer]}", position)
        return Stop("broken", f"where a comma or {chr(closer)} should stand", position, misplaced=True)


def _too_deep(text: bytes) -> int | None:
    """Where the first container begins that lies in a hundred others, if all before it is JSON."""
    if text.count(b"[") + text.count(b"{") <= MAXIMUM_NESTING:
        return None
    depth = 0
    for begin, brackets in brackets_of(text):
        steps = memoryview(brackets.translate(_ONE_DEEPER_OR_LESS)).cast("b")
        depths = list(accumulate(steps, initial=depth))
        if max(depths) > MAXIMUM_NESTING:
            before = depths.index(MAXIMUM_NESTING + 1) - 1
            return next(islice(_TO_BRACKET.finditer(text, begin), before, None)).end() - 1
        depth = depths[-1]
    return None
