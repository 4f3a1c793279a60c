"""Interventions: what somebody asks for over the API: a state forced on a message, a report pushed once more.

Spec: Delivery Report (DR) CallBack. Reading: R16, R25.
"""

import asyncio
from contextlib import suppress
from typing import Protocol

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.intervening import Conflict, Forced, Wish
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.report import Report
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.timestamps import LATEST, MOMENTS
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store

LONGEST = 30.0
"""Seconds of the wall for which the push of something that was asked for is waited for."""


class Expecting(Protocol):
    """What interventions need of a pusher."""

    def expect(self, account: Account, due: datetime) -> None:
        """Something of the account is due then."""
        ...

    def running(self, account: Account) -> int:
        """How many pushes of the account are on the way."""
        ...

    async def settle(self, account: Account, looked_at: list[str]) -> None:
        """Returns when what is due at the account's present moment is pushed and kept."""
        ...


class Interventions:
    """Intervenes. Belongs to one event loop; every call may raise StoreError."""

    def __init__(self, platform: Platform, store: Store, pusher: Expecting, wall: WallClock) -> None:
        self._platform = platform
        self._store = store
        self._pusher = pusher
        self._wall = wall

    async def force(self, account: Account, uid: str, wish: Wish) -> Forced | Conflict | None:
        """Forces a state on a message; None when there is no such message. ValueError past the last moment there is.

        What is due at once on a clock that stands is reached, pushed and answered when this returns, unless pushes of
        the account are on the way already: then it is pushed after them.
        """
        transaction = await self._store.begin(account, (uid,))
        if uid not in transaction.messages:
            return None
        now = transaction.standing.clock.now(self._wall.now())
        if wish.after > LATEST - now:
            raise ValueError(f"it is {now.isoformat()}, and a clock shows {MOMENTS}; want a shorter duration")
        forced = self._platform.force(transaction, uid, wish, now)
        if isinstance(forced, Conflict):
            return forced
        await self._store.commit(transaction)
        await self._due(account, forced.due_at, now)
        return forced

    async def resend(self, account: Account, uid: str, number: int) -> Report | Conflict | None:
        """Has a report pushed once more, and waits as `force` does; None when there is no such report."""
        transaction = await self._store.begin(account, (uid,))
        if not 1 <= number <= len(transaction.reports.get(uid, ())):
            return None
        now = transaction.standing.clock.now(self._wall.now())
        report = self._platform.resend(transaction, uid, number, now)
        if isinstance(report, Conflict):
            return report
        await self._store.commit(transaction)
        await self._due(account, now, now)
        known = self._store.reports_of(account, uid)
        return known[number - 1] if number <= len(known) else report

    async def _due(self, account: Account, due: datetime, now: datetime) -> None:
        # Who asks from within the customer's server would otherwise wait for a push that waits for it.
        is_alone = self._pusher.running(account) == 0
        self._pusher.expect(account, due)
        if due <= now and is_alone and self._store.standing(account).clock.mode == "frozen":
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST):
                    await self._pusher.settle(account, [])
