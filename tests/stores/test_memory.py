"""The memory store: all or nothing, in order, bounded, and never losing what still has something to do.

Reading: R16, R17.
"""

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cloudsms_simulator.engine.account import Account, Callback
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.delivery import ForceRequest
from cloudsms_simulator.engine.plan import ReportOptions, Step, plan_of, step
from cloudsms_simulator.engine.records import PushResult
from cloudsms_simulator.engine.rules import CompiledRules, ReplyStep, Rule, RuleBook
from cloudsms_simulator.engine.transaction import Reply, Transaction
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.stores.store import Change

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
FIRST = Step(1, SECOND, False, manner=ReportOptions(before_answer=True))
EARLY = Account(plan=plan_of(FIRST, step(2, 2 * SECOND)))
PUSHED = Account(callback=Callback(url="http://a/"))
SHOP, BANK = Account(name="shop", auth_key="shop-key"), Account(name="bank", auth_key="bank-key")


# Transactions


class Listening:
    """An observer that writes down what is there to see whenever it is told."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int, int]] = []

    def publish(self, change: Change) -> None:
        assert change.account == self.here.account.name
        self.seen.append(self.here.totals())


def test_an_observer_is_told_when_there_is_something_to_see_and_when_it_is_gone(keeper) -> None:
    observer = Listening()
    here = observer.here = keeper(observer=observer)
    _, receive = here.receiving(2)

    def decide(transaction: Transaction) -> None:
        receive(transaction)
        assert observer.seen == []

    here.step(decide)
    here.reset()
    here.send()
    here.drop(here.account)
    assert observer.seen == [(1, 2, 0), (0, 0, 0), (1, 1, 0), (0, 0, 0)]


def test_nothing_is_there_while_a_step_decides_and_everything_after_it(keeper) -> None:
    here = keeper()
    _, receive = here.receiving(2)

    def decide(transaction: Transaction) -> tuple[Transaction, Reply]:
        decision = receive(transaction)
        assert here.totals() == (0, 0, 0)
        assert here.store.standing(here.account).balance == 1000
        assert len(here.store.ledger(here.account)) == 1
        return decision

    transaction, reply = here.step(decide)
    assert here.totals() == (1, 2, 0)
    assert here.store.standing(here.account).balance == Decimal("999.90")
    assert len(here.store.ledger(here.account)) == 3
    assert here.store.exchange(here.account, reply.request_id) is transaction.exchange


def test_a_packet_that_is_only_looked_at_leaves_nothing(keeper) -> None:
    here = keeper()
    _, receive = here.receiving(200)
    transaction, _ = here.look(receive)
    assert len(transaction.new_messages) == 200
    here.send()
    assert here.totals() == (1, 1, 0)
    [exchange] = here.store.exchanges(here.account)
    assert exchange.id == 1, "its number is free again"


def test_a_step_has_the_messages_it_was_called_for_with_their_reports(keeper) -> None:
    here = keeper(Account())
    here.send(2)
    [second, first] = here.store.messages(here.account)
    here.let_happen(SECOND)
    transaction = here.step(lambda transaction: transaction, first.uid, "nobody's")
    assert transaction.messages == {first.uid: here.store.message(here.account, first.uid)}
    assert transaction.reports == {first.uid: here.store.reports_of(here.account, first.uid)}
    assert second.uid not in transaction.messages


def test_requests_are_numbered_over_all_accounts(keeper) -> None:
    here = keeper(SHOP, BANK)
    replies = [
        here.send(account=SHOP),
        here.send(account=BANK),
        here.send(AUTH_KEY="nobody's"),
        here.send(account=SHOP),
    ]
    assert [reply.request_id for reply in replies] == [1, 2, 3, 4]


def test_accounts_see_nothing_of_one_another(keeper) -> None:
    here = keeper(SHOP, BANK)
    reply = here.send(account=SHOP)
    [message] = here.store.messages(SHOP)
    assert (here.totals(SHOP), here.totals(BANK)) == ((1, 1, 0), (0, 0, 0))
    assert here.store.message(BANK, message.uid) is None
    assert here.store.exchange(BANK, reply.request_id) is None
    assert here.store.standing(BANK).balance == 1000


# Listings


def test_listings_are_newest_first_and_can_be_read_again(keeper) -> None:
    here = keeper()
    here.send(2)
    here.send()
    exchanges, messages = here.store.exchanges(here.account), here.store.messages(here.account)
    assert [exchange.id for exchange in exchanges] == [exchange.id for exchange in exchanges] == [2, 1]
    assert [(message.sending.request_id, message.index) for message in messages] == [(2, 0), (1, 1), (1, 0)]
    assert (messages.total, messages.evicted) == (3, 0)


def test_the_reports_of_a_message_are_listed_with_the_last_first(keeper) -> None:
    here = keeper(Account(plan=plan_of(step(1, SECOND), step(2, 2 * SECOND))))
    here.send()
    here.let_happen(HOUR)
    reports = here.store.reports(here.account)
    assert (reports.total, [report.number for report in reports]) == (2, [2, 1])


# Wakes


def test_a_new_message_is_not_looked_at_before_its_answer_is_out(keeper) -> None:
    here = keeper()
    reply = here.send(release=False)
    here.now += HOUR
    assert (here.store.next_wake(here.account), here.wakes()) == (None, [])
    here.release(reply)
    [message] = here.store.messages(here.account)
    assert here.wakes() == [message.uid]


def test_releasing_twice_or_what_is_not_there_does_nothing(keeper) -> None:
    here = keeper()
    reply = here.send()
    here.release(reply)
    here.now += HOUR
    assert len(here.wakes()) == 1
    here.release(reply)
    assert here.wakes() == []


def test_wakes_come_in_the_order_due_then_put_in_each_once_and_never_early(keeper, noon: datetime) -> None:
    here = keeper()
    wakes = [(noon + 2 * SECOND, "c"), (noon + SECOND, "a"), (noon + SECOND, "b"), (noon + HOUR, "d")]
    here.step(lambda transaction: transaction.wakes.extend(wakes))
    assert here.store.next_wake(here.account) == noon + SECOND
    assert here.wakes() == []
    here.now = noon + 2 * SECOND
    assert [here.wakes(limit=2), here.wakes(limit=2), here.wakes(limit=2)] == [["a", "b"], ["c"], []]
    assert here.store.next_wake(here.account) == noon + HOUR


def test_some_messages_of_a_request_can_be_released_before_the_others(keeper) -> None:
    here = keeper(EARLY)
    reply = here.send(3, release=False)
    third, second, first = (message.uid for message in here.store.messages(here.account))
    here.release(reply, uids=(second,))
    here.now += HOUR
    assert (here.store.next_wake(here.account), here.wakes()) == (here.now - HOUR + SECOND, [second])
    here.release(reply, uids=(second, "nobody's"))
    assert here.wakes() == [], "it was released already"
    here.release(reply)
    assert here.wakes() == [first, third]
    here.release(reply)
    assert here.wakes() == []


def test_what_is_not_to_come_before_the_answer_waits_for_it(keeper) -> None:
    here = keeper(msgspec.structs.replace(EARLY, callback=PUSHED.callback))
    reply = here.send(2, release=False)
    second, first = (message.uid for message in here.store.messages(here.account))
    here.release(reply, uids=(first,))
    here.release(reply, uids=(second,))
    pushed = [(push.uid, push.number) for push in here.let_happen(HOUR)]
    assert pushed == [(first, 1), (second, 1)]
    assert here.store.next_wake(here.account) is None
    here.release(reply)
    assert [(push.uid, push.number) for push in here.let_happen(SECOND)] == [(first, 2), (second, 2)]
    assert here.read(first).unanswered == ()


def test_releasing_all_messages_by_name_leaves_nothing_to_release(keeper) -> None:
    here = keeper(EARLY)
    reply = here.send(2, release=False)
    uids = tuple(message.uid for message in here.store.messages(here.account))
    here.release(reply, uids=uids)
    here.release(reply)
    here.now += HOUR
    assert sorted(here.wakes()) == sorted(uids)


def test_an_exchange_of_which_some_messages_are_held_stays_until_they_are_done_too(keeper) -> None:
    here = keeper(most_messages=1)
    reply = here.send(2, release=False)
    here.release(reply, uids=tuple(message.uid for message in here.store.messages(here.account))[:1])
    here.let_happen(HOUR)
    here.send()
    assert here.store.exchange(here.account, reply.request_id) is not None
    here.release(reply)
    here.let_happen(HOUR)
    here.send()
    assert here.store.exchange(here.account, reply.request_id) is None


# Counts


BUSY_ONCE = Account(
    rules=CompiledRules(RuleBook(rules=(Rule(id="it", replies=(ReplyStep(ResultCode.BUSY, times=1),)),)))
)
TURNS = ("rule ", "it", "85267000011")


def test_counts_are_kept_with_the_whole_step_and_not_before(keeper) -> None:
    here = keeper(BUSY_ONCE)
    _, receive = here.receiving()

    def decide(transaction: Transaction) -> Transaction:
        receive(transaction)
        assert transaction.tallied is not None
        assert here.store.tallies(BUSY_ONCE) == transaction.tallies == {}
        return transaction

    transaction = here.step(decide)
    assert here.store.tallies(BUSY_ONCE) == transaction.tallied
    assert here.store.tallies(BUSY_ONCE)[TURNS] == 1


def test_a_step_that_counts_nothing_leaves_the_counts_as_they_are(keeper) -> None:
    here = keeper(BUSY_ONCE)
    here.send()
    counted = dict(here.store.tallies(BUSY_ONCE))
    here.step(lambda _transaction: None)
    here.let_happen(SECOND)
    assert here.store.tallies(BUSY_ONCE) == counted


def count(here, tallied: dict[tuple[str, str, str], int]) -> None:
    def decide(transaction: Transaction) -> None:
        transaction.tallied = tallied

    here.step(decide)


def test_counts_that_are_written_take_the_place_of_those_kept_and_leave_the_others(keeper) -> None:
    here = keeper()
    count(here, {("a", "", ""): 1, ("b", "", ""): 2})
    count(here, {("a", "", ""): 7})
    assert here.store.tallies(here.account) == {("a", "", ""): 7, ("b", "", ""): 2}


@pytest.mark.parametrize("tallied", [None, {("b", "", ""): 2}])
def test_a_step_that_counts_anew_forgets_all_that_was_counted_before(
    keeper, tallied: dict[tuple[str, str, str], int] | None
) -> None:
    here = keeper()
    count(here, {("a", "", ""): 1})

    def anew(transaction: Transaction) -> None:
        transaction.counts_anew, transaction.tallied = True, tallied
        assert here.store.tallies(here.account) == {("a", "", ""): 1}, "not before the step is whole"

    here.step(anew)
    assert here.store.tallies(here.account) == (tallied or {})


def test_each_account_has_counts_of_its_own(keeper) -> None:
    shop = msgspec.structs.replace(BUSY_ONCE, name="shop", auth_key="shop-key")
    here = keeper(shop, BANK)
    here.send(account=shop)
    assert (here.store.tallies(shop)[TURNS], here.store.tallies(BANK)) == (1, {})


# Reset


def test_after_a_reset_an_account_is_as_it_was_created_but_for_its_clock_and_its_uids(keeper, noon: datetime) -> None:
    account = msgspec.structs.replace(BUSY_ONCE, callback=Callback(url="http://a/"), rate_limit=100)
    here = keeper(account)
    fresh = here.store.standing(account)
    for _ in range(3):
        here.send(2)
    here.let_happen(SECOND)
    here.send(release=False)
    before, moment = here.store.standing(account), noon + HOUR
    assert before != fresh

    here.reset(moment)
    assert here.store.standing(account) == msgspec.structs.replace(fresh, uids=before.uids, rules_since=moment)
    assert (here.totals(), here.evicted(), here.store.tallies(account)) == ((0, 0, 0), (0, 0, 0), {})
    assert here.store.next_wake(account) is None
    [entry] = here.store.ledger(account)
    assert (entry.reason, entry.amount, entry.balance, entry.at) == ("opening", 1000, 1000, moment)


def stand(here, **changes: object) -> None:
    """A step that changes the account's state."""

    def decide(transaction: Transaction) -> None:
        transaction.standing = msgspec.structs.replace(transaction.standing, **changes)

    here.step(decide)


