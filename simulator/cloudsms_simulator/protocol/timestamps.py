"""Timestamps: moments as the platform writes them, Hong Kong time, to the second (`2026-01-01 12:00:00`).

Every moment inside the simulator is an aware `datetime` in this zone, so the wire, the API and the log agree. Here are
the zone, the first and the last moment that a clock can show (1970 to 2112), `wire_time` and `read_wire_time` for the
TIME fields, and `microseconds`, which SMS_UIDs count in.

Spec: General Parameters, TIME. Spec: Delivery Report (DR) Request Format, TIME, REPORT_TIME.
"""

import re
from datetime import UTC, timedelta, timezone
from functools import lru_cache
from typing import NewType

from cloudsms_simulator import moments
from cloudsms_simulator.moments import datetime

HONG_KONG = timezone(timedelta(hours=8))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC).astimezone(HONG_KONG)
EARLIEST = EPOCH
LATEST = datetime(2112, 1, 1, tzinfo=HONG_KONG)
"""The first and the last moment that a clock of the platform shows: an SMS_UID counts the microseconds since 1970 in 13
hexadecimal digits, which are used up in September 2112. What is planned, 25 h or ten years ahead, never overflows."""
MOMENTS = f"a moment from {EARLIEST.isoformat()} to {LATEST.isoformat()}"
"""What is wanted of a moment, in words."""
ForeignMoment = NewType("ForeignMoment", datetime)
"""A moment that no clock of the platform has to show, such as the end of a certificate; as `shown_moment` gives it."""
_FARTHEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=HONG_KONG)
_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


def checked_moment(moment: datetime) -> datetime:
    """A moment in Hong Kong's zone, if a clock can show it; ValueError, with the range that is good, if none can."""
    if not EARLIEST <= moment <= LATEST:
        raise ValueError(f"{moment.isoformat()} is not {MOMENTS}")
    return moment.astimezone(HONG_KONG)


def shown_moment(moment: datetime) -> ForeignMoment:
    """A moment of somebody else, such as the end of a certificate, in Hong Kong's zone.

    The last hours of the year 9999 are the year 10000 there, which Python does not know: they come back as its last.
    """
    try:
        return ForeignMoment(EPOCH + (moment - EPOCH))
    except OverflowError:
        return ForeignMoment(_FARTHEST)


def wire_time(moment: datetime) -> str:
    """`YYYY-MM-DD HH:MM:SS` of a moment in Hong Kong; the fraction of the second is cut off."""
    since = moment - EPOCH
    return _written(since.days, since.seconds)


@lru_cache(maxsize=64)
def _written(days: int, seconds: int) -> str:
    """Writes a second of Hong Kong since 1970. Cached: all answers of a second say the same."""
    return (EPOCH + timedelta(days=days, seconds=seconds)).isoformat(" ", "seconds")[:19]


def read_wire_time(text: str) -> datetime | None:
    """The Hong Kong moment a TIME field names, or None when it is not written as `YYYY-MM-DD HH:MM:SS`."""
    return None if _SHAPE.fullmatch(text) is None else _read(text)


@lru_cache(maxsize=64)
def _read(text: str) -> datetime | None:
    """Reads a TIME field. Cached: all that comes within a second says the same."""
    try:
        return moments.datetime.fromisoformat(text).replace(tzinfo=HONG_KONG)
    except ValueError:
        return None


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970, exactly."""
    since = moment - EPOCH
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds
