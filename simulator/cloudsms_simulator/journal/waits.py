"""Waits: long polls for messages, requests and reports, each with a future of its own.

A `Wait` looks first at what is kept, then hears the changes of its account. The `WaitIndex` finds waits by the one
recipient or SMS_UID they want, so that a thousand others cost nothing. A wait that nothing running can satisfy, since
the account's clock stands and no work is pending (`PendingWork`), ends at once and names the next due moment; one
that ends without enough says what came close. What is pending is told from what is kept alone, so it is right at
every moment.

Spec: Delivery Report (DR) CallBack. Reading: R10, R11, R15, R16, R17.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import islice
from operator import itemgetter

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.delivery import due_report
from cloudsms_simulator.engine.records import Exchange, Message, Report, Sending
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.journal.changes import ChangeBus
from cloudsms_simulator.journal.search import Difference, Search
from cloudsms_simulator.journal.search_fields import (
    NO_CONTEXT,
    JournalKind,
    JournalRecord,
    SearchableRequest,
    SearchContext,
    octets_of,
    recipient_of,
    recipients_of,
    record_id,
)
from cloudsms_simulator.journal.views import JournalView
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.concurrency import CalledOffError, TimeSlices, offload
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.stores.store import Store


class PendingWork(msgspec.Struct, frozen=True):
    """Whether something is due by now or on its way; if nothing is, when the next is due, None when nothing is."""

    busy: bool
    next_due_at: datetime | None = None


BUSY = PendingWork(True)


def pending_work_of(store: Store, account: Account, now: datetime) -> PendingWork:
    """What is to come; `now` is the moment on the account's clock."""
    if store.standing(account).outstanding == 0:
        return PendingWork(False)
    due = store.next_wake(account)
    if due is not None and due <= now:
        return BUSY
    for message in store.messages(account):
        if message.settled:
            continue
        to_come = _to_come(message, store.reports_of(account, message.uid), now)
        if not to_come or min(to_come) <= now:
            return BUSY
        due = min([*to_come, due] if due is not None else to_come)
    return PendingWork(False, due)


def _to_come(message: Message, reports: tuple[Report, ...], now: datetime) -> list[datetime]:
    """The moments at which something is due, `now` among them if anything is; empty when a push is on its way."""
    pending = [report.next_attempt_at for report in reports if report.outcome == "pending"]
    moments = [moment for moment in pending if moment is not None]
    if len(moments) < len(pending):
        return []
    step = message.next_step_at
    if (step is not None and step <= now) or due_report(message, reports, now) is not None:
        return [now]
    # What is due and waits behind another report is not to come before that.
    return [moment for moment in (*moments, step) if moment is not None and moment > now]


FoundRecords = tuple[JournalRecord, ...]


class Wait:
    """One wait. `future` gets what was found, newest first, as soon as that is enough; None when it is in vain.

    Until it has looked at all that is kept it only gathers, so that the newest come first in any case.
    """

    def __init__(
        self, kind: JournalKind, search: Search, count: int, future: "asyncio.Future[FoundRecords | None]"
    ) -> None:
        self.kind = kind
        self.search = search
        self.count = count
        self.future = future
        self.wants_an_outcome = kind == "reports" or (kind == "messages" and search.awaits_outcome)
        """Whether time has to pass for it, if what it waits for is not there yet."""
        self.looked = False
        self._kept: dict[str | int, JournalRecord] = {}
        self._told: dict[str | int, JournalRecord] = {}
        self._heard_of: set[str | int] = set()

    @property
    def total(self) -> int:
        """How many it has found."""
        return len(self._kept) + len(self._told)

    @property
    def values(self) -> FoundRecords:
        """What it has found, newest first."""
        return (*reversed(self._told.values()), *self._kept.values())

    def add_kept(self, value: JournalRecord) -> None:
        """Takes in something kept that its search finds, from the newest on. What the news told of is newer."""
        name = record_id(value)
        if name not in self._heard_of:
            self._kept[name] = value

    def scan_done(self) -> None:
        """All that is kept was looked at."""
        self.looked = True
        self._finish()

    def offer(self, value: JournalRecord, beside: SearchContext) -> None:
        """Takes in something new, or what has changed, and may be found no more."""
        name = record_id(value)
        if not self.looked:
            self._heard_of.add(name)
        found = self.search.matches(value, beside)
        of = self._kept if name in self._kept else self._told
        if found:
            of[name] = value
            self._finish()
        else:
            of.pop(name, None)

    def _finish(self) -> None:
        if self.looked and self.total >= self.count and not self.future.done():
            self.future.set_result(self.values)


