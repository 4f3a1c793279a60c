"""The whole life of messages: everything that can happen to an account, in any order, against a simple model.

The model knows what may come of a request, what it costs, and when a report may be pushed; it knows nothing of
transactions, wakes and stores. The clock is frozen and goes from one due moment to the next.

Spec: Delivery Report (DR) CallBack. Reading: R9, R10, R11, R16, R17, R21, R22, R23, R25.
"""

import json
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cloudsms_simulator.engine.account import Account, Blacklist, Callback
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.delivery import Conflict, ForceRequest
from cloudsms_simulator.engine.faults import Fault, PushFault
from cloudsms_simulator.engine.plan import (
    Fixed,
    Listed,
    Mix,
    Plan,
    PlanTemplate,
    ReportOptions,
    Step,
    StepTemplate,
    Uniform,
    plan_of,
    step,
)
from cloudsms_simulator.engine.records import Push, PushResult, Report
from cloudsms_simulator.engine.rules import (
    CompiledRules,
    Condition,
    FaultRule,
    ReplyStep,
    Rule,
    RuleBook,
    RuleBookChange,
)
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.profile import SPEC, StateSet
from cloudsms_simulator.stores.store import StoreError

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = 24 * HOUR

URL = "http://127.0.0.1:59999/"
PRICES = MappingProxyType({852: Decimal("0.05"), 65: Decimal("0.06"), 1: Decimal(9)})
SHORT, LONG = "Your code is 123345", "a" * 161
KNOWN = "VerifyCode_516"
SERIALS = 128
NOT_REACHED = PushResult(failure="push-refused", error="127.0.0.1:59999: connection refused")

OK, BUSY = ResultCode.OK, ResultCode.BUSY
FAILED, LOST, INTERCEPT = ResultCode.SEND_FAILED, ResultCode.LOST_INFO, ResultCode.INTERCEPT
FULL, UNPRICED = ResultCode.QUEUE_TOO_LARGE, ResultCode.UNPRICED_AREA
EXPIRED = Step(3, 25 * HOUR, True)
DELIVERED, REJECTED = frozenset({(2,)}), frozenset({(60,)})

HONG_KONG, HONG_KONG_TOO, SINGAPORE, LANDLINE = (852, "67000011"), (852, "67000012"), (65, "81234567"), (65, "61234567")
BLACKLISTED, NOT_PRICED, TOO_EXPENSIVE = (852, "66000001"), (44, "7700900123"), (1, "2025010000")
NO_NUMBER = (852, "67xxxx11")

Sequences = frozenset[tuple[int, ...]]
Destination = tuple[int, str]


class Magic(msgspec.Struct, frozen=True):
    """What a magic number does: a code, a fault that strikes before processing or after, or the states to come."""

    code: ResultCode = OK
    sequences: Sequences = DELIVERED
    processed: bool | None = None


MAGIC = {
    (852, "67555008"): Magic(sequences=frozenset({(8,)})),
    (852, "67555009"): Magic(sequences=frozenset({(9,)})),
    (65, "81555060"): Magic(sequences=frozenset({(60,)})),
    (852, "67555103"): Magic(BUSY),
    (852, "67555216"): Magic(ResultCode.INVALID_VERSION),
    (65, "81555301"): Magic(),
    (852, "67555302"): Magic(),
    (852, "67555303"): Magic(sequences=frozenset({(1, 2)})),
    (65, "81555304"): Magic(),
    (852, "67555305"): Magic(sequences=frozenset({(1, 2)})),
    (852, "67555306"): Magic(),
    (852, "67555307"): Magic(sequences=frozenset({(3,)})),
    (852, "67555401"): Magic(processed=False),
    (65, "81555405"): Magic(processed=True),
    (852, "67555408"): Magic(processed=False),
}
ONE = st.one_of(
    st.sampled_from((HONG_KONG, SINGAPORE)),
    st.sampled_from((HONG_KONG_TOO, LANDLINE, BLACKLISTED, NOT_PRICED, TOO_EXPENSIVE, NO_NUMBER)),
    st.sampled_from(tuple(MAGIC)),
)
ANSWERS = ("answers", "answers 500", "answers nonsense", "is down", "hangs")
SOME = st.lists(ONE, min_size=1, max_size=5)


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """A rule book, and what the model knows of it: it has at most one rule and one fault."""

    said: RuleBook
    begins: str | None = None
    """How the numbers begin that its rule is for."""
    replies: tuple[tuple[ResultCode, int | None], ...] = ((OK, None),)
    ruled: Sequences | None = None
    """The states of messages its rule decided on, if not the usual ones."""
    usual: Sequences = DELIVERED
    whole: bool = False
    takes_turns: bool = False
    """The destinations it is for are busy and accepted in turns."""
    struck: str | None = None
    """How the numbers begin of which one is enough for its fault."""
    strikes: int | None = None
    processed: bool = False
    later: "Book | None" = None
    """What holds instead, an hour after it was put to use."""


def to(beginning: str) -> Condition:
    return Condition(to=(f"{beginning}*",))


def replies(*codes: tuple[ResultCode, int | None]) -> tuple[ReplyStep, ...]:
    return tuple(ReplyStep(code, times) for code, times in codes)


