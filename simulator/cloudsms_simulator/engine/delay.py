"""Delays: how long something takes, fixed or drawn from a distribution.

Reading: R21.
"""

import math
from datetime import timedelta

import msgspec

from cloudsms_simulator.engine.chance import Chance

LONGEST = timedelta(days=7)
"""Where the tail of a distribution is cut off: long after the longest a message can wait for its final state."""

_ALMOST_NONE = 1e-12


class Fixed(msgspec.Struct, frozen=True):
    """Always the same."""

    value: timedelta


class Uniform(msgspec.Struct, frozen=True):
    """Anything between two bounds, each as likely."""

    lower: timedelta
    upper: timedelta


class Lognormal(msgspec.Struct, frozen=True):
    """Half of the draws are below the median; the larger `sigma`, the longer the tail. Never below `minimum`."""

    median: timedelta
    sigma: float
    minimum: timedelta = timedelta()


class Listed(msgspec.Struct, frozen=True):
    """The values one after the other, and then again: the n-th for the n-th destination seen for a recipient."""

    values: tuple[timedelta, ...]


Delay = Fixed | Uniform | Lognormal | Listed


def bounds(delay: Delay) -> tuple[timedelta, timedelta]:
    """The shortest and the longest that a draw can be."""
    match delay:
        case Fixed(value):
            return value, value
        case Listed(values):
            return min(values), max(values)
        case Uniform(lower, upper):
            return lower, upper
        case Lognormal(_, _, minimum):
            return minimum, max(LONGEST, minimum)


def drawn(delay: Delay, chance: Chance, rule: str, purpose: str = "delay") -> timedelta:
    """One delay in whole microseconds. A draw of `Lognormal` ends at `LONGEST`, the others within what they say."""
    match delay:
        case Fixed(value):
            return value
        case Listed(values):
            return values[(chance.n - 1) % len(values)]
        case Uniform(lower, upper):
            return lower + (upper - lower) * chance.draw(rule, purpose)
        case Lognormal(median, sigma, minimum):
            # Imported when such a delay is drawn: few need it, and it brings half of the library along.
            from statistics import NormalDist

            deviation = NormalDist().inv_cdf(max(chance.draw(rule, purpose), _ALMOST_NONE))
            factor = math.exp(min(sigma * deviation, 100.0))
            seconds = min(median.total_seconds() * factor, LONGEST.total_seconds())
            return max(timedelta(seconds=seconds), minimum)
