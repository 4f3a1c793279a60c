"""A PostgreSQL of the tests' own: started when a test first wants one, in a private folder, on a socket in it.

What it has is in memory where that can be, and it waits for no disk. It runs as the user postgres where this is root,
whom it refuses. Each place is a schema of its own in one database.
"""

import asyncio
import atexit
import contextlib
import functools
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import pytest

from cloudsms_simulator.models.server import StorePlace

_MEMORY = Path("/dev/shm")
_ROOM = 2**31
"""How much of memory has to be free for the folder to be there; containers may have very little."""
_numbers = itertools.count(1)
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=200")


@functools.cache
def programs() -> Path | None:
    """The folder of PostgreSQL's programs; None where there is none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name), reverse=True)
    known = [each for each in folders if (each / "initdb").exists()]
    found = shutil.which("initdb")
    return known[0] if known else None if found is None else Path(found).parent


needs_postgres = pytest.mark.skipif(
    programs() is None, reason="PostgreSQL is missing; Debian has it in the package postgresql"
)


class PostgresServer:
    """A server in a folder of its own. With a `port` it is reached over TCP as well, on 127.0.0.1."""

    def __init__(self, *settings: str, port: int | None = None) -> None:
        found = programs()
        assert found is not None, "PostgreSQL is not installed"
        self.programs = found
        self.port = port
        has_room = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-", dir=_MEMORY if has_room else None))
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        self.settings = (*_FAST, *settings)
        self._run("initdb", "-D", f"{self.folder}/data", "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8")
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self.programs / program, *arguments],
            user=self._user,
            cwd=self.folder,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=60,
        )

    def start(self) -> None:
        """Returns when it takes connections."""
        said = [word for setting in self.settings for word in ("-c", setting)]
        address = [] if self.port is None else ["-p", str(self.port)]
        listening = "" if self.port is None else "127.0.0.1"
        log = open(self.folder / "log", "ab")  # noqa: SIM115
        with log:
            self.process = subprocess.Popen(
                [
                    self.programs / "postgres",
                    *("-D", f"{self.folder}/data", "-k", str(self.folder), "-h", listening, *address, *said),
                ],
                user=self._user,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        while True:
            try:
                self.sql("SELECT 1")
            except (OSError, asyncpg.CannotConnectNowError):
                assert self.process.poll() is None, (self.folder / "log").read_text()
            else:
                return

    def url(self, schema: str = "public") -> str:
        """The URL of a schema, which need not be there."""
        at = f"host={self.folder}" + ("" if self.port is None else f"&port={self.port}")
        return f"postgresql://postgres@/postgres?{at}&search_path={schema}"

    def place(self) -> StorePlace:
        """A place where nothing is yet."""
        schema = f"place{next(_numbers)}"
        self.sql(f"CREATE SCHEMA {schema}")
        return StorePlace("postgresql", self.url(schema))

    def sql(self, statement: str, *values: object, schema: str = "public") -> list[tuple[object, ...]]:
        """The rows that a statement gives."""

        async def rows() -> list[tuple[object, ...]]:
            db = await asyncpg.connect(self.url(schema))
            try:
                return [tuple(row) for row in await db.fetch(statement, *values)]
            finally:
                await db.close()

        # There may be an event loop in this thread.
        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(asyncio.run, rows()).result()

    def kill(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Has it crash (SIGQUIT), or end (SIGINT)."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(30)

    def end(self) -> None:
        """Ends it, and removes what it had."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self.process is not None and self.process.poll() is None:
                self.kill(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.cache
def shared_server() -> PostgresServer:
    """One for all tests of this process."""
    server, owner = PostgresServer(), os.getpid()

    def end() -> None:
        if os.getpid() == owner:  # and no process that a test forked
            server.end()

    atexit.register(end)
    return server
