"""A lane: the pushes of one account, and the one alarm for the next of them.

Everything happens in passes. A pass is one transaction: it keeps what came of the pushes that ended since the last one,
looks at the messages that are due, as far as there is room, and has their pushes made. While the account is busy there
is one pass for many pushes, which end within a short while.

Spec: Delivery Report (DR) CallBack. Reading: R10, R11.
"""

import asyncio
import logging

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.report import Attempt, Push, PushResult
from cloudsms_simulator.protocol.masking import hide_in_text
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.server.alarm import Alarm
from cloudsms_simulator.server.push_client import PushClient
from cloudsms_simulator.server.underway import Underway
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store, StoreError

_LOOKED_AT_ONCE = 256
_PAUSE_AFTER_A_FAILURE = 1.0

log = logging.getLogger("cloudsms_simulator.pusher")


class Lane:
    """Pushes the reports of one account until it is closed or aborted. `account` may be replaced at any time."""

    def __init__(self, account: Account, platform: Platform, store: Store, client: PushClient, wall: WallClock) -> None:
        self.account = account
        self._platform = platform
        self._store = store
        self._wall = wall
        self._alarm = Alarm(wall, self._pass_now)
        self._passing: asyncio.Task[None] | None = None
        self._underway = Underway(client, self._pass_soon)
        self._taken: list[str] = []
        """SMS_UIDs taken from the store, which hands each out once, and not looked at yet.

        A pass takes out what it has looked at, as it does with pushes that ended, so that a failing store loses none.
        """
        self._singly = False
        """Whether passes do one thing at a time, to find out which of several a slip of ours is about."""
        self._open = True
        self._aborted = False
        self._waiting: list[asyncio.Future[None]] = []
        self._watching: list[list[str]] = []

    @property
    def running(self) -> int:
        """How many pushes are on the way."""
        return len(self._underway)

    @property
    def is_idle(self) -> bool:
        """Whether no push is on its way, what came of all is kept, and nothing is about to be looked at."""
        return not self._comes_a_pass and not self._is_late and len(self._underway) == 0

    def expect(self, due: datetime) -> None:
        """Something is due then. Cheap when something earlier is already expected."""
        expected = self._alarm.expected
        if expected is not None and expected <= due:
            return
        # A pass looks for itself what is due next.
        if self._open and not self._comes_a_pass and not self._is_late:
            self._set_alarm(due)

    def clock_changed(self) -> None:
        """The account's clock was set, or goes at another rate: what is expected comes at another time of the wall."""
        if self._open and not self._comes_a_pass:
            self._alarm.unset()
            self._go_on()

    async def idle(self) -> None:
        """Returns when `is_idle`."""
        while not self.is_idle:
            await self._end_of_a_pass()

    async def settle(self, looked_at: list[str]) -> None:
        """Returns when what is due at the account's present moment is pushed and kept, and what that made due by then.

        Starts at once, without the short while for which reports are gathered, and returns early when the lane ends.
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
                    if not any(map(self._is_due, uids)) and self._underway.has_none_of(uids):
                        break
        except TimeoutError:
            log.info("an answer goes out before the reports that were to come first: %s", ", ".join(uids))

    def shut(self) -> None:
        """Expects nothing any more, and starts no more pushes."""
        self._open = False
        self._alarm.unset()

    async def close(self, seconds: float) -> int:
        """Starts no more pushes, lets running ones end for so long, and keeps what came of all; how many it ended."""
        self.shut()
        await self._end_of_this_pass()
        await self._underway.wait(seconds)
        stopped = PushResult(failure="push-failed", error="the simulator was stopped")
        late = await self._underway.abort()
        self._underway.ended += [(push, stopped) for push in late]
        await self._keep_the_rest()
        self._forget()
        return len(late)

    async def abort(self) -> int:
        """Ends the running pushes, keeps nothing of them, and does nothing any more; how many it ended."""
        self._aborted = True
        self.shut()
        ended = await self._underway.abort()
        await self._end_of_this_pass()
        self._forget()
        return len(ended)

    # Passes

    @property
    def _comes_a_pass(self) -> bool:
        """Whether a pass is running or certain to come."""
        return self._passing is not None or self._alarm.is_unconditional

    def _pass_soon(self) -> None:
        if self._open and not self._comes_a_pass:
            self._alarm.set_for_next_turn()

    def _pass_now(self) -> None:
        self._alarm.unset()
        if self._open and self._passing is None:
            self._passing = asyncio.get_running_loop().create_task(self._pass())

    async def _pass(self) -> None:
        """One pass, and what follows it: another one, the alarm, or after a failure a pause."""
        failed = False
        try:
            await self._keep_and_look()
        except Exception as error:
            log.error("looking for due reports of %s failed", self.account.name, exc_info=error)
            failed = True
        self._passing = None
        if self._open and failed:
            self._alarm.set_after(_PAUSE_AFTER_A_FAILURE)
        elif self._open:
            self._go_on()
        self._tell()

    def _go_on(self) -> None:
        room = self._room()
        if self._underway.ended or (self._taken and room > 0):
            self._pass_soon()
        elif room > 0:
            due = self._store.next_wake(self.account)
            if due is not None:
                self._set_alarm(due)

    def _set_alarm(self, due: datetime) -> None:
        self._alarm.set(due, self._store.standing(self.account).clock)

    async def _keep_and_look(self) -> None:
        room = self._room()
        if room > 0 and not self._taken:
            self._taken = await self._store.take_wakes(self.account, self._now(), room)
        ended, uids = self._underway.ended.copy(), self._taken[: max(room, 0)]
        if self._singly:
            ended, uids = ended[:1], [] if ended else uids[:1]
        if not ended and not uids:
            return
        try:
            pushes = await self._commit(ended, uids)
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
                self._underway.start(push, self.account.callback)

    async def _commit(self, ended: list[tuple[Push, PushResult]], uids: list[str]) -> list[Push]:
        """Keeps what came of pushes, looks at messages, and returns the pushes to make: all of it or nothing."""
        now = self._now()
        transaction = await self._store.begin(self.account, (*[push.uid for push, _ in ended], *uids))
        for push, result in ended:
            self._platform.record_push(transaction, push, result, now)
        pushes = self._platform.take_due(transaction, uids, now)
        await self._store.commit(transaction)
        for watching in self._watching:
            watching += [*(push.uid for push, _ in ended), *uids]
        for push, result in ended:
            if result.failure is not None:
                log.warning(
                    "pushing %s to %s failed: %s", push.uid, self._shown(push.url), self._shown(result.error or "")
                )
        for _, attempt in transaction.pushed:
            if attempt.findings and attempt.status is not None:
                _tell_of_wrong(attempt, self._shown(attempt.url))
        return pushes

    def _shown(self, text: str) -> str:
        """A text as the log may have it: there may be an AUTH_KEY in a URL."""
        return hide_in_text(text, self._platform.directory.keys)

    def _take_out(self, ended: list[tuple[Push, PushResult]], uids: list[str]) -> None:
        del self._underway.ended[: len(ended)]
        del self._taken[: len(uids)]
        self._singly = self._singly and self._is_late

    def _room(self) -> int:
        """For how many messages there is room in a pass."""
        account = self.account
        if account.callback.url is None:
            # Nothing is on its way then, so there is always room.
            return _LOOKED_AT_ONCE
        frozen = self._store.standing(account).clock.mode == "frozen"
        window = account.push_window if frozen else account.callback.concurrency
        return min(window - len(self._underway), _LOOKED_AT_ONCE)

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
        return bool(self._underway.ended or self._taken)

    # The end, and those who wait

    async def _keep_the_rest(self) -> None:
        ended = self._underway.ended
        if ended:
            try:
                await self._commit(ended, [])
            except Exception as error:
                for push, _ in ended:
                    log.error("what came of pushing %s is not kept: %s", push.uid, error)

    def _forget(self) -> None:
        self._underway.ended.clear()
        self._taken.clear()
        self._tell()

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


def _tell_of_wrong(attempt: Attempt, url: str) -> None:
    """An answer that ends a push, and would not do for the document all the same, is easily taken for a good one."""
    for finding in attempt.findings:
        if finding.severity == "error":
            what = f"{finding.rule}: got {finding.got}, want {finding.want}"
            log.warning("the answer of %s to the report with SERIAL %d is wrong: %s", url, attempt.serial, what)