@pytest.mark.parametrize("mode", ["frozen", "scaled"])
def test_a_reset_leaves_the_clock_at_its_moment_and_in_its_mode(keeper, noon: datetime, mode: str) -> None:
    here = keeper()
    clock = Clock.frozen(noon + HOUR) if mode == "frozen" else Clock.scaled(60, noon)
    stand(here, clock=clock)
    here.reset(clock.now(here.now))
    assert here.store.standing(here.account).clock == clock


def test_nothing_that_was_planned_before_a_reset_is_done_after_it(keeper) -> None:
    here = keeper(PUSHED)
    here.send()
    held = here.send(release=False)
    here.now += SECOND
    [uid] = here.wakes(1)
    [push] = here.take_due([uid])

    here.reset()
    here.release(held)
    assert here.read(push.uid).messages == {}
    here.record(push, PushResult(200))
    assert here.let_happen(30 * HOUR) == []
    assert (here.totals(), here.store.standing(PUSHED).dr_serial) == ((0, 0, 0), 0)


def test_uids_stay_unique_over_a_reset_on_a_clock_that_stands(keeper) -> None:
    here = keeper()
    uids = set()
    for _ in range(3):
        here.send(200)
        uids |= {message.uid for message in here.store.messages(here.account)}
        here.reset()
    assert len(uids) == 600