def fixed(state: int, after: timedelta, *, final: bool, lost: bool = False, **options: object) -> StepTemplate:
    return StepTemplate(state, Fixed(after), final, lost, ReportOptions(**options) if options else None)


BUSY_TWICE = ((BUSY, 2), (LOST, 1))
IN_STEPS = PlanTemplate(
    (
        fixed(1, SECOND, final=False, held=1.5 * SECOND),
        StepTemplate(9, Listed((2 * SECOND, 3 * SECOND)), False, manner=ReportOptions(copies=2)),
        StepTemplate(5, Uniform(5 * SECOND, 10 * SECOND), True),
    )
)
LATE = PlanTemplate(
    (
        fixed(1, SECOND, final=False, lost=True),
        fixed(9, SECOND, final=False, copies=3, fault=PushFault.RESET, fault_times=2),
        fixed(8, DAY + SECOND, final=True, held=2 * HOUR),
    )
)
DROPPED = PlanTemplate(
    (fixed(99, 2 * SECOND, final=False, uid_case="lower", desc="WHAT"), fixed(2, 26 * HOUR, final=True))
)
BEFORE = Plan(
    (
        Step(1, timedelta(), False, manner=ReportOptions(before_answer=True, serial=7)),
        Step(2, 10 * SECOND, True, manner=ReportOptions(serial=200)),
    )
)
CHANCES = Mix(((2, Decimal(50)), (8, Decimal(30)), (1, Decimal(20))), Uniform(timedelta(), 26 * HOUR))

REFUSING = Book(
    said=RuleBook(name="refusing", rules=(Rule(id="busy", condition=to("852"), replies=replies(*BUSY_TWICE)),)),
    begins="852",
    replies=BUSY_TWICE,
)
SHELF = (
    Book(said=RuleBook(name="none")),
    REFUSING,
    Book(
        said=RuleBook(
            name="in steps",
            rules=(Rule(id="steps", condition=to("852"), outlook=IN_STEPS),),
            outlook=BEFORE,
        ),
        begins="852",
        ruled=frozenset({(1, 9, 5)}),
        usual=frozenset({(1, 2)}),
    ),
    Book(
        said=RuleBook(
            name="whole",
            rules=(Rule(id="all", condition=to("658"), replies=replies((FAILED, None)), scope="packet"),),
            outlook=LATE,
        ),
        begins="658",
        replies=((FAILED, None),),
        usual=frozenset({(1, 9, 8)}),
        whole=True,
    ),
    Book(said=RuleBook(name="mixed", outlook=CHANCES), usual=frozenset({(2,), (8,), (1, 3), (3,)})),
    Book(
        said=RuleBook(
            name="chance",
            rules=(Rule(id="perhaps", condition=Condition(probability=0.5), outlook=plan_of(step(5, SECOND))),),
            magic=False,
        ),
        usual=frozenset({(2,), (5,)}),
    ),
    Book(said=RuleBook(name="dropped", outlook=DROPPED), usual=frozenset({(99, 3)})),
    Book(
        said=RuleBook(
            name="turns",
            rules=(
                Rule(id="a", condition=Condition(state=frozenset({"a"})), replies=replies((BUSY, None)), then="b"),
                Rule(id="b", condition=Condition(state=frozenset({"b"})), then="a"),
            ),
            states=("a", "b"),
        ),
        begins="",
        takes_turns=True,
    ),
    Book(
        said=RuleBook(name="reset", faults=(FaultRule(id="reset", fault=Fault.CONNECTION_RESET_BY_PEER, times=1),)),
        struck="",
        strikes=1,
    ),
    Book(
        said=msgspec.structs.replace(
            REFUSING.said,
            name="unheard",
            faults=(FaultRule(id="unheard", condition=to("65"), fault=Fault.PROCESSED_NO_ANSWER),),
        ),
        begins="852",
        replies=BUSY_TWICE,
        struck="65",
        processed=True,
    ),
    Book(
        said=RuleBook(
            name="page",
            rules=(Rule(id="plain", condition=to("852"), outlook=plan_of(step(2, SECOND))),),
            faults=(FaultRule(id="page", fault=Fault.HTML_PAGE, processed=True),),
            outlook=BEFORE,
        ),
        begins="852",
        ruled=DELIVERED,
        struck="",
        processed=True,
        usual=frozenset({(1, 2)}),
    ),
    Book(said=RuleBook(name="timeline", timeline=(RuleBookChange(book=REFUSING.said, at=HOUR),)), later=REFUSING),
)
BOOKS = {book.said.name: book for book in SHELF}


class Pushing(msgspec.Struct):
    """What the model knows of the pushes of one report."""

    pushed: int = 0
    copies: int = 0
    """How many are done."""
    made: int = 0
    """How many attempts at the present copy came to nothing."""
    heard: bool = False
    again: datetime | None = None
    """It is not tried again before then."""
    push: Push | None = None
    """The one that is under way."""
    asked: bool = False
    """One more was asked for when it was done, and did not end yet."""
    resent: bool = False
    """One that was asked for has ended."""
    hurried: bool = False
    """Its time was not waited for."""


