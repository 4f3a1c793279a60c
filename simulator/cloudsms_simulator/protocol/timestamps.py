"""Moments as the platform writes them: Hong Kong time, to the second.

Every moment inside the simulator is an aware `datetime` in this zone, so the wire, the API and the log agree.

Spec: General Parameters, TIME. Spec: Delivery Report (DR) Request Format, TIME, REPORT_TIME.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

HONG_KONG = timezone(timedelta(hours=8))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC).astimezone(HONG_KONG)
_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


def wire_time(moment: datetime) -> str:
    """`YYYY-MM-DD HH:MM:SS` of a moment in Hong Kong; the fraction of the second is cut off."""
    since = moment - EPOCH
    return _written(since.days, since.seconds)


@lru_cache(maxsize=64)
def _written(days: int, seconds: int) -> str:
    """A second of Hong Kong since 1970. Remembered: all answers of a second say the same."""
    return (EPOCH + timedelta(days=days, seconds=seconds)).isoformat(" ", "seconds")[:19]


def read_wire_time(text: str) -> datetime | None:
    """The Hong Kong moment a TIME field names, or None when it is not written as `YYYY-MM-DD HH:MM:SS`."""
    return None if _SHAPE.fullmatch(text) is None else _read(text)


@lru_cache(maxsize=64)
def _read(text: str) -> datetime | None:
    """Remembered: all that comes within a second says the same."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=HONG_KONG)
    except ValueError:
        return None


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970, exactly."""
    since = moment - EPOCH
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds
