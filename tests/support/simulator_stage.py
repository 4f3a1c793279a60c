"""A platform with a store and clocks, and in place of the pusher one that answers for the customer."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import pytest

from cloudsms_simulator.engine.account import Account, AccountConfig, Callback
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.records import ConnectionFacts, Message, Push, PushResult
from cloudsms_simulator.engine.transaction import Arrival, Reply, Transaction
from cloudsms_simulator.models.server import ClockMode
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.services.clocks import ClockService
from cloudsms_simulator.services.endpoint import BodyLimits, Endpoint, PacketReader
from cloudsms_simulator.services.metrics import AnswerTimes
from cloudsms_simulator.services.recorder import ExchangeRecorder
from cloudsms_simulator.stores import memory
from cloudsms_simulator.stores.memory import MemoryStore
from cloudsms_simulator.stores.store import StoreObserver

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)
URL = "http://127.0.0.1:59999/"
GOOD = PushResult(200, b"")


class Pushes:
    """Pushes what is due one after the other, when somebody settles; `post` is the customer's server."""

    def __init__(self, platform: Platform, store: MemoryStore, wall: WallClock) -> None:
        self._platform = platform
        self._store = store
        self._wall = wall
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._in_flight: set[str] = set()
        self._looked_at: list[str] = []
        self.post: Callable[[Push], Awaitable[PushResult]] = self._good
        self.made: list[Push] = []
        self.told: list[str] = []
        """The accounts whose clock was said to have changed."""
        self.expected: list[tuple[str, datetime]] = []
        """The accounts of which something was released, and when the first of it is due."""
        self.aborted: list[str] = []
        self.stuck = False
        """Settling gets nothing done, as when the store fails."""

    async def _good(self, _push: Push) -> PushResult:
        return GOOD

    def running(self, account: Account) -> int:
        return int(account.name in self._in_flight)

    def expect(self, account: Account, due: datetime) -> None:
        self.expected.append((account.name, due))

    async def report_first(self, account: Account, uids: tuple[str, ...], seconds: float) -> None:
        await self.settle(account, [])

    def clock_changed(self, account: Account) -> None:
        self.told.append(account.name)

    async def settle(self, account: Account, looked_at: list[str]) -> None:
        self._looked_at = looked_at
        while not self.stuck:
            worker = self._workers.get(account.name)
            if worker is None:
                due = self._store.next_wake(account)
                if due is None or due > self._now(account):
                    return
                worker = self._workers[account.name] = asyncio.create_task(self._work(account))
            await asyncio.shield(worker)

    async def abort(self, account: Account) -> int:
        self.aborted.append(account.name)
        worker = self._workers.get(account.name)
        if worker is None:
            return 0
        worker.cancel()
        await asyncio.wait([worker])
        return 1

    async def _work(self, account: Account) -> None:
        try:
            while uids := await self._store.take_wakes(account, self._now(account), 1):
                take = partial(self._platform.take_due, uids=uids, now=self._now(account))
                pushes = await self._store.step(account, take, tuple(uids))
                self._looked_at += uids
                for push in pushes:
                    await self._push(account, push)
        finally:
            del self._workers[account.name]

    async def _push(self, account: Account, push: Push) -> None:
        self.made.append(push)
        self._in_flight.add(account.name)
        try:
            result = await self.post(push)
        finally:
            self._in_flight.remove(account.name)
        record = partial(self._platform.record_push, push=push, result=result, now=self._now(account))
        await self._store.step(account, record, (push.uid,))
        self._looked_at.append(push.uid)

    def _now(self, account: Account) -> datetime:
        return self._store.standing(account).clock.now(self._wall.now())


class Stage:
    """Accounts with a store, a platform, and clocks that begin at noon. Packets are accepted straight away.

    `configs` are accounts with how they came to be so.
    `observer` is told of what the store keeps.
    """

    def __init__(
        self,
        *accounts: Account,
        rate: float = 0,
        observer: StoreObserver | None = None,
        configs: Sequence[AccountConfig] = (),
        **bounds: int,
    ) -> None:
        configs = configs or [AccountConfig(account=account) for account in accounts or (Account(),)]
        self.accounts = tuple(config.account for config in configs)
        self.account = self.accounts[0]
        self.wall = WallClock()
        nodes = itertools.count(1)
        self._clock = Clock(NOON, self.wall.now(), rate)
        self.store = MemoryStore(self.new_clock, lambda: next(nodes), observer=observer, accounts=configs, **bounds)
        self.directory = self.store.directory
        self.platform = Platform(self.directory, SPEC)
        self.pusher = Pushes(self.platform, self.store, self.wall)
        self.timekeeper = ClockService(self.store, self.pusher, self.wall)
        journal = ExchangeRecorder(self.platform, self.store, self.wall)
        door = PacketReader(journal, BodyLimits(1_000_000, timedelta(seconds=1)))
        self.endpoint = Endpoint(self.platform, self.store, journal, self.pusher, self.wall, door, AnswerTimes())  # type: ignore[arg-type]

    def new_clock(self, _account: Account | None, mode: ClockMode | None = None) -> Clock:
        """The clock an account begins with: the stage's, or one of its own."""
        return self._clock if mode is None else Clock.started(mode, self.wall.now())

    def configure(self, *configs: AccountConfig) -> None:
        """Has the store hold these configurations, of new accounts or of those there are."""
        for config in configs:
            kept = memory.MemoryStore.step(self.store, config.account, partial(Transaction.configure, config=config))
            with pytest.raises(StopIteration):
                next(kept.__await__())

    async def send(self, count: int = 1, account: Account | None = None, **fields: object) -> tuple[Message, ...]:
        """The messages a packet to `count` numbers brought."""
        _, messages = await self.receive(count, account, **fields)
        return messages

    async def receive(
        self, count: int = 1, account: Account | None = None, **fields: object
    ) -> tuple[Reply, tuple[Message, ...]]:
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
        checked = self.platform.check(identified, body)
        arrival = Arrival(body, ConnectionFacts(7, "127.0.0.1", 50_000))

        def decide(transaction: Transaction) -> tuple[Reply, tuple[Message, ...]]:
            now = transaction.standing.clock.now(self.wall.now())
            return self.platform.receive(transaction, checked, arrival, now), transaction.new_messages

        reply, messages = await self.store.step(identified.account, decide)
        if reply.first_due is not None:
            await self.store.release(identified.account, reply.request_id)
        return reply, messages

    @property
    def pushed_after(self) -> list[timedelta]:
        """When the pushes were made, after noon on the account's clock."""
        return [push.at - NOON for push in self.pusher.made]

    def clock(self, account: Account | None = None) -> Clock:
        return self.store.standing(account or self.account).clock


@pytest.fixture(scope="session")
def stage() -> type[Stage]:
    """Makes stages, of the account `default` alone or of those given."""
    return Stage


@pytest.fixture(scope="session")
def noon() -> datetime:
    """When the clocks of a stage begin."""
    return NOON


@pytest.fixture(scope="session")
def customer() -> Callable[..., Account]:
    """Makes an account with these steps in its plan, whose reports are pushed."""

    def make(*steps: object, name: str = "default", **callback: object) -> Account:
        return Account(
            name=name,
            auth_key=f"the key of {name}",
            plan=plan_of(*steps) if steps else plan_of(step(2, timedelta(seconds=1))),  # type: ignore[arg-type]
            callback=Callback(**({"url": URL} | callback)),  # type: ignore[arg-type]
        )

    return make
