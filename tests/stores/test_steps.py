"""Steps: one decision and all that it writes, or nothing; and looks, of which nothing is kept.

Reading: R16.
"""

import asyncio
import gc
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.account import Account, AccountConfig, Callback
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.stores.account_partition import AccountPartition
from cloudsms_simulator.stores.memory import MemoryStore
from cloudsms_simulator.stores.store import Change, StoreError

SECOND = timedelta(seconds=1)
PUSHED = Account(callback=Callback(url="http://a/"))
SHOP, BANK = Account(name="shop", auth_key="shop-key"), Account(name="bank", auth_key="bank-key")
FULL = StoreError("the disk is full")


class Observer:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.told = 0

    def publish(self, _change: Change) -> None:
        self.told += 1


def moving(account: Account, amount: Decimal) -> Callable[[Transaction], Decimal]:
    """A decision that moves the balance, and returns what it comes to."""

    def decide(transaction: Transaction) -> Decimal:
        before = transaction.standing.balance
        assert before is not None
        balance = before + amount
        transaction.standing = msgspec.structs.replace(transaction.standing, balance=balance)
        at = transaction.standing.clock.virtual
        transaction.entries.append(LedgerEntry(account.name, None, "credit", amount, balance, at))
        return balance

    return decide


def writing_everything(here) -> Callable[[Transaction], None]:
    """A decision that writes all that can be written: it accepts a packet, counts, and takes all that is due."""
    _, receive = here.receiving(2)
    due = [message.uid for message in here.store.messages(here.account)]

    def decide(transaction: Transaction) -> None:
        receive(transaction)
        moving(here.account, Decimal(-1))(transaction)
        transaction.tallied = {("requests", "", ""): 7}
        transaction.counts_anew = True
        assert here.platform.take_due(transaction, due, here.now)
        assert transaction.exchange
        assert transaction.updated

    return decide


def failing_after(decide: Callable[[Transaction], object], error: Exception = FULL) -> Callable[[Transaction], None]:
    def fail(transaction: Transaction) -> None:
        decide(transaction)
        raise error

    return fail


def kept(here) -> tuple[object, ...]:
    """All there is to see of a store."""
    store = here.store
    accounts = (*here.accounts, None)
    return (
        [store.kept(account) for account in accounts],
        [store.next_wake(account) for account in here.accounts],
        store.octets,
        here.read().request_id,
    )


# What comes back


def test_what_a_step_returned_comes_back(keeper) -> None:
    here = keeper()
    assert here.step(lambda transaction: ("whatever", transaction.request_id)) == ("whatever", 1)
    assert here.step(lambda _transaction: None) is None


def test_what_a_step_raised_comes_out_of_awaiting_and_not_of_the_call(keeper) -> None:
    here = keeper()

    async def story() -> None:
        called = here.store.step(here.account, failing_after(lambda _transaction: None))
        with pytest.raises(StoreError) as raised:
            await called
        assert raised.value is FULL

    asyncio.run(story())


def test_what_keeps_a_store_from_beginning_comes_out_of_awaiting_too() -> None:
    def no_clock(_account: Account | None) -> Clock:
        raise FULL

    async def story() -> None:
        called = MemoryStore(no_clock, lambda: 1).step(Account(), lambda _transaction: None)
        with pytest.raises(StoreError, match="the disk is full"):
            await called

    asyncio.run(story())


def test_steps_may_be_awaited_together_and_each_has_its_own_outcome(keeper) -> None:
    here = keeper()

    async def story() -> list[object]:
        steps = [
            here.store.step(here.account, moving(here.account, Decimal(1))),
            here.store.step(here.account, failing_after(moving(here.account, Decimal(9)))),
            here.store.step(here.account, moving(here.account, Decimal(2))),
        ]
        return await asyncio.gather(*steps, return_exceptions=True)

    assert asyncio.run(story()) == [1001, FULL, 1003]


# All or nothing


@pytest.mark.parametrize("error", [FULL, RuntimeError("a slip")], ids=["store", "slip"])
def test_of_a_step_that_raises_nothing_is_kept(keeper, error: Exception) -> None:
    observer = Observer()
    here = keeper(PUSHED, observer=observer)
    here.send(2)
    here.now += SECOND
    before, told = kept(here), observer.told
    messages = [message.uid for message in here.store.messages(PUSHED)]
    with pytest.raises(type(error)):
        here.step(failing_after(writing_everything(here), error), *messages)
    assert (kept(here), observer.told) == (before, told)


