"""A durable store: what is accepted survives the process, in a database.

All of it is in memory too, as in a `MemoryStore`: the view, which is what reading reads. A step waits for its turn: the
steps that wait are decided on drafts of their accounts, what they wrote is written in one transaction of the database,
and only then the view changes and steps return. So one fsync does for many.

A store that begins takes up what the database has. The configuration, state and counters of each account are there at
once, so packets are answered at once; its records are read into the view meanwhile, and whoever needs them waits.

Reading: R16, R17.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import Future
from itertools import chain
from pathlib import Path
from typing import TypeVar

import msgspec

from cloudsms_simulator.engine.account import Account, AccountConfig, AccountDirectory
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.records import Exchange
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.models.server import StorePlace
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.stores.account_partition import AccountPartition
from cloudsms_simulator.stores.codec import CodecError, decode, encode
from cloudsms_simulator.stores.database import AccountRow, Database
from cloudsms_simulator.stores.loading import Loading, Records
from cloudsms_simulator.stores.memory import AccountView, MemoryStore
from cloudsms_simulator.stores.rows import (
    AccountRows,
    EntryRow,
    RowKind,
    StateRow,
    count_rows,
    entry_row,
    ledger_row,
    number_key,
    order_of,
    read_count,
)
from cloudsms_simulator.stores.store import (
    AccountSnapshot,
    DatabaseFacts,
    Done,
    StoreError,
    StoreObserver,
    StoreOpenError,
)
from cloudsms_simulator.stores.turn import (
    NOBODY,
    AccountDraft,
    AccountWrite,
    ConfigCodec,
    RecordsNeededError,
    Step,
    state_row,
)

R = TypeVar("R")

log = logging.getLogger("cloudsms_simulator.store")

_MOST_STEPS = 256
"""How many steps a turn takes."""
_ROWS_A_READ = 1000
_NUMBERS_AT_ONCE = 1000
"""How many numbers of requests are taken at once; what is left of them is skipped after a crash."""
_PAUSE_AFTER_A_FAILURE = 1.0
_ALL = 2**31
_READ_IN_ORDER: tuple[RowKind, ...] = ("s", "e", "m", "l")


class DurableStore(MemoryStore):
    """A `Store` whose steps are written to a database. Belongs to one event loop from its first step on.

    `wall` tells the time of the wall; the other arguments are those of `MemoryStore`. With None for `accounts` it has
    those of the database, each as it is. Raises StoreOpenError for a database that cannot be read or written.
    """

    def __init__(
        self,
        database: Database,
        configs: ConfigCodec,
        wall: Callable[[], datetime],
        clock: Callable[[Account | None], Clock],
        node: Callable[[], int],
        most_messages: int,
        most_bytes: int,
        observer: StoreObserver | None = None,
        accounts: Iterable[AccountConfig] | None = (),
    ) -> None:
        self._database = database
        self._configs = configs
        self._wall = wall
        self._waiting: deque[Step] = deque()
        self._newest: asyncio.Future[object] | None = None
        """The decision of the step that came last."""
        self._turning: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._loading: dict[str | None, Loading] = {}
        self._taking_up: asyncio.Task[None] | None = None
        self._versions: dict[str | None, int] = {}
        """Of the accounts that the database has."""
        self._rows: dict[str | None, AccountRows] = {}
        self._evicted: dict[str | None, list[Exchange]] = {}
        """Exchanges that the view has no more and the database still has."""
        self._look: Callable[[Account], None] = lambda account: None
        self.has_closed = False
        """Whether it takes no more steps."""
        self._is_open = True
        self._turns = self._steps = self._failures = 0
        self._seconds = 0.0
        self._trouble: str | None = None
        """Why the last turn failed; None when it did not."""
        self._recovering: asyncio.Task[None] | None = None
        try:
            self._last_number = self._numbers_taken = database.requests()
            found = database.accounts()
            held = _held_accounts(configs, found, accounts)
            super().__init__(clock, node, most_messages, most_bytes, observer, held.configs.values())
            self._retention.evicted = self._note_evicted
            writes = [*self._taken_up(found, held), *self._missing(held.configs.values())]
            if writes:
                database.write(writes).result()
        except (StoreError, CodecError, msgspec.DecodeError) as error:
            raise StoreOpenError(f"store: what it has cannot be taken up ({error})") from error

    # The beginning

    def _taken_up(self, found: Iterable[AccountRow], held: "_HeldAccounts") -> Iterator[AccountWrite]:
        """Puts accounts into the view as the database has them; what is to be written of them."""
        for row in found:
            state, config = decode(row.state, StateRow), held.configs.get(row.name)
            name = None if row.name == NOBODY else row.name
            self._nodes_taken.add(state.standing.uids.node)
            if name is not None and config is None:
                yield AccountWrite(row.name, row.version, wiped=True, gone=True)
                continue
            if config is not None and row.name in held.anew:
                partition = self._partition(config.account)
                partition.standing = msgspec.structs.replace(partition.standing, uids=state.standing.uids)
                yield self._whole(partition, row.version)
                continue
            self._begins_with.pop(row.name, None)
            partition = self._partitions[name] = AccountPartition(name, config, state.standing)
            partition.evicted_exchanges = state.evicted_exchanges
            partition.evicted_messages = state.evicted_messages
            partition.evicted_reports = state.evicted_reports
            for _, blob in self._database.read(row.name, "c", "", row.version, _ALL).result():
                counter, count = read_count(blob)
                partition.tallies[counter] = count
            self._versions[name] = row.version
            self._loading[name] = Loading(partition, row.version, state)
            if config is not None and row.name in held.remade:
                write = AccountWrite(row.name, row.version, row.state)
                write.configure(config, self._configs)
                yield write

    def _missing(self, configs: Iterable[AccountConfig]) -> Iterator[AccountWrite]:
        """What is to be written of accounts that the database does not have."""
        for config in configs:
            if config.account.name not in self._versions:
                yield self._whole(self._partition(config.account), 0)
        if None not in self._versions:
            yield self._whole(self._partition(None), 0)

    def _whole(self, partition: AccountPartition, version: int) -> AccountWrite:
        """All that there is of an account, to be written in the place of what the database has of it."""
        name, version = partition.name, max(version, len(partition.ledger)) + 1
        rows = AccountRows(name)
        write = AccountWrite(
            name or NOBODY, version, bytes(encode(state_row(partition.standing, partition))), wiped=True
        )
        debits: dict[str, EntryRow] = {}
        opens = bool(partition.ledger) and partition.ledger[0].reason == "opening"
        for nth, entry in enumerate(partition.ledger, 0 if opens else 1):
            row = entry_row(entry, order_of(nth, 0))
            if entry.uid not in partition.messages:
                write.rows.append(ledger_row(number_key(nth), (row,)))
            elif entry.reason == "debit" and entry.uid not in debits:
                debits[entry.uid] = row
            else:
                rows.refunds[entry.uid] = (*rows.refunds.get(entry.uid, ()), row)
        for exchange in partition.exchanges.values():
            messages = [partition.messages[uid] for uid in exchange.uids]
            moved = tuple([debits[uid] for uid in exchange.uids if uid in debits])
            write.rows.append(rows.exchange(exchange, messages, moved))
            for message in messages:
                reports, moved = partition.reports.get(message.uid, ()), rows.refunds.get(message.uid, ())
                if reports or moved or message.refunded:
                    write.rows.append(rows.progress(message, reports, moved))
        write.rows += [*rows.shared.unwritten(), *count_rows(partition.tallies)]
        rows.shared.kept(write.rows)
        write.configure(partition.config, self._configs)
        self._rows[name], self._versions[name] = rows, version
        return write

    # Records that are still to be read

    def attend(self, look: Callable[[Account], None]) -> None:
        self._look = look
        if self._loading:
            self._taking_up = asyncio.get_running_loop().create_task(self._take_all_up())

    async def _take_all_up(self) -> None:
        while self._loading:
            failed = False
            for name in [*self._loading]:
                try:
                    await self._records(name)
                except StoreError:
                    failed = True
            if failed:
                await asyncio.sleep(_PAUSE_AFTER_A_FAILURE)

    async def _records(self, name: str | None) -> None:
        """Returns when the records of an account are in the view. Raises StoreError when they cannot be read."""
        while (loading := self._loading.get(name)) is not None:
            failure = await asyncio.shield(self._begin_loading(name, loading))
            if failure is not None:
                raise failure

    def _begin_loading(self, name: str | None, loading: Loading) -> "asyncio.Task[StoreError | None]":
        if loading.task is None:
            loading.task = asyncio.get_running_loop().create_task(self._load(name, loading))
        return loading.task

    async def _load(self, name: str | None, loading: Loading) -> StoreError | None:
        """Reads the records of an account into the view. When that fails, the steps fail too that wait for it."""
        records, failure = Records(name), None
        try:
            partition = await self._read_all(records, loading)
        except Exception as error:
            failure = StoreError(f"what is kept of {name or 'nobody'} could not be read: {error!r}")
        finally:
            loading.task = None
        if self._loading.get(name) is not loading:
            return _closed() if self.has_closed else None
        if failure is not None:
            log.error("%s", failure)
            waiting, loading.waiting = loading.waiting, []
            for step in waiting:
                step.fail(failure)
            return failure
        self._partitions[name] = partition
        self._rows[name] = records.rows
        self._retention.add(partition)
        self._end_loading(name, loading)
        if partition.config is not None:
            self._look(partition.config.account)
        return None

    async def _read_all(self, records: Records, loading: Loading) -> AccountPartition:
        """The partition with the records that are read; nobody wants it where the loading has ended meanwhile."""
        name = records.rows.account
        for kind in _READ_IN_ORDER:
            after: str | None = ""
            while after is not None and self._loading.get(name) is loading:
                read = self._database.read(name or NOBODY, kind, after, loading.version, _ROWS_A_READ)
                rows = await asyncio.wrap_future(read)
                await asyncio.to_thread(records.take_all, kind, rows)
                after = rows[-1][0] if len(rows) == _ROWS_A_READ else None
        now = loading.state.standing.clock.now(self._wall())
        return await asyncio.to_thread(records.partition, loading, now)

    def _end_loading(self, name: str | None, loading: Loading) -> None:
        del self._loading[name]
        for each in loading.later:
            each()
        self._waiting.extendleft(reversed(loading.waiting))
        self._take_turns()

    # Steps

    def step(
        self, account: Account | None, decide: Callable[[Transaction], R], uids: tuple[str, ...] = ()
    ) -> Awaitable[R]:
        decision: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        if self.has_closed:
            decision.set_exception(_closed())
        else:
            step = Step(account, decide, uids, decision)  # type: ignore[arg-type]
            self._waiting.append(step)
            self._newest = step.decision
            self._take_turns()
        return decision

    async def look(self, account: Account | None, decide: Callable[[Transaction], R], uids: tuple[str, ...] = ()) -> R:
        await self._records(_name_of(account))
        return await super().look(account, decide, uids)

    def _take_turns(self) -> None:
        if self._turning is None and self._waiting:
            self._turning = asyncio.get_running_loop().create_task(self._take_all_turns())

    async def _take_all_turns(self) -> None:
        try:
            while self._waiting:
                async with self._turn:
                    await self._take_turn()
        finally:
            self._turning = None

    async def _take_turn(self) -> None:
        """Decides the steps that wait, has the database keep what they wrote, and then the view."""
        drafts: dict[str | None, AccountDraft] = {}
        decided: list[tuple[Step, Transaction, object]] = []
        loop = asyncio.get_running_loop()
        begun = loop.time()
        evicted, self._evicted = self._evicted, {}
        try:
            self._decide(drafts, decided)
            for name, exchanges in evicted.items():
                if name in self._versions:
                    self._draft(drafts, self._partitions[name]).evict(exchanges, self._opening(name))
            written = await self._write(drafts)
        except Exception as error:
            for name, exchanges in evicted.items():
                self._evicted[name] = [*exchanges, *self._evicted.get(name, ())]
            failure = error if isinstance(error, StoreError) else StoreError(f"a step could not be written: {error!r}")
            self._note_failure(failure)
            for step, _, _ in decided:
                step.fail(failure)
            return
        if written:
            self._trouble = None
            self._turns += 1
            self._steps += len(decided)
            self._seconds += loop.time() - begun
        for name, write in written.items():
            self._was_written(name, drafts[name], write)
        for step, transaction, _ in decided:
            self._put_into_view(step, transaction)
        for step, _, decision in decided:
            step.succeed(decision)

    def _note_failure(self, error: StoreError) -> None:
        """A turn could not be written: from now on it is tried again whether that can be, also while no step comes."""
        self._failures += 1
        self._trouble = str(error)
        if self._recovering is None:
            self._recovering = asyncio.get_running_loop().create_task(self._recover())

    async def _recover(self) -> None:
        while self._trouble is not None:
            await asyncio.sleep(_PAUSE_AFTER_A_FAILURE)
            async with self._turn:
                if self.has_closed:
                    break
                try:
                    await _ended(self._database.write([], self._numbers_taken))
                except StoreError as error:
                    self._trouble = str(error)
                else:
                    self._trouble = None
        self._recovering = None

    def _decide(self, drafts: dict[str | None, AccountDraft], decided: list[tuple[Step, Transaction, object]]) -> None:
        """Has steps decide on drafts of their accounts. One that raises fails; others may have to wait for longer."""
        next_turn: list[Step] = []
        try:
            for _ in range(min(len(self._waiting), _MOST_STEPS)):
                step = self._waiting.popleft()
                loading = self._loading.get(step.name)
                if loading is not None and (step.uids or loading.waiting):
                    self._put_aside(step, loading)
                    continue
                try:
                    draft = self._draft(drafts, self._partition(step.account))
                    if draft.is_gone:
                        next_turn.append(step)
                        continue
                    transaction = self._begin(draft, step.account, step.uids)
                    decision = step.decide(transaction)
                    self._refuse_clash(draft, transaction, drafts)
                except RecordsNeededError:
                    assert loading is not None
                    self._put_aside(step, loading)
                except Exception as error:
                    step.fail(error)
                else:
                    decided.append((step, transaction, decision))
                    draft.keep(transaction)
                    if transaction.exchange is not None:
                        self._last_number = transaction.exchange.id
        finally:
            self._waiting.extendleft(reversed(next_turn))

    def _begin(self, partition: AccountView, account: Account | None, uids: tuple[str, ...]) -> Transaction:
        transaction = super()._begin(partition, account, uids)
        transaction.request_id = self._last_number + 1
        return transaction

    def _put_aside(self, step: Step, loading: Loading) -> None:
        loading.waiting.append(step)
        self._begin_loading(step.name, loading)

    def _draft(self, drafts: dict[str | None, AccountDraft], partition: AccountPartition) -> AccountDraft:
        name = partition.name
        draft = drafts.get(name)
        if draft is None:
            rows, loads = self._rows.get(name), name in self._loading
            if rows is None:
                rows = self._rows[name] = AccountRows(name)
            draft = drafts[name] = AccountDraft(partition, rows, self._versions.get(name), loads=loads)
            if len(rows.shared) > rows.most_shared and not loads:
                reports = chain.from_iterable(partition.reports.values())
                rows.tidy(partition.exchanges.values(), partition.messages.values(), reports)
        return draft

    def _refuse_clash(
        self, draft: AccountDraft, transaction: Transaction, drafts: Mapping[str | None, AccountDraft]
    ) -> None:
        """Raises the ValueError that the view would raise of another AUTH_KEY, or one that another account has."""
        config = transaction.config
        if config is None or config is draft.config or transaction.ends == "drop":
            return
        account = config.account
        if draft.config is not None:
            AccountDirectory([draft.config.account]).replace(account)
            return
        there = self.directory
        if any(each.is_gone for each in drafts.values()):
            there = AccountDirectory(each for each in there if each.name not in drafts or not drafts[each.name].is_gone)
        there.refuse_clash(account)
        new = [each.config.account for each in drafts.values() if each.config is not None and not each.is_gone]
        AccountDirectory([*(each for each in new if there.named(each.name) is None), account])

    async def _write(self, drafts: Mapping[str | None, AccountDraft]) -> dict[str | None, AccountWrite]:
        """Has the database write what has changed; what was written of each account."""
        every = {name: draft.written(self._configs) for name, draft in drafts.items()}
        written = {name: write for name, write in every.items() if write is not None}
        numbers = self._last_number + _NUMBERS_AT_ONCE if self._last_number > self._numbers_taken else None
        if written:
            await _ended(self._database.write([*written.values()], numbers))
            self._numbers_taken = numbers or self._numbers_taken
        return written

    def _was_written(self, name: str | None, draft: AccountDraft, write: AccountWrite) -> None:
        draft.was_written(write)
        if draft.is_gone:
            self._versions.pop(name, None)
            self._rows.pop(name, None)
        else:
            self._versions[name] = draft.version
            if draft.is_wiped:
                self._rows[name] = draft.rows

    def _put_into_view(self, step: Step, transaction: Transaction) -> None:
        """Shows everybody what a step wrote; of an account whose records are still to be read, once they are."""
        name, partition = step.name, self._partition(step.account)
        loading = self._loading.get(name)
        if loading is not None and transaction.ends is not None:
            # None of them is wanted any more.
            loading.later.clear()
            self._end_loading(name, loading)
            loading = None
        if loading is None:
            self._keep(partition, transaction)
            return
        partition.standing, config = transaction.standing, transaction.config
        if config is not None and config is not partition.config:
            self.directory.replace(config.account)
            partition.config = config
        if transaction.counts_anew:
            partition.tallies.clear()
        partition.tallies.update(transaction.tallied or {})
        loading.later.append(lambda: self._keep(self._partitions[name], transaction))

    def _note_evicted(self, partition: AccountPartition, exchange: Exchange) -> None:
        self._evicted.setdefault(partition.name, []).append(exchange)

    def _opening(self, name: str | None) -> LedgerEntry | None:
        """The ledger's opening entry, with what was evicted in it; None where there is none."""
        partition = self._partitions[name]
        partition.fold()
        self._retention.ledger_changed(partition)
        first = partition.ledger[0] if partition.ledger else None
        return first if first is not None and first.reason == "opening" else None

    # Reading, and the end

    @property
    def database_facts(self) -> DatabaseFacts:
        database, trouble = self._database, self._trouble
        return DatabaseFacts(
            database.kind, database.octets, self._turns, self._steps, self._seconds, self._failures, trouble
        )

    async def fresh(self, account: Account | None) -> None:
        if self._newest is not None and not self._newest.done():
            await asyncio.wait([self._newest])
        for name in [*self._loading] if account is None else [account.name]:
            await self._records(name)

    async def take_wakes(self, account: Account, now: datetime, limit: int) -> list[str]:
        await self._records(account.name)
        return await super().take_wakes(account, now, limit)

    def release(self, account: Account | None, request_id: int, uids: tuple[str, ...] | None = None) -> Awaitable[None]:
        loading = self._loading.get(_name_of(account))
        if loading is None:
            return super().release(account, request_id, uids)
        release = super().release
        loading.later.append(lambda: release(account, request_id, uids))
        return Done(None)

    async def restore(self, everything: Sequence[tuple[AccountConfig | None, AccountSnapshot]], requests: int) -> None:
        AccountDirectory(config.account for config, _ in everything if config is not None)
        async with self._turn:
            rows, versions = self._rows, self._versions
            self._rows, self._versions = {}, {}
            try:
                writes = [self._whole(AccountPartition.of(config, kept), 0) for config, kept in everything]
                cancelled = await _ended(self._database.write(writes, requests, replace=True))
            except BaseException:
                self._rows, self._versions = rows, versions
                raise
            self._last_number = self._numbers_taken = requests
            self._evicted.clear()
            for name, loading in [*self._loading.items()]:
                loading.later.clear()
                self._end_loading(name, loading)
            await super().restore(everything, requests)
        if cancelled:
            raise asyncio.CancelledError

    async def close(self) -> None:
        self.has_closed = True
        while self._turning is not None:
            await asyncio.wait([self._turning])
        for task in filter(None, [self._taking_up, self._recovering]):
            task.cancel()
        loading = [*self._loading.values()]
        self._loading.clear()
        for step in chain.from_iterable(each.waiting for each in loading):
            step.fail(_closed())
        if reading := [each.task for each in loading if each.task is not None]:
            await asyncio.wait(reading)
        async with self._turn:
            if self._is_open:
                if self._evicted:
                    await self._take_turn()
                try:
                    await _ended(self._database.write([], self._last_number))
                except StoreError as error:
                    log.error("the number of the last request is not kept: %s", error)
                self.let_go()
        await super().close()

    def let_go(self) -> None:
        self.has_closed = True
        if self._is_open:
            self._is_open = False
            self._database.close()


