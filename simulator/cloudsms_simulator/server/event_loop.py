"""The event loop everything runs on: uvloop's where installed, otherwise asyncio's with a clock nobody can freeze.

Tests freeze `time.monotonic` (freezegun does); on plain asyncio every timer would then stand still. uvloop reads the
kernel's clock itself.

Spec: CloudSMS Platform Server.
"""

import asyncio
import sys
import time
from collections.abc import Callable

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
