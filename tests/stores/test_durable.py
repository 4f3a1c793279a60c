"""A durable store: turns that are written whole or not at all, records that are read after a restart, and the end.

Reading: R16, R17.
"""

import asyncio
import functools
import itertools
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from datetime import timedelta
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import msgspec
import pytest
from durable_stores import DrivenStore, ask, new_place
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from keepers import CONFIGS, NOON, DurableKeeper, Keeper, assert_same
from patience import STORY
from postgres_server import needs_postgres

from cloudsms_simulator.engine.account import Account, AccountConfig, Callback
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.delivery import ForceRequest
from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.engine.records import ConnectionFacts, Push, PushResult
from cloudsms_simulator.engine.transaction import Reply, Transaction
from cloudsms_simulator.models.server import StorePlace
from cloudsms_simulator.protocol.answer import UidSequence
from cloudsms_simulator.stores.durable import DurableStore
from cloudsms_simulator.stores.postgres import PostgresDatabase
from cloudsms_simulator.stores.rows import RowKind
from cloudsms_simulator.stores.sqlite import SqliteDatabase
from cloudsms_simulator.stores.store import AccountSnapshot, StoreError, StoreOpenError
from cloudsms_simulator.stores.turn import AccountWrite

T = TypeVar("T")
SECOND = timedelta(seconds=1)
PUSHED = Account(callback=Callback(url="http://a/"))
SHOP, BANK = Account(name="shop", auth_key="shop-key"), Account(name="bank", auth_key="bank-key")
NEW = AccountConfig(account=Account(name="new", auth_key="new-key", balance=Decimal(7)), made=True)
numbers = itertools.count()


@pytest.fixture
def sqlite_place() -> StorePlace:
    return new_place("sqlite")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Closes the databases of a test, those of stores that could not be made too."""
    yield
    while Held.opened:
        Held.opened.pop().close()


class Gate:
    """Where calls that give a future wait until it is set."""

    def __init__(self) -> None:
        self.is_open = True
        self._waiting: list[tuple[Callable[[], Future[Any]], Future[Any]]] = []

    def clear(self) -> None:
        self.is_open = False

    def set(self) -> None:
        self.is_open = True
        while self._waiting:
            call, future = self._waiting.pop()
            pass_on(call(), future)

    def passed(self, call: Callable[[], Future[T]]) -> Future[T]:
        if self.is_open:
            return call()
        future = Future[T]()
        self._waiting.append((call, future))
        return future


def pass_on(here: Future[T], there: Future[T]) -> None:
    """Has a future end as another one does."""

    def end(ended: Future[T]) -> None:
        if (error := ended.exception()) is not None:
            there.set_exception(error)
        else:
            there.set_result(ended.result())

    here.add_done_callback(end)


class Held:
    """Of a database whose records are read once `reads` is set, and that fails as often as it is told to."""

    opened: ClassVar[list["Held"]] = []

    def __init__(self, place: object) -> None:
        super().__init__(place)  # type: ignore[call-arg]
        self.opened.append(self)
        self.reads = Gate()
        self.failing_reads = 0
        self.failing_writes = 0
        self.writes: list[Sequence[AccountWrite]] = []

    def read(
        self, account: str, kind: RowKind, after: str, version: int, limit: int
    ) -> Future[list[tuple[str, bytes]]]:
        if self.failing_reads and self.reads.is_open:
            self.failing_reads -= 1
            return ended(StoreError("a bad sector"))
        reading = functools.partial(super().read, account, kind, after, version, limit)  # type: ignore[misc]
        return self.reads.passed(reading) if kind == "s" else reading()

    def write(self, accounts: Sequence[AccountWrite], requests: int | None = None, **how: bool) -> Future[None]:
        if self.failing_writes:
            self.failing_writes -= 1
            return ended(StoreError("the disk is full"))
        self.writes.append(accounts)
        return super().write(accounts, requests, **how)  # type: ignore[misc]


class HeldSqlite(Held, SqliteDatabase):
    pass


class HeldPostgres(Held, PostgresDatabase):
    pass


def ended(result: T | StoreError) -> Future[T]:
    """A future that has ended."""
    future = Future[T]()
    if isinstance(result, StoreError):
        future.set_exception(result)
    else:
        future.set_result(result)
    return future


class Keeping(DurableKeeper):
    """A keeper for stories in an event loop: its store is one that is not driven, in a database that may be there."""

    def __init__(self, place: StorePlace, *accounts: Account, held: bool = False, **bounds: int) -> None:
        self.place, self.held, self.bounds = place, held, {"most_messages": 10_000, "most_bytes": 10**9} | bounds
        super().__init__(*accounts)
        self.made.remove(self)

    def new_store(self, node: Callable[[], int], *_: object, **__: object) -> DurableStore:  # type: ignore[override]
        self.database: HeldSqlite | HeldPostgres
        if self.place.kind == "sqlite":
            self.database = HeldSqlite(Path(self.place.where))
        else:
            self.database = HeldPostgres(self.place)
        if self.held:
            self.database.reads.clear()
        configs = [AccountConfig(account=account) for account in self.accounts]
        return DurableStore(
            self.database,
            CONFIGS,
            lambda: self.now,
            lambda _account: Clock.real(self.now),
            lambda: next(numbers),
            self.bounds["most_messages"],
            self.bounds["most_bytes"],
            None,
            configs,
        )

    def sending(self, count: int = 1, account: Account | None = None, **fields: object) -> Awaitable[Reply]:
        """A packet, whose place among steps is that of this call; released once it is kept."""
        whose, decide = self.receiving(count, account, **fields)  # type: ignore[arg-type]
        called = self.store.step(whose, decide)

        async def answered() -> Reply:
            _, reply = await called
            await self.store.release(whose, reply.request_id)
            return reply

        return answered()

    async def delivered(self, account: Account | None = None) -> None:
        """Lets all that is due happen, each push answered."""
        account = account or self.account
        while uids := await self.store.take_wakes(account, self.now, 1000):
            take = lambda transaction, uids=uids: self.platform.take_due(transaction, uids, self.now)  # noqa: E731
            for push in await self.store.step(account, take, tuple(uids)):
                await self.store.step(account, self.pushed(push), (push.uid,))

    def pushed(self, push: Push) -> Callable[[Transaction], object]:
        return lambda transaction: self.platform.record_push(transaction, push, PushResult(200), self.now)

    async def killed(self) -> None:
        """Lets go of the database as the end of a process does: without a word."""
        self.store.let_go()


def tell(story: Coroutine[None, None, T]) -> T:
    """Runs a story; one that does not end in time has failed."""
    return asyncio.run(asyncio.wait_for(story, STORY))


def credit(amount: int) -> Callable[[Transaction], Decimal]:
    return lambda transaction: transaction.move("credit", Decimal(amount), NOON).balance


def failing(_transaction: Transaction) -> None:
    raise RuntimeError("a slip")


def configuring(config: AccountConfig) -> Callable[[Transaction], Account]:
    return lambda transaction: transaction.configure(config)


def sums_up(store: DurableStore, account: Account) -> bool:
    """Whether the ledger's sum is the balance."""
    return sum(entry.amount for entry in store.ledger(account)) == store.standing(account).balance


