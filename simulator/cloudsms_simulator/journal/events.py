"""Streams of server-sent events: what happens to accounts, for the readers of `/events`.

The `AccountFeed` of an account encodes its changes at most ten times a second, once for all readers, into a frame: each
event has the newest items of its kind as the API shows them, and how many more there were. The `FrameBudget` measures
what frames cost and keeps all of them together to a hundredth of the time, so that readers do not slow down senders.
A reader that is too slow, or that comes back after a while, gets a `gap` and reads the lists again: nothing is stored
to be sent later.

Reading: R16.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Literal, Protocol

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.journal.search_fields import JournalRecord, octets_of, record_id
from cloudsms_simulator.journal.views import JournalItem, JournalView
from cloudsms_simulator.models.journal import Bare, ClockSet, Happened
from cloudsms_simulator.net.runtime import INLINE_OCTETS, offload
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.stores.store import Change, ChangeBus, Store

SHARE_OF_TIME = 0.01
"""The largest share of the processor's time that frames may take."""
SECONDS_PER_READER = 200e-6
"""About how many seconds it takes to send a frame to one reader. That happens later, so it is not measured."""
LONGEST_DELAY_OF_NEXT = 1.0
"""The most seconds that one frame delays the next, whatever it cost."""


class FrameBudget:
    """When the feeds of a simulator may make their next frame. Moments are those of the event loop, in seconds."""

    # CPU time of this thread: other processes do not count, and tests do not freeze it.
    def __init__(self, cpu: Callable[[], float] = time.thread_time) -> None:
        self._cpu = cpu
        self._begun = 0.0
        self._cost = 0.0
        self._free_at = 0.0

    def slot(self, earliest: float) -> float:
        """Reserves the moment of another frame, not before `earliest`, and returns it."""
        moment = max(earliest, self._free_at)
        self._free_at = moment + min(self._cost / SHARE_OF_TIME, LONGEST_DELAY_OF_NEXT)
        return moment

    def begin(self) -> None:
        """Begins to measure a frame."""
        self._begun = self._cpu()

    def end(self, readers: int = 0) -> None:
        """Ends measuring: the frame is made and goes to so many readers. The next is taken to cost about the same."""
        self._cost = (self._cost + self._cpu() - self._begun + readers * SECONDS_PER_READER) / 2


EventName = Literal["request", "message", "report", "clock", "reset", "gap"]

FRAME_INTERVAL = 0.1
"""The least seconds between two frames of a feed."""
MOST_SHOWN = 10
"""How many records of a kind one frame shows; the others are only counted."""

_JOURNAL_KINDS: tuple[EventName, ...] = ("request", "message", "report")
_encoder = msgspec.json.Encoder()


class FrameReceiver(Protocol):
    """Receives the frames of a feed."""

    def put(self, frame: bytes) -> None:
        """Takes a frame. It must not block."""


