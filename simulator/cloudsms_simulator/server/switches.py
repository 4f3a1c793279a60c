"""Switches: single points of a profile, set on top of it for the server or an account.

The switches, and what each may be, are the fields of `Profile`; nothing is repeated here.

Reading: R1.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, get_args, get_origin, get_type_hints

import msgspec

from cloudsms_simulator.protocol.profile import Profile, StateSet
from cloudsms_simulator.protocol.result_codes import RESULT_CODES, ResultCode, desc_of, written
from cloudsms_simulator.protocol.states import State
from cloudsms_simulator.server.kinds import Kind, ListKind, Scalar, TableKind, UnfitError, take_entries
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.problems import suggestion
from cloudsms_simulator.server.setting_kinds import ON_OFF, choice, parse_list, parse_whole, read_text
from cloudsms_simulator.server.toml_file import TomlValue

SwitchValue = str | bool | int | tuple[str, ...] | StateSet
Switches = Mapping[str, SwitchValue]
"""Values by switch, each one that the field of `Profile` takes."""

NO_SWITCHES: Switches = MappingProxyType({})

A_CODE = "a result code by name or number, such as Busy or 0x03"
CODE_NAMES: Mapping[str, ResultCode] = {row.desc: row.code for row in reversed(RESULT_CODES)}
"""`Empty_data` is the name of two codes; the first has it."""

_FOLDED = {name.casefold(): code for name, code in CODE_NAMES.items()}
_CODES: Mapping[int, ResultCode] = {int(code): code for code in ResultCode}
_ALL_BUT = "all_but"
_HIGHEST_STATE = 2**32 - 1


def profile_with(profile: Profile, switches: Switches) -> Profile:
    """The profile with switches set on top of it."""
    return msgspec.structs.replace(profile, **switches)


def read_state(value: TomlValue) -> int:
    """A state, by number or by name."""
    if isinstance(value, str):
        if value.upper() in State.__members__:
            return int(State[value.upper()])
        value = parse_whole(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _HIGHEST_STATE:
        raise UnfitError
    return value


def read_code(value: TomlValue) -> ResultCode:
    """A result code: its name, its number, or that as a text such as `0x05`."""
    if isinstance(value, str):
        if value.casefold() in _FOLDED:
            return _FOLDED[value.casefold()]
        try:
            value = parse_whole(value)
        except UnfitError:
            raise UnfitError(f"{A_CODE}{suggestion(str(value), CODE_NAMES)}") from None
    if not isinstance(value, int) or isinstance(value, bool) or value not in _CODES:
        raise UnfitError(f"{A_CODE}; the codes are {', '.join(written(code) for code in ResultCode)}")
    return _CODES[value]


def _read_switches(table: Mapping[str, TomlValue], place: Place, text: bool) -> Switches:
    taken = take_entries(table, SWITCH_KINDS, place, text=text)
    return {name: value for name, value in taken.items() if isinstance(value, str | int | tuple | StateSet)}


def _parse_switches(text: str) -> TomlValue:
    pairs = [pair.partition("=") for pair in text.split()]
    if not all(name and equals for name, equals, _ in pairs):
        raise UnfitError('pairs with blanks between them, such as "unpriced=report dr_auth_key=on"')
    return {name: value for name, _, value in pairs}


def _read_states(value: TomlValue) -> StateSet:
    all_but = isinstance(value, Mapping)
    if isinstance(value, Mapping):
        if list(value) != [_ALL_BUT]:
            raise UnfitError
        value = value[_ALL_BUT]
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise UnfitError
    return StateSet(frozenset(read_state(entry) for entry in value), all_but)


def _parse_states(text: str) -> TomlValue:
    kept = text.removeprefix(f"{_ALL_BUT}:")
    states = parse_list(kept)
    return states if kept == text else {_ALL_BUT: states}


def _number_among(numbers: tuple[int, ...]) -> Kind:
    def read(value: TomlValue) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value not in numbers:
            raise UnfitError
        return value

    texts = [str(number) for number in numbers]
    return Scalar(want=" or ".join(texts), read=read, parse=parse_whole, metavar="|".join(texts))


def _code_among(numbers: tuple[int, ...]) -> Kind:
    """A result code, written as codes are everywhere, that is one of some."""
    texts = [written(_CODES[number]) for number in numbers]
    want = " or ".join(f"{text} ({desc_of(_CODES[number])})" for text, number in zip(texts, numbers, strict=True))

    def read(value: TomlValue) -> int:
        try:
            code = int(read_code(value))
        except UnfitError:
            raise UnfitError(want) from None
        if code not in numbers:
            raise UnfitError(want)
        return code

    return Scalar(want=want, read=read, metavar="|".join(texts))


_VERSIONS = ListKind(
    want='a list of texts, such as ["2021-01-01"]',
    item=Scalar(want="a text that is not empty", read=read_text),
    parse=parse_list,
)
_STATES = Scalar(
    want='a list of states, such as [2, "EXPIRED"], or all but some: { all_but = [8, 60] }',
    read=_read_states,
    parse=_parse_states,
)


def _kind_of(hint: object) -> Kind:
    if get_origin(hint) is Literal:
        values = get_args(hint)
        if not isinstance(values[0], int):
            return choice(*values)
        return _code_among(values) if set(values) <= _CODES.keys() else _number_among(values)
    if hint is bool:
        return ON_OFF
    return _STATES if hint is StateSet else _VERSIONS


SWITCH_KINDS: Mapping[str, Kind] = {
    name: _kind_of(hint) for name, hint in get_type_hints(Profile).items() if name != "name"
}
SWITCHES = TableKind(
    want="a table of switches",
    table=_read_switches,
    parse=_parse_switches,
    metavar="NAME=VALUE …",
    example={"unpriced": "report"},
)