def sqlite_of(here: Keeping) -> sqlite3.Connection:
    """The connection of a keeper in SQLite."""
    assert isinstance(here.database, SqliteDatabase)
    return here.database._db


# Turns


def test_steps_that_wait_are_written_in_one_transaction_and_a_decision_that_raises_fails_alone(
    place: StorePlace,
) -> None:
    async def story() -> None:
        here = Keeping(place, SHOP, BANK)
        before = len(here.database.writes)
        steps = [
            here.sending(3, SHOP),
            here.store.step(SHOP, failing),
            here.store.step(BANK, credit(5)),
            here.sending(2, BANK),
            here.store.step(BANK, credit(6)),
        ]
        replies = await asyncio.gather(*steps, return_exceptions=True)
        assert [type(reply).__name__ for reply in replies] == ["Reply", "RuntimeError", "Decimal", "Reply", "Decimal"]
        assert len(here.database.writes) == before + 1
        assert here.store.standing(BANK).balance == 1011 - 2 * Decimal("0.05")
        await here.store.close()

    tell(story())


def test_a_hundred_senders_take_hardly_more_commits_than_turns(place: StorePlace) -> None:
    async def story() -> None:
        here = Keeping(place)
        commits: list[str] = []
        if isinstance(here.database, SqliteDatabase):
            here.database._db.set_trace_callback(lambda said: commits.append(said) if said == "COMMIT" else None)
        for _ in range(5):
            await asyncio.gather(*(here.sending(1) for _ in range(100)))
        assert 0 < len(here.database.writes) - 1 <= 10
        assert len(commits) == (len(here.database.writes) - 1 if place.kind == "sqlite" else 0)
        await here.store.close()

    tell(story())


def test_when_a_turn_cannot_be_written_each_of_its_steps_fails_and_the_next_goes_on(place: StorePlace) -> None:
    async def story() -> None:
        here = Keeping(place, PUSHED)
        await here.sending(2)
        before, due = here.store.kept(PUSHED), here.store.next_wake(PUSHED)
        here.database.failing_writes = 1
        steps = [here.store.step(PUSHED, credit(1)), here.sending(3), here.store.step(PUSHED, Transaction.drop)]
        results = await asyncio.gather(*steps, return_exceptions=True)
        assert [str(result) for result in results] == ["the disk is full"] * 3
        assert here.store.database_facts.trouble == "the disk is full"
        assert (here.store.kept(PUSHED), here.store.next_wake(PUSHED)) == (before, due)
        await here.sending(1)
        assert (here.store.database_facts.trouble, here.store.messages(PUSHED).total) == (None, 3)
        kept = here.store.kept(PUSHED)
        await here.killed()
        again = Keeping(place, PUSHED)
        await again.store.fresh(None)
        assert_same(again.store.kept(PUSHED), kept, NOON)
        await again.store.close()

    tell(story())


