"""The wall clock: the real moment, whatever the tests of our users do to Python's clocks.

freezegun replaces the functions of `time`, time-machine moves the system's wall clock as this process sees it. So the
wall time is read once, when this module is imported, and what has passed since is added to it. If a test moved the
wall clock even then, time-machine itself is asked for the real one. A module of its own, without asyncio: the
blocking client uses it.

Spec: General Parameters, TIME.
"""

import sys
import time
from collections.abc import Callable
from datetime import timedelta

from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.timestamps import EPOCH

if sys.platform == "win32":
    _monotonic = _elapsed = time.monotonic
    _at_import = time.time() - _elapsed()
else:

    def _monotonic(
        _clock_gettime: Callable[[int], float] = time.clock_gettime, _clock: int = time.CLOCK_MONOTONIC
    ) -> float:
        return _clock_gettime(_clock)

    def _elapsed(
        # Unlike CLOCK_MONOTONIC it keeps counting while a laptop sleeps; elsewhere CLOCK_MONOTONIC does.
        _clock_gettime: Callable[[int], float] = time.clock_gettime,
        _clock: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC),
    ) -> float:
        return _clock_gettime(_clock)

    _travelling = sys.modules.get("time_machine")
    _time = (
        time if _travelling is None or not _travelling.escape_hatch.is_travelling() else _travelling.escape_hatch.time
    )
    _at_import = _time.clock_gettime(time.CLOCK_REALTIME) - _elapsed()


class WallClock:
    """The real time. Cheap enough to be asked once per request; one instance may serve several threads."""

    __slots__ = ()

    def now(
        self,
        _elapsed: Callable[[], float] = _elapsed,
        _zero: datetime = EPOCH + timedelta(seconds=_at_import),
        _timedelta: type[timedelta] = timedelta,
    ) -> datetime:
        """The moment in Hong Kong time, to the microsecond. Never goes back."""
        return _zero + _timedelta(0, _elapsed())

    def monotonic(self, _monotonic: Callable[[], float] = _monotonic) -> float:
        """Seconds since some fixed moment, for measuring how long something took."""
        return _monotonic()
