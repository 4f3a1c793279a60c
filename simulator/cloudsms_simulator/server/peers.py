"""Peers: what an exchange keeps of the connection it came on, worked out once for a connection and not per request.

Spec: Interface specification and communication principle.
"""

from urllib.parse import quote

import msgspec
from starlette.types import Scope

from cloudsms_simulator.engine.connection import Connection, Headers, RequestLine, TlsFacts
from cloudsms_simulator.protocol.key_ring import KeyRing
from cloudsms_simulator.protocol.masking import mask, mask_headers
from cloudsms_simulator.server import connection as wire
from cloudsms_simulator.server.wall import WallClock

_LONGEST_TARGET = 1_000

Head = tuple[str, bytes | None, bytes | None, str | None, list[tuple[bytes, bytes]], str | None]
"""Method, path, query string, HTTP version and headers as they came, and the AUTH_KEY to be masked in them."""


class Known(msgspec.Struct, frozen=True):
    """A connection's facts, and the head of the request last seen on it: as it came, and with AUTH_KEYs masked."""

    connection: Connection
    head: Head
    line: RequestLine
    headers: Headers


def connection_of(scope: Scope) -> wire.Connection:
    """The connection that carries a request."""
    carrying: wire.Connection = scope["extensions"]["sim.connection"]
    return carrying


def facts_of(connection: wire.Connection) -> Connection:
    """What is kept of a connection that may never have carried a request."""
    known = connection.attachment
    if isinstance(known, Known):
        return known.connection
    tls = connection.tls if isinstance(connection.tls, TlsFacts) else None
    host, port = connection.peer
    return Connection(connection.id, host, port, tls, connection.opened_at, WallClock().now())


def peer_of(scope: Scope, keys: KeyRing, key: str | None = None) -> Known:
    """What is kept of a request's connection and head; the same value as long as head and key stay the same.

    `keys` are the AUTH_KEYs of all accounts, `key` is the one in the request's body, if one could be read.
    """
    connection = connection_of(scope)
    known = connection.attachment
    headers = scope["headers"]
    said = scope.get
    head = (scope["method"], said("raw_path"), said("query_string"), said("http_version"), headers, key)
    if isinstance(known, Known) and known.head == head:
        return known
    fresh = Known(facts_of(connection), head, _line_of(scope, keys, key), mask_headers(tuple(headers), key, keys))
    connection.attachment = fresh
    return fresh


def _line_of(scope: Scope, keys: KeyRing, key: str | None) -> RequestLine:
    path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    query: bytes = scope.get("query_string", b"")
    target = b"%b?%b" % (path, query) if query else path
    shown = mask(target, key, keys).decode("utf-8", "backslashreplace")
    if len(shown) > _LONGEST_TARGET:
        shown = f"{shown[:_LONGEST_TARGET]}…"
    return RequestLine(scope["method"], shown, scope.get("http_version", "1.1"))
