"""A file of SQLite: what can be opened, what is said of what cannot be, and that nothing is left open.

Reading: R16.
"""

import asyncio
import gc
import os
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from patience import STORY

from cloudsms_simulator.engine.account import Account, AccountConfig
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.services.snapshot import ConfigDocuments
from cloudsms_simulator.stores.durable import DurableStore
from cloudsms_simulator.stores.rows import Row
from cloudsms_simulator.stores.sqlite import SqliteDatabase
from cloudsms_simulator.stores.store import StoreOpenError
from cloudsms_simulator.stores.turn import AccountWrite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept.db"


def store_of(database: SqliteDatabase) -> DurableStore:
    now = lambda: datetime(2026, 11, 22, tzinfo=UTC)  # noqa: E731
    accounts = [AccountConfig(account=Account())]
    return DurableStore(
        database, ConfigDocuments(), now, lambda _account: Clock.real(now()), lambda: 1, 10, 10**6, None, accounts
    )


def refusal(path: Path) -> str:
    """What is said of a file that cannot be opened; afterwards nothing of it is open."""
    with pytest.raises(StoreOpenError) as raised:
        SqliteDatabase(path)
    said = str(raised.value)
    del raised
    gc.collect()
    assert not [file for file in open_files() if file.startswith(str(path.parent))]
    assert said.startswith(f"store: got sqlite:{path}")
    assert "want" in said
    return said


def open_files() -> list[str]:
    """Paths that this process has open, where the system tells."""
    folder = Path("/proc/self/fd")
    links = []
    for each in folder.iterdir() if folder.is_dir() else ():
        try:
            links.append(os.readlink(each))
        except OSError:
            continue
    return links


def other_program(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE things (name TEXT)")
    db.close()


def similar_program(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE server (name TEXT)")
    db.close()


def empty_server(path: Path) -> None:
    SqliteDatabase(path).close()
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM server")
    db.close()


def newer(path: Path, what: str) -> None:
    SqliteDatabase(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"UPDATE server SET {what} = 99")
    db.close()


def cut_short(path: Path) -> None:
    SqliteDatabase(path).close()
    os.truncate(path, path.stat().st_size // 2)


# Opening


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path.mkdir(), "which is no file, want one"),
        (lambda path: path.write_bytes(b"no database, whatever it is called" * 100), "file is not a database"),
        (other_program, "a database of another program, want one of this"),
        (similar_program, "a database of another program, want one of this"),
        (empty_server, "a database of another program, want one of this"),
        (cut_short, "database disk image is malformed"),
        (lambda path: newer(path, "schema"), "a newer version of this program wrote (schema 99, format 1)"),
        (lambda path: newer(path, "format"), "a newer version of this program wrote (schema 1, format 99)"),
    ],
    ids=["folder", "text", "other", "similar", "empty", "cut", "schema", "format"],
)
def test_a_file_that_cannot_be_it_is_refused_with_a_clear_word(
    path: Path, make: Callable[[Path], None], told: str
) -> None:
    make(path)
    assert told in refusal(path)


def test_a_file_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "want a file in a folder that is there" in refusal(tmp_path / "nowhere" / "kept.db")


def test_a_file_that_cannot_be_made_is_refused() -> None:
    # Not even root makes files here.
    if not Path("/proc/self").is_dir():
        pytest.skip("this system has no folder /proc, where nobody can make files")
    assert "want a file to write" in refusal(Path("/proc/self/kept.db"))