def test_a_full_disk_is_a_store_error_and_with_room_again_it_goes_on(sqlite_place: StorePlace) -> None:
    async def story() -> None:
        here = Keeping(sqlite_place)
        await here.sending(1)
        [(pages,)] = sqlite_of(here).execute("PRAGMA page_count")
        sqlite_of(here).execute(f"PRAGMA max_page_count = {pages}")
        many = [here.sending(5, SMS_CONTENT="x" * 600) for _ in range(100)]
        results = await asyncio.gather(*many, return_exceptions=True)
        assert all(isinstance(result, StoreError) and "full" in str(result) for result in results)
        kept = here.store.kept(here.account)
        sqlite_of(here).execute(f"PRAGMA max_page_count = {2**30}")
        await here.sending(5)
        assert here.store.messages(here.account).total == len(kept.messages) + 5
        assert sums_up(here.store, here.account)
        await here.store.close()

    tell(story())


def test_a_file_that_can_be_read_only_is_a_store_error(sqlite_place: StorePlace) -> None:
    async def story() -> None:
        here = Keeping(sqlite_place)
        sqlite_of(here).execute("PRAGMA query_only = TRUE")
        with pytest.raises(StoreError, match="readonly"):
            await here.sending(1)
        sqlite_of(here).execute("PRAGMA query_only = FALSE")
        await here.sending(1)
        await here.store.close()

    tell(story())


def test_of_two_new_accounts_with_one_key_in_a_turn_the_first_is_made(place: StorePlace) -> None:
    async def story() -> None:
        here = Keeping(place)
        other = AccountConfig(account=msgspec.structs.replace(NEW.account, name="other"))
        steps = [here.store.step(each.account, configuring(each)) for each in (NEW, other)]
        made, refused = await asyncio.gather(*steps, return_exceptions=True)
        assert (made, str(refused)) == (NEW.account, 'accounts "new" and "other" have the same AUTH_KEY')
        assert here.store.config(other.account) is None
        await here.store.close()

    tell(story())


def test_the_key_of_an_account_that_an_earlier_step_of_the_turn_dropped_is_free(place: StorePlace) -> None:
    async def story() -> None:
        here = Keeping(place)
        await here.store.step(NEW.account, configuring(NEW))
        other = AccountConfig(account=msgspec.structs.replace(NEW.account, name="other"), made=True)
        await asyncio.gather(
            here.store.step(NEW.account, Transaction.drop), here.store.step(other.account, configuring(other))
        )
        assert here.store.directory.find("new-key") is other.account
        await here.killed()
        again = Keeping(place)
        assert again.store.directory.find("new-key") == other.account
        assert again.store.config(NEW.account) is None
        await again.store.close()

    tell(story())


def test_an_account_that_is_dropped_and_made_again_in_one_turn_begins_anew(place: StorePlace) -> None:
    async def story() -> None:
        here = Keeping(place)
        await here.store.step(NEW.account, configuring(NEW))
        await asyncio.gather(
            here.store.step(NEW.account, credit(5)),
            here.store.step(NEW.account, Transaction.drop),
            here.store.step(NEW.account, configuring(NEW)),
            here.store.step(NEW.account, credit(1)),
        )
        assert here.store.standing(NEW.account).balance == 8
        await here.killed()
        again = Keeping(place)
        await again.store.fresh(None)
        assert again.store.standing(NEW.account).balance == 8
        assert [entry.amount for entry in again.store.ledger(NEW.account)] == [7, 1]
        await again.store.close()

    tell(story())


def test_the_key_of_an_account_cannot_change_and_that_step_fails_alone(place: StorePlace) -> None:
    async def story() -> None:
        here = Keeping(place)
        changed = AccountConfig(account=msgspec.structs.replace(NEW.account, auth_key="another"), made=True)
        steps = [
            here.store.step(NEW.account, configuring(NEW)),
            here.store.step(NEW.account, configuring(changed)),
            here.store.step(NEW.account, credit(1)),
        ]
        _, refused, balance = await asyncio.gather(*steps, return_exceptions=True)
        assert (str(refused), balance) == ('the AUTH_KEY of account "new" cannot change', 8)
        with pytest.raises(ValueError, match="cannot change"):
            await here.store.step(NEW.account, configuring(changed))
        await here.store.close()

    tell(story())


def test_a_step_that_nobody_waits_for_any_more_is_kept_all_the_same(place: StorePlace) -> None:
    async def story() -> None:
        here = Keeping(place)
        cancelled = asyncio.ensure_future(here.store.step(here.account, credit(5)))
        after = here.store.step(here.account, credit(1))
        cancelled.cancel()
        assert await after == 1006
        await here.store.close()

    tell(story())


