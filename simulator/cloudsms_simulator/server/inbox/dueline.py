"""The due line: what is still to come of an account's messages, along a scale that shows seconds and hours alike.

A place on it is the logarithm of one second more than the time until then, so that the first second is as wide as the
hours at the end; the scale goes to 26 hours, past the last expiry of what is accepted now, or to whatever comes later.
"""

from collections.abc import Iterable
from math import log1p

import msgspec

from cloudsms_simulator.engine.coming import Kind
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.server.pending_item import PendingItem

SHORTEST_SPAN = 26 * 3600.0
"""Seconds that the scale shows at least."""
_MARKS = (
    (1, "1 s"),
    (10, "10 s"),
    (60, "1 min"),
    (600, "10 min"),
    (3600, "1 h"),
    (6 * 3600, "6 h"),
    (25 * 3600, "25 h"),
)
_STEPS = 200
"""Dots that fall into the same of so many parts of the line are one."""


class Dot(msgspec.Struct, frozen=True):
    """Things that are due at about the same time; `at` is when the first of them is, `state` its state's name."""

    x: float
    """Percent of the line."""
    kind: Kind
    at: datetime
    in_s: float
    state: str
    count: int


class Mark(msgspec.Struct, frozen=True):
    """A line across the scale."""

    x: float
    label: str


class DueLine(msgspec.Struct, frozen=True):
    """What is due, soonest first, and the scale it stands on."""

    span: float
    """Seconds from one end to the other."""
    dots: tuple[Dot, ...]
    marks: tuple[Mark, ...]


def due_line(pending: Iterable[PendingItem]) -> DueLine:
    """The line of what is pending."""
    due = sorted(pending, key=lambda each: each.in_s)
    span = max(SHORTEST_SPAN, due[-1].in_s * 1.05 if due else 0.0)
    dots: dict[tuple[Kind, int], Dot] = {}
    for each in due:
        x = place_of(each.in_s, span)
        key = (each.kind, round(x / 100 * _STEPS))
        known = dots.get(key)
        if known is None:
            dots[key] = Dot(round(x, 2), each.kind, each.due_at, each.in_s, each.state_name, 1)
        else:
            dots[key] = msgspec.structs.replace(known, count=known.count + 1)
    marks = tuple(Mark(round(place_of(seconds, span), 2), label) for seconds, label in _MARKS)
    return DueLine(span, tuple(dots.values()), marks)


def place_of(seconds: float, span: float) -> float:
    """Where a time from now stands, in percent of the line."""
    return 100 * log1p(min(seconds, span)) / log1p(span)
