"""The thread a test session's simulator runs in.

What starts and stops it has deadlines, so that a session ends whatever happens. If it ends by itself, that is told.
A thread belongs to the process that started it: a forked child has none, and leaves that of its parent alone.
"""

import asyncio
import os
import threading
from concurrent.futures import Future
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudsms_simulator.server.ready_file import Ready
    from cloudsms_simulator.server.settings import Settings

STARTS_WITHIN = 30.0
"""Seconds of wall time."""
STOPS_WITHIN = 10.0
_GRACE = timedelta(milliseconds=50)


class ServerError(RuntimeError):
    """The simulator cannot be started, reached or stopped, or ended by itself."""


class ServerThread:
    """A simulator, its event loop and its thread. The thread does not keep the process from ending."""

    def __init__(
        self, settings: "Settings", *, starts_within: float = STARTS_WITHIN, stops_within: float = STOPS_WITHIN
    ) -> None:
        self._settings = settings
        self._starts_within = starts_within
        self._stops_within = stops_within
        self._ready: Future[Ready] = Future()
        self._stop: Future[None] = Future()
        self._ended: Future[None] = Future()
        self._stopped = False
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._serve, name="cloudsms-simulator", daemon=True)

    def start(self) -> "Ready":
        """Where the simulator is, once it serves. ServerError when something keeps it from that, or it takes too
        long."""
        from cloudsms_simulator.server.event_loop import GreenThreadsError, refuse_green_threads

        try:
            refuse_green_threads()
        except GreenThreadsError as error:
            raise ServerError(str(error)) from error
        self._thread.start()
        try:
            failed = self._ready.exception(self._starts_within)
        except TimeoutError:
            self._ask_to_stop()
            raise ServerError(f"the simulator did not start within {self._starts_within:g} s") from None
        if failed is not None:
            raise ServerError(f"the simulator did not start: {_told(failed)}") from failed
        return self._ready.result()

    def check(self) -> None:
        """ServerError, with the reason, when the simulator is not running any more though nobody stopped it. A forked
        child cannot know."""
        if not self._is_here or self._stopped or not self._ended.done():
            return
        error = self._ended.exception(0)
        why = "" if error is None else f": {_told(error)}"
        raise ServerError(f"the simulator ended while the tests were running{why}") from error

    def stop(self) -> None:
        """Stops it, whatever it is doing; ServerError when that takes too long, or it ended in an error. In a forked
        child nothing is done."""
        if not self._is_here:
            return
        how = "ended while the tests were running" if self._ended.done() else "did not stop as it should"
        self._ask_to_stop()
        self._thread.join(self._stops_within)
        if self._thread.is_alive():
            raise ServerError(f"the simulator did not stop within {self._stops_within:g} s; it ends with the process")
        error = self._ended.exception(0)
        if error is not None:
            raise ServerError(f"the simulator {how}: {_told(error)}") from error

    @property
    def _is_here(self) -> bool:
        # Asked before any lock of the futures: in a child, nobody is left to let go of one that was held at the fork.
        return self._pid == os.getpid()

    def _ask_to_stop(self) -> None:
        self._stopped = True
        if not self._stop.done():
            self._stop.set_result(None)

    def _serve(self) -> None:
        try:
            from cloudsms_simulator.server.event_loop import new_event_loop

            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(self._run())
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            self._ended.set_exception(error)
        else:
            self._ended.set_result(None)

    async def _run(self) -> None:
        from cloudsms_simulator.server.simulator import Simulator

        simulator = Simulator(self._settings)
        await simulator.start()
        try:
            self._ready.set_result(simulator.ready)
            await asyncio.wrap_future(self._stop)
        finally:
            await simulator.stop(_GRACE)


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__
