"""The types of single values: ports, sizes, durations, hosts, clocks, paths, delays, and the switches of a profile.

A delay is a duration, or a table that names a distribution: fixed, uniform, lognormal or list; its names are those
that users of HTTP test doubles know. Switches are single points of a profile, set on top of it for the server or for
one account: which there are, and what each may be, is read from the fields of `Profile`. Result codes and states can
be written by name or by number wherever a configuration names one.

Spec: none; this is how the simulator is configured. Reading: R1, R21.
"""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import msgspec

from cloudsms_simulator.config import suggestion
from cloudsms_simulator.config.schema import (
    INVALID,
    InvalidValueError,
    ListType,
    OneOfType,
    PathType,
    RecordType,
    ScalarType,
    Schema,
    TableKey,
    TableType,
    TaggedType,
    Type,
    parse_entries,
    plain_value,
)
from cloudsms_simulator.config.sources import Location, TomlValue
from cloudsms_simulator.engine.clock import FASTEST, SLOWEST
from cloudsms_simulator.engine.plan import Fixed, Listed, Lognormal, Uniform
from cloudsms_simulator.expressions import lazy_pattern
from cloudsms_simulator.models.durations import WANT_DURATION, read_duration
from cloudsms_simulator.models.server import ClockMode, StorePlace, without_password
from cloudsms_simulator.protocol.codes import RESULT_CODES, ResultCode, State, desc_of, hex_code
from cloudsms_simulator.protocol.profile import Profile, StateSet

# Single values.

_ON = frozenset({"on", "true", "yes", "1"})
_OFF = frozenset({"off", "false", "no", "0"})
_SIZES = {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE = lazy_pattern(r"([0-9]{1,15}) ?([KMG]iB)?", re.IGNORECASE)
_HOST_NAME = lazy_pattern(
    r"(?=.{1,253}$)(\*\.)?[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*", re.IGNORECASE
)
_LARGEST = 2**63 - 1
_TEXT_SCHEMA: Schema = {"type": "string", "minLength": 1}
_DURATION_SCHEMA: Schema = {
    "type": "string",
    "pattern": r"^\s*(([0-9]+(\.[0-9]+)?(d|h|ms|us|m|s))+|[Pp][0-9.,WwDdTtHhMmSs]+)\s*$",
}


def nonempty_text(value: TomlValue) -> str:
    """Returns a text that is not empty; raises InvalidValueError for anything else."""
    if not isinstance(value, str) or not value:
        raise InvalidValueError
    return value


def exact_number(value: TomlValue) -> Decimal:
    """Returns a number, exactly as written; raises InvalidValueError for anything else, the infinite included."""
    if not isinstance(value, int | Decimal) or isinstance(value, bool) or not Decimal(value).is_finite():
        raise InvalidValueError
    return Decimal(value)


def whole_number_type(low: int, high: int = _LARGEST, want: str = "", metavar: str = "N") -> Type:
    """Makes the type of a whole number from low to high, both included."""

    def read(value: TomlValue) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise InvalidValueError
        return value

    words = want or f"a whole number from {low} to {high}" if high < _LARGEST else f"a whole number, {low} or more"
    most: Schema = {"maximum": high} if high < _LARGEST else {}
    schema: Schema = {"type": "integer", "minimum": low, **most}
    return ScalarType(want=words, read=read, parse=parse_whole_number, metavar=metavar, example=low, schema=schema)


def parse_whole_number(text: str) -> TomlValue:
    """Reads a whole number as written in a flag; `0x05` is one too. Raises InvalidValueError."""
    if not re.fullmatch(r"[0-9]{1,20}|0x[0-9a-fA-F]{1,16}", text.strip()):
        raise InvalidValueError
    return int(text, 16 if "x" in text else 10)


def parse_list(text: str) -> TomlValue:
    """Returns the entries between commas; blanks around them do not count."""
    return [entry.strip() for entry in text.split(",")]


def choice_type(*words: str) -> ScalarType:
    """Makes the type of one of some words."""
    listed = " or ".join(filter(None, (", ".join(f'"{word}"' for word in words[:-1]), f'"{words[-1]}"')))

    def read(value: TomlValue) -> str:
        if value in words:
            return str(value)
        raise InvalidValueError(listed + (suggestion(value, words) if isinstance(value, str) else ""))

    return ScalarType(want=listed, read=read, metavar="|".join(words), example=words[0], schema={"enum": list(words)})


def _on_or_off(value: TomlValue) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("on", "off"):
        return value == "on"
    raise InvalidValueError


def _parse_on_or_off(text: str) -> TomlValue:
    word = text.strip().lower()
    if word not in _ON | _OFF:
        raise InvalidValueError
    return word in _ON


def _size(value: TomlValue) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST:
        return value
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[1]) == 0:
        raise InvalidValueError
    return int(found[1]) * next(size for unit, size in _SIZES.items() if unit.lower() == (found[2] or "").lower())


