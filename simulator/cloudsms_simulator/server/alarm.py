"""An alarm: one call to come, at a moment of an account's clock, in the next turn of the loop, or after a pause."""

import asyncio
import math
from collections.abc import Callable

from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.server.wall import WallClock

_TICK = 0.01
"""Seconds of the wall by which an alarm may be late, so that what a busy account has due goes together."""


class Alarm:
    """Calls `ring` once for each time it is set; setting it anew replaces what it was set for."""

    def __init__(self, wall: WallClock, ring: Callable[[], None]) -> None:
        self._wall = wall
        self._ring = ring
        self._timer: asyncio.Handle | None = None
        self.expected: datetime | None = None
        """The moment of the account's clock it is set for. On a frozen clock it never rings for that."""

    @property
    def is_unconditional(self) -> bool:
        """Whether it rings in the next turn of the loop, or after a pause, whatever is due when."""
        return self._timer is not None and self.expected is None

    def set(self, due: datetime, clock: Clock) -> None:
        """Rings when it is `due` by the clock; in the next turn of the loop if it is already."""
        wall = self._wall.now()
        if due <= clock.now(wall):
            self.set_for_next_turn()
            return
        self.unset()
        self.expected = due
        at = clock.wall_of(due)
        if at is not None:
            loop = asyncio.get_running_loop()
            # What is due within the same short while is looked at together: a look of its own costs several times what
            # a message does.
            moment = math.ceil((loop.time() + (at - wall).total_seconds()) / _TICK) * _TICK
            self._timer = loop.call_at(moment, self._rings)

    def set_for_next_turn(self) -> None:
        """Rings in the next turn of the loop."""
        self.unset()
        self._timer = asyncio.get_running_loop().call_soon(self._rings)

    def set_after(self, seconds: float) -> None:
        """Rings after so many seconds of the wall."""
        self.unset()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._rings)

    def unset(self) -> None:
        """Does not ring."""
        self.expected = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rings(self) -> None:
        self.unset()
        self._ring()
