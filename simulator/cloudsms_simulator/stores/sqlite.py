"""SQLite: the database of a durable store in one file, for one server at a time.

The file is in WAL mode, and each commit is on the disk before it counts. A second server is refused: the first holds a
lock on a file beside it, which ends with its process. Whoever only reads, such as a backup, is welcome at any time.

Reading: R16.
"""

import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from cloudsms_simulator.models.server import DatabaseKind
from cloudsms_simulator.stores.database import FORMAT, MIGRATIONS, AccountRow, key_digest
from cloudsms_simulator.stores.rows import RowKind
from cloudsms_simulator.stores.store import StoreError, StoreOpenError
from cloudsms_simulator.stores.turn import AccountWrite

_Put = tuple[str, str, str, int, bytes]

_ROWS_A_STATEMENT = (128, 32, 8, 1)
"""How many rows a statement puts: as many as fit."""
_PUT = "INSERT INTO item (account, kind, key, version, blob) VALUES "
_NEW = ""
_REPLACE = " ON CONFLICT (account, kind, key) DO UPDATE SET version = excluded.version, blob = excluded.blob"
_UNLESS_THERE = " ON CONFLICT (account, kind, key) DO NOTHING"
_IF_THERE: Mapping[RowKind, str] = {"e": _NEW, "s": _UNLESS_THERE}
"""What is done with a row that is there already: an exchange is there once, and a shared value is always the same."""
_PUT_ACCOUNT = (
    "INSERT INTO account (name, digest, version, state, config, made) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, version = excluded.version, state = excluded.state,"
    " config = excluded.config, made = excluded.made"
)
_PATIENCE_SECONDS = 1.0
"""How long a server that has the file may take to end."""
_SEEDS = 2**32
_ONLY_ITS_OWNER = 0o600
"""The mode of a new file, and of what SQLite puts beside it: there are AUTH_KEYs in it."""


