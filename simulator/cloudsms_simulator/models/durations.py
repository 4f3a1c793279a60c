"""Durations as people write them, in configuration, API and command line: `3s`, `250ms`, `1h30m`, or ISO 8601 `PT25H`.

`read_duration` gives a timedelta, exact to the microsecond, not negative and at most 3650 days; `duration_text`
writes the shortest text that is read back as the same. Imports nothing but the standard library: the client uses it
too.

Spec: none; this is how the simulator is configured.
"""

import math
import re
from datetime import timedelta
from decimal import Decimal

from cloudsms_simulator.expressions import lazy_pattern

_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
    "us": timedelta(microseconds=1),
}
_MICROSECOND = timedelta(microseconds=1)
_LONGEST = timedelta(days=3650)

_PART = lazy_pattern(r"([0-9]+(?:\.[0-9]+)?)(d|h|ms|us|m|s)")
_SHORT = lazy_pattern(rf"(?:{_PART.pattern})+")
_NUMBER = r"([0-9]+(?:[.,][0-9]+)?)"
_ISO = lazy_pattern(
    rf"P(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:T(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?", re.IGNORECASE
)
_ISO_UNITS = (timedelta(weeks=1), _UNITS["d"], _UNITS["h"], _UNITS["m"], _UNITS["s"])

WANT_DURATION = 'a duration with its unit, such as "3s", "250ms", "1h30m" or "PT25H"'
_WANT_SHORTER = "a duration of at most 3650 days"


def read_duration(text: str) -> timedelta:
    """Reads a duration: not negative, at most 3650 days, exact to the microsecond.

    Raises ValueError, which says what would be right, for anything else, and of a bare number that its unit is missing.
    """
    written = text.strip()
    amount = _short(written) if _SHORT.fullmatch(written) else _iso(written)
    if amount is None:
        unit = f'; did you mean "{written}s"?' if re.fullmatch(r"[0-9]+(\.[0-9]+)?", written) else ""
        raise ValueError(f"{WANT_DURATION}{unit}")
    if amount > _LONGEST // _MICROSECOND:
        raise ValueError(_WANT_SHORTER)
    return timedelta(microseconds=int(amount))


def read_duration_or_seconds(value: str | float) -> timedelta:
    """Reads a duration, or a number of seconds; in the limits of `read_duration`, else ValueError as there."""
    if isinstance(value, str):
        return read_duration(value)
    if not 0 <= value < math.inf:
        raise ValueError("a duration that is not negative")
    if value > _LONGEST.total_seconds():
        raise ValueError(_WANT_SHORTER)
    return timedelta(seconds=value)


def duration_text(duration: timedelta) -> str:
    """Writes a duration in the shortest whole units, read back as the same: `1h30m`, `250ms`, `0s`."""
    rest, parts = duration, list[str]()
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _short(written: str) -> Decimal | None:
    parts = _PART.findall(written)
    order = [list(_UNITS).index(unit) for _, unit in parts]
    if order != sorted(set(order)):
        return None
    return sum((Decimal(number) * (_UNITS[unit] // _MICROSECOND) for number, unit in parts), Decimal(0))


def _iso(written: str) -> Decimal | None:
    found = _ISO.fullmatch(written)
    if found is None or not any(found.groups()) or written.upper().endswith("T"):
        return None
    total = Decimal(0)
    for number, size in zip(found.groups(), _ISO_UNITS, strict=True):
        if number:
            total += Decimal(number.replace(",", ".")) * (size // _MICROSECOND)
    return total
