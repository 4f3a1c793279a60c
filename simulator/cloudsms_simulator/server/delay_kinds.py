"""The kinds of values that delays are written in: a duration, or a distribution by its name.

Spec: none; the names are those that users of HTTP test doubles know. Reading: R21.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

import msgspec

from cloudsms_simulator.engine.delay import Fixed, Listed, Lognormal, Uniform
from cloudsms_simulator.server.compound_kinds import Entry, FormKind, RecordKind, VariantKind
from cloudsms_simulator.server.kinds import UNFIT, ListKind, Scalar, UnfitError
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.setting_kinds import DURATION, POSITIVE_DURATION, choice, read_delay, read_number
from cloudsms_simulator.server.toml_file import TomlValue

_WIDEST = 10


def _sigma(value: TomlValue) -> float:
    sigma = read_number(value)
    if not 0 < sigma <= _WIDEST:
        raise UnfitError
    return float(sigma)


def _without_type(taken: Mapping[str, object]) -> Mapping[str, object]:
    return {key: value for key, value in taken.items() if key != "type"}


def _fixed(taken: Mapping[str, object], place: Place) -> object:
    return msgspec.structs.replace(Fixed(timedelta()), **_without_type(taken))


def _uniform(taken: Mapping[str, object], place: Place) -> object:
    delay = msgspec.structs.replace(Uniform(timedelta(), timedelta()), **_without_type(taken))
    if delay.lower > delay.upper:
        place.complain("got a lower that is longer than upper, want it the other way round")
        return UNFIT
    return delay


def _lognormal(taken: Mapping[str, object], place: Place) -> object:
    return msgspec.structs.replace(Lognormal(timedelta(), 1.0), **_without_type(taken))


def _listed(taken: Mapping[str, object], place: Place) -> object:
    return msgspec.structs.replace(Listed(()), **_without_type(taken))


def _type(word: str) -> Entry:
    return Entry(choice(word), "What the delay is drawn from: fixed, uniform, lognormal or list.", required=True)


_FIXED = {
    "type": _type("fixed"),
    "value": Entry(DURATION, "The delay, always the same.", required=True),
}
_UNIFORM = {
    "type": _type("uniform"),
    "lower": Entry(DURATION, "The shortest delay.", required=True),
    "upper": Entry(DURATION, "The longest delay; all between are as likely.", required=True),
}
_LOGNORMAL = {
    "type": _type("lognormal"),
    "median": Entry(POSITIVE_DURATION, "Half of the delays are shorter.", required=True),
    "sigma": Entry(
        Scalar(
            want=f"a number above 0, {_WIDEST} at most, such as 0.8",
            read=_sigma,
            example=Decimal("0.8"),
            schema={"type": "number", "exclusiveMinimum": 0, "maximum": _WIDEST},
        ),
        "How long the tail is: 0.3 is short, 0.8 usual, 2 very long.",
        required=True,
    ),
    "minimum": Entry(DURATION, "No delay is shorter than this; without it nothing is too short."),
}
_LISTED = {
    "type": _type("list"),
    "values": Entry(
        ListKind(want="a list of durations, such as {example}", item=DURATION, example=["1s", "10s"], least=1),
        "The delays one after the other, and then again: the n-th for the n-th destination seen for a recipient.",
        required=True,
    ),
}

_WANT = "a duration such as {example}, or a table with type fixed, uniform, lognormal or list"

DELAY = FormKind(
    want=_WANT,
    title="delay",
    example="3s",
    single=Scalar(want=DURATION.want, read=lambda value: Fixed(read_delay(value)), schema=DURATION.schema),
    table=VariantKind(
        want=_WANT,
        example="3s",
        tag="type",
        variants={
            "fixed": RecordKind(want=_WANT, entries=lambda: _FIXED, make=_fixed),
            "uniform": RecordKind(want=_WANT, entries=lambda: _UNIFORM, make=_uniform),
            "lognormal": RecordKind(want=_WANT, entries=lambda: _LOGNORMAL, make=_lognormal),
            "list": RecordKind(want=_WANT, entries=lambda: _LISTED, make=_listed),
        },
    ),
)
"""A `Delay`."""