def test_a_turn_whose_task_is_cancelled_while_it_writes_comes_into_the_view(place: StorePlace) -> None:
    async def story() -> None:
        here = Keeping(place)
        called = here.store.step(here.account, credit(5))
        await asyncio.sleep(0)
        turning = here.store._turning
        assert turning is not None
        while not here.database.writes[1:]:
            await asyncio.sleep(0)
        turning.cancel()
        assert await called == 1005
        assert await here.store.step(here.account, credit(1)) == 1006
        await here.killed()
        again = Keeping(place)
        await again.store.fresh(None)
        assert again.store.standing(again.account).balance == 1006
        assert sums_up(again.store, again.account)
        await again.store.close()

    tell(story())


# Records that are still to be read


def restarted(place: StorePlace, *accounts: Account, sends: int = 3) -> tuple[Keeping, AccountSnapshot]:
    """Another store whose reads wait, of a database in which an account has some sends; what was kept of it."""

    async def before() -> AccountSnapshot:
        here = Keeping(place, *accounts)
        for _ in range(sends):
            await here.sending(2)
        here.now += SECOND
        await here.delivered()
        await here.sending(1)
        kept = here.store.kept(here.account)
        await here.killed()
        return kept

    kept = tell(before())
    return Keeping(place, *accounts, held=True), kept


def test_sends_are_answered_before_records_are_read_and_come_on_top_of_them(place: StorePlace) -> None:
    here, kept = restarted(place, PUSHED)

    async def story() -> None:
        store = here.store
        store.attend(lambda _account: None)
        replies = [await here.sending(2) for _ in range(3)]
        assert store.messages(PUSHED).total == 0, "they are still to be read"
        here.database.reads.set()
        await store.fresh(PUSHED)
        assert store.messages(PUSHED).total == len(kept.messages) + 6
        assert [exchange.id for exchange in store.exchanges(PUSHED)][:3] == [each.request_id for each in replies][::-1]
        assert sums_up(store, PUSHED)
        here.now += 3 * SECOND
        await here.delivered()
        assert {report.outcome for report in store.reports(PUSHED)} == {"answered"}
        assert store.reports(PUSHED).total == len(kept.messages) + 6
        after = store.kept(PUSHED)
        await here.killed()
        again = Keeping(place, PUSHED)
        await again.store.fresh(None)
        assert_same(again.store.kept(PUSHED), after, NOON)
        await again.store.close()

    tell(story())


def test_steps_that_need_records_wait_for_them_and_so_do_those_behind(place: StorePlace) -> None:
    here, kept = restarted(place, PUSHED)
    uid = kept.messages[0].uid
    order: list[str] = []

    def noting(word: str) -> Callable[[Transaction], int]:
        def decide(transaction: Transaction) -> int:
            order.append(word)
            return len(transaction.messages)

        return decide

    async def story() -> None:
        first = here.store.step(PUSHED, noting("first"))
        needs = here.store.step(PUSHED, noting("needs"), (uid,))
        behind = here.store.step(PUSHED, noting("behind"))
        sum_of = here.store.step(PUSHED, lambda transaction: transaction.booked())
        other = here.store.step(None, noting("nobody's"))
        assert (await first, await other) == (0, 0)
        assert order == ["first", "nobody's"]
        here.database.reads.set()
        assert (await needs, await behind) == (1, 0)
        assert await sum_of == here.store.standing(PUSHED).balance
        assert order == ["first", "nobody's", "needs", "behind"]
        await here.store.close()

    tell(story())


def test_a_sum_that_needs_records_waits_for_them(place: StorePlace) -> None:
    here, _ = restarted(place, PUSHED)

    async def story() -> None:
        before = here.store.step(PUSHED, credit(3))
        bringing = here.store.step(PUSHED, lambda transaction: transaction.set_balance(Decimal(500), "setting", NOON))
        await before
        here.database.reads.set()
        await bringing
        assert here.store.standing(PUSHED).balance == 500
        assert sums_up(here.store, PUSHED)
        await here.store.close()

    tell(story())


@pytest.mark.parametrize("ends", ["reset", "drop", "restore"])
def test_what_ends_an_account_does_not_wait_for_its_records(place: StorePlace, ends: str) -> None:
    here, kept = restarted(place, PUSHED)
    uid = kept.messages[0].uid

    async def story() -> None:
        store = here.store
        store.attend(lambda _account: None)
        await here.sending(1)
        waits = store.step(PUSHED, lambda transaction: len(transaction.messages), (uid,))
        if ends == "restore":
            await store.step(None, lambda _transaction: None)
            await store.restore([(AccountConfig(account=PUSHED), AccountSnapshot(standing=kept.standing))], 50)
            assert await waits == 0
        else:
            end = Transaction.drop if ends == "drop" else lambda transaction: transaction.begin_anew(NOON)
            ended = store.step(PUSHED, end)
            here.database.reads.set()
            await asyncio.gather(waits, ended)
        here.database.reads.set()
        if ends == "drop":
            await store.step(PUSHED, configuring(AccountConfig(account=PUSHED)))
        reply = await here.sending(2)
        await store.fresh(None)
        assert [exchange.id for exchange in store.exchanges(PUSHED)] == [reply.request_id]
        after = store.kept(PUSHED)
        await here.killed()
        again = Keeping(place, PUSHED)
        await again.store.fresh(None)
        assert_same(again.store.kept(PUSHED), after, NOON)
        await again.store.close()

    tell(story())


