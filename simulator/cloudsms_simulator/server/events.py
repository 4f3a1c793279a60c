"""Events: streams of what happens, for whoever reads them.

A stream gets at most ten frames a second. Who reads too slowly, or comes back after a while, is told of a gap and reads
the lists again: nothing is kept to be told later.

Reading: R16.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.server.feed import PAUSE, Bare, Feed, encoded
from cloudsms_simulator.server.news import News
from cloudsms_simulator.server.pace import Pace
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store

KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment shows that the stream still stands."""
MOST_UNREAD = 512 * 1024
"""Octets kept for a slow reader; beyond, it is told of a gap instead."""

_GREETING = b"retry: 1000\n\n"
_STILL_HERE = b":\n\n"
_GAP = encoded("gap", Bare(None))


class Stream:
    """One reader's stream: frames go in as they come, and out as they are read."""

    def __init__(self, *, resumed: bool = False) -> None:
        self._unread: list[bytes] = [_GREETING]
        self._octets = 0
        self._wake = asyncio.Event()
        self._wake.set()
        self._closed = False
        self._resting: asyncio.TimerHandle | None = None
        """Until when nothing is sent."""
        if resumed:
            self._unread.append(_GAP)

    def put(self, frame: bytes) -> None:
        """Adds a frame; when there is no room, all that is unread gives way to a gap."""
        if self._octets + len(frame) > MOST_UNREAD:
            self._unread, self._octets = [_GAP], 0
        else:
            self._unread.append(frame)
            self._octets += len(frame)
        if self._resting is None:
            self._wake.set()

    def close(self) -> None:
        """Ends the stream, whatever is unread."""
        self._closed = True
        self._wake.set()

    async def frames(self) -> AsyncIterator[bytes]:
        """What to send, until the stream is closed."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                if not await _came(self._wake, KEEP_ALIVE):
                    yield _STILL_HERE
                    continue
                if self._closed:
                    return
                frame = b"".join(self._unread)
                self._unread, self._octets = [], 0
                self._wake.clear()
                self._resting = loop.call_later(PAUSE, self._rested)
                yield frame
        finally:
            if self._resting is not None:
                self._resting.cancel()

    def _rested(self) -> None:
        self._resting = None
        if self._unread:
            self._wake.set()


class Events:
    """All streams of a simulator; they end when `stopping` is set. Belongs to one event loop."""

    def __init__(self, store: Store, news: News, wall: WallClock, stopping: asyncio.Event) -> None:
        self._store = store
        self._news = news
        self._wall = wall
        self._stopping = stopping
        self._pace = Pace()
        self._feeds: dict[str | None, Feed] = {}
        self._streams: set[Stream] = set()
        self._ending: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """How many streams there are."""
        return len(self._streams)

    @contextmanager
    def stream(self, accounts: Sequence[Account | None], *, resumed: bool = False) -> Iterator[Stream]:
        """A stream about some accounts, None being nobody's exchanges, for as long as it is read.

        `resumed` says that the reader read another one before, and may have missed something.
        """
        stream = Stream(resumed=resumed)
        self._begin(stream, accounts)
        try:
            yield stream
        finally:
            self._end(stream)

    def _begin(self, stream: Stream, accounts: Sequence[Account | None]) -> None:
        self._streams.add(stream)
        if self._stopping.is_set():
            stream.close()
        elif self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self._end_all())
        for account in accounts:
            name = None if account is None else account.name
            feed = self._feeds.get(name)
            if feed is None:
                feed = self._feeds[name] = Feed(account, self._store, self._wall, self._pace)
                self._news.listen(name, feed)
            if stream not in feed.takers:
                feed.takers = (*feed.takers, stream)

    def _end(self, stream: Stream) -> None:
        self._streams.discard(stream)
        for name, feed in tuple(self._feeds.items()):
            feed.takers = tuple(each for each in feed.takers if each is not stream)
            if not feed.takers:
                feed.close()
                self._news.cease(name, feed)
                del self._feeds[name]
        if not self._streams and self._ending is not None:
            self._ending.cancel()
            self._ending = None

    async def _end_all(self) -> None:
        await self._stopping.wait()
        for stream in tuple(self._streams):
            stream.close()


async def _came(event: asyncio.Event, seconds: float) -> bool:
    """Whether an event is set within some seconds."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
