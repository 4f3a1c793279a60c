"""A store with a platform in front of it, in memory and in databases; everything in it was really sent."""

import itertools
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import ClassVar, TypeVar

import msgspec
from durable_stores import DrivenStore, new_place

from cloudsms_simulator.engine.account import Account, AccountConfig, AccountDirectory
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.records import ConnectionFacts, Headers, Push, PushResult
from cloudsms_simulator.engine.transaction import Arrival, Reply, Transaction
from cloudsms_simulator.models.server import DatabaseKind, StorePlace
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.services.snapshot import ConfigDocuments
from cloudsms_simulator.stores.memory import MemoryStore
from cloudsms_simulator.stores.store import AccountSnapshot, StoreObserver, due_again

T = TypeVar("T")
Whole = tuple[Transaction, Reply]
CONFIGS = ConfigDocuments()
MOST_SURVIVORS = 10
"""How many stores of one test are open, and held to survive, the last ones: Hypothesis makes hundreds."""
NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)


def done(awaitable: Awaitable[T]) -> T:
    """What comes of awaiting what never waits."""
    try:
        next(awaitable.__await__())
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waits")


class Keeper:
    """A store, and short words for what is done with one. Time is where `now` was set to."""

    def __init__(self, *accounts: Account, observer: StoreObserver | None = None, **bounds: int) -> None:
        self.now = NOON
        self.accounts = accounts or (Account(),)
        self.account = self.accounts[0]
        self.platform = Platform(AccountDirectory(self.accounts), SPEC)
        nodes = itertools.count(1)
        self.store = self.new_store(lambda: next(nodes), observer, **bounds)

    def new_store(self, node: Callable[[], int], observer: StoreObserver | None = None, **named: int) -> MemoryStore:
        return MemoryStore(lambda _account: Clock.real(self.now), node, observer=observer, **named)

    def step(self, decide: Callable[[Transaction], T], *uids: str, account: Account | None = None) -> T:
        return done(self.store.step(account or self.account, decide, uids))

    def look(self, decide: Callable[[Transaction], T], *uids: str, account: Account | None = None) -> T:
        return done(self.store.look(account or self.account, decide, uids))

    def read(self, *uids: str) -> Transaction:
        """What a step would have to decide on."""
        return self.look(lambda transaction: transaction, *uids)

    def receiving(
        self,
        count: int = 1,
        account: Account | None = None,
        *,
        connection: ConnectionFacts | None = None,
        headers: Headers = (),
        **fields: object,
    ) -> tuple[Account | None, Callable[[Transaction], Whole]]:
        """Whose a packet to `count` numbers is, and the decision on it: what it wrote, and what goes back."""
        account = account or self.account
        packet = {
            "METHOD": "SMS_SEND_REQUEST",
            "TYPE": "REQUEST",
            "SERIAL": 7,
            "TIME": "2026-11-22 12:00:00",
            "AUTH_KEY": account.auth_key,
            "ROUTE_ID": "VerifyCode_516",
            "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}] * count,
            "SMS_CONTENT": "Your code is 123345",
            "VERSION": "2021-01-01",
        } | fields
        body = json.dumps(packet).encode()
        identified = self.platform.identify(body)
        checked, arrival = self.platform.check(identified, body), Arrival(body, connection, headers)

        def decide(transaction: Transaction) -> Whole:
            return transaction, self.platform.receive(transaction, checked, arrival, self.now)

        return identified.account, decide

    def send(
        self,
        count: int = 1,
        account: Account | None = None,
        *,
        release: bool = True,
        connection: ConnectionFacts | None = None,
        headers: Headers = (),
        **fields: object,
    ) -> Reply:
        """A packet to `count` numbers, kept, and released."""
        whose, decide = self.receiving(count, account, connection=connection, headers=headers, **fields)
        _, reply = done(self.store.step(whose, decide))
        if release and reply.first_due is not None:
            self.release(reply, account)
        return reply

    def release(self, reply: Reply, account: Account | None = None, uids: tuple[str, ...] | None = None) -> None:
        done(self.store.release(account or self.account, reply.request_id, uids))

    def reset(self, now: datetime | None = None) -> None:
        """The account is as it was created."""
        self.reset_of(self.account, now)

    def reset_of(self, account: Account | None, now: datetime | None = None) -> None:
        """Any account, or what belongs to none."""
        moment = now or self.now
        done(self.store.step(account, lambda transaction: transaction.begin_anew(moment)))

    def restore(self, everything: list[tuple[AccountConfig | None, AccountSnapshot]], requests: int) -> None:
        """Puts this in the place of all there is."""
        done(self.store.restore(everything, requests))

    def drop(self, account: Account) -> None:
        """Forgets an account."""
        done(self.store.step(account, Transaction.drop))

    def counted_anew(self) -> int:
        """What another store, whose bounds nothing reaches, counts of all that is kept here."""
        everything: list[tuple[AccountConfig | None, AccountSnapshot]] = [(None, self.store.kept(None))]
        everything += [(AccountConfig(account=each), self.store.kept(each)) for each in self.accounts]
        other = type(self)(*self.accounts, most_messages=10**9, most_bytes=10**12)
        other.restore(everything, 10**6)
        return other.store.octets

    def wakes(self, limit: int = 1000, account: Account | None = None) -> list[str]:
        return done(self.store.take_wakes(account or self.account, self.now, limit))

    def let_happen(self, by: timedelta, account: Account | None = None, answer: bytes = b"") -> list[Push]:
        """Lets time pass in one step, and answers every push with 200."""
        account = account or self.account
        self.now += by
        made = []
        while uids := self.wakes(account=account):
            pushes = self.take_due(uids, account)
            for push in pushes:
                self.record(push, PushResult(200, answer), account)
            made += pushes
        return made

    def take_due(self, uids: list[str], account: Account | None = None) -> list[Push]:
        """Looks at messages; the pushes to make."""
        return self.step(
            lambda transaction: self.platform.take_due(transaction, uids, self.now), *uids, account=account
        )

    def record(self, push: Push, result: PushResult, account: Account | None = None) -> None:
        """Keeps what came of a push."""
        self.step(
            lambda transaction: self.platform.record_push(transaction, push, result, self.now),
            push.uid,
            account=account,
        )

    def totals(self, account: Account | None = None) -> tuple[int, int, int]:
        """How many exchanges, messages and reports there are."""
        account, store = account or self.account, self.store
        return store.exchanges(account).total, store.messages(account).total, store.reports(account).total

    def evicted(self, account: Account | None = None) -> tuple[int, int, int]:
        """How many exchanges, messages and reports are gone."""
        account, store = account or self.account, self.store
        return store.exchanges(account).evicted, store.messages(account).evicted, store.reports(account).evicted


