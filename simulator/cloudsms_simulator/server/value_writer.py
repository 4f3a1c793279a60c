"""Values written: the simulator's values as JSON, by the annotations of their fields; `value_reader.py` reads them.

Fields that have their default are left out. Moments and durations, exact decimals, octets and networks are texts.
Values of which there are several kinds in one place say in `$type` which they are.
"""

import base64
import ipaddress
from collections.abc import Mapping
from datetime import time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from pathlib import Path

import msgspec

from cloudsms_simulator.engine.delay import Fixed, Listed, Lognormal, Uniform
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.message import Sending
from cloudsms_simulator.engine.outlook import Course, Mix
from cloudsms_simulator.engine.rules import Rules
from cloudsms_simulator.engine.script import Plan
from cloudsms_simulator.protocol.moments import datetime

Json = bool | int | float | str | None | list["Json"] | dict[str, "Json"]

TYPE = "$type"
TYPE_NAMES: Mapping[type[msgspec.Struct], str] = {
    Fixed: "Fixed",
    Uniform: "Uniform",
    Lognormal: "Lognormal",
    Listed: "Listed",
    Plan: "Plan",
    Course: "Course",
    Mix: "Mix",
    Exchange: "Exchange",
    Sending: "Sending",
}
"""Classes that stand where others may stand too, and what they are called in a document."""
_encode = msgspec.json.Encoder().encode
_MICROSECOND = timedelta(microseconds=1)


def written(value: object) -> Json:
    """A value as JSON. TypeError for what is none of the simulator's values."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, Enum):
        return written(value.value)
    if isinstance(value, str):
        return _written_text(value)
    if isinstance(value, int):
        return value
    if isinstance(value, msgspec.Struct):
        return _written_struct(value)
    if isinstance(value, tuple | list):
        return [written(each) for each in value]
    if isinstance(value, datetime | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return _written_octets(value)
    if isinstance(value, timedelta):
        return f"{value // _MICROSECOND}us"
    if isinstance(value, frozenset):
        return sorted((written(each) for each in value), key=repr)
    if isinstance(value, Mapping):
        return _written_mapping(value)
    if isinstance(value, Rules):
        return written(value.book)
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, Decimal | ipaddress.IPv4Network | ipaddress.IPv6Network):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written")


def encoded(value: object, depth: int = 0) -> bytes:
    """The JSON of a value; what is in it down to a depth is written and encoded piece by piece.

    So the whole of it is never there but as these octets, and no piece keeps other threads waiting for long.
    """
    if depth > 0 and isinstance(value, msgspec.Struct):
        kind = type(value)
        members = [_encode({TYPE: TYPE_NAMES[kind]})[1:-1]] if kind in TYPE_NAMES else []
        for name, default in _defaults(kind):
            field = getattr(value, name)
            if type(field) is not type(default) or field != default:
                members.append(b"%b:%b" % (_encode(name), encoded(field, depth - 1)))
        return b"{%b}" % b",".join(members)
    if depth > 0 and isinstance(value, tuple):
        return b"[%b]" % b",".join([encoded(each, depth - 1) for each in value])
    return _encode(written(value))


def _written_struct(value: msgspec.Struct) -> Json:
    kind = type(value)
    shown: dict[str, Json] = {TYPE: TYPE_NAMES[kind]} if kind in TYPE_NAMES else {}
    for name, default in _defaults(kind):
        field = getattr(value, name)
        if type(field) is not type(default) or field != default:
            shown[name] = written(field)
    return shown


def _written_mapping(value: Mapping[object, object]) -> Json:
    if all(isinstance(key, str) for key in value):
        return {str(key): written(entry) for key, entry in value.items()}
    return [[written(key), written(entry)] for key, entry in value.items()]


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
