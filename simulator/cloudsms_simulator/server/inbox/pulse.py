"""The pulse: tells a page that there is something new to read, twice a second at most, whatever the traffic.

A page reads again what it shows; so a pulse says nothing but what the clock shows, and costs a request nothing but
the setting of a flag.

Reading: R26.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.clock import Mode
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.server.news import News

PAUSE = 0.5
"""Seconds between two pulses."""
KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment shows that the stream still stands."""

_GREETING = b"retry: 1000\n\n"
_STILL_HERE = b":\n\n"
_encoder = msgspec.json.Encoder()


class Beat(msgspec.Struct, frozen=True):
    """What a pulse says: the clock of the account a page is about."""

    now: datetime
    mode: Mode
    rate: float


class Pulse:
    """The pulse of some accounts, None being nobody's requests. Belongs to one event loop."""

    def __init__(self, news: News, accounts: Iterable[str | None] | None, stopping: asyncio.Event) -> None:
        self._news = news
        self._accounts = None if accounts is None else tuple(accounts)
        self._stopping = stopping
        self._changed = asyncio.Event()

    def hear(self, account: Account | None, transactions: Sequence[Transaction]) -> None:
        """Something was kept."""
        self._changed.set()

    def hear_reset(self, account: Account | None) -> None:
        """Something was forgotten."""
        self._changed.set()

    async def frames(self, beat: Callable[[], Beat]) -> AsyncIterator[bytes]:
        """Server-sent events `pulse`, one at once, until the simulator stops; `beat` says what they say."""
        self._listen()
        try:
            yield _GREETING
            self._changed.set()
            while not self._stopping.is_set():
                if await self._came():
                    self._changed.clear()
                    yield b"event: pulse\ndata: %b\n\n" % _encoder.encode(beat())
                    await self._rest()
                else:
                    yield _STILL_HERE
        finally:
            self._cease()

    def _listen(self) -> None:
        if self._accounts is None:
            self._news.listen_to_all(self)
        for name in self._accounts or ():
            self._news.listen(name, self)

    def _cease(self) -> None:
        if self._accounts is None:
            self._news.cease_to_all(self)
        for name in self._accounts or ():
            self._news.cease(name, self)

    async def _came(self) -> bool:
        """Whether something changed, before a comment is due; True as well when the simulator stops."""
        waits = [asyncio.ensure_future(each.wait()) for each in (self._changed, self._stopping)]
        try:
            done, _ = await asyncio.wait(waits, timeout=KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        return bool(done)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(PAUSE):
                await self._stopping.wait()
        except TimeoutError:
            return