def test_numbers_of_requests_go_on_after_a_reset(keeper) -> None:
    here = keeper()
    here.send()
    here.reset()
    assert here.send().request_id == 2


def test_a_reset_leaves_the_other_accounts_alone(keeper) -> None:
    here = keeper(SHOP, BANK)
    for account in (SHOP, BANK):
        here.send(account=account)
    here.send(AUTH_KEY="nobody's")
    before = here.store.standing(BANK), here.store.ledger(BANK), list(here.store.messages(BANK))
    here.reset_of(SHOP)
    assert (here.totals(SHOP), here.totals(BANK), here.store.exchanges(None).total) == ((0, 0, 0), (1, 1, 0), 1)
    assert (here.store.standing(BANK), here.store.ledger(BANK), list(here.store.messages(BANK))) == before
    assert len(here.let_happen(HOUR, BANK)) == 0
    assert here.totals(BANK) == (1, 1, 1)


def test_what_belongs_to_nobody_can_be_reset_too(keeper) -> None:
    here = keeper(most_messages=2)
    for _ in range(3):
        here.send(AUTH_KEY="nobody's")
    here.reset_of(None)
    nobodys = here.store.exchanges(None)
    assert (nobodys.total, nobodys.evicted) == (0, 0)
    here.send(2)
    assert here.totals() == (1, 2, 0)