def size_text(octets: int) -> str:
    """Returns a size in its largest whole unit: `64MiB`, `1000`."""
    unit, size = next((unit, size) for unit, size in reversed(_SIZES.items()) if octets % size == 0)
    return f"{octets // size}{unit}"


def duration_of_value(value: TomlValue) -> timedelta:
    """Reads a duration with its unit; raises InvalidValueError, which says what would be right."""
    if not isinstance(value, str):
        raise InvalidValueError(
            f'{WANT_DURATION}; did you mean "{value}s"?' if isinstance(value, int | Decimal) else WANT_DURATION
        )
    try:
        return read_duration(value)
    except ValueError as error:
        raise InvalidValueError(str(error)) from None


def _positive_duration(value: TomlValue) -> timedelta:
    found = duration_of_value(value)
    if not found:
        raise InvalidValueError("a duration longer than nothing")
    return found


def _host(value: TomlValue) -> str:
    text = nonempty_text(value)
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        if _HOST_NAME.fullmatch(text):
            return text
    raise InvalidValueError


def _host_or_range(value: TomlValue) -> str:
    text = nonempty_text(value)
    if text == "*":
        return text
    return str(_network(text)) if "/" in text else _host(text)


def _network(value: TomlValue) -> object:
    text = nonempty_text(value)
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InvalidValueError from None
    raise InvalidValueError(f'a network without host bits; did you mean "{network}"?')


def _url(value: TomlValue) -> str:
    text = nonempty_text(value)
    if any(letter.isspace() for letter in text):
        raise InvalidValueError
    split = urlsplit(text)
    if split.scheme not in ("http", "https") or not split.hostname or split.port == 0:
        raise InvalidValueError
    return text


def _clock(value: TomlValue) -> ClockMode:
    if value in ("real", "frozen"):
        return "real" if value == "real" else "frozen"
    rate = float(exact_number(value))
    if not SLOWEST <= rate <= FASTEST:
        raise InvalidValueError
    return rate


def _parse_clock(text: str) -> TomlValue:
    return Decimal(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text.strip()) else text


def _token(value: TomlValue) -> str:
    text = nonempty_text(value)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidValueError
    return text


def _base_path(value: TomlValue) -> str:
    text = nonempty_text(value)
    parts = text.strip("/").split("/")
    is_plain = text.isascii() and all(letter.isalnum() or letter in "/-._~" for letter in text)
    if not (text.startswith("/") and is_plain) or not {"", ".", ".."}.isdisjoint(parts):
        raise InvalidValueError
    return "/" + "/".join(parts)


class StorePlaceType(Type, frozen=True, kw_only=True):
    """Where a store is: None for `memory`, else a `StorePlace`, of which no error and no listing shows a password.

    A path is relative to the folder of the file it is written in.
    """

    def shown(self, value: TomlValue) -> TomlValue:
        return without_password(value) if isinstance(value, str) else value

    def dump(self, value: object) -> TomlValue:
        return "memory" if value is None else str(value)

    def _take(self, value: TomlValue, location: Location, text: bool) -> object:
        if value == "memory":
            return None
        said, _, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
        if not rest.strip() or "\0" in rest:
            raise InvalidValueError
        match said:
            case "sqlite":
                return StorePlace("sqlite", str(location.folder / Path(rest).expanduser()))
            case "postgresql" if rest.startswith("//"):
                return StorePlace("postgresql", f"{said}:{rest}")
        raise InvalidValueError


