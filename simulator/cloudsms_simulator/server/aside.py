"""Aside: long work on values that nobody changes, done in a thread, so that everybody else is served meanwhile.

What is looked at may be a mebibyte long and take a while to read, lay out or diagnose. Short work is done at once: a
thread costs more than it. Much short work is done in slices, between which everybody else gets a turn.
"""

import asyncio
import ctypes
from collections.abc import Callable
from functools import cache, partial
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 32 * 1024
"""Octets of bodies that are worked on at once: a millisecond or two."""
_MUCH = 512 * 1024
"""Octets of work that leaves room behind worth giving back."""

SLICE = 0.002
"""Seconds of one slice."""


class Slices:
    """Work in slices on the event loop: whoever awaits `rest` after each piece of it gives way after 2 ms."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._begun = self._loop.time()

    async def rest(self) -> None:
        """Lets others have their turn, if the slice is over."""
        if self._loop.time() - self._begun >= SLICE:
            await asyncio.sleep(0)
            self._begun = self._loop.time()


async def aside(octets: int, work: Callable[[], T]) -> T:
    """What `work` gives, which looks at so many octets: worked out in a thread when they are many.

    It must read nothing that changes on the event loop, such as a store: hand it what it needs.
    """
    if octets <= AT_ONCE:
        return work()
    return await asyncio.to_thread(partial(_tidied, work) if octets >= _MUCH else work)


def _tidied(work: Callable[[], T]) -> T:
    """Likewise, and gives what the work took for a while back to the system, which the C library would keep."""
    try:
        return work()
    finally:
        trim = _trim()
        if trim is not None:
            trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    """glibc's `malloc_trim`; None where there is another C library."""
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return trim
