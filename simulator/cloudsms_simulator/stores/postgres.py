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
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
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
    " config = excluded.config, made = excluded.made"
)
_MOVE_ACCOUNTS = (
    "UPDATE account SET version = moved.version, state = moved.state"
    " FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS moved (name, version, state)"
    " WHERE account.name = moved.name"
)
_OCTETS = "SELECT pg_total_relation_size('account') + pg_total_relation_size('item')"
_SECONDS_BETWEEN_LOOKS_AT_OCTETS = 10.0
_SERVER = 0x636C6F7564736D73
"""The advisory lock that a server holds, beside the number of the schema its tables are in."""
_SECONDS_TO_BEGIN = 10.0
"""For which a start waits for a connection."""
_SECONDS_TO_CONNECT = 1.0
_SECONDS_FOR_A_STATEMENT = 10.0
_SECONDS_FOR_A_LOCK = 2.0
_SEEDS = 2**32
_OLDEST = 13
"""The oldest version of PostgreSQL this works with."""
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
    def get_server_version(self) -> _ServerVersion: ...
    def is_closed(self) -> bool: ...
    def terminate(self) -> None: ...
    async def close(self) -> None: ...


class PostgresDatabase:
    """A `Database` on a server, in the schema that a connection has there, whose tables are made when absent.

    Raises StoreOpenError for a server that cannot be reached or does not let anybody in, for tables that cannot be its
    own, and where another server of ours has them.
    """

    kind: DatabaseKind = "postgresql"

    def __init__(self, place: StorePlace) -> None:
        self._place = place
        self._connection: _Connection | None = None
        self._octets = 0
        self._octets_at = 0.0
        self.found_schema = 0
        self._closed = False
        self._alone = asyncio.Lock()
        """Held by whoever uses the connection, which does one thing at a time: nothing is read within a turn."""
        try:
            import asyncpg  # type: ignore[import-untyped]
        except ModuleNotFoundError as error:
            raise StoreOpenError(f"store: got {place}, for which there is no driver here; want {_EXTRA}") from error
        self._asyncpg = asyncpg
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="store", daemon=True)
        self._thread.start()
        try:
            self._run(self._open()).result()
        except BaseException as error:
            self.close()
            if isinstance(error, StoreError):
                raise StoreOpenError(f"store: got {place} ({error}), want a server that is there") from error
            raise

    def _run(self, story: Coroutine[object, object, R]) -> Future[R]:
        async def run() -> R:
            async with self._alone:
                return await story

        return asyncio.run_coroutine_threadsafe(run(), self._loop)

    async def _open(self) -> None:
        place, refusals = self._place, self._asyncpg.exceptions
        with self._errors():
            try:
                db = await self._connect(_SECONDS_TO_BEGIN)
                await self._migrate(db)
            except refusals.InvalidCatalogNameError as error:
                raise StoreOpenError(f"store: got {place} ({error}), want a database that is there") from error
            except refusals.InvalidAuthorizationSpecificationError as error:
                raise StoreOpenError(f"store: got {place} ({error}), want a user and password it lets in") from error
            except (refusals.ClientConfigurationError, ValueError) as error:
                want = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
                raise StoreOpenError(f"store: got {place} ({error}), want {want}") from error
            except (refusals.InsufficientPrivilegeError, refusals.InvalidSchemaNameError) as error:
                raise StoreOpenError(f"store: got {place} ({error}), want a user who may make tables there") from error

    async def _connect(self, seconds: float) -> _Connection:
        """A new connection that has the lock of a server."""
        db: _Connection = await asyncio.wait_for(
            self._asyncpg.connect(
                self._place.where,
                timeout=seconds,
                command_timeout=_SECONDS_FOR_A_STATEMENT,
                server_settings={
                    "application_name": "cloudsms-simulator",
                    "lock_timeout": str(round(_SECONDS_FOR_A_LOCK * 1000)),
                },
            ),
            seconds,
        )
        try:
            if db.get_server_version().major < _OLDEST:
                raise StoreOpenError(
                    f"store: got {self._place}, PostgreSQL {db.get_server_version().major}; want {_OLDEST} or later"
                )
            if not await db.fetchval(
                "SELECT pg_try_advisory_lock($1 # hashtextextended(current_schema(), 0))", _SERVER
            ):
                raise StoreOpenError(f"store: got {self._place}, which another server has; want one server for it")
        except BaseException:
            db.terminate()
            raise
        self._connection = db
        return db

    async def _migrate(self, db: _Connection) -> None:
        """Brings the schema up to date, in one transaction."""
        refusals, place = self._asyncpg.exceptions, self._place
        other = StoreOpenError(
            f"store: got {place}, where another program has tables of the same names; want a database of its own"
        )
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
                    raise StoreOpenError(
                        f"store: got {place}, which a newer version of this program wrote (schema {self.found_schema},"
                        f" format {form}), want schema {len(MIGRATIONS)} and format {FORMAT} at most: upgrade this one"
                    )
            if self.found_schema < len(MIGRATIONS):
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
            db = await self._connected()
            await self._look_at_octets(db)
            rows = await db.fetch("SELECT name, version, state, config FROM account")
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
            db = await self._connected()
            await db.execute("BEGIN")
            try:
                await self._put_all(db, accounts, requests, replace)
            except BaseException:
                if not db.is_closed():
                    await db.execute("ROLLBACK")
                raise
            try:
                await db.execute("COMMIT")
            except (OSError, TimeoutError, self._asyncpg.InterfaceError, self._asyncpg.PostgresConnectionError):
                if not await self._is_kept(accounts):
                    raise
        if time.monotonic() - self._octets_at > _SECONDS_BETWEEN_LOOKS_AT_OCTETS:
            with self._errors():
                await self._look_at_octets(await self._connected())

    async def _put_all(
        self,
        db: _Connection,
        accounts: Sequence[AccountWrite],
        requests: int | None,
        replace: bool,
    ) -> None:
        if replace:
            await db.execute("DELETE FROM item")
            await db.execute("DELETE FROM account")
        wiped, gone = [each.name for each in accounts if each.wiped], [each.name for each in accounts if each.gone]
        if wiped:
            await db.execute("DELETE FROM item WHERE account = ANY($1)", wiped)
        if gone:
            await db.execute("DELETE FROM account WHERE name = ANY($1)", gone)
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
            await db.execute(_PUT_ACCOUNTS, *zip(*rows, strict=True))
        moved = [(each.name, each.version, each.state) for each in accounts if not (each.configured or each.gone)]
        if moved:
            await db.execute(_MOVE_ACCOUNTS, *zip(*moved, strict=True))
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

    async def _is_kept(self, accounts: Sequence[AccountWrite]) -> bool:
        """Whether the database has what was being committed when the connection broke."""
        there = next((each for each in accounts if not each.gone), None)
        if there is None:
            return False
        version = await (await self._connected()).fetchval("SELECT version FROM account WHERE name = $1", there.name)
        return bool(version == there.version)

    async def _look_at_octets(self, db: _Connection) -> None:
        self._octets, self._octets_at = cast("int", await db.fetchval(_OCTETS)), time.monotonic()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._connection is not None:
            self._run(self._disconnect(self._connection)).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _disconnect(self, db: _Connection) -> None:
        try:
            await asyncio.wait_for(db.close(), _SECONDS_TO_CONNECT)
        except (OSError, TimeoutError, self._asyncpg.InterfaceError, self._asyncpg.PostgresError):
            db.terminate()

    async def _connected(self) -> _Connection:
        """The connection, made anew if it broke."""
        if self._connection is None or self._connection.is_closed():
            return await self._connect(_SECONDS_TO_CONNECT)
        return self._connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, TimeoutError, self._asyncpg.InterfaceError, self._asyncpg.PostgresError) as error:
            raise StoreError(f"{self._place}: {str(error) or type(error).__name__}") from error