PORT = whole_number_type(0, 65535, "a port from 0 to 65535, 0 being any free one", "PORT")
COUNT = whole_number_type(1)
COUNT_FROM_ZERO = whole_number_type(0)
SIZE = ScalarType(
    want='a number of bytes, 1 or more, or a size such as "64MiB"',
    read=_size,
    write=lambda octets: size_text(octets) if isinstance(octets, int) else plain_value(octets),
    metavar="BYTES",
    example="64MiB",
)
ON_OFF = ScalarType(
    want="true or false",
    read=_on_or_off,
    parse=_parse_on_or_off,
    metavar="on|off",
    example=True,
    schema={"enum": [True, False, "on", "off"]},
)
TEXT = ScalarType(want="a text that is not empty", read=nonempty_text, schema=_TEXT_SCHEMA)
DURATION = ScalarType(
    want=WANT_DURATION, read=duration_of_value, metavar="DURATION", example="3s", schema=_DURATION_SCHEMA
)
POSITIVE_DURATION = ScalarType(
    want=WANT_DURATION, read=_positive_duration, metavar="DURATION", example="3s", schema=_DURATION_SCHEMA
)
HOST = ScalarType(want="an IP address or a host name", read=_host, metavar="HOST", example="127.0.0.1")
URL = ScalarType(
    want='an address such as "https://localhost:59999/"',
    read=_url,
    metavar="URL",
    example="https://localhost:59999/",
    schema={"type": "string", "pattern": r"^https?://\S+$"},
)
CLOCK = ScalarType(
    want=f'"real", "frozen", or how many times as fast as real time, such as 3600, from {SLOWEST} to {FASTEST:,.0f}',
    read=_clock,
    parse=_parse_clock,
    metavar="real|frozen|RATE",
    example="frozen",
    schema={
        "anyOf": [{"enum": ["real", "frozen"]}, {"type": "number", "exclusiveMinimum": 0, "maximum": int(FASTEST)}]
    },
)
TOKEN = ScalarType(
    want="a word of printable ASCII without blanks",
    read=_token,
    metavar="TOKEN",
    example="choose-a-long-word",
    secret=True,
)
STORE = StorePlaceType(
    want='"memory", or a database, such as "sqlite:cloudsms.db" or "postgresql://user@host/name"',
    metavar="memory|sqlite:PATH|postgresql://…",
    example="sqlite:cloudsms.db",
    schema={"type": "string", "pattern": "^(memory|sqlite:.+|postgresql://.*)$"},
)
BASE_PATH = ScalarType(
    want='the path of a folder on a web site, such as "/cloudsms"', read=_base_path, metavar="PATH", example="/cloudsms"
)
ANY_PATH = PathType(want="a path", metavar="PATH", example="path")
FILE = PathType(want="the path of a file", metavar="FILE", example="ca.pem", exists=True)
FOLDER = PathType(want="the path of a folder", metavar="DIR", example="certs")
HOSTS = ListType(
    want='a list of host names, addresses and networks, such as ["sms.test", "10.0.0.5"]',
    item=ScalarType(want='an IP address, a host name, a network such as "10.0.0.0/8", or "*"', read=_host_or_range),
    parse=parse_list,
    metavar="HOST,…",
    example=["sms.test"],
)
NETWORKS = ListType(
    want='a list of networks, such as ["127.0.0.0/8", "::1"]',
    item=ScalarType(want='a network such as "10.0.0.0/8" or an address', read=_network, schema=_TEXT_SCHEMA),
    parse=parse_list,
    metavar="CIDR,…",
    example=["127.0.0.0/8", "::1"],
)


# Delays.

_WANT_DELAY = "a duration such as {example}, or a table with type fixed, uniform, lognormal or list"

_WIDEST_SIGMA = 10
_NONE = timedelta()


def _sigma(value: TomlValue) -> float:
    sigma = exact_number(value)
    if not 0 < sigma <= _WIDEST_SIGMA:
        raise InvalidValueError
    return float(sigma)


def _uniform(taken: Mapping[str, object], location: Location) -> object:
    delay = _UNIFORM_TABLE.filled(taken)
    if isinstance(delay, Uniform) and delay.lower > delay.upper:
        location.error("got a lower that is longer than upper, want it the other way round")
        return INVALID
    return delay


def _type(word: str) -> TableKey:
    return TableKey(
        choice_type(word), "What the delay is drawn from: fixed, uniform, lognormal or list.", required=True
    )


