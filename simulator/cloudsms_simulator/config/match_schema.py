"""What a rule's `match` may say: which destinations and requests a rule is for.

Texts are matched by a glob, by what they begin with or contain, or by a regular expression; numbers by globs; beside
them routes, hours, places in a batch, named states, chance. `MATCH` reads the table into a `Condition`, with `all`,
`any` and `not` nested in it.

Spec: Parameter Details, for what a request holds. Reading: R21.
"""

import re
from collections.abc import Mapping
from datetime import time
from decimal import Decimal

import msgspec

from cloudsms_simulator.config.account_schema import COUNTRY, NAME
from cloudsms_simulator.config.schema import (
    INVALID,
    InvalidValueError,
    ListType,
    MapType,
    OneOfType,
    RecordType,
    ScalarType,
    TableKey,
    Type,
)
from cloudsms_simulator.config.slow_regex import REGEX_ERRORS, slow_part
from cloudsms_simulator.config.sources import Location, TomlValue
from cloudsms_simulator.config.values import COUNT, DURATION, ON_OFF, TEXT, exact_number, whole_number_type
from cloudsms_simulator.engine.rules import Condition, MemberMatch, Ordinal, TextMatch, TimeWindow
from cloudsms_simulator.expressions import lazy_pattern
from cloudsms_simulator.protocol.packet import HIGHEST_UINT

# What a text is like.

_IGNORE_CASE = "ignore_case"


def text_of_value(value: TomlValue) -> str:
    """Returns a text, empty or not; the error for a number says to put it in quotes."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        raise InvalidValueError(f'a text; did you mean "{str(value).lower()}"?')
    if isinstance(value, int | Decimal):
        raise InvalidValueError(f'a text; did you mean "{value}"?')
    raise InvalidValueError("a text")


def _filled_text(value: TomlValue) -> str:
    text = text_of_value(value)
    if not text:
        raise InvalidValueError("a text that is not empty")
    return text


def _regex(value: TomlValue) -> str:
    text = _filled_text(value)
    try:
        re.compile(text)
    except REGEX_ERRORS as error:
        raise InvalidValueError(f"a regular expression of Python's: {error}") from None
    return text


def _text_match(taken: Mapping[str, object], location: Location) -> TextMatch:
    if not taken.keys() - {_IGNORE_CASE}:
        raise InvalidValueError(f"something of the text: {', '.join(key for key in _WORDS if key != _IGNORE_CASE)}")
    return msgspec.structs.replace(TextMatch(), **taken)


def _member_match(value: TomlValue) -> TextMatch | None:
    """Returns what a member's value is to be like; None for `true`: the key need only be there."""
    if value is True:
        return None
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and "E" not in str(value):
        return TextMatch(equals=str(value))
    if not isinstance(value, str) or not value:
        raise InvalidValueError
    return TextMatch(glob=(value,))


def _written_member(words: object) -> TomlValue:
    if words is not None:
        raise TypeError("a member that is like something is a table")
    return True


def _member_pairs(members: object) -> list[tuple[object, object]]:
    if not isinstance(members, tuple):
        raise TypeError(f"a {type(members).__name__} has no members")
    return [(member.key, member.words) for member in members]


def _written_glob(words: object) -> TomlValue:
    """A text or a list of globs where nothing else is said of a text."""
    if not isinstance(words, TextMatch) or words != msgspec.structs.replace(TextMatch(), glob=words.glob):
        raise TypeError("more is said than globs")
    return GLOBS.dump(words.glob)


def _written_text(words: object) -> TomlValue:
    """A text where it is all that is said."""
    if not isinstance(words, TextMatch) or words != TextMatch(equals=words.equals) or words.equals is None:
        raise TypeError("more is said than a whole text")
    return words.equals


def _members(pairs: tuple[tuple[object, object], ...]) -> tuple[object, ...]:
    return tuple(msgspec.structs.replace(MemberMatch(""), key=key, words=words) for key, words in pairs)


_ANY_TEXT = ScalarType(want="a text", read=text_of_value, schema={"type": "string"})
_FILLED = ScalarType(want="a text", read=_filled_text, schema=TEXT.schema)
GLOBS = ListType(
    want="a glob such as {example}, or a list of globs", item=_FILLED, single=True, least=1, example="Verify*"
)
_WORDS: Mapping[str, TableKey] = {
    "equals": TableKey(_ANY_TEXT, "The whole text; empty for a text that is empty or absent."),
    "contains": TableKey(_FILLED, "Something found anywhere in it."),
    "starts": TableKey(_FILLED, "What it begins with."),
    "ends": TableKey(_FILLED, "What it ends with."),
    "glob": TableKey(
        GLOBS, "A glob on all of it, or a list of which one fits: * anything, ? one character, [abc] one of them."
    ),
    "regex": TableKey(
        ScalarType(want="a regular expression", read=_regex, schema={"type": "string", "minLength": 1}),
        "A regular expression, in Python's words, found anywhere in its first 2,000 characters.",
    ),
    _IGNORE_CASE: TableKey(ON_OFF, "Letters' case does not count for all that is said beside it."),
}
_TABLE = RecordType(
    want="a table such as {example}",
    entries=lambda: _WORDS,
    blank=TextMatch(),
    make=_text_match,
    title="words",
    example={"contains": "code"},
    more={"anyOf": [{"required": [key]} for key in _WORDS if key != _IGNORE_CASE]},
)

