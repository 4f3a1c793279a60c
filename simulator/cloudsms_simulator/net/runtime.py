"""What a process runs on: its event loop, threads, applications that are imported when first called, log lines.

The event loop is uvloop's where installed, otherwise asyncio's with a clock nobody can freeze: tests freeze
`time.monotonic` (freezegun does), and on plain asyncio every timer would then stand still; uvloop reads the kernel's
clock itself. `LazyApp` is an ASGI application whose module is imported in a thread at the first call, so that a start
does not wait for it and whoever sends meanwhile is served. `offload` does work on values that nobody changes at once
when it is short, in a thread when it looks at much: a thread costs more than short work, and a mebibyte takes a while
to read. `TimeSlices` gives everybody else a turn every 2 ms. `AccountLock` lets calls that move one account's clock
come one after the other; a reset or the end of the simulator calls off those that have it or wait for it
(CalledOffError). Log lines are for people or one JSON object each, on standard error.

Spec: CloudSMS Platform Server.
"""

import asyncio
import importlib
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache, partial
from textwrap import indent
from typing import Generic, Literal, TypeVar

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.timestamps import wire_time
from cloudsms_simulator.protocol.unicode_text import escaped, escaped_lines

if sys.platform == "win32":
    _BaseLoop = asyncio.ProactorEventLoop
else:
    _BaseLoop = asyncio.SelectorEventLoop

if sys.platform == "win32":
    # Windows has no clock_gettime. The function itself is kept, so that replacing `time.monotonic` changes nothing.
    class SteadyEventLoop(_BaseLoop):
        """asyncio's event loop, whose time keeps running when `time.monotonic` is frozen."""

        def time(self, _monotonic: Callable[[], float] = time.monotonic) -> float:
            """Seconds since some fixed moment."""
            return _monotonic()

else:

    class SteadyEventLoop(_BaseLoop):
        """asyncio's event loop, whose time keeps running when `time.monotonic` is frozen."""

        def time(
            self, _clock_gettime: Callable[[int], float] = time.clock_gettime, _clock: int = time.CLOCK_MONOTONIC
        ) -> float:
            """Seconds since some fixed moment."""
            return _clock_gettime(_clock)


class GreenThreadsError(Exception):
    """The threads or sockets of this process are not Python's own; the text says what to do."""


_REPLACED = ("thread", "threading", "socket", "select")


def refuse_green_threads() -> None:
    """GreenThreadsError where gevent replaced threads or sockets: an event loop stops all of gevent's, and then waits
    for them for ever."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and any(monkey.is_module_patched(name) for name in _REPLACED):
        raise GreenThreadsError(
            "gevent replaced the threads and sockets of this process, and the simulator cannot run beside it; start one"
            " in a process of its own, `cloudsms-simulator serve`, and name its admin API: pytest takes it as"
            " --cloudsms-url, and the control client, which does work here, as its url"
        )


def new_event_loop(*, prefer_uvloop: bool = True) -> asyncio.AbstractEventLoop:
    """A fresh event loop, for `asyncio.Runner(loop_factory=new_event_loop)`. The caller closes it."""
    if prefer_uvloop and sys.platform != "win32":
        try:
            import uvloop
        except ImportError:
            return SteadyEventLoop()
        return uvloop.new_event_loop()
    return SteadyEventLoop()


T = TypeVar("T")


class Lazy(Generic[T]):
    """A value that `make` makes once, at the first use, after a `module` was imported in a thread."""

    def __init__(self, module: str, make: Callable[[], T]) -> None:
        self._module = module
        self._make = make
        self._made: T | None = None

    async def get(self) -> T:
        """Returns the value, and makes it if this is the first call. Concurrent first calls get the same value."""
        if self._made is None:
            await asyncio.to_thread(importlib.import_module, self._module)
        if self._made is None:
            self._made = self._make()
        return self._made


class LazyApp:
    """An ASGI application that `make` makes at the first call, out of a `module` that is imported then."""

    def __init__(self, module: str, make: Callable[[], ASGIApp]) -> None:
        self._app = Lazy(module, make)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        app = await self._app.get()
        await app(scope, receive, send)


_INDENT = "    "
_LOGGED_FACTS = ("request_id", "account", "peer", "rules")


class TextLines(logging.Formatter):
    """`2026-11-22 17:00:00 INFO what happened`; a traceback follows on lines that are indented.

    Control characters of what is told are escaped, so that only a line of ours begins with a time.
    """

    def __init__(self) -> None:
        super().__init__()
        self._wall = WallClock()

    def format(self, record: logging.LogRecord) -> str:
        """The line, with Hong Kong time as on the wire, and what belongs to it."""
        lines = [escaped(f"{wire_time(self._wall.now())} {record.levelname:<7} {record.getMessage()}")]
        if record.exc_info:
            lines.append(indent(escaped_lines(self.formatException(record.exc_info)), _INDENT))
        if record.stack_info:
            lines.append(indent(escaped_lines(record.stack_info), _INDENT))
        return "\n".join(lines)


class JsonLines(logging.Formatter):
    """`{"time": …, "level": "INFO", "logger": …, "message": …}` with the facts of an exchange beside it."""

    def __init__(self) -> None:
        super().__init__()
        self._wall = WallClock()

    def format(self, record: logging.LogRecord) -> str:
        """One object on one line, a traceback in its `traceback`; its strings have no control characters either."""
        line: dict[str, object] = {
            "time": self._wall.now(),
            "level": record.levelname,
            "logger": record.name,
            "message": escaped(record.getMessage()),
        }
        for name in _LOGGED_FACTS:
            if hasattr(record, name):
                value: object = getattr(record, name)
                line[name] = escaped(value) if isinstance(value, str) else value
        if record.exc_info:
            line["traceback"] = escaped_lines(self.formatException(record.exc_info))
        return msgspec.json.encode(line).decode()


def write_logs(style: Literal["text", "json"]) -> None:
    """Sends the simulator's log, and warnings of everything else, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextLines() if style == "text" else JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("cloudsms_simulator").setLevel(logging.INFO)


