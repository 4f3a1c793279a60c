"""HTTP/1.1 for the control client: writes requests, parses responses, and keeps connections.

Tests must not notice the client they use. So this uses no HTTP library: those write to the log of the user's tests,
are replaced by other tools that tests use, and take longer to import than everything else of a session. A
connection is blocked on (`BlockingConnection`, in a `ConnectionPool` for any thread) or awaited (`AsyncConnection`,
in asyncio or trio). Deadlines go by a clock that no test replaces.

Spec: none; this is how the admin API is called.
"""

import os
import selectors
import socket
import ssl
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlencode, urlsplit

import httptools
import msgspec

from cloudsms_simulator.net.wall_clock import WallClock

if TYPE_CHECKING:
    from anyio.abc import ByteStream


CONNECT_TIMEOUT = 5.0
"""Seconds to reach the server."""
_READ_AT_ONCE = 64 * 1024
_FIRST_FINAL_STATUS = 200
_DEFAULT_PORTS = {"http": 80, "https": 443}
_METHODS_WITH_LENGTH = frozenset({"POST", "PUT", "PATCH"})

_wall = WallClock()


class NoConnectionError(Exception):
    """The server cannot be reached."""


class BrokenConnectionError(Exception):
    """The connection ended before the answer did, or what came is no HTTP."""


class ServerAddress(msgspec.Struct, frozen=True):
    """Where a server is. `authority` is the value of the Host header; `path` is put before every path."""

    host: str
    port: int
    authority: str
    path: str
    secure: bool
    user: str | None
    """User and password of the URL, as `user:password`; None without any."""

    @classmethod
    def of(cls, url: str) -> Self:
        """The address in an http or https URL. Raises ValueError, saying what would be right, for anything else."""
        try:
            split = urlsplit(url)
            host, port = split.hostname, split.port
            authority = split.netloc.rpartition("@")[2].encode("idna").decode()
        except ValueError:
            host = None
        if not host or split.scheme not in _DEFAULT_PORTS:
            raise ValueError(f'got "{url}", want an address such as http://127.0.0.1:61816')
        user = None if split.username is None else f"{unquote(split.username)}:{unquote(split.password or '')}"
        return cls(
            host=host,
            port=port or _DEFAULT_PORTS[split.scheme],
            authority=authority,
            path=split.path.rstrip("/"),
            secure=split.scheme == "https",
            user=user,
        )


class HttpRequest(msgspec.Struct, frozen=True):
    """One request; values of `query` may be lists."""

    method: str
    path: str
    query: Mapping[str, object]
    headers: Mapping[str, str]
    body: bytes | None = None

    def octets(self, address: ServerAddress) -> bytes:
        """The request as it is sent. Raises ValueError for a header that cannot be sent."""
        query = f"?{urlencode(self.query, doseq=True)}" if self.query else ""
        headers = {"Host": address.authority, "Accept": "*/*"}
        if address.user is not None:
            headers["Authorization"] = f"Basic {b64encode(address.user.encode()).decode()}"
        headers |= self.headers
        if self.body is not None or self.method in _METHODS_WITH_LENGTH:
            headers["Content-Length"] = str(len(self.body or b""))
        for name, value in headers.items():
            if not value.isprintable():
                raise ValueError(f"{name}: got {value!r}, want a text in one line")
        lines = [f"{self.method} {address.path}{self.path}{query} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "\r\n"]).encode() + (self.body or b"")


class ResponseParser:
    """Parses a response as its octets arrive. Interim responses, such as 100 Continue, are skipped."""

    def __init__(self) -> None:
        self.status: int | None = None
        """The status; None until the head is complete."""
        self.complete = False
        self.can_go_on = False
        """Whether the connection can be used for another request."""
        self._pieces: list[bytes] = []
        self._has_end = False
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Parses what arrived; empty at the end of the connection. Raises BrokenConnectionError when it cannot."""
        if not data:
            # A body with neither a length nor chunks ends with its connection.
            self.complete = self.complete or (self.status is not None and not self._has_end)
            if not self.complete:
                raise BrokenConnectionError("the connection was closed before the answer ended")
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise BrokenConnectionError(f"what came is no HTTP: {error}") from error

    def taken(self) -> bytes:
        """Returns and removes what arrived of the body so far."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)

    def on_header(self, name: bytes, _value: bytes) -> None:
        """Called by the parser for a header."""
        self._has_end = self._has_end or name.lower() in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self) -> None:
        """Called by the parser when the head is complete."""
        status = self._parser.get_status_code()
        if status >= _FIRST_FINAL_STATUS:
            self.status = status

    def on_body(self, data: bytes) -> None:
        """Called by the parser for a piece of the body."""
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        """Called by the parser at the end of the response."""
        self.complete = self.status is not None
        self.can_go_on = self.complete and self._parser.should_keep_alive()


