"""What a body is as JSON: complete, cut off, or broken, how far it could be read, and where each value lies in it.

msgspec's decoder only says that it refused. Whether a packet lost its tail or never was JSON decides between two
result codes, so `scan` reads from left to right and knows when it ran out of input. `JsonReader` passes over one
value, or over the members of an object, and says where that stops. `Places` finds the octets that a finding's path
(`$.MULTI_MSISDN_LIST[3].COUNTRY_CODE`) is about; nothing but names is decoded for it. `duplicate_keys` and `too_deep`
answer two questions that no decoder is asked.

Texts come with their escaped quotes blanked out (`quotes_bared`), so that every quote begins or ends a string and no
pattern has to look into one. Whether the escapes themselves are right is a question of its own (`bad_escape`). All of
it takes linear time, is never recursive and raises nothing, whatever comes.

Spec: Interface specification and communication principle. Spec: RESULT_CODE and RESULT_DESC, Lost_info and
Invalid_context.
"""

import json
import re
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate, islice
from typing import Literal

import msgspec

from cloudsms_simulator.expressions import lazy_pattern

# Reading from left to right: where a value ends, or stops being JSON.

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

_SCALAR = lazy_pattern(rb"(?:%b|%b|true|false|null)%b" % (_STRING, _NUMBER, _WHITE))
_NAME = lazy_pattern(rb"(%b)%b:%b" % (_STRING, _WHITE, _WHITE))
_PUNCTUATION = lazy_pattern(rb"[\]},]" + _WHITE)
_SPACES = lazy_pattern(_WHITE)
_TO_BRACKET = lazy_pattern(rb'(?:[^\[\]{}"]++|"[^"]*+")*+[\[\]{}]')

_STRING_SO_FAR = lazy_pattern(rb'"[^"\x00-\x1f]*+')
_NUMBER_SO_FAR = lazy_pattern(rb"-?(?:(?:0|[1-9][0-9]*+)(?:\.[0-9]*+)?(?:(?<=[0-9])[eE][+-]?[0-9]*+)?)?")
_BAD_ESCAPE = lazy_pattern(rb"\\(?![/bfnrt]|u[0-9a-fA-F]{4})")
_ESCAPE_SO_FAR = lazy_pattern(rb"\\(?:u[0-9a-fA-F]{0,3})?")

_COMMA, _ARRAY_ENDS, _OBJECT_ENDS = b",]}"
_CLOSERS = {ord("["): _ARRAY_ENDS, ord("{"): _OBJECT_ENDS}
_CONTAINERS = {_ARRAY_ENDS: "an array", _OBJECT_ENDS: "an object"}
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ONE_DEEPER_OR_LESS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_DIGITS = b"0123456789"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_DECODER = msgspec.json.Decoder(msgspec.Raw)
_ENDED = "trailing characters"
_REACHED = lazy_pattern(r"\(byte ([0-9]{1,9})\)")
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

    Other threads can run between two chunks, and little memory is taken at a time.
    """
    in_string = False
    for begin in range(0, len(text), _CHUNK):
        parts = text[begin : begin + _CHUNK].split(b'"')
        outside = b"".join(parts[in_string::2])
        yield begin + (len(parts[0]) + 1 if in_string else 0), outside.translate(None, _ALL_BUT_BRACKETS)
        in_string ^= len(parts) % 2 == 0


class JsonReader:
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


# A whole body: complete, cut or broken.

JsonKind = Literal["object", "array", "string", "number", "literal"]

LONE_SURROGATE = "lone surrogate"


class Scan(msgspec.Struct, frozen=True):
    """What `scan` found out about a body."""

    ending: Ending
    reason: str
    """Why it is cut or broken; empty when complete."""
    offset: int
    """The byte where it is cut or broken; for a complete value the byte after it."""
    end: int
    """The byte after the outermost value, or where reading it stopped."""
    kind: JsonKind | None
    """What the outermost value is; None when its first byte does not tell."""
    surplus: bool
    """The value is followed by bytes that are not white space."""
    members: tuple[tuple[str, bytes], ...]
    """Name and raw value of each complete member of the outermost object, in order, duplicates included.

    Of more than 1,000 the first ones.
    """


_KINDS: tuple[tuple[bytes, JsonKind], ...] = (
    (b"{", "object"),
    (b"[", "array"),
    (b'"', "string"),
    (b"-0123456789", "number"),
    (b"tfn", "literal"),
)
_WHITE_SPACE = b" \t\n\r"
_HIGH = rb"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_LONE = lazy_pattern(rb"%b(?!%b)|(?<!%b)%b" % (_HIGH, _LOW, _HIGH, _LOW))
_ALL_SQUARE = bytes.maketrans(b"{}", b"[]")
_PEELED = 8
"""Layers of the innermost containers that are taken away before the rest is walked over, a run of brackets at a time.

