"""Sharing one event loop: long work in threads, much short work in slices, a lock for calls that can be called off.

`offload` does work on values that nobody changes at once when it is short, in a thread when it looks at much: a
thread costs more than short work, and a mebibyte takes a while to read. `TimeSlices` gives everybody else a turn
every 2 ms. `AccountLock` lets calls that move one account's clock come one after the other; a reset or the end of the
simulator calls off those that have it or wait for it (CalledOffError).
"""

import asyncio
import ctypes
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Literal, TypeVar

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


T = TypeVar("T")

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
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return trim
