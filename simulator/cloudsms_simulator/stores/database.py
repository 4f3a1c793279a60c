"""The database of a durable store: what the store asks of it, and its schema, one text for all databases.

The schema grows by numbered steps. `account` has a row for each account, and one without a name for what is nobody's;
`item` has their records (see `rows`). `version` numbers what was written of an account.

Reading: R16.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from hashlib import blake2b
from typing import Protocol

import msgspec

from cloudsms_simulator.models.server import DatabaseKind
from cloudsms_simulator.stores.rows import RowKind
from cloudsms_simulator.stores.turn import AccountWrite


class AccountRow(msgspec.Struct, frozen=True):
    """An account in the database; without a `config` one that the store does not hold."""

    name: str
    version: int
    state: bytes
    config: bytes | None


class Database(Protocol):
    """Where a durable store keeps it. Methods may take their time and raise StoreError; one is called at a time.

    Those that a server calls while it answers give a future: who has an event loop awaits it.
    """

    kind: DatabaseKind
    found_schema: int
    """The number of its schema when it was opened, before that was brought up to date."""

    @property
    def schema(self) -> int:
        """The number of its schema."""
        ...

    @property
    def format(self) -> int:
        """The number of the format of its blobs."""
        ...

    @property
    def octets(self) -> int:
        """The room it takes on the disk. Any thread may ask, at any time."""
        ...

    def problems(self) -> list[str]:
        """What is wrong with it that the database itself can find; nothing when all is well."""
        ...

    def seed(self, given: int | None) -> int:
        """The seed that is given, which is kept from now on; else the one that was kept, else a new one."""
        ...

    def accounts(self) -> list[AccountRow]:
        """All accounts."""
        ...

    def requests(self) -> int:
        """The highest number of a request that may have been given away."""
        ...

    def read(
        self, account: str, kind: RowKind, after: str, version: int, limit: int
    ) -> Future[list[tuple[str, bytes]]]:
        """Keys and blobs of an account's rows of a kind, in the order of keys, behind a key; none of later versions."""
        ...

    def write(
        self, accounts: Sequence[AccountWrite], requests: int | None = None, *, replace: bool = False
    ) -> Future[None]:
        """Writes all of it or nothing. `replace`: in the place of everything there is."""
        ...

    def close(self) -> None:
        """Lets go of everything."""
        ...


def key_digest(auth_key: str | None) -> bytes | None:
    """What tells AUTH_KEYs apart in a database, where no two accounts have the same."""
    return None if auth_key is None else blake2b(auth_key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


# The schema.

FORMAT = 1
"""Of the blobs. A server reads those of its own and of lower numbers."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE server (one INTEGER PRIMARY KEY, schema BIGINT NOT NULL, format BIGINT NOT NULL, seed BIGINT,
        runs BIGINT NOT NULL DEFAULT 0, nodes BIGINT NOT NULL DEFAULT 0, requests BIGINT NOT NULL DEFAULT 0,
        accounts BIGINT NOT NULL DEFAULT 0, epoch BIGINT NOT NULL DEFAULT 0)""",
        """CREATE TABLE account (name TEXT PRIMARY KEY, digest BYTEA UNIQUE, version BIGINT NOT NULL,
        state BYTEA NOT NULL, config BYTEA, made BOOLEAN NOT NULL DEFAULT FALSE)""",
        """CREATE TABLE item (account TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, version BIGINT NOT NULL,
        blob BYTEA NOT NULL, PRIMARY KEY (account, kind, key))""",
        "INSERT INTO server (one, schema, format) VALUES (1, 0, 0)",
    ),
)
"""Step by step: the schema's number is how many were taken."""
