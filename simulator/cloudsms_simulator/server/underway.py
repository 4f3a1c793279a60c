"""Underway: the pushes of one account that are on the way, and those that ended and are not kept yet.

Spec: Delivery Report (DR) CallBack. Reading: R11.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from functools import partial

import msgspec

from cloudsms_simulator.engine.account import Callback
from cloudsms_simulator.engine.outcomes import push_findings
from cloudsms_simulator.engine.report import Push, PushResult
from cloudsms_simulator.server.aside import AT_ONCE, aside
from cloudsms_simulator.server.push_client import PushClient

_TOGETHER = 0.002
"""Seconds for which what ended waits for more to end: to keep many at a time costs a tenth of a push less each."""
_MOST = 3
"""How many times as many as are still on the way have to have ended for nothing to wait any longer."""

log = logging.getLogger("cloudsms_simulator.pusher")


class Underway:
    """Makes pushes. One that has ended is in `ended`, and `tell` is called: at once when most have, else very soon."""

    def __init__(self, client: PushClient, tell: Callable[[], None]) -> None:
        self._client = client
        self._tell = tell
        self._running: dict[asyncio.Task[None], Push] = {}
        self._waiting: asyncio.TimerHandle | None = None
        self.ended: list[tuple[Push, PushResult]] = []
        """In the order in which they ended; who has kept what came of one takes it out."""

    def __len__(self) -> int:
        """How many pushes are on the way."""
        return len(self._running)

    def has_none_of(self, uids: Collection[str]) -> bool:
        """Whether no push of these messages is on the way, or ended and is yet to be kept."""
        return not any(push.uid in uids for push in (*self._running.values(), *(push for push, _ in self.ended)))

    def start(self, push: Push, callback: Callback) -> None:
        """Makes a push in a task of its own."""
        self._running[asyncio.get_running_loop().create_task(self._push(push, callback))] = push

    async def wait(self, seconds: float) -> None:
        """Returns when no push is on the way, or after so long."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)

    async def abort(self) -> list[Push]:
        """Ends the pushes that are on the way, and returns them; they do not get into `ended`."""
        running, self._running = self._running, {}
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        return list(running.values())

    async def _push(self, push: Push, callback: Callback) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            result = await self._client.post(push, callback)
            if len(result.body) > AT_ONCE:
                findings = await aside(len(result.body), partial(push_findings, push, result))
                result = msgspec.structs.replace(result, findings=findings)
        except Exception as error:
            log.error("pushing %s failed inside the simulator", push.uid, exc_info=error)
            result = PushResult(failure="push-failed", error="the simulator itself failed")
        if self._running.pop(task, None) is not None:
            self.ended.append((push, result))
            if len(self.ended) >= len(self._running) * _MOST:
                self._tell_now()
            elif self._waiting is None:
                self._waiting = asyncio.get_running_loop().call_later(_TOGETHER, self._tell_now)

    def _tell_now(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        self._tell()
