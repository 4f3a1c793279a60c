"""PostgreSQL: the database of a durable store on an engine that is there already.

A thread of its own has the connection, and an event loop for it: whoever calls gets a future. What a turn writes is one
transaction. A connection that breaks is made anew with the next call. Where it broke while a transaction was being
committed, the rows tell how that ended.

Reading: R16.
"""

import asyncio
import secrets
import threading
import time
import weakref
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Protocol, TypeVar, cast

from cloudsms_simulator.models.server import DatabaseKind, StorePlace
from cloudsms_simulator.stores.database import FORMAT, MIGRATIONS, AccountRow, key_digest
from cloudsms_simulator.stores.rows import RowKind
from cloudsms_simulator.stores.store import StoreError, StoreOpenError
from cloudsms_simulator.stores.turn import AccountWrite

R = TypeVar("R")

_Put = tuple[str, str, str, int, bytes]

_PUT = (
    "INSERT INTO item (account, kind, key, version, blob)"
    " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bytea[])"
)
_NEW = ""
_REPLACE = " ON CONFLICT (account, kind, key) DO UPDATE SET version = excluded.version, blob = excluded.blob"
_UNLESS_THERE = " ON CONFLICT (account, kind, key) DO NOTHING"
_IF_THERE: Mapping[RowKind, str] = {"e": _NEW, "s": _UNLESS_THERE}
"""What is done with a row that is there already: an exchange is there once, and a shared value is always the same."""
_DELETE = (
    "DELETE FROM item USING unnest($1::text[], $2::text[], $3::text[]) AS gone (account, kind, key)"
    " WHERE item.account = gone.account AND item.kind = gone.kind AND item.key = gone.key"
)
_PUT_ACCOUNTS = (
    "INSERT INTO account (name, digest, version, state, config, made)"
    " SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::bytea[], $5::bytea[], $6::boolean[])"
    " ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, version = excluded.version, state = excluded.state,"
    " config = excluded.config, made = excluded.made RETURNING pg_current_xact_id()::text"
)
_MOVE_ACCOUNTS = (
    "UPDATE account SET version = moved.version, state = moved.state"
    " FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS moved (name, version, state)"
    " WHERE account.name = moved.name RETURNING pg_current_xact_id()::text"
)
_DELETE_ACCOUNTS = "DELETE FROM account WHERE name = ANY($1) RETURNING pg_current_xact_id()::text"
_OCTETS = "SELECT pg_total_relation_size('account') + pg_total_relation_size('item')"
_SECONDS_BETWEEN_LOOKS_AT_OCTETS = 10.0
_LOOKS_NOWHERE_ELSE = "SELECT set_config('search_path', quote_ident(current_schema()), false)"
"""Tables of the same names in a schema further behind are somebody else's."""
_WAITS_FOR_THE_DISK = (
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)
"""What is answered survives a crash, and nothing is in the view that the database may lose."""
_SERVER = 0x636C6F7564736D73
"""The advisory lock that a server holds, beside the number of the schema its tables are in."""
_END = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE pid = $2 AND locktype = 'advisory'"
    " AND classid::bigint << 32 | objid::bigint = $1 # hashtextextended(current_schema(), 0)"
)
_SECONDS_TO_BEGIN = 10.0
"""For which a start waits for a connection."""
_SECONDS_TO_CONNECT = 1.0
_SECONDS_FOR_A_STATEMENT = 10.0
_SECONDS_FOR_A_LOCK = 2.0
_SEEDS = 2**32
_OLDEST = 13
"""The oldest version of PostgreSQL this works with."""
_URL = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, in it %2F for a /, %40 for an @ and so on"
_EXTRA = "pip install 'cloudsms-simulator[postgresql]'"


class _Transaction(Protocol):
    async def __aenter__(self) -> object: ...
    async def __aexit__(self, *exception: object) -> object: ...


class _ServerVersion(Protocol):
    major: int


class _Connection(Protocol):
    """What is used of a connection of asyncpg, which does not tell types itself."""

    async def execute(self, query: str, *values: object) -> object: ...
    async def fetch(self, query: str, *values: object) -> Sequence[Sequence[object]]: ...
    async def fetchval(self, query: str, *values: object) -> object: ...
    def transaction(self) -> _Transaction: ...
    def get_server_pid(self) -> int: ...
    def get_server_version(self) -> _ServerVersion: ...
    def is_closed(self) -> bool: ...
    def terminate(self) -> None: ...
    async def close(self) -> None: ...


