"""A clock: what time it is for one account, given what time it is on the wall: real, scaled or frozen.

A `Clock` is a value. It never reads the time: the wall's time is handed in, and the account's virtual time comes out
(`now`, `wall_of`). Changing a clock (`frozen_at`, `resumed`, `advanced`) gives a new one, anchored where the old one
stood, so that time never jumps back; what cannot be is a ValueError that says so.
"""

from datetime import timedelta
from typing import Literal

import msgspec

from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.timestamps import HONG_KONG, LATEST, MOMENTS, checked_moment

Mode = Literal["real", "scaled", "frozen"]

SLOWEST = 0.001
FASTEST = 1_000_000.0

_MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)


class Clock(msgspec.Struct, frozen=True):
    """Virtual time that was `virtual` when the wall showed `wall`, and has gone `rate` times as fast since."""

    virtual: datetime
    wall: datetime
    rate: float = 1.0
    """Virtual seconds in a second: 1 is real, 0 frozen."""

    @classmethod
    def real(cls, wall: datetime) -> "Clock":
        """Makes a clock that shows exactly what the wall shows."""
        return cls(wall.astimezone(HONG_KONG), wall)

    @classmethod
    def started(cls, mode: Literal["real", "frozen"] | float, wall: datetime) -> "Clock":
        """Makes a clock as a configuration asks for it: real, frozen, or so many times as fast (`scaled`)."""
        if mode == "real":
            return cls.real(wall)
        return cls.frozen(wall) if mode == "frozen" else cls.scaled(mode, wall)

    @classmethod
    def scaled(cls, rate: float, wall: datetime) -> "Clock":
        """Makes a clock that starts at the wall's time and goes `rate` times as fast: 0, or 0.001 to 1,000,000.

        Any other rate is a ValueError.
        """
        return cls(wall.astimezone(HONG_KONG), wall, checked_rate(rate))

    @classmethod
    def frozen(cls, wall: datetime, at: datetime | None = None) -> "Clock":
        """Makes a clock that stands at `at`, or at the wall's time."""
        return cls((wall if at is None else at).astimezone(HONG_KONG), wall, 0.0)

    @property
    def mode(self) -> Mode:
        """Frozen, real (as fast as the wall, perhaps ahead of it), or scaled."""
        if self.rate == 0:
            return "frozen"
        return "real" if self.rate == 1 else "scaled"

    @property
    def is_real(self) -> bool:
        """Whether it shows what the wall shows."""
        return self.rate == 1 and self.virtual == self.wall

    def now(self, wall: datetime) -> datetime:
        """The virtual time, in Hong Kong's zone. A clock that goes stops at the last moment there is, `LATEST`."""
        if self.rate == 0:
            return self.virtual
        passed = wall - self.wall
        try:
            now = self.virtual + (passed if self.rate == 1 else _times(passed, *self.rate.as_integer_ratio()))
        except OverflowError:
            return LATEST
        return now if now < LATEST else LATEST

    def wall_of(self, virtual: datetime) -> datetime | None:
        """Returns the first moment on the wall when it is `virtual` here; None when that never comes.

        What is due already was due at the latest when the clock was last set: that moment comes back, also from a
        frozen clock.
        """
        ahead = virtual - self.virtual
        if ahead <= timedelta():
            return self.wall
        if self.rate == 0 or virtual > LATEST:
            return None
        try:
            return self.wall + (ahead if self.rate == 1 else -_times(-ahead, *reversed(self.rate.as_integer_ratio())))
        except OverflowError:
            return None

    def shown_on_the_wall(self, virtual: datetime) -> datetime | None:
        """Returns the wall's moment for one of this clock, past or to come; None when it cannot be known.

        A clock that was set knows only the time since then, and one that stands knows none.
        """
        if self.is_real:
            return virtual
        return self.wall_of(virtual) if self.rate and virtual > self.virtual else None

    def frozen_at(self, wall: datetime) -> "Clock":
        """Returns the clock stopped where it is."""
        return Clock(self.now(wall), wall, 0.0)

    def resumed(self, rate: float, wall: datetime) -> "Clock":
        """Returns the clock going on from where it is at another rate; ValueError as for `scaled`."""
        return Clock(self.now(wall), wall, checked_rate(rate))

    def advanced(self, by: timedelta, wall: datetime) -> "Clock":
        """Returns the clock moved ahead, going on at its rate. Backwards, or past the last moment, is a ValueError."""
        if by < timedelta():
            raise ValueError(f"a clock only goes forward: cannot advance it by {by / _SECOND:,} seconds")
        now = self.now(wall)
        if by > LATEST - now:
            raise ValueError(f"it is {now.isoformat()}, and a clock shows {MOMENTS}: cannot advance it by {by}")
        return Clock(now + by, wall, self.rate)

    def advanced_to(self, moment: datetime, wall: datetime) -> "Clock":
        """Returns the clock moved ahead to a moment, going on at its rate.

        A moment that is past, or one that no clock shows, is a ValueError.
        """
        now = self.now(wall)
        if moment < now:
            raise ValueError(f"a clock only goes forward: it is {now.isoformat()}, after {moment.isoformat()}")
        return Clock(checked_moment(moment), wall, self.rate)


def checked_rate(rate: float) -> float:
    """Returns the rate if a clock can go at it: 0, or 0.001 to 1,000,000. Anything else is a ValueError."""
    if rate == 0 or SLOWEST <= rate <= FASTEST:
        return rate
    raise ValueError(f"a clock's rate is 0 (frozen), or {SLOWEST} to {FASTEST:,.0f}, not {rate}")


def _times(span: timedelta, numerator: int, denominator: int) -> timedelta:
    """The span times a fraction, in whole microseconds rounded down."""
    return timedelta(microseconds=span // _MICROSECOND * numerator // denominator)
