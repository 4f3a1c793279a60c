"""The timekeeper: shows the clocks of the accounts, and sets them.

A clock that runs stands while it is advanced, and then goes on as fast as before: from where the advance ended, or
from where it would be by now had nobody advanced it, whichever is later. Calls for one account take turns; other
accounts are not held up, and requests are served meanwhile.

Spec: Delivery Report (DR) CallBack. Reading: R15.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.clock import Clock, Mode
from cloudsms_simulator.engine.report import Report
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.server.stepping import Pushing, Walk
from cloudsms_simulator.server.turns import CalledOffError, Turns
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store

Change = Callable[[Clock, datetime], Clock]
"""Makes a new clock of the one there is and the wall's time; ValueError when it cannot."""


class Reading(msgspec.Struct, frozen=True):
    """What an account's clock shows, what is still to come, and what a call made happen."""

    now: datetime
    mode: Mode
    rate: float
    settled: bool
    """Nothing is due or on the way; of an advance: everything due until its end got done."""
    running: int
    """Pushes on the way."""
    pending: int
    """Messages with something still to come."""
    next_due_at: datetime | None
    """When the next of it is due, None while nothing is planned."""
    fired: tuple[Report, ...] = ()
    """The reports to which something happened, in that order."""


class Timekeeper:
    """The clocks of all accounts. Belongs to one event loop; every call may raise StoreError."""

    def __init__(self, store: Store, pusher: Pushing, wall: WallClock) -> None:
        self._store = store
        self._pusher = pusher
        self._wall = wall
        self._turns: dict[str, Turns] = {}
        self._closed = False

    def read(self, account: Account) -> Reading:
        """What the clock shows now."""
        standing = self._store.standing(account)
        clock = standing.clock
        now = clock.now(self._wall.now())
        due, running = self._store.next_wake(account), self._pusher.running(account)
        settled = running == 0 and (due is None or due > now)
        return Reading(now, clock.mode, clock.rate, settled, running, standing.outstanding, due)

    async def freeze(self, account: Account) -> Reading:
        """Stops the clock where it is."""
        return await self._set_in_turn(account, Clock.frozen_at)

    async def resume(self, account: Account, rate: float = 1.0) -> Reading:
        """Lets the clock go on from where it is, 0.001 to 1,000,000 times as fast as the wall; else ValueError."""
        if rate == 0:
            raise ValueError("a clock that goes on has a rate above 0; freeze it to stop it")
        return await self._set_in_turn(account, lambda clock, wall: clock.resumed(rate, wall))

    async def advance(self, account: Account, by: timedelta, within: timedelta) -> Reading:
        """Moves the clock ahead and returns when everything due on the way is done, with what that caused on the way.

        After `within` of the wall it returns in any case, `settled` being false: the clock then stands at, or goes on
        from, the last moment that was begun; what is on the way goes on, and another advance takes up the rest.
        Backwards or past the last moment: ValueError. CalledOffError when the account is reset or the simulator stops.
        """
        return await self._walk(account, lambda clock, wall: clock.advanced(by, wall), within)

    async def advance_to(self, account: Account, moment: datetime, within: timedelta) -> Reading:
        """Moves the clock ahead to a moment, as `advance` does; one that is past is a ValueError."""
        return await self._walk(account, lambda clock, wall: clock.advanced_to(moment, wall), within)

    async def run_until_idle(self, account: Account, within: timedelta) -> Reading:
        """Moves the clock ahead, as `advance` does, to the last moment at which anything is due."""
        return await self._walk(account, None, within)

    async def reset(self, account: Account, restored: Callable[[Account], Account] | None = None) -> Account:
        """Makes an account as it was created, its clock aside. Whatever was scheduled or on the way is gone by then.

        `restored` puts the configuration back in its place, once nothing fires any more; the account as it is then.
        """
        turns = self._turns_of(account)
        turns.call_off("reset")
        async with turns.taken():
            await self._pusher.abort(account)
            now = self._store.standing(account).clock.now(self._wall.now())
            created = account if restored is None else restored(account)
            await self._store.reset(created, now)
            self._pusher.clock_changed(created)
            return created

    @asynccontextmanager
    async def turn(self, account: Account) -> AsyncIterator[None]:
        """A turn for another change of an account, which is not to come while its clock is moved or it is reset.

        A reset meanwhile does not end it, but comes after it. CalledOffError when the simulator stops.
        """
        async with self._turns_of(account).held():
            if self._closed:
                raise CalledOffError("stopped")
            yield

    async def end(self, account: Account) -> None:
        """Ends an account: whatever was scheduled or on the way is gone by then, and all that was kept of it.

        For who has taken it out of the directory, so that no request begins any more.
        """
        turns = self._turns_of(account)
        turns.call_off("deleted")
        async with turns.taken():
            await self._pusher.abort(account)
            await self._store.drop(account)
            turns.end()
        self._turns.pop(account.name, None)

    @asynccontextmanager
    async def halted(self, accounts: Iterable[Account]) -> AsyncIterator[None]:
        """While this is held nobody else has a turn with any of these accounts, and nothing of them is on the way.

        Calls that wait for them are called off.
        """
        async with AsyncExitStack() as stack:
            for account in accounts:
                turns = self._turns_of(account)
                turns.call_off("replaced")
                await stack.enter_async_context(turns.taken())
                await self._pusher.abort(account)
            yield

    def forget_all_but(self, accounts: Iterable[Account]) -> None:
        """Forgets all other accounts: they are gone."""
        names = {account.name for account in accounts}
        for name in self._turns.keys() - names:
            self._turns.pop(name).end()

    def is_moved(self, account: Account) -> bool:
        """Whether somebody is moving the account's clock: it stands then, but not for long."""
        turns = self._turns.get(account.name)
        return turns is not None and turns.busy

    def close(self) -> None:
        """Calls off every call; later ones are called off at once."""
        self._closed = True
        for turns in self._turns.values():
            turns.call_off("stopped")

    async def _walk(self, account: Account, goal: Change | None, within: timedelta) -> Reading:
        deadline = asyncio.get_running_loop().time() + within.total_seconds()
        turns = self._turns_of(account)
        walk = Walk(account, self._store, self._pusher, self._wall)
        async with turns.taken(deadline) as call_off:
            if call_off is None:
                return msgspec.structs.replace(self.read(account), settled=False)
            before = self._store.standing(account).clock
            try:
                clock = await self._set(account, Clock.frozen_at)
                target = None if goal is None else goal(clock, self._wall.now()).virtual
                arrived = await walk.go(target, deadline, call_off)
            finally:
                await self._set(account, lambda clock, wall: _going_on(clock, before, wall))
                self._pusher.clock_changed(account)
            return msgspec.structs.replace(self.read(account), settled=arrived, fired=walk.fired)

    async def _set_in_turn(self, account: Account, change: Change) -> Reading:
        async with self._turns_of(account).taken():
            await self._set(account, change)
            self._pusher.clock_changed(account)
            return self.read(account)

    async def _set(self, account: Account, change: Change) -> Clock:
        transaction = await self._store.begin(account)
        clock = change(transaction.standing.clock, self._wall.now())
        transaction.standing = msgspec.structs.replace(transaction.standing, clock=clock)
        await self._store.commit(transaction)
        return clock

    def _turns_of(self, account: Account) -> Turns:
        if self._closed:
            raise CalledOffError("stopped")
        turns = self._turns.get(account.name)
        if turns is None:
            turns = self._turns[account.name] = Turns()
        return turns


def _going_on(standing: Clock, before: Clock, wall: datetime) -> Clock:
    """The clock after an advance, in the mode it had before."""
    if before.rate == 0:
        return standing
    return before if before.now(wall) >= standing.virtual else standing.resumed(before.rate, wall)