def test_a_file_that_may_not_be_written_is_refused() -> None:
    # No mode of a file keeps root from writing, so a process that has become somebody else tries it.
    program = """
        import os, sys
        from pathlib import Path
        from cloudsms_simulator.stores.sqlite import SqliteDatabase
        if os.geteuid() == 0:
            os.setuid(65534)
        SqliteDatabase(Path(sys.argv[1]))
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kept.db"
        SqliteDatabase(path).close()
        Path(folder).chmod(0o755)
        for file in Path(folder).iterdir():
            file.chmod(0o444)
        ended = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program), path], capture_output=True, text=True, timeout=STORY
        )
    assert "want a file to write" in ended.stderr


def test_the_database_of_another_program_stays_as_it_was(path: Path) -> None:
    other_program(path)
    before = path.read_bytes()
    refusal(path)
    assert path.read_bytes() == before


def test_a_lock_that_is_none_is_told_apart_from_another_server(path: Path) -> None:
    path.with_name("kept.db.lock").write_bytes(b"something else" * 100)
    assert "kept.db.lock is no lock" in refusal(path)


def test_a_second_server_in_the_same_process_is_refused_until_the_first_ends(path: Path) -> None:
    first = SqliteDatabase(path)
    with pytest.raises(StoreOpenError, match=r"which another server has open .* want one server for a file"):
        SqliteDatabase(path)
    first.close()
    SqliteDatabase(path).close()


def test_a_second_server_in_another_process_is_refused_until_the_first_ends(path: Path) -> None:
    first = SqliteDatabase(path)
    program = f"""
        from pathlib import Path
        from cloudsms_simulator.stores.sqlite import SqliteDatabase
        SqliteDatabase(Path({str(path)!r})).close()
        """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=STORY, check=False)
    assert "which another server has open" in second.stderr
    first.close()
    subprocess.run(command, timeout=STORY, check=True)


def test_closing_twice_is_closing_once(path: Path) -> None:
    database = SqliteDatabase(path)
    database.close()
    database.close()
    assert not [file for file in open_files() if file.startswith(str(path.parent))]


# Writing


def account(name: str, key: str, **fields: object) -> AccountWrite:
    return AccountWrite(name, 1, b"state", b"config", key, configured=True, **fields)  # type: ignore[arg-type]


def test_any_number_of_rows_is_written_in_one_commit(path: Path) -> None:
    database = SqliteDatabase(path)
    commits: list[str] = []
    database._db.set_trace_callback(lambda statement: commits.append(statement) if statement == "COMMIT" else None)
    rows = [Row("m", f"{nth:04}", b"%d" % nth) for nth in range(333)]
    database.write([account("shop", "a", rows=rows)], 1000).result()
    assert [key for key, _ in database.read("shop", "m", "", 1, 1000).result()] == [row.key for row in rows]
    assert database.read("shop", "m", "0331", 1, 9).result() == [("0332", b"332")]
    assert (database.requests(), commits) == (1000, ["COMMIT"])
    database.close()


# Threads and processes


def test_no_thread_is_left_after_close(path: Path) -> None:
    before = threading.active_count()

    async def story() -> None:
        store = store_of(SqliteDatabase(path))
        await store.step(Account(), lambda transaction: transaction.begin_anew(transaction.standing.clock.virtual))
        assert threading.active_count() > before
        await store.close()

    asyncio.run(asyncio.wait_for(story(), STORY))
    assert threading.active_count() == before
    assert not [file for file in open_files() if file.startswith(str(path.parent))]


def test_a_process_ends_without_close_and_keeps_what_it_answered(path: Path) -> None:
    program = f"""
        import asyncio
        from decimal import Decimal
        from pathlib import Path
        from test_sqlite import Account, SqliteDatabase, store_of

        async def story():
            store = store_of(SqliteDatabase(Path({str(path)!r})))
            at = store.standing(Account()).clock.virtual
            await store.step(Account(), lambda transaction: transaction.move("credit", Decimal(5), at))

        asyncio.run(story())
        """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])}
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], env=environment, timeout=STORY, check=True)
    store = store_of(SqliteDatabase(path))
    assert store.standing(Account()).balance == 1005
    store.let_go()


def test_a_forked_process_that_ends_leaves_the_file_to_the_first(path: Path) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    program = f"""
        import os, sqlite3
        from pathlib import Path
        from cloudsms_simulator.stores.sqlite import SqliteDatabase
        from cloudsms_simulator.stores.store import StoreOpenError
        database = SqliteDatabase(Path({str(path)!r}))
        child = os.fork()
        if not child:
            raise SystemExit
        assert os.waitpid(child, 0)[1] == 0
        try:
            SqliteDatabase(Path({str(path)!r}))
        except StoreOpenError as error:
            assert "another server" in str(error)
        else:
            raise AssertionError("the lock is lost")
        database.write([], 77).result()
        """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], timeout=STORY, check=True)
    database = SqliteDatabase(path)
    assert database.requests() == 77
    database.close()


def test_nobody_but_its_owner_can_read_a_new_file_or_what_lies_beside_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        database = SqliteDatabase(tmp_path / "a.db")
        database.seed(1)
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
        database.close()
    finally:
        os.umask(before)
    assert {"a.db", "a.db-wal", "a.db-shm"} <= modes.keys()
    assert set(modes.values()) == {0o600}
