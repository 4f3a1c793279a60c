"""A store in memory with a platform in front of it; everything in it was really sent."""

import itertools
import json
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import TypeVar

import pytest

from cloudsms_simulator.engine.account import Account, AccountDirectory
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.records import ConnectionFacts, Headers, Push, PushResult
from cloudsms_simulator.engine.transaction import Arrival, Reply, Transaction
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.stores.memory import MemoryStore
from cloudsms_simulator.stores.store import StoreObserver

T = TypeVar("T")
NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)


def done(coroutine: Coroutine[object, object, T]) -> T:
    """What a coroutine that never waits returns."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waits")


class Keeper:
    """A store, and short words for what is done with one. Time is where `now` was set to."""

    def __init__(self, *accounts: Account, audience: StoreObserver | None = None, **bounds: int) -> None:
        self.now = NOON
        self.accounts = accounts or (Account(),)
        self.account = self.accounts[0]
        self.platform = Platform(AccountDirectory(self.accounts), SPEC)
        nodes = itertools.count(1)
        self.store = MemoryStore(
            lambda _account: Clock.real(self.now), lambda: next(nodes), audience=audience, **bounds
        )

    def begin(self, *uids: str, account: Account | None = None) -> Transaction:
        return done(self.store.begin(account or self.account, uids))

    def commit(self, transaction: Transaction) -> None:
        done(self.store.commit(transaction))

    def received(
        self,
        count: int = 1,
        account: Account | None = None,
        *,
        connection: ConnectionFacts | None = None,
        headers: Headers = (),
        **fields: object,
    ) -> tuple[Transaction, Reply]:
        """A transaction with what a packet to `count` numbers brought, not committed yet."""
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
        transaction = done(self.store.begin(identified.account))
        judged = self.platform.check(identified, body)
        return transaction, self.platform.receive(transaction, judged, Arrival(body, connection, headers), self.now)

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
        transaction, reply = self.received(count, account, connection=connection, headers=headers, **fields)
        self.commit(transaction)
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
        done(self.store.reset(account, now or self.now))

    def drop(self, account: Account) -> None:
        """Forgets an account."""
        done(self.store.drop(account))

    def counted_anew(self) -> int:
        """What another store, whose bounds nothing reaches, counts of all that is kept here."""
        everything = [(account, self.store.kept(account)) for account in (*self.accounts, None)]
        other = Keeper(*self.accounts, most_messages=10**9, most_bytes=10**12)
        done(other.store.restore(everything, 10**6))
        return other.store.octets

    def wakes(self, limit: int = 1000, account: Account | None = None) -> list[str]:
        return done(self.store.take_wakes(account or self.account, self.now, limit))

    def let_happen(self, by: timedelta, account: Account | None = None, answer: bytes = b"") -> list[Push]:
        """Lets time pass in one step, and answers every push with 200."""
        account = account or self.account
        self.now += by
        made = []
        while uids := self.wakes(account=account):
            transaction = self.begin(*uids, account=account)
            pushes = self.platform.take_due(transaction, uids, self.now)
            self.commit(transaction)
            for push in pushes:
                transaction = self.begin(push.uid, account=account)
                self.platform.record_push(transaction, push, PushResult(200, answer), self.now)
                self.commit(transaction)
            made += pushes
        return made

    def totals(self, account: Account | None = None) -> tuple[int, int, int]:
        """How many exchanges, messages and reports there are."""
        account, store = account or self.account, self.store
        return store.exchanges(account).total, store.messages(account).total, store.reports(account).total

    def evicted(self, account: Account | None = None) -> tuple[int, int, int]:
        """How many exchanges, messages and reports are gone."""
        account, store = account or self.account, self.store
        return store.exchanges(account).evicted, store.messages(account).evicted, store.reports(account).evicted


@pytest.fixture(scope="session")
def keeper() -> type[Keeper]:
    """Makes keepers, of the account `default` alone or of those given."""
    return Keeper


@pytest.fixture(scope="session")
def noon() -> datetime:
    """When every keeper begins."""
    return NOON
