"""The memory store: keeps everything in this process, bounded, and gone when it ends.

Each account has a partition of its own; how much may be in all of them, `Retention` says. A `StoreObserver`, if there
is one, is told of what is kept. Nobody else has any of it, so what is read is always fresh, and every lease is had.

Reading: R16, R17.
"""

from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Generic, Protocol, TypeVar

import msgspec

from cloudsms_simulator.engine.account import Account, AccountConfig, AccountDirectory, AccountState
from cloudsms_simulator.engine.billing import LedgerEntry, opening_balance, opening_entries
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.records import Exchange, Message, Report
from cloudsms_simulator.engine.transaction import RuleCounter, Transaction
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.answer import UidSequence
from cloudsms_simulator.stores.account_partition import AccountPartition
from cloudsms_simulator.stores.retention import Retention
from cloudsms_simulator.stores.store import (
    AccountSnapshot,
    Change,
    ChangeKind,
    DatabaseFacts,
    Done,
    Lease,
    LeasePurpose,
    Listing,
    StoreObserver,
)

T = TypeVar("T")
R = TypeVar("R")


DEFAULT_MESSAGES = 10_000
DEFAULT_BYTES = 64 * 1024 * 1024


class AccountView(Protocol):
    """What a decision sees of an account: its partition, or what earlier steps of a turn made of that."""

    @property
    def config(self) -> AccountConfig | None: ...
    @property
    def standing(self) -> AccountState: ...
    @property
    def tallies(self) -> Mapping[RuleCounter, int]: ...
    @property
    def messages(self) -> Mapping[str, Message]: ...
    @property
    def reports(self) -> Mapping[str, tuple[Report, ...]]: ...
    @property
    def early(self) -> Mapping[int, tuple[str, ...]]: ...
    def booked(self) -> Decimal: ...