class Fate(msgspec.Struct):
    """What the model knows of one message."""

    at: datetime
    cost: Decimal
    paid: bool
    plan: Plan
    answered: bool = False
    pushings: dict[int, Pushing] = {}
    further: tuple[tuple[int, datetime], ...] = ()
    """The states of reports that were asked for beyond those of the plan, and when they are due."""

    def pushing(self, number: int) -> Pushing:
        return self.pushings.setdefault(number, Pushing())

    @property
    def early(self) -> int:
        """How many of its reports do not wait for the answer."""
        early = [nth for nth, each in enumerate(self.plan.steps, 1) if each.manner and each.manner.before_answer]
        return max(early, default=0)

    @property
    def is_free(self) -> bool:
        """Whether nothing of it waits for the answer."""
        return self.answered or self.early == len(self.plan.steps)

    @property
    def states(self) -> list[int]:
        """Of every report there will be."""
        return [*(each.state for each in self.plan.steps), *(state for state, _ in self.further)]

    def options(self, number: int) -> ReportOptions:
        steps = self.plan.steps
        return (steps[number - 1].manner if number <= len(steps) else None) or ReportOptions()

    def is_lost(self, number: int) -> bool:
        return number <= len(self.plan.steps) and self.plan.steps[number - 1].lost

    def due(self, number: int) -> datetime:
        steps = self.plan.steps
        return self.at + steps[number - 1].after if number <= len(steps) else self.further[number - len(steps) - 1][1]

    def waits_until(self, number: int) -> datetime:
        return self.pushing(number).again or self.due(number) + self.options(number).held

    def with_forced(self, done: int, forced: Step) -> tuple[Step, ...] | None:
        """The steps with one more, of which so many are done; None when it would come after the final one."""
        steps = self.plan.steps
        if forced.final:
            return (*steps[:done], forced if forced.after <= 25 * HOUR else EXPIRED)
        if forced.after > 25 * HOUR:
            return steps if steps[-1] == EXPIRED else None
        place = next((nth for nth in range(done, len(steps)) if steps[nth].after >= forced.after), None)
        return None if place is None else (*steps[:place], forced, *steps[place:])

    def reached(self, now: datetime) -> int:
        steps = self.plan.steps if self.answered else self.plan.steps[: self.early]
        return sum(self.at + each.after <= now for each in steps)

    def is_reported(self, number: int) -> bool:
        """Whether a report is done or lost."""
        pushing = self.pushing(number)
        done = self.is_lost(number) or pushing.resent or pushing.copies == self.options(number).copies
        return done and not pushing.asked