GLOB_WORDS = OneOfType(
    title="globs",
    want='a glob such as "Verify*", a list of globs, or a table such as {example}',
    example={"contains": "code"},
    single=ScalarType(
        want="a glob",
        read=lambda value: TextMatch(glob=(_filled_text(value),)),
        write=_written_glob,
        schema=TEXT.schema,
    ),
    series=ListType(
        want="a list of globs",
        item=_FILLED,
        gather=lambda globs: msgspec.structs.replace(TextMatch(), glob=globs),
        least=1,
    ),
    table=_TABLE,
)
"""Reads a `TextMatch`; a text alone is a glob."""

EXACT_WORDS = OneOfType(
    want="the whole text, or a table such as {example}",
    example={"contains": "code"},
    single=ScalarType(
        want="a text",
        read=lambda value: TextMatch(equals=text_of_value(value)),
        write=_written_text,
        schema={"type": "string"},
    ),
    table=_TABLE,
)
"""Reads a `TextMatch`; a text alone is the whole text."""

MEMBERS = MapType(
    want="a table such as {example}",
    key=TEXT,
    value=OneOfType(
        want='a glob such as "A*", a number, a table such as {example}, or true for a key that need only be there',
        example={"starts": "A"},
        single=ScalarType(
            want='a glob such as "A*", a number, or true for a key that need only be there',
            read=_member_match,
            write=_written_member,
            schema={"anyOf": [{"type": "string", "minLength": 1}, {"type": "number"}, {"const": True}]},
        ),
        table=_TABLE,
    ),
    gather=_members,
    scatter=_member_pairs,
    example={"orderId": "A*", "shop": True},
)
"""Reads the `MemberMatch`es of CUSTOMER_BODY."""


# Which destinations and requests.