class BlockingConnection:
    """An open connection whose methods block. It belongs to the process that made it."""

    def __init__(self, address: ServerAddress, context: ssl.SSLContext | None) -> None:
        try:
            self._socket = socket.create_connection((address.host, address.port), CONNECT_TIMEOUT)
        except (OSError, UnicodeError) as error:
            raise NoConnectionError(str(error)) from error
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                self._socket = context.wrap_socket(self._socket, server_hostname=address.host)
        except OSError as error:
            self._socket.close()
            raise NoConnectionError(str(error)) from error

    @property
    def is_stale(self) -> bool:
        """Whether the server closed it: between requests nothing else can be there to read."""
        return _is_readable(self._socket.fileno())

    def begin(self, octets: bytes, deadline: float) -> ResponseParser:
        """Sends a request; returns the parser of its response. Raises TimeoutError when the deadline has passed."""
        try:
            self._socket.settimeout(_left(deadline))
            self._socket.sendall(octets)
        except TimeoutError:
            raise
        except OSError as error:
            raise BrokenConnectionError(str(error)) from error
        return ResponseParser()

    def go_on(self, answer: ResponseParser, deadline: float) -> None:
        """Reads more of a response. Raises TimeoutError when nothing comes before the deadline."""
        try:
            self._socket.settimeout(_left(deadline))
            answer.feed(self._socket.recv(_READ_AT_ONCE))
        except TimeoutError:
            raise
        except OSError as error:
            raise BrokenConnectionError(str(error)) from error

    def interrupt(self) -> None:
        """Shuts it down, so that the thread that waits for it gets a BrokenConnectionError."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Closes it."""
        self._socket.close()


class ConnectionPool:
    """The connections of one client in one process, idle ones and those in use. Any thread may use it."""

    def __init__(self, address: ServerAddress) -> None:
        self.pid = os.getpid()
        self.is_closed = False
        self._address = address
        self._context = ssl.create_default_context() if address.secure else None
        self._used: set[BlockingConnection] = set()
        self._resting: list[BlockingConnection] = []

    def take(self) -> BlockingConnection:
        """An idle connection, or a new one.

        Raises NoConnectionError when the server cannot be reached, BrokenConnectionError after `close`.
        """
        while (connection := self._rested()) is not None and connection.is_stale:
            connection.end()
        if connection is None:
            connection = BlockingConnection(self._address, self._context)
        self._used.add(connection)
        if self.is_closed:
            self.drop(connection)
            raise BrokenConnectionError("the client was closed")
        return connection

    def rest(self, connection: BlockingConnection) -> None:
        """Keeps a connection for the next request."""
        self._used.discard(connection)
        self._resting.append(connection)
        if self.is_closed:
            self._end_resting()

    def drop(self, connection: BlockingConnection) -> None:
        """Closes a connection that was taken."""
        self._used.discard(connection)
        connection.end()

    def close(self) -> None:
        """Closes all connections. Threads that use one get a BrokenConnectionError, and drop it."""
        self.is_closed = True
        for connection in list(self._used):
            connection.interrupt()
        self._end_resting()

    def _rested(self) -> BlockingConnection | None:
        try:
            return self._resting.pop()
        except IndexError:
            return None

    def _end_resting(self) -> None:
        while (connection := self._rested()) is not None:
            connection.end()


class AsyncConnection:
    """An open connection that is awaited, in asyncio or trio. It belongs to one event loop of one process."""

    def __init__(self, stream: "ByteStream") -> None:
        self._stream = stream
        self.pid = os.getpid()

    @classmethod
    async def to(cls, address: ServerAddress) -> Self:
        """Opens a connection. Raises NoConnectionError when the server cannot be reached."""
        import anyio

        try:
            with anyio.fail_after(CONNECT_TIMEOUT):
                if address.secure:
                    context = ssl.create_default_context()
                    return cls(await anyio.connect_tcp(address.host, address.port, ssl_context=context))
                return cls(await anyio.connect_tcp(address.host, address.port))
        except (OSError, UnicodeError, anyio.BrokenResourceError) as error:
            raise NoConnectionError(str(error)) from error

    @property
    def is_stale(self) -> bool:
        """Whether the server closed it: between requests nothing else can be there to read."""
        from anyio.abc import SocketAttribute

        return _is_readable(self._stream.extra(SocketAttribute.raw_socket).fileno())  # noqa: S610  # no database

    async def begin(self, octets: bytes) -> ResponseParser:
        """Sends a request; returns the parser of its response."""
        import anyio

        try:
            await self._stream.send(octets)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise BrokenConnectionError(str(error)) from error
        return ResponseParser()

    async def go_on(self, answer: ResponseParser) -> None:
        """Reads more of a response."""
        import anyio

        try:
            data = await self._stream.receive(_READ_AT_ONCE)
        except anyio.EndOfStream:
            data = b""
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise BrokenConnectionError(str(error)) from error
        answer.feed(data)

    async def end(self) -> None:
        """Closes it, also in a task that is being cancelled."""
        import anyio

        await anyio.aclose_forcefully(self._stream)


def deadline_in(seconds: float) -> float:
    """The deadline in so many seconds, for `BlockingConnection`, whatever a test does to Python's clocks."""
    return _wall.monotonic() + seconds


def _left(deadline: float) -> float:
    left = deadline - _wall.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _is_readable(fileno: int) -> bool:
    if fileno < 0:
        return True  # closed on our side, as an event loop does when it ends
    with selectors.DefaultSelector() as selector:
        selector.register(fileno, selectors.EVENT_READ)
        return bool(selector.select(0))
