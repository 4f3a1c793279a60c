"""The dispatcher: sleeps until a report of an account is due, then has it pushed, and keeps what came of it.

Each account has an `AccountDispatcher`, with one `DueTimer` for the earliest moment and as many pushes in flight as
the account allows. Everything happens in passes. A pass is one transaction: it keeps what came of the pushes that
ended since the last one, looks at the messages that are due, as far as there is room, and has their pushes made.
While the account is busy there is one pass for many pushes, which end within a short while. What to push, and what to
do about a failure, the platform says; retries are rows with a due time in the store, so they follow the account's
clock.

Spec: Delivery Report (DR) CallBack. Reading: R10, R11.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Collection, Iterable
from functools import partial

import msgspec

from cloudsms_simulator.engine.account import Account, Callback
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.delivery import push_findings
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.records import Attempt, Outcome, Push, PushResult
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.runtime import INLINE_OCTETS, offload
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.masking import hide_in_text
from cloudsms_simulator.push.client import PushClient
from cloudsms_simulator.stores.store import Lease, Store, StoreError

_LATE_AT_MOST = 0.01
"""Seconds of the wall by which the timer may be late, so that what a busy account has due goes together."""


class DueTimer:
    """Calls `ring` once for each time it is set; setting it anew replaces what it was set for."""

    def __init__(self, wall: WallClock, ring: Callable[[], None]) -> None:
        self._wall = wall
        self._ring = ring
        self._timer: asyncio.Handle | None = None
        self.expected: datetime | None = None
        """The moment of the account's clock it is set for. On a frozen clock it never rings for that."""

    @property
    def is_unconditional(self) -> bool:
        """Whether it rings in the next turn of the loop, or after a pause, whatever is due when."""
        return self._timer is not None and self.expected is None

    def set(self, due: datetime, clock: Clock) -> None:
        """Rings when it is `due` by the clock; in the next turn of the loop if it is already."""
        wall = self._wall.now()
        if due <= clock.now(wall):
            self.set_for_next_turn()
            return
        self.disarm()
        self.expected = due
        at = clock.wall_of(due)
        if at is not None:
            loop = asyncio.get_running_loop()
            # What is due within the same short while is looked at together: a look of its own costs several times what
            # a message does.
            moment = math.ceil((loop.time() + (at - wall).total_seconds()) / _LATE_AT_MOST) * _LATE_AT_MOST
            self._timer = loop.call_at(moment, self._rings)

    def set_for_next_turn(self) -> None:
        """Rings in the next turn of the loop."""
        self.disarm()
        self._timer = asyncio.get_running_loop().call_soon(self._rings)

    def set_after(self, seconds: float) -> None:
        """Rings after so many seconds of the wall."""
        self.disarm()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._rings)

    def disarm(self) -> None:
        """Does not ring."""
        self.expected = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rings(self) -> None:
        self.disarm()
        self._ring()


_GATHER_SECONDS = 0.002
"""Seconds for which what ended waits for more to end: to keep many at a time costs a tenth of a push less each."""
_ENDED_PER_RUNNING = 3
"""How many times as many as are still on the way have to have ended for nothing to wait any longer."""

log = logging.getLogger("cloudsms_simulator.pusher")


