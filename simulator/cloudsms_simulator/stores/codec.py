"""The codec: the simulator's values as JSON and back, by the annotations of their fields.

State documents are made of it: `to_plain` makes plain JSON data of a value, `from_plain` a value again, checked
against its annotations: what does not fit is a `MisfitError` with the path to it. `encode_document` and
`decode_document` do the same for long documents piece by piece, so that none keeps other threads waiting for long.

Fields that have their default are left out. Moments and durations, exact decimals, octets and networks are texts.
Values of which there are several kinds in one place say in `$type` which they are: the names of the classes in
`TYPED`, so renaming one of those changes what documents say.
"""

import base64
import binascii
import ipaddress
import re
import types
from collections.abc import Callable, Mapping, Sequence
from datetime import time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from cloudsms_simulator import moments
from cloudsms_simulator.config.problems import suggestion
from cloudsms_simulator.engine.plan import Fixed, Listed, Lognormal, Mix, Plan, PlanTemplate, Uniform
from cloudsms_simulator.engine.records import Exchange, Sending
from cloudsms_simulator.engine.rules import CompiledRules, RuleBook
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.timestamps import EARLIEST, HONG_KONG, LATEST, ForeignMoment

Loader = Callable[[object], object]
"""Reads a JSON value. Raises MisfitError for what is none of its kind."""

_MICROSECOND = timedelta(microseconds=1)
_HONG_KONG_OFFSET = timedelta(hours=8)
_LONGEST_SHOWN = 60
_FARTHEST_PLAN = timedelta(days=7400)
"""No plan reaches farther ahead: a report that is held and then tried again, ten years each."""
_LAST_PLANNED = LATEST + _FARTHEST_PLAN
_LARGEST_EXPONENT = 100


class MisfitError(Exception):
    """A JSON value that is none of ours; `path` leads to it."""

    def __init__(self, got: object, want: str) -> None:
        super().__init__(got, want)
        self.path: list[str] = []
        self._got = got
        self._want = want

    def __str__(self) -> str:
        text = msgspec.json.encode(self._got).decode()
        shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
        return f"{''.join(self.path).removeprefix('.') or 'it'}: got {shown}, want {self._want}"


def _load_text(data: object) -> str:
    if isinstance(data, str):
        return data
    if isinstance(data, dict) and list(data) == ["surrogates"]:
        return _load_base64(data["surrogates"]).decode("utf-8", "surrogatepass")
    raise MisfitError(data, "a text")


def _load_octets(data: object) -> bytes:
    if isinstance(data, str):
        return data.encode()
    if isinstance(data, dict) and list(data) == ["base64"]:
        return _load_base64(data["base64"])
    raise MisfitError(data, "a text, or base64 of octets")


def _load_base64(data: object) -> bytes:
    try:
        return base64.b64decode(str(data), validate=True)
    except (binascii.Error, ValueError):
        raise MisfitError(data, "base64") from None


def _load_integer(data: object) -> int:
    if not isinstance(data, int) or isinstance(data, bool):
        raise MisfitError(data, "a whole number")
    return data


def _load_number(data: object) -> float:
    if not isinstance(data, int | float) or isinstance(data, bool):
        raise MisfitError(data, "a number")
    return data


def _load_boolean(data: object) -> bool:
    if not isinstance(data, bool):
        raise MisfitError(data, "true or false")
    return data


def _loader_by(parse: Callable[[str], object], want: str) -> Loader:
    def load(data: object) -> object:
        try:
            return parse(_load_text(data))
        except (ValueError, ArithmeticError, MisfitError):
            raise MisfitError(data, want) from None

    return load


