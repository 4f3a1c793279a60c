"""The kinds of values that say which destinations a rule is for.

Spec: Parameter Details, for what a request holds. Reading: R21.
"""

import re
from collections.abc import Mapping
from datetime import time

import msgspec

from cloudsms_simulator.engine.condition import Condition, Hours, Ordinal
from cloudsms_simulator.protocol.limits import HIGHEST_UINT
from cloudsms_simulator.server.account_kinds import COUNTRY, NAME
from cloudsms_simulator.server.compound_kinds import Entry, RecordKind
from cloudsms_simulator.server.kinds import UNFIT, Kind, ListKind, Scalar, UnfitError
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.setting_kinds import COUNT, DURATION, TEXT, read_number, whole_number
from cloudsms_simulator.server.text_kinds import EXACT_WORDS, GLOB_WORDS, MEMBERS
from cloudsms_simulator.server.toml_file import TomlValue

_UINT = whole_number(0, HIGHEST_UINT)
_NUMBER_GLOB = re.compile(r"[0-9*?\[\]!-]+")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?")


def _number(value: TomlValue) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    if isinstance(value, str) and _NUMBER_GLOB.fullmatch(value.removeprefix("+")):
        return value.removeprefix("+")
    bare = re.sub(r"[+ ()-]", "", value) if isinstance(value, str) else ""
    like = f'; did you mean "{bare}"?' if _NUMBER_GLOB.fullmatch(bare) else ""
    raise UnfitError(f'digits of country code and number, and * or ?, such as "852*"{like}')


def _probability(value: TomlValue) -> float:
    probability = read_number(value)
    if not 0 <= probability <= 1:
        raise UnfitError
    return float(probability)


def _time_of_day(value: TomlValue) -> time:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise UnfitError
    return time.fromisoformat(value)


def _ordinal(taken: Mapping[str, object], place: Place) -> Ordinal:
    if not taken:
        raise UnfitError
    return msgspec.structs.replace(Ordinal(), **taken)


def _hours(taken: Mapping[str, object], place: Place) -> object:
    if not taken:
        raise UnfitError
    hours = msgspec.structs.replace(Hours(), **taken)
    if hours.after is not None and hours.before is not None and hours.after >= hours.before:
        (place / "before").complain("got a time that is not later than after, want it later")
        return UNFIT
    if hours.until is not None and hours.until == (hours.since or time()):
        (place / "until").complain("got the time of day it begins at, want another")
        return UNFIT
    return hours


def _condition(taken: Mapping[str, object], place: Place) -> Condition:
    ordinal = {key: taken[key] for key in ("nth", "every") if key in taken}
    changes = {_FIELDS.get(key, key): value for key, value in taken.items() if key not in ordinal}
    if ordinal:
        changes["request"] = msgspec.structs.replace(Ordinal(), **ordinal)
    return msgspec.structs.replace(Condition(), **changes)


def _one_or_many(item: Kind, want: str) -> ListKind:
    return ListKind(want=want, item=item, gather=frozenset, single=True, least=1)


def _conditions(want: str, *, single: bool = False) -> ListKind:
    return ListKind(want=want, item=MATCH, single=single, least=1, example=[{"to": "852*"}])


PROBABILITY = Scalar(
    want="a number from 0 to 1, such as 0.05",
    read=_probability,
    schema={"type": "number", "minimum": 0, "maximum": 1},
)
STATE_NAME = Scalar(
    want="the name of one of the scenario's states", read=NAME.read, example="closed", schema=NAME.schema
)
_DAY_TIME = Scalar(
    want='a time of day such as "22:30"', read=_time_of_day, schema={"type": "string", "pattern": f"^{_TIME.pattern}$"}
)
_NTH = _one_or_many(COUNT, "a whole number from 1 up, or a list of such numbers")
_ITEM: Mapping[str, Entry] = {
    "nth": Entry(_NTH, "These places in MULTI_MSISDN_LIST, counted from 1."),
    "every": Entry(COUNT, "Each place that this number divides: 3 is the third, sixth, ninth."),
}
_HOURS: Mapping[str, Entry] = {
    "after": Entry(DURATION, "From so long after the rules were put to use, on the account's clock."),
    "before": Entry(DURATION, "Until so long after the rules were put to use."),
    "since": Entry(_DAY_TIME, "From this time of day on, in Hong Kong."),
    "until": Entry(_DAY_TIME, "Before this time of day; a span may go over midnight."),
}
_MATCH: Mapping[str, Entry] = {
    "to": Entry(
        ListKind(
            want='digits and globs on country code and number, such as "852*", or a list of them',
            item=Scalar(
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
    "country": Entry(_one_or_many(COUNTRY, "a country code or a list of them"), "Country codes, such as 852."),
    "route": Entry(GLOB_WORDS, "ROUTE_ID: a glob, a list of globs, or what it is like."),
    "sender": Entry(GLOB_WORDS, "ORIGINAL_ADDR, or the account's default sender: a glob, a list, or what it is like."),
    "content": Entry(EXACT_WORDS, "SMS_CONTENT, unsigned: the whole text, or what it is like."),
    "signature": Entry(GLOB_WORDS, "SIGNATURE: a glob, a list of globs, or what it is like."),
    "priority": Entry(_one_or_many(_UINT, "a whole number or a list of them"), "PRIORITY."),
    "version": Entry(_one_or_many(TEXT, "a text or a list of texts"), "VERSION."),
    "customer_body": Entry(MEMBERS, "Keys of CUSTOMER_BODY with what their values are like; true: the key is there."),
    "nth": Entry(_NTH, "These requests of the account, counted from 1 in order of arrival."),
    "every": Entry(COUNT, "Each request that this number divides, in order of arrival."),
    "item": Entry(
        RecordKind(want="a table such as {example}", entries=lambda: _ITEM, make=_ordinal, example={"every": 3}),
        "Places in a batch's MULTI_MSISDN_LIST.",
    ),
    "probability": Entry(PROBABILITY, "The chance, from 0 to 1, drawn from the seed for each destination."),
    "account": Entry(_one_or_many(NAME, "the name of an account or a list of names"), "Names of accounts."),
    "time": Entry(
        RecordKind(want="a table such as {example}", entries=lambda: _HOURS, make=_hours, example={"after": "10m"}),
        "When, on the account's clock.",
    ),
    "state": Entry(_one_or_many(STATE_NAME, STATE_NAME.want), "Named states of which the account's rules are in one."),
}

MATCH = RecordKind(
    want="a table such as {example}",
    entries=lambda: {**_MATCH, **_NESTED},
    make=_condition,
    title="match",
    example={"to": "852*"},
)
"""A `Condition`."""

_NESTED: Mapping[str, Entry] = {
    "all": Entry(_conditions("a list of conditions, such as {example}"), "Conditions that all must hold."),
    "any": Entry(_conditions("a list of conditions, such as {example}"), "Conditions of which one must hold."),
    "not": Entry(
        _conditions("a condition, or a list such as {example}", single=True), "Conditions of which none may hold."
    ),
}
_FIELDS: Mapping[str, str] = {"not": "none"}
