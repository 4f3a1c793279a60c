"""Signals: Ctrl-C and SIGTERM as an event, so that a command can end in good order."""

import asyncio
import signal


def stop_on_signals(stop: asyncio.Event) -> None:
    """Sets the event when the process is told to stop. Call it in the running loop, in the main thread."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
