"""An account's partition: what the memory store keeps of one account, and when to look at which of its messages.

Exchanges, messages, reports and the ledger are dicts and lists in order of arrival. Wakes wait in a `DueQueue`: a dict
of seconds and a heap of them. What is due in a second is a plain list, small and quick to add to, until that second is
the next one; then it is sorted into short spans. Taking what is due then costs about the same with a million entries
waiting as with a thousand; a heap of all entries costs several times as much. The order is (due, put in). Wakes of a
request whose answer is not out yet are held back (`held`, `early`). Entries of evicted
messages are folded into the ledger's opening entry, so that their sum stays the balance.

Reading: R16, R17.
"""

from bisect import insort_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from heapq import heapify, heappop, heappush
from itertools import groupby
from operator import itemgetter
from typing import Generic, TypeVar, cast

import msgspec

from cloudsms_simulator.engine.account import AccountConfig, AccountState
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.records import Exchange, Message, Report
from cloudsms_simulator.engine.transaction import RuleCounter
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.timestamps import EPOCH
from cloudsms_simulator.stores.store import AccountSnapshot

T = TypeVar("T")

_SPAN = 10_000
"""Microseconds."""
_due_of = itemgetter(0)


class DueQueue(Generic[T]):
    """Items with the moments they are due, in order of (due, insertion). One thread at a time."""

    __slots__ = ("_length", "_order", "_seconds")

    def __init__(self) -> None:
        # What is due in a second that is yet to come: a moment and its item in turns, since an entry of its own for
        # each of a million would take more memory than all else here.
        self._seconds: dict[int, list[datetime | T] | _Second[T]] = {}
        self._order: list[int] = []
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[tuple[datetime, T]]:
        """The entries in order, found one by one, so that a first page is cheap. Nothing may change meanwhile."""
        order = self._order.copy()
        while order:
            entries = self._seconds[heappop(order)]
            yield from sorted(_pairs(entries), key=_due_of) if isinstance(entries, list) else entries

    def add(self, due: datetime, item: T) -> None:
        """Adds an item; it comes after those that are due at the same moment already."""
        since = due - EPOCH
        second = since.days * 86_400 + since.seconds
        entries = self._seconds.get(second)
        self._length += 1
        if entries is None:
            self._seconds[second] = [due, item]
            heappush(self._order, second)
        elif isinstance(entries, list):
            entries += (due, item)
        else:
            entries.add(due, item)

    def take_out(self, due: datetime) -> list[T]:
        """Takes out what is due at exactly that moment, in order."""
        since = due - EPOCH
        second = since.days * 86_400 + since.seconds
        entries = self._seconds.get(second)
        if entries is None:
            return []
        if isinstance(entries, list):
            entries = self._seconds[second] = _Second(entries)
        taken = entries.take_out(due)
        self._length -= len(taken)
        if not entries:
            del self._seconds[second]
            self._order.remove(second)
            heapify(self._order)
        return taken

    def next_due(self) -> datetime | None:
        """The moment the earliest item is due, or None when there is none."""
        return self._next_second().next_due() if self._order else None

    def pop_due(self, now: datetime, limit: int) -> list[tuple[datetime, T]]:
        """Takes out at most `limit` entries that are due at `now` or before, the earliest first."""
        taken: list[tuple[datetime, T]] = []
        while self._order and len(taken) < limit:
            second = self._next_second()
            second.pop_due(now, limit, taken)
            if second:
                break
            del self._seconds[heappop(self._order)]
        self._length -= len(taken)
        return taken

    def clear(self) -> None:
        """Forgets everything."""
        self._seconds.clear()
        self._order.clear()
        self._length = 0

    def _next_second(self) -> "_Second[T]":
        second = self._order[0]
        entries = self._seconds[second]
        if isinstance(entries, list):
            entries = self._seconds[second] = _Second(entries)
        return entries


def _pairs(entries: list[datetime | T]) -> Iterator[tuple[datetime, T]]:
    return zip(cast("list[datetime]", entries[::2]), cast("list[T]", entries[1::2]), strict=True)


