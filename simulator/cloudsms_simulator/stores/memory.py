"""The memory store: keeps everything in this process, bounded, and gone when it ends.

Each account has a partition of its own; how much may be in all of them, `Retention` says. A `StoreObserver`, if there
is one, is told of what is kept.

Reading: R16, R17.
"""

from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from itertools import chain
from typing import Generic, TypeVar

from cloudsms_simulator.engine.account import Account, AccountState
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.records import Exchange, Message, Report
from cloudsms_simulator.engine.transaction import RuleCounter, Transaction
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.answer import UidSequence
from cloudsms_simulator.stores.account_partition import AccountPartition
from cloudsms_simulator.stores.retention import Retention
from cloudsms_simulator.stores.store import AccountSnapshot, Listing, StoreObserver

T = TypeVar("T")
R = TypeVar("R")


DEFAULT_MESSAGES = 10_000
DEFAULT_BYTES = 64 * 1024 * 1024


class MemoryStore:
    """A `Store` in memory. `clock` and `node` give a new shelf its clock and the number in its SMS_UIDs.

    `audience` is told of what is kept, if there is one.
    """

    def __init__(
        self,
        clock: Callable[[Account | None], Clock],
        node: Callable[[], int],
        most_messages: int = DEFAULT_MESSAGES,
        most_bytes: int = DEFAULT_BYTES,
        audience: StoreObserver | None = None,
    ) -> None:
        self._audience = audience
        self._clock = clock
        self._node = node
        self._shelves: dict[str | None, AccountPartition] = {}
        self._bounds = Retention(self._shelves, most_messages, most_bytes)
        self._nodes_taken: set[int] = set()
        self._requests = 0

    @property
    def octets(self) -> int:
        return self._bounds.octets

    def step(
        self, account: Account | None, decide: Callable[[Transaction], R], uids: tuple[str, ...] = ()
    ) -> Awaitable[R]:
        try:
            shelf = self._shelf(account)
            transaction = self._begin(shelf, account, uids)
            decision = decide(transaction)
            self._keep(shelf, transaction)
        except Exception as error:
            return _Failed(error)
        return _Decided(decision)

    async def look(self, account: Account | None, decide: Callable[[Transaction], R], uids: tuple[str, ...] = ()) -> R:
        return decide(self._begin(self._shelf(account), account, uids))

    def _begin(self, shelf: AccountPartition, account: Account | None, uids: tuple[str, ...]) -> Transaction:
        transaction = Transaction(account, shelf.standing, self._requests + 1, shelf.tallies, shelf.booked)
        if uids:
            messages, reports = transaction.messages, transaction.reports
            for uid in uids:
                message = shelf.messages.get(uid)
                if message is not None:
                    messages[uid] = message
                    reports[uid] = shelf.reports.get(uid, ())
        if shelf.early:
            transaction.unanswered = frozenset(chain.from_iterable(shelf.early.values()))
        return transaction

    def _keep(self, shelf: AccountPartition, transaction: Transaction) -> None:
        shelf.standing = transaction.standing
        if transaction.entries:
            shelf.ledger += transaction.entries
            self._bounds.ledger_changed(shelf)
        if transaction.counts_anew:
            shelf.tallies.clear()
        if transaction.tallied is not None:
            shelf.tallies.update(transaction.tallied)
        if transaction.updated:
            self._update(shelf, transaction)
        exchange = transaction.exchange
        if exchange is not None:
            self._requests = exchange.id
            shelf.exchanges[exchange.id] = exchange
            for message in transaction.new_messages:
                shelf.messages[message.uid] = message
            if transaction.wakes:
                shelf.held[exchange.id] = transaction.wakes
            self._bounds.arrived(exchange)
        elif transaction.cancelled:
            shelf.plan_anew(transaction.wakes, transaction.cancelled)
        else:
            shelf.plan(transaction.wakes)
        if self._audience is not None:
            self._audience.publish(transaction.account, transaction)

    def _update(self, shelf: AccountPartition, transaction: Transaction) -> None:
        """Puts messages and their reports in the place of what they were."""
        messages, reports = shelf.messages, shelf.reports
        for uid in transaction.updated:
            before = messages.get(uid)
            if before is None:
                continue  # evicted meanwhile
            message = messages[uid] = transaction.messages[uid]
            known, told = reports.get(uid, ()), transaction.reports.get(uid, ())
            if told is not known:
                self._bounds.pushed(known, told)
            if told:
                reports[uid] = told
            if message.settled is not before.settled:
                self._bounds.settled(shelf, message)

    async def release(self, account: Account | None, request_id: int, uids: tuple[str, ...] | None = None) -> None:
        shelf = self._shelf(account)
        wakes = shelf.held.pop(request_id, None)
        if wakes is not None and uids is not None:
            shelf.early[request_id] = (*shelf.early.get(request_id, ()), *uids)
            shelf.held[request_id] = [wake for wake in wakes if wake[1] not in uids]
            wakes = [wake for wake in wakes if wake[1] in uids]
        elif wakes is not None and shelf.early:
            wakes += shelf.answered(request_id)
        if wakes is not None:
            shelf.plan(wakes, shelf.exchanges.get(request_id))

    async def reset(self, account: Account | None, now: datetime) -> None:
        shelf = self._shelf(account)
        self._bounds.partition_removed(shelf)
        self._shelves[shelf.name] = AccountPartition(
            shelf.name, account, shelf.standing.clock, shelf.standing.uids, now
        )
        self._tell_of_reset(account)

    async def drop(self, account: Account) -> None:
        shelf = self._shelves.pop(account.name, None)
        if shelf is not None:
            self._bounds.partition_removed(shelf)
        self._tell_of_reset(account)

    async def take_wakes(self, account: Account, now: datetime, limit: int) -> list[str]:
        return self._shelf(account).take(now, limit)

    def next_wake(self, account: Account) -> datetime | None:
        return self._shelf(account).next_due()

    def standing(self, account: Account | None) -> AccountState:
        return self._shelf(account).standing

    def exchanges(self, account: Account | None) -> Listing[Exchange]:
        shelf = self._shelf(account)
        return _NewestFirst(len(shelf.exchanges), shelf.evicted_exchanges, lambda: reversed(shelf.exchanges.values()))

    def messages(self, account: Account) -> Listing[Message]:
        shelf = self._shelf(account)
        return _NewestFirst(len(shelf.messages), shelf.evicted_messages, lambda: reversed(shelf.messages.values()))

    def reports(self, account: Account) -> Listing[Report]:
        shelf = self._shelf(account)
        total = sum(map(len, shelf.reports.values()))
        return _NewestFirst(
            total, shelf.evicted_reports, lambda: chain.from_iterable(map(reversed, reversed(shelf.reports.values())))
        )

    def reports_of(self, account: Account, uid: str) -> tuple[Report, ...]:
        return self._shelf(account).reports.get(uid, ())

    def exchange(self, account: Account | None, request_id: int) -> Exchange | None:
        return self._shelf(account).exchanges.get(request_id)

    def message(self, account: Account, uid: str) -> Message | None:
        return self._shelf(account).messages.get(uid)

    def tallies(self, account: Account) -> Mapping[RuleCounter, int]:
        return self._shelf(account).tallies

    def ledger(self, account: Account) -> tuple[LedgerEntry, ...]:
        shelf = self._shelf(account)
        shelf.fold()
        self._bounds.ledger_changed(shelf)
        return tuple(shelf.ledger)

    def kept(self, account: Account | None) -> AccountSnapshot:
        shelf = self._shelf(account)
        kept = shelf.kept()
        self._bounds.ledger_changed(shelf)
        return kept

    async def restore(self, everything: Sequence[tuple[Account | None, AccountSnapshot]], requests: int) -> None:
        self._shelves.clear()
        self._requests = requests
        for account, kept in everything:
            shelf = AccountPartition.of(account, kept)
            self._shelves[shelf.name] = shelf
        self._nodes_taken = {shelf.standing.uids.node for shelf in self._shelves.values()}
        self._bounds.recount()

    async def close(self) -> None:
        self._shelves.clear()
        self._bounds.recount()

    def _tell_of_reset(self, account: Account | None) -> None:
        if self._audience is not None:
            self._audience.reset(account)

    def _shelf(self, account: Account | None) -> AccountPartition:
        name = None if account is None else account.name
        shelf = self._shelves.get(name)
        if shelf is None:
            clock = self._clock(account)
            shelf = self._shelves[name] = AccountPartition(
                name, account, clock, UidSequence(self._free_node()), clock.virtual
            )
        return shelf

    def _free_node(self) -> int:
        """A number for SMS_UIDs that no shelf has, those included that came from elsewhere."""
        while (node := self._node()) in self._nodes_taken:
            pass
        return node


class _Decided(Generic[T]):
    """What a step returned, to be awaited: it is there already."""

    __slots__ = ("_decision",)

    def __init__(self, decision: T) -> None:
        self._decision = decision

    def __await__(self) -> Generator[None, None, T]:
        yield from ()
        return self._decision


class _Failed(Generic[T]):
    """What a step raised, to be awaited."""

    __slots__ = ("_error",)

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __await__(self) -> Generator[None, None, T]:
        yield from ()
        raise self._error


class _NewestFirst(Generic[T]):
    def __init__(self, total: int, evicted: int, items: Callable[[], Iterator[T]]) -> None:
        self.total = total
        self.evicted = evicted
        self._items = items

    def __iter__(self) -> Iterator[T]:
        return self._items()
