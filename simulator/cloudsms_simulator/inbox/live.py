"""`/pulse`: tells an open page, by server-sent events, that there is something new to read.

It sends at most two updates a second, whatever the traffic. An update has nothing but the time on the account's clock,
since the page asks again for what it shows; so a request costs nothing but the setting of a flag. Reading: R26.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cloudsms_simulator.api.context import ApiContext
from cloudsms_simulator.engine.clock import Mode
from cloudsms_simulator.inbox.page_context import page_context_of
from cloudsms_simulator.journal.changes import ChangeBus
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.stores.store import Change

UPDATE_PAUSE = 0.5
"""The least seconds between two updates."""
UPDATE_KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment shows that the stream is still open."""

_GREETING = b"retry: 1000\n\n"
_STILL_HERE = b":\n\n"
_encoder = msgspec.json.Encoder()


class LiveUpdate(msgspec.Struct, frozen=True):
    """What an update says: the clock of the account that a page is about."""

    now: datetime
    mode: Mode
    rate: float


class LiveUpdates:
    """The updates of one open page.

    `accounts` are the names of those it is about; a name None stands for requests of no account, and no `accounts` at
    all for everything. Belongs to one event loop.
    """

    def __init__(self, changes: ChangeBus, accounts: Iterable[str | None] | None, stopping: asyncio.Event) -> None:
        self._changes = changes
        self._accounts = None if accounts is None else tuple(accounts)
        self._stopping = stopping
        self._changed = asyncio.Event()

    def hear(self, change: Change) -> None:
        """Notes that something was committed, whatever it was."""
        self._changed.set()

    async def frames(self, update: Callable[[], LiveUpdate]) -> AsyncIterator[bytes]:
        """Server-sent events `pulse`, the first at once, until the simulator stops; `update` makes what each says."""
        self._subscribe()
        try:
            yield _GREETING
            self._changed.set()
            while not self._stopping.is_set():
                if await self._has_changed():
                    self._changed.clear()
                    yield b"event: pulse\ndata: %b\n\n" % _encoder.encode(update())
                    await self._rest()
                else:
                    yield _STILL_HERE
        finally:
            self._unsubscribe()

    def _subscribe(self) -> None:
        if self._accounts is None:
            self._changes.subscribe_to_all(self)
        for name in self._accounts or ():
            self._changes.subscribe(name, self)

    def _unsubscribe(self) -> None:
        if self._accounts is None:
            self._changes.unsubscribe_from_all(self)
        for name in self._accounts or ():
            self._changes.unsubscribe(name, self)

    async def _has_changed(self) -> bool:
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

    def __init__(self, context: ApiContext, changes: ChangeBus, stopping: asyncio.Event) -> None:
        self._context = context
        self._changes = changes
        self._stopping = stopping

    async def stream(self, request: Request) -> Response:
        """Sends updates for as long as the page is open: of the account in `?account=`, of all without one."""
        page = page_context_of(self._context, request)
        names = {"": None, "*": (None,)}.get(page.scope, (page.scope,))
        updates = LiveUpdates(self._changes, names, self._stopping)

        def update() -> LiveUpdate:
            account = None if page.account is None else self._context.directory.named(page.account.name)
            clock = self._context.store.standing(account).clock
            return LiveUpdate(clock.now(self._context.wall.now()), clock.mode, clock.rate)

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(updates.frames(update), media_type=_MEDIA_TYPE, headers=headers)
