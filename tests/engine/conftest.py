"""A platform with its accounts and a store in memory, on a wall clock that stands until the test moves it."""

import itertools
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import msgspec
import pytest

from cloudsms_simulator.engine.account import Account, AccountDirectory, AccountState
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.evaluation import Decision, Evaluation, evaluate, needs_evaluation
from cloudsms_simulator.engine.faults import AnswerFault
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.records import ConnectionFacts, Message, Push, PushResult, Report
from cloudsms_simulator.engine.rules import CompiledRules, FaultRule, Rule, RuleBook
from cloudsms_simulator.engine.transaction import Arrival, Reply, RuleCounter, Transaction
from cloudsms_simulator.protocol.answer import UidSequence
from cloudsms_simulator.protocol.candidate import Candidate, candidate_of
from cloudsms_simulator.protocol.checks import list_is_an_array
from cloudsms_simulator.protocol.packet import decode
from cloudsms_simulator.protocol.profile import SPEC, Profile
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.stores.memory import MemoryStore

T = TypeVar("T")
Json = dict[str, object]

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)
ROUTE = "VerifyCode_516"


def done(awaitable: Awaitable[T]) -> T:
    """What comes of awaiting what never waits."""
    try:
        next(awaitable.__await__())
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waits")


class Sent:
    """A submission, its answer, and what became of its messages so far."""

    def __init__(self, world: "World", account: Account, reply: Reply) -> None:
        assert reply.body is not None
        self.reply = reply
        self.answer: Json = json.loads(reply.body)
        self._world = world
        self._account = account

    @property
    def items(self) -> list[Json]:
        items = self.answer["DETAIL_LIST"]
        assert isinstance(items, list)
        return items

    @property
    def codes(self) -> list[object]:
        """The top-level code, then each destination's."""
        return [self.answer["RESULT_CODE"], *(item["RESULT_CODE"] for item in self.items)]

    @property
    def uid(self) -> str:
        """Of the first destination."""
        return str(self.items[0]["SMS_UID"])

    @property
    def messages(self) -> list[Message | None]:
        """One for each destination, None for those that were refused."""
        store = self._world.store
        return [store.message(self._account, str(item["SMS_UID"])) for item in self.items]

    @property
    def message(self) -> Message:
        message = self.messages[0]
        assert message is not None
        return message

    @property
    def reports(self) -> tuple[Report, ...]:
        """Of the first destination."""
        return self._world.store.reports_of(self._account, self.uid)

    @property
    def states(self) -> list[int]:
        return [passage.state for passage in self.message.passages]


