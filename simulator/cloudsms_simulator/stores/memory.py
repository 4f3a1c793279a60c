"""The memory store: keeps everything in this process, bounded, and gone when it ends.

Each account has a shelf of its own. The journal is bounded over all shelves; the oldest exchange goes first, with its
messages, reports and ledger entries, but never one whose messages still have something to do.

Reading: R16, R17.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import chain, groupby
from operator import itemgetter
from typing import Generic, TypeVar

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.billing import LedgerEntry, opening, opening_balance
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.report import Report
from cloudsms_simulator.engine.standing import Standing
from cloudsms_simulator.engine.timeline import Timeline
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.protocol.sms_uid import UidSequence
from cloudsms_simulator.stores.store import Listing

T = TypeVar("T")
_moment = itemgetter(0)

DEFAULT_MESSAGES = 10_000
DEFAULT_BYTES = 64 * 1024 * 1024

_EXCHANGE_OCTETS = 400
"""What an exchange takes beside its bodies, about; a message with its report takes as much again."""
_FINDING_OCTETS = 300


class MemoryStore:
    """A `Store` in memory. `clock` and `node` give a new shelf its clock and the number in its SMS_UIDs."""

    def __init__(
        self,
        clock: Callable[[Account | None], Clock],
        node: Callable[[], int],
        most_messages: int = DEFAULT_MESSAGES,
        most_bytes: int = DEFAULT_BYTES,
    ) -> None:
        self._clock = clock
        self._node = node
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._shelves: dict[str | None, _Shelf] = {}
        self._requests = 0
        self._arrivals: deque[Exchange] = deque()
        self._overdue: dict[int, Exchange] = {}
        self._messages = 0
        self._bytes = 0

    async def begin(self, account: Account | None, uids: tuple[str, ...] = ()) -> Transaction:
        shelf = self._shelf(account)
        transaction = Transaction(account, shelf.standing, self._requests + 1)
        for uid in uids:
            message = shelf.messages.get(uid)
            if message is not None:
                transaction.messages[uid] = message
                transaction.reports[uid] = shelf.reports.get(uid, ())
        return transaction

    async def commit(self, transaction: Transaction) -> None:
        shelf = self._shelf(transaction.account)
        shelf.standing = transaction.standing
        shelf.ledger += transaction.entries
        for uid in transaction.updated:
            message = transaction.messages[uid]
            if uid in shelf.messages:
                shelf.messages[uid] = message
                reports = transaction.reports.get(uid, ())
                self._bytes += _octets_pushed(reports) - _octets_pushed(shelf.reports.get(uid, ()))
                shelf.reports[uid] = reports
                if message.settled:
                    self._settled(shelf, message.sending.request_id)
        exchange = transaction.exchange
        if exchange is not None:
            self._requests = exchange.id
            shelf.exchanges[exchange.id] = exchange
            for message in transaction.new_messages:
                shelf.messages[message.uid] = message
            if transaction.wakes:
                shelf.held[exchange.id] = transaction.wakes
            self._keep_within_bounds(shelf, exchange)
        else:
            shelf.plan(transaction.wakes)

    async def release(self, account: Account | None, request_id: int) -> None:
        shelf = self._shelf(account)
        shelf.plan(shelf.held.pop(request_id, ()))

    async def take_wakes(self, account: Account, now: datetime, limit: int) -> list[str]:
        return self._shelf(account).take(now, limit)

    def next_wake(self, account: Account) -> datetime | None:
        return self._shelf(account).next_due()

    def standing(self, account: Account | None) -> Standing:
        return self._shelf(account).standing

    def exchanges(self, account: Account | None) -> Listing[Exchange]:
        shelf = self._shelf(account)
        return _Newest(len(shelf.exchanges), shelf.evicted_exchanges, lambda: reversed(shelf.exchanges.values()))

    def messages(self, account: Account) -> Listing[Message]:
        shelf = self._shelf(account)
        return _Newest(len(shelf.messages), shelf.evicted_messages, lambda: reversed(shelf.messages.values()))

    def reports(self, account: Account) -> Listing[Report]:
        shelf = self._shelf(account)
        total = sum(map(len, shelf.reports.values()))
        return _Newest(
            total, shelf.evicted_reports, lambda: chain.from_iterable(map(reversed, reversed(shelf.reports.values())))
        )

    def reports_of(self, account: Account, uid: str) -> tuple[Report, ...]:
        return self._shelf(account).reports.get(uid, ())

    def exchange(self, account: Account | None, request_id: int) -> Exchange | None:
        return self._shelf(account).exchanges.get(request_id)

    def message(self, account: Account, uid: str) -> Message | None:
        return self._shelf(account).messages.get(uid)

    def ledger(self, account: Account) -> tuple[LedgerEntry, ...]:
        shelf = self._shelf(account)
        shelf.fold()
        return tuple(shelf.ledger)

    async def close(self) -> None:
        self._shelves.clear()
        self._arrivals.clear()

    def _shelf(self, account: Account | None) -> "_Shelf":
        name = None if account is None else account.name
        shelf = self._shelves.get(name)
        if shelf is None:
            shelf = self._shelves[name] = _Shelf(name, account, self._clock(account), self._node())
        return shelf

    def _keep_within_bounds(self, shelf: "_Shelf", exchange: Exchange) -> None:
        self._arrivals.append(exchange)
        self._messages += max(1, len(exchange.uids))
        self._bytes += _octets(exchange)
        # The newest stays, however small the journal, or however much in it is unsettled.
        while len(self._arrivals) > 1 and (self._messages > self._most_messages or self._bytes > self._most_bytes):
            oldest = self._arrivals.popleft()
            home = self._shelves[oldest.account]
            if home.is_settled(oldest.id):
                self._evict(home, oldest)
            else:
                self._overdue[oldest.id] = oldest

    def _settled(self, shelf: "_Shelf", request_id: int) -> None:
        """A message was settled: an exchange that was only waiting for that can go now, if there is still no room."""
        if request_id in self._overdue and shelf.is_settled(request_id):
            exchange = self._overdue.pop(request_id)
            if self._messages > self._most_messages or self._bytes > self._most_bytes:
                self._evict(shelf, exchange)
            else:
                self._arrivals.appendleft(exchange)

    def _evict(self, shelf: "_Shelf", exchange: Exchange) -> None:
        for uid in exchange.uids:
            self._bytes -= _octets_pushed(shelf.reports.get(uid, ()))
        shelf.evict(exchange)
        self._messages -= max(1, len(exchange.uids))
        self._bytes -= _octets(exchange)


class _Shelf:
    """What is kept of one account."""

    def __init__(self, name: str | None, account: Account | None, clock: Clock, node: int) -> None:
        self.name = name
        balance = None if account is None else opening_balance(account)
        self.standing = Standing(clock=clock, uids=UidSequence(node), balance=balance)
        self.exchanges: dict[int, Exchange] = {}
        self.messages: dict[str, Message] = {}
        self.reports: dict[str, tuple[Report, ...]] = {}
        self.ledger: list[LedgerEntry] = []
        if account is not None:
            self.ledger += opening(account, clock.virtual)
        self._timeline: Timeline[str | tuple[str, ...]] = Timeline()
        self._taken: deque[tuple[datetime, str]] = deque()
        self.held: dict[int, list[tuple[datetime, str]]] = {}
        self.evicted_exchanges = 0
        self.evicted_messages = 0
        self.evicted_reports = 0
        self._evicted_since_folding = 0

    def plan(self, wakes: Iterable[tuple[datetime, str]]) -> None:
        """Has messages looked at; those of one request that are due together are one entry of the timeline."""
        for moment, group in groupby(wakes, key=_moment):
            uids = tuple([uid for _, uid in group])
            self._timeline.add(moment, uids if len(uids) > 1 else uids[0])

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

    def is_settled(self, request_id: int) -> bool:
        if request_id in self.held:
            return False
        return all(self.messages[uid].settled for uid in self.exchanges[request_id].uids)

    def evict(self, exchange: Exchange) -> None:
        del self.exchanges[exchange.id]
        self.evicted_exchanges += 1
        for uid in exchange.uids:
            del self.messages[uid]
            self.evicted_reports += len(self.reports.pop(uid, ()))
        self.evicted_messages += len(exchange.uids)
        self._evicted_since_folding += len(exchange.uids)
        if self._evicted_since_folding * 2 > len(self.ledger):
            self.fold()

    def fold(self) -> None:
        """Folds the entries of evicted messages into the opening entry; their sum stays the balance."""
        if not self._evicted_since_folding or not self.ledger:
            return
        self._evicted_since_folding = 0
        kept = [entry for entry in self.ledger[1:] if entry.uid is None or entry.uid in self.messages]
        total = sum((entry.amount for entry in self.ledger), Decimal(0))
        amount = total - sum((entry.amount for entry in kept), Decimal(0))
        self.ledger = [msgspec.structs.replace(self.ledger[0], amount=amount, balance=amount), *kept]


class _Newest(Generic[T]):
    def __init__(self, total: int, evicted: int, items: Callable[[], Iterator[T]]) -> None:
        self.total = total
        self.evicted = evicted
        self._items = items

    def __iter__(self) -> Iterator[T]:
        return self._items()


def _octets(exchange: Exchange) -> int:
    findings = _FINDING_OCTETS * len(exchange.findings or ())
    return len(exchange.body) + len(exchange.answer or b"") + findings + _EXCHANGE_OCTETS * (1 + len(exchange.uids))


def _octets_pushed(reports: tuple[Report, ...]) -> int:
    octets = 0
    for report in reports:
        for attempt in report.attempts:
            octets += len(attempt.request) + len(attempt.body)
    return octets