def test_a_reset_without_records_is_not_held_up_by_them(place: StorePlace) -> None:
    here, _ = restarted(place, PUSHED)

    async def story() -> None:
        here.store.attend(lambda _account: None)
        await here.store.step(PUSHED, lambda transaction: transaction.begin_anew(NOON))
        assert (await here.sending(1)).code == 1
        assert here.store.messages(PUSHED).total == 1
        here.database.reads.set()
        await here.store.fresh(None)
        assert here.store.messages(PUSHED).total == 1
        await here.store.close()

    tell(story())


def test_a_turn_that_fails_leaves_the_steps_that_wait_for_records_alone(place: StorePlace) -> None:
    here, kept = restarted(place, PUSHED)

    async def story() -> None:
        here.database.failing_writes = 1
        fails = here.store.step(PUSHED, credit(1))
        needs = here.store.step(PUSHED, credit(2), (kept.messages[0].uid,))
        with pytest.raises(StoreError, match="the disk is full"):
            await fails
        here.database.reads.set()
        assert kept.standing.balance is not None
        assert await needs == kept.standing.balance + 2
        await here.store.close()

    tell(story())


def test_records_that_could_not_be_read_are_read_the_next_time(place: StorePlace) -> None:
    here, kept = restarted(place, PUSHED)

    async def story() -> None:
        store = here.store
        await here.sending(1)
        here.database.failing_reads = 2
        here.database.reads.set()
        needs = store.step(PUSHED, credit(2), (kept.messages[0].uid,))
        with pytest.raises(StoreError, match=r"what is kept of default could not be read.*a bad sector"):
            await needs
        with pytest.raises(StoreError, match="a bad sector"):
            await store.take_wakes(PUSHED, NOON, 1)
        await store.fresh(None)
        assert store.messages(PUSHED).total == len(kept.messages) + 1
        assert sums_up(store, PUSHED)
        await store.close()

    tell(story())


def test_a_row_that_is_none_is_told_and_sends_go_on(place: StorePlace) -> None:
    here, kept = restarted(place, PUSHED)
    ask(place, "UPDATE item SET blob = substr(blob, 1, 1) WHERE kind = 'm'")

    async def story() -> None:
        here.database.reads.set()
        with pytest.raises(StoreError, match="what is kept of default could not be read"):
            await here.store.look(PUSHED, lambda transaction: transaction, (kept.messages[0].uid,))
        assert (await here.sending(1)).code == 1
        await here.store.close()

    tell(story())


def test_an_account_that_cannot_be_taken_up_keeps_the_store_from_opening(place: StorePlace) -> None:
    async def story() -> None:
        here = Keeping(place)
        await here.sending(1)
        await here.store.close()

    tell(story())
    ask(place, "UPDATE account SET state = substr(state, 1, 1)")
    with pytest.raises(StoreOpenError, match="store: what it has cannot be taken up"):
        Keeping(place)


def test_what_was_on_the_way_is_due_again_and_nothing_is_pushed_before_its_answer_is_out(place: StorePlace) -> None:
    async def story() -> None:
        here = Keeping(place, PUSHED)
        await here.sending(1)
        here.now += SECOND
        [uid] = await here.store.take_wakes(PUSHED, here.now, 9)
        take = lambda transaction: here.platform.take_due(transaction, [uid], here.now)  # noqa: E731
        [push] = await here.store.step(PUSHED, take, (uid,))
        await here.killed()
        again = Keeping(place, PUSHED, held=True)
        again.now = here.now
        looked: list[Account] = []
        again.store.attend(looked.append)
        whose, decide = again.receiving(1)
        _, reply = await again.store.step(whose, decide)
        again.database.reads.set()
        await again.store.fresh(None)
        assert looked == [PUSHED]
        again.now += timedelta(hours=1)
        assert await again.store.take_wakes(PUSHED, again.now, 9) == [push.uid]
        await again.store.release(PUSHED, reply.request_id)
        assert len(await again.store.take_wakes(PUSHED, again.now, 9)) == 1
        await again.store.close()

    tell(story())


def test_an_answer_that_goes_out_before_records_are_read_releases_its_reports(place: StorePlace) -> None:
    here, _ = restarted(place, PUSHED)

    async def story() -> None:
        reply = await here.sending(1)
        here.database.reads.set()
        here.now += timedelta(hours=1)
        await here.delivered()
        [uid] = here.store.exchange(PUSHED, reply.request_id).uids  # type: ignore[union-attr]
        assert [report.outcome for report in here.store.reports_of(PUSHED, uid)] == ["answered"]
        await here.store.close()

    tell(story())