class InFlight:
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

    def start(self, push: Push, callback: Callback, lease: Lease) -> None:
        """Makes a push in a task of its own. Once the lease has run out it is not begun any more, nor gets `ended`."""
        self._running[asyncio.get_running_loop().create_task(self._push(push, callback, lease))] = push

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

    async def _push(self, push: Push, callback: Callback, lease: Lease) -> None:
        task = asyncio.current_task()
        assert task is not None
        if not lease.held:
            # It is made by whoever has the lease now.
            self._running.pop(task, None)
            self._tell_now()
            return
        try:
            result = await self._client.post(push, callback)
            if len(result.body) > INLINE_OCTETS:
                findings = await offload(len(result.body), partial(push_findings, push, result))
                result = msgspec.structs.replace(result, findings=findings)
        except Exception as error:
            log.error("pushing %s failed inside the simulator", push.uid, exc_info=error)
            result = PushResult(failure="push-failed", error="the simulator itself failed")
        if self._running.pop(task, None) is not None:
            self.ended.append((push, result))
            if len(self.ended) >= len(self._running) * _ENDED_PER_RUNNING:
                self._tell_now()
            elif self._waiting is None:
                self._waiting = asyncio.get_running_loop().call_later(_GATHER_SECONDS, self._tell_now)

    def _tell_now(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        self._tell()


_MOST_A_PASS = 256
_PAUSE_AFTER_A_FAILURE = 1.0


class AccountDispatcher:
    """Pushes the reports of one account until it is closed or aborted. `account` may be replaced at any time."""

    def __init__(self, account: Account, platform: Platform, store: Store, client: PushClient, wall: WallClock) -> None:
        self.account = account
        self._platform = platform
        self._store = store
        self._wall = wall
        self._timer = DueTimer(wall, self._pass_now)
        self._passing: asyncio.Task[None] | None = None
        self._in_flight = InFlight(client, self._pass_soon)
        self._taken: list[str] = []
        """SMS_UIDs taken from the store, which hands each out once, and not looked at yet.

        A pass takes out what it has looked at, as it does with pushes that ended, so that a failing store loses none.
        """
        self._singly = False
        """Whether passes do one thing at a time, to find out which of several a slip of ours is about."""
        self._lease: Lease | None = None
        self._open = True
        self._aborted = False
        self._waiting: list[asyncio.Future[None]] = []
        self._watching: list[list[str]] = []

    @property
    def running(self) -> int:
        """How many pushes are on the way."""
        return len(self._in_flight)

    @property
    def is_idle(self) -> bool:
        """Whether no push is on its way, what came of all is kept, and nothing is about to be looked at."""
        return not self._comes_a_pass and not self._is_late and len(self._in_flight) == 0

    def expect(self, due: datetime) -> None:
        """Something is due then. Cheap when something earlier is already expected."""
        expected = self._timer.expected
        if expected is not None and expected <= due:
            return
        # A pass looks for itself what is due next.
        if self._open and not self._comes_a_pass and not self._is_late:
            self._set_timer(due)

    def clock_changed(self) -> None:
        """The account's clock was set, or goes at another rate: what is expected comes at another time of the wall."""
        if self._open and not self._comes_a_pass:
            self._timer.disarm()
            self._go_on()

    async def idle(self) -> None:
        """Returns when `is_idle`."""
        while not self.is_idle:
            await self._end_of_a_pass()

    async def settle(self, looked_at: list[str]) -> None:
        """Returns when what is due at the account's present moment is pushed and kept, and what that made due by then.

        Starts at once, without the short while for which reports are gathered; returns early when the dispatcher ends.
        """
        moment = self._now()
        self._watching.append(looked_at)
        try:
            while self._open:
                if self.is_idle:
                    due = self._store.next_wake(self.account)
                    if due is None or due > moment:
                        break
                    self._pass_now()
                await self._end_of_a_pass()
        finally:
            self._watching = [each for each in self._watching if each is not looked_at]
        self.clock_changed()

    async def report_first(self, uids: tuple[str, ...], seconds: float) -> None:
        """Returns when no push of these messages is due or on the way, or after so long."""
        self._pass_now()
        try:
            async with asyncio.timeout(seconds):
                while self._open:
                    await self._end_of_a_pass()
                    if not any(map(self._is_due, uids)) and self._in_flight.has_none_of(uids):
                        break
        except TimeoutError:
            log.info("an answer goes out before the reports that were to come first: %s", ", ".join(uids))

    def stop_dispatching(self) -> None:
        """Expects nothing any more, and starts no more pushes."""
        self._open = False
        self._timer.disarm()

    async def close(self, seconds: float) -> int:
        """Starts no more pushes, lets running ones end for so long, and keeps what came of all; how many it ended."""
        self.stop_dispatching()
        await self._end_of_this_pass()
        await self._in_flight.wait(seconds)
        stopped = PushResult(failure="push-failed", error="the simulator was stopped")
        late = await self._in_flight.abort()
        self._in_flight.ended += [(push, stopped) for push in late]
        await self._keep_the_rest()
        self._forget()
        return len(late)

    async def abort(self) -> int:
        """Ends the running pushes, keeps nothing of them, and does nothing any more; how many it ended."""
        self._aborted = True
        self.stop_dispatching()
        ended = await self._in_flight.abort()
        await self._end_of_this_pass()
        self._forget()
        return len(ended)

    # Passes

    @property
    def _comes_a_pass(self) -> bool:
        """Whether a pass is running or certain to come."""
        return self._passing is not None or self._timer.is_unconditional

    def _pass_soon(self) -> None:
        if self._open and not self._comes_a_pass:
            self._timer.set_for_next_turn()

    def _pass_now(self) -> None:
        self._timer.disarm()
        if self._open and self._passing is None:
            self._passing = asyncio.get_running_loop().create_task(self._pass())

    async def _pass(self) -> None:
        """One pass, and what follows it: another one, the timer, or after a failure a pause."""
        failed = False
        try:
            await self._keep_and_look()
        except Exception as error:
            unexpected = None if isinstance(error, StoreError) else error
            log.error("looking for due reports of %s failed: %s", self.account.name, error, exc_info=unexpected)
            failed = True
        self._passing = None
        if self._open and failed:
            self._timer.set_after(_PAUSE_AFTER_A_FAILURE)
        elif self._open:
            self._go_on()
        if self.is_idle:
            self._let_go()
        self._tell()

    def _go_on(self) -> None:
        room = self._room()
        if self._in_flight.ended or (self._taken and room > 0):
            self._pass_soon()
        elif room > 0:
            due = self._store.next_wake(self.account)
            if due is not None:
                self._set_timer(due)

    def _set_timer(self, due: datetime) -> None:
        self._timer.set(due, self._store.standing(self.account).clock)

    async def _keep_and_look(self) -> None:
        lease = self._lease
        if lease is None or not lease.held:
            lease = self._lease = await self._store.claim(self.account, "push")
        room = self._room()
        if room > 0 and not self._taken:
            self._taken = await self._store.take_wakes(self.account, self._now(), room)
        ended, uids = self._in_flight.ended.copy(), self._taken[: max(room, 0)]
        if self._singly:
            ended, uids = ended[:1], [] if ended else uids[:1]
        if not ended and not uids:
            return
        try:
            pushes = await self._step(ended, uids)
        except StoreError:
            raise
        except Exception:
            self._singly = len(ended) + len(uids) > 1
            if not self._singly:
                # It would fail for ever.
                self._take_out(ended, uids)
            raise
        self._take_out(ended, uids)
        if not self._aborted:
            for push in pushes:
                self._in_flight.start(push, self.account.callback, lease)

    async def _step(self, ended: list[tuple[Push, PushResult]], uids: list[str]) -> list[Push]:
        """Keeps what came of pushes, looks at messages, and returns the pushes to make: all of it or nothing."""

        def decide(transaction: Transaction) -> tuple[list[Push], tuple[tuple[Outcome, Attempt], ...]]:
            now = transaction.standing.clock.now(self._wall.now())
            for push, result in ended:
                self._platform.record_push(transaction, push, result, now)
            return self._platform.take_due(transaction, uids, now), transaction.pushed

        named = (*[push.uid for push, _ in ended], *uids)
        pushes, attempts = await self._store.step(self.account, decide, named)
        for watching in self._watching:
            watching += [*(push.uid for push, _ in ended), *uids]
        for push, result in ended:
            if result.failure is not None:
                log.warning(
                    "pushing %s to %s failed: %s", push.uid, self._shown(push.url), self._shown(result.error or "")
                )
        for _, attempt in attempts:
            if attempt.findings and attempt.status is not None:
                _warn_of_wrong_answer(attempt, self._shown(attempt.url))
        return pushes

    def _shown(self, text: str) -> str:
        """A text as the log may have it: there may be an AUTH_KEY in a URL."""
        return hide_in_text(text, self._platform.directory.keys)

    def _take_out(self, ended: list[tuple[Push, PushResult]], uids: list[str]) -> None:
        del self._in_flight.ended[: len(ended)]
        del self._taken[: len(uids)]
        self._singly = self._singly and self._is_late

    def _room(self) -> int:
        """For how many messages there is room in a pass."""
        account = self.account
        if account.callback.url is None:
            # Nothing is on its way then, so there is always room.
            return _MOST_A_PASS
        frozen = self._store.standing(account).clock.mode == "frozen"
        window = account.push_window if frozen else account.callback.concurrency
        return min(window - len(self._in_flight), _MOST_A_PASS)

    def _is_due(self, uid: str) -> bool:
        """Whether a message is to reach a state by now, or to be pushed, before the answer to its submission."""
        message = self._store.message(self.account, uid)
        if message is None:
            return False
        reports = self._store.reports_of(self.account, uid)
        is_early = len(message.passages) < message.plan.before_answer
        upcoming = message.next_step_at if is_early else None
        moments = [upcoming, *(each.next_attempt_at for each in reports if each.outcome == "pending")]
        now = self._now()
        return any(moment is not None and moment <= now for moment in moments)

    def _now(self) -> datetime:
        return self._store.standing(self.account).clock.now(self._wall.now())

    @property
    def _is_late(self) -> bool:
        """Whether something is still to be kept or to be looked at."""
        return bool(self._in_flight.ended or self._taken)

    # The end, and those who wait

    async def _keep_the_rest(self) -> None:
        ended = self._in_flight.ended
        if ended:
            try:
                await self._step(ended, [])
            except Exception as error:
                for push, _ in ended:
                    log.error("what came of pushing %s is not kept: %s", push.uid, error)

    def _forget(self) -> None:
        self._in_flight.ended.clear()
        self._taken.clear()
        self._let_go()
        self._tell()

    def _let_go(self) -> None:
        if self._lease is not None:
            self._lease.release()
            self._lease = None

    async def _end_of_this_pass(self) -> None:
        if self._passing is not None:
            await asyncio.wait([self._passing])

    async def _end_of_a_pass(self) -> None:
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)


