"""A feed: the news of one account as server-sent events, put into words ten times a second at most, once for everybody.

Each event has the account, the newest things of its kind as the API shows them, and how many more there were.

Reading: R16.
"""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.clock import Clock, Mode
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.server.kept import Item, Kept
from cloudsms_simulator.server.sought import Value, name_of
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store

Name = Literal["request", "message", "report", "clock", "reset", "gap"]

PAUSE = 0.1
"""Seconds between two frames."""
MOST_SHOWN = 20
"""Things of a kind that one frame shows; the others are counted."""

_encoder = msgspec.json.Encoder()


class Happened(msgspec.Struct, frozen=True):
    """What happened to things of one kind: the newest as they are now, oldest first, and how many more there were."""

    account: str | None
    items: list[Item]
    more: int


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

    def __init__(self, account: Account | None, store: Store, wall: WallClock) -> None:
        self.takers: tuple[Taker, ...] = ()
        self._account = account
        self._store = store
        self._wall = wall
        self._clock = store.standing(account).clock
        self._told: list[Transaction] = []
        self._was_reset = False
        self._flushing: asyncio.TimerHandle | None = None
        self._not_before = 0.0

    def hear(self, account: Account | None, transaction: Transaction) -> None:
        """A transaction was kept; what it says is put into words later."""
        self._account = account
        self._told.append(transaction)
        self._flush_soon()

    def hear_reset(self, account: Account | None) -> None:
        """All that was kept is gone; what was not told yet is of no interest any more."""
        self._account = account
        self._told.clear()
        self._was_reset = True
        self._flush_soon()

    def close(self) -> None:
        """Tells nothing any more."""
        if self._flushing is not None:
            self._flushing.cancel()

    def _flush_soon(self) -> None:
        if self._flushing is None:
            loop = asyncio.get_running_loop()
            self._flushing = loop.call_at(max(self._not_before, loop.time()), self._flush)

    def _flush(self) -> None:
        self._flushing = None
        self._not_before = asyncio.get_running_loop().time() + PAUSE
        told, self._told = self._told, []
        was_reset, self._was_reset = self._was_reset, False
        frame = b"".join(self._events(told, was_reset))
        for taker in self.takers if frame else ():
            taker.put(frame)

    def _events(self, told: list[Transaction], was_reset: bool) -> Iterator[bytes]:
        account = self._account
        if was_reset:
            yield encoded("reset", Bare(None if account is None else account.name))
        if account is not None and told and told[-1].standing.clock is not self._clock:
            clock, self._clock = self._clock, told[-1].standing.clock
            if clock != self._clock:
                yield encoded("clock", self._clock_set(account, self._clock))
        exchanges = [each.exchange for each in told if each.exchange is not None]
        yield from self._happened("request", exchanges)
        if account is not None:
            yield from self._happened("message", _messages_in(told))
            yield from self._happened("report", _reports_in(told))

    def _happened(self, name: Name, values: Iterable[Value]) -> Iterator[bytes]:
        """One event for all things of a kind; of a thing that is told of twice only the last is shown."""
        latest: dict[str | int, Value] = {}
        for value in values:
            key = name_of(value)
            latest.pop(key, None)
            latest[key] = value
        if latest:
            kept = Kept(self._store, self._account)
            shown = [kept.item(value) for value in list(latest.values())[-MOST_SHOWN:]]
            name_of_account = None if self._account is None else self._account.name
            yield encoded(name, Happened(name_of_account, shown, len(latest) - len(shown)))

    def _clock_set(self, account: Account, clock: Clock) -> ClockSet:
        return ClockSet(account.name, clock.now(self._wall.now()), clock.mode, clock.rate)


def encoded(name: Name, value: msgspec.Struct) -> bytes:
    """A server-sent event; JSON has no line breaks of its own."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _encoder.encode(value))


def _messages_in(told: list[Transaction]) -> Iterator[Value]:
    for transaction in told:
        yield from transaction.new_messages
        for uid in transaction.updated:
            yield transaction.messages[uid]


def _reports_in(told: list[Transaction]) -> Iterator[Value]:
    for transaction in told:
        for uid in transaction.updated:
            yield from transaction.reports.get(uid, ())