class SqliteDatabase:
    """A `Database` in the file of a path, made there when absent.

    Raises StoreOpenError for a file that cannot be it, and for one that another server has.
    """

    kind: DatabaseKind = "sqlite"

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.parent.is_dir():
            raise StoreOpenError(f"store: got sqlite:{path}, want a file in a folder that is there")
        if path.exists() and not path.is_file():
            raise StoreOpenError(f"store: got sqlite:{path}, which is no file, want one")
        with ExitStack() as opened:
            self._lock = opened.enter_context(closing(self._connect(path.with_name(f"{path.name}.lock"))))
            try:
                self._lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise self._no_file_to_write(error) from error
                raise StoreOpenError(
                    f"store: got sqlite:{path}, which another server has open ({error}); want one server for a file"
                ) from error
            except sqlite3.DatabaseError as error:
                raise StoreOpenError(
                    f"store: got sqlite:{path}, beside which {path.name}.lock is no lock ({error}), want it removed"
                ) from error
            self._db = opened.enter_context(closing(self._connect(path)))
            try:
                schema = self._schema()
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = FULL")
                self._migrate(schema)
            except sqlite3.OperationalError as error:
                raise self._no_file_to_write(error) from error
            except sqlite3.DatabaseError as error:
                raise StoreOpenError(f"store: got sqlite:{path} ({error}), want a database of this program") from error
            opened.pop_all()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    def _connect(self, path: Path) -> sqlite3.Connection:
        try:
            path.touch(mode=_ONLY_ITS_OWNER)
            return sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None, check_same_thread=False)
        except (sqlite3.Error, OSError) as error:
            raise self._no_file_to_write(error) from error

    def _no_file_to_write(self, error: Exception) -> StoreOpenError:
        return StoreOpenError(f"store: got sqlite:{self._path} ({error}), want a file to write")

    def _schema(self) -> int:
        """The number of the schema it has; 0 for a new file."""
        tables = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        self.found_schema = 0
        if not tables:
            return 0
        try:
            [(schema, form)] = self._db.execute("SELECT schema, format FROM server")
        except (sqlite3.OperationalError, ValueError) as error:
            raise StoreOpenError(
                f"store: got sqlite:{self._path}, a database of another program, want one of this"
            ) from error
        self.found_schema = schema
        if schema > len(MIGRATIONS) or form > FORMAT:
            raise StoreOpenError(
                f"store: got sqlite:{self._path}, which a newer version of this program wrote (schema {schema},"
                f" format {form}), want schema {len(MIGRATIONS)} and format {FORMAT} at most: upgrade this one"
            )
        return int(schema)

    def _migrate(self, schema: int) -> None:
        """Brings the schema up to date, in one transaction."""
        if schema < len(MIGRATIONS):
            self._db.execute("BEGIN IMMEDIATE")
            for statement in (each for migration in MIGRATIONS[schema:] for each in migration):
                self._db.execute(statement)
            self._db.execute("UPDATE server SET schema = ?, format = ?", (len(MIGRATIONS), FORMAT))
            self._db.execute("COMMIT")

    @property
    def schema(self) -> int:
        """The number of its schema, which is `found_schema` if it was up to date when it was opened."""
        return len(MIGRATIONS)

    @property
    def format(self) -> int:
        """The number of the format of its blobs."""
        [(form,)] = self._db.execute("SELECT format FROM server")
        return int(form)

    def problems(self) -> list[str]:
        """What SQLite finds wrong with the file, and rows that belong to no account; nothing when all is well."""
        try:
            found = [str(line) for (line,) in self._db.execute("PRAGMA quick_check")]
            if found != ["ok"]:
                return found
            astray = self._db.execute(
                "SELECT account, count(*) FROM item WHERE account NOT IN (SELECT name FROM account) GROUP BY account"
            )
            return [f'{count} rows of account "{name}", which is not there' for name, count in astray]
        except sqlite3.DatabaseError as error:
            return [str(error)]

    def seed(self, given: int | None) -> int:
        """The seed that is given, which is kept from now on; else the one that was kept, else a new one."""
        with self._transaction():
            [(kept,)] = self._db.execute("SELECT seed FROM server")
            seed = given if given is not None else kept if kept is not None else secrets.randbelow(_SEEDS)
            if seed != kept:
                self._db.execute("UPDATE server SET seed = ?", (seed,))
        return int(seed)

    def requests(self) -> int:
        with self._errors():
            [(requests,)] = self._db.execute("SELECT requests FROM server")
        return int(requests)

    def accounts(self) -> list[AccountRow]:
        with self._errors():
            return [
                AccountRow(*row)
                for row in self._db.execute("SELECT name, version, state, config FROM account ORDER BY name")
            ]

    def read(
        self, account: str, kind: RowKind, after: str, version: int, limit: int
    ) -> Future[list[tuple[str, bytes]]]:
        return self._thread.submit(self._read, account, kind, after, version, limit)

    def _read(self, account: str, kind: RowKind, after: str, version: int, limit: int) -> list[tuple[str, bytes]]:
        with self._errors():
            return self._db.execute(
                "SELECT key, blob FROM item WHERE account = ? AND kind = ? AND key > ? AND version <= ?"
                " ORDER BY key LIMIT ?",
                (account, kind, after, version, limit),
            ).fetchall()

    def write(
        self, accounts: Sequence[AccountWrite], requests: int | None = None, *, replace: bool = False
    ) -> Future[None]:
        return self._thread.submit(self._write, accounts, requests, replace)

    def _write(self, accounts: Sequence[AccountWrite], requests: int | None, replace: bool) -> None:
        puts: dict[str, list[_Put]] = {_NEW: [], _REPLACE: [], _UNLESS_THERE: []}
        execute = self._db.execute
        with self._transaction():
            if replace:
                execute("DELETE FROM item")
                execute("DELETE FROM account")
            # One may have the AUTH_KEY that another had until now.
            configured = ((each.name,) for each in accounts if each.configured)
            self._db.executemany("UPDATE account SET digest = NULL WHERE name = ?", configured)
            for each in sorted(accounts, key=lambda each: not each.gone):
                self._write_account(each)
                for kind, key, blob in each.rows:
                    if blob is None:
                        execute("DELETE FROM item WHERE account = ? AND kind = ? AND key = ?", (each.name, kind, key))
                    else:
                        puts[_IF_THERE.get(kind, _REPLACE)].append((each.name, kind, key, each.version, blob))
            for if_there, rows in puts.items():
                self._put(rows, if_there)
            if requests is not None:
                execute("UPDATE server SET requests = ?", (requests,))

    def _write_account(self, write: AccountWrite) -> None:
        if write.wiped:
            self._db.execute("DELETE FROM item WHERE account = ?", (write.name,))
        if write.gone:
            self._db.execute("DELETE FROM account WHERE name = ?", (write.name,))
        elif write.configured:
            row = (write.name, key_digest(write.auth_key), write.version, write.state, write.config, write.made)
            self._db.execute(_PUT_ACCOUNT, row)
        else:
            moved = (write.version, write.state, write.name)
            self._db.execute("UPDATE account SET version = ?, state = ? WHERE name = ?", moved)

    def _put(self, puts: Sequence[_Put], if_there: str) -> None:
        done = 0
        for size in _ROWS_A_STATEMENT:
            while len(puts) - done >= size:
                values = [value for put in puts[done : done + size] for value in put]
                self._db.execute(_PUT + ", ".join(["(?, ?, ?, ?, ?)"] * size) + if_there, values)
                done += size

    @property
    def octets(self) -> int:
        """The room it takes on the disk."""
        files = [self._path, self._path.with_name(f"{self._path.name}-wal")]
        return sum(file.stat().st_size for file in files if file.exists())

    def close(self) -> None:
        self._thread.shutdown()
        self._db.close()
        self._lock.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from error