def test_an_account_that_was_never_used_can_be_reset(keeper) -> None:
    here = keeper(SHOP, BANK)
    here.reset_of(BANK)
    assert here.store.standing(BANK).balance == 1000


# The ledger


def test_entries_of_evicted_messages_fold_into_the_opening_entry(keeper) -> None:
    here = keeper(Account(balance=Decimal(1)), most_messages=2)
    for _ in range(5):
        here.send()
        here.let_happen(SECOND)
    here.send()
    kept = [message.uid for message in here.store.messages(here.account)]
    ledger = here.store.ledger(here.account)
    assert [(entry.uid, entry.reason, entry.amount) for entry in ledger] == [
        (None, "opening", Decimal("0.80")),
        (kept[1], "debit", Decimal("-0.05")),
        (kept[0], "debit", Decimal("-0.05")),
    ]
    assert (ledger[0].balance, ledger[-1].balance) == (Decimal("0.80"), Decimal("0.70"))


def test_a_refund_folds_together_with_its_debit(keeper) -> None:
    here = keeper(Account(balance=Decimal(1), plan=plan_of(step(8, SECOND))), most_messages=1)
    for _ in range(3):
        here.send()
        here.let_happen(SECOND)
    ledger = here.store.ledger(here.account)
    assert [(entry.reason, entry.amount) for entry in ledger] == [
        ("opening", 1),
        ("debit", Decimal("-0.05")),
        ("refund", Decimal("0.05")),
    ]


def test_the_ledger_of_an_unlimited_balance_stays_empty(keeper) -> None:
    here = keeper(Account(balance="unlimited"), most_messages=1)
    for _ in range(3):
        here.send()
        here.let_happen(SECOND)
    assert here.store.ledger(here.account) == ()


