"""How a client says durations, names and bodies to the admin API."""

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import quote

import msgspec

from cloudsms_simulator.protocol import moments
from cloudsms_simulator.server.durations import duration_text, read_amount

Duration = timedelta | str | float
"""A timedelta, a text such as "3s" or "PT25H", or a number of seconds."""

API = "/api/v1"


def said_duration(duration: Duration) -> str | float:
    """A duration as the API reads it. ValueError for a negative one."""
    if not isinstance(duration, timedelta):
        return duration
    if duration < timedelta(0):
        raise ValueError(f"got {duration}, want a duration that is not negative")
    return duration_text(duration)


def seconds_of(duration: Duration) -> float:
    """A duration in seconds; 0 for a text that is none, of which the API tells what would be right."""
    if isinstance(duration, timedelta):
        return duration.total_seconds()
    try:
        return read_amount(duration).total_seconds()
    except ValueError:
        return 0.0


def said_values(values: Mapping[str, object]) -> dict[str, object]:
    """Values of a body, timedeltas in them as durations."""
    return {key: _said(value) for key, value in values.items()}


def body_of(values: Mapping[str, object]) -> bytes:
    """A JSON object; decimals are written as texts, so they stay exact. TypeError for what JSON has no place for."""
    return msgspec.json.encode(said_values(values))


def segment_of(name: str | int) -> str:
    """A name as a part of a path."""
    return quote(str(name), safe="")


def _said(value: object) -> object:
    if isinstance(value, timedelta):
        return said_duration(value)
    if isinstance(value, moments.datetime):
        return value.isoformat()  # which subclasses have too, freezegun's and pandas' among them
    if isinstance(value, Mapping):
        return {str(key): _said(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_said(entry) for entry in value]
    return value
