"""Waits: long polls for messages, requests and reports, each with a future of its own.

A `Wait` is offered first the records that are kept, then the changes of its account. The `WaitIndex` finds waits by the
one recipient or SMS_UID they want, so that a thousand others cost nothing. A wait that nothing running can satisfy,
since the account's clock stands and no work is pending (`PendingWork`), ends at once and names the next due moment; one
that ends without enough records says what came close. What is pending follows from what is kept alone, so it is right
at every moment.

Spec: Delivery Report (DR) CallBack. Reading: R10, R11, R15, R16, R17.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import islice
from operator import itemgetter

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.delivery import due_report
from cloudsms_simulator.engine.records import Exchange, Message, Report, Sending
from cloudsms_simulator.journal.search import Search
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
from cloudsms_simulator.models.journal import Difference
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.runtime import CalledOffError, TimeSlices, offload
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.stores.store import Change, ChangeBus, Store


class PendingWork(msgspec.Struct, frozen=True):
    """Whether something is due by now or on its way. If not, when the next thing is due; None when nothing is."""

    busy: bool
    next_due_at: datetime | None = None


BUSY = PendingWork(True)


def pending_work_of(store: Store, account: Account, now: datetime) -> PendingWork:
    """The work that is pending for an account; `now` is the time on its clock."""
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
    """When something of a message is due, `now` alone if it is due already; empty while a push is on its way."""
    pending = [report.next_attempt_at for report in reports if report.outcome == "pending"]
    moments = [moment for moment in pending if moment is not None]
    if len(moments) < len(pending):
        return []
    step = message.next_step_at
    if (step is not None and step <= now) or due_report(message, reports, now) is not None:
        return [now]
    # A state that is due but waits for an earlier report does not come before that one.
    return [moment for moment in (*moments, step) if moment is not None and moment > now]


FoundRecords = tuple[JournalRecord, ...]


class Wait:
    """One wait. `future` gets the records found, newest first, as soon as they are enough; None when it is in vain.

    Until all that is kept was looked at it only gathers, so that the newest come first in any case.
    """

    def __init__(
        self, kind: JournalKind, search: Search, count: int, future: "asyncio.Future[FoundRecords | None]"
    ) -> None:
        self.kind = kind
        self.search = search
        self.count = count
        self.future = future
        self.wants_an_outcome = kind == "reports" or (kind == "messages" and search.awaits_outcome)
        """Whether time has to pass before it can find what is not there yet."""
        self.looked = False
        self._scanned: dict[str | int, JournalRecord] = {}
        self._offered: dict[str | int, JournalRecord] = {}
        self._offered_ids: set[str | int] = set()

    @property
    def total(self) -> int:
        """How many records it has found."""
        return len(self._scanned) + len(self._offered)

    @property
    def values(self) -> FoundRecords:
        """The records it has found, newest first."""
        return (*reversed(self._offered.values()), *self._scanned.values())

    def add_kept(self, record: JournalRecord) -> None:
        """Adds a kept record that its search matches, called from the newest on. One offered meanwhile is newer."""
        name = record_id(record)
        if name not in self._offered_ids:
            self._scanned[name] = record

    def scan_done(self) -> None:
        """Notes that all that is kept was looked at."""
        self.looked = True
        self._finish()

    def offer(self, record: JournalRecord, context: SearchContext) -> None:
        """Takes a record that is new or has changed: adds it if the search matches it, removes it if not."""
        name = record_id(record)
        if not self.looked:
            self._offered_ids.add(name)
        found = self.search.matches(record, context)
        of = self._scanned if name in self._scanned else self._offered
        if found:
            of[name] = record
            self._finish()
        else:
            of.pop(name, None)

    def _finish(self) -> None:
        if self.looked and self.total >= self.count and not self.future.done():
            self.future.set_result(self.values)


class WaitIndex:
    """The waits of one account, or (None) for exchanges of no account."""

    def __init__(self, account: Account | None) -> None:
        self.account = account
        self._by_kind: dict[JournalKind, WaitsOfKind] = {
            "messages": WaitsOfKind(),
            "requests": WaitsOfKind(),
            "reports": WaitsOfKind(),
        }
        self._for_outcomes = 0
        self._demanded: Counter[str | None] = Counter()
        """How many waits demand each SMS_UID or recipient; under None those that demand neither."""

    def __len__(self) -> int:
        return sum(waits.count for waits in self._by_kind.values())

    def __iter__(self) -> Iterator[Wait]:
        return (wait for waits in self._by_kind.values() for wait in waits)

    @property
    def awaits_outcomes(self) -> bool:
        """Whether any of the waits needs time to pass."""
        return self._for_outcomes > 0

    def add(self, wait: Wait) -> None:
        """Adds a wait."""
        self._by_kind[wait.kind].add(wait)
        self._for_outcomes += wait.wants_an_outcome
        self._demanded[_demand_of(wait)] += 1

    def remove(self, wait: Wait) -> None:
        """Removes a wait."""
        self._by_kind[wait.kind].remove(wait)
        self._for_outcomes -= wait.wants_an_outcome
        demand = _demand_of(wait)
        self._demanded[demand] -= 1
        if not self._demanded[demand]:
            del self._demanded[demand]

    def hear(self, change: Change, store: Store) -> None:
        """Offers what was committed to the waits that it may concern."""
        if not self._may_concern_somebody(change):
            return
        messages, requests, reports = self._by_kind["messages"], self._by_kind["requests"], self._by_kind["reports"]
        exchange = change.exchange
        if requests.count and exchange is not None:
            # An accepted exchange's messages are in the store by now, and the findings on it need them.
            account = None if self.account is None else store.directory.current(self.account)
            context = JournalView(store, account).context_of(exchange)
            recipients = _recipients_in(exchange, change.messages, context) if requests.by_recipient else ()
            for wait in requests.candidates(exchange.uids, recipients):
                wait.offer(exchange, context)
        if messages.count:
            for message in change.messages:
                messages.offer(message)
        for message, its_reports in change.updated:
            if messages.count:
                messages.offer(message)
            if reports.count:
                concerned = reports.candidates((message.uid,), recipients_of(message))
                for report in its_reports if concerned else ():
                    for wait in concerned:
                        wait.offer(report, SearchContext(message))

    def _may_concern_somebody(self, change: Change) -> bool:
        """Whether a change may concern any wait. Cheap, and False for nearly all that nobody waits for."""
        demanded, exchange = self._demanded, change.exchange
        if None in demanded or not (exchange is None or (isinstance(exchange, Sending) and exchange.places is None)):
            return True
        for message in change.messages:
            if message.uid in demanded or recipient_of(message.country_code, message.msisdn) in demanded:
                return True
        for message, _ in change.updated:
            if message.uid in demanded or recipient_of(message.country_code, message.msisdn) in demanded:
                return True
        return False


def _demand_of(wait: Wait) -> str | None:
    """The SMS_UID or recipient that a wait demands, by which `WaitsOfKind` files it; None when it demands neither."""
    return wait.search.recipient if wait.search.uid is None else wait.search.uid


def _recipients_in(exchange: Exchange, messages: tuple[Message, ...], context: SearchContext) -> tuple[str, ...]:
    """The recipients of an exchange. Its body is not read when all that it names are `messages`."""
    if messages and isinstance(exchange, Sending) and exchange.places is None:
        return tuple([recipient for message in messages for recipient in recipients_of(message)])
    searchable = context.request or SearchableRequest(exchange)
    return tuple([recipient_of(each.country_code, each.msisdn) for each in searchable.destinations])


class WaitsOfKind:
    """The waits for one kind of records, found by the SMS_UID or the recipient they demand."""

    def __init__(self) -> None:
        self.count = 0
        self.by_recipient: dict[str, list[Wait]] = {}
        self._by_uid: dict[str, list[Wait]] = {}
        self._others: list[Wait] = []

    def __iter__(self) -> Iterator[Wait]:
        for row in (*self._by_uid.values(), *self.by_recipient.values(), self._others):
            yield from row

    def add(self, wait: Wait) -> None:
        self.count += 1
        uid, recipient = wait.search.uid, wait.search.recipient
        if uid is not None:
            self._by_uid.setdefault(uid, []).append(wait)
        elif recipient is not None:
            self.by_recipient.setdefault(recipient, []).append(wait)
        else:
            self._others.append(wait)

    def remove(self, wait: Wait) -> None:
        self.count -= 1
        uid, recipient = wait.search.uid, wait.search.recipient
        if uid is not None:
            _take_out(self._by_uid, uid, wait)
        elif recipient is not None:
            _take_out(self.by_recipient, recipient, wait)
        else:
            self._others.remove(wait)

    def matching(self, record: JournalRecord, context: SearchContext) -> list[Wait]:
        """The waits whose search matches a kept record. It may read a body, and any thread may call it."""
        if isinstance(record, Exchange):
            uids = record.uids
            recipients = _recipients_in(record, (), context) if self.by_recipient else ()
        else:
            uids = (record.uid,)
            recipients = recipients_of(record, context.message) if self.by_recipient else ()
        return [wait for wait in self.candidates(uids, recipients) if wait.search.matches(record, context)]

    def offer(self, message: Message) -> None:
        """Offers a message to the waits that it may concern."""
        for wait in self.candidates((message.uid,), recipients_of(message) if self.by_recipient else ()):
            wait.offer(message, NO_CONTEXT)

    def candidates(self, uids: tuple[str, ...], recipients: tuple[str, ...]) -> list[Wait]:
        """The waits that a record with these SMS_UIDs, for these recipients, may concern."""
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


def _take_out(rows: dict[str, list[Wait]], name: str, wait: Wait) -> None:
    rows[name].remove(wait)
    if not rows[name]:
        del rows[name]


MOST_CLOSEST = 3
_LOOKED_AT_FOR_CLOSEST = 200
"""How many of the newest records are looked at for what came close."""
_RECHECK = 0.05
"""Seconds from a change of an account until it is checked again whether its waits are in vain."""


class WaitFound(msgspec.Struct, frozen=True):
    """As many records as were waited for, newest first.

    `total` is how many matched, `evicted` how many records of the kind are gone from the journal.
    """

    values: tuple[JournalRecord, ...]
    total: int
    evicted: int


class NearMiss(msgspec.Struct, frozen=True):
    """A record that was nearly found, and the terms that do not hold for it."""

    value: JournalRecord
    differences: tuple[Difference, ...]


class WaitMissed(msgspec.Struct, frozen=True):
    """A wait that ended without enough.

    `in_vain`: nothing that is running could bring more, since the account's clock stands; `next_due_at` is then the
    moment at which something is due next. `evicted` counts records that are gone and could not be looked at.
    """

    in_vain: bool
    total: int
    evicted: int
    closest: tuple[NearMiss, ...]
    now: datetime
    next_due_at: datetime | None


class _Sweep:
    """One look through all kept records of a kind, for all of `waits` together."""

    def __init__(self) -> None:
        self.waits = WaitsOfKind()
        self.over = asyncio.Event()


class Waits:
    """Every wait of a simulator. Belongs to one event loop.

    `is_moved(account)` says whether somebody is moving the account's clock, so that what stands will go on. Waits end
    when `stopping` is set.
    """

    def __init__(
        self,
        store: Store,
        changes: ChangeBus,
        wall: WallClock,
        is_moved: Callable[[Account], bool],
        stopping: asyncio.Event,
    ) -> None:
        self._store = store
        self._changes = changes
        self._wall = wall
        self._is_moved = is_moved
        self._stopping = stopping
        self._indexes: dict[str | None, WaitIndex] = {}
        self._rechecks: set[str] = set()
        self._known: dict[str | None, tuple[datetime, PendingWork]] = {}
        """What is pending for accounts whose clock stands, and the moment at which that was so."""
        self._looking = asyncio.Lock()
        """Held by the task that looks through what is kept, so that only one does at a time."""
        self._sweeps: dict[tuple[str | None, JournalKind], _Sweep] = {}
        """The sweeps that have not begun yet, which more waits can still join."""
        self._sweeping: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many waits there are."""
        return sum(map(len, self._indexes.values()))

    async def wait(
        self, account: Account | None, kind: JournalKind, search: Search, count: int, within: timedelta
    ) -> WaitFound | WaitMissed:
        """Waits until the search matches `count` records, for at most `within` of wall time.

        A wait that nothing running can satisfy ends at once: for reports, or for messages in a state, while the clock
        stands and nothing is due or on its way. Raises CalledOffError when the account is reset or deleted meanwhile,
        or the simulator stops.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within.total_seconds()
        wait = Wait(kind, search, count, loop.create_future())
        self._add(account, wait)
        stop = loop.create_task(self._stopping.wait())
        try:
            await self._look(account, wait)
            if account is not None and wait.wants_an_outcome and not wait.future.done():
                if not self._pending_work(account).busy:
                    return await self._missed(account, wait)
                self._recheck_soon(account)
            left = max(0.0, deadline - loop.time())
            await asyncio.wait((wait.future, stop), timeout=left, return_when=asyncio.FIRST_COMPLETED)
            self._changes.flush()
            if wait.future.done():
                values = wait.future.result()
                return await self._missed(account, wait) if values is None else self._found(account, wait, values)
            if self._stopping.is_set():
                raise CalledOffError("stopped")
            return await self._missed(account, wait, in_vain=False)
        finally:
            stop.cancel()
            wait.future.cancel()
            self._remove(account, wait)

    async def closest(
        self, account: Account | None, kind: JournalKind, search: Search, most: int = MOST_CLOSEST
    ) -> tuple[NearMiss, ...]:
        """What came close: of the newest 200 kept records, those for which the fewest terms do not hold.

        Other tasks get their turn meanwhile, and no two calls look at once.
        """
        async with self._looking:
            view, slices = JournalView(self._store, account), TimeSlices()
            near: list[tuple[int, JournalRecord]] = []
            for record in list(islice(view.listing(kind), _LOOKED_AT_FOR_CLOSEST)):
                lacking = await offload(
                    octets_of(record), partial(search.count_misses, record, view.context_of(record))
                )
                if lacking:
                    near.append((lacking, record))
                await slices.rest()
            near.sort(key=itemgetter(0))
            closest = []
            for _, record in near[:most]:
                work = partial(search.differences, record, view.context_of(record))
                closest.append(NearMiss(record, await offload(octets_of(record), work)))
            # The lock goes from one to the next within a turn of the loop otherwise.
            await asyncio.sleep(0)
        return tuple(closest)

    # Changes of an account

    def hear(self, change: Change) -> None:
        """Offers what was committed to the waits of its account.

        A reset ends them with CalledOffError: what they waited for is gone.
        """
        self._known.pop(change.account, None)
        index = self._indexes.get(change.account)
        if index is None:
            return
        if change.kind == "reset":
            for wait in index:
                if not wait.future.done():
                    wait.future.set_exception(CalledOffError("gone"))
            return
        index.hear(change, self._store)
        if index.account is not None and index.awaits_outcomes:
            self._recheck_soon(index.account)

    # Waits in vain

    def _pending_work(self, account: Account) -> PendingWork:
        """The work that is pending for an account. A clock that goes, or is being moved, counts as busy."""
        clock = self._store.standing(account).clock
        if clock.rate != 0 or self._is_moved(account):
            return BUSY
        return self._at_rest(account, clock.virtual)

    def _at_rest(self, account: Account, now: datetime) -> PendingWork:
        """The same for a clock that stands at `now`; remembered until the account changes."""
        self._changes.flush()
        known = self._known.get(account.name)
        if known is None or known[0] != now:
            known = self._known[account.name] = (now, pending_work_of(self._store, account, now))
        return known[1]

    def _recheck_soon(self, account: Account) -> None:
        if account.name not in self._rechecks:
            self._rechecks.add(account.name)
            asyncio.get_running_loop().call_later(_RECHECK, self._recheck, account)

    def _recheck(self, account: Account) -> None:
        """Ends the waits of an account that are in vain by now."""
        self._changes.flush()
        self._rechecks.discard(account.name)
        index = self._indexes.get(account.name)
        if index is None or not index.awaits_outcomes:
            return
        if self._is_moved(account):
            # The move may end without a change of the account, and the clock may stand then.
            self._recheck_soon(account)
        elif not self._pending_work(account).busy:
            for wait in index:
                if wait.wants_an_outcome and wait.looked and not wait.future.done():
                    wait.future.set_result(None)

    # One wait

    async def _look(self, account: Account | None, wait: Wait) -> None:
        """Offers a wait the records that are kept; what changes meanwhile is newer.

        Waits that begin while a sweep goes on are looked for together in the next one.
        """
        name = (None if account is None else account.name, wait.kind)
        sweep = self._sweeps.get(name)
        if sweep is None:
            sweep = self._sweeps[name] = _Sweep()
            task = asyncio.get_running_loop().create_task(self._sweep(account, wait.kind, sweep))
            self._sweeping.add(task)
            task.add_done_callback(self._sweeping.discard)
        sweep.waits.add(wait)
        try:
            await sweep.over.wait()
        finally:
            sweep.waits.remove(wait)
        self._changes.flush()
        wait.scan_done()

    async def _sweep(self, account: Account | None, kind: JournalKind, sweep: "_Sweep") -> None:
        try:
            async with self._looking:
                del self._sweeps[(None if account is None else account.name, kind)]
                view, waits, slices = JournalView(self._store, account), sweep.waits, TimeSlices()
                for record in list(view.listing(kind)):
                    if not waits.count or self._stopping.is_set():
                        break
                    for wait in await offload(
                        octets_of(record), partial(waits.matching, record, view.context_of(record))
                    ):
                        wait.add_kept(record)
                    await slices.rest()
        finally:
            sweep.over.set()

    def _found(self, account: Account | None, wait: Wait, values: Sequence[JournalRecord]) -> WaitFound:
        # The rest of a batch, or a change, may have been offered since there were enough.
        values = wait.values if wait.total >= wait.count else values
        return WaitFound(
            tuple(values[: wait.count]), len(values), JournalView(self._store, account).listing(wait.kind).evicted
        )

    async def _missed(self, account: Account | None, wait: Wait, *, in_vain: bool = True) -> WaitMissed:
        clock = self._store.standing(account).clock
        now = clock.now(self._wall.now())
        due = None
        if account is not None and clock.rate == 0:
            due = self._at_rest(account, now).next_due_at
        evicted = JournalView(self._store, account).listing(wait.kind).evicted
        closest = await self.closest(account, wait.kind, wait.search)
        return WaitMissed(in_vain, wait.total, evicted, closest, now, due)

    def _add(self, account: Account | None, wait: Wait) -> None:
        if self._stopping.is_set():
            raise CalledOffError("stopped")
        self._changes.flush()
        name = None if account is None else account.name
        index = self._indexes.get(name)
        if index is None:
            index = self._indexes[name] = WaitIndex(account)
            self._changes.subscribe(name, self)
        index.add(wait)

    def _remove(self, account: Account | None, wait: Wait) -> None:
        name = None if account is None else account.name
        index = self._indexes[name]
        index.remove(wait)
        if not len(index):
            del self._indexes[name]
            self._known.pop(name, None)
            self._changes.unsubscribe(name, self)
