"""A store in SQLite wherever a test makes one in memory, in a file of its own."""

import asyncio
import atexit
import contextlib
import itertools
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from cloudsms_simulator.engine.account import Account, AccountConfig
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.services.snapshot import ConfigDocuments
from cloudsms_simulator.stores.durable import DurableStore
from cloudsms_simulator.stores.memory import DEFAULT_BYTES, DEFAULT_MESSAGES
from cloudsms_simulator.stores.sqlite import SqliteDatabase
from cloudsms_simulator.stores.store import AccountSnapshot, StoreObserver

R = TypeVar("R")

_MEMORY = "/dev/shm"
_FOLDER = Path(tempfile.mkdtemp(prefix="sqlite-stores-", dir=_MEMORY if Path(_MEMORY).is_dir() else None))
"""In memory where that can be: what is on the disk when is not what these tests are about."""
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
_numbers = itertools.count()


class SqliteStore(DurableStore):
    """Made as a `MemoryStore` is."""

    def __init__(
        self,
        clock: Callable[[Account | None], Clock],
        node: Callable[[], int],
        most_messages: int = DEFAULT_MESSAGES,
        most_bytes: int = DEFAULT_BYTES,
        observer: StoreObserver | None = None,
        accounts: Iterable[AccountConfig] = (),
        path: Path | None = None,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.path = path or _FOLDER / f"{next(_numbers)}.db"
        super().__init__(
            SqliteDatabase(self.path),
            ConfigDocuments(),
            wall,
            clock,
            node,
            most_messages,
            most_bytes,
            observer,
            accounts,
        )


class DrivenStore(SqliteStore):
    """One that has done all there is to do when a method returns, outside of event loops: for tests that never wait."""

    loop = asyncio.new_event_loop()

    def step(
        self, account: Account | None, decide: Callable[[Transaction], R], uids: tuple[str, ...] = ()
    ) -> Awaitable[R]:
        return self._driven(lambda: super(DrivenStore, self).step(account, decide, uids))

    def look(  # type: ignore[override]
        self, account: Account | None, decide: Callable[[Transaction], R], uids: tuple[str, ...] = ()
    ) -> Awaitable[R]:
        return self._driven(lambda: super(DrivenStore, self).look(account, decide, uids))

    def restore(  # type: ignore[override]
        self, everything: Sequence[tuple[AccountConfig | None, AccountSnapshot]], requests: int
    ) -> Awaitable[None]:
        return self._driven(lambda: super(DrivenStore, self).restore(everything, requests))

    def close(self) -> Awaitable[None]:  # type: ignore[override]
        return self._driven(super().close)

    def read_all(self) -> None:
        """Has all records read that the file had."""
        self.loop.run_until_complete(super().fresh(None))

    def _driven(self, call: Callable[[], Awaitable[R]]) -> Awaitable[R]:
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop()
            return call()

        async def run() -> R:
            return await call()

        done: asyncio.Future[R] = self.loop.create_future()
        try:
            done.set_result(self.loop.run_until_complete(run()))
        except Exception as error:
            done.set_exception(error)
        return done