class _Second(Generic[T]):
    """What is due within one second: a dict of spans, and a heap of them. It is made of moments and items in turns."""

    __slots__ = ("_order", "_spans")

    def __init__(self, entries: list[datetime | T]) -> None:
        # What is due in a span: a tuple while it is one entry; a list of several; a deque in order from when the span
        # has become the next one.
        self._spans: dict[int, tuple[datetime, T] | list[tuple[datetime, T]] | deque[tuple[datetime, T]]] = {}
        self._order: list[int] = []
        for due, item in _pairs(entries):
            self.add(due, item)

    def __bool__(self) -> bool:
        return bool(self._order)

    def __iter__(self) -> Iterator[tuple[datetime, T]]:
        for span in sorted(self._order):
            entries = self._spans[span]
            yield from (entries,) if isinstance(entries, tuple) else sorted(entries, key=_due_of)

    def add(self, due: datetime, item: T) -> None:
        span = due.microsecond // _SPAN
        entries = self._spans.get(span)
        if entries is None:
            self._spans[span] = (due, item)
            heappush(self._order, span)
        elif isinstance(entries, tuple):
            self._spans[span] = [entries, (due, item)]
        elif isinstance(entries, list) or due >= entries[-1][0]:
            entries.append((due, item))
        else:
            insort_right(entries, (due, item), key=_due_of)

    def take_out(self, due: datetime) -> list[T]:
        span = due.microsecond // _SPAN
        entries = self._spans.get(span, ())
        there = [entries] if isinstance(entries, tuple) and entries else list(entries)
        taken = [entry for entry in there if entry[0] == due]
        if taken:
            left = [entry for entry in there if entry[0] != due]
            if not left:
                del self._spans[span]
                self._order.remove(span)
                heapify(self._order)
            elif isinstance(entries, deque):
                self._spans[span] = deque(left)
            else:
                self._spans[span] = left
        return [item for _, item in sorted(taken, key=_due_of)]

    def next_due(self) -> datetime:
        entries = self._next_entries()
        return entries[0] if isinstance(entries, tuple) else entries[0][0]

    def pop_due(self, now: datetime, limit: int, taken: list[tuple[datetime, T]]) -> None:
        """Takes out what is due until that makes `limit` entries with those taken before."""
        while self._order and len(taken) < limit:
            entries = self._next_entries()
            if isinstance(entries, tuple):
                if entries[0] > now:
                    return
                taken.append(entries)
            else:
                while entries and len(taken) < limit and entries[0][0] <= now:
                    taken.append(entries.popleft())
                if entries:
                    return
            del self._spans[heappop(self._order)]

    def _next_entries(self) -> tuple[datetime, T] | deque[tuple[datetime, T]]:
        """What is due in the next span, in order."""
        span = self._order[0]
        entries = self._spans[span]
        if isinstance(entries, list):
            entries = self._spans[span] = deque(sorted(entries, key=_due_of))
        return entries


_moment_of = itemgetter(0)


