"""A feed: the news of one account as server-sent events, put into words ten times a second at most, once for everybody;
less often while that would slow down who sends.

Each event has the account, the newest things of its kind as the API shows them, and how many more there were.

Reading: R16.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Generic, Literal, Protocol, TypeVar

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.clock import Clock, Mode
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.server.aside import AT_ONCE, aside
from cloudsms_simulator.server.kept import Item, Kept
from cloudsms_simulator.server.pace import Pace
from cloudsms_simulator.server.sought import Value, name_of, octets_of
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store

S = TypeVar("S")

Name = Literal["request", "message", "report", "clock", "reset", "gap"]

PAUSE = 0.1
"""Seconds between two frames."""
MOST_SHOWN = 10
"""Things of a kind that one frame shows; the others are counted."""

_KINDS: tuple[Name, ...] = ("request", "message", "report")
_encoder = msgspec.json.Encoder()


class Happened(msgspec.Struct, Generic[S], frozen=True):
    """What happened to things of one kind, oldest first."""

    account: str | None
    items: list[S]
    """The last ones, each once, as it is now."""
    more: int
    """How many times something happened before that."""


class ClockSet(msgspec.Struct, frozen=True):
    """An account's clock was set, or goes at another rate."""

    account: str
    now: datetime
    mode: Mode
    rate: float


class Bare(msgspec.Struct, frozen=True):
    """An event of an account that says no more than that it happened."""

    account: str | None


class Taker(Protocol):
    """Where frames go."""

    def put(self, frame: bytes) -> None:
        """Takes a frame; must not wait."""


class Feed:
    """The feed of one account, or of nobody's exchanges. Belongs to one event loop."""

    def __init__(self, account: Account | None, store: Store, wall: WallClock, pace: Pace) -> None:
        self.takers: tuple[Taker, ...] = ()
        self._account = account
        self._store = store
        self._wall = wall
        self._pace = pace
        self._clock = store.standing(account).clock
        # Whole transactions would keep the garbage collector busy.
        self._recent: dict[Name, _Recent] = {name: _Recent() for name in _KINDS}
        self._clock_now = self._clock
        self._was_reset = False
        self._flushing: asyncio.TimerHandle | None = None
        self._making: asyncio.Task[None] | None = None
        self._not_before = 0.0

    def hear(self, account: Account | None, transactions: Sequence[Transaction]) -> None:
        """Transactions were kept; what they say is put into words later."""
        self._account = account
        requests: list[Value] = []
        messages: list[Value] = []
        reports: list[Value] = []
        for transaction in transactions:
            if transaction.exchange is not None:
                requests.append(transaction.exchange)
                messages += transaction.new_messages
            for uid in transaction.updated:
                messages.append(transaction.messages[uid])
                reports += transaction.reports.get(uid, ())
        for recent, values in zip(self._recent.values(), (requests, messages, reports), strict=True):
            recent.add(values)
        self._clock_now = transactions[-1].standing.clock
        self._flush_soon()

    def hear_reset(self, account: Account | None) -> None:
        """All that was kept is gone; what was not told yet is of no interest any more."""
        self._account = account
        self._recent = {name: _Recent() for name in _KINDS}
        self._was_reset = True
        self._flush_soon()

    def close(self) -> None:
        """Tells nothing any more."""
        if self._flushing is not None:
            self._flushing.cancel()
        if self._making is not None:
            self._making.cancel()

    def _flush_soon(self) -> None:
        if self._flushing is None:
            loop = asyncio.get_running_loop()
            self._flushing = loop.call_at(self._pace.slot(max(self._not_before, loop.time())), self._flush)

    def _flush(self) -> None:
        self._not_before = asyncio.get_running_loop().time() + PAUSE
        self._pace.begin()
        makers = list(self._events())
        values = [value for recent in self._recent.values() for value in recent.once()]
        octets = sum(map(octets_of, values))
        self._recent = {name: _Recent() for name in _KINDS}
        self._was_reset = False
        if octets <= AT_ONCE:
            self._flushing = None
            self._put(b"".join([make() for make in makers]))
            self._pace.end(len(self.takers))
        else:
            # The frame is made in a thread, and the next one not before this one is there.
            self._making = asyncio.get_running_loop().create_task(self._make_aside(octets, makers))

    async def _make_aside(self, octets: int, makers: list[Callable[[], bytes]]) -> None:
        try:
            self._put(await aside(octets, lambda: b"".join([make() for make in makers])))
        finally:
            self._making = self._flushing = None
            self._pace.end(len(self.takers))
        if any(recent.count for recent in self._recent.values()) or self._was_reset:
            self._flush_soon()

    def _put(self, frame: bytes) -> None:
        for taker in self.takers if frame else ():
            taker.put(frame)

    def _events(self) -> Iterator[Callable[[], bytes]]:
        """What makes the events, each wherever it is called."""
        account = self._account
        name_of_account = None if account is None else account.name
        if self._was_reset:
            yield partial(encoded, "reset", Bare(name_of_account))
        if self._clock_now is not self._clock:
            changed, self._clock = self._clock_now != self._clock, self._clock_now
            if changed and account is not None:
                yield partial(encoded, "clock", self._clock_set(account, self._clock))
        kept = Kept(self._store, account)
        for name, recent in self._recent.items():
            if recent.count:
                yield partial(_happened, name, name_of_account, kept.makers(list(recent.once())), recent.more)

    def _clock_set(self, account: Account, clock: Clock) -> ClockSet:
        return ClockSet(account.name, clock.now(self._wall.now()), clock.mode, clock.rate)


def _happened(name: Name, account: str | None, makers: Sequence[Callable[[], Item]], more: int) -> bytes:
    return encoded(name, Happened(account, [make() for make in makers], more))


def encoded(name: Name, value: msgspec.Struct) -> bytes:
    """A server-sent event; JSON has no line breaks of its own."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _encoder.encode(value))


class _Recent:
    """The last things of one kind to which something happened."""

    __slots__ = ("_values", "count")

    def __init__(self) -> None:
        self._values: deque[Value] = deque(maxlen=MOST_SHOWN)
        self.count = 0

    def add(self, values: Sequence[Value]) -> None:
        self._values.extend(values)
        self.count += len(values)

    @property
    def more(self) -> int:
        """How many times something happened that is not among them."""
        return self.count - len(self._values)

    def once(self) -> Iterable[Value]:
        """Each of them once, as it was last, in that order."""
        latest: dict[str | int, Value] = {}
        for value in self._values:
            latest.pop(name_of(value), None)
            latest[name_of(value)] = value
        return latest.values()
