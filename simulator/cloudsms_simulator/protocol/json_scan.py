"""What a body is as JSON: complete, cut off, or broken, and how far it could be read.

The fast decoder only says that it refused. Whether a packet lost its tail or never was JSON decides between two result
codes, so this reading goes from left to right and knows when it ran out of input.

Spec: RESULT_CODE and RESULT_DESC, Lost_info and Invalid_context.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Literal

import msgspec

from cloudsms_simulator.protocol.json_reader import (
    MAXIMUM_NESTING,
    Ending,
    Reader,
    Stop,
    after_white_space,
    bad_escape,
    bad_utf8,
    brackets_of,
    quotes_bared,
)

Kind = Literal["object", "array", "string", "number", "literal"]

LONE_SURROGATE = "lone surrogate"
_LONGEST_PATH = 1000
_LEFT_OUT = "[…]"


class Scan(msgspec.Struct, frozen=True):
    """What `scan` saw."""

    ending: Ending
    reason: str
    """Why it is cut or broken; empty when complete."""
    offset: int
    """The byte where the trouble is; for a complete value the byte after it."""
    end: int
    """The byte after the outermost value, or where reading it stopped."""
    kind: Kind | None
    """What the outermost value is; None when its first byte does not tell."""
    surplus: bool
    """The value is followed by bytes that are not white space."""
    members: tuple[tuple[str, bytes], ...]
    """Name and raw value of each complete member of the outermost object, in order, duplicates included.

    Of more than 1,000 the first ones.
    """
    lone_surrogate: bool
    """An escape in the complete value names half of a surrogate pair."""


_KINDS: tuple[tuple[bytes, Kind], ...] = (
    (b"{", "object"),
    (b"[", "array"),
    (b'"', "string"),
    (b"-0123456789", "number"),
    (b"tfn", "literal"),
)
_WHITE_SPACE = b" \t\n\r"
_HIGH = rb"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_LONE = re.compile(rb"%b(?!%b)|(?<!%b)%b" % (_HIGH, _LOW, _HIGH, _LOW))
_STRING = re.compile(
    # A quote before a comma, a colon or a closing bracket ends a string. Where it begins one, one before is missing.
    # One behind a backslash begins none: whoever tried each of those would pass over the rest of the body every time.
    rb'(?<!\\)"(?![ \t\r\n]*+[,:}\]])(?:[^"\\\x00-\x1f]++|\\.)*+"',
    re.DOTALL,
)
_STRING_MEMBER = re.compile(
    rb'(?<!\\)(?P<name>"(?:[A-Z_]|\\u00[0-7][0-9a-fA-F]){1,32}+")[ \t\r\n]*+:[ \t\r\n]*+'
    rb'(?P<value>"(?:[^"\\\x00-\x1f]++|\\.)*+")',
    re.DOTALL,
)
"""A member whose name is that of a field, however it is spelled, and whose value is a whole string."""
_ALL_SQUARE = bytes.maketrans(b"{}", b"[]")
_PEELED = 8
"""Layers of the innermost containers that are taken away before the rest is walked over, a run of brackets at a time.

Each layer that is left takes a run less: after eight there are an eighth as many runs as there were brackets, at most.
"""
_RUNS = re.compile(rb"\[++|\]++")

MOST_MEMBERS = 1_000
"""Members of the outermost object that are told apart; a packet has sixteen."""
MOST_DUPLICATES = 20
"""Paths of duplicate keys that are told."""
MOST_WALKED = 10_000
"""Values of a body that are walked over for the paths of duplicate keys."""


def scan(body: bytes) -> Scan:
    """Read a body as one JSON value: strict RFC 8259, strict UTF-8, containers at most 100 deep.

    The first trouble from the left decides. Running out of input is `cut`, be it inside a literal, a number, an escape
    or a UTF-8 sequence; anything else is `broken`. A lone surrogate breaks only a body that is otherwise complete.
    Bytes after the value leave it complete, with `surplus`. An empty body is cut, of no kind.

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
    reader = Reader(text)
    members, stop = reader.members(begin, MOST_MEMBERS) if first == b"{" else ([], reader.value(begin))
    end = stop.offset
    lone = None
    surplus = False
    if stop.ending == "complete":
        end = len(text[:end].rstrip(_WHITE_SPACE))
        surplus = after_white_space(body, end) < len(body)
        lone = _lone_surrogate(bared, end)
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
        lone_surrogate=lone is not None,
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


def has_lone_surrogate(body: bytes) -> bool:
    r"""Whether an escape in a JSON body names half of a surrogate pair: `"\ud800"`, or a pair the wrong way round."""
    return _lone_surrogate(quotes_bared(body), len(body)) is not None


def _lone_surrogate(bared: bytes, end: int) -> re.Match[bytes] | None:
    return _LONE.search(bared, 0, end) if b"\\u" in bared else None


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
        around = _STRING.sub(b"", body[behind : member.start()])
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
    """The names that some members have in common."""
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