@pytest.mark.parametrize("balance", [Decimal(5), Decimal(0)], ids=["5", "0"])
def test_a_ledger_that_began_unlimited_folds_into_an_opening_entry_and_no_other(keeper, balance: Decimal) -> None:
    unlimited = Account(balance="unlimited", credit_limit=Decimal(9))
    here = keeper(unlimited, most_messages=1)
    moved = [LedgerEntry("default", None, "scenario", balance, balance, here.now)] if balance else []

    def bring(transaction: Transaction) -> None:
        transaction.standing = msgspec.structs.replace(transaction.standing, balance=balance)
        transaction.entries += moved

    here.step(bring)
    here.send()
    here.let_happen(SECOND)
    here.send()
    [message] = here.store.messages(unlimited)
    assert [(entry.uid, entry.reason, entry.amount) for entry in here.store.ledger(unlimited)] == [
        (None, "opening", Decimal("-0.05")),
        *((entry.uid, entry.reason, entry.amount) for entry in moved),
        (message.uid, "debit", Decimal("-0.05")),
    ]


def test_folding_keeps_a_ledger_short_even_if_nobody_looks(keeper) -> None:
    here = keeper(most_messages=10)
    for _ in range(500):
        here.send()
        here.let_happen(SECOND)
    assert here.read().standing.balance == 1000 - 500 * Decimal("0.05")
    assert len(here.store.ledger(here.account)) <= 11


def test_closing_forgets_everything(keeper) -> None:
    here = keeper()
    here.send()
    closing = here.store.close()
    assert next(iter(closing.__await__()), None) is None
    assert here.totals() == (0, 0, 0)


# Whatever happens


class Journal(RuleBasedStateMachine):
    """Two accounts, a small journal, and everything that can happen in any order."""

    keeper: type

    @initialize(most_messages=st.integers(1, 8), after=st.sampled_from([SECOND, HOUR]), state=st.sampled_from([2, 8]))
    def begin(self, most_messages: int, after: timedelta, state: int) -> None:
        plan, callback = plan_of(step(1, SECOND), step(state, after)), Callback(url="http://a/", retries=(SECOND,))
        self.accounts = [
            Account(name=name, auth_key=name, plan=plan, callback=callback, balance=Decimal(1000))
            for name in ("shop", "bank")
        ]
        self.here = self.keeper(*self.accounts, most_messages=most_messages)
        self.answered: dict[str, int] = {}
        self.withheld: list[tuple[object, Account]] = []

    @rule(which=st.integers(0, 1), count=st.integers(1, 3), withheld=st.booleans())
    def send(self, which: int, count: int, withheld: bool) -> None:
        account = self.accounts[which]
        reply = self.here.send(count, account, release=not withheld)
        if withheld:
            self.withheld.append((reply, account))
        for message in self.here.store.messages(account):
            self.answered.setdefault(message.uid, 0)

    @rule()
    def refuse(self) -> None:
        self.here.send(AUTH_KEY="nobody's")

    @rule(which=st.integers(0, 1), by=st.sampled_from([SECOND, HOUR]))
    def wait(self, which: int, by: timedelta) -> None:
        for push in self.here.let_happen(by, self.accounts[which]):
            self.answered[push.uid] += 1

    @rule()
    def answer(self) -> None:
        for reply, account in self.withheld:
            self.here.release(reply, account)
        self.withheld.clear()

    @invariant()
    def the_ledger_sums_to_the_balance(self) -> None:
        for account in self.accounts:
            total = sum(entry.amount for entry in self.here.store.ledger(account))
            assert total == self.here.store.standing(account).balance

    @invariant()
    def only_what_is_settled_is_gone(self) -> None:
        for account in self.accounts:
            store = self.here.store
            messages = list(store.messages(account))
            kept = {message.uid for message in messages}
            unsettled = sum(not message.settled for message in messages)
            assert store.standing(account).outstanding == unsettled
            gone = [uid for uid in self.answered if uid not in kept and self._belongs(uid, account)]
            assert len(gone) == store.messages(account).evicted
            assert {self.answered[uid] for uid in gone} <= {2}, "both reports were pushed before a message went"

    @invariant()
    def an_exchange_and_its_messages_are_there_or_gone_together(self) -> None:
        for account in self.accounts:
            listed = {uid for exchange in self.here.store.exchanges(account) for uid in exchange.uids}
            assert listed == {message.uid for message in self.here.store.messages(account)}

    def teardown(self) -> None:
        if not hasattr(self, "here"):
            return
        self.answer()
        for account in self.accounts:
            for push in self.here.let_happen(2 * HOUR, account):
                self.answered[push.uid] += 1
        assert set(self.answered.values()) <= {2}, "every message has both reports in the end"

    def _belongs(self, uid: str, account: Account) -> bool:
        return uid.endswith(f"{self.here.store.standing(account).uids.node:06X}")


