"""Values read: what `value_writer.py` wrote becomes the simulator's values again, checked against their annotations."""

import re
import types
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Annotated, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from cloudsms_simulator.engine.rule_book import RuleBook
from cloudsms_simulator.engine.rules import Rules
from cloudsms_simulator.server.problems import suggestion
from cloudsms_simulator.server.value_scalars import READERS, Load, MisfitError
from cloudsms_simulator.server.value_writer import TYPE, TYPE_NAMES

S = TypeVar("S", bound=msgspec.Struct)

_LONG = 50
"""Entries of a list that may be large all together."""


def read(data: object, kind: type[S]) -> S:
    """The value of a kind that JSON says. Raises MisfitError for what is none."""
    found = _loader(kind)(data)
    assert isinstance(found, kind)
    return found


def opened(document: bytes | msgspec.Raw, depth: int) -> object:
    """JSON as `read` takes it. Down to a depth the entries of long lists stay raw: each is decoded when it is read.

    So no more than one of them is there undecoded at a time, and none keeps other threads waiting for long. Raises
    msgspec.DecodeError for what is no JSON; what is wrong inside an entry shows when it is read.
    """
    first = bytes(memoryview(document)[:1])
    if depth > 0 and first == b"{":
        members = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
        return {name: opened(each, depth - 1) for name, each in members.items()}
    if depth > 0 and first == b"[":
        entries = msgspec.json.decode(document, type=list[msgspec.Raw])
        return entries if len(entries) > _LONG else [opened(each, depth - 1) for each in entries]
    return msgspec.json.decode(document)


@cache
def _loader(hint: object) -> Load:
    """What reads values of a type; made once for each."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _loader(args[0])
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
    if hint is Rules:
        return _rules
    if hint in READERS:
        return READERS[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _of_enum(hint)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _of_typed([hint, *hint.__subclasses__()]) if hint in TYPE_NAMES else _of_struct(hint)
    raise TypeError(f"{hint} cannot be read")


def _of_struct(kind: type[msgspec.Struct]) -> Load:
    fields: dict[str, Load] = {}
    required: list[str] = []

    def load(data: object) -> object:
        if not fields:
            # Found when the first is read, since a type may hold others of its own.
            hints = get_type_hints(kind)
            fields.update({each.name: _loader(hints[each.name]) for each in msgspec.structs.fields(kind)})
            required.extend(each.name for each in msgspec.structs.fields(kind) if each.required)
        if not isinstance(data, dict):
            raise MisfitError(data, "an object")
        values: dict[str, object] = {}
        for name, entry in data.items():
            if name not in fields:
                if name == TYPE:
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


def _of_typed(kinds: Sequence[type[msgspec.Struct]]) -> Load:
    loaders = {TYPE_NAMES[kind]: _of_struct(kind) for kind in kinds}
    words = " or ".join(loaders)

    def load(data: object) -> object:
        if not isinstance(data, dict) or data.get(TYPE) not in loaders:
            raise MisfitError(data, f"an object whose {TYPE} is {words}")
        return loaders[data[TYPE]](data)

    return load


def _of_union(args: tuple[object, ...]) -> Load:
    """The first member that fits; texts that mean something are tried before any text."""
    kinds = [each for each in args if isinstance(each, type) and issubclass(each, msgspec.Struct)]
    members = [_loader(each) for each in args if get_origin(each) is Literal]
    others = [each for each in args if get_origin(each) is not Literal and each not in kinds and each is not type(None)]
    members += [_loader(each) for each in sorted(others, key=lambda each: each is str)]
    if len(kinds) == 1:
        members.append(_loader(kinds[0]))
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


def _of_literal(args: tuple[object, ...]) -> Load:
    def load(data: object) -> object:
        for each in args:
            if data == each and isinstance(data, bool) == isinstance(each, bool):
                return each
        raise MisfitError(data, " or ".join(f'"{each}"' if isinstance(each, str) else str(each) for each in args))

    return load


def _of_sequence(args: tuple[object, ...]) -> Load:
    if len(args) == 1 or args[1:] == (...,):
        loader = _loader(args[0])
        return lambda data: tuple(_each(_listed(data), lambda _: loader))
    loaders = [_loader(each) for each in args]

    def load(data: object) -> object:
        values = _listed(data)
        if len(values) != len(loaders):
            raise MisfitError(data, f"a list of {len(loaders)}")
        return tuple(_each(values, loaders.__getitem__))

    return load


def _of_set(hint: object) -> Load:
    loader = _loader(hint)
    return lambda data: frozenset(_each(_listed(data), lambda _: loader))


def _of_mapping(key: object, entry: object) -> Load:
    load_key, load_entry = _loader(key), _loader(entry)

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


def _of_enum(kind: type[Enum]) -> Load:
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


def _each(values: Sequence[object], loader_of: Callable[[int], Load]) -> list[object]:
    found = []
    for index, value in enumerate(values):
        try:
            given = msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value
            found.append(loader_of(index)(given))
        except MisfitError as error:
            error.path.insert(0, f"[{index}]")
            raise
    return found


def _rules(data: object) -> Rules:
    book = _loader(RuleBook)(data)
    assert isinstance(book, RuleBook)
    try:
        return Rules(book)
    except (ValueError, re.error) as error:
        raise MisfitError(data, f"rules that can be put to use: {error}") from error