def _parse_decimal(text: str) -> Decimal:
    found = Decimal(text)
    if not found.is_finite() or abs(found.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError
    return found


def _parse_moment(text: str) -> datetime:
    found = _parse_foreign_moment(text)
    if not EARLIEST <= found <= _LAST_PLANNED:
        raise ValueError
    return found


def _parse_foreign_moment(text: str) -> datetime:
    found = moments.datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError
    return found.astimezone(HONG_KONG) if found.utcoffset() == _HONG_KONG_OFFSET else found


def _parse_span(text: str) -> timedelta:
    if not text.endswith("us"):
        raise ValueError
    found = int(text[:-2]) * _MICROSECOND
    if not timedelta() <= found <= _FARTHEST_PLAN:
        raise ValueError
    return found


_NETWORK = _loader_by(ipaddress.ip_network, "a network")
SCALAR_LOADERS: Mapping[object, Loader] = {
    str: _load_text,
    bytes: _load_octets,
    int: _load_integer,
    float: _load_number,
    bool: _load_boolean,
    Decimal: _loader_by(_parse_decimal, "a decimal"),
    datetime: _loader_by(
        _parse_moment, f"an ISO 8601 moment with its zone, from {EARLIEST.year} to {_LAST_PLANNED.year}"
    ),
    ForeignMoment: _loader_by(_parse_foreign_moment, "an ISO 8601 moment with its zone"),
    time: _loader_by(time.fromisoformat, "a time of day"),
    timedelta: _loader_by(_parse_span, f'microseconds, such as "1000000us", for at most {_FARTHEST_PLAN.days} days'),
    ipaddress.IPv4Network: _NETWORK,
    ipaddress.IPv6Network: _NETWORK,
    Path: _loader_by(Path, "a path"),
}


Json = bool | int | float | str | None | list["Json"] | dict[str, "Json"]

TYPE_KEY = "$type"
TYPE_NAMES: Mapping[type[msgspec.Struct], str] = {
    Fixed: "Fixed",
    Uniform: "Uniform",
    Lognormal: "Lognormal",
    Listed: "Listed",
    Plan: "Plan",
    PlanTemplate: "Course",
    Mix: "Mix",
    Exchange: "Exchange",
    Sending: "Sending",
}
"""Classes that stand where others may stand too, and what they are called in a document."""
_encode = msgspec.json.Encoder().encode


def to_plain(value: object) -> Json:
    """A value as JSON. TypeError for what is none of the simulator's values."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, Enum):
        return to_plain(value.value)
    if isinstance(value, str):
        return _written_text(value)
    if isinstance(value, int):
        return value
    if isinstance(value, msgspec.Struct):
        return _written_struct(value)
    if isinstance(value, tuple | list):
        return [to_plain(each) for each in value]
    if isinstance(value, datetime | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return _written_octets(value)
    if isinstance(value, timedelta):
        return f"{value // _MICROSECOND}us"
    if isinstance(value, frozenset):
        return sorted((to_plain(each) for each in value), key=repr)
    if isinstance(value, Mapping):
        return _written_mapping(value)
    if isinstance(value, CompiledRules):
        return to_plain(value.book)
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, Decimal | ipaddress.IPv4Network | ipaddress.IPv6Network):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written")


def encode_document(value: object, depth: int = 0) -> bytes:
    """The JSON of a value; what is in it down to a depth is written and encoded piece by piece.

    So the whole of it is never there but as these octets, and no piece keeps other threads waiting for long.
    """
    if depth > 0 and isinstance(value, msgspec.Struct):
        kind = type(value)
        members = [_encode({TYPE_KEY: TYPE_NAMES[kind]})[1:-1]] if kind in TYPE_NAMES else []
        for name, default in _defaults(kind):
            field = getattr(value, name)
            if type(field) is not type(default) or field != default:
                members.append(b"%b:%b" % (_encode(name), encode_document(field, depth - 1)))
        return b"{%b}" % b",".join(members)
    if depth > 0 and isinstance(value, tuple):
        return b"[%b]" % b",".join([encode_document(each, depth - 1) for each in value])
    return _encode(to_plain(value))


def _written_struct(value: msgspec.Struct) -> Json:
    kind = type(value)
    shown: dict[str, Json] = {TYPE_KEY: TYPE_NAMES[kind]} if kind in TYPE_NAMES else {}
    for name, default in _defaults(kind):
        field = getattr(value, name)
        if type(field) is not type(default) or field != default:
            shown[name] = to_plain(field)
    return shown


def _written_mapping(value: Mapping[object, object]) -> Json:
    if all(isinstance(key, str) for key in value):
        return {str(key): to_plain(entry) for key, entry in value.items()}
    return [[to_plain(key), to_plain(entry)] for key, entry in value.items()]


def _written_text(value: str) -> Json:
    try:
        value.encode()
    except UnicodeEncodeError:
        return {"surrogates": base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()}
    return value


def _written_octets(value: bytes) -> Json:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


@cache
def _defaults(kind: type[msgspec.Struct]) -> tuple[tuple[str, object], ...]:
    return tuple(
        (each.name, each.default if each.default_factory is msgspec.NODEFAULT else each.default_factory())
        for each in msgspec.structs.fields(kind)
    )


S = TypeVar("S", bound=msgspec.Struct)

_LONG_LIST = 50
"""Entries of a list that may be large all together."""


def from_plain(data: object, kind: type[S]) -> S:
    """The value of a kind that JSON says. Raises MisfitError for what is none."""
    found = _loader_of(kind)(data)
    assert isinstance(found, kind)
    return found


def decode_document(document: bytes | msgspec.Raw, depth: int) -> object:
    """JSON as `read` takes it. Down to a depth the entries of long lists stay raw: each is decoded when it is read.

    So no more than one of them is there undecoded at a time, and none keeps other threads waiting for long. Raises
    msgspec.DecodeError for what is no JSON; what is wrong inside an entry shows when it is read.
    """
    first = bytes(memoryview(document)[:1])
    if depth > 0 and first == b"{":
        members = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
        return {name: decode_document(each, depth - 1) for name, each in members.items()}
    if depth > 0 and first == b"[":
        entries = msgspec.json.decode(document, type=list[msgspec.Raw])
        return entries if len(entries) > _LONG_LIST else [decode_document(each, depth - 1) for each in entries]
    return msgspec.json.decode(document)


@cache
def _loader_of(hint: object) -> Loader:
    """What reads values of a type; made once for each."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _loader_of(args[0])
    if origin in (Union, types.UnionType):
        return _of_union(args)
    if origin is Literal:
        return _of_literal(args)
    if origin in (tuple, list, Sequence):
        return _of_sequence(args)
    if origin is frozenset:
        return _of_set(args[0])
    if origin is Mapping:
        return _of_mapping(*args)
    if hint is CompiledRules:
        return _load_rules
    if hint in SCALAR_LOADERS:
        return SCALAR_LOADERS[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _of_enum(hint)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _of_typed([hint, *hint.__subclasses__()]) if hint in TYPE_NAMES else _of_struct(hint)
    raise TypeError(f"{hint} cannot be read")


def _of_struct(kind: type[msgspec.Struct]) -> Loader:
    fields: dict[str, Loader] = {}
    required: list[str] = []

    def load(data: object) -> object:
        if not fields:
            # Found when the first is read, since a type may hold others of its own.
            hints = get_type_hints(kind)
            fields.update({each.name: _loader_of(hints[each.name]) for each in msgspec.structs.fields(kind)})
            required.extend(each.name for each in msgspec.structs.fields(kind) if each.required)
        if not isinstance(data, dict):
            raise MisfitError(data, "an object")
        values: dict[str, object] = {}
        for name, entry in data.items():
            if name not in fields:
                if name == TYPE_KEY:
                    continue
                raise MisfitError(name, f"a key that is known{suggestion(str(name), fields)}")
            try:
                values[name] = fields[name](entry)
            except MisfitError as error:
                error.path.insert(0, f".{name}")
                raise
        for name in required:
            if name not in values:
                raise MisfitError(data, f"{name} in it")
        return kind(**values)

    return load


def _of_typed(kinds: Sequence[type[msgspec.Struct]]) -> Loader:
    loaders = {TYPE_NAMES[kind]: _of_struct(kind) for kind in kinds}
    words = " or ".join(loaders)

    def load(data: object) -> object:
        if not isinstance(data, dict) or data.get(TYPE_KEY) not in loaders:
            raise MisfitError(data, f"an object whose {TYPE_KEY} is {words}")
        return loaders[data[TYPE_KEY]](data)

    return load


def _of_union(args: tuple[object, ...]) -> Loader:
    """The first member that fits; texts that mean something are tried before any text."""
    kinds = [each for each in args if isinstance(each, type) and issubclass(each, msgspec.Struct)]
    members = [_loader_of(each) for each in args if get_origin(each) is Literal]
    others = [each for each in args if get_origin(each) is not Literal and each not in kinds and each is not type(None)]
    members += [_loader_of(each) for each in sorted(others, key=lambda each: each is str)]
    if len(kinds) == 1:
        members.append(_loader_of(kinds[0]))
    elif kinds:
        members.append(_of_typed(kinds))
    optional = type(None) in args
    if len(members) == 1:
        (only,) = members
        return (lambda data: None if data is None else only(data)) if optional else only

    def load(data: object) -> object:
        if data is None and optional:
            return None
        misfits = []
        for member in members:
            try:
                return member(data)
            except MisfitError as error:
                misfits.append(error)
        raise max(misfits, key=lambda error: len(error.path))

    return load


def _of_literal(args: tuple[object, ...]) -> Loader:
    def load(data: object) -> object:
        for each in args:
            if data == each and isinstance(data, bool) == isinstance(each, bool):
                return each
        raise MisfitError(data, " or ".join(f'"{each}"' if isinstance(each, str) else str(each) for each in args))

    return load


def _of_sequence(args: tuple[object, ...]) -> Loader:
    if len(args) == 1 or args[1:] == (...,):
        loader = _loader_of(args[0])
        return lambda data: tuple(_each(_listed(data), lambda _: loader))
    loaders = [_loader_of(each) for each in args]

    def load(data: object) -> object:
        values = _listed(data)
        if len(values) != len(loaders):
            raise MisfitError(data, f"a list of {len(loaders)}")
        return tuple(_each(values, loaders.__getitem__))

    return load


def _of_set(hint: object) -> Loader:
    loader = _loader_of(hint)
    return lambda data: frozenset(_each(_listed(data), lambda _: loader))


def _of_mapping(key: object, entry: object) -> Loader:
    load_key, load_entry = _loader_of(key), _loader_of(entry)

    def load(data: object) -> object:
        pairs = list(data.items()) if isinstance(data, dict) else _listed(data)
        found = {}
        for pair in pairs:
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise MisfitError(pair, "a key and its value")
            try:
                found[load_key(pair[0])] = load_entry(pair[1])
            except MisfitError as error:
                error.path.insert(0, f".{pair[0]}")
                raise
        return found

    return load


def _of_enum(kind: type[Enum]) -> Loader:
    def load(data: object) -> object:
        try:
            return kind(data)
        except ValueError:
            raise MisfitError(data, f"a value of {kind.__name__}") from None

    return load


def _listed(data: object) -> Sequence[object]:
    if not isinstance(data, list):
        raise MisfitError(data, "a list")
    return data


def _each(values: Sequence[object], loader_of: Callable[[int], Loader]) -> list[object]:
    found = []
    for index, value in enumerate(values):
        try:
            given = msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value
            found.append(loader_of(index)(given))
        except MisfitError as error:
            error.path.insert(0, f"[{index}]")
            raise
    return found


def _load_rules(data: object) -> CompiledRules:
    book = _loader_of(RuleBook)(data)
    assert isinstance(book, RuleBook)
    try:
        return CompiledRules(book)
    except (ValueError, re.error) as error:
        raise MisfitError(data, f"rules that can be put to use: {error}") from error
