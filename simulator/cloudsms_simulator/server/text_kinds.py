"""The kinds of values that say what a text is like: the text, a glob, or a table of what it begins with or holds.

Spec: none; this is how rules are written. Reading: R21.
"""

import re
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from cloudsms_simulator.engine.condition import Member, Words
from cloudsms_simulator.server.compound_kinds import Entry, FormKind, MapKind, RecordKind
from cloudsms_simulator.server.expressions import NOT_TAKEN
from cloudsms_simulator.server.kinds import ListKind, Scalar, UnfitError
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.setting_kinds import ON_OFF, TEXT
from cloudsms_simulator.server.toml_file import TomlValue

_IGNORE_CASE = "ignore_case"


def read_any_text(value: TomlValue) -> str:
    """A text, empty or not; a number is told to be put in quotes."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        raise UnfitError(f'a text; did you mean "{str(value).lower()}"?')
    if isinstance(value, int | Decimal):
        raise UnfitError(f'a text; did you mean "{value}"?')
    raise UnfitError("a text")


def _filled_text(value: TomlValue) -> str:
    text = read_any_text(value)
    if not text:
        raise UnfitError("a text that is not empty")
    return text


def _regex(value: TomlValue) -> str:
    text = _filled_text(value)
    try:
        re.compile(text)
    except NOT_TAKEN as error:
        raise UnfitError(f"a regular expression of Python's: {error}") from None
    return text


def _words(taken: Mapping[str, object], place: Place) -> Words:
    if not taken.keys() - {_IGNORE_CASE}:
        raise UnfitError(f"something of the text: {', '.join(key for key in _WORDS if key != _IGNORE_CASE)}")
    return msgspec.structs.replace(Words(), **taken)


def _member_words(value: TomlValue) -> Words | None:
    """None for `true`: the key is there."""
    if value is True:
        return None
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and "E" not in str(value):
        return Words(equals=str(value))
    if not isinstance(value, str) or not value:
        raise UnfitError
    return Words(glob=(value,))


def _members(pairs: tuple[tuple[object, object], ...]) -> tuple[object, ...]:
    return tuple(msgspec.structs.replace(Member(""), key=key, words=words) for key, words in pairs)


_ANY_TEXT = Scalar(want="a text", read=read_any_text, schema={"type": "string"})
_FILLED = Scalar(want="a text", read=_filled_text, schema=TEXT.schema)
GLOBS = ListKind(
    want="a glob such as {example}, or a list of globs", item=_FILLED, single=True, least=1, example="Verify*"
)
_WORDS: Mapping[str, Entry] = {
    "equals": Entry(_ANY_TEXT, "The whole text; empty for a text that is empty or absent."),
    "contains": Entry(_FILLED, "Something found anywhere in it."),
    "starts": Entry(_FILLED, "What it begins with."),
    "ends": Entry(_FILLED, "What it ends with."),
    "glob": Entry(
        GLOBS, "A glob on all of it, or a list of which one fits: * anything, ? one character, [abc] one of them."
    ),
    "regex": Entry(
        Scalar(want="a regular expression", read=_regex, schema={"type": "string", "minLength": 1}),
        "A regular expression, in Python's words, found anywhere in its first 2,000 characters.",
    ),
    _IGNORE_CASE: Entry(ON_OFF, "Letters' case does not count for all that is said beside it."),
}
_TABLE = RecordKind(
    want="a table such as {example}",
    entries=lambda: _WORDS,
    make=_words,
    title="words",
    example={"contains": "code"},
    more={"anyOf": [{"required": [key]} for key in _WORDS if key != _IGNORE_CASE]},
)

GLOB_WORDS = FormKind(
    title="globs",
    want='a glob such as "Verify*", a list of globs, or a table such as {example}',
    example={"contains": "code"},
    single=Scalar(want="a glob", read=lambda value: Words(glob=(_filled_text(value),)), schema=TEXT.schema),
    series=ListKind(
        want="a list of globs",
        item=_FILLED,
        gather=lambda globs: msgspec.structs.replace(Words(), glob=globs),
        least=1,
    ),
    table=_TABLE,
)
"""`Words`; a text is a glob."""

EXACT_WORDS = FormKind(
    want="the whole text, or a table such as {example}",
    example={"contains": "code"},
    single=Scalar(want="a text", read=lambda value: Words(equals=read_any_text(value)), schema={"type": "string"}),
    table=_TABLE,
)
"""`Words`; a text is the whole of it."""

MEMBERS = MapKind(
    want="a table such as {example}",
    key=TEXT,
    value=FormKind(
        want='a glob such as "A*", a number, a table such as {example}, or true for a key that need only be there',
        example={"starts": "A"},
        single=Scalar(
            want='a glob such as "A*", a number, or true for a key that need only be there',
            read=_member_words,
            schema={"anyOf": [{"type": "string", "minLength": 1}, {"type": "number"}, {"const": True}]},
        ),
        table=_TABLE,
    ),
    gather=_members,
    example={"orderId": "A*", "shop": True},
)
"""`Member`s of CUSTOMER_BODY."""