class World:
    """Everything between the sockets. Time passes when told to; the customer answers as told to."""

    def __init__(
        self,
        *accounts: Account,
        profile: Profile = SPEC,
        clock: Callable[[datetime], Clock] = Clock.real,
        **bounds: int,
    ) -> None:
        self.now = NOON
        self.accounts = accounts or (Account(),)
        self.platform = Platform(AccountDirectory(self.accounts), profile)
        nodes = itertools.count(1)
        self.store = MemoryStore(lambda _account: clock(self.now), lambda: next(nodes), **bounds)
        self.customer: Callable[[Push], PushResult] = self.answers_well

    def receive(self, body: bytes, peer: str = "127.0.0.1", *, surplus: bool = False, answered: bool = True) -> Reply:
        """A body from the first byte to the last of its answer, and its reports released if it is `answered`."""
        account, decide = self.deciding(body, peer, surplus=surplus)
        _, reply = done(self.store.step(account, decide))
        if answered:
            self.release(reply, account)
        return reply

    def decide(self, body: bytes) -> tuple[Transaction, Reply]:
        """What the platform would make of a body: nothing of it is kept."""
        return done(self.store.look(*self.deciding(body)))

    def deciding(
        self, body: bytes, peer: str = "127.0.0.1", *, surplus: bool = False
    ) -> tuple[Account | None, Callable[[Transaction], tuple[Transaction, Reply]]]:
        """Whose a body is, and the decision on it: what it wrote, and what goes back."""
        identified = self.platform.identify(body)
        checked = self.platform.check(identified, body)
        arrival = Arrival(body, ConnectionFacts(1, peer, 50_000), (), surplus)

        def decide(transaction: Transaction) -> tuple[Transaction, Reply]:
            now = transaction.standing.clock.now(self.now)
            return transaction, self.platform.receive(transaction, checked, arrival, now)

        return identified.account, decide

    def release(self, reply: Reply, account: Account | None, uids: tuple[str, ...] | None = None) -> None:
        """The answer is out; with `uids`, only the reports of these messages may be pushed."""
        if reply.first_due is not None:
            done(self.store.release(account, reply.request_id, uids))

    def transaction(self, account: Account | None, *uids: str) -> Transaction:
        """What a step would have to decide on; what is written into it is not kept."""
        return done(self.store.look(account, lambda transaction: transaction, uids))

    def step(self, decide: Callable[[Transaction], T], *uids: str, account: Account | None = None) -> T:
        """What a step returns, of which all is kept."""
        return done(self.store.step(account or self.accounts[0], decide, uids))

    def send(self, *destinations: tuple[object, object], account: Account | None = None, **fields: object) -> Sent:
        """Sends a packet in order, but for what is said."""
        account = account or self.accounts[0]
        return Sent(self, account, self.receive(self.packet(*destinations, account=account, **fields)))

    def packet(self, *destinations: tuple[object, object], account: Account | None = None, **fields: object) -> bytes:
        """The bytes of a packet; a field that is said to be `...` is left out."""
        packet = {
            "METHOD": "SMS_SEND_REQUEST",
            "TYPE": "REQUEST",
            "SERIAL": 7,
            "TIME": "2026-11-22 12:00:00",
            "AUTH_KEY": (account or self.accounts[0]).auth_key,
            "ROUTE_ID": ROUTE,
            "MULTI_MSISDN_LIST": [
                {"COUNTRY_CODE": country, "DEST_MSISDN": msisdn}
                for country, msisdn in destinations or ((852, "67000011"),)
            ],
            "SMS_CONTENT": "Your code is 123345",
            "VERSION": "2021-01-01",
        } | fields
        return json.dumps({name: value for name, value in packet.items() if value is not ...}).encode()

    def due(self, account: Account | None = None) -> list[Push]:
        """The pushes to make now."""
        account = account or self.accounts[0]
        pushes: list[Push] = []
        while uids := done(self.store.take_wakes(account, self.now, 1000)):
            take = partial(self.platform.take_due, uids=uids, now=self.now)
            pushes += self.step(take, *uids, account=account)
        return pushes

    def look(self, uids: Sequence[str], ended: Sequence[tuple[Push, PushResult]] = ()) -> list[Push]:
        """One pass of the first account: keeps what came of pushes, then looks at messages; the pushes to make."""

        def decide(transaction: Transaction) -> list[Push]:
            for push, result in ended:
                self.platform.record_push(transaction, push, result, self.now)
            return self.platform.take_due(transaction, list(uids), self.now)

        return self.step(decide, *(push.uid for push, _ in ended), *uids)

    def take(self, limit: int) -> list[str]:
        """The messages of the first account to look at now, at most so many."""
        return done(self.store.take_wakes(self.accounts[0], self.now, limit))

    def stand_at(self, moment: datetime) -> None:
        """Moves the clock of the first account ahead, a frozen one too."""
        self.now = moment

        def advance(transaction: Transaction) -> None:
            standing = transaction.standing
            if standing.clock.rate == 0:
                clock = standing.clock.advanced_to(moment, moment)
                transaction.standing = msgspec.structs.replace(standing, clock=clock)

        self.step(advance)

    def reset(self) -> None:
        """The first account as it was created."""
        done(self.store.step(self.accounts[0], lambda transaction: transaction.begin_anew(self.now)))

    def replace(self, account: Account) -> None:
        """Puts another configuration in the place of the first account's."""
        self.platform.directory.replace(account)
        self.accounts = (account, *self.accounts[1:])

    def record(self, push: Push, result: PushResult | None = None, account: Account | None = None) -> None:
        """What came of a push; without a word it was answered as it should be."""
        told = result or self.answers_well(push)
        self.step(
            lambda transaction: self.platform.record_push(transaction, push, told, self.now), push.uid, account=account
        )

    def advance(self, by: timedelta, account: Account | None = None) -> list[Push]:
        """Lets time pass, from one moment at which something is due to the next; returns the pushes that were made."""
        account = account or self.accounts[0]
        until = self.now + by
        made: list[Push] = []
        while (due := self.store.next_wake(account)) is not None and due <= until:
            self.now = max(self.now, due)
            for push in self.due(account):
                made.append(push)
                self.record(push, self.customer(push), account)
        self.now = until
        return made

    def balance(self, account: Account | None = None) -> object:
        return self.store.standing(account or self.accounts[0]).balance

    def ledger(self, account: Account | None = None) -> tuple[LedgerEntry, ...]:
        return self.store.ledger(account or self.accounts[0])

    def rules(self, account: Account | None = None) -> list[str]:
        """What was found at once in the newest exchange, by rule."""
        newest = next(iter(self.store.exchanges(account or self.accounts[0])))
        return [finding.rule for finding in newest.findings or ()]

    @staticmethod
    def answers_well(push: Push) -> PushResult:
        """As the specification wants a report answered."""
        answer = {
            "METHOD": "SMS_PUSH_REPORT",
            "TYPE": "ANSWER",
            "SERIAL": push.serial,
            "TIME": "2026-11-22 12:00:01",
            "RESULT_CODE": 1,
            "RESULT_DESC": "OK",
        }
        return PushResult(200, json.dumps(answer).encode())