Each layer that is left takes a run less: after eight there are an eighth as many runs as there were brackets, at most.
"""
_RUNS = lazy_pattern(rb"\[++|\]++")

MOST_MEMBERS = 1_000
"""Members of the outermost object that are told apart; a packet has sixteen."""


def scan(body: bytes) -> Scan:
    """Read a body as one JSON value: strict RFC 8259, strict UTF-8, containers at most 100 deep.

    The first error from the left decides. Running out of input is `cut`, be it inside a literal, a number, an escape
    or a UTF-8 sequence; anything else is `broken`. A lone surrogate breaks only a body that is otherwise complete.
    Bytes after the value leave it complete, with `surplus`. An empty body is cut, and its `kind` is None.

    Linear in time, never recursive, raises nothing.
    """
    bared = quotes_bared(body)
    not_text = bad_utf8(body)
    text = bared if not_text is None else bared[: not_text.offset]
    not_escape = bad_escape(bared)
    if not_escape is not None and not_escape.offset >= len(text):
        not_escape = None
    if not_escape is not None:
        # Its backslash stays: inside a string reading ends behind it, anywhere else the backslash is no JSON.
        text = text[: not_escape.offset + 1]
    begin = after_white_space(text, 0)
    first = text[begin : begin + 1]
    reader = JsonReader(text)
    members, stop = reader.members(begin, MOST_MEMBERS) if first == b"{" else ([], reader.value(begin))
    end = stop.offset
    surplus = False
    if stop.ending == "complete":
        end = len(text[:end].rstrip(_WHITE_SPACE))
        surplus = after_white_space(body, end) < len(body)
        lone = _LONE.search(bared, 0, end) if b"\\u" in bared else None
        # Behind the value a wrong escape is only more surplus, but bytes that are no UTF-8 are no text at all.
        stop = not_text or Stop("complete", "", end)
        if lone is not None and stop.ending == "complete":
            stop = Stop("broken", LONE_SURROGATE, lone.start())
    elif stop.ending == "cut":
        stop = not_escape or not_text or stop
    return Scan(
        ending=stop.ending,
        reason=f"{_character(body, stop.offset)} {stop.reason}" if stop.misplaced else stop.reason,
        offset=stop.offset,
        end=end,
        kind=next((kind for firsts, kind in _KINDS if first and first in firsts), None),
        surplus=surplus,
        members=tuple((member_name(body[each.name]), body[each.value].rstrip(_WHITE_SPACE)) for each in members),
    )


def _character(body: bytes, offset: int) -> str:
    """The character there, quoted. No more than that one: what follows may be an AUTH_KEY."""
    return msgspec.json.encode(body[offset : offset + 4].decode("utf-8", "ignore")[:1]).decode()


def too_deep(body: bytes) -> bool:
    """Whether a body that is JSON, as far as a decoder reads it, is nested more than 100 deep.

    Linear, and never slow: brackets are all it looks at, the innermost ones first.
    """
    if body.count(b"[") + body.count(b"{") <= MAXIMUM_NESTING:
        return False
    left = b"".join(brackets for _, brackets in brackets_of(quotes_bared(body))).translate(_ALL_SQUARE)
    for _ in range(_PEELED):
        left = left.replace(b"[]", b"")
    deepest = depth = 0
    for run in _RUNS.findall(left):
        depth += len(run) if run.startswith(b"[") else -len(run)
        deepest = max(deepest, depth)
    return deepest > 0 and deepest + _PEELED > MAXIMUM_NESTING


# One string of a body that need not be JSON.

_WHOLE_STRING = lazy_pattern(
    # A quote before a comma, a colon or a closing bracket ends a string. Where it begins one, one before is missing.
    # One behind a backslash begins none: whoever tried each of those would pass over the rest of the body every time.
    rb'(?<!\\)"(?![ \t\r\n]*+[,:}\]])(?:[^"\\\x00-\x1f]++|\\.)*+"',
    re.DOTALL,
)
_STRING_MEMBER = lazy_pattern(
    rb'(?<!\\)(?P<name>"(?:[A-Z_]|\\u00[0-7][0-9a-fA-F]){1,32}+")[ \t\r\n]*+:[ \t\r\n]*+'
    rb'(?P<value>"(?:[^"\\\x00-\x1f]++|\\.)*+")',
    re.DOTALL,
)
"""A member whose name is that of a field, however it is spelled, and whose value is a whole string."""


def last_string_of(body: bytes, name: str) -> str | None:
    """The string that a member of that name has in a body that need not be JSON; of several the last one counts.

    Only members that are there whole, and stand in no object inside another, count; what stands before them, such as a
    byte order mark, an octet that is no UTF-8 or a token that is none, does not matter. Linear in time.
    """
    quoted, values, depth, behind = b'"%b"' % name.encode(), [], 0, 0
    for member in _STRING_MEMBER.finditer(body):
        named = member["name"]
        if named != quoted and (b"\\" not in named or _string(named) != name):
            continue
        around = _WHOLE_STRING.sub(b"", body[behind : member.start()])
        depth += around.count(b"{") - around.count(b"}")
        behind = member.end()
        if depth <= 1:
            values.append(member["value"])
    texts = map(_string, reversed(values))
    return next((text for text in texts if text is not None), None)


def _string(quoted: bytes) -> str | None:
    """The text of a JSON string; None when it is none."""
    try:
        text: str = json.loads(quoted)
    except ValueError:
        return None
    return text


# Names that occur twice.

MOST_DUPLICATES = 20
"""Paths of duplicate keys that `duplicate_keys` lists at most."""
MOST_WALKED = 10_000
"""Values of a body that are walked over for the paths of duplicate keys."""
_LONGEST_PATH = 1000
_LEFT_OUT = "[…]"


class Duplicates(msgspec.Struct, frozen=True):
    """The paths of names that occur more than once in their object, and whether there may be more of them."""

    paths: tuple[str, ...]
    more: bool


def duplicate_keys(body: bytes) -> Duplicates:
    """JSON paths of names that occur more than once in their object; none when the body cannot be read.

    At most 20 are told, and at most 10,000 values are walked over to find where they are. A path has at most 1,000
    characters; of a longer one the rest is left out, and `[…]` says so.
    """
    has_any = False

    def pairs_of(pairs: list[tuple[str, object]]) -> tuple[tuple[str, object], ...]:
        nonlocal has_any
        has_any = has_any or len(dict(pairs)) < len(pairs)
        return tuple(pairs)

    try:
        outermost: object = json.loads(body, object_pairs_hook=pairs_of, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return _NO_DUPLICATES
    if not has_any:
        return _NO_DUPLICATES
    found: dict[str, None] = {}
    waiting: list[tuple[_Trail, object]] = [(_Trail("$"), outermost)]
    walked = 0
    while waiting and len(found) <= MOST_DUPLICATES and walked <= MOST_WALKED:
        trail, value = waiting.pop()
        inner: list[tuple[str | int, object]] = []
        if isinstance(value, list):
            inner = list(enumerate(value[:MOST_WALKED]))
        elif isinstance(value, tuple):
            inner = list(value[:MOST_WALKED])
            if twice := list(_twice(inner)):
                begin = trail.path
                found |= dict.fromkeys(_cut(begin + _step(name)) for name in twice)
        walked += 1 + len(inner)
        waiting.extend((_Trail(step, trail), each) for step, each in reversed(inner) if isinstance(each, list | tuple))
    paths = tuple(islice(found, MOST_DUPLICATES))
    return Duplicates(paths, len(found) > len(paths) or bool(waiting))


_NO_DUPLICATES = Duplicates((), more=False)


def _twice(members: list[tuple[str | int, object]]) -> Iterator[str | int]:
    """Yields the names that more than one member has."""
    seen: set[str | int] = set()
    for name, _ in members:
        if name in seen:
            yield name
        seen.add(name)


class _Trail(msgspec.Struct, frozen=True):
    """The way to a value; its path is written only when somebody wants it, as there are many ways and few of those."""

    step: str | int
    before: "_Trail | None" = None

    @property
    def path(self) -> str:
        """The JSON path, or as much of it as a path may have."""
        steps: list[str] = []
        trail = self
        while trail.before is not None:
            steps.append(_step(trail.step))
            trail = trail.before
        return _cut("$" + "".join(reversed(steps)))


def member_name(quoted: bytes) -> str:
    """The name of a member, as its quotes and escapes spell it."""
    if b"\\" not in quoted:
        return quoted[1:-1].decode()
    return _printable(json.loads(quoted))


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    name = step[: _LONGEST_PATH + 1]
    return f".{name}" if name.isidentifier() else f"[{json.dumps(_printable(name), ensure_ascii=False)}]"


def _cut(path: str) -> str:
    """A path, the end of a long one left out: `$.A.B[…]`, which leads nowhere."""
    return path if len(path) <= _LONGEST_PATH else f"{path[:_LONGEST_PATH].removesuffix(_LEFT_OUT)}{_LEFT_OUT}"


def _printable(text: str) -> str:
    """A text with halves of surrogate pairs replaced, so that it can be written as UTF-8."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


