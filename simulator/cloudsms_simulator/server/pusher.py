"""The pusher: sleeps until the next report of an account is due, then pushes what is due.

Each account has a lane: one alarm for the earliest moment, and as many pushes on the way as the account allows. What
to push, and what to do about a failure, the platform says; retries are rows with a due time in the store, so they
follow the account's clock.

Spec: Delivery Report (DR) CallBack. Reading: R10, R11.
"""

import asyncio
from collections.abc import Iterable

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.server.lane import Lane
from cloudsms_simulator.server.push_client import PushClient
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store


class Pusher:
    """Pushes the reports of all accounts until it is closed."""

    def __init__(self, platform: Platform, store: Store, client: PushClient, wall: WallClock) -> None:
        self._platform = platform
        self._store = store
        self._client = client
        self._wall = wall
        self._lanes: dict[str, Lane] = {}
        self._closed = False

    def start(self, accounts: Iterable[Account]) -> None:
        """Takes up what a store that outlived its process still has to do."""
        for account in accounts:
            due = self._store.next_wake(account)
            if due is not None:
                self.expect(account, due)

    def expect(self, account: Account, due: datetime) -> None:
        """Something of the account is due then. Cheap when something earlier is already expected.

        The account counts as it is by now, not as it was when the request came; one that was deleted expects nothing.
        """
        current = self._platform.directory.named(account.name)
        if current is not None:
            self._lane_of(current).expect(due)

    async def idle(self) -> None:
        """Returns when no push is on its way, what came of them is kept, and nothing is about to be looked at."""
        while busy := [lane for lane in self._lanes.values() if not lane.is_idle]:
            await asyncio.gather(*(lane.idle() for lane in busy))

    def clock_changed(self, account: Account) -> None:
        """The account's clock was set, or goes at another rate: what is due is due at another time of the wall."""
        self._lane(account).clock_changed()

    def running(self, account: Account) -> int:
        """How many pushes of the account are on the way."""
        lane = self._lanes.get(account.name)
        return 0 if lane is None else lane.running

    async def settle(self, account: Account, looked_at: list[str]) -> None:
        """Returns when what is due at the account's present moment is pushed and kept, and what that made due by then.

        For who steps a frozen clock: nothing waits for a timer here. Puts into `looked_at`, as it goes, the SMS_UIDs of
        what was looked at and of what came of pushes. Returns early when the account is aborted.
        """
        await self._lane(account).settle(looked_at)

    async def report_first(self, account: Account, uids: tuple[str, ...], seconds: float) -> None:
        """Looks at messages at once, and returns when no push of them is due or on the way, or after `seconds`."""
        await self._lane(account).report_first(uids, seconds)

    async def abort(self, account: Account) -> int:
        """Ends the running pushes of an account at once, keeps nothing of them, and forgets what it knew; how many.

        Nothing of the account fires afterwards, until something is expected again. Not for use inside a transaction.
        """
        lane = self._lanes.pop(account.name, None)
        return 0 if lane is None else await lane.abort()

    async def close(self, seconds: float) -> int:
        """Starts no more pushes, lets running ones finish for so long, then ends them; how many had to be ended."""
        self._closed = True
        ended = await asyncio.gather(*(lane.close(seconds) for lane in self._lanes.values()))
        await self._client.close()
        return sum(ended)

    def _lane(self, account: Account) -> Lane:
        # A caller may hold the account as it was before a scenario was put to use.
        return self._lane_of(self._platform.directory.named(account.name) or account)

    def _lane_of(self, current: Account) -> Lane:
        lane = self._lanes.get(current.name)
        if lane is None:
            lane = self._lanes[current.name] = Lane(current, self._platform, self._store, self._client, self._wall)
            if self._closed:
                lane.shut()
        lane.account = current
        return lane