def test_nothing_unsettled_is_evicted_and_every_report_comes_whatever_the_order(keeper) -> None:
    class OurJournal(Journal):
        pass

    OurJournal.keeper = keeper
    test_case = OurJournal.TestCase
    test_case.settings = settings(settings.get_profile(settings.get_current_profile_name()), max_examples=60)
    test_case().runTest()


events = st.lists(
    st.tuples(
        st.sampled_from(["send", "hold", "release", "refuse", "wait", "bank"]),
        st.integers(1, 3),
        st.binary(max_size=50),
    ),
    max_size=20,
)


@given(events, st.integers(1, 6), st.integers(2_000, 8_000))
def test_after_a_reset_there_is_as_much_room_as_if_the_account_had_never_been(
    keeper, events: list[tuple[str, int, bytes]], most_messages: int, most_bytes: int
) -> None:
    pushed = {"callback": Callback(url="http://a/"), "plan": plan_of(step(1, SECOND), step(2, HOUR))}
    shop, bank = Account(name="shop", auth_key="shop-key", **pushed), BANK
    here = keeper(shop, bank, most_messages=most_messages, most_bytes=most_bytes)
    held = []
    for event, count, answer in events:
        if event == "wait":
            here.let_happen(count * SECOND if count < 3 else HOUR, shop, answer)
            here.let_happen(SECOND, bank)
        elif event == "release" and held:
            here.release(held.pop(), shop)
        elif event == "refuse":
            here.send(account=shop, VERSION="old")
        elif event == "hold":
            held.append(here.send(count, shop, release=False))
        elif event in ("send", "bank"):
            here.send(count, shop if event == "send" else bank)
    for account in (shop, bank, None):
        here.reset_of(account)
    fresh = keeper(shop, bank, most_messages=most_messages, most_bytes=most_bytes)
    fresh.now = here.now
    for each in (here, fresh):
        for count in (1, 3, 2, 1, 1, 2, 4, 1):
            each.send(count, bank)
            each.send(AUTH_KEY="nobody's")
            each.let_happen(SECOND, bank)
    assert (here.totals(bank), here.evicted(bank)) == (fresh.totals(bank), fresh.evicted(bank))
    assert here.store.exchanges(None).evicted == fresh.store.exchanges(None).evicted


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=30), st.integers(1, 6))
def test_no_more_is_kept_than_the_bound_plus_the_newest_once_everything_is_settled(
    keeper, sends: list[tuple[int, bool]], most_messages: int
) -> None:
    here = keeper(most_messages=most_messages)
    newest = 0
    for count, refused in sends:
        here.send(count, **({"VERSION": "old"} if refused else {}))
        here.let_happen(SECOND)
        newest = 1 if refused else count
    room = sum(max(1, len(exchange.uids)) for exchange in here.store.exchanges(here.account))
    assert room <= max(most_messages, newest)


def test_a_message_that_changes_before_its_first_report_does_not_come_before_others_in_the_list_of_reports(
    keeper,
) -> None:
    here = keeper(PUSHED)
    here.send()
    here.send()
    second, first = (message.uid for message in here.store.messages(here.account))
    forced = ForceRequest(5, HOUR, True)
    here.step(lambda transaction: here.platform.force(transaction, second, forced, here.now), second)
    here.let_happen(SECOND)
    here.let_happen(HOUR)
    assert [report.uid for report in here.store.reports(here.account)] == [second, first]