class AccountFeed:
    """Makes the frames about one account, or about exchanges of no account. Belongs to one event loop."""

    def __init__(self, account: Account | None, store: Store, wall: WallClock, budget: FrameBudget) -> None:
        self.receivers: tuple[FrameReceiver, ...] = ()
        self._account = account
        self._store = store
        self._wall = wall
        self._budget = budget
        self._clock = store.standing(account).clock
        # Whole changes would keep the garbage collector busy.
        self._recent: dict[EventName, _Recent] = {name: _Recent() for name in _JOURNAL_KINDS}
        self._clock_now = self._clock
        self._was_reset = False
        self._flushing: asyncio.TimerHandle | None = None
        self._building: asyncio.Task[None] | None = None
        self._not_before = 0.0

    def hear(self, change: Change) -> None:
        """Remembers what a change is about; the frame is made later.

        A reset drops what is not in a frame yet, and has the next frame begin with `reset`.
        """
        if change.kind == "reset":
            self._recent = {name: _Recent() for name in _JOURNAL_KINDS}
            self._was_reset = True
        else:
            if change.exchange is not None:
                self._recent["request"].add((change.exchange,))
                self._recent["message"].add(change.messages)
            if change.updated:
                self._recent["message"].add([message for message, _ in change.updated])
                self._recent["report"].add([report for _, reports in change.updated for report in reports])
            self._clock_now = change.after.clock
        self._flush_soon()

    def close(self) -> None:
        """Makes no more frames."""
        if self._flushing is not None:
            self._flushing.cancel()
        if self._building is not None:
            self._building.cancel()

    def _flush_soon(self) -> None:
        if self._flushing is None:
            loop = asyncio.get_running_loop()
            self._flushing = loop.call_at(self._budget.slot(max(self._not_before, loop.time())), self._flush)

    def _flush(self) -> None:
        self._not_before = asyncio.get_running_loop().time() + FRAME_INTERVAL
        self._budget.begin()
        builders = list(self._events())
        records = [record for recent in self._recent.values() for record in recent.once()]
        octets = sum(map(octets_of, records))
        self._recent = {name: _Recent() for name in _JOURNAL_KINDS}
        self._was_reset = False
        if octets <= INLINE_OCTETS:
            self._flushing = None
            self._put(b"".join([build() for build in builders]))
            self._budget.end(len(self.receivers))
        else:
            # The frame is made in a thread, and the next one not before this one is there.
            self._building = asyncio.get_running_loop().create_task(self._build_aside(octets, builders))

    async def _build_aside(self, octets: int, builders: list[Callable[[], bytes]]) -> None:
        try:
            self._put(await offload(octets, lambda: b"".join([build() for build in builders])))
        finally:
            self._building = self._flushing = None
            self._budget.end(len(self.receivers))
        if any(recent.count for recent in self._recent.values()) or self._was_reset:
            self._flush_soon()

    def _put(self, frame: bytes) -> None:
        for receiver in self.receivers if frame else ():
            receiver.put(frame)

    def _events(self) -> Iterator[Callable[[], bytes]]:
        """Functions that encode the events of the next frame, in their order; any thread may call them."""
        account = None if self._account is None else self._store.directory.current(self._account)
        name_of_account = None if account is None else account.name
        if self._was_reset:
            yield partial(encoded_event, "reset", Bare(name_of_account))
        if self._clock_now is not self._clock:
            changed, self._clock = self._clock_now != self._clock, self._clock_now
            if changed and account is not None:
                yield partial(encoded_event, "clock", self._clock_set(account, self._clock))
        view = JournalView(self._store, account)
        for name, recent in self._recent.items():
            if recent.count:
                yield partial(_happened, name, name_of_account, view.item_builders(list(recent.once())), recent.more)

    def _clock_set(self, account: Account, clock: Clock) -> ClockSet:
        return ClockSet(account.name, clock.now(self._wall.now()), clock.mode, clock.rate)


def _happened(name: EventName, account: str | None, builders: Sequence[Callable[[], JournalItem]], more: int) -> bytes:
    return encoded_event(name, Happened(account, tuple([build() for build in builders]), more))


