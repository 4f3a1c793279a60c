"""The clocks of the accounts: shows them, sets them, and moves them ahead with everything that is due on the way.

A `ClockAdvance` takes a standing clock from one due moment to the next, and at each everything that is due gets done:
pushed, answered, audited and recorded, and what that made due at the same moment too. What it made due later is a
step of its own. A clock that runs stands while it is advanced, and then goes on as fast as before: from where the
advance ended, or from where it would be by now had nobody advanced it, whichever is later. Calls for one account come
one after the other; other accounts are not held up, and requests are served meanwhile.

Spec: Delivery Report (DR) CallBack. Reading: R10, R11, R15.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.clock import Clock, Mode
from cloudsms_simulator.engine.records import Report
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.models.account import ClockItem
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.runtime import AccountLock, CalledOffError, CallOffReason
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.timestamps import LATEST
from cloudsms_simulator.services.scenarios import reset_config
from cloudsms_simulator.stores.store import Store

if TYPE_CHECKING:
    from cloudsms_simulator.journal.views import JournalView

_PAUSE = 0.01
"""Seconds of the wall before what could not be done, since the store failed, is tried again."""


class ClockedPusher(Protocol):
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


class ClockAdvance:
    """One way of a standing clock through what is due. `fired` fills with the reports to which something happened."""

    def __init__(self, account: Account, store: Store, pusher: ClockedPusher, wall: WallClock) -> None:
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

    async def go(self, target: datetime | None, deadline: float, call_off: asyncio.Future[CallOffReason]) -> bool:
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

    async def _done(self, moment: datetime, deadline: float, call_off: asyncio.Future[CallOffReason]) -> bool:
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
        def advance(transaction: Transaction) -> datetime:
            standing = transaction.standing
            clock = standing.clock.advanced_to(moment, self._wall.now())
            transaction.standing = msgspec.structs.replace(standing, clock=clock)
            return clock.virtual

        return await self._store.step(self._account, advance)


ClockChange = Callable[[Clock, datetime], Clock]
"""Makes a new clock of the one there is and the wall's time; ValueError when it cannot."""


class ClockReading(msgspec.Struct, frozen=True):
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