class WaitIndex:
    """The waiters of one account."""

    def __init__(self) -> None:
        self._lines: dict[JournalKind, WaitsOfKind] = {
            "messages": WaitsOfKind(),
            "requests": WaitsOfKind(),
            "reports": WaitsOfKind(),
        }
        self._for_outcomes = 0
        self._demanded: Counter[str | None] = Counter()
        """The SMS_UIDs and recipients that waiters demand, and how many do; None: those that demand neither."""

    def __len__(self) -> int:
        return sum(line.count for line in self._lines.values())

    def __iter__(self) -> Iterator[Wait]:
        return (waiter for line in self._lines.values() for waiter in line)

    @property
    def awaits_outcomes(self) -> bool:
        """Whether any of them needs time to pass."""
        return self._for_outcomes > 0

    def add(self, waiter: Wait) -> None:
        """One more."""
        self._lines[waiter.kind].add(waiter)
        self._for_outcomes += waiter.wants_an_outcome
        self._demanded[_demand_of(waiter)] += 1

    def remove(self, waiter: Wait) -> None:
        """One less."""
        self._lines[waiter.kind].remove(waiter)
        self._for_outcomes -= waiter.wants_an_outcome
        demand = _demand_of(waiter)
        self._demanded[demand] -= 1
        if not self._demanded[demand]:
            del self._demanded[demand]

    def hear(self, transactions: Iterable[Transaction], kept: JournalView) -> None:
        """Tells what transactions wrote to those it may concern."""
        for transaction in transactions:
            if self._may_concern_somebody(transaction):
                self._tell(transaction, kept)

    def _tell(self, transaction: Transaction, kept: JournalView) -> None:
        messages, requests, reports = self._lines["messages"], self._lines["requests"], self._lines["reports"]
        exchange = transaction.exchange
        if requests.count and exchange is not None:
            # An accepted exchange's messages are in the store by now, and the findings on it need them.
            beside = kept.context_of(exchange)
            recipients = _recipients_in(exchange, transaction.new_messages, beside) if requests.by_recipient else ()
            for waiter in requests.candidates(exchange.uids, recipients):
                waiter.offer(exchange, beside)
        if messages.count:
            for message in transaction.new_messages:
                messages.tell(message)
        if transaction.updated and (messages.count or reports.count):
            for uid in transaction.updated:
                changed = transaction.messages[uid]
                if messages.count:
                    messages.tell(changed)
                if reports.count:
                    concerned = reports.candidates((uid,), recipients_of(changed))
                    for report in transaction.reports.get(uid, ()) if concerned else ():
                        for waiter in concerned:
                            waiter.offer(report, SearchContext(changed))

    def _may_concern_somebody(self, transaction: Transaction) -> bool:
        """False for nearly all that is sent while others are waited for, which shows at once."""
        demanded, exchange = self._demanded, transaction.exchange
        if None in demanded or not (exchange is None or (isinstance(exchange, Sending) and exchange.places is None)):
            return True
        for message in transaction.new_messages:
            if message.uid in demanded or recipient_of(message.country_code, message.msisdn) in demanded:
                return True
        for uid in transaction.updated:
            message = transaction.messages[uid]
            if uid in demanded or recipient_of(message.country_code, message.msisdn) in demanded:
                return True
        return False


def _demand_of(waiter: Wait) -> str | None:
    """What all that a waiter finds must have, by which `Line` files it too."""
    return waiter.search.recipient if waiter.search.uid is None else waiter.search.uid


def _recipients_in(exchange: Exchange, messages: tuple[Message, ...], beside: SearchContext) -> tuple[str, ...]:
    """The recipients of an exchange. Nobody reads its body when all that it names are `messages`."""
    if messages and isinstance(exchange, Sending) and exchange.places is None:
        return tuple([recipient for message in messages for recipient in recipients_of(message)])
    sought = beside.request or SearchableRequest(exchange)
    return tuple([recipient_of(each.country_code, each.msisdn) for each in sought.destinations])