class MemoryStore:
    """A `Store` in memory. `clock` and `node` give a new partition its clock and the number in its SMS_UIDs.

    `observer` is told of what is kept, if there is one. `accounts` are those it begins with; ValueError when two have
    the same name or AUTH_KEY.
    """

    def __init__(
        self,
        clock: Callable[[Account | None], Clock],
        node: Callable[[], int],
        most_messages: int = DEFAULT_MESSAGES,
        most_bytes: int = DEFAULT_BYTES,
        observer: StoreObserver | None = None,
        accounts: Iterable[AccountConfig] = (),
    ) -> None:
        configs = tuple(accounts)
        self.directory = AccountDirectory(config.account for config in configs)
        self._begins_with = {config.account.name: config for config in configs}
        """Those of its accounts that have no partition yet."""
        self._observer = observer
        self._clock = clock
        self._node = node
        self._partitions: dict[str | None, AccountPartition] = {}
        self._retention = Retention(self._partitions, most_messages, most_bytes)
        self._nodes_taken: set[int] = set()
        self._requests = 0

    @property
    def octets(self) -> int:
        return self._retention.octets

    @property
    def database_facts(self) -> DatabaseFacts | None:
        return None

    def step(
        self, account: Account | None, decide: Callable[[Transaction], R], uids: tuple[str, ...] = ()
    ) -> Awaitable[R]:
        try:
            partition = self._partition(account)
            transaction = self._begin(partition, account, uids)
            decision = decide(transaction)
            self._keep(partition, transaction)
        except Exception as error:
            return _Failed(error)
        return Done(decision)

    async def look(self, account: Account | None, decide: Callable[[Transaction], R], uids: tuple[str, ...] = ()) -> R:
        return decide(self._begin(self._partition(account), account, uids))

    def _begin(self, partition: AccountView, account: Account | None, uids: tuple[str, ...]) -> Transaction:
        config = partition.config
        if config is not None:
            account = config.account
        transaction = Transaction(account, partition.standing, self._requests + 1, partition.tallies, partition.booked)
        transaction.config = config
        if uids:
            messages, reports = transaction.messages, transaction.reports
            for uid in uids:
                message = partition.messages.get(uid)
                if message is not None:
                    messages[uid] = message
                    reports[uid] = partition.reports.get(uid, ())
        if partition.early:
            transaction.unanswered = frozenset(chain.from_iterable(partition.early.values()))
        return transaction

    def attend(self, look: Callable[[Account], None]) -> None:
        pass

    async def fresh(self, account: Account | None) -> None:
        pass

    async def claim(self, account: Account, purpose: LeasePurpose) -> Lease:
        return _LEASE

    def _keep(self, partition: AccountPartition, transaction: Transaction) -> None:
        if transaction.config is not partition.config or transaction.ends is not None:
            partition = self._configure(partition, transaction)
        before, partition.standing = partition.standing, transaction.standing
        if transaction.entries:
            partition.ledger += transaction.entries
            self._retention.ledger_changed(partition)
        if transaction.counts_anew:
            partition.tallies.clear()
        if transaction.tallied is not None:
            partition.tallies.update(transaction.tallied)
        if transaction.updated:
            self._update(partition, transaction)
        exchange = transaction.exchange
        if exchange is not None:
            self._requests = exchange.id
            partition.exchanges[exchange.id] = exchange
            messages = transaction.new_messages
            if len(messages) == 1:
                partition.messages[messages[0].uid] = messages[0]
            else:
                partition.messages.update(zip(exchange.uids, messages, strict=True))
            if transaction.wakes:
                partition.held[exchange.id] = transaction.wakes
            self._retention.arrived(exchange)
        elif transaction.cancelled:
            partition.plan_anew(transaction.wakes, transaction.cancelled)
        else:
            partition.plan(transaction.wakes)
        if self._observer is not None:
            self._observer.publish(_change_of(partition.name, before, transaction))

    def _configure(self, partition: AccountPartition, transaction: Transaction) -> AccountPartition:
        """Keeps what a step says of the account itself; the partition that takes what else it wrote.

        ValueError, and nothing is kept, when another account has the AUTH_KEY of a new one.
        """
        name, known, config = partition.name, partition.config, transaction.config
        if transaction.ends == "drop":
            if known is not None:
                self.directory.remove(known.account.name)
            config = None
        elif config is not None and config is not known:
            if known is None:
                self.directory.add(config.account)
            else:
                self.directory.replace(config.account)
        partition.config = config
        if transaction.ends is None:
            return partition
        self._retention.partition_removed(partition)
        del self._partitions[name]
        partition = AccountPartition(name, config, partition.standing)
        if transaction.ends == "reset":
            self._partitions[name] = partition
        return partition

    def _update(self, partition: AccountPartition, transaction: Transaction) -> None:
        """Puts messages and their reports in the place of what they were."""
        messages, reports = partition.messages, partition.reports
        for uid in transaction.updated:
            before = messages.get(uid)
            if before is None:
                continue  # evicted meanwhile
            message = messages[uid] = transaction.messages[uid]
            known, told = reports.get(uid, ()), transaction.reports.get(uid, ())
            if told is not known:
                self._retention.pushed(known, told)
            if told:
                reports[uid] = told
            if message.settled is not before.settled:
                self._retention.settled(partition, message)

    def release(self, account: Account | None, request_id: int, uids: tuple[str, ...] | None = None) -> Awaitable[None]:
        partition = self._partition(account)
        wakes = partition.held.pop(request_id, None)
        if wakes is not None and uids is not None:
            partition.early[request_id] = (*partition.early.get(request_id, ()), *uids)
            partition.held[request_id] = [wake for wake in wakes if wake[1] not in uids]
            wakes = [wake for wake in wakes if wake[1] in uids]
        elif wakes is not None and partition.early:
            wakes += partition.answered(request_id)
        if wakes is not None:
            partition.plan(wakes, partition.exchanges.get(request_id))
        return _RELEASED

    async def take_wakes(self, account: Account, now: datetime, limit: int) -> list[str]:
        return self._partition(account).take(now, limit)

    def next_wake(self, account: Account) -> datetime | None:
        return self._partition(account).next_due()

    def standing(self, account: Account | None) -> AccountState:
        return self._partition(account).standing

    def exchanges(self, account: Account | None) -> Listing[Exchange]:
        partition = self._partition(account)
        return _NewestFirst(
            len(partition.exchanges), partition.evicted_exchanges, lambda: reversed(partition.exchanges.values())
        )

    def messages(self, account: Account) -> Listing[Message]:
        partition = self._partition(account)
        return _NewestFirst(
            len(partition.messages), partition.evicted_messages, lambda: reversed(partition.messages.values())
        )

    def reports(self, account: Account) -> Listing[Report]:
        partition = self._partition(account)
        total = sum(map(len, partition.reports.values()))
        return _NewestFirst(
            total,
            partition.evicted_reports,
            lambda: chain.from_iterable(map(reversed, reversed(partition.reports.values()))),
        )

    def reports_of(self, account: Account, uid: str) -> tuple[Report, ...]:
        return self._partition(account).reports.get(uid, ())

    def exchange(self, account: Account | None, request_id: int) -> Exchange | None:
        return self._partition(account).exchanges.get(request_id)

    def message(self, account: Account, uid: str) -> Message | None:
        return self._partition(account).messages.get(uid)

    def config(self, account: Account) -> AccountConfig | None:
        return self._partition(account).config

    def tallies(self, account: Account) -> Mapping[RuleCounter, int]:
        return self._partition(account).tallies

    def ledger(self, account: Account) -> tuple[LedgerEntry, ...]:
        partition = self._partition(account)
        partition.fold()
        self._retention.ledger_changed(partition)
        return tuple(partition.ledger)

    def kept(self, account: Account | None) -> AccountSnapshot:
        partition = self._partition(account)
        kept = partition.kept()
        self._retention.ledger_changed(partition)
        return kept

    async def restore(self, everything: Sequence[tuple[AccountConfig | None, AccountSnapshot]], requests: int) -> None:
        self.directory.replace_all(config.account for config, _ in everything if config is not None)
        self._begins_with.clear()
        self._partitions.clear()
        self._requests = requests
        for config, kept in everything:
            partition = AccountPartition.of(config, kept)
            self._partitions[partition.name] = partition
        self._nodes_taken = {partition.standing.uids.node for partition in self._partitions.values()}
        self._retention.recount()

    async def close(self) -> None:
        self._partitions.clear()
        self._retention.recount()

    def let_go(self) -> None:
        pass

    def _partition(self, account: Account | None) -> AccountPartition:
        name = None if account is None else account.name
        partition = self._partitions.get(name)
        if partition is None:
            config = None if name is None else self._begins_with.get(name)
            partition = self._partitions[name] = self._new_partition(account if config is None else config.account)
            if config is not None:
                partition.config = self._begins_with.pop(config.account.name)
        return partition

    def _new_partition(self, account: Account | None) -> AccountPartition:
        clock = self._clock(account)
        uids, now = UidSequence(self._free_node()), clock.virtual
        if account is None:
            return AccountPartition(None, None, AccountState(clock=clock, uids=uids, balance=None, rules_since=now))
        standing = AccountState(clock=clock, uids=uids, balance=opening_balance(account), rules_since=now)
        return AccountPartition(account.name, None, standing, opening_entries(account, now))

    def _free_node(self) -> int:
        """A number for SMS_UIDs that no partition has, those included that came from elsewhere."""
        while (node := self._node()) in self._nodes_taken:
            pass
        return node