# Where each value lies.

_PATH_STEP = lazy_pattern(
    r'\.(?P<name>[^.\[\]"]+)|\[(?P<index>[0-9]{1,9})\]|\[(?P<quoted>"[^"\\]*+(?:\\.[^"\\]*+)*+")\]'
)

PathStep = str | int


class Place(msgspec.Struct, frozen=True):
    """Octets of a body.

    Of what is not there (`is_there`) the place is empty, where it would stand, or that of the value it would be in.
    """

    start: int
    end: int
    is_there: bool = True


class Places:
    """Finds the places of values in one body; looking for many of them costs little more than for one."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._text = quotes_bared(body)
        self._reader = JsonReader(self._text)
        self._known: dict[int, dict[PathStep, Place]] = {}
        self._outermost: Place | None = None

    def of(self, path: str) -> Place | None:
        """Returns the place of a path such as `$.MULTI_MSISDN_LIST[3].COUNTRY_CODE`; of equal names the last counts.

        None for a path that is none, such as `headers`, and for a body that cannot be read so far.
        """
        steps = _steps(path)
        if steps is None:
            return None
        place = self._outermost = self._outermost or self._all()
        if place.start == len(self._text):
            return None
        for step in steps:
            inside = self._inside(place)
            if inside is None:
                return Place(place.start, place.end, is_there=False)
            if step not in inside:
                return self._end_of(place)
            place = inside[step]
        return place

    def _inside(self, place: Place) -> dict[PathStep, Place] | None:
        """What stands in an object or an array; None for anything else."""
        if self._text[place.start : place.start + 1] not in (b"{", b"["):
            return None
        if place.start not in self._known:
            is_object = self._text[place.start] == ord("{")
            self._known[place.start] = self._members(place.start) if is_object else self._elements(place.start)
        return self._known[place.start]

    def _members(self, start: int) -> dict[PathStep, Place]:
        members, _ = self._reader.members(start)
        return {
            member_name(self._body[each.name]): self._trimmed(each.value.start, each.value.stop) for each in members
        }

    def _elements(self, start: int) -> dict[PathStep, Place]:
        found: dict[PathStep, Place] = {}
        position = after_white_space(self._text, start + 1)
        while self._text[position : position + 1] not in (b"", b"]"):
            stop = self._reader.value(position)
            if stop.ending != "complete":
                break
            found[len(found)] = self._trimmed(position, stop.offset)
            if self._text[stop.offset : stop.offset + 1] != b",":
                break
            position = after_white_space(self._text, stop.offset + 1)
        return found

    def _all(self) -> Place:
        """The outermost value; an empty place at the end when there is none."""
        begin = after_white_space(self._text, 0)
        return self._trimmed(begin, self._reader.value(begin).offset)

    def _trimmed(self, start: int, end: int) -> Place:
        return Place(start, start + len(self._text[start:end].rstrip(_WHITE_SPACE)))

    def _end_of(self, place: Place) -> Place:
        """Returns the empty place where one more member or element would stand."""
        closed = self._text[place.end - 1 : place.end] in (b"}", b"]")
        inner = self._text[place.start : place.end - 1 if closed else place.end]
        at = place.start + len(inner.rstrip(_WHITE_SPACE))
        return Place(at, at, is_there=False)


def _steps(path: str) -> list[PathStep] | None:
    """The names and indexes of a path; None for what is no path from the outermost value on."""
    if not path.startswith("$"):
        return None
    steps: list[PathStep] = []
    position = 1
    while position < len(path):
        step = _PATH_STEP.match(path, position)
        if step is None:
            return None
        quoted, index = step["quoted"], step["index"]
        steps.append(int(index) if index else step["name"] if quoted is None else member_name(quoted.encode()))
        position = step.end()
    return steps