class Evaluated(msgspec.Struct, frozen=True):
    """What came of an evaluation: the fault of the answer, and a decision on each destination if it was processed."""

    fault: AnswerFault | None = None
    decisions: tuple[Decision, ...] = ()

    @property
    def codes(self) -> list[int]:
        return [int(decision.code) for decision in self.decisions]

    @property
    def rules(self) -> list[str | None]:
        """What decided on each destination."""
        return [decision.rule for decision in self.decisions]

    @property
    def states(self) -> list[list[int]]:
        """What each destination's message reaches, in order; nothing where there is no message."""
        return [
            [] if decision.plan is None else [step.state for step in decision.plan.steps] for decision in self.decisions
        ]


class Court:
    """An account's rules, and what they counted: evaluates one request after the other, and keeps each unless told."""

    def __init__(self, *rules: Rule | FaultRule, account: Account | None = None, **book: object) -> None:
        said = [rule for rule in rules if isinstance(rule, Rule)]
        faults = [rule for rule in rules if isinstance(rule, FaultRule)]
        self.book = RuleBook(**{"rules": tuple(said), "faults": tuple(faults), **book})
        self.account = msgspec.structs.replace(account or Account(), rules=CompiledRules(self.book))
        self.counts: dict[RuleCounter, int] = {}
        self.now = NOON

    def candidate(self, *destinations: tuple[object, object], **fields: object) -> Candidate:
        """A packet before its checks; a field that is said to be `...` is left out."""
        packet = {
            "ROUTE_ID": ROUTE,
            "MULTI_MSISDN_LIST": [
                {"COUNTRY_CODE": country, "DEST_MSISDN": msisdn}
                for country, msisdn in destinations or ((852, "67000011"),)
            ],
            "SMS_CONTENT": "Your code is 123345",
            "VERSION": "2021-01-01",
        } | fields
        body = json.dumps({name: value for name, value in packet.items() if value is not ...}).encode()
        return candidate_of(decode(body), self.account, SPEC)

    def evaluation(
        self, *destinations: tuple[object, object], keep: bool = True, **fields: object
    ) -> Evaluation | None:
        """The evaluation of a packet, if it has one; the rules were put to use at noon."""
        return self.evaluation_of(self.candidate(*destinations, **fields), keep=keep)

    def evaluation_of(self, candidate: Candidate, *, keep: bool = True) -> Evaluation | None:
        """The same for a packet with the verdicts it has; it is refused if its list is none."""
        if not needs_evaluation(self.account, candidate):
            return None
        refused = list_is_an_array(candidate) is not None
        standing = AccountState(clock=Clock.frozen(NOON), uids=UidSequence(1), balance=None, rules_since=NOON)
        transaction = Transaction(self.account, standing, 1, self.counts)
        found = evaluate(transaction, self.account, candidate, self.now, refused=refused)
        if keep:
            self.counts |= transaction.tallied or {}
        return found

    def evaluate(self, *destinations: tuple[object, object], keep: bool = True, **fields: object) -> Evaluated:
        """Everything about a packet whose destinations are all in order."""
        evaluation = self.evaluation(*destinations, keep=keep, **fields)
        assert evaluation is not None, "no rule has anything to say"
        return Evaluated(evaluation.fault, tuple(evaluation.decisions.values()))


@pytest.fixture(scope="session")
def court() -> type[Court]:
    """Makes courts, of rules and faults in their order, and of what else a rule book says."""
    return Court


@pytest.fixture(scope="session")
def world() -> type[World]:
    """Makes worlds: of the account `default` alone, or of those given."""
    return World


@pytest.fixture(scope="session")
def noon() -> datetime:
    """When every world begins."""
    return NOON