def _change_of(name: str | None, before: AccountState, transaction: Transaction) -> Change:
    """What there is to tell of a transaction that was kept."""
    exchange, after, updated = transaction.exchange, transaction.standing, transaction.updated
    kind: ChangeKind = "progress" if exchange is None else "request"
    if transaction.ends is not None:
        kind = "reset"
    change = Change(kind, name, before, after, exchange, transaction.new_messages, transaction.rejected)
    if not updated:
        return change
    messages, reports = transaction.messages, transaction.reports
    return msgspec.structs.replace(
        change,
        updated=tuple([(messages[uid], reports.get(uid, ())) for uid in updated]),
        final_states=transaction.final_states,
        pushed=transaction.pushed,
    )


_RELEASED = Done(None)


class _Failed(Generic[T]):
    """What a step raised, to be awaited."""

    __slots__ = ("_error",)

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __await__(self) -> Generator[None, None, T]:
        yield from ()
        raise self._error


class _OwnLease:
    """A lease of a store that has no other process beside it: it never runs out."""

    held = True

    def release(self) -> None:
        pass


_LEASE = _OwnLease()


class _NewestFirst(Generic[T]):
    def __init__(self, total: int, evicted: int, items: Callable[[], Iterator[T]]) -> None:
        self.total = total
        self.evicted = evicted
        self._items = items

    def __iter__(self) -> Iterator[T]:
        return self._items()