class Life(RuleBasedStateMachine):
    """One account, its customer, a small journal, and strangers who have no account."""

    world: type

    @initialize(
        balance=st.sampled_from(["unlimited", Decimal("0.33"), Decimal(20)]),
        credit=st.sampled_from([Decimal(0), Decimal("0.10")]),
        retries=st.sampled_from([(), (SECOND,), (SECOND, HOUR)]),
        most_messages=st.integers(1, 12),
        window=st.sampled_from([1, 3, 1000]),
        pending_limit=st.sampled_from([None, None, 9]),
        mixed_batch=st.sampled_from(["any_ok", "first_error", "all_or_nothing"]),
        charged=st.sampled_from([SPEC.charged_states, StateSet(frozenset({2}))]),
        serial=st.sampled_from([0, 120]),
        book=st.sampled_from([*BOOKS]),
        customer_does=st.sampled_from(ANSWERS),
    )
    def begin(
        self,
        balance: object,
        credit: Decimal,
        retries: tuple[timedelta, ...],
        most_messages: int,
        window: int,
        pending_limit: int | None,
        mixed_batch: str,
        charged: StateSet,
        serial: int,
        book: str,
        customer_does: str,
    ) -> None:
        self.book = BOOKS[book]
        self.account = Account(
            prices=PRICES,
            balance=balance,
            credit_limit=credit,
            blacklist=Blacklist(numbers=("85266*",)),
            callback=Callback(url=URL, retries=retries),
            pending_limit=pending_limit,
            rules=CompiledRules(self.book.said),
            profile=msgspec.structs.replace(SPEC, mixed_batch=mixed_batch, charged_states=charged),
        )
        self.here = self.world(self.account, clock=Clock.frozen, most_messages=most_messages)
        self.most_messages = most_messages
        self.window = window
        self.customer_does = customer_does
        self.strangers = 0
        self.forget()
        self.stand(dr_serial=serial)
        self.serial = serial

    def forget(self) -> None:
        """What the model knows of an account that nothing happened to."""
        self.fates: dict[str, Fate] = {}
        self.withheld: list[tuple[object, list[str]]] = []
        self.under_way: list[Push] = []
        self.requests = 0
        self.serial = 0
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.since = self.here.now
        self.unplugged = self.account.callback.url is None
        """Whether there was ever no URL to push to."""
        balance = self.account.balance
        self.is_limited = balance != "unlimited"
        self.brought = Decimal(0) if balance == "unlimited" else balance
        """What the account would have had it never paid for anything."""
        self.movements: list[LedgerEntry] = []
        """What it was brought to since."""
        self.rooms: dict[int, int] = {}
        """The room of the exchanges kept when last looked."""

    # What happens

    @rule(
        destinations=SOME,
        text=st.sampled_from([SHORT, SHORT, LONG]),
        route=st.sampled_from([KNOWN, KNOWN, KNOWN, "Unknown_516"]),
        answered=st.booleans(),
    )
    def send(self, destinations: list[Destination], text: str, route: str, answered: bool) -> None:
        expected, self.counts = self.verdicts(destinations)
        reply = self.here.receive(self.packet(destinations, text, route), answered=False)
        self.requests += 1
        if expected is None:
            assert (reply.body, reply.first_due) == (None, None)
            return
        items = self.items(reply, destinations, expected)
        segments = 2 if text == LONG else 1
        accepted = [
            self.accept(uid, destination, segments, route)
            for uid, destination, code in zip(items, destinations, expected, strict=True)
            if code is OK
        ]
        assert reply.before == tuple(uid for uid in accepted if self.fates[uid].early)
        if reply.before:
            self.here.release(reply, self.account, reply.before)
            self.work()
        self.withheld.append((reply, accepted))
        if answered:
            self.answer(-1)

    @rule(destination=ONE, count=st.integers(6, 12))
    def send_many(self, destination: Destination, count: int) -> None:
        self.send([destination] * count, SHORT, KNOWN, True)

    @rule(destinations=SOME)
    def lose(self, destinations: list[Destination]) -> None:
        """The store fails: what was decided is not kept, and nothing is counted."""
        expected, _ = self.verdicts(destinations)
        before = self.kept()
        packet = self.packet(destinations, SHORT, KNOWN)
        _, decide = self.here.deciding(packet)

        def fail(transaction: Transaction) -> None:
            decide(transaction)
            raise StoreError("the disk is full")

        with pytest.raises(StoreError):
            self.here.step(fail)
        assert self.kept() == before
        _, reply = self.here.decide(packet)
        assert self.kept() == before
        if expected is not None:
            self.items(reply, destinations, expected)

    @rule()
    def a_stranger_sends(self) -> None:
        self.here.send(AUTH_KEY="nobody's")
        self.strangers += 1

    @precondition(lambda self: self.withheld)
    @rule(which=st.integers(0, 100))
    def answer(self, which: int) -> None:
        reply, uids = self.withheld.pop(which % len(self.withheld) if which >= 0 else which)
        for uid in uids:
            self.fates[uid].answered = True
        self.here.release(reply, self.account)
        self.work()

    @rule(by=st.sampled_from([SECOND, 9 * SECOND, HOUR, HOUR, DAY]))
    def advance(self, by: timedelta) -> None:
        until = self.here.now + by
        while self.room and (due := self.here.store.next_wake(self.account)) is not None and due <= until:
            self.here.stand_at(max(self.here.now, due))
            self.work()
        self.here.stand_at(until)

    @rule()
    def run_until_idle(self) -> None:
        """Every push comes to an end, and every message that was answered."""
        while True:
            self.work([(push, NOT_REACHED) for push in self.under_way])
            if self.under_way:
                continue
            due = self.here.store.next_wake(self.account)
            if due is None:
                break
            self.here.stand_at(max(self.here.now, due))
        for uid, fate in self.fates.items():
            message = self.here.store.message(self.account, uid)
            assert message is None or message.settled == fate.is_free

    @precondition(lambda self: self.fates)
    @rule(
        which=st.integers(0, 1000),
        state=st.sampled_from([1, 2, 5, 8, 9, 60, 99]),
        after=st.sampled_from([timedelta(), timedelta(), SECOND, HOUR, DAY, 26 * HOUR]),
        final=st.booleans(),
        again=st.booleans(),
    )
    def force(self, which: int, state: int, after: timedelta, final: bool, again: bool) -> None:
        """A state is forced on a message; on one that has its final state, only one more report."""
        uid = [*self.fates][which % len(self.fates)]
        fate, message = self.fates[uid], self.here.store.message(self.account, uid)
        if message is None:
            assert self.here.transaction(self.account, uid).messages == {}
            return
        done, now, before = len(message.passages), self.here.now, self.kept()
        wish = ForceRequest(state, after, final, again)
        outcome = self.here.step(lambda transaction: self.here.platform.force(transaction, uid, wish, now), uid)
        if done == len(fate.plan.steps):
            assert isinstance(outcome, Conflict) == (not again)
            fate.further += ((state, now + after),) if again else ()
        else:
            forced = Step(state, now + after - fate.at, final, forced_at=now)
            steps = fate.with_forced(done, forced)
            assert isinstance(outcome, Conflict) == (steps is None)
            fate.plan = Plan(steps or fate.plan.steps)
        if isinstance(outcome, Conflict):
            assert self.kept() == before
        else:
            self.work()

    @precondition(lambda self: self.fates)
    @rule(which=st.integers(0, 1000), number=st.integers(1, 3))
    def resend(self, which: int, number: int) -> None:
        """A report is pushed once more, or before its time."""
        uid = [*self.fates][which % len(self.fates)]
        fate, reports = self.fates[uid], self.here.store.reports_of(self.account, uid)
        if number > len(reports):
            return
        self.note_what_went_nowhere(fate, reports)
        pushing, is_pending = fate.pushing(number), reports[number - 1].outcome == "pending"
        now, before = self.here.now, self.kept()
        outcome = self.here.step(lambda transaction: self.here.platform.resend(transaction, uid, number, now), uid)
        is_busy = pushing.push is not None or (is_pending and fate.waits_until(number) <= now)
        conflict = self.account.callback.url is None or is_busy or fate.due(number) > now
        assert isinstance(outcome, Conflict) == conflict
        if conflict:
            assert self.kept() == before
        else:
            pushing.asked, pushing.hurried, pushing.again = not is_pending, True, now
            self.work()

    @rule(does=st.sampled_from(ANSWERS))
    def the_customer(self, does: str) -> None:
        self.customer_does = does

    @precondition(lambda self: self.under_way)
    @rule(
        which=st.integers(0, 1000),
        result=st.sampled_from([PushResult(200), PushResult(500), PushResult(failure="push-timeout", error="5 s")]),
    )
    def a_push_ends(self, which: int, result: PushResult) -> None:
        self.work([(self.under_way[which % len(self.under_way)], result)])

    @rule(book=st.none() | st.sampled_from([*BOOKS]), url=st.sampled_from([URL, URL, URL, None]), anew=st.booleans())
    def play(self, book: str | None, url: str | None, anew: bool) -> None:
        """Other rules, or the same: laid down, or with all counts and timelines begun anew."""
        self.book = self.book if book is None else BOOKS[book]
        callback = msgspec.structs.replace(self.account.callback, url=url)
        self.account = msgspec.structs.replace(self.account, rules=CompiledRules(self.book.said), callback=callback)
        self.here.replace(self.account)
        self.unplugged = self.unplugged or url is None
        if anew:

            def begin(transaction: Transaction) -> None:
                transaction.counts_anew = True
                transaction.standing = msgspec.structs.replace(transaction.standing, rules_since=self.here.now)

            self.here.step(begin)
            self.counts.clear()
            self.since = self.here.now

    @rule(balance=st.sampled_from([None, Decimal(0), Decimal("0.20"), Decimal(5)]))
    def bring_the_balance_to(self, balance: Decimal | None) -> None:
        """As a scenario does that says what the balance is."""
        before = sum((entry.amount for entry in self.here.ledger()), Decimal(0))
        if balance is not None:
            self.brought += balance - self.left
        moved = []
        if balance not in {None, before}:
            moved = [LedgerEntry(self.account.name, None, "scenario", balance - before, balance, self.here.now)]
            self.movements += moved

        def bring(transaction: Transaction) -> None:
            assert transaction.booked() == before
            transaction.entries += moved
            transaction.standing = msgspec.structs.replace(transaction.standing, balance=balance)

        self.here.step(bring)
        self.is_limited = balance is not None

    @precondition(lambda self: self.fates)
    @rule()
    def reset(self) -> None:
        stale, uids, withheld = self.under_way, list(self.fates), self.withheld
        self.here.reset()
        self.forget()
        before = self.kept()
        assert self.here.look(uids, [(push, PushResult(200)) for push in stale]) == []
        for reply, _ in withheld:
            self.here.release(reply, self.account)
        assert self.kept() == before
        assert self.here.store.next_wake(self.account) is None

    # What must hold

    @invariant()
    def money_is_conserved(self) -> None:
        standing = self.here.store.standing(self.account)
        assert standing.balance == (self.left if self.is_limited else None)
        ledger = self.here.ledger()
        if self.is_limited:
            assert sum(entry.amount for entry in ledger) == standing.balance
        assert [entry for entry in ledger if entry.reason == "scenario"] == self.movements
        debits = {(entry.uid, -entry.amount) for entry in ledger if entry.reason == "debit"}
        kept = {message.uid for message in self.here.store.messages(self.account)}
        assert debits == {(uid, fate.cost) for uid, fate in self.fates.items() if fate.paid and uid in kept}

    @invariant()
    def every_message_is_where_its_time_has_it(self) -> None:
        due = self.here.store.next_wake(self.account)
        nothing_is_late = due is None or due > self.here.now
        unsettled = 0
        for uid, fate in self.fates.items():
            message = self.here.store.message(self.account, uid)
            if message is None:
                assert fate.reached(self.here.now) == len(fate.plan.steps), "only what is settled is evicted"
                assert self.unplugged or all(map(fate.is_reported, range(1, len(fate.states) + 1)))
                continue
            assert message.plan.steps == fate.plan.steps
            passed = [(passage.state, passage.at) for passage in message.passages]
            assert passed == [(each.state, fate.at + each.after) for each in fate.plan.steps[: len(passed)]]
            assert [each.final for each in fate.plan.steps] == [False] * (len(fate.plan.steps) - 1) + [True]
            if not (fate.answered or fate.early):
                assert passed == []
            elif nothing_is_late:
                assert len(passed) == fate.reached(self.here.now)
            ended = len(passed) == len(fate.plan.steps)
            assert message.refunded == (ended and self.is_refunded(fate))
            pending = self.check_reports(uid, fate)
            if nothing_is_late and (fate.answered or fate.early):
                self.check_none_is_late(fate, pending)
            assert message.settled == (ended and not pending)
            unsettled += not message.settled
        assert self.here.store.standing(self.account).outstanding == unsettled

    @invariant()
    def the_journal_counts_right_and_keeps_within_its_bounds(self) -> None:
        store = self.here.store
        messages, exchanges, others = store.messages(self.account), store.exchanges(self.account), store.exchanges(None)
        assert messages.total + messages.evicted == len(self.fates)
        assert exchanges.total + exchanges.evicted == self.requests
        assert others.total + others.evicted == self.strangers
        kept = sorted((*exchanges, *others), key=lambda exchange: exchange.id)
        assert {uid for exchange in kept for uid in exchange.uids} == {message.uid for message in messages}
        rooms = {exchange.id: max(1, len(exchange.uids)) for exchange in kept}
        gone = [self.rooms[number] for number in self.rooms if number not in rooms]
        assert not gone or sum(rooms.values()) + max(gone) > self.most_messages, "nothing goes before it must"
        self.rooms = rooms
        if sum(rooms.values()) > self.most_messages:
            for exchange in kept[:-1]:
                of_it = [store.message(self.account, uid) for uid in exchange.uids]
                assert not all(message.settled for message in of_it)

    @invariant()
    def the_clock_stands_where_it_was_put(self) -> None:
        assert self.here.store.standing(self.account).clock.virtual == self.here.now
        assert self.here.store.standing(self.account).dr_serial == self.serial

    def teardown(self) -> None:
        if not hasattr(self, "here"):
            return
        while self.withheld:
            self.answer(0)
        self.run_until_idle()
        self.money_is_conserved()
        self.every_message_is_where_its_time_has_it()
        self.the_journal_counts_right_and_keeps_within_its_bounds()
        assert self.here.store.standing(self.account).outstanding == 0

    # The model

    def verdicts(self, destinations: list[Destination]) -> tuple[list[ResultCode] | None, Counter[tuple[str, ...]]]:
        """The code of each destination, None when nothing is processed; and what is counted then."""
        counts, book = self.counts.copy(), self.book
        if book.later is not None and self.here.now - self.since >= HOUR:
            book = book.later
        numbers = [f"{country}{msisdn}" for country, msisdn in destinations]
        if not self.is_processed(destinations, numbers, book, counts):
            return None, counts
        refused: dict[int, ResultCode] = {}
        room = len(destinations)
        if self.account.pending_limit is not None:
            room = self.account.pending_limit - self.here.store.standing(self.account).outstanding
        for place, destination in enumerate(destinations):
            if destination == NO_NUMBER:
                refused[place] = ResultCode.INVALID_PARAMETER
                room += 1
            elif place >= room:
                refused[place] = FULL
            elif destination == BLACKLISTED:
                refused[place] = INTERCEPT
            elif destination == NOT_PRICED:
                refused[place] = UNPRICED
        self.sequences_to_come = {}
        whole = None
        for place, (destination, number) in enumerate(zip(destinations, numbers, strict=True)):
            if place in refused:
                continue
            code, sequences = self.decision(destination, number, book, counts)
            self.sequences_to_come[place] = sequences
            if code is not OK:
                refused[place] = code
                if book.whole and number.startswith(book.begins or ""):
                    whole = whole or code
        if refused and self.account.profile.mixed_batch == "all_or_nothing":
            whole = whole or refused[min(refused)]
        return [refused.get(place, whole or OK) for place in range(len(destinations))], counts

    def is_processed(
        self, destinations: list[Destination], numbers: list[str], book: Book, counts: Counter[tuple[str, ...]]
    ) -> bool:
        struck = ("strikes", book.said.name, numbers[0])
        fits = book.struck is not None and any(number.startswith(book.struck) for number in numbers)
        if fits and (book.strikes is None or counts[struck] < book.strikes):
            counts[struck] += 1
            return book.processed
        for destination, number in zip(destinations, numbers, strict=True):
            magic = MAGIC.get(destination) if book.said.magic else None
            if magic is not None and magic.processed is not None and self.reply(number, book, counts.copy()) is None:
                return magic.processed
        return True

    def decision(
        self, destination: Destination, number: str, book: Book, counts: Counter[tuple[str, ...]]
    ) -> tuple[ResultCode, Sequences]:
        """The code of a destination that was not refused before, and the states its message may go through."""
        code = self.reply(number, book, counts)
        if code is not None:
            return code, book.usual if book.ruled is None else book.ruled
        magic = MAGIC.get(destination) if book.said.magic else None
        if magic is None or magic.processed is not None:
            return OK, book.usual
        return magic.code, magic.sequences

    def reply(self, number: str, book: Book, counts: Counter[tuple[str, ...]]) -> ResultCode | None:
        """What the rule of a book replies to a destination, None when it has nothing to say."""
        if book.begins is None or not number.startswith(book.begins):
            return None
        name = book.said.name
        if book.takes_turns:
            counts["turns", name, ""] += 1
            return BUSY if counts["turns", name, ""] % 2 else OK
        counts["replies", name, number] += 1
        turn = counts["replies", name, number]
        for code, times in book.replies:
            if times is None or turn <= times:
                return code
            turn -= times
        return None

    def items(self, reply: object, destinations: list[Destination], expected: list[ResultCode]) -> list[str]:
        """The SMS_UIDs of an answer that says what is expected."""
        answer = json.loads(reply.body)
        items = answer["DETAIL_LIST"]
        assert [(item["COUNTRY_CODE"], item["DEST_MSISDN"]) for item in items] == destinations
        assert [item["RESULT_CODE"] for item in items] == expected
        refused = [code for code in expected if code is not OK]
        any_ok = self.account.profile.mixed_batch == "any_ok" and len(refused) < len(expected)
        assert answer["RESULT_CODE"] == reply.code == (OK if any_ok or not refused else refused[0])
        uids = [item["SMS_UID"] for item in items]
        assert len({*uids, *self.fates}) == len(uids) + len(self.fates)
        return uids

    def accept(self, uid: str, destination: Destination, segments: int, route: str) -> str:
        """Takes note of a message that was accepted just now, and sees that it is as it should be."""
        message = self.here.store.message(self.account, uid)
        cost = PRICES[destination[0]] * segments
        too_expensive = self.is_limited and cost > self.left + self.account.credit_limit
        rejected = destination == LANDLINE or route != KNOWN or too_expensive
        assert (message.country_code, message.msisdn) == destination
        assert (message.reason is not None, message.cost) == (rejected, Decimal(0) if rejected else cost)
        sequences = REJECTED if rejected else self.sequences_to_come[message.index]
        assert tuple(each.state for each in message.plan.steps) in sequences
        assert message.plan.steps[-1].after <= 25 * HOUR
        self.fates[uid] = Fate(
            self.here.now,
            message.cost,
            self.is_limited and not rejected,
            message.plan,
        )
        return uid

    @property
    def left(self) -> Decimal:
        """What is left of what the balance was brought to."""
        left = self.brought
        for uid, fate in self.fates.items():
            if fate.paid:
                message = self.here.store.message(self.account, uid)
                gone = self.is_refunded(fate) if message is None else message.refunded
                left -= 0 if gone else fate.cost
        return left

    def is_refunded(self, fate: Fate) -> bool:
        """Whether a message is refunded in the end."""
        return fate.cost != 0 and fate.plan.steps[-1].state not in self.account.profile.charged_states

    def check_reports(self, uid: str, fate: Fate) -> list[int]:
        """Sees that the reports of a message say what the model knows; the numbers of those still to be pushed."""
        pending = []
        reports = self.here.store.reports_of(self.account, uid)
        self.note_what_went_nowhere(fate, reports)
        assert [report.state for report in reports] == fate.states[: len(reports)]
        assert not fate.further or len(reports) == len(fate.states)
        for number, report in enumerate(reports, 1):
            pushing = fate.pushing(number)
            assert (report.number, report.reached_at) == (number, fate.due(number))
            assert len(report.attempts) == pushing.pushed - (pushing.push is not None)
            if fate.is_lost(number) and not pushing.resent and report.outcome == "lost":
                assert report.attempts == ()
            elif fate.is_reported(number) and (pushing.resent or not fate.is_lost(number)):
                tried_again = self.account.callback.retries and (pushing.pushed > 1 or not pushing.resent)
                failed = "abandoned" if tried_again else "failed"
                assert report.outcome == ("answered" if pushing.heard else failed)
            elif report.outcome == "pending":
                pending.append(number)
            else:
                assert (report.outcome, self.unplugged) == ("no_callback", True)
        return pending

    def note_what_went_nowhere(self, fate: Fate, reports: tuple[Report, ...]) -> None:
        """What was asked for is over when the callback was gone by then. A report that was ever answered stays so."""
        for number, report in enumerate(reports, 1):
            pushing = fate.pushing(number)
            if pushing.asked and report.outcome != "pending":
                assert self.unplugged
                assert report.outcome == ("answered" if pushing.heard else "no_callback")
                pushing.asked = False

    def check_none_is_late(self, fate: Fate, pending: list[int]) -> None:
        """Sees that nothing waits to be pushed but what waits for its time, and what is behind that."""
        if any(each.push is not None for each in fate.pushings.values()):
            return
        for number in pending:
            pushing, held = fate.pushing(number), fate.options(number).held
            assert fate.waits_until(number) > self.here.now
            if not held or pushing.pushed:
                return

    # The work

    @property
    def room(self) -> int:
        return self.window - len(self.under_way)

    def work(self, ended: list[tuple[Push, PushResult]] | None = None) -> None:
        """Does what is due at this moment, as far as there is room, in passes like those of the pusher."""
        ended = ended or []
        while True:
            for push, result in ended:
                self.under_way.remove(push)
                self.ends(push, result)
            uids = self.here.take(self.room) if self.room > 0 else []
            if not ended and not uids:
                return
            pushes = self.here.look(uids, ended)
            ended = []
            for push in pushes:
                self.begins(push)
                self.under_way.append(push)
                result = self.result(push)
                if result is not None:
                    ended.append((push, result))

    def result(self, push: Push) -> PushResult | None:
        """What the customer makes of a push; None while it hangs."""
        if push.fault in {PushFault.CUT, PushFault.RESET}:
            return NOT_REACHED
        match self.customer_does:
            case "answers":
                return self.here.answers_well(push)
            case "answers 500":
                return PushResult(500, b"oops")
            case "answers nonsense":
                return PushResult(204, b"\xff{")
            case "is down":
                return NOT_REACHED
        return None

    def begins(self, push: Push) -> None:
        """Sees that a push is one that may be made now."""
        now, fate = self.here.now, self.fates[push.uid]
        options, pushing = fate.options(push.number), fate.pushing(push.number)
        assert fate.is_free or push.number <= fate.early
        assert pushing.asked or not fate.is_reported(push.number)
        assert all(each.push is None for each in fate.pushings.values()), "pushes of one message never overlap"
        held = timedelta() if pushing.hurried else options.held
        assert push.at == now >= max(fate.due(push.number) + held, pushing.again or now)
        reports = self.here.store.reports_of(self.account, push.uid)
        self.note_what_went_nowhere(fate, reports)
        for number in range(1, push.number):
            held_back = fate.options(number).held and not fate.pushing(number).pushed
            shown = reports[number - 1].outcome == "no_callback"
            assert held_back or shown or fate.is_reported(number), "nor do they overtake"
        if options.serial is None:
            self.serial = self.serial % SERIALS + 1
        assert push.serial == (self.serial if options.serial is None else options.serial)
        packet = json.loads(push.body)
        assert (packet["SERIAL"], packet["SMS_UID"].upper()) == (push.serial, push.uid)
        assert [item["SMS_STATE"] for item in packet["SMS_RESULT_LIST"]] == [fate.states[push.number - 1]]
        assert push.fault == (options.fault if pushing.pushed < options.fault_times else None)
        pushing.pushed += 1
        pushing.push = push

    def ends(self, push: Push, result: PushResult) -> None:
        """Takes note of what came of a push."""
        pushing = self.fates[push.uid].pushing(push.number)
        assert pushing.push == push
        retries = self.account.callback.retries
        well = result.status is not None and 200 <= result.status < 300
        pushing.push, pushing.again = None, None
        pushing.heard = pushing.heard or well
        if pushing.asked:
            pushing.asked, pushing.resent = False, True
            return
        pushing.made += 1
        if well or pushing.made > len(retries):
            pushing.copies, pushing.made = pushing.copies + 1, 0
        else:
            pushing.again = self.here.now + retries[pushing.made - 1]

    def stand(self, **changes: object) -> None:
        """A step that changes the account's state."""

        def change(transaction: Transaction) -> None:
            transaction.standing = msgspec.structs.replace(transaction.standing, **changes)

        self.here.step(change)

    def packet(self, destinations: list[Destination], text: str, route: str) -> bytes:
        return self.here.packet(*destinations, SMS_CONTENT=text, ROUTE_ID=route)

    def kept(self) -> tuple[object, ...]:
        """All that is kept of the account."""
        store = self.here.store
        listings = store.exchanges(self.account), store.messages(self.account), store.reports(self.account)
        return (
            store.standing(self.account),
            dict(store.tallies(self.account)),
            self.here.ledger(),
            *((listing.total, listing.evicted, list(listing)) for listing in listings),
            store.next_wake(self.account),
        )