def test_of_a_step_that_does_not_raise_all_of_that_is_kept(keeper) -> None:
    observer = Observer()
    here = keeper(PUSHED, observer=observer)
    here.send(2)
    here.now += SECOND
    told = observer.told
    here.step(writing_everything(here), *[message.uid for message in here.store.messages(PUSHED)])
    assert here.totals() == (2, 4, 2)
    assert here.store.tallies(PUSHED) == {("requests", "", ""): 7}
    assert here.store.standing(PUSHED).balance == 1000 - 4 * Decimal("0.05") - 1
    assert observer.told == told + 1


def test_after_a_step_that_raised_the_next_goes_on_as_if_it_had_never_been(keeper) -> None:
    here, other = keeper(PUSHED), keeper(PUSHED)
    for each in (here, other):
        each.send()
        each.now += SECOND
    uids = [message.uid for message in here.store.messages(PUSHED)]
    with pytest.raises(StoreError):
        here.step(failing_after(writing_everything(here)), *uids)
    for each in (here, other):
        each.send(3)
        each.let_happen(SECOND)
    assert kept(here) == kept(other)


def test_a_step_of_nobody_is_whole_too(keeper) -> None:
    here = keeper()
    whose, receive = here.receiving(AUTH_KEY="nobody's")
    assert whose is None
    with pytest.raises(StoreError):
        asyncio.run(_awaited(here.store.step(None, failing_after(receive))))
    assert here.store.exchanges(None).total == 0
    asyncio.run(_awaited(here.store.step(None, receive)))
    assert here.store.exchanges(None).total == 1


# In the order of the calls


def test_of_two_steps_the_one_called_first_decides_first_whichever_is_awaited_first(keeper) -> None:
    here = keeper()
    order: list[str] = []

    def deciding(name: str, by: int) -> Callable[[Transaction], Decimal]:
        def decide(transaction: Transaction) -> Decimal:
            order.append(name)
            return moving(here.account, Decimal(by))(transaction)

        return decide

    async def story() -> tuple[Decimal, Decimal]:
        first = here.store.step(here.account, deciding("first", 10))
        second = here.store.step(here.account, deciding("second", 100))
        later, earlier = await second, await first
        return earlier, later

    assert asyncio.run(story()) == (1010, 1110)
    assert order == ["first", "second"]
    assert here.store.standing(here.account).balance == 1110


def test_a_step_decides_on_what_those_called_before_it_left_and_on_nothing_of_one_that_raised(keeper) -> None:
    here = keeper()

    async def story() -> list[int]:
        store, numbers = here.store, []
        steps = []
        for fails in (False, True, False):
            whose, receive = here.receiving()

            def decide(
                transaction: Transaction, receive: Callable[[Transaction], object] = receive, fails: bool = fails
            ) -> int:
                receive(transaction)
                if fails:
                    raise FULL
                return transaction.request_id

            steps.append(store.step(whose, decide))
        for each in await asyncio.gather(*steps, return_exceptions=True):
            numbers += [] if isinstance(each, Exception) else [each]
        return numbers

    assert asyncio.run(story()) == [1, 2]
    assert [exchange.id for exchange in here.store.exchanges(here.account)] == [2, 1]


def test_a_step_knows_the_sum_of_the_ledger_with_what_was_folded_of_it(keeper) -> None:
    here = keeper(Account(balance=Decimal(1)), most_messages=2)
    for _ in range(5):
        here.send()
        here.let_happen(SECOND)
    assert here.step(lambda transaction: transaction.booked()) == Decimal("0.75")
    assert here.store.standing(here.account).balance == Decimal("0.75")


def test_the_ledger_of_an_unlimited_balance_sums_to_nothing(keeper) -> None:
    here = keeper(Account(balance="unlimited"))
    here.send()
    assert here.step(lambda transaction: transaction.booked()) == 0


# Looks


def test_of_a_look_nothing_is_kept_and_nobody_is_told(keeper) -> None:
    observer = Observer()
    here = keeper(PUSHED, observer=observer)
    here.send(2)
    here.now += SECOND
    before, told = kept(here), observer.told
    here.look(writing_everything(here), *[message.uid for message in here.store.messages(PUSHED)])
    assert (kept(here), observer.told) == (before, told)


def test_a_look_returns_what_a_step_would(keeper) -> None:
    here = keeper()
    _, receive = here.receiving(2)
    (looked, would), (stepped, does) = here.look(receive), here.step(receive)
    assert (would.body, would.request_id, would.first_due) == (does.body, does.request_id, does.first_due)
    assert looked.new_messages == stepped.new_messages
    assert looked.standing == stepped.standing


def test_what_a_look_raised_comes_out_of_awaiting(keeper) -> None:
    here = keeper()

    async def story() -> None:
        looking = here.store.look(here.account, failing_after(lambda _transaction: None))
        with pytest.raises(StoreError, match="the disk is full"):
            await looking

    asyncio.run(story())