class WaitsOfKind:
    """Waiters of one kind. Who demands an SMS_UID is found by that, who demands a recipient by that."""

    def __init__(self) -> None:
        self.count = 0
        self.by_recipient: dict[str, list[Wait]] = {}
        self._by_uid: dict[str, list[Wait]] = {}
        self._others: list[Wait] = []

    def __iter__(self) -> Iterator[Wait]:
        for row in (*self._by_uid.values(), *self.by_recipient.values(), self._others):
            yield from row

    def add(self, waiter: Wait) -> None:
        self.count += 1
        uid, recipient = waiter.search.uid, waiter.search.recipient
        if uid is not None:
            self._by_uid.setdefault(uid, []).append(waiter)
        elif recipient is not None:
            self.by_recipient.setdefault(recipient, []).append(waiter)
        else:
            self._others.append(waiter)

    def remove(self, waiter: Wait) -> None:
        self.count -= 1
        uid, recipient = waiter.search.uid, waiter.search.recipient
        if uid is not None:
            _take_out(self._by_uid, uid, waiter)
        elif recipient is not None:
            _take_out(self.by_recipient, recipient, waiter)
        else:
            self._others.remove(waiter)

    def matching(self, value: JournalRecord, beside: SearchContext) -> list[Wait]:
        """Those whose search finds something that is kept; it may look at a body, and be called in a thread."""
        if isinstance(value, Exchange):
            uids = value.uids
            recipients = _recipients_in(value, (), beside) if self.by_recipient else ()
        else:
            uids = (value.uid,)
            recipients = recipients_of(value, beside.message) if self.by_recipient else ()
        return [waiter for waiter in self.candidates(uids, recipients) if waiter.search.matches(value, beside)]

    def tell(self, message: Message) -> None:
        """Tells those it may concern of a message."""
        for waiter in self.candidates((message.uid,), recipients_of(message) if self.by_recipient else ()):
            waiter.offer(message, NO_CONTEXT)

    def candidates(self, uids: tuple[str, ...], recipients: tuple[str, ...]) -> list[Wait]:
        """Those whom something with these SMS_UIDs, for these recipients, may concern."""
        found = self._others
        if self._by_uid:
            for uid in uids:
                if uid in self._by_uid:
                    found = found + self._by_uid[uid]
        if self.by_recipient:
            for recipient in recipients if len(recipients) == 1 else dict.fromkeys(recipients):
                if recipient in self.by_recipient:
                    found = found + self.by_recipient[recipient]
        return found


def _take_out(rows: dict[str, list[Wait]], name: str, waiter: Wait) -> None:
    rows[name].remove(waiter)
    if not rows[name]:
        del rows[name]


MOST_CLOSEST = 3
_LOOKED_AT_FOR_CLOSEST = 200
"""The newest so many are looked at for what came close."""
_RECHECK = 0.05
"""Seconds from the news of an account until it is asked again whether its waits are in vain."""


class WaitFound(msgspec.Struct, frozen=True):
    """As many as were waited for, newest first. `total` is how many there were, `evicted` how many are gone in all."""

    values: tuple[JournalRecord, ...]
    total: int
    evicted: int


class NearMiss(msgspec.Struct, frozen=True):
    """What nearly was found, and the terms that do not hold for it."""

    value: JournalRecord
    differences: tuple[Difference, ...]


class WaitMissed(msgspec.Struct, frozen=True):
    """A wait that ended without enough.

    `in_vain`: nothing that is running could bring it, since the account's clock stands; `next_due_at` is then the
    moment at which something is due next. `evicted` counts what is gone and nobody could look at.
    """

    in_vain: bool
    total: int
    evicted: int
    closest: tuple[NearMiss, ...]
    now: datetime
    next_due_at: datetime | None


class _Sweep:
    """One look through all that is kept of a kind, for everybody in `line`."""

    def __init__(self) -> None:
        self.line = WaitsOfKind()
        self.over = asyncio.Event()


