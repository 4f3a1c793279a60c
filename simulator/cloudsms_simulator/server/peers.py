"""Peers: what an exchange keeps of the connection it came on, worked out once for a connection and not per request.

Spec: Interface specification and communication principle.
"""

import msgspec
from starlette.types import Scope

from cloudsms_simulator.engine.connection import Connection, Headers, TlsFacts
from cloudsms_simulator.protocol.key_ring import KeyRing
from cloudsms_simulator.protocol.masking import mask_headers
from cloudsms_simulator.server import connection as wire
from cloudsms_simulator.server.wall import WallClock


class Known(msgspec.Struct, frozen=True):
    """A connection's facts, and the headers last seen on it: as they came, and with AUTH_KEYs masked.

    `key` is the AUTH_KEY that was looked for in them, beside what is called one.
    """

    connection: Connection
    raw_headers: list[tuple[bytes, bytes]]
    headers: Headers
    key: str | None


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
    """What is kept of a request's connection and headers; the same value as long as headers and key stay the same.

    `keys` are the AUTH_KEYs of all accounts, `key` is the one in the request's body, if one could be read.
    """
    connection = connection_of(scope)
    known = connection.attachment
    headers = scope["headers"]
    if isinstance(known, Known) and known.key == key and known.raw_headers == headers:
        return known
    fresh = Known(facts_of(connection), headers, mask_headers(tuple(headers), key, keys), key)
    connection.attachment = fresh
    return fresh