CallOffReason = Literal["reset", "deleted", "gone", "replaced", "stopped"]
_REASON_TEXTS: dict[CallOffReason, str] = {
    "reset": "the account was reset meanwhile, so nothing is left to wait for",
    "deleted": "the account was deleted meanwhile",
    "gone": "the account was reset or deleted meanwhile, so nothing is left to wait for",
    "replaced": "another state was put in the place of this one meanwhile",
    "stopped": "the simulator is stopping",
}


class CalledOffError(Exception):
    """What a call waited for will not happen any more: the account was reset or deleted, or the simulator stops."""

    def __init__(self, reason: CallOffReason) -> None:
        super().__init__(_REASON_TEXTS[reason])
        self.reason = reason


class AccountLock:
    """The calls for one account. Belongs to one event loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._over = False
        self._call_off: asyncio.Future[CallOffReason] = asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def taken(self, deadline: float | None = None) -> AsyncIterator["asyncio.Future[CallOffReason] | None"]:
        """Waits until it is the caller's turn, at most until a moment of the loop's time: then None comes back.

        Otherwise what comes back is done as soon as the call is called off. CalledOffError when that is so already.
        """
        call_off = self._call_off
        try:
            async with asyncio.timeout_at(deadline):
                await self._lock.acquire()
        except TimeoutError:
            yield None
            return
        try:
            self._check()
            if call_off.done():
                raise CalledOffError(call_off.result())
            yield call_off
        finally:
            self._lock.release()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Waits until it is the caller's turn, for as long as that takes. Only the end of all turns calls it off."""
        async with self._lock:
            self._check()
            yield

    def end(self) -> None:
        """Lets nobody have a turn any more: the account is gone."""
        self._over = True

    def _check(self) -> None:
        if self._over:
            raise CalledOffError("deleted")

    @property
    def busy(self) -> bool:
        """Whether somebody has the turn."""
        return self._lock.locked()

    def call_off(self, reason: CallOffReason) -> None:
        """Ends the call whose turn it is, and those that wait; not those that come later."""
        self._call_off.set_result(reason)
        self._call_off = asyncio.get_running_loop().create_future()


INLINE_OCTETS = 32 * 1024
"""Octets of bodies that are worked on at once: a millisecond or two."""
_TRIM_ABOVE_OCTETS = 512 * 1024
"""Octets of work that leaves room behind worth giving back."""

SLICE_SECONDS = 0.002
"""Seconds of one slice."""


class TimeSlices:
    """Work in slices on the event loop: whoever awaits `rest` after each piece of it gives way after 2 ms."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._begun = self._loop.time()

    async def rest(self) -> None:
        """Lets others have their turn, if the slice is over."""
        if self._loop.time() - self._begun >= SLICE_SECONDS:
            await asyncio.sleep(0)
            self._begun = self._loop.time()


async def offload(octets: int, work: Callable[[], T]) -> T:
    """Returns what `work` returns. Runs it in a thread if it looks at more than `INLINE_OCTETS` octets.

    It must read nothing that changes on the event loop, such as a store: hand it what it needs.
    """
    if octets <= INLINE_OCTETS:
        return work()
    return await asyncio.to_thread(partial(_with_memory_returned, work) if octets >= _TRIM_ABOVE_OCTETS else work)


def _with_memory_returned(work: Callable[[], T]) -> T:
    """Runs `work`, then gives the memory it no longer needs back to the system; the C library would keep it."""
    try:
        return work()
    finally:
        trim = _malloc_trim()
        if trim is not None:
            trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    """glibc's `malloc_trim`; None where there is another C library."""
    import ctypes

    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return trim