class Waits:
    """Every wait of a simulator. Belongs to one event loop.

    `is_moved(account)` says whether somebody is moving the account's clock: what stands then will go on. Waits end when
    `stopping` is set.
    """

    def __init__(
        self,
        store: Store,
        news: ChangeBus,
        wall: WallClock,
        is_moved: Callable[[Account], bool],
        stopping: asyncio.Event,
    ) -> None:
        self._store = store
        self._news = news
        self._wall = wall
        self._is_moved = is_moved
        self._stopping = stopping
        self._waiting: dict[str | None, WaitIndex] = {}
        self._rechecks: set[str] = set()
        self._known: dict[str | None, tuple[datetime, PendingWork]] = {}
        """What is to come on accounts whose clock stands, and the moment at which that was so."""
        self._looking = asyncio.Lock()
        """Held by the one that looks through what is kept: others are served between its slices, not one of each."""
        self._sweeps: dict[tuple[str | None, JournalKind], _Sweep] = {}
        """Those that are yet to begin."""
        self._sweeping: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    async def wait(
        self, account: Account | None, kind: JournalKind, search: Search, count: int, within: timedelta
    ) -> WaitFound | WaitMissed:
        """Returns once `count` are there that the search finds, or after `within` of the wall.

        One that nothing running can bring ends at once: reports, and messages in a state, while the clock stands and
        nothing is due or on its way. CalledOffError when the account is reset or deleted meanwhile or the simulator
        stops.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within.total_seconds()
        waiter = Wait(kind, search, count, loop.create_future())
        self._add(account, waiter)
        stop = loop.create_task(self._stopping.wait())
        try:
            await self._look(account, waiter)
            if account is not None and waiter.wants_an_outcome and not waiter.future.done():
                if not self._prospects(account).busy:
                    return await self._missed(account, waiter)
                self._recheck_soon(account)
            left = max(0.0, deadline - loop.time())
            await asyncio.wait((waiter.future, stop), timeout=left, return_when=asyncio.FIRST_COMPLETED)
            self._news.flush()
            if waiter.future.done():
                values = waiter.future.result()
                return await self._missed(account, waiter) if values is None else self._found(account, waiter, values)
            if self._stopping.is_set():
                raise CalledOffError("stopped")
            return await self._missed(account, waiter, in_vain=False)
        finally:
            stop.cancel()
            waiter.future.cancel()
            self._remove(account, waiter)

    async def closest(
        self, account: Account | None, kind: JournalKind, search: Search, most: int = MOST_CLOSEST
    ) -> tuple[NearMiss, ...]:
        """What came close: of the newest 200 that are kept, those for which the fewest terms do not hold.

        Others get their turn meanwhile, and no two look at once.
        """
        async with self._looking:
            kept, slices = JournalView(self._store, account), TimeSlices()
            near: list[tuple[int, JournalRecord]] = []
            for value in list(islice(kept.listing(kind), _LOOKED_AT_FOR_CLOSEST)):
                lacking = await offload(octets_of(value), partial(search.count_misses, value, kept.context_of(value)))
                if lacking:
                    near.append((lacking, value))
                await slices.rest()
            near.sort(key=itemgetter(0))
            closest = []
            for _, value in near[:most]:
                work = partial(search.differences, value, kept.context_of(value))
                closest.append(NearMiss(value, await offload(octets_of(value), work)))
            # The lock goes from one to the next within a turn of the loop otherwise.
            await asyncio.sleep(0)
        return tuple(closest)

    # What the news tell

    def hear(self, account: Account | None, transactions: Sequence[Transaction]) -> None:
        """Tells those it may concern what is new."""
        name = None if account is None else account.name
        self._known.pop(name, None)
        waiting = self._waiting.get(name)
        if waiting is None:
            return
        waiting.hear(transactions, JournalView(self._store, account))
        if account is not None and waiting.awaits_outcomes:
            self._recheck_soon(account)

    def hear_reset(self, account: Account | None) -> None:
        """Ends the waits of an account: what they waited for belongs to the past."""
        name = None if account is None else account.name
        self._known.pop(name, None)
        for waiter in self._waiting.get(name, ()):
            if not waiter.future.done():
                waiter.future.set_exception(CalledOffError("gone"))

    # Waits in vain

    def _prospects(self, account: Account) -> PendingWork:
        """What is to come by itself; a clock that goes, or is moved, brings everything some day."""
        clock = self._store.standing(account).clock
        if clock.rate != 0 or self._is_moved(account):
            return BUSY
        return self._at_rest(account, clock.virtual)

    def _at_rest(self, account: Account, now: datetime) -> PendingWork:
        """The same for a clock that stands at `now`. Known until there is news of the account: that changes it."""
        self._news.flush()
        known = self._known.get(account.name)
        if known is None or known[0] != now:
            known = self._known[account.name] = (now, pending_work_of(self._store, account, now))
        return known[1]

    def _recheck_soon(self, account: Account) -> None:
        if account.name not in self._rechecks:
            self._rechecks.add(account.name)
            asyncio.get_running_loop().call_later(_RECHECK, self._recheck, account)

    def _recheck(self, account: Account) -> None:
        """Ends the waits that have come to be in vain."""
        self._news.flush()
        self._rechecks.discard(account.name)
        waiting = self._waiting.get(account.name)
        if waiting is None or not waiting.awaits_outcomes:
            return
        if self._is_moved(account):
            # It ends without news, and the clock may stand then.
            self._recheck_soon(account)
        elif not self._prospects(account).busy:
            for waiter in waiting:
                if waiter.wants_an_outcome and waiter.looked and not waiter.future.done():
                    waiter.future.set_result(None)

    # One wait

    async def _look(self, account: Account | None, waiter: Wait) -> None:
        """Looks at what is kept; what the news tell meanwhile is newer.

        All that begin to wait while others are looked for are looked for together.
        """
        name = (None if account is None else account.name, waiter.kind)
        sweep = self._sweeps.get(name)
        if sweep is None:
            sweep = self._sweeps[name] = _Sweep()
            task = asyncio.get_running_loop().create_task(self._sweep(account, waiter.kind, sweep))
            self._sweeping.add(task)
            task.add_done_callback(self._sweeping.discard)
        sweep.line.add(waiter)
        try:
            await sweep.over.wait()
        finally:
            sweep.line.remove(waiter)
        self._news.flush()
        waiter.scan_done()

    async def _sweep(self, account: Account | None, kind: JournalKind, sweep: "_Sweep") -> None:
        try:
            async with self._looking:
                del self._sweeps[(None if account is None else account.name, kind)]
                kept, line, slices = JournalView(self._store, account), sweep.line, TimeSlices()
                for value in list(kept.listing(kind)):
                    if not line.count or self._stopping.is_set():
                        break
                    for waiter in await offload(
                        octets_of(value), partial(line.matching, value, kept.context_of(value))
                    ):
                        waiter.add_kept(value)
                    await slices.rest()
        finally:
            sweep.over.set()

    def _found(self, account: Account | None, waiter: Wait, values: Sequence[JournalRecord]) -> WaitFound:
        # The rest of a batch, or a change, may have been told since it was enough.
        values = waiter.values if waiter.total >= waiter.count else values
        return WaitFound(
            tuple(values[: waiter.count]), len(values), JournalView(self._store, account).listing(waiter.kind).evicted
        )

    async def _missed(self, account: Account | None, waiter: Wait, *, in_vain: bool = True) -> WaitMissed:
        clock = self._store.standing(account).clock
        now = clock.now(self._wall.now())
        due = None
        if account is not None and clock.rate == 0:
            due = self._at_rest(account, now).next_due_at
        evicted = JournalView(self._store, account).listing(waiter.kind).evicted
        closest = await self.closest(account, waiter.kind, waiter.search)
        return WaitMissed(in_vain, waiter.total, evicted, closest, now, due)

    def _add(self, account: Account | None, waiter: Wait) -> None:
        if self._stopping.is_set():
            raise CalledOffError("stopped")
        self._news.flush()
        name = None if account is None else account.name
        waiting = self._waiting.get(name)
        if waiting is None:
            waiting = self._waiting[name] = WaitIndex()
            self._news.listen(name, self)
        waiting.add(waiter)

    def _remove(self, account: Account | None, waiter: Wait) -> None:
        name = None if account is None else account.name
        waiting = self._waiting[name]
        waiting.remove(waiter)
        if not len(waiting):
            del self._waiting[name]
            self._known.pop(name, None)
            self._news.unsubscribe(name, self)