class AccountPartition:
    """What is kept of one account; `config` is None where that is no account that the store holds."""

    def __init__(
        self,
        name: str | None,
        config: AccountConfig | None,
        standing: AccountState,
        ledger: Iterable[LedgerEntry] = (),
    ) -> None:
        self.name = name
        self.config = config
        self.standing = standing
        self.tallies: dict[RuleCounter, int] = {}
        self.exchanges: dict[int, Exchange] = {}
        self.messages: dict[str, Message] = {}
        self.reports: dict[str, tuple[Report, ...]] = {}
        self.ledger = list(ledger)
        self._timeline: DueQueue[str | tuple[str, ...]] = DueQueue()
        self._taken: deque[tuple[datetime, str]] = deque()
        self.held: dict[int, list[tuple[datetime, str]]] = {}
        self.early: dict[int, tuple[str, ...]] = {}
        """By request, the messages of which some reports are released before its answer is out."""
        self.evicted_exchanges = 0
        self.evicted_messages = 0
        self.evicted_reports = 0
        self._evicted_since_folding = 0
        self.entries_counted = 0
        """The entries of the ledger that count among what the store keeps."""

    @classmethod
    def of(cls, config: AccountConfig | None, kept: AccountSnapshot) -> "AccountPartition":
        """The partition of an account with all that was kept of it."""
        partition = cls(None if config is None else config.account.name, config, kept.standing, kept.ledger)
        partition.tallies = dict(kept.tallies)
        partition.exchanges = {exchange.id: exchange for exchange in kept.exchanges}
        partition.messages = {message.uid: message for message in kept.messages}
        partition.reports = {reports[0].uid: reports for reports in kept.reports}
        partition.evicted_exchanges = kept.evicted_exchanges
        partition.evicted_messages = kept.evicted_messages
        partition.evicted_reports = kept.evicted_reports
        for due, uid in sorted(kept.wakes(), key=_moment_of):
            partition.plan([(due, uid)])
        return partition

    def kept(self) -> AccountSnapshot:
        """All that is kept here."""
        self.fold()
        return AccountSnapshot(
            standing=self.standing,
            tallies=self.tallies.copy(),
            exchanges=tuple(self.exchanges.values()),
            messages=tuple(self.messages.values()),
            reports=tuple(filter(None, self.reports.values())),
            ledger=tuple(self.ledger),
            evicted_exchanges=self.evicted_exchanges,
            evicted_messages=self.evicted_messages,
            evicted_reports=self.evicted_reports,
        )

    def booked(self) -> Decimal:
        """The sum of the ledger: the balance, if there is one."""
        return sum((entry.amount for entry in self.ledger), Decimal(0))

    def plan(self, wakes: Sequence[tuple[datetime, str]], of: Exchange | None = None) -> None:
        """Has messages looked at; those of one request that are due together are one entry of the timeline.

        `of` is the exchange all of them came of, should there be one.
        """
        if len(wakes) == 1:
            self._timeline.add(*wakes[0])
            return
        for moment, group in groupby(wakes, key=_moment_of):
            uids = tuple([uid for _, uid in group])
            if of is not None and uids == of.accepted:
                uids = of.accepted  # one tuple of them is enough
            self._timeline.add(moment, uids if len(uids) > 1 else uids[0])

    def answered(self, request_id: int) -> list[tuple[datetime, str]]:
        """The answer of a request is out: when to look at what was released before it, for what was not."""
        wakes = []
        for uid in self.early.pop(request_id, ()):
            message = self.messages.get(uid)
            if message is not None and len(message.passages) >= message.plan.before_answer:
                due = message.next_step_at
                wakes += [] if due is None else [(due, uid)]
        return wakes

    def plan_anew(self, wakes: Sequence[tuple[datetime, str]], cancelled: Sequence[tuple[datetime, str]]) -> None:
        """Has one message looked at at other moments; not before its answer is out, if it waits for that."""
        _, uid = cancelled[0]
        request_id = self.messages[uid].sending.request_id if uid in self.messages else 0
        held = self.held.get(request_id, [])
        if any(wake in held for wake in cancelled):
            self.held[request_id] = [*(wake for wake in held if wake not in cancelled), *wakes]
            return
        for moment, _ in cancelled:
            for entry in self._timeline.take_out(moment):
                left = tuple([each for each in ((entry,) if isinstance(entry, str) else entry) if each != uid])
                if left:
                    self._timeline.add(moment, left if len(left) > 1 else left[0])
        self._taken = deque(wake for wake in self._taken if wake not in cancelled)
        self.plan(wakes)

    def take(self, now: datetime, limit: int) -> list[str]:
        """The messages to look at by now, at most so many; what an entry has beyond that comes first next time."""
        taken = self._taken
        while len(taken) < limit and (entries := self._timeline.pop_due(now, limit - len(taken))):
            for moment, entry in entries:
                taken.extend([(moment, entry)] if isinstance(entry, str) else [(moment, uid) for uid in entry])
        return [taken.popleft()[1] for _ in range(min(limit, len(taken)))]

    def next_due(self) -> datetime | None:
        """When the next look is due."""
        return self._taken[0][0] if self._taken else self._timeline.next_due()

    def unsettled(self, exchange: Exchange) -> int:
        """How many messages of an exchange have something left to do."""
        accepted = exchange.accepted
        if isinstance(accepted, str):
            return 0 if self.messages[accepted].settled else 1
        messages = self.messages
        return len([uid for uid in accepted if not messages[uid].settled])

    def evict(self, exchange: Exchange) -> list[Report]:
        """Forgets an exchange with its messages; returns their reports."""
        del self.exchanges[exchange.id]
        uids = exchange.uids
        reports: list[Report] = []
        for uid in uids:
            del self.messages[uid]
            reports += self.reports.pop(uid, ())
        self.evicted_exchanges += 1
        self.evicted_messages += len(uids)
        self.evicted_reports += len(reports)
        if self.ledger:
            self._evicted_since_folding += len(uids)
            if self._evicted_since_folding * 2 > len(self.ledger):
                self.fold()
        return reports

    def fold(self) -> None:
        """Folds the entries of evicted messages into the opening entry; their sum stays the balance.

        A ledger that began without one, on an unlimited balance, gets one for what is folded.
        """
        if not self._evicted_since_folding or not self.ledger:
            return
        self._evicted_since_folding = 0
        first = self.ledger[0]
        movements = self.ledger[1:] if first.reason == "opening" else self.ledger
        kept = [entry for entry in movements if entry.uid is None or entry.uid in self.messages]
        amount = self.booked() - sum((entry.amount for entry in kept), Decimal(0))
        if first.reason == "opening" or amount:
            opening = msgspec.structs.replace(first, uid=None, reason="opening", amount=amount, balance=amount)
            kept.insert(0, opening)
        self.ledger = kept
