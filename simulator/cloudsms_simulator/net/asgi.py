"""The platform inside another ASGI server: an adapter for its requests.

`RequestConnection` is the interface that an application uses of the connection a request came on. `HttpConnection` has
it for our own listeners, `AsgiConnection` for requests from another ASGI server. ASGI shows neither handshakes nor
octets after a request, so requests from the same address and port count as one connection. To end a connection instead
of answering, the adapter sends a head that promises a body and raises `ConnectionCutError`, which makes the server
break off. `AsgiAdapter` calls an application of ours with such connections. `serve_in` has a request served in
another event loop.

Spec: Interface specification and communication principle. Reading: R27.
"""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol, TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.http_connection import ConnectionObserver, RemoteAddress
from cloudsms_simulator.net.http_parser import base_path, path_below_root
from cloudsms_simulator.net.wall_clock import WallClock

T = TypeVar("T")

MOST_CLIENTS = 1_000
"""Addresses of clients that are remembered; the one that was seen first is forgotten first."""
_NO_ADDRESS = "127.0.0.1"
"""What a client without an IP address counts as: one in this process, or behind a socket in the file system."""
_SERVERS_OWN = frozenset({b"connection", b"transfer-encoding"})
"""Headers that are between the server and its client; HTTP/2 has none of them."""


class RunningRequest(Protocol):
    """A request that is being served."""

    response_complete: bool
    """Nothing more is said in answer to it."""

    @property
    def disconnected(self) -> bool:
        """Nobody waits for the answer any more."""
        ...

    async def receive(self) -> Message:
        """The next piece of the body, or `http.disconnect`."""
        ...

    async def send(self, message: Message) -> None:
        """Sends the head or a piece of the body of the answer; nothing, if nobody waits for it."""
        ...


class RequestConnection(Protocol):
    """The connection that carries the request which an application serves."""

    attachment: object
    """For the application to keep what it worked out about this connection."""

    @property
    def id(self) -> int:
        """Counts connections."""
        ...

    @property
    def peer(self) -> RemoteAddress:
        """The client's address."""
        ...

    @property
    def tls(self) -> object:
        """What is known of the handshake; None without TLS."""
        ...

    @property
    def opened_at(self) -> datetime:
        """The wall's moment."""
        ...

    @property
    def running(self) -> RunningRequest | None:
        """The request that is being served; None once the connection is lost."""
        ...

    @property
    def stopping(self) -> asyncio.Event:
        """Set when the server stops."""
        ...

    @property
    def input_ended(self) -> asyncio.Event:
        """Set when the client has closed its side, as far as that can be noticed."""
        ...

    @property
    def surplus(self) -> bytes:
        """Octets that followed the request and are none."""
        ...

    def take_surplus(self) -> bytes:
        """Those octets, which are then not told again."""
        ...

    def whole_body(self) -> bytes | None:
        """The body of the request, if all of it is there already."""
        ...

    def answer(self, body: bytes) -> bool:
        """Answers with 200 and a JSON body in one piece. False, and nothing happened, if that takes a while."""
        ...

    async def answer_with(self, body: bytes) -> None:
        """Answers with 200 and a JSON body."""
        ...

    def write(self, data: bytes) -> None:
        """Writes raw octets, past HTTP."""
        ...

    def hang_up(self) -> None:
        """Closes without an answer."""
        ...

    def interrupt(self) -> None:
        """Lets the request go unanswered."""
        ...

    def linger(self) -> None:
        """Closes, after what was written."""
        ...

    def reset(self) -> None:
        """Closes with a reset."""
        ...

    def abort(self) -> None:
        """Closes at once."""
        ...


class ConnectionCutError(ConnectionError):
    """The connection ends in place of an answer, or in the middle of one; `is_reset` as by a TCP reset."""

    def __init__(self, *, is_reset: bool) -> None:
        super().__init__("connection reset by peer" if is_reset else "the connection ends without a whole answer")
        self.is_reset = is_reset


class AsgiClient:
    """A client of another server: requests from the same address and port count as one connection."""

    def __init__(self, number: int, peer: RemoteAddress) -> None:
        self.id = number
        self.peer = peer
        self.opened_at = WallClock().now()
        self.attachment: object = None


