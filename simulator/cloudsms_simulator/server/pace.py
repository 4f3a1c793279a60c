"""Pace: how often the feeds put news into words, so that who reads them does not slow down who sends.

What a frame costs is measured, and the frames of all feeds together get a small part of the time, in the order in which
they ask. On an idle server none of them waits for another; under load there are fewer, with more in each.

Reading: R16.
"""

import time
from collections.abc import Callable

PART = 0.01
"""The part of the time that goes into frames at most."""
SENDING = 200e-6
"""Seconds that it takes to send a frame to one reader, about: that is done later, elsewhere."""
LONGEST = 1.0
"""Seconds that one frame may keep the next waiting, whatever it cost."""


class Pace:
    """The pace of all feeds of a simulator. Moments are those of the event loop, in seconds."""

    # CPU time of this thread: other processes do not count, and tests do not freeze it.
    def __init__(self, cpu: Callable[[], float] = time.thread_time) -> None:
        self._cpu = cpu
        self._begun = 0.0
        self._cost = 0.0
        self._free_at = 0.0

    def slot(self, earliest: float) -> float:
        """The moment for another frame, not before `earliest`."""
        moment = max(earliest, self._free_at)
        self._free_at = moment + min(self._cost / PART, LONGEST)
        return moment

    def begin(self) -> None:
        """A frame is begun."""
        self._begun = self._cpu()

    def end(self, readers: int = 0) -> None:
        """It is done, but for being sent to so many. The next will cost about as much as the last ones did."""
        self._cost = (self._cost + self._cpu() - self._begun + readers * SENDING) / 2