_UINT = whole_number_type(0, HIGHEST_UINT)
_NUMBER_GLOB = lazy_pattern(r"[0-9*?\[\]!-]+")
_TIME = lazy_pattern(r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?")


def _number(value: TomlValue) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    if isinstance(value, str) and _NUMBER_GLOB.fullmatch(value.removeprefix("+")):
        return value.removeprefix("+")
    bare = re.sub(r"[+ ()-]", "", value) if isinstance(value, str) else ""
    like = f'; did you mean "{bare}"?' if _NUMBER_GLOB.fullmatch(bare) else ""
    raise InvalidValueError(f'digits of country code and number, and * or ?, such as "852*"{like}')


def _probability(value: TomlValue) -> float:
    probability = exact_number(value)
    if not 0 <= probability <= 1:
        raise InvalidValueError
    return float(probability)


def _time_of_day(value: TomlValue) -> time:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise InvalidValueError
    return time.fromisoformat(value)


def _ordinal(taken: Mapping[str, object], location: Location) -> Ordinal:
    if not taken:
        raise InvalidValueError
    return msgspec.structs.replace(Ordinal(), **taken)


def _time_window(taken: Mapping[str, object], location: Location) -> object:
    if not taken:
        raise InvalidValueError
    window = msgspec.structs.replace(TimeWindow(), **taken)
    if window.after is not None and window.before is not None and window.after >= window.before:
        (location / "before").error("got a time that is not later than after, want it later")
        return INVALID
    if window.until is not None and window.until == (window.since or time()):
        (location / "until").error("got the time of day it begins at, want another")
        return INVALID
    return window


def _condition(taken: Mapping[str, object], location: Location) -> object:
    ordinal = {key: taken[key] for key in ("nth", "every") if key in taken}
    request = msgspec.structs.replace(Ordinal(), **ordinal) if ordinal else None
    return msgspec.structs.replace(MATCH.filled(taken), request=request)


def _condition_parts(condition: object) -> Mapping[str, object]:
    said = MATCH.said(condition)
    assert isinstance(condition, Condition)
    request = condition.request
    if request is None:
        return said
    ordinal = {key: each for key, each in (("nth", request.nth), ("every", request.every)) if each}
    return {**said, **ordinal}


def _one_or_many(item: Type, want: str) -> ListType:
    return ListType(want=want, item=item, gather=frozenset, single=True, least=1)


def _conditions(want: str, *, single: bool = False) -> ListType:
    return ListType(want=want, item=MATCH, single=single, listed=True, least=1, example=[{"to": "852*"}])


PROBABILITY = ScalarType(
    want="a number from 0 to 1, such as 0.05",
    read=_probability,
    schema={"type": "number", "minimum": 0, "maximum": 1},
)
STATE_NAME = ScalarType(
    want="the name of one of the scenario's states", read=NAME.read, example="closed", schema=NAME.schema
)
_DAY_TIME = ScalarType(
    want='a time of day such as "22:30"', read=_time_of_day, schema={"type": "string", "pattern": f"^{_TIME.pattern}$"}
)
_NTH = _one_or_many(COUNT, "a whole number from 1 up, or a list of such numbers")
_ITEM: Mapping[str, TableKey] = {
    "nth": TableKey(_NTH, "These places in MULTI_MSISDN_LIST, counted from 1."),
    "every": TableKey(COUNT, "Each place that this number divides: 3 is the third, sixth, ninth."),
}
_HOURS: Mapping[str, TableKey] = {
    "after": TableKey(DURATION, "From so long after the rules were put to use, on the account's clock."),
    "before": TableKey(DURATION, "Until so long after the rules were put to use."),
    "since": TableKey(_DAY_TIME, "From this time of day on, in Hong Kong."),
    "until": TableKey(_DAY_TIME, "Before this time of day; a span may go over midnight."),
}
_MATCH: Mapping[str, TableKey] = {
    "to": TableKey(
        ListType(
            want='digits and globs on country code and number, such as "852*", or a list of them',
            item=ScalarType(
                want='digits and globs, such as "852*"',
                read=_number,
                schema={
                    "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\+?[0-9*?\[\]!-]+$"}]
                },
            ),
            single=True,
            least=1,
        ),
        "A glob on country code and number, or a list of which one fits; a + in front does not count.",
    ),
    "country": TableKey(_one_or_many(COUNTRY, "a country code or a list of them"), "Country codes, such as 852."),
    "route": TableKey(GLOB_WORDS, "ROUTE_ID: a glob, a list of globs, or what it is like."),
    "sender": TableKey(
        GLOB_WORDS, "ORIGINAL_ADDR, or the account's default sender: a glob, a list, or what it is like."
    ),
    "content": TableKey(EXACT_WORDS, "SMS_CONTENT, unsigned: the whole text, or what it is like."),
    "signature": TableKey(GLOB_WORDS, "SIGNATURE: a glob, a list of globs, or what it is like."),
    "priority": TableKey(_one_or_many(_UINT, "a whole number or a list of them"), "PRIORITY."),
    "version": TableKey(_one_or_many(TEXT, "a text or a list of texts"), "VERSION."),
    "customer_body": TableKey(
        MEMBERS, "Keys of CUSTOMER_BODY with what their values are like; true: the key is there."
    ),
    "nth": TableKey(_NTH, "These requests of the account, counted from 1 in order of arrival."),
    "every": TableKey(COUNT, "Each request that this number divides, in order of arrival."),
    "item": TableKey(
        RecordType(
            want="a table such as {example}",
            entries=lambda: _ITEM,
            blank=Ordinal(),
            make=_ordinal,
            example={"every": 3},
        ),
        "Places in a batch's MULTI_MSISDN_LIST.",
    ),
    "probability": TableKey(PROBABILITY, "The chance, from 0 to 1, drawn from the seed for each destination."),
    "account": TableKey(_one_or_many(NAME, "the name of an account or a list of names"), "Names of accounts."),
    "time": TableKey(
        RecordType(
            want="a table such as {example}",
            entries=lambda: _HOURS,
            blank=TimeWindow(),
            make=_time_window,
            example={"after": "10m"},
        ),
        "When, on the account's clock.",
    ),
    "state": TableKey(
        _one_or_many(STATE_NAME, STATE_NAME.want), "Named states of which the account's rules are in one."
    ),
}

MATCH: RecordType = RecordType(
    want="a table such as {example}",
    entries=lambda: {**_MATCH, **_NESTED},
    blank=Condition(),
    fields={"not": "none"},
    make=_condition,
    parts=_condition_parts,
    title="match",
    example={"to": "852*"},
)
"""Reads a `Condition`."""

_NESTED: Mapping[str, TableKey] = {
    "all": TableKey(_conditions("a list of conditions, such as {example}"), "Conditions that all must hold."),
    "any": TableKey(_conditions("a list of conditions, such as {example}"), "Conditions of which one must hold."),
    "not": TableKey(
        _conditions("a condition, or a list such as {example}", single=True), "Conditions of which none may hold."
    ),
}


def warn_of_slow_match(condition: "TomlValue | None", location: Location) -> None:
    """Warns of the slow regular expressions in one condition, as it is written."""
    if not isinstance(condition, Mapping):
        return
    for key, value in condition.items():
        here = location / key
        if key in ("all", "any", "not"):
            for index, each in enumerate(value if isinstance(value, list | tuple) else ()):
                warn_of_slow_match(each, here / index)
            warn_of_slow_match(value, here)
        elif key == "customer_body" and isinstance(value, Mapping):
            for name, match in value.items():
                _warn_of_slow_regex(match, here / name)
        else:
            _warn_of_slow_regex(value, here)


def _warn_of_slow_regex(match: "TomlValue", location: Location) -> None:
    expression = match.get("regex") if isinstance(match, Mapping) else None
    slow = slow_part(expression) if isinstance(expression, str) else None
    if slow is not None:
        here = location / "regex"
        here.error(
            f"{here.quoted(slow)} may take very long on a text that nearly fits, and nothing is answered meanwhile; "
            "want repeats of which no two can take the same characters"
        )