class AsgiConnection:
    """One request from another ASGI server, with the interface of its connection and of its request."""

    tls = None
    surplus = b""

    def __init__(
        self, client: AsgiClient, receive: Receive, send: Send, stopping: asyncio.Event, input_ended: asyncio.Event
    ) -> None:
        self.stopping = stopping
        self.input_ended = input_ended
        self.disconnected = False
        self.response_complete = False
        self._client = client
        self._receive = receive
        self._send = send
        self._started = False
        self._is_gone = False
        self._raw = b""
        self._cut: ConnectionCutError | None = None

    @property
    def id(self) -> int:
        return self._client.id

    @property
    def peer(self) -> RemoteAddress:
        return self._client.peer

    @property
    def opened_at(self) -> datetime:
        return self._client.opened_at

    @property
    def attachment(self) -> object:
        return self._client.attachment

    @attachment.setter
    def attachment(self, value: object) -> None:
        self._client.attachment = value

    @property
    def running(self) -> RunningRequest:
        return self

    def whole_body(self) -> bytes | None:
        return None

    def take_surplus(self) -> bytes:
        return b""

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request":
            self.disconnected = self._is_gone = True
            return message
        return {
            "type": "http.request",
            "body": message.get("body", b""),
            "more_body": message.get("more_body", False),
        }

    async def send(self, message: Message) -> None:
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            headers = [each for each in message.get("headers", ()) if each[0] not in _SERVERS_OWN]
            message = {**message, "headers": headers}
            self._started = True
        elif not message.get("more_body", False):
            self.response_complete = True
        await self._pass_on(message)

    def answer(self, body: bytes) -> bool:
        return False

    async def answer_with(self, body: bytes) -> None:
        if self.disconnected:
            return
        self._started = self.response_complete = True
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await self._pass_on({"type": "http.response.start", "status": 200, "headers": headers})
        await self._pass_on({"type": "http.response.body", "body": body})

    def write(self, data: bytes) -> None:
        self._raw += data

    def interrupt(self) -> None:
        self.disconnected = True

    def hang_up(self) -> None:
        self.interrupt()
        self._cut = ConnectionCutError(is_reset=False)

    def linger(self) -> None:
        self.hang_up()

    def abort(self) -> None:
        self.hang_up()

    def reset(self) -> None:
        self.interrupt()
        self._cut = ConnectionCutError(is_reset=True)

    async def finish(self) -> None:
        """Ends the connection if the application asked for that, as far as it can be done: ConnectionCutError."""
        if self._cut is None or self._is_gone:
            return
        if not self._started:
            # A server that has not begun to answer would send a page of its own.
            length = [] if self._raw else [(b"content-length", b"1")]
            headers = [(b"content-type", b"application/json"), *length]
            await self._pass_on({"type": "http.response.start", "status": 200, "headers": headers})
        if self._raw:
            await self._pass_on({"type": "http.response.body", "body": self._raw, "more_body": True})
        if not self._is_gone:
            raise self._cut

    async def _pass_on(self, message: Message) -> None:
        try:
            await self._send(message)
        except OSError:  # so servers tell that the client is gone
            self.disconnected = self._is_gone = True


class AsgiAdapter:
    """An ASGI application that calls `app` with an `AsgiConnection` and with the path below the base path.

    `admits` decides about addresses as for a `Listener`, and `observer` is told of those that are turned away.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        connection_ids: Iterator[int],
        stopping: asyncio.Event,
        admits: Callable[[str], bool] | None,
        observer: ConnectionObserver,
    ) -> None:
        self._app = app
        self._ids = connection_ids
        self._stopping = stopping
        self._never = asyncio.Event()
        self._admits = admits
        self._observer = observer
        self._clients: dict[RemoteAddress | None, AsgiClient] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request. Raises ConnectionCutError where a listener of ours would end the connection."""
        connection = AsgiConnection(self._client_of(scope), receive, send, self._stopping, self._never)
        if self._admits is None or self._admits(connection.peer[0]):
            extensions = {"sim.connection": connection}
            inner = {**scope, "path": path_below_root(scope), "extensions": extensions}
            await self._app(inner, connection.receive, connection.send)
        else:
            self._observer.on_closed(connection.peer)
            connection.hang_up()
        await connection.finish()

    def _client_of(self, scope: Scope) -> AsgiClient:
        # A list, as ASGI allows, of Starlette's test client before 0.41.
        told: RemoteAddress | None = tuple(scope["client"]) if scope.get("client") else None
        client = self._clients.get(told)
        if client is None:
            client = self._clients[told] = AsgiClient(next(self._ids), _peer(told))
            if len(self._clients) > MOST_CLIENTS:
                del self._clients[next(iter(self._clients))]
        return client


def _peer(told: RemoteAddress | None) -> RemoteAddress:
    host, port = told or ("", 0)
    bare = host.removeprefix("::ffff:") if "." in host else host
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        bare = _NO_ADDRESS
    return bare, port or 0


def base_url(scope: Scope) -> str:
    """Where the application of a request was called, without a slash at its end: scheme, Host header, base path."""
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    if not host:
        name, port = scope.get("server") or ("localhost", None)
        host = name if port is None else f"{name}:{port}"
    return f"{scope.get('scheme', 'http')}://{host}{base_path(scope)}"


async def serve_in(loop: asyncio.AbstractEventLoop, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Has an application serve a request in another event loop, which runs in another thread."""
    here = asyncio.get_running_loop()

    async def received() -> Message:
        return await _done_in(here, receive())

    async def sent(message: Message) -> None:
        await _done_in(here, send(message))

    await _done_in(loop, app(scope, received, sent))


async def _done_in(loop: asyncio.AbstractEventLoop, work: Awaitable[T]) -> T:
    async def done() -> T:
        return await work

    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(done(), loop))
