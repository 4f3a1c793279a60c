"""The pusher: sleeps until the next report of an account is due, then pushes what is due.

Each account has a lane: one timer for the earliest moment, and as many pushes on the way as the account allows. What
to push, and what to do about a failure, the platform says; retries are rows with a due time in the store, so they
follow the account's clock.

Spec: Delivery Report (DR) CallBack. Reading: R10, R11.
"""

import asyncio
import logging
import math
from collections.abc import Iterable
from datetime import datetime

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.report import Push, PushResult
from cloudsms_simulator.server.push_client import PushClient
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store, StoreError

_LOOKED_AT_ONCE = 256
_PAUSE_AFTER_A_FAILURE = 1.0
_TICK = 0.01
"""Seconds of the wall by which a report may be late, so that those of a busy account go together."""

log = logging.getLogger("cloudsms_simulator.pusher")


class Pusher:
    """Pushes the reports of all accounts until it is closed."""

    def __init__(self, platform: Platform, store: Store, client: PushClient, wall: WallClock) -> None:
        self._platform = platform
        self._store = store
        self._client = client
        self._wall = wall
        self._lanes: dict[str, _Lane] = {}

    def start(self, accounts: Iterable[Account]) -> None:
        """Takes up what a store that outlived its process still has to do."""
        for account in accounts:
            due = self._store.next_wake(account)
            if due is not None:
                self.expect(account, due)

    def expect(self, account: Account, due: datetime) -> None:
        """Something of the account is due then. Cheap when something earlier is already expected."""
        lane = self._lanes.get(account.name)
        if lane is None:
            lane = self._lanes[account.name] = _Lane(account, self._platform, self._store, self._client, self._wall)
        lane.expect(due)

    async def idle(self) -> None:
        """Returns when no push is on its way."""
        while running := [task for lane in self._lanes.values() for task in lane.running]:
            await asyncio.wait(running)

    async def close(self, seconds: float) -> int:
        """Starts no more pushes, lets running ones finish for so long, then ends them; how many had to be ended."""
        ended = await asyncio.gather(*(lane.close(seconds) for lane in self._lanes.values()))
        await self._client.close()
        return sum(ended)


class _Lane:
    def __init__(self, account: Account, platform: Platform, store: Store, client: PushClient, wall: WallClock) -> None:
        self._account = account
        self._platform = platform
        self._store = store
        self._client = client
        self._wall = wall
        self._expected: datetime | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self._running: dict[asyncio.Task[None], Push] = {}
        self._left: list[str] = []
        """SMS_UIDs taken from the store, which hands each out once, that were not looked at because it failed.

        While there are any, they are looked at again after a pause, and nothing sooner or later is waited for.
        """
        self._open = True

    @property
    def running(self) -> Iterable[asyncio.Task[None]]:
        return tuple(self._running)

    def expect(self, due: datetime) -> None:
        if self._expected is not None and self._expected <= due:
            return
        if self._looking is not None or self._left or not self._open:
            return
        self._arm(due)

    async def close(self, seconds: float) -> int:
        self._open = False
        self._disarm()
        if self._looking is not None:
            await asyncio.wait([self._looking])
        if not self._running:
            return 0
        _, late = await asyncio.wait(self._running, timeout=seconds)
        pushes = [self._running[task] for task in late]
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        for push in pushes:
            await self._record(push, PushResult(failure="push-failed", error="the simulator was stopped"))
        return len(pushes)

    def _arm(self, due: datetime) -> None:
        """Sets the timer for a moment of the account's clock; on a frozen clock nothing comes due by itself."""
        self._disarm()
        self._expected = due
        wall = self._wall.now()
        at = self._store.standing(self._account).clock.wall_of(due)
        if at is not None or due <= self._store.standing(self._account).clock.now(wall):
            loop = asyncio.get_running_loop()
            moment = loop.time() + (0.0 if at is None else (at - wall).total_seconds())
            if moment > loop.time():
                # What is due within the same short while is looked at together: a look of its own costs several times
                # what a message does.
                moment = math.ceil(moment / _TICK) * _TICK
            self._timer = loop.call_at(moment, self._look)

    def _disarm(self) -> None:
        self._expected = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._disarm()
        if self._open and self._looking is None and len(self._running) < self._account.callback.concurrency:
            self._looking = asyncio.get_running_loop().create_task(self._push_what_is_due())
            self._looking.add_done_callback(self._looked)

    def _looked(self, task: asyncio.Task[None]) -> None:
        self._looking = None
        if not self._open:
            return
        if not task.cancelled() and task.exception() is not None:
            log.error("looking for due reports of %s failed", self._account.name, exc_info=task.exception())
            self._pause()
        elif len(self._running) < self._account.callback.concurrency:
            self._wait_for_the_next()

    def _wait_for_the_next(self) -> None:
        due = self._store.next_wake(self._account)
        if self._left:
            self._pause()
        elif due is not None:
            self._arm(due)

    def _pause(self) -> None:
        self._disarm()
        self._timer = asyncio.get_running_loop().call_later(_PAUSE_AFTER_A_FAILURE, self._look)

    async def _push_what_is_due(self) -> None:
        """One pass: as many messages as there is room for pushes."""
        # Without a callback nothing is on its way, so there is always room.
        url, room = self._account.callback.url, self._account.callback.concurrency - len(self._running)
        for push in await self._take(_LOOKED_AT_ONCE if url is None else min(room, _LOOKED_AT_ONCE)):
            task = asyncio.get_running_loop().create_task(self._push(push))
            self._running[task] = push
            task.add_done_callback(self._pushed)

    async def _take(self, limit: int) -> list[Push]:
        """Looks at so many messages that are due, and returns the pushes to make."""
        account = self._account
        now = self._store.standing(account).clock.now(self._wall.now())
        uids, self._left = self._left, []
        uids = uids or await self._store.take_wakes(account, now, limit)
        if not uids:
            return []
        try:
            transaction = await self._store.begin(account, tuple(uids))
            pushes = self._platform.take_due(transaction, uids, now)
            await self._store.commit(transaction)
        except StoreError:
            self._left = uids
            raise
        return pushes

    async def _push(self, push: Push) -> None:
        """Makes a push, and then, as long as others are due, one of those: a busy account needs no task for each."""
        task = asyncio.current_task()
        assert task is not None
        while True:
            await self._record(push, await self._client.post(push, self._account.callback))
            following = await self._take(1) if self._open and not self._left else []
            if not following:
                return
            (push,) = following
            self._running[task] = push

    def _pushed(self, task: asyncio.Task[None]) -> None:
        push = self._running.pop(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("pushing %s failed inside the simulator", push.uid, exc_info=task.exception())
        if self._open and self._looking is None:
            self._wait_for_the_next()

    async def _record(self, push: Push, result: PushResult) -> None:
        account = self._account
        now = self._store.standing(account).clock.now(self._wall.now())
        try:
            transaction = await self._store.begin(account, (push.uid,))
            self._platform.record_push(transaction, push, result, now)
            await self._store.commit(transaction)
        except StoreError as error:
            log.error("what came of pushing %s is not kept: %s", push.uid, error)
            return
        if result.failure is not None:
            log.warning("pushing %s to %s failed: %s", push.uid, push.url, result.error)
