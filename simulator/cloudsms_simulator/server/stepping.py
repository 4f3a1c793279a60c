"""Stepping: an account's clock goes from one due moment to the next, and at each everything that is due gets done.

Done means pushed, answered, audited and recorded, and what that made due at the same moment too. What it made due
later, a retry or a next state, is a step of its own.

Spec: Delivery Report (DR) CallBack. Reading: R10, R11, R15.
"""

import asyncio
from typing import Protocol

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.report import Report
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.timestamps import LATEST
from cloudsms_simulator.server.turns import CalledOffError, Reason
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store

_PAUSE = 0.01
"""Seconds of the wall before what could not be done, since the store failed, is tried again."""


class Pushing(Protocol):
    """What moving a clock needs of a pusher."""

    def running(self, account: Account) -> int:
        """How many pushes of the account are on the way."""
        ...

    def clock_changed(self, account: Account) -> None:
        """The account's clock was set, or goes at another rate: what is due is due at another time of the wall."""
        ...

    async def settle(self, account: Account, looked_at: list[str]) -> None:
        """Returns when what is due at the account's present moment is pushed and kept, and what that made due by then.

        Puts into `looked_at`, as it goes, the SMS_UIDs of what was looked at and of what came of pushes. Who does not
        want to wait any longer cancels it; what is on the way goes on.
        """
        ...

    async def abort(self, account: Account) -> int:
        """Ends the running pushes of an account at once, keeps nothing of them, and forgets what it knew; how many."""
        ...


class Walk:
    """One way of a standing clock through what is due. `fired` fills with the reports to which something happened."""

    def __init__(self, account: Account, store: Store, pusher: Pushing, wall: WallClock) -> None:
        self._account = account
        self._store = store
        self._pusher = pusher
        self._wall = wall
        self._fired: dict[tuple[str, int], None] = {}

    @property
    def fired(self) -> tuple[Report, ...]:
        """The reports reached, pushed or tried again on the way, in that order, as far as the journal has them."""
        reports = []
        for uid, number in self._fired:
            known = self._store.reports_of(self._account, uid)
            if number <= len(known):
                reports.append(known[number - 1])
        return tuple(reports)

    async def go(self, target: datetime | None, deadline: float, call_off: asyncio.Future[Reason]) -> bool:
        """Steps to the target, or without one until nothing is planned that any clock shows; whether all got done.

        At the deadline, in the loop's time, the clock stays at the last moment that was begun; what is on the way then
        goes on. Raises CalledOffError when that happens first.
        """
        loop = asyncio.get_running_loop()
        moment = self._store.standing(self._account).clock.virtual
        while await self._done(moment, deadline, call_off):
            due = self._store.next_wake(self._account)
            nothing_before_target = due is None or due > (LATEST if target is None else target)
            if nothing_before_target and (target is None or moment >= target):
                return True
            if loop.time() >= deadline:
                return False
            upcoming = target if nothing_before_target else due
            if upcoming is not None and upcoming > moment:
                moment = await self._stand_at(upcoming)
            else:
                await asyncio.sleep(_PAUSE)
        return False

    async def _done(self, moment: datetime, deadline: float, call_off: asyncio.Future[Reason]) -> bool:
        """Lets what is due get done; False when that takes until the deadline."""
        due = self._store.next_wake(self._account)
        since = moment if due is None else min(moment, due)
        looked_at: list[str] = []
        settling = asyncio.create_task(self._pusher.settle(self._account, looked_at))
        try:
            left = max(0.0, deadline - asyncio.get_running_loop().time())
            await asyncio.wait((settling, call_off), timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            done = settling.done()
            settling.cancel()
        self._note(looked_at, since)
        if done:
            settling.result()
        if call_off.done():
            raise CalledOffError(call_off.result())
        return done

    def _note(self, uids: list[str], since: datetime) -> None:
        """Has the reports of messages among those that fired to which something happened since a moment."""
        for uid in dict.fromkeys(uids):
            for report in self._store.reports_of(self._account, uid):
                if report.reached_at >= since or (report.attempts and report.attempts[-1].at >= since):
                    self._fired[uid, report.number] = None

    async def _stand_at(self, moment: datetime) -> datetime:
        transaction = await self._store.begin(self._account)
        standing = transaction.standing
        clock = standing.clock.advanced_to(moment, self._wall.now())
        transaction.standing = msgspec.structs.replace(standing, clock=clock)
        await self._store.commit(transaction)
        return clock.virtual