def test_the_number_of_the_last_request_is_known_before_and_after_records_are_read(place: StorePlace) -> None:
    here, kept = restarted(place, PUSHED)

    async def story() -> None:
        here.database.reads.set()
        number = await here.store.look(None, lambda transaction: transaction.request_id)
        assert number > kept.exchanges[-1].id
        assert (await here.sending(1)).request_id == number
        assert await here.store.look(PUSHED, lambda transaction: transaction.request_id) == number + 1
        await here.store.close()

    tell(story())


# Eviction


def rows_in(place: StorePlace) -> dict[str, int]:
    """How many rows of which kind a database has."""
    return dict(ask(place, "SELECT kind, count(*) FROM item GROUP BY kind"))  # type: ignore[arg-type]


@pytest.mark.parametrize("bounds", [{"most_messages": 7}, {"most_bytes": 9_000}], ids=["messages", "octets"])
def test_what_is_evicted_goes_from_the_database_too_and_the_ledger_sums_to_the_balance(
    place: StorePlace, bounds: dict[str, int]
) -> None:
    async def story() -> None:
        here = Keeping(place, SHOP, BANK, **bounds)
        for nth in range(30):
            account = (SHOP, BANK, SHOP)[nth % 3]
            await here.sending(1 + nth % 3, account, connection=ConnectionFacts(nth, "::1", 1))
            if nth % 5 == 0:
                await here.store.step(account, credit(nth))
            here.now += SECOND
            await here.delivered(account)
            if nth % 7 == 0:
                await here.sending(AUTH_KEY="nobody's")
        kept = {account.name: here.store.kept(account) for account in (SHOP, BANK)}
        assert all(each.evicted_messages for each in kept.values())
        await here.store.close()
        exchanges = sum(len(each.exchanges) for each in kept.values())
        assert rows_in(place)["e"] <= exchanges + 7
        again = Keeping(place, SHOP, BANK, **bounds)
        await again.store.fresh(None)
        for account in (SHOP, BANK):
            assert_same(again.store.kept(account), kept[account.name], NOON)
            assert sums_up(again.store, account)
        await again.sending(1, SHOP)
        before = again.store.exchanges(BANK).evicted, again.store.exchanges(BANK).total
        await again.killed()
        third = Keeping(place, SHOP, BANK, **bounds)
        assert third.store.exchanges(BANK).evicted <= before[0]
        await third.store.fresh(None)
        assert all(sums_up(third.store, account) for account in (SHOP, BANK))
        assert third.store.exchanges(BANK).evicted + third.store.exchanges(BANK).total == sum(before)
        await third.store.close()

    tell(story())


def test_what_a_failing_turn_would_have_deleted_is_deleted_by_the_next(place: StorePlace) -> None:
    async def story() -> None:
        here = Keeping(place, most_messages=2)
        for _ in range(5):
            await here.sending(1)
            here.now += SECOND
            await here.delivered()
        here.database.failing_writes = 1
        with pytest.raises(StoreError):
            await here.sending(1)
        kept = here.store.kept(here.account)
        await here.store.close()
        assert rows_in(place)["e"] == len(kept.exchanges)
        again = Keeping(place, most_messages=2)
        await again.store.fresh(None)
        assert_same(again.store.kept(here.account), kept, NOON)
        await again.store.close()

    tell(story())


def test_the_counts_of_what_was_evicted_survive_a_send_before_records_are_read(place: StorePlace) -> None:
    async def story() -> None:
        here = Keeping(place, most_messages=2)
        for _ in range(5):
            await here.sending(1)
            here.now += SECOND
            await here.delivered()
        evicted = here.store.messages(here.account).evicted
        await here.store.close()
        again = Keeping(place, held=True)
        assert again.store.messages(here.account).evicted == evicted > 0
        await again.sending(1)
        again.database.reads.set()
        await again.killed()
        third = Keeping(place)
        await third.store.fresh(None)
        assert third.store.messages(here.account).evicted == evicted
        await third.store.close()

    tell(story())


def test_a_credit_on_an_unlimited_balance_survives_restore_and_eviction(place: StorePlace) -> None:
    async def story() -> None:
        unlimited = Account(balance="unlimited")
        here = Keeping(place, unlimited, most_messages=2)
        await here.store.step(unlimited, lambda transaction: transaction.set_balance(Decimal(9), "credit", NOON))
        await here.store.restore([(AccountConfig(account=unlimited), here.store.kept(unlimited))], 0)
        for _ in range(5):
            await here.sending(1)
            here.now += SECOND
            await here.delivered()
        kept = here.store.kept(unlimited)
        await here.store.close()
        again = Keeping(place, unlimited, most_messages=2)
        await again.store.fresh(None)
        assert_same(again.store.kept(unlimited), kept, NOON)
        assert sums_up(again.store, unlimited)
        await again.store.close()

    tell(story())


