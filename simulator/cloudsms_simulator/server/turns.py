"""Turns: calls that move one account's clock come one after the other, and can be called off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

Reason = Literal["reset", "deleted", "gone", "replaced", "stopped"]
_TOLD: dict[Reason, str] = {
    "reset": "the account was reset meanwhile, so nothing is left to wait for",
    "deleted": "the account was deleted meanwhile",
    "gone": "the account was reset or deleted meanwhile, so nothing is left to wait for",
    "replaced": "another state was put in the place of this one meanwhile",
    "stopped": "the simulator is stopping",
}


class CalledOffError(Exception):
    """What a call waited for will not happen any more: the account was reset or deleted, or the simulator stops."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(_TOLD[reason])
        self.reason = reason


class Turns:
    """The calls for one account. Belongs to one event loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._over = False
        self._call_off: asyncio.Future[Reason] = asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def taken(self, deadline: float | None = None) -> AsyncIterator["asyncio.Future[Reason] | None"]:
        """Waits until it is the caller's turn, at most until a moment of the loop's time: then None comes back.

        Otherwise what comes back is done as soon as the call is called off. CalledOffError when that is so already.
        """
        call_off = self._call_off
        try:
            async with asyncio.timeout_at(deadline):
                await self._lock.acquire()
        except TimeoutError:
            yield None
            return
        try:
            self._check()
            if call_off.done():
                raise CalledOffError(call_off.result())
            yield call_off
        finally:
            self._lock.release()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Waits until it is the caller's turn, for as long as that takes. Only the end of all turns calls it off."""
        async with self._lock:
            self._check()
            yield

    def end(self) -> None:
        """Lets nobody have a turn any more: the account is gone."""
        self._over = True

    def _check(self) -> None:
        if self._over:
            raise CalledOffError("deleted")

    @property
    def busy(self) -> bool:
        """Whether somebody has the turn."""
        return self._lock.locked()

    def call_off(self, reason: Reason) -> None:
        """Ends the call whose turn it is, and those that wait; not those that come later."""
        self._call_off.set_result(reason)
        self._call_off = asyncio.get_running_loop().create_future()