def encoded_event(name: EventName, value: msgspec.Struct) -> bytes:
    """A server-sent event; JSON has no line breaks of its own."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _encoder.encode(value))


class _Recent:
    """The records of one kind that changed last, and how many changes there were in all."""

    __slots__ = ("_records", "count")

    def __init__(self) -> None:
        self._records: deque[JournalRecord] = deque(maxlen=MOST_SHOWN)
        self.count = 0

    def add(self, records: Sequence[JournalRecord]) -> None:
        self._records.extend(records)
        self.count += len(records)

    @property
    def more(self) -> int:
        """How many changes there were to records that are not shown any more."""
        return self.count - len(self._records)

    def once(self) -> Iterable[JournalRecord]:
        """Each of the records once, as it was last, in the order of the last changes."""
        latest: dict[str | int, JournalRecord] = {}
        for record in self._records:
            latest.pop(record_id(record), None)
            latest[record_id(record)] = record
        return latest.values()


KEEP_ALIVE_SECONDS = 15.0
"""Seconds of silence after which a comment shows that the stream is still open."""
MOST_UNREAD = 512 * 1024
"""The most octets kept for a slow reader; beyond that they are replaced by a `gap`."""

_GREETING = b"retry: 1000\n\n"
_STILL_HERE = b":\n\n"
_GAP = encoded_event("gap", Bare(None))


class EventStream:
    """One reader's stream: holds the frames that a reader has not read yet.

    `resumed` begins it with a `gap`, since the reader may have missed something.
    """

    def __init__(self, *, resumed: bool = False) -> None:
        self._unread: list[bytes] = [_GREETING]
        self._octets = 0
        self._wake = asyncio.Event()
        self._wake.set()
        self._closed = False
        self._resting: asyncio.TimerHandle | None = None
        """Set while nothing is sent, for `FRAME_INTERVAL` after each frame."""
        if resumed:
            self._unread.append(_GAP)

    def put(self, frame: bytes) -> None:
        """Adds a frame. Where there is no room for it, everything unread is replaced by a `gap`."""
        if self._octets + len(frame) > MOST_UNREAD:
            self._unread, self._octets = [_GAP], 0
        else:
            self._unread.append(frame)
            self._octets += len(frame)
        if self._resting is None:
            self._wake.set()

    def close(self) -> None:
        """Ends the stream; what is unread is dropped."""
        self._closed = True
        self._wake.set()

    async def frames(self) -> AsyncIterator[bytes]:
        """The octets to send, until the stream is closed."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                if not await _is_set_within(self._wake, KEEP_ALIVE_SECONDS):
                    yield _STILL_HERE
                    continue
                if self._closed:
                    return
                frame = b"".join(self._unread)
                self._unread, self._octets = [], 0
                self._wake.clear()
                self._resting = loop.call_later(FRAME_INTERVAL, self._rested)
                yield frame
        finally:
            if self._resting is not None:
                self._resting.cancel()

    def _rested(self) -> None:
        self._resting = None
        if self._unread:
            self._wake.set()


class EventHub:
    """All streams of a simulator; they end when `stopping` is set. Belongs to one event loop."""

    def __init__(self, store: Store, changes: ChangeBus, wall: WallClock, stopping: asyncio.Event) -> None:
        self._store = store
        self._changes = changes
        self._wall = wall
        self._stopping = stopping
        self._budget = FrameBudget()
        self._feeds: dict[str | None, AccountFeed] = {}
        self._streams: set[EventStream] = set()
        self._ending: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    @contextmanager
    def stream(self, accounts: Sequence[Account | None], *, resumed: bool = False) -> Iterator[EventStream]:
        """Opens a stream about some accounts, None being exchanges of no account, for as long as the block lasts.

        `resumed` says that the reader read another stream before, and may have missed something.
        """
        stream = EventStream(resumed=resumed)
        self._begin(stream, accounts)
        try:
            yield stream
        finally:
            self._end(stream)

    def _begin(self, stream: EventStream, accounts: Sequence[Account | None]) -> None:
        self._streams.add(stream)
        if self._stopping.is_set():
            stream.close()
        elif self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self._end_all())
        for account in accounts:
            name = None if account is None else account.name
            feed = self._feeds.get(name)
            if feed is None:
                feed = self._feeds[name] = AccountFeed(account, self._store, self._wall, self._budget)
                self._changes.subscribe(name, feed)
            if stream not in feed.receivers:
                feed.receivers = (*feed.receivers, stream)

    def _end(self, stream: EventStream) -> None:
        self._streams.discard(stream)
        for name, feed in tuple(self._feeds.items()):
            feed.receivers = tuple(each for each in feed.receivers if each is not stream)
            if not feed.receivers:
                feed.close()
                self._changes.unsubscribe(name, feed)
                del self._feeds[name]
        if not self._streams and self._ending is not None:
            self._ending.cancel()
            self._ending = None

    async def _end_all(self) -> None:
        await self._stopping.wait()
        for stream in tuple(self._streams):
            stream.close()


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Whether an event is set within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
