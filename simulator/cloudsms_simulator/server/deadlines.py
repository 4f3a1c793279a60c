"""Deadlines: what `asyncio.timeout` does, with one timer for all that wait at a time.

A timer of the event loop costs a push a tenth of all it costs, and hardly any push is late. Moments are those of the
event loop, in seconds.
"""

import asyncio
import math
from types import TracebackType
from typing import Self


class Deadlines:
    """Deadlines of one event loop."""

    def __init__(self) -> None:
        self._running: dict[Deadline, None] = {}
        self._timer: asyncio.Handle | None = None
        self._moment = math.inf
        """When the timer goes off. uvloop's handles do not tell it where it is less than half a millisecond away."""

    def within(self, seconds: float) -> "Deadline":
        """A context for the current task: TimeoutError if it is not left within so long from now."""
        return Deadline(self, asyncio.get_running_loop().time() + seconds)

    def close(self) -> None:
        """Nothing is late any more."""
        self._running.clear()
        self._unset()

    def begin(self, deadline: "Deadline") -> None:
        """Watches over a deadline until it is over."""
        self._running[deadline] = None
        if deadline.moment < self._moment:
            self._set(deadline.moment)

    def end(self, deadline: "Deadline") -> None:
        """It is over. The timer stays as it is: the next deadline is probably a later one."""
        self._running.pop(deadline, None)

    def _look(self) -> None:
        self._unset()
        now = asyncio.get_running_loop().time()
        for deadline in [each for each in self._running if each.moment <= now]:
            del self._running[deadline]
            deadline.expire()
        if self._running:
            self._set(min(each.moment for each in self._running))

    def _set(self, moment: float) -> None:
        self._unset()
        self._moment = moment
        self._timer = asyncio.get_running_loop().call_at(moment, self._look)

    def _unset(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._moment = math.inf


class Deadline:
    """A context that is left with a TimeoutError when it takes too long; `within` makes one."""

    __slots__ = ("_cancelling", "_deadlines", "_task", "is_over", "moment")

    def __init__(self, deadlines: Deadlines, moment: float) -> None:
        self._deadlines = deadlines
        self.moment = moment
        self.is_over = False
        """Whether it passed before the context was left: then what waits in there is cancelled."""

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None, "a deadline is for a task"
        self._task, self._cancelling = task, task.cancelling()
        self._deadlines.begin(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deadlines.end(self)
        if self.is_over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """Cancels what the task waits for."""
        self.is_over = True
        self._task.cancel()
