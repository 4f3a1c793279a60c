"""Single values read: texts, octets, numbers, moments, spans, decimals and networks out of JSON."""

import base64
import binascii
import ipaddress
from collections.abc import Callable, Mapping
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec

from cloudsms_simulator.protocol import moments
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.timestamps import EARLIEST, HONG_KONG, LATEST, ForeignMoment

Load = Callable[[object], object]
"""Reads a JSON value. Raises MisfitError for what is none of its kind."""

_MICROSECOND = timedelta(microseconds=1)
_AHEAD = timedelta(hours=8)
_SHOWN = 60
_PLANNED = timedelta(days=7400)
"""No plan reaches farther ahead: a report that is held and then tried again, ten years each."""
_LAST = LATEST + _PLANNED
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
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        return f"{''.join(self.path).removeprefix('.') or 'it'}: got {shown}, want {self._want}"


def _text(data: object) -> str:
    if isinstance(data, str):
        return data
    if isinstance(data, dict) and list(data) == ["surrogates"]:
        return _decoded(data["surrogates"]).decode("utf-8", "surrogatepass")
    raise MisfitError(data, "a text")


def _octets(data: object) -> bytes:
    if isinstance(data, str):
        return data.encode()
    if isinstance(data, dict) and list(data) == ["base64"]:
        return _decoded(data["base64"])
    raise MisfitError(data, "a text, or base64 of octets")


def _decoded(data: object) -> bytes:
    try:
        return base64.b64decode(str(data), validate=True)
    except (binascii.Error, ValueError):
        raise MisfitError(data, "base64") from None


def _whole(data: object) -> int:
    if not isinstance(data, int) or isinstance(data, bool):
        raise MisfitError(data, "a whole number")
    return data


def _number(data: object) -> float:
    if not isinstance(data, int | float) or isinstance(data, bool):
        raise MisfitError(data, "a number")
    return data


def _truth(data: object) -> bool:
    if not isinstance(data, bool):
        raise MisfitError(data, "true or false")
    return data


def _parsed(parse: Callable[[str], object], want: str) -> Load:
    def load(data: object) -> object:
        try:
            return parse(_text(data))
        except (ValueError, ArithmeticError, MisfitError):
            raise MisfitError(data, want) from None

    return load


def _decimal(text: str) -> Decimal:
    found = Decimal(text)
    if not found.is_finite() or abs(found.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError
    return found


def _moment(text: str) -> datetime:
    found = _foreign_moment(text)
    if not EARLIEST <= found <= _LAST:
        raise ValueError
    return found


def _foreign_moment(text: str) -> datetime:
    found = moments.datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError
    return found.astimezone(HONG_KONG) if found.utcoffset() == _AHEAD else found


def _span(text: str) -> timedelta:
    if not text.endswith("us"):
        raise ValueError
    found = int(text[:-2]) * _MICROSECOND
    if not timedelta() <= found <= _PLANNED:
        raise ValueError
    return found


_NETWORK = _parsed(ipaddress.ip_network, "a network")
READERS: Mapping[object, Load] = {
    str: _text,
    bytes: _octets,
    int: _whole,
    float: _number,
    bool: _truth,
    Decimal: _parsed(_decimal, "a decimal"),
    datetime: _parsed(_moment, f"an ISO 8601 moment with its zone, from {EARLIEST.year} to {_LAST.year}"),
    ForeignMoment: _parsed(_foreign_moment, "an ISO 8601 moment with its zone"),
    time: _parsed(time.fromisoformat, "a time of day"),
    timedelta: _parsed(_span, f'microseconds, such as "1000000us", for at most {_PLANNED.days} days'),
    ipaddress.IPv4Network: _NETWORK,
    ipaddress.IPv6Network: _NETWORK,
    Path: _parsed(Path, "a path"),
}