def test_a_look_has_the_messages_it_was_called_for_with_their_reports(keeper) -> None:
    here = keeper()
    here.send(2)
    here.let_happen(SECOND)
    [second, first] = here.store.messages(here.account)
    read = here.look(lambda transaction: transaction, first.uid, "nobody's")
    assert read.messages == {first.uid: first}
    assert read.reports == {first.uid: here.store.reports_of(here.account, first.uid)}
    assert second.uid not in read.messages


# Whatever happens


moves = st.lists(
    st.tuples(
        st.sampled_from(["move", "send", "wait", "look", "reset"]),
        st.integers(-5, 5).map(Decimal),
        st.booleans(),
        st.integers(0, 1),
    ),
    max_size=25,
)


@given(moves, st.integers(1, 5))
def test_whatever_mix_of_steps_some_of_which_raise_the_ledger_sums_to_the_balance(
    keeper, moves: list[tuple[str, Decimal, bool, int]], most_messages: int
) -> None:
    here = keeper(SHOP, BANK, most_messages=most_messages)
    expected = {"shop": Decimal(1000), "bank": Decimal(1000)}
    for what, amount, fails, which in moves:
        account = here.accounts[which]
        if what == "wait":
            here.let_happen(SECOND, account)
        elif what == "reset":
            here.reset_of(account)
            expected[account.name] = Decimal(1000)
        else:
            is_send = what == "send"
            decide = here.receiving(2, account)[1] if is_send else moving(account, amount)
            take = here.look if what == "look" else here.step
            if fails:
                with pytest.raises(StoreError) as raised:
                    take(failing_after(decide), account=account)
                assert raised.value is FULL
            else:
                take(decide, account=account)
                if what != "look":
                    expected[account.name] += -2 * Decimal("0.05") if is_send else amount
        for each in here.accounts:
            balance = here.store.standing(each).balance
            assert balance == expected[each.name]
            assert sum(entry.amount for entry in here.store.ledger(each)) == balance
            assert here.look(lambda transaction: transaction.booked(), account=each) == balance


def test_what_an_account_had_before_a_reset_is_gone_at_once_without_the_garbage_collector(keeper) -> None:
    here = keeper()
    here.send()
    gc.collect()
    gc.disable()
    try:
        before = _partitions()
        here.reset()
        assert _partitions() == before
    finally:
        gc.enable()


def _partitions() -> int:
    return sum(isinstance(each, AccountPartition) for each in gc.get_objects())


async def _awaited(step: object) -> object:
    return await step  # type: ignore[misc]


# Changes


class Changes:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Change] = []

    def publish(self, change: Change) -> None:
        self.told.append(change)


def test_of_each_commit_one_change_is_told_with_what_the_account_was_and_is(keeper) -> None:
    changes = Changes()
    here = keeper(PUSHED, observer=changes)
    here.send(2)
    here.let_happen(SECOND)
    here.reset()
    here.drop(PUSHED)
    assert [change.kind for change in changes.told] == ["request", "progress", "progress", "progress", "reset", "reset"]
    assert {change.account for change in changes.told} == {"default"}
    for before, after in itertools.pairwise(changes.told):
        assert before.after == after.before
    request, looked, *ended = changes.told[:4]
    assert (request.before.balance, request.after.balance) == (1000, Decimal("999.90"))
    assert request.exchange is not None
    assert request.exchange.uids == tuple(message.uid for message in request.messages)
    assert looked.final_states == (2, 2)
    assert [len(reports) for _, reports in looked.updated] == [1, 1]
    assert [[outcome for outcome, _ in each.pushed] for each in ended] == [["answered"], ["answered"]]
    assert changes.told[4].after.balance == 1000


def test_what_belongs_to_no_account_is_told_under_no_name(keeper) -> None:
    changes = Changes()
    here = keeper(observer=changes)
    here.send(AUTH_KEY="nobody's")
    assert [(change.kind, change.account) for change in changes.told] == [("request", None)]


# Accounts


NEW = AccountConfig(account=Account(name="new", auth_key="the new one's key", balance=Decimal(7)), made=True)


def configuring(config: AccountConfig) -> Callable[[Transaction], Account]:
    return lambda transaction: transaction.configure(config)


