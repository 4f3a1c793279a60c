"""A store that waits, and has everything decided twice, as one over a network may."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import TypeVar

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.stores.memory import MemoryStore

R = TypeVar("R")


class HesitantStore(MemoryStore):
    """A memory store whose steps wait for their turn, decide, wait, and decide again: the second decision counts."""

    def __init__(self, *args: object, **named: object) -> None:
        super().__init__(*args, **named)  # type: ignore[arg-type]
        self._turns: defaultdict[str | None, asyncio.Lock] = defaultdict(asyncio.Lock)

    def step(
        self, account: Account | None, decide: Callable[[Transaction], R], uids: tuple[str, ...] = ()
    ) -> Awaitable[R]:
        return asyncio.get_running_loop().create_task(self._step(account, decide, uids))

    async def _step(self, account: Account | None, decide: Callable[[Transaction], R], uids: tuple[str, ...]) -> R:
        async with self._turns[None if account is None else account.name]:
            await asyncio.sleep(0)
            with contextlib.suppress(Exception):
                await self.look(account, decide, uids)
            await asyncio.sleep(0)
            return await super().step(account, decide, uids)
