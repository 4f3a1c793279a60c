"""A durable store wherever a test makes one in memory, in a file of SQLite or a schema of PostgreSQL of its own."""

import asyncio
import atexit
import contextlib
import itertools
import shutil
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from cloudsms_simulator.engine.account import Account, AccountConfig
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.models.server import DatabaseKind, StorePlace
from cloudsms_simulator.services.snapshot import ConfigDocuments
from cloudsms_simulator.stores.durable import DurableStore, open_database
from cloudsms_simulator.stores.memory import DEFAULT_BYTES, DEFAULT_MESSAGES
from cloudsms_simulator.stores.store import AccountSnapshot, StoreObserver

R = TypeVar("R")

_MEMORY = "/dev/shm"
_FOLDER = Path(tempfile.mkdtemp(prefix="sqlite-stores-", dir=_MEMORY if Path(_MEMORY).is_dir() else None))
"""In memory where that can be: what is on the disk when is not what these tests are about."""
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
_numbers = itertools.count()


def new_place(kind: DatabaseKind) -> StorePlace:
    """A place where nothing is yet."""
    if kind == "postgresql":
        # Only who wants PostgreSQL needs its driver.
        from postgres_server import shared_server

        return shared_server().place()
    return StorePlace(kind, str(_FOLDER / f"{next(_numbers)}.db"))


def ask(place: StorePlace, statement: str) -> list[tuple[object, ...]]:
    """The rows that a statement gives at a place, where a server may be."""
    if place.kind == "postgresql":
        from postgres_server import shared_server

        return shared_server().sql(statement, schema=place.where.rpartition("=")[2])
    with contextlib.closing(sqlite3.connect(place.where)) as database, database:
        return database.execute(statement).fetchall()


class OwnStore(DurableStore):
    """Made as a `MemoryStore` is, at a new place if it is given none."""

    kind: DatabaseKind = "sqlite"

    def __init__(
        self,
        clock: Callable[[Account | None], Clock],
        node: Callable[[], int],
        most_messages: int = DEFAULT_MESSAGES,
        most_bytes: int = DEFAULT_BYTES,
        observer: StoreObserver | None = None,
        accounts: Iterable[AccountConfig] = (),
        place: StorePlace | None = None,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.place = place or new_place(self.kind)
        super().__init__(
            open_database(self.place),
            ConfigDocuments(),
            wall,
            clock,
            node,
            most_messages,
            most_bytes,
            observer,
            accounts,
        )


class SqliteStore(OwnStore):
    """In a file."""


class PostgresStore(OwnStore):
    """In a schema of the server that all tests of a process share."""

    kind = "postgresql"


class DrivenStore(OwnStore):
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
        """Has all records read that the database had."""
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