def test_a_store_begins_with_its_accounts_each_with_a_name_and_a_key_of_its_own(noon: datetime) -> None:
    def store(*accounts: Account) -> MemoryStore:
        configs = [AccountConfig(account=account) for account in accounts]
        return MemoryStore(lambda _account: Clock.real(noon), lambda: 1, accounts=configs)

    one = store(Account(), NEW.account)
    assert list(one.directory) == [Account(), NEW.account]
    assert one.config(NEW.account) == AccountConfig(account=NEW.account)
    assert one.config(PUSHED) == AccountConfig(account=Account()), "only the name counts"
    for clashing in (Account(name="new", auth_key="another"), Account(name="other", auth_key=NEW.account.auth_key)):
        with pytest.raises(ValueError, match="have the same"):
            store(NEW.account, clashing)


def test_an_account_that_a_step_makes_is_there_after_it_and_not_after_one_that_raises(keeper) -> None:
    here = keeper()
    held = list(here.store.directory)
    with pytest.raises(StoreError):
        here.step(failing_after(configuring(NEW)), account=NEW.account)
    assert (here.store.config(NEW.account), list(here.store.directory)) == (None, held)
    assert here.look(configuring(NEW), account=NEW.account) is NEW.account
    assert (here.store.config(NEW.account), list(here.store.directory)) == (None, held)
    assert here.step(configuring(NEW), account=NEW.account) is NEW.account
    assert here.store.config(NEW.account) is NEW
    assert here.store.directory.find("the new one's key") is NEW.account
    assert [entry.balance for entry in here.store.ledger(NEW.account)] == [7]


def test_a_step_knows_the_account_as_the_last_one_left_it_whatever_it_is_called_for(keeper) -> None:
    here = keeper()
    here.step(configuring(NEW), account=NEW.account)
    changed = msgspec.structs.replace(NEW.account, routes=frozenset({"A"}))
    here.step(configuring(msgspec.structs.replace(NEW, account=changed)), account=NEW.account)
    transaction = here.look(lambda transaction: transaction, account=NEW.account)
    assert (transaction.account, transaction.config) == (changed, AccountConfig(account=changed, made=True))
    assert here.store.directory.named("new") is changed


def test_of_an_account_with_the_key_of_another_nothing_is_kept(keeper) -> None:
    here = keeper()
    held = list(here.store.directory)
    here.step(configuring(NEW), account=NEW.account)
    other = AccountConfig(account=msgspec.structs.replace(NEW.account, name="other"))
    with pytest.raises(ValueError, match='accounts "new" and "other" have the same AUTH_KEY'):
        here.step(configuring(other), account=other.account)
    assert here.store.config(other.account) is None
    assert list(here.store.directory) == [*held, NEW.account]


def test_an_account_begins_anew_as_the_same_step_configures_it(keeper) -> None:
    here = keeper(PUSHED)
    here.step(configuring(AccountConfig(account=PUSHED)))
    here.send(2)
    here.let_happen(SECOND)
    here.send(1)
    richer = AccountConfig(account=msgspec.structs.replace(PUSHED, balance=Decimal(2000)))
    before = here.store.standing(PUSHED)

    def begin_anew(transaction: Transaction) -> None:
        transaction.configure(richer)
        transaction.begin_anew(here.now)

    here.step(begin_anew)
    assert (here.totals(), here.wakes(), here.store.tallies(PUSHED)) == ((0, 0, 0), [], {})
    after = here.store.standing(PUSHED)
    assert (after.balance, after.outstanding, after.rules_since) == (2000, 0, here.now)
    assert (after.clock, after.uids) == (before.clock, before.uids)
    assert [(entry.reason, entry.amount) for entry in here.store.ledger(PUSHED)] == [("opening", 2000)]
    assert (here.store.config(PUSHED), here.store.octets) == (richer, 0)


def test_an_account_that_is_dropped_is_nobodys_key_and_may_be_made_again_with_another_clock(keeper) -> None:
    here = keeper(NEW.account)
    here.step(configuring(NEW), account=NEW.account)
    here.send(1, NEW.account, release=False)
    clock = here.store.standing(NEW.account).clock
    here.drop(NEW.account)
    assert (here.store.config(NEW.account), list(here.store.directory), here.store.octets) == (None, [], 0)
    here.now += SECOND
    here.drop(NEW.account)
    here.step(configuring(NEW), account=NEW.account)
    assert here.store.standing(NEW.account).clock != clock
    assert here.totals(NEW.account) == (0, 0, 0)


def test_a_store_of_one_process_is_always_fresh_and_nobody_else_has_a_lease(keeper) -> None:
    here = keeper()

    async def story() -> None:
        await here.store.fresh(here.account)
        await here.store.fresh(None)
        for purpose in ("push", "clock"):
            lease = await here.store.claim(here.account, purpose)
            lease.release()
            assert (await here.store.claim(here.account, purpose)).held

    asyncio.run(story())
