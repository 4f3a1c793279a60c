"""The codec: what the journal holds as JSON and back, by the annotations of its Structs.

msgspec writes and reads it. `encode` makes JSON of a value, `decode` a value again, held to its annotations and to what
msgspec cannot say: no key that is not known, moments that a clock can show, finite decimals, spans that a plan can
have. What does not fit is a `CodecError` with the path to it. Values of which there are several kinds in one place say
in `$type` which they are (`tag` of their Structs).

JSON has no halves of surrogate pairs, which customers send all the same: a value with one is `{"escaped": …}`, with
every text in it escaped. `pack` and `unpack` do the same in MessagePack, for rows that only a store reads, and trust
what they read.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from cloudsms_simulator.config import suggestion
from cloudsms_simulator.engine.records import PeerCertificate
from cloudsms_simulator.expressions import lazy_pattern
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.timestamps import EARLIEST, LATEST

T = TypeVar("T")

FARTHEST_PLAN = timedelta(days=7400)
"""No plan reaches farther ahead: a report that is held and then tried again, ten years each."""
_LAST_PLANNED = LATEST + FARTHEST_PLAN
_LARGEST_EXPONENT = 100
_ESCAPED = "escaped"
_TYPE = "$type"
_TO_ESCAPE = lazy_pattern("[\\\\\ud800-\udfff]")
_ESCAPE = lazy_pattern(r"\\([0-9a-f]{4})")
_AT = lazy_pattern(r"(.*) - at `(key in )?\$([^`]*)`", re.DOTALL)
_MOMENTS = f"an ISO 8601 moment with its zone, from {EARLIEST.year} to {_LAST_PLANNED.year}"
_FREE = frozenset({str, int, bool, float, bytes, type(None)})
"""Types of whose values msgspec says all there is to say."""
_ORDER: Final = "deterministic"
"""Sets come out sorted: the same value has the same JSON in every process."""
_encode = msgspec.json.Encoder(order=_ORDER).encode
_pack = msgspec.msgpack.Encoder().encode
_PACKED_ESCAPED = _pack({_ESCAPED: None})[:-1]
"""How a packed value begins that is escaped."""


class CodecError(ValueError):
    """JSON that is no value of ours: `path` leads to what is wrong, `text` says what came and what would be right."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(f"{path.removeprefix('.') or 'it'}: {text}")


def encode(value: object) -> msgspec.Raw:
    """The JSON of a value."""
    try:
        return msgspec.Raw(_encode(value))
    except UnicodeEncodeError:
        return msgspec.Raw(_encode({_ESCAPED: _with_texts(msgspec.to_builtins(value, order=_ORDER), _escape)}))


def decode(document: bytes | msgspec.Raw, kind: type[T], path: str = "") -> T:
    """The value of a kind that JSON says; `path` is where it stands. Raises CodecError with the path to a mistake."""
    try:
        data = msgspec.json.decode(document)
        if isinstance(data, dict) and list(data) == [_ESCAPED]:
            data = _with_texts(data[_ESCAPED], _unescape)
            found = msgspec.convert(data, kind)
        else:
            found = msgspec.json.decode(document, type=kind)
    except msgspec.ValidationError as error:
        raise _with_path(error, path) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CodecError(path, f"is no JSON: {error}") from None
    _check(found, data, path)
    return found


def pack(row: object) -> bytes:
    """A row in MessagePack."""
    try:
        return _pack(row)
    except UnicodeEncodeError:
        return _pack({_ESCAPED: _with_texts(msgspec.to_builtins(row, builtin_types=(bytes,)), _escape)})


def unpack(packed: bytes, kind: type[T]) -> T:
    """The row that was packed. Raises msgspec.DecodeError for anything else."""
    if not packed.startswith(_PACKED_ESCAPED):
        return msgspec.msgpack.decode(packed, type=kind)
    data = _with_texts(msgspec.msgpack.decode(packed)[_ESCAPED], _unescape)
    return msgspec.convert(data, kind, builtin_types=(bytes,))


def decode_document(document: bytes, kind: type[T]) -> T:
    """The value of a kind whose Structs refuse unknown keys by themselves, and leave long lists raw."""
    try:
        return msgspec.json.decode(document, type=kind)
    except msgspec.ValidationError as error:
        raise _with_path(error, "") from None


def _with_path(error: msgspec.ValidationError, path: str) -> CodecError:
    found = _AT.fullmatch(str(error))
    what, where = (found[1], found[3]) if found else (str(error), "")
    return CodecError(f"{path}{where}", what.replace("Expected ", "want "))


def _check(value: object, data: object, path: str) -> None:
    """Raises CodecError for what msgspec cannot refuse of a value that `data` said."""
    if isinstance(value, msgspec.Struct) and isinstance(data, dict):
        fields = value.__struct_fields__
        for name, entry in data.items():
            if name in fields:
                each = getattr(value, name)
                if type(each) not in _FREE and type(value) is not PeerCertificate:
                    _check(each, entry, f"{path}.{name}")
            elif name != _TYPE:
                raise CodecError(path, f'got "{name}", want a key that is known{suggestion(name, fields)}')
    elif isinstance(value, tuple) and isinstance(data, list):
        for index, (each, entry) in enumerate(zip(value, data, strict=True)):
            if type(each) not in _FREE:
                _check(each, entry, f"{path}[{index}]")
    elif isinstance(value, datetime):
        if value.tzinfo is None or not EARLIEST <= value <= _LAST_PLANNED:
            raise CodecError(path, f'got "{data}", want {_MOMENTS}')
    elif isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > _LARGEST_EXPONENT:
            raise CodecError(path, f'got "{data}", want a decimal')
    elif isinstance(value, timedelta) and not timedelta() <= value <= FARTHEST_PLAN:
        raise CodecError(path, f'got "{data}", want a duration of at most {FARTHEST_PLAN.days} days')


def _with_texts(data: object, change: Callable[[str], str]) -> object:
    """JSON data with every text in it changed, keys aside."""
    if isinstance(data, str):
        return change(data)
    if isinstance(data, dict):
        return {key: _with_texts(entry, change) for key, entry in data.items()}
    if isinstance(data, list | tuple):
        return [_with_texts(entry, change) for entry in data]
    return data


def _escape(text: str) -> str:
    return _TO_ESCAPE.sub(lambda found: f"\\{ord(found[0]):04x}", text)


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