_FIXED = {
    "type": _type("fixed"),
    "value": TableKey(DURATION, "The delay, always the same.", required=True),
}
_UNIFORM = {
    "type": _type("uniform"),
    "lower": TableKey(DURATION, "The shortest delay.", required=True),
    "upper": TableKey(DURATION, "The longest delay; all between are as likely.", required=True),
}
_LOGNORMAL = {
    "type": _type("lognormal"),
    "median": TableKey(POSITIVE_DURATION, "Half of the delays are shorter.", required=True),
    "sigma": TableKey(
        ScalarType(
            want=f"a number above 0, {_WIDEST_SIGMA} at most, such as 0.8",
            read=_sigma,
            example=Decimal("0.8"),
            schema={"type": "number", "exclusiveMinimum": 0, "maximum": _WIDEST_SIGMA},
        ),
        "How long the tail is: 0.3 is short, 0.8 usual, 2 very long.",
        required=True,
    ),
    "minimum": TableKey(DURATION, "No delay is shorter than this; without it nothing is too short."),
}
_LISTED = {
    "type": _type("list"),
    "values": TableKey(
        ListType(want="a list of durations, such as {example}", item=DURATION, example=["1s", "10s"], least=1),
        "The delays one after the other, and then again: the n-th for the n-th destination seen for a recipient.",
        required=True,
    ),
}

_UNIFORM_TABLE = RecordType(want=_WANT_DELAY, entries=lambda: _UNIFORM, blank=Uniform(_NONE, _NONE), make=_uniform)
DELAY = OneOfType(
    want=_WANT_DELAY,
    title="delay",
    example="3s",
    single=ScalarType(
        want=DURATION.want,
        read=lambda value: Fixed(duration_of_value(value)),
        write=lambda delay: plain_value(delay.value if isinstance(delay, Fixed) else delay),
        schema=DURATION.schema,
    ),
    table=TaggedType(
        want=_WANT_DELAY,
        example="3s",
        tag="type",
        variants={
            "fixed": RecordType(want=_WANT_DELAY, entries=lambda: _FIXED, blank=Fixed(_NONE)),
            "uniform": _UNIFORM_TABLE,
            "lognormal": RecordType(want=_WANT_DELAY, entries=lambda: _LOGNORMAL, blank=Lognormal(_NONE, 1.0)),
            "list": RecordType(want=_WANT_DELAY, entries=lambda: _LISTED, blank=Listed(())),
        },
    ),
)
"""Reads a `Delay`."""


# Result codes and states, by name or by number.

WANT_CODE = "a result code by name or number, such as Busy or 0x03"
CODE_NAMES: Mapping[str, ResultCode] = {row.desc: row.code for row in reversed(RESULT_CODES)}
"""`Empty_data` is the name of two codes; the first has it."""

_FOLDED = {name.casefold(): code for name, code in CODE_NAMES.items()}
_CODES: Mapping[int, ResultCode] = {int(code): code for code in ResultCode}
_HIGHEST_STATE = 2**32 - 1
_STATE_NAMES: Mapping[int, str] = {int(state): state.name for state in State}