@pytest.mark.fuzz
@pytest.mark.timeout(600)  # what goes wrong is made as short as it can be, which takes a while
def test_whatever_happens_messages_end_once_money_is_conserved_and_no_report_comes_too_early(world) -> None:
    class OurLife(Life):
        pass

    OurLife.world = world
    case = OurLife.TestCase
    profile = settings.get_profile(settings.get_current_profile_name())
    case.settings = settings(profile, max_examples=profile.max_examples * 3 // 2, stateful_step_count=40)
    case().runTest()


# What was wrong once


def bring_the_balance_to(here, amount: Decimal) -> None:
    """As a scenario does that says what the balance is, on an account whose balance is unlimited."""

    def bring(transaction: Transaction) -> None:
        transaction.entries.append(LedgerEntry("default", None, "scenario", amount, amount, here.now))
        transaction.standing = msgspec.structs.replace(transaction.standing, balance=amount)

    here.step(bring)


def test_a_message_that_was_never_debited_is_not_refunded_though_the_balance_is_limited_by_then(world) -> None:
    here = world(Account(balance="unlimited", plan=plan_of(step(8, SECOND))))
    sent = here.send()
    bring_the_balance_to(here, Decimal(5))
    here.advance(SECOND)
    assert (sent.states, here.balance()) == ([8], Decimal(5))
    assert [entry.reason for entry in here.ledger()] == ["scenario"]


def test_folding_leaves_alone_what_a_scenario_brought_the_balance_to(world) -> None:
    here = world(Account(balance="unlimited"), most_messages=1)
    bring_the_balance_to(here, Decimal(5))
    for _ in range(2):
        here.send()
        here.advance(SECOND)
    told = [(entry.reason, entry.amount) for entry in here.ledger()]
    assert told == [("opening", Decimal("-0.05")), ("scenario", Decimal(5)), ("debit", Decimal("-0.05"))]