class DurableKeeper(Keeper):
    """A keeper whose store is in a database; `survives` begins another store with what that has."""

    kind: DatabaseKind = "sqlite"
    made: ClassVar[list["DurableKeeper"]] = []

    def __init__(self, *accounts: Account, observer: StoreObserver | None = None, **bounds: int) -> None:
        super().__init__(*accounts, observer=observer, **bounds)
        self.made.append(self)
        if len(self.made) > MOST_SURVIVORS:
            done(self.made.pop(0).store.close())

    def new_store(
        self,
        node: Callable[[], int],
        observer: StoreObserver | None = None,
        place: StorePlace | None = None,
        **named: object,
    ) -> DrivenStore:
        configs = [AccountConfig(account=account) for account in self.accounts]
        named |= {"accounts": configs, "wall": lambda: self.now, "place": place or new_place(self.kind)}
        return DrivenStore(self._clock, node, observer=observer, **named)  # type: ignore[arg-type]

    def _clock(self, _account: Account | None) -> Clock:
        return Clock.real(self.now)

    def _begins_again_with(self, account: Account) -> bool:
        """Whether it is there, and not another one than is configured; and can be written, as few of tests cannot."""
        configured, config = AccountConfig(account=account), self.store.config(account)
        written = CONFIGS.read(CONFIGS.dump(configured)).account.plan == account.plan
        return written and config is not None and CONFIGS.origin(config) == CONFIGS.origin(configured)

    def survives(self) -> None:
        """Another store has all that this one had."""
        assert isinstance(self.store, DrivenStore)
        if self.store.has_closed:
            return
        whose = [None, *(account for account in self.accounts if self._begins_again_with(account))]
        before = [self.store.kept(account) for account in whose]
        done(self.store.close())
        other = self.new_store(itertools.count(100).__next__, place=self.store.place)
        other.read_all()
        for account, kept in zip(whose, before, strict=True):
            assert_same(other.kept(account), kept, self.now)
        done(other.close())


class PostgresKeeper(DurableKeeper):
    """One whose store is in PostgreSQL."""

    kind = "postgresql"


def assert_same(after: AccountSnapshot, before: AccountSnapshot, now: datetime) -> None:
    """Holds two snapshots to be the same, but for what was on the way, which is due again."""
    for field in AccountSnapshot.__struct_fields__:
        was, became = getattr(before, field), getattr(after, field)
        if field == "reports":
            was = {each[0].uid: tuple(due_again(report, now) for report in each) for each in was}
            became = {each[0].uid: each for each in became}
        if isinstance(was, msgspec.Struct):
            was, became = msgspec.structs.asdict(was), msgspec.structs.asdict(became)
        assert became == was, field