def state_of_value(value: TomlValue) -> int:
    """Returns the number of a state that is written by number or by name; raises InvalidValueError for none."""
    if isinstance(value, str):
        if value.upper() in State.__members__:
            return int(State[value.upper()])
        value = parse_whole_number(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _HIGHEST_STATE:
        raise InvalidValueError
    return value


def written_state(state: object) -> TomlValue:
    """Returns the name of a state, or its number where it has none."""
    return _STATE_NAMES.get(state, plain_value(state)) if isinstance(state, int) else plain_value(state)


def written_code(code: object) -> TomlValue:
    """Returns the name of a result code, or its number where another code has the same name."""
    if not isinstance(code, ResultCode):
        raise TypeError(f"a {type(code).__name__} is no result code")
    name = desc_of(code)
    return name if CODE_NAMES[name] == code else hex_code(code)


def code_of_value(value: TomlValue) -> ResultCode:
    """Returns a result code that is written by name, by number, or as a text such as `0x05`.

    Raises InvalidValueError, which says what would be right, for anything else.
    """
    if isinstance(value, str):
        if value.casefold() in _FOLDED:
            return _FOLDED[value.casefold()]
        try:
            value = parse_whole_number(value)
        except InvalidValueError:
            raise InvalidValueError(f"{WANT_CODE}{suggestion(str(value), CODE_NAMES)}") from None
    if not isinstance(value, int) or isinstance(value, bool) or value not in _CODES:
        raise InvalidValueError(f"{WANT_CODE}; the codes are {', '.join(hex_code(code) for code in ResultCode)}")
    return _CODES[value]


# The switches of a profile.

SwitchValue = str | bool | int | tuple[str, ...] | StateSet
Switches = Mapping[str, SwitchValue]
"""The values of switches by name, each one that the field of `Profile` of that name may have."""

NO_SWITCHES: Switches = MappingProxyType({})
_ALL_BUT = "all_but"


def profile_with(profile: Profile, switches: Switches) -> Profile:
    """Returns the profile with switches set on top of it."""
    return msgspec.structs.replace(profile, **switches)


def _read_switches(table: Mapping[str, TomlValue], location: Location, text: bool) -> Switches:
    taken = parse_entries(table, SWITCH_TYPES, location, text=text)
    return {name: value for name, value in taken.items() if isinstance(value, str | int | tuple | StateSet)}


def _parse_switches(text: str) -> TomlValue:
    pairs = [pair.partition("=") for pair in text.split()]
    if not all(name and equals for name, equals, _ in pairs):
        raise InvalidValueError('pairs with blanks between them, such as "unpriced=report dr_auth_key=on"')
    return {name: value for name, _, value in pairs}


def _read_states(value: TomlValue) -> StateSet:
    all_but = isinstance(value, Mapping)
    if isinstance(value, Mapping):
        if list(value) != [_ALL_BUT]:
            raise InvalidValueError
        value = value[_ALL_BUT]
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InvalidValueError
    return StateSet(frozenset(state_of_value(entry) for entry in value), all_but)


def _written_states(states: object) -> TomlValue:
    if not isinstance(states, StateSet):
        raise TypeError(f"a {type(states).__name__} is no set of states")
    return {_ALL_BUT: sorted(states.states)} if states.all_but else sorted(states.states)


def _written_switches(switches: object) -> TomlValue:
    if not isinstance(switches, Mapping):
        raise TypeError(f"a {type(switches).__name__} is no table of switches")
    return {str(name): SWITCH_TYPES[str(name)].dump(value) for name, value in switches.items()}


def _parse_states(text: str) -> TomlValue:
    kept = text.removeprefix(f"{_ALL_BUT}:")
    states = parse_list(kept)
    return states if kept == text else {_ALL_BUT: states}


def _number_type(numbers: tuple[int, ...]) -> Type:
    def read(value: TomlValue) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value not in numbers:
            raise InvalidValueError
        return value

    texts = [str(number) for number in numbers]
    return ScalarType(want=" or ".join(texts), read=read, parse=parse_whole_number, metavar="|".join(texts))


def _code_type(numbers: tuple[int, ...]) -> Type:
    """Makes the type of a result code that is one of some, written as codes are everywhere."""
    texts = [hex_code(_CODES[number]) for number in numbers]
    want = " or ".join(f"{text} ({desc_of(_CODES[number])})" for text, number in zip(texts, numbers, strict=True))

    def read(value: TomlValue) -> int:
        try:
            code = int(code_of_value(value))
        except InvalidValueError:
            raise InvalidValueError(want) from None
        if code not in numbers:
            raise InvalidValueError(want)
        return code

    return ScalarType(want=want, read=read, metavar="|".join(texts))


_VERSIONS = ListType(
    want='a list of texts, such as ["2021-01-01"]',
    item=ScalarType(want="a text that is not empty", read=nonempty_text),
    parse=parse_list,
)
_STATES = ScalarType(
    want='a list of states, such as [2, "EXPIRED"], or all but some: { all_but = [8, 60] }',
    read=_read_states,
    write=_written_states,
    parse=_parse_states,
)


def _type_of_hint(hint: object) -> Type:
    if get_origin(hint) is Literal:
        values = get_args(hint)
        if not isinstance(values[0], int):
            return choice_type(*values)
        return _code_type(values) if set(values) <= _CODES.keys() else _number_type(values)
    if hint is bool:
        return ON_OFF
    return _STATES if hint is StateSet else _VERSIONS


SWITCH_TYPES: Mapping[str, Type] = {
    name: _type_of_hint(hint) for name, hint in get_type_hints(Profile).items() if name != "name"
}
SWITCHES = TableType(
    want="a table of switches",
    table=_read_switches,
    write=_written_switches,
    parse=_parse_switches,
    metavar="NAME=VALUE …",
    example={"unpriced": "report"},
)
