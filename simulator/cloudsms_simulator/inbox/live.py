"""`/pulse`: tells an open page, by server-sent events, that there is something new to read.

At most twice a second, whatever the traffic. An update says nothing but what the account's clock shows, since the
page asks again for what it shows; so a request costs nothing but the setting of a flag. Reading: R26.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cloudsms_simulator.api.context import ApiContext
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.clock import Mode
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.inbox.page_context import page_context_of
from cloudsms_simulator.journal.changes import ChangeBus
from cloudsms_simulator.moments import datetime

UPDATE_PAUSE = 0.5
"""Seconds between two pulses."""
UPDATE_KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment shows that the stream still stands."""

_GREETING = b"retry: 1000\n\n"
_STILL_HERE = b":\n\n"
_encoder = msgspec.json.Encoder()


class LiveUpdate(msgspec.Struct, frozen=True):
    """What a pulse says: the clock of the account a page is about."""

    now: datetime
    mode: Mode
    rate: float


class LiveUpdates:
    """The pulse of some accounts, None being nobody's requests. Belongs to one event loop."""

    def __init__(self, changes: ChangeBus, accounts: Iterable[str | None] | None, stopping: asyncio.Event) -> None:
        self._changes = changes
        self._accounts = None if accounts is None else tuple(accounts)
        self._stopping = stopping
        self._changed = asyncio.Event()

    def hear(self, account: Account | None, transactions: Sequence[Transaction]) -> None:
        """Something was kept."""
        self._changed.set()

    def hear_reset(self, account: Account | None) -> None:
        """Something was forgotten."""
        self._changed.set()

    async def frames(self, update: Callable[[], LiveUpdate]) -> AsyncIterator[bytes]:
        """Server-sent events `pulse`, one at once, until the simulator stops; `beat` says what they say."""
        self._listen()
        try:
            yield _GREETING
            self._changed.set()
            while not self._stopping.is_set():
                if await self._came():
                    self._changed.clear()
                    yield b"event: pulse\ndata: %b\n\n" % _encoder.encode(update())
                    await self._rest()
                else:
                    yield _STILL_HERE
        finally:
            self._cease()

    def _listen(self) -> None:
        if self._accounts is None:
            self._changes.subscribe_to_all(self)
        for name in self._accounts or ():
            self._changes.subscribe(name, self)

    def _cease(self) -> None:
        if self._accounts is None:
            self._changes.unsubscribe_from_all(self)
        for name in self._accounts or ():
            self._changes.unsubscribe(name, self)

    async def _came(self) -> bool:
        """Whether something changed, before a comment is due; True as well when the simulator stops."""
        waits = [asyncio.ensure_future(each.wait()) for each in (self._changed, self._stopping)]
        try:
            done, _ = await asyncio.wait(waits, timeout=UPDATE_KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        return bool(done)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(UPDATE_PAUSE):
                await self._stopping.wait()
        except TimeoutError:
            return


_MEDIA_TYPE = "text/event-stream"


class LiveHandlers:
    """`/pulse`."""

    def __init__(self, office: ApiContext, changes: ChangeBus, stopping: asyncio.Event) -> None:
        self._office = office
        self._changes = changes
        self._stopping = stopping

    async def stream(self, request: Request) -> Response:
        """Beats for as long as the page is open: of the account of `?account=`, of all without one."""
        visit = page_context_of(self._office, request)
        names = {"": None, "*": (None,)}.get(visit.scope, (visit.scope,))
        updates = LiveUpdates(self._changes, names, self._stopping)

        def update() -> LiveUpdate:
            account = None if visit.account is None else self._office.directory.named(visit.account.name)
            clock = self._office.store.standing(account).clock
            return LiveUpdate(clock.now(self._office.wall.now()), clock.mode, clock.rate)

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(updates.frames(update), media_type=_MEDIA_TYPE, headers=headers)
