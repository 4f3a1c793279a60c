"""The schema of databases: one text for all, grown by numbered steps.

`account` has a row for each account, and one named `` for what is nobody's; `item` has its records (see `rows`).
`version` numbers what was written of an account. Moments are microseconds since 1970.
"""

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
