"""An HTTP/1.1 client: requests go out octet for octet, connections stay open, and everything has a deadline.

`parse_url` and `post_head` make the octets of a request. `HttpClient.exchange` sends them on a connection that is open
and idle, the one used last, or on a new one; `HttpClient.connection` opens one for a caller who writes a request piece
by piece. Both end in a `ClientConnection`, which reads the answer with an `AnswerParser` (`http_parser`).

Connecting takes the address of a host that answers first, and does the TLS handshake then. Addresses of both families
take turns, in the order that the system prefers, and an attempt begins every 250 ms until one succeeds (happy eyeballs,
RFC 8305); uvloop cannot do this by itself. An idle connection that the server has closed is no failure: the request is
sent again, once, on a connection made for it. Redirects are not followed; proxies, cookies and content codings are not
known here.

Moments are those of the event loop, in seconds. A client belongs to one event loop.
"""

import asyncio
import math
import socket
import ssl
import struct
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from itertools import chain, zip_longest
from operator import attrgetter
from typing import Any, Protocol, cast
from urllib.parse import quote, unquote, urlsplit

import msgspec

from cloudsms_simulator.engine.records import TlsFacts
from cloudsms_simulator.net.http_parser import AnswerParser, BadAnswerError, HttpAnswer, HttpClientError
from cloudsms_simulator.net.tls import tls_facts

# Requests


class HttpUrl(msgspec.Struct, frozen=True):
    """Where a request goes, as its URL says it."""

    is_tls: bool
    host: str
    """A name or an address in ASCII; of IPv6 without brackets."""
    port: int
    authority: bytes
    """What the Host header says: without credentials, and without the port that is the scheme's own."""
    target: bytes
    """Path and query, octet for octet. What a request line cannot hold (blanks, controls, letters that are not ASCII)
    is percent-encoded."""
    credentials: bytes | None
    """`user:password`, where the URL has them."""


_PORTS = {"http": 80, "https": 443}
_PRINTABLE_ASCII = "".join(map(chr, range(0x21, 0x7F)))


@lru_cache(maxsize=256)
def parse_url(url: str) -> HttpUrl:
    """Takes a URL apart. ValueError for one that is no address of an HTTP server."""
    split = urlsplit(url)
    if split.scheme not in _PORTS or not split.hostname:
        raise ValueError(f"{url} is no address of an HTTP server")
    host = split.hostname.encode("idna").decode()
    if not host.isprintable() or " " in host:
        raise ValueError(f"{url} has no name or address of a host")
    port = split.port or _PORTS[split.scheme]
    authority = f"[{host}]" if ":" in host else host
    if port != _PORTS[split.scheme]:
        authority += f":{port}"
    credentials = None
    if split.username is not None:
        credentials = f"{unquote(split.username)}:{unquote(split.password or '')}".encode()
    return HttpUrl(split.scheme == "https", host, port, authority.encode(), _target_of(url), credentials)


def _target_of(url: str) -> bytes:
    """Cut out of the text: whoever takes a URL apart and puts it together again changes octets that may be signed."""
    after_scheme = url.partition("//")[2].partition("#")[0]
    starts = [start for start in (after_scheme.find("/"), after_scheme.find("?")) if start >= 0]
    target = after_scheme[min(starts) :] if starts else ""
    return quote(target if target.startswith("/") else f"/{target}", safe=_PRINTABLE_ASCII).encode()


def post_head(url: HttpUrl, *headers: bytes) -> bytes:
    """The head of a POST up to the header that says how long its body is; `headers` are further lines."""
    lines = [b"POST %b HTTP/1.1" % url.target, b"Host: %b" % url.authority, *headers]
    if url.credentials is not None:
        lines.append(b"Authorization: Basic %b" % b64encode(url.credentials))
    return b"".join(b"%b\r\n" % line for line in lines)


def content_length(octets: int) -> bytes:
    """The header that says how long the body is, and the end of the head."""
    return b"Content-Length: %d\r\n\r\n" % octets


# Why there is no answer


class ConnectError(HttpClientError):
    """There was no connection, or no TLS on it: `cause` is what the system or OpenSSL says."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class ConnectTimeoutError(HttpClientError):
    """There was no connection within so many `seconds`, or no handshake."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no connection within {seconds:g} s")
        self.seconds = seconds


class AnswerTimeoutError(HttpClientError):
    """The head of an answer did not come before the deadline."""


class ConnectionLostError(HttpClientError):
    """The connection ended before the head of an answer was whole; `cause` is what the system says, if anything."""

    def __init__(self, cause: Exception | None, *, is_stale: bool = False) -> None:
        super().__init__("the connection ended without an answer")
        self.cause = cause
        self.is_stale = is_stale
        """Whether it had carried answers before, and not one octet of this one: the server had closed it."""