def test_shared_values_that_nothing_has_any_more_go_from_the_database(place: StorePlace) -> None:
    async def story() -> None:
        here = Keeping(place, most_messages=3)
        for nth in range(40):
            here.store._rows[here.account.name].most_shared = 10
            here.database.failing_writes = nth % 11 == 5
            facts = ConnectionFacts(nth % 30, "::1", 1)
            await asyncio.gather(here.sending(VERSION="old", connection=facts), return_exceptions=True)
        kept = here.store.kept(here.account)
        await here.store.close()
        assert rows_in(place)["s"] <= 15
        again = Keeping(place, most_messages=3)
        await again.store.fresh(None)
        assert_same(again.store.kept(here.account), kept, NOON)
        await again.store.close()

    tell(story())


# The end


def test_closing_writes_the_steps_that_wait_and_takes_no_more(place: StorePlace) -> None:
    async def story() -> None:
        here = Keeping(place)
        waiting = [here.store.step(here.account, credit(1)) for _ in range(300)]
        closing = asyncio.ensure_future(here.store.close())
        await asyncio.sleep(0)
        with pytest.raises(StoreError, match="the store is closed"):
            await here.store.step(here.account, credit(1))
        assert [await each for each in waiting][-1] == 1300
        await asyncio.gather(closing, here.store.close())
        await here.store.close()
        here.store.let_go()

    tell(story())


def test_steps_that_wait_for_records_fail_when_the_store_is_closed(place: StorePlace) -> None:
    here, kept = restarted(place, PUSHED)

    async def story() -> None:
        here.store.attend(lambda _account: None)
        needs = here.store.step(PUSHED, credit(1), (kept.messages[0].uid,))
        looking = asyncio.ensure_future(here.store.look(PUSHED, lambda _transaction: None))
        while not here.store._loading[PUSHED.name].waiting:
            await asyncio.sleep(0)
        closing = asyncio.ensure_future(here.store.close())
        await asyncio.sleep(0)
        here.database.reads.set()
        for each in (needs, looking):
            with pytest.raises(StoreError, match="the store is closed"):
                await each
        await closing
        again = Keeping(place, PUSHED)
        await again.store.fresh(None)
        assert_same(again.store.kept(PUSHED), kept, NOON)
        await again.store.close()

    tell(story())


# Against the memory store


class Surviving(DurableKeeper):
    """A keeper whose store begins again, after it was closed or after its process was killed."""

    def new_store(self, node: Callable[[], int], observer: object = None, **named: object) -> DrivenStore:
        self.node, self.bounds = node, {key: value for key, value in named.items() if key != "place"}
        return super().new_store(node, None, **named)

    def begins_again(self, *, killed: bool) -> None:
        assert isinstance(self.store, DrivenStore)
        place = self.store.place
        if killed:
            if place.kind == "sqlite":
                copy = new_place("sqlite")
                for end in ("", "-wal"):
                    shutil.copy(f"{place.where}{end}", f"{copy.where}{end}")
                place = copy
            self.store.let_go()
        else:
            self.store.loop.run_until_complete(self.store.close())
        self.store = self.new_store(self.node, place=place, **self.bounds)
        self.store.read_all()


class SurvivingInPostgres(Surviving):
    kind = "postgresql"