def open_database(place: StorePlace) -> Database:
    """The database at a place, whose tables are made there when absent. Raises StoreOpenError."""
    match place.kind:
        case "sqlite":
            from cloudsms_simulator.stores.sqlite import SqliteDatabase

            return SqliteDatabase(Path(place.where))
        case "postgresql":
            from cloudsms_simulator.stores.postgres import PostgresDatabase

            return PostgresDatabase(place)


class _HeldAccounts(msgspec.Struct, frozen=True):
    """What is configured of the accounts that a store begins with, by name, those of the configuration first."""

    configs: Mapping[str, AccountConfig]
    anew: Set[str] = frozenset()
    """Those that begin anew, since they were configured otherwise before, or not at all."""
    remade: Set[str] = frozenset()
    """Those of which `made` has changed: one that is configured no more stays, as if it was made over the API."""


def _held_accounts(
    configs: ConfigCodec, found: Iterable[AccountRow], configured: Iterable[AccountConfig] | None
) -> _HeldAccounts:
    """The accounts of a database and of a configuration together. Without a configuration all stay as they are."""
    before = {row.name: configs.read(row.config) for row in found if row.config is not None}
    if configured is None:
        return _HeldAccounts(before)
    held, anew, remade = dict[str, AccountConfig](), set[str](), set[str]()
    for config in configured:
        name = config.account.name
        known = before.pop(name, None)
        if known is not None and configs.origin(known) == configs.origin(config):
            held[name] = msgspec.structs.replace(known, made=False)
            if known.made:
                remade.add(name)
        else:
            held[name] = config
            anew.add(name)
    for name, config in before.items():
        held[name] = msgspec.structs.replace(config, made=True)
        if not config.made:
            remade.add(name)
    return _HeldAccounts(held, anew, remade)


async def _ended(writing: Future[None]) -> bool:
    """Returns when a write has ended, whether or not this task is cancelled meanwhile; whether it was.

    What the database has must come into the view.
    """
    waiting, cancelled = asyncio.wrap_future(writing), False
    while not waiting.done():
        try:
            await asyncio.wait([waiting])
        except asyncio.CancelledError:
            cancelled = True
    waiting.result()
    return cancelled


def _closed() -> StoreError:
    return StoreError("the store is closed")


def _name_of(account: Account | None) -> str | None:
    return None if account is None else account.name