# Deadlines


class Expiring(Protocol):
    """Something with a deadline."""

    moment: float
    """When it is over, by the event loop's clock."""

    def expire(self) -> None:
        """Called when the deadline has passed."""


_moment_of = attrgetter("moment")
_CLOSE_ENOUGH = 0.0005
"""Seconds before its moment at which a deadline is over already: timers of uvloop count in milliseconds."""


class Deadlines:
    """Deadlines that share one timer: a timer for each costs a tenth of what a push costs, and hardly any goes off."""

    def __init__(self) -> None:
        self._watched: dict[Expiring, None] = {}
        self._timer: asyncio.Handle | None = None
        self._moment = math.inf
        """When the timer goes off. Handles of uvloop do not tell it where it is less than half a millisecond away."""

    def watch(self, item: Expiring, moment: float) -> None:
        """Calls `item.expire` at a moment, unless it is watched for another one by then or forgotten."""
        item.moment = moment
        self._watched[item] = None
        if moment < self._moment:
            self._set(moment)

    def forget(self, item: Expiring) -> None:
        """Calls nothing. The timer goes off all the same, unless nothing is left that is watched."""
        self._watched.pop(item, None)
        if not self._watched:
            self._unset()

    def _look(self) -> None:
        self._unset()
        now = asyncio.get_running_loop().time() + _CLOSE_ENOUGH
        for item in sorted((each for each in self._watched if each.moment <= now), key=_moment_of):
            item.moment = math.inf
            item.expire()
        moment = min((each.moment for each in self._watched), default=math.inf)
        if moment < self._moment:
            self._set(moment)

    def _set(self, moment: float) -> None:
        self._unset()
        self._moment = moment
        self._timer = asyncio.get_running_loop().call_at(moment, self._look)

    def _unset(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._moment = math.inf


# Connections

_IDLE_SECONDS = 60.0
"""How long an idle connection is kept."""
_CLOSING_SECONDS = 1.0
"""How long the other side has to take leave."""
_POLL_SECONDS = 0.001
"""How often a reset looks whether everything is written."""

_PoolKey = tuple[str, int, ssl.SSLContext | None]


class ClientConnection(asyncio.Protocol):
    """One connection to a server. It waits for an answer from the beginning, until a moment: a server may be early.

    `write` a request and await its `answer`. What kept it from coming is raised there, however early that was.
    """

    def __init__(self, pool: "HttpClient", key: _PoolKey, deadline: float, *, is_pooled: bool) -> None:
        loop = asyncio.get_running_loop()
        self.key = key
        self.moment = deadline
        self.tls: TlsFacts | None = None
        """What the handshake settled on; None on plain HTTP."""
        self._pool = pool
        self._is_pooled = is_pooled
        self._is_reused = False
        self._is_left = False
        """Whether this side ended it."""
        self._parser = AnswerParser()
        self._transport: asyncio.Transport | None = None
        self._outcome: asyncio.Future[HttpAnswer | HttpClientError] = loop.create_future()
        """What comes of the request. An error is a result of it: nobody may be there to take an exception."""
        self.ended: asyncio.Future[None] = loop.create_future()
        """Done when the connection is gone."""

    @property
    def is_lost(self) -> bool:
        """Whether nothing can be written any more."""
        return self._transport is None or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Writes octets of a request; none where the connection is lost, which `answer` tells."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def answer(self) -> HttpAnswer:
        """The answer. Raises AnswerTimeoutError, ConnectionLostError or BadAnswerError where there is none."""
        try:
            outcome = await self._outcome
        except asyncio.CancelledError:
            self.abort()
            raise
        if isinstance(outcome, HttpClientError):
            raise outcome
        return outcome

    def reuse(self, deadline: float) -> None:
        """Waits for one more answer, on an idle connection."""
        self._is_reused = True
        self._parser.begin()
        self._outcome = asyncio.get_running_loop().create_future()
        self._pool.deadlines.watch(self, deadline)

    async def close(self) -> None:
        """Closes in order, once everything is written; a side that does not take leave within a second is left."""
        self.leave()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await asyncio.shield(self.ended)
        self.abort()

    async def reset(self) -> None:
        """Ends the connection with a reset, once everything is written that can be before the deadline."""
        deadline, loop = self.moment, asyncio.get_running_loop()
        while True:
            # What an event loop was given it may write only when it comes round again.
            await asyncio.sleep(_POLL_SECONDS)
            if self._transport is None or not self._transport.get_write_buffer_size() or loop.time() >= deadline:
                break
        if self._transport is not None:
            sock = self._transport.get_extra_info("socket")
            if sock is not None:
                with suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    def abort(self) -> None:
        """Ends the connection at once."""
        self._is_left = True
        if self._transport is not None:
            self._transport.abort()

    def expire(self) -> None:
        """The deadline is over: of an answer, of being idle, or of taking leave."""
        if self._is_waiting:
            if self._parser.status is not None:
                self._end_with_answer(keep=False)
            else:
                self._end_without(AnswerTimeoutError("no answer in time"))
            self.abort()
        elif self.is_lost:
            self.abort()
        else:
            self.leave()

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there, TLS included."""
        self._transport = cast("asyncio.Transport", transport)
        secured = transport.get_extra_info("ssl_object")
        if secured is not None:
            self.tls = tls_facts(secured)
        self._pool.opened(self)

    def data_received(self, data: bytes) -> None:
        """Reads octets of an answer. Octets that nobody waits for end the connection."""
        parser = self._parser
        if not self._is_waiting:
            # Nobody asked for them, so nobody knows what the next ones would be an answer to.
            self.leave()
            return
        try:
            parser.feed(data)
        except BadAnswerError as error:
            self._end_without(error)
            self.leave()
            return
        if parser.complete:
            self._end_with_answer(keep=parser.keeps_open and self._is_pooled)

    def eof_received(self) -> None:
        """The other side writes nothing more. The transport closes itself then."""
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._end(exc)
        self._parser.close()
        self._pool.lost(self)
        if not self.ended.done():
            self.ended.set_result(None)

    # How an answer ends

    @property
    def _is_waiting(self) -> bool:
        return not self._outcome.done()

    def _end(self, cause: Exception | None) -> None:
        self._pool.drop(self)
        if self._is_waiting:
            if self._parser.status is not None:
                self._end_with_answer(keep=False)
            else:
                is_stale = self._is_reused and not self._is_left and not self._parser.has_begun
                self._end_without(ConnectionLostError(cause, is_stale=is_stale))

    def _end_with_answer(self, *, keep: bool) -> None:
        parser = self._parser
        assert parser.status is not None
        self._outcome.set_result(HttpAnswer(parser.status, bytes(parser.body), parser.location, self.tls))
        parser.begin()  # of the answer nothing else is kept
        if keep:
            self._pool.keep(self)
        elif self._is_pooled:
            self.leave()

    def _end_without(self, error: HttpClientError) -> None:
        self._outcome.set_result(error)

    def leave(self) -> None:
        """Closes in order; a side that does not take leave is left at the deadline."""
        self._is_left = True
        self._pool.drop(self)
        if self._transport is not None and not self.ended.done():
            self._transport.close()
            if not self._is_waiting:
                self._pool.deadlines.watch(self, asyncio.get_running_loop().time() + _CLOSING_SECONDS)


class HttpClient:
    """Sends requests, and keeps connections open for those that follow. Everybody may share one.

    Connections are kept by host, port and TLS context; one that is idle for a minute is closed.
    """

    def __init__(self) -> None:
        self.deadlines = Deadlines()
        self._idle: dict[_PoolKey, list[ClientConnection]] = {}
        self._open: set[ClientConnection] = set()

    async def exchange(
        self, url: HttpUrl, request: bytes, context: ssl.SSLContext | None, *, within: float, connect_within: float
    ) -> HttpAnswer:
        """Sends the octets of a request, and returns the answer; an HttpClientError says why there is none.

        `context` is for TLS, None for plain HTTP. All of it may take `within` seconds, and connecting, the handshake
        included, `connect_within`.
        """
        deadline = asyncio.get_running_loop().time() + within
        key = (url.host, url.port, context)
        connection = self._take(key)
        if connection is not None:
            connection.reuse(deadline)
            connection.write(request)
            try:
                return await connection.answer()
            except ConnectionLostError as error:
                if not error.is_stale:
                    raise
        is_repeated = connection is not None
        try:
            connection = await self._connected(key, deadline, connect_within, is_pooled=True)
            connection.write(request)
            answer = await connection.answer()
        except HttpClientError as error:
            error.repeated = is_repeated
            raise
        return msgspec.structs.replace(answer, repeated=True) if is_repeated else answer

    @asynccontextmanager
    async def connection(
        self, url: HttpUrl, context: ssl.SSLContext | None, *, within: float, connect_within: float
    ) -> AsyncIterator[ClientConnection]:
        """A connection of one's own, which waits for one answer. Leaving closes it in order, an exception at once."""
        deadline = asyncio.get_running_loop().time() + within
        key = (url.host, url.port, context)
        connection = await self._connected(key, deadline, connect_within, is_pooled=False)
        try:
            yield connection
            await connection.close()
        finally:
            connection.abort()

    async def close(self) -> None:
        """Closes every connection, whatever it is waiting for."""
        connections = list(self._open)
        for connection in connections:
            connection.leave()
        # What they write to take leave goes out when the event loop comes round.
        await asyncio.sleep(0)
        for connection in connections:
            connection.abort()
        if connections:
            await asyncio.wait([each.ended for each in connections], timeout=_CLOSING_SECONDS)

    def _take(self, key: _PoolKey) -> ClientConnection | None:
        """The idle connection that was used last: the others may grow old."""
        idle = self._idle.get(key)
        while idle:
            connection = idle.pop()
            if not connection.is_lost:
                return connection
        return None

    async def _connected(self, key: _PoolKey, deadline: float, within: float, *, is_pooled: bool) -> ClientConnection:
        host, port, context = key
        loop = asyncio.get_running_loop()
        connected_by = loop.time() + within
        secured: dict[str, Any] = {}
        if context is not None:
            # Longer than it may take: who waits says what was too late.
            secured = {"server_hostname": host, "ssl_handshake_timeout": within + 1}
            secured |= {"ssl": context, "ssl_shutdown_timeout": _CLOSING_SECONDS}
        try:
            async with asyncio.timeout_at(min(connected_by, deadline)):
                sock = await connect_first(await addresses_of(host, port))
                try:
                    _, connection = await loop.create_connection(
                        lambda: ClientConnection(self, key, deadline, is_pooled=is_pooled), sock=sock, **secured
                    )
                except BaseException:
                    sock.close()
                    raise
        except TimeoutError as error:
            if deadline < connected_by:
                raise AnswerTimeoutError("no answer in time") from error
            raise ConnectTimeoutError(within) from error
        except (OSError, ValueError) as error:
            raise ConnectError(error) from error
        return connection

    # What connections call

    def opened(self, connection: ClientConnection) -> None:
        """Adds an open connection, and watches its deadline."""
        self._open.add(connection)
        self.deadlines.watch(connection, connection.moment)

    def keep(self, connection: ClientConnection) -> None:
        """Keeps an idle connection for the next request to the same server."""
        self._idle.setdefault(connection.key, []).append(connection)
        self.deadlines.watch(connection, asyncio.get_running_loop().time() + _IDLE_SECONDS)

    def drop(self, connection: ClientConnection) -> None:
        """Nothing more is to be sent on it."""
        idle = self._idle.get(connection.key)
        if idle is not None:
            if connection in idle:
                idle.remove(connection)
            if not idle:
                del self._idle[connection.key]

    def lost(self, connection: ClientConnection) -> None:
        """Forgets a connection that was closed."""
        self._open.discard(connection)
        self.deadlines.forget(connection)


_HEAD_START = 0.25
"""Seconds that an attempt to connect has before the next one begins beside it."""

SocketAddress = tuple[int, tuple[object, ...]]
"""A family and an address of it, as `socket` has them."""


async def addresses_of(host: str, port: int) -> list[SocketAddress]:
    """The addresses of a host, families taking turns, in the order that the system prefers. OSError where it has none.

    A name is looked up in a thread; for an address nobody is asked.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    families: dict[int, dict[SocketAddress, None]] = {}
    for family, _, _, _, address in found:
        families.setdefault(family, {})[family, address] = None
    return [each for each in chain.from_iterable(zip_longest(*families.values())) if each is not None]


async def connect_first(addresses: Iterable[SocketAddress]) -> socket.socket:
    """A socket that is connected to the address that answers first.

    Addresses are tried in their order; the next one at once where one fails, and 250 ms later where one is silent.
    Raises the OSError that says most where all fail: that a connection was refused, else the first.
    """
    remaining, errors = iter(addresses), list[OSError]()
    running: set[asyncio.Task[socket.socket]] = set()
    winner: socket.socket | None = None
    try:
        while winner is None:
            address = next(remaining, None)
            if address is not None:
                running.add(asyncio.get_running_loop().create_task(_connect(address)))
            elif not running:
                raise next((each for each in errors if isinstance(each, ConnectionRefusedError)), errors[0])
            seconds = None if address is None else _HEAD_START
            done, _ = await asyncio.wait(running, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                try:
                    connected = task.result()
                except OSError as error:
                    errors.append(error)
                    running.discard(task)
                else:
                    if winner is None:
                        winner = connected
                        running.discard(task)
    finally:
        for task in running:
            task.cancel()
            task.add_done_callback(_discard)
        # The one that is raised refers to this list, by way of its traceback.
        errors.clear()
    return winner


async def _connect(address: SocketAddress) -> socket.socket:
    family, where = address
    # With the protocol written out asyncio switches Nagle's algorithm off.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, where)
    except BaseException:
        sock.close()
        raise
    return sock


def _discard(task: asyncio.Task[socket.socket]) -> None:
    """Closes a socket that was connected too late."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()