class ClockService:
    """The clocks of all accounts. Belongs to one event loop; every call may raise StoreError."""

    def __init__(self, store: Store, pusher: ClockedPusher, wall: WallClock) -> None:
        self._store = store
        self._pusher = pusher
        self._wall = wall
        self._turns: dict[str, AccountLock] = {}
        self._closed = False

    def read(self, account: Account) -> ClockReading:
        """What the clock shows now."""
        standing = self._store.standing(account)
        clock = standing.clock
        now = clock.now(self._wall.now())
        due, running = self._store.next_wake(account), self._pusher.running(account)
        settled = running == 0 and (due is None or due > now)
        return ClockReading(now, clock.mode, clock.rate, settled, running, standing.outstanding, due)

    async def freeze(self, account: Account) -> ClockReading:
        """Stops the clock where it is."""
        return await self._set_in_turn(account, Clock.frozen_at)

    async def resume(self, account: Account, rate: float = 1.0) -> ClockReading:
        """Lets the clock go on from where it is, 0.001 to 1,000,000 times as fast as the wall; else ValueError."""
        if rate == 0:
            raise ValueError("a clock that goes on has a rate above 0; freeze it to stop it")
        return await self._set_in_turn(account, lambda clock, wall: clock.resumed(rate, wall))

    async def advance(self, account: Account, by: timedelta, within: timedelta) -> ClockReading:
        """Moves the clock ahead and returns when everything due on the way is done, with what that caused on the way.

        After `within` of the wall it returns in any case, `settled` being false: the clock then stands at, or goes on
        from, the last moment that was begun; what is on the way goes on, and another advance takes up the rest.
        Backwards or past the last moment: ValueError. CalledOffError when the account is reset or the simulator stops.
        """
        return await self._walk(account, lambda clock, wall: clock.advanced(by, wall), within)

    async def advance_to(self, account: Account, moment: datetime, within: timedelta) -> ClockReading:
        """Moves the clock ahead to a moment, as `advance` does; one that is past is a ValueError."""
        return await self._walk(account, lambda clock, wall: clock.advanced_to(moment, wall), within)

    async def run_until_idle(self, account: Account, within: timedelta) -> ClockReading:
        """Moves the clock ahead, as `advance` does, to the last moment at which anything is due."""
        return await self._walk(account, None, within)

    async def reset(self, account: Account) -> Account:
        """Makes an account as it was created, its clock aside; the account. Whatever was scheduled or on the way is
        gone by then, and it plays what it played at first."""

        def begin_anew(transaction: Transaction) -> Account:
            created = account
            if transaction.config is not None:
                created = transaction.configure(reset_config(transaction.config))
            transaction.begin_anew(transaction.standing.clock.now(self._wall.now()))
            return created

        turns = self._turns_of(account)
        turns.call_off("reset")
        async with turns.taken(), self._leased(account):
            await self._pusher.abort(account)
            created = await self._store.step(account, begin_anew)
            await self._store.fresh(account)
            self._pusher.clock_changed(created)
            return created

    @asynccontextmanager
    async def turn(self, account: Account) -> AsyncIterator[None]:
        """A turn for another change of an account, which is not to come while its clock is moved or it is reset.

        A reset meanwhile does not end it, but comes after it. CalledOffError when the simulator stops.
        """
        async with self._turns_of(account).held(), self._leased(account):
            if self._closed:
                raise CalledOffError("stopped")
            yield

    async def end(self, account: Account) -> None:
        """Ends an account: it is gone by then, with all that was kept of it, scheduled or on the way."""
        turns = self._turns_of(account)
        turns.call_off("deleted")
        async with turns.taken(), self._leased(account):
            # No request begins any more before what others began is ended.
            await self._store.step(account, Transaction.drop)
            await self._pusher.abort(account)
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
                await stack.enter_async_context(self._leased(account))
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

    async def _walk(self, account: Account, goal: ClockChange | None, within: timedelta) -> ClockReading:
        deadline = asyncio.get_running_loop().time() + within.total_seconds()
        turns = self._turns_of(account)
        walk = ClockAdvance(account, self._store, self._pusher, self._wall)
        async with turns.taken(deadline) as call_off:
            if call_off is None:
                return msgspec.structs.replace(await self._read_fresh(account), settled=False)
            async with self._leased(account):
                await self._store.fresh(account)
                before = self._store.standing(account).clock
                try:
                    clock = await self._set(account, Clock.frozen_at)
                    target = None if goal is None else goal(clock, self._wall.now()).virtual
                    arrived = await walk.go(target, deadline, call_off)
                finally:
                    await self._set(account, lambda clock, wall: _resumed_clock(clock, before, wall))
                    self._pusher.clock_changed(account)
                reading = await self._read_fresh(account)
            return msgspec.structs.replace(reading, settled=arrived, fired=walk.fired)

    async def _set_in_turn(self, account: Account, change: ClockChange) -> ClockReading:
        async with self._turns_of(account).taken(), self._leased(account):
            await self._set(account, change)
            self._pusher.clock_changed(account)
            return await self._read_fresh(account)

    async def _read_fresh(self, account: Account) -> ClockReading:
        """What the clock shows once all that was kept of the account is seen."""
        await self._store.fresh(account)
        return self.read(account)

    @asynccontextmanager
    async def _leased(self, account: Account) -> AsyncIterator[None]:
        """Nobody else, in another process either, moves the account's clock as long as this is held."""
        lease = await self._store.claim(account, "clock")
        try:
            yield
        finally:
            lease.release()

    async def _set(self, account: Account, change: ClockChange) -> Clock:
        def set_clock(transaction: Transaction) -> Clock:
            clock = change(transaction.standing.clock, self._wall.now())
            transaction.standing = msgspec.structs.replace(transaction.standing, clock=clock)
            return clock

        return await self._store.step(account, set_clock)

    def _turns_of(self, account: Account) -> AccountLock:
        if self._closed:
            raise CalledOffError("stopped")
        turns = self._turns.get(account.name)
        if turns is None:
            turns = self._turns[account.name] = AccountLock()
        return turns


def _resumed_clock(standing: Clock, before: Clock, wall: datetime) -> Clock:
    """The clock after an advance, in the mode it had before."""
    if before.rate == 0:
        return standing
    return before if before.now(wall) >= standing.virtual else standing.resumed(before.rate, wall)


def clock_item(reading: ClockReading) -> ClockItem:
    """A clock as it is."""
    return ClockItem(
        now=reading.now,
        mode=reading.mode,
        rate=reading.rate,
        settled=reading.settled,
        running=reading.running,
        pending=reading.pending,
        next_due_at=reading.next_due_at,
    )


def advance_item(reading: ClockReading, kept: "JournalView") -> ClockItem:
    """A clock after an advance, with what fired; `kept` is what is kept of its account."""
    fired = tuple([kept.report(report) for report in reading.fired])
    return msgspec.structs.replace(clock_item(reading), fired_reports=fired)