class PostgresDatabase:
    """A `Database` on a server, in the schema that a connection has there, whose tables are made when absent.

    Unless it `migrates` they must be there, and stay as they are.

    Raises StoreOpenError for a server that cannot be reached or does not let anybody in, for tables that cannot be its
    own, and where another server of ours has them.
    """

    kind: DatabaseKind = "postgresql"

    def __init__(self, place: StorePlace, *, migrates: bool = True) -> None:
        self._place, self._migrates = place, migrates
        self._connections: list[_Connection] = []
        """The one there is, if there is one; its thread ends it where nobody closes this."""
        self._process = 0
        """The number of the server's process that the connection talks to, or the last one talked to."""
        self._octets = 0
        self._octets_at = 0.0
        self.found_schema = 0
        self._alone = asyncio.Lock()
        """Held by whoever uses the connection, which does one thing at a time: nothing is read within a turn."""
        try:
            import asyncpg  # type: ignore[import-untyped]
        except ModuleNotFoundError as error:
            raise StoreOpenError(f"store: got {place}, for which there is no driver here; want {_EXTRA}") from error
        self._asyncpg = asyncpg
        errors = asyncpg.exceptions
        self._try_another = (OSError, asyncpg.CannotConnectNowError, errors.InternalClientError)
        """What may be otherwise with another host."""
        self._failures = (OSError, asyncpg.InterfaceError, asyncpg.PostgresError, errors.InternalClientError)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=_serve, args=(self._loop, self._connections), name="store", daemon=True)
        self._thread.start()
        self._end = weakref.finalize(self, self._loop.call_soon_threadsafe, self._loop.stop)
        try:
            self._run(self._open()).result()
        except BaseException:
            self.close()
            raise

    def _run(self, story: Coroutine[object, object, R]) -> Future[R]:
        async def run() -> R:
            async with self._alone:
                return await story

        return asyncio.run_coroutine_threadsafe(run(), self._loop)

    async def _open(self) -> None:
        refusals = self._asyncpg.exceptions
        try:
            db = await self._connect(_SECONDS_TO_BEGIN)
            await self._migrate(db)
            await self._look_at_octets(db)
        except refusals.ClientConfigurationError as error:
            # What is wrong with the parts of a URL would be told with a part of the password, where that has a / or @.
            told = "" if "URI" in str(error) else f" ({error})"
            raise self._refusal(told, _URL) from None
        except refusals.InvalidCatalogNameError as error:
            raise self._refusal(f" ({error})", "a database that is there") from error
        except refusals.InvalidAuthorizationSpecificationError as error:
            raise self._refusal(f" ({error})", "a user and password it lets in") from error
        except refusals.InsufficientPrivilegeError as error:
            raise self._refusal(f" ({error})", "a user who may make tables there") from error
        except self._failures as error:
            raise self._refusal(f" ({_words(error)})", "a server that takes this connection") from error
        except ValueError:
            raise self._refusal("", _URL) from None

    def _refusal(self, got: str, want: str) -> StoreOpenError:
        return StoreOpenError(f"store: got {self._place}{got}{';' if got.startswith(',') else ','} want {want}")

    async def _connect(self, seconds: float) -> _Connection:
        """A new connection, within so many seconds for each host, that has the lock of a server."""
        db = await self._connect_to_any(seconds)
        try:
            if (major := db.get_server_version().major) < _OLDEST:
                raise self._refusal(f", PostgreSQL {major}", f"{_OLDEST} or later")
            if not await db.fetchval("SELECT current_schema()"):
                raise self._refusal(", where it has no schema", "one that is there and that its user may use")
            await db.execute(_LOOKS_NOWHERE_ELSE)
            await db.execute(_WAITS_FOR_THE_DISK)
            await self._lock(db)
        except BaseException:
            db.terminate()
            raise
        self._connections[:], self._process = [db], db.get_server_pid()
        return db

    async def _connect_to_any(self, seconds: float) -> _Connection:
        """A connection to the first host that takes one. The driver lets one that never answers use up all the time."""
        *others, last = _one_host_each(self._place.where)
        for url in others:
            with suppress(*self._try_another):
                return await self._connect_to(url, seconds)
        return await self._connect_to(last, seconds)

    async def _connect_to(self, url: str, seconds: float) -> _Connection:
        connecting: Coroutine[object, object, _Connection] = self._asyncpg.connect(
            url,
            timeout=seconds,
            command_timeout=_SECONDS_FOR_A_STATEMENT,
            server_settings={
                "application_name": "cloudsms-simulator",
                "lock_timeout": str(round(_SECONDS_FOR_A_LOCK * 1000)),
            },
        )
        return await asyncio.wait_for(connecting, seconds)

    async def _lock(self, db: _Connection) -> None:
        """Takes the lock of a server, which a connection of our own may have that broke and does not know it."""
        await db.execute(_END, _SERVER, self._process)
        try:
            await db.execute("SELECT pg_advisory_lock($1 # hashtextextended(current_schema(), 0))", _SERVER)
        except self._asyncpg.LockNotAvailableError as error:
            raise self._refusal(", which another server has", "one server for it") from error

    async def _migrate(self, db: _Connection) -> None:
        """Brings the schema up to date, in one transaction."""
        refusals = self._asyncpg.exceptions
        other = self._refusal(", where another program has tables of the same names", "a database of its own")
        async with db.transaction():
            if await db.fetchval("SELECT to_regclass('server') IS NOT NULL"):
                try:
                    rows = await db.fetch("SELECT schema, format FROM server FOR UPDATE")
                except refusals.UndefinedColumnError as error:
                    raise other from error
                if len(rows) != 1:
                    raise other
                self.found_schema, form = cast("tuple[int, int]", rows[0])
                if self.found_schema > len(MIGRATIONS) or form > FORMAT:
                    raise self._refusal(
                        f", which a newer version of this program wrote (schema {self.found_schema}, format {form})",
                        f"schema {len(MIGRATIONS)} and format {FORMAT} at most: upgrade this one",
                    )
            if not (self._migrates or self.found_schema):
                raise self._refusal(", where nothing is kept", "a store that is there")
            if self._migrates and self.found_schema < len(MIGRATIONS):
                try:
                    for statement in (each for migration in MIGRATIONS[self.found_schema :] for each in migration):
                        await db.execute(statement)
                except refusals.DuplicateTableError as error:
                    raise other from error
                await db.execute("UPDATE server SET schema = $1, format = $2", len(MIGRATIONS), FORMAT)

    @property
    def schema(self) -> int:
        """The number of its schema, which is `found_schema` if it was up to date when it was opened."""
        return len(MIGRATIONS)

    @property
    def format(self) -> int:
        """The number of the format of its blobs."""
        return self._number("SELECT format FROM server")

    @property
    def octets(self) -> int:
        """The room that its tables took a short while ago."""
        return self._octets

    def problems(self) -> list[str]:
        """Rows that belong to no account; nothing when all is well."""
        return self._run(self._problems()).result()

    async def _problems(self) -> list[str]:
        with self._errors():
            astray = await (await self._connected()).fetch(
                "SELECT account, count(*) FROM item WHERE account NOT IN (SELECT name FROM account) GROUP BY account"
            )
        return [f'{count} rows of account "{name}", which is not there' for name, count in astray]

    def seed(self, given: int | None) -> int:
        """The seed that is given, which is kept from now on; else the one that was kept, else a new one."""
        drawn = secrets.randbelow(_SEEDS)
        return self._number(
            "UPDATE server SET seed = coalesce($1::bigint, seed, $2::bigint) RETURNING seed", given, drawn
        )

    def requests(self) -> int:
        return self._number("SELECT requests FROM server")

    def _number(self, query: str, *values: object) -> int:
        async def number() -> int:
            with self._errors():
                return cast("int", await (await self._connected()).fetchval(query, *values))

        return self._run(number()).result()

    def accounts(self) -> list[AccountRow]:
        return self._run(self._accounts()).result()

    async def _accounts(self) -> list[AccountRow]:
        with self._errors():
            rows = await (await self._connected()).fetch("SELECT name, version, state, config FROM account")
        found = cast("Sequence[tuple[str, int, bytes, bytes | None]]", rows)
        return sorted((AccountRow(*row) for row in found), key=lambda each: each.name)

    def read(
        self, account: str, kind: RowKind, after: str, version: int, limit: int
    ) -> Future[list[tuple[str, bytes]]]:
        return self._run(self._read(account, kind, after, version, limit))

    async def _read(self, account: str, kind: RowKind, after: str, version: int, limit: int) -> list[tuple[str, bytes]]:
        with self._errors():
            rows = await (await self._connected()).fetch(
                "SELECT key, blob FROM item WHERE account = $1 AND kind = $2 AND key > $3 AND version <= $4"
                " ORDER BY key LIMIT $5",
                account,
                kind,
                after,
                version,
                limit,
            )
        return [(key, blob) for key, blob in cast("Sequence[tuple[str, bytes]]", rows)]

    def write(
        self, accounts: Sequence[AccountWrite], requests: int | None = None, *, replace: bool = False
    ) -> Future[None]:
        return self._run(self._write(accounts, requests, replace))

    async def _write(self, accounts: Sequence[AccountWrite], requests: int | None, replace: bool) -> None:
        with self._errors():
            db = await self._begun()
            try:
                number = await self._put_all(db, accounts, requests, replace)
            except BaseException:
                try:
                    await db.execute("ROLLBACK")
                except self._failures:
                    db.terminate()
                raise
            try:
                await db.execute("COMMIT")
            except self._failures:
                db.terminate()
                if not await self._is_kept(number):
                    raise
        if time.monotonic() - self._octets_at > _SECONDS_BETWEEN_LOOKS_AT_OCTETS:
            # What was written is there, whatever becomes of this.
            with suppress(*self._failures, StoreError):
                await self._look_at_octets(await self._connected())

    async def _begun(self) -> _Connection:
        """The connection, in a new transaction. It may have broken since it was last used, without a word."""
        db = await self._connected()
        try:
            await db.execute("BEGIN")
        except self._failures:
            db.terminate()
            db = await self._connected()
            await db.execute("BEGIN")
        return db

    async def _put_all(
        self,
        db: _Connection,
        accounts: Sequence[AccountWrite],
        requests: int | None,
        replace: bool,
    ) -> object:
        """The number that the transaction has in the database; None if it writes no account."""
        number: object = None
        if replace:
            await db.execute("DELETE FROM item")
            await db.execute("DELETE FROM account")
        wiped, gone = [each.name for each in accounts if each.wiped], [each.name for each in accounts if each.gone]
        if wiped:
            await db.execute("DELETE FROM item WHERE account = ANY($1)", wiped)
        if gone:
            number = await db.fetchval(_DELETE_ACCOUNTS, gone)
        configured = [each for each in accounts if each.configured and not each.gone]
        if configured:
            # One may have the AUTH_KEY that another had until now.
            await db.execute(
                "UPDATE account SET digest = NULL WHERE name = ANY($1)", [each.name for each in configured]
            )
            rows = [
                (each.name, key_digest(each.auth_key), each.version, each.state, each.config, each.made)
                for each in configured
            ]
            number = await db.fetchval(_PUT_ACCOUNTS, *zip(*rows, strict=True))
        moved = [(each.name, each.version, each.state) for each in accounts if not (each.configured or each.gone)]
        if moved:
            number = await db.fetchval(_MOVE_ACCOUNTS, *zip(*moved, strict=True))
        deleted: list[tuple[str, str, str]] = []
        puts: dict[str, list[_Put]] = {_NEW: [], _REPLACE: [], _UNLESS_THERE: []}
        for each in accounts:
            for kind, key, blob in each.rows:
                if blob is None:
                    deleted.append((each.name, kind, key))
                else:
                    puts[_IF_THERE.get(kind, _REPLACE)].append((each.name, kind, key, each.version, blob))
        if deleted:
            await db.execute(_DELETE, *zip(*deleted, strict=True))
        for if_there, rows_put in puts.items():
            if rows_put:
                await db.execute(_PUT + if_there, *zip(*rows_put, strict=True))
        if requests is not None:
            await db.execute("UPDATE server SET requests = $1", requests)
        return number

    async def _is_kept(self, number: object) -> bool:
        """Whether a transaction was committed, of which the connection broke meanwhile."""
        status, db = None, await self._connected()
        async with asyncio.timeout(_SECONDS_FOR_A_STATEMENT):
            while status in (None, "in progress") and number is not None:
                status = await db.fetchval("SELECT pg_xact_status($1::text::xid8)", number)
        return status == "committed"

    async def _look_at_octets(self, db: _Connection) -> None:
        self._octets, self._octets_at = cast("int", await db.fetchval(_OCTETS)), time.monotonic()

    def close(self) -> None:
        if self._end.alive:
            self._run(self._disconnect()).result()
            self._end()
            self._thread.join()

    async def _disconnect(self) -> None:
        for db in self._connections:
            try:
                await asyncio.wait_for(db.close(), _SECONDS_TO_CONNECT)
            except self._failures:
                db.terminate()

    async def _connected(self) -> _Connection:
        """The connection, made anew if it broke."""
        for db in self._connections:
            if not db.is_closed():
                return db
        return await self._connect(_SECONDS_TO_CONNECT)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except self._failures as error:
            raise StoreError(f"{self._place}: {_words(error)}") from error


def _one_host_each(url: str) -> Sequence[str]:
    """The same URL for each of the hosts that it names before its path, in their order."""
    scheme, slashes, rest = url.partition("://")
    place, path = rest, ""
    for each in "/?#":
        place, found, behind = place.partition(each)
        path = f"{found}{behind}{path}"
    user, at, hosts = place.rpartition("@")
    return [f"{scheme}{slashes}{user}{at}{host}{path}" for host in hosts.split(",")]


def _words(error: Exception) -> str:
    return str(error) or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)


def _serve(loop: asyncio.AbstractEventLoop, connections: Sequence[_Connection]) -> None:
    """Runs a loop until it is stopped; then ends connections that nobody closed."""
    loop.run_forever()
    for each in connections:
        each.terminate()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
