"""What an HTTP client of ours needs: deadlines that share one timer, and an answer put together from what arrives.

`Deadlines` does what `asyncio.timeout` does with one timer for all that wait: a timer of the event loop costs a push
a tenth of all it costs, and hardly any push is late. Moments are those of the event loop, in seconds. `HttpAnswer`
reads an answer with httptools, passes over interim ones, and keeps what is known when it breaks off.

Spec: Delivery Report (DR) CallBack.
"""

import asyncio
import math
from types import TracebackType
from typing import Self

import httptools


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


MOST_OCTETS_READ = 1024 * 1024
_FIRST_FINAL_STATUS = 200


class HttpAnswer:
    """The answer to one request. Interim ones, such as 100 Continue, are passed over."""

    def __init__(self) -> None:
        self.status: int | None = None
        """None until the head is whole."""
        self.body = bytearray()
        """At most 1 MiB of it."""
        self.complete = False
        """Whether nothing more is expected, or wanted. One without a length ends with its connection."""
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Takes what arrived. Raises httptools.HttpParserError when it is no HTTP and the status is not known yet."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            raise httptools.HttpParserError("an answer in another protocol") from error
        except httptools.HttpParserError:
            if self.status is None:
                raise
            self.complete = True

    def on_headers_complete(self) -> None:
        """The parser's: the head is whole."""
        if self.status is None and self._parser.get_status_code() >= _FIRST_FINAL_STATUS:
            self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        """The parser's: a piece of the body."""
        if not self.complete:
            self.body += data[: MOST_OCTETS_READ - len(self.body)]
            self.complete = len(self.body) == MOST_OCTETS_READ

    def on_message_complete(self) -> None:
        """The parser's: the end."""
        self.complete = self.status is not None