def _warn_of_wrong_answer(attempt: Attempt, url: str) -> None:
    """An answer that ends a push, and would not do for the document all the same, is easily taken for a good one."""
    for finding in attempt.findings:
        if finding.severity == "error":
            what = f"{finding.rule}: got {finding.got}, want {finding.want}"
            log.warning("the answer of %s to the report with SERIAL %d is wrong: %s", url, attempt.serial, what)


class Dispatcher:
    """Pushes the reports of all accounts until it is closed."""

    def __init__(self, platform: Platform, store: Store, client: PushClient, wall: WallClock) -> None:
        self._platform = platform
        self._store = store
        self._client = client
        self._wall = wall
        self._dispatchers: dict[str, AccountDispatcher] = {}
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
            self._dispatcher_of(current).expect(due)

    async def idle(self) -> None:
        """Returns when no push is on its way, what came of them is kept, and nothing is about to be looked at."""
        while busy := [dispatcher for dispatcher in self._dispatchers.values() if not dispatcher.is_idle]:
            await asyncio.gather(*(dispatcher.idle() for dispatcher in busy))

    def clock_changed(self, account: Account) -> None:
        """The account's clock was set, or goes at another rate: what is due is due at another time of the wall."""
        self._dispatcher(account).clock_changed()

    def running(self, account: Account) -> int:
        """How many pushes of the account are on the way."""
        dispatcher = self._dispatchers.get(account.name)
        return 0 if dispatcher is None else dispatcher.running

    async def settle(self, account: Account, looked_at: list[str]) -> None:
        """Returns when what is due at the account's present moment is pushed and kept, and what that made due by then.

        For who steps a frozen clock: nothing waits for a timer here. Puts into `looked_at`, as it goes, the SMS_UIDs of
        what was looked at and of what came of pushes. Returns early when the account is aborted.
        """
        await self._dispatcher(account).settle(looked_at)

    async def report_first(self, account: Account, uids: tuple[str, ...], seconds: float) -> None:
        """Looks at messages at once, and returns when no push of them is due or on the way, or after `seconds`."""
        await self._dispatcher(account).report_first(uids, seconds)

    async def abort(self, account: Account) -> int:
        """Ends the running pushes of an account at once, keeps nothing of them, and forgets what it knew; how many.

        Nothing of the account fires afterwards, until something is expected again. Not for use inside a transaction.
        """
        dispatcher = self._dispatchers.pop(account.name, None)
        return 0 if dispatcher is None else await dispatcher.abort()

    async def close(self, seconds: float) -> int:
        """Starts no more pushes, lets running ones finish for so long, then ends them; how many had to be ended."""
        self._closed = True
        ended = await asyncio.gather(*(dispatcher.close(seconds) for dispatcher in self._dispatchers.values()))
        await self._client.close()
        return sum(ended)

    def _dispatcher(self, account: Account) -> AccountDispatcher:
        # A caller may hold the account as it was before a scenario was put to use.
        return self._dispatcher_of(self._platform.directory.current(account))

    def _dispatcher_of(self, current: Account) -> AccountDispatcher:
        dispatcher = self._dispatchers.get(current.name)
        if dispatcher is None:
            dispatcher = self._dispatchers[current.name] = AccountDispatcher(
                current, self._platform, self._store, self._client, self._wall
            )
            if self._closed:
                dispatcher.stop_dispatching()
        dispatcher.account = current
        return dispatcher
