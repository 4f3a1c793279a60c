"""Ctrl-C and SIGTERM as an event, or as the end of a block, so that a command can end in good order."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


def stop_on_signals(stop: asyncio.Event) -> None:
    """Sets the event when the process is told to stop. Call it in the running loop, in the main thread."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))


@contextmanager
def interruptible() -> Iterator[None]:
    """A block that blocks, and is left without an error when the process is told to stop. For the main thread."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