class AgainstMemory(RuleBasedStateMachine):
    """Two keepers to which the same happens: one in memory, and one in SQLite, whose process ends now and then."""

    configs = tuple(
        CONFIGS.read(CONFIGS.dump(AccountConfig(account=account)))
        for account in (
            msgspec.structs.replace(SHOP, callback=Callback(url="http://a/"), plan=plan_of(step(8, SECOND))),
            msgspec.structs.replace(BANK, plan=plan_of(step(1, SECOND), step(2, 60 * SECOND))),
        )
    )
    accounts = tuple(config.account for config in configs)
    whose = st.sampled_from(accounts)
    surviving: ClassVar[type[Surviving]] = Surviving

    @initialize()
    def begin(self) -> None:
        self.both = [kind(*self.accounts) for kind in (Keeper, self.surviving)]
        self.durable = self.both[1]
        for each in self.both:
            each.store.standing(None)  # its clock begins now
            for config in self.configs:
                each.step(configuring(config), account=config.account)
        DurableKeeper.made.remove(self.durable)  # type: ignore[arg-type]

    @rule(account=whose, count=st.integers(1, 5), connection=st.integers(1, 3))
    def send(self, account: Account, count: int, connection: int) -> None:
        for each in self.both:
            each.send(count, account, connection=ConnectionFacts(connection, "::1", 1), headers=((b"x", b"\xff"),))

    @rule(account=whose, said=st.sampled_from(["old", "\ud800"]))
    def refuse(self, account: Account, said: str) -> None:
        for each in self.both:
            each.send(1, account, VERSION=said)
            each.send(1, account, AUTH_KEY="nobody's")

    @rule(account=whose, seconds=st.sampled_from([1, 5, 100]))
    def wait(self, account: Account, seconds: int) -> None:
        for each in self.both:
            each.let_happen(seconds * SECOND, account)

    @rule(account=whose, nth=st.integers(0, 3))
    def force(self, account: Account, nth: int) -> None:
        for each in self.both:
            for message in [*each.store.messages(account)][nth : nth + 1]:
                wish, uid, now = ForceRequest(5, timedelta(0), final=True), message.uid, each.now
                each.step(
                    lambda transaction, uid=uid, wish=wish, each=each, now=now: each.platform.force(
                        transaction, uid, wish, now
                    ),
                    uid,
                    account=account,
                )

    @rule(account=whose, amount=st.integers(1, 9))
    def credit(self, account: Account, amount: int) -> None:
        for each in self.both:
            each.step(lambda transaction: transaction.move("credit", Decimal(amount), NOON), account=account)

    @rule(account=whose, counted=st.integers(0, 3), anew=st.booleans())
    def count(self, account: Account, counted: int, anew: bool) -> None:
        def decide(transaction: Transaction) -> None:
            transaction.counts_anew = anew
            transaction.tallied = {("times", f"rule {counted}", ""): counted}

        for each in self.both:
            each.step(decide, account=account)

    @rule(account=whose)
    def reset(self, account: Account) -> None:
        for each in self.both:
            each.reset_of(account)

    @rule()
    def make_or_drop(self) -> None:
        for each in self.both:
            if each.store.config(NEW.account) is None:
                each.step(configuring(NEW), account=NEW.account)
                each.send(1, NEW.account)
            else:
                each.drop(NEW.account)

    @rule(account=whose, routes=st.sampled_from(["A", "B"]))
    def configure(self, account: Account, routes: str) -> None:
        for each in self.both:
            base = each.store.config(account)
            assert base is not None
            routed = msgspec.structs.replace(base.account, routes=base.account.routes | {routes})
            each.step(configuring(msgspec.structs.replace(base, account=routed)), account=account)

    @rule(account=whose)
    def fail(self, account: Account) -> None:
        store = self.durable.store
        write = store._database.write  # type: ignore[attr-defined]

        def full(*_: object, **__: object) -> None:
            raise StoreError("the disk is full")

        store._database.write = full  # type: ignore[attr-defined]
        try:
            with pytest.raises(StoreError, match="full"):
                self.durable.send(2, account)
        finally:
            store._database.write = write  # type: ignore[attr-defined]

    @rule(killed=st.booleans())
    def begin_again(self, killed: bool) -> None:
        self.durable.begins_again(killed=killed)  # type: ignore[attr-defined]

    def teardown(self) -> None:
        if not hasattr(self, "both"):
            return
        self.hold_the_same()
        for killed in (True, False):
            self.durable.begins_again(killed=killed)  # type: ignore[attr-defined]
            self.hold_the_same()
        self.durable.store.loop.run_until_complete(self.durable.store.close())  # type: ignore[attr-defined]

    def hold_the_same(self) -> None:
        """All that can be seen is the same, but for numbers of requests and SMS_UIDs."""
        for account in (None, *self.accounts, NEW.account):
            seen = [self.seen(each, account) for each in self.both]
            assert seen[0] == seen[1]

    @staticmethod
    def seen(here: Keeper, account: Account | None) -> tuple[object, ...]:
        store = here.store
        if account is not None and store.config(account) is None and account is NEW.account:
            return ("none",)
        kept = store.kept(account)
        numbered = {message.uid: f"#{nth}" for nth, message in enumerate(kept.messages)}
        hide = lambda uid: numbered.get(uid, uid)  # noqa: E731
        standing = msgspec.structs.replace(kept.standing, uids=UidSequence(0))
        return (
            standing,
            kept.tallies,
            [(each.kept_body, each.code, each.connection, each.headers, len(each.uids)) for each in kept.exchanges],
            [(each.passages, each.plan, each.admission, each.settled, each.refunded) for each in kept.messages],
            {
                (hide(each.uid), each.number, each.state, each.outcome, len(each.attempts), each.next_attempt_at)
                for each in chain.from_iterable(kept.reports)
            },
            [(hide(each.uid), each.reason, each.amount, each.balance, each.at) for each in kept.ledger],
            kept.evicted_exchanges + len(kept.exchanges),
            None if account is None else (store.next_wake(account), store.config(account).account.routes),
        )


class PostgresAgainstMemory(AgainstMemory):
    """The same, in PostgreSQL."""

    surviving = SurvivingInPostgres


AgainstMemory.TestCase.settings = settings(max_examples=15, stateful_step_count=25)
TestAgainstMemory = AgainstMemory.TestCase
PostgresAgainstMemory.TestCase.settings = AgainstMemory.TestCase.settings
TestPostgresAgainstMemory = needs_postgres(PostgresAgainstMemory.TestCase)
