"""HTTP/1.1 on one accepted connection: requests in, answers out, in order, in bounded memory; and how to break it.

An `HttpConnection` has a `RequestReader` (`http_parser`) make requests of the octets that come. An `HttpRequest` is one
request with its answer, as ASGI applications see it; those that come in the same turn of the event loop go to the
application together (`RequestBatcher`). Requests that come while one awaits its answer wait in line. When 16 do, or
64 KiB of them, nothing more is read until half of them are answered.

An application finds its `HttpConnection` in `scope["extensions"]["sim.connection"]`, can answer in one piece, write
past HTTP, close, reset, or take octets that followed a request. Limits on time are looked at once a second by the
listener, which spares every request a timer. A `ConnectionObserver` is told of refused handshakes, unreadable
requests, surplus octets and heads that never end.

Spec: CloudSMS Platform Server. Spec: Interface specification and communication principle. Reading: R5.
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from functools import cached_property
from ssl import SSLObject
from typing import Protocol, runtime_checkable

import msgspec
from starlette.types import ASGIApp, Message, Scope

from cloudsms_simulator.net.http_parser import (
    BETWEEN,
    BODY,
    HEAD,
    RefusalStatus,
    RequestHead,
    RequestReader,
    header_line,
    refusal_response,
    status_line,
)
from cloudsms_simulator.net.wall_clock import WallClock

RemoteAddress = tuple[str, int]
"""Address and port of the other side; an IPv4 peer of an IPv6 socket is written as IPv4."""

UNREAD_LIMIT = 64 * 1024
"""Octets of a body that nobody has taken, or of requests that wait in line, above which nothing more is read."""
MOST_WAITING = 16
"""Requests that wait in line; when so many do, nothing more is read until less than half of them are left."""
SURPLUS_LIMIT = 64 * 1024
"""Octets kept of what followed a request and is none."""
LINGER_SECONDS = 1.0
"""Seconds the other side has to read the last answer while what it still sends is thrown away."""
LARGEST_BATCH = 64
"""Requests served together. More would save nothing, and the first would wait for all the others."""
BODY_SECONDS = 1.0
"""Seconds for which a short body may keep arriving before its request is given to the application."""

NEVER = math.inf

log = logging.getLogger("cloudsms_simulator.http")
_SILENT_LOG = logging.Logger("cloudsms_simulator.interrupted", logging.CRITICAL + 1)


class ConnectionObserver:
    """Does nothing; override what should be noticed.

    Everything is called in the event loop, before the peer can see the effect, and must not block.
    """

    def on_closed(self, peer: RemoteAddress) -> None:
        """A connection was closed without a word, its address not being admitted."""

    def on_refused(self, peer: RemoteAddress, error: OSError) -> None:
        """A TLS handshake failed.

        `error` is an `ssl.SSLError` with `reason` (and `verify_message`), or a `ConnectionError` when the peer went
        away, or took more than ten seconds.
        """

    def on_bad_request(self, connection: HttpConnection, excerpt: bytes, reason: str) -> None:
        """What came is not HTTP; it is answered with 400, or 431 for an endless head, and the connection closed.

        `excerpt` is how the unreadable request begins, at most 256 octets of it. A request before it
        that awaits its answer gets that first.
        """

    def on_surplus(self, connection: HttpConnection, surplus: bytes) -> None:
        """After a request and its answer came octets that are no request; the connection is closed without a word.

        Octets that came before the answer and that the application took itself (`HttpConnection.take_surplus`) are not
        told again. Empty lines are not surplus.
        """

    def on_head_timeout(self, connection: HttpConnection, excerpt: bytes) -> None:
        """The head of a request did not arrive in time, or only `excerpt` of it did; the connection is closed."""


class ListenerState:
    """What the connections of one listener share and the listener looks at."""

    def __init__(self) -> None:
        self.connections: set[HttpConnection] = set()
        """Those that are open, handshakes under way not counted."""
        self.tasks: set[asyncio.Task[None]] = set()
        """Requests being served."""
        self.date_line = b""
        """The Date header of every answer, with its line end."""
        self.ok_head = b""
        """An answer of status 200 with a JSON body, up to the value of Content-Length."""

    def set_date(self, date: str) -> None:
        """Has every answer from now on dated so."""
        self.date_line = header_line(b"date", date.encode())
        self.ok_head = b"%b%bcontent-type: application/json\r\ncontent-length: " % (status_line(200), self.date_line)


class ConnectionTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What all connections of one listener have in common; durations are seconds of the loop's clock."""

    app: ASGIApp
    state: ListenerState
    loop: asyncio.AbstractEventLoop
    batcher: RequestBatcher | None
    observer: ConnectionObserver
    stopping: asyncio.Event
    tls_facts: Callable[[SSLObject], object] | None
    keep_alive: float
    head_timeout: float
    half_close: bool
    """Whether a client that has closed its side still gets the answers that are due (never over TLS)."""


class HttpRequest:
    """One request, and the answer an ASGI application gives to it."""

    logger = log
    body = b""
    """What has arrived of the body and was not received yet."""
    disconnected = False
    """Nobody waits for the answer any more."""
    response_started = False
    response_complete = False
    _event: asyncio.Event | None = None
    _chunked: bool | None = None
    _octets_due = 0

    def __init__(self, connection: HttpConnection, head: RequestHead, *, more_body: bool) -> None:
        self.connection = connection
        self.head = head
        self.more_body = more_body
        self.keep_alive = head.keep_alive
        """Whether the connection goes on after the answer."""
        self._expects_continue = head.expects_continue

    @cached_property
    def scope(self) -> Scope:
        """The ASGI scope. Requests that are served in a batch never need one."""
        head, connection = self.head, self.connection
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": head.version,
            "method": head.method,
            "scheme": connection.scheme,
            "path": head.path,
            "raw_path": head.raw_path,
            "query_string": head.query,
            "root_path": "",
            "headers": list(head.headers),
            "client": connection.peer,
            "server": connection.local_address,
            "extensions": {"tls": connection.tls, "sim.connection": connection, "sim.head": head},
        }

    def wake(self) -> None:
        """Tells whoever waits in `receive`: a piece of the body came, or its end, or that of answer or connection."""
        if self._event is not None:
            self._event.set()

    def disconnect(self) -> None:
        """Nobody waits for the answer any more."""
        self.disconnected = True
        self.wake()

    async def run_asgi(self, app: ASGIApp) -> None:
        """Has an application serve this request. One that fails is logged, and answered with 500 or cut off.

        Cancelling it cuts the connection.
        """
        try:
            await app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            if not self.response_complete:
                self.connection.abort()
            raise
        except Exception as error:
            if self.disconnected and _tells_of_disconnect(error):
                return
            self.logger.error("Exception in ASGI application", exc_info=error)
        else:
            if self.response_complete or self.disconnected:
                return
            what = "completing" if self.response_started else "starting"
            self.logger.error("ASGI callable returned without %s response.", what)
        if self.response_started:
            self.connection.close()
        else:
            await self._send_500()

    async def receive(self) -> Message:
        """The next piece of the body, or `http.disconnect` once the answer is complete or nobody waits for it."""
        if not (self.disconnected or self.response_complete):
            if self._expects_continue:
                self._expects_continue = False
                self.connection.invite_body()
            if self._event is None:
                self._event = asyncio.Event()
                if self.body or not self.more_body:
                    self._event.set()
            await self._event.wait()
            self._event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = self.body, b""
        self.connection.resume_reading()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Message) -> None:
        """Writes the head or a piece of the body of the answer, once the client has read enough of what came before.

        Nothing happens if nobody waits for the answer. RuntimeError for a message out of order, or a body of another
        length than announced.
        """
        connection = self.connection
        if connection.write_paused and not self.disconnected:
            await connection.drain()
        if self.disconnected:
            return
        expected = "http.response.body" if self.response_started else "http.response.start"
        if self.response_complete or message["type"] != expected:
            state = "after the answer was complete" if self.response_complete else f"in place of {expected!r}"
            raise RuntimeError(f"got the ASGI message {message['type']!r} {state}")
        if self.response_started:
            self._send_body(message.get("body", b""), more=message.get("more_body", False))
        else:
            self._send_head(message["status"], message.get("headers", ()))

    def _send_head(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        lines = [status_line(status), self.connection.date_line]
        closes = False
        chunked, octets_due = self._chunked, 0
        for cased, value in headers:
            name = cased.lower()
            lines.append(header_line(name, value))
            if name == b"content-length" and chunked is None:
                octets_due, chunked = int(value), False
            elif name == b"transfer-encoding" and value.lower() == b"chunked":
                octets_due, chunked = 0, True
            elif name == b"connection":
                closes = closes or b"close" in [token.strip() for token in value.lower().split(b",")]
        if closes:
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close\r\n")
        if chunked is None and self.head.method != "HEAD" and status not in (204, 304):
            chunked = True
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        self._chunked, self._octets_due = chunked, octets_due
        self.response_started = True
        self._expects_continue = False
        self.connection.write(b"".join(lines))

    def _send_body(self, body: bytes, *, more: bool) -> None:
        if self.head.method == "HEAD":
            self._octets_due = 0
        elif self._chunked:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            self.connection.write(chunk if more else chunk + b"0\r\n\r\n")
        else:
            self._octets_due -= len(body)
            if self._octets_due < 0:
                raise RuntimeError("the answer's body is longer than its Content-Length")
            self.connection.write(body)
        if not more:
            if self._octets_due:
                raise RuntimeError("the answer's body is shorter than its Content-Length")
            self.response_complete = True
            self.wake()
            self.connection.on_answered(self)

    async def _send_500(self) -> None:
        body = b"Internal Server Error"
        length = (b"content-length", b"%d" % len(body))
        headers = [(b"content-type", b"text/plain; charset=utf-8"), length, (b"connection", b"close")]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})


def _tells_of_disconnect(error: Exception) -> bool:
    """Whether Starlette gave up a request because its client is gone."""
    from starlette.requests import ClientDisconnect

    return isinstance(error, ClientDisconnect)


ServeAlone = Callable[[HttpRequest, ASGIApp], None]
"""Has one request go on by itself: an application answers it, in a task of its own."""


@runtime_checkable
class BatchApp(Protocol):
    """An ASGI application that can also serve many requests at once."""

    def takes(self, request: HttpRequest) -> bool:
        """Whether a request can be served in a batch. It is asked once; others go their own way at once."""
        ...

    def serve(self, requests: Sequence[HttpRequest], leave: ServeAlone) -> None:
        """Answers requests, in the order they came; those that have to wait for something leave.

        Raises nothing for the sake of one of them.
        """
        ...


class RequestBatcher:
    """Gathers requests that come in one turn of the event loop, and has a `BatchApp` serve them together.

    `app` answers what the `batch_app` does not take; `tasks` are those a stop waits for. The same stage for many
    requests in a row costs little more than half of all stages for one after the other.
    """

    def __init__(
        self, batch_app: BatchApp, app: ASGIApp, tasks: set[asyncio.Task[None]], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._batch_app = batch_app
        self._app = app
        self._tasks = tasks
        self._loop = loop
        self._waiting: list[HttpRequest] = []

    @property
    def is_waiting(self) -> bool:
        """Whether requests wait for the next turn of the loop."""
        return bool(self._waiting)

    def add(self, request: HttpRequest) -> None:
        """Has a request served at the next turn of the loop, whether or not its body is there by then."""
        waiting = self._waiting
        if not waiting or len(waiting) == LARGEST_BATCH:
            waiting = self._waiting = []
            self._loop.call_soon(self._serve, waiting)
        waiting.append(request)

    def leave(self, request: HttpRequest, app: ASGIApp) -> None:
        """Has `app` answer a request in a task of its own."""
        task = self._loop.create_task(request.run_asgi(app))
        task.add_done_callback(self._tasks.discard)
        self._tasks.add(task)

    def _serve(self, waiting: list[HttpRequest]) -> None:
        if self._waiting is waiting:
            self._waiting = []
        taken = []
        for request in waiting:
            if self._batch_app.takes(request):
                taken.append(request)
            else:
                self.leave(request, self._app)
        if taken:
            self._batch_app.serve(taken, self.leave)


class HttpConnection(asyncio.Protocol):
    """A connection that was accepted, and if there is TLS, whose handshake succeeded."""

    def __init__(self, terms: ConnectionTerms, connection_id: int, peer: RemoteAddress) -> None:
        self.id = connection_id
        """Counts the connections of all listeners that share a counter."""
        self.peer = peer
        self.opened_at = WallClock().now()
        """The moment by the wall clock."""
        self.tls: object = None
        """What `tls_facts` made of the handshake; None without TLS."""
        self.stopping = terms.stopping
        """Set when the listener stops: streams, long polls and hangs should end then."""
        self.attachment: object = None
        """For the application to keep what it worked out about this connection."""
        self.requests = 0
        """How many requests were handed to the application, the one it is handling now included."""
        self.surplus = b""
        """Octets that followed the last request and are none, until somebody takes them; at most 64 KiB."""
        self.running: HttpRequest | None = None
        """The request the application handles or handled last; None once the connection is lost."""
        self.pipelined: deque[HttpRequest] = deque()
        """Requests that came before the one ahead of them was answered, in their order."""
        self.deadline = NEVER
        """When `expire` has something to do, by the loop's clock."""
        self.ended = False
        """The last word is written; what still comes is thrown away."""
        self.write_paused = False
        """Whether the client must first read what was written before."""
        self.input_ended = asyncio.Event()
        """Set when the client has closed its side, and still waits for answers or is gone altogether."""
        self.scheme = "http"
        self.transport: asyncio.Transport
        self.loop = terms.loop
        self.connections = terms.state.connections
        self.tasks = terms.state.tasks
        self._terms = terms
        self._state = terms.state
        self._writable = asyncio.Event()
        self._reading = True
        self._unsent_before = 0
        self._awaits_body = False  # the running request is given to the application when its body is whole
        self._deaf = False  # what still comes is thrown away, or at most counts as surplus
        self._farewell = b""
        self._latest: HttpRequest | None = None
        self._held = b""  # octets that wait until there is room for more requests
        self._reader = RequestReader(self)

    # What the application may use

    @property
    def local_address(self) -> tuple[str, int | None] | None:
        """Address and port of this side of the connection."""
        name = self.transport.get_extra_info("sockname")
        return (str(name[0]), int(name[1])) if isinstance(name, tuple | list) else None

    @property
    def date_line(self) -> bytes:
        """The Date header of an answer that goes out now."""
        return self._state.date_line

    def whole_body(self) -> bytes | None:
        """The body of the request being handled, if all of it is there already."""
        request = self.running
        return None if request is None or request.more_body else request.body

    async def answer_with(self, body: bytes) -> None:
        """Answer as `answer` does, as soon as the client has read enough of what was written before."""
        while not self.answer(body):
            await self.drain()

    def answer(self, body: bytes) -> bool:
        """Answer the request being handled with 200 and a JSON body, in one piece; nothing, if the client is gone.

        False, and nothing happened, if the client must first read what was written before. The same octets as two ASGI
        messages would send, without looking at headers that are always the same.
        """
        request = self.running
        if request is None or request.disconnected:
            return True
        if self.write_paused:
            return False
        request.response_started = request.response_complete = True
        end = b"\r\n\r\n" if request.keep_alive else b"\r\nconnection: close\r\n\r\n"
        self.transport.write(b"%b%d%b%b" % (self._state.ok_head, len(body), end, body))
        request.wake()
        self.on_answered(request)
        return True

    def take_surplus(self) -> bytes:
        """Octets that followed the request being handled and are no request, at most 64 KiB of them.

        Empty as long as none came, or when they followed a later, pipelined request. Whoever takes them keeps them.
        """
        if self.pipelined:
            return b""
        surplus, self.surplus = self.surplus, b""
        return surplus

    def write(self, data: bytes) -> None:
        """Write raw octets, past HTTP. The application then ends the connection, and awaits `http.disconnect`."""
        self.transport.write(data)

    async def drain(self) -> None:
        """Returns once the client has read enough of what was written, or is gone, or the request is interrupted."""
        if self.write_paused:
            await self._writable.wait()

    def close(self) -> None:
        """Close once everything written has been sent."""
        self.transport.close()

    def hang_up(self) -> None:
        """Close without an answer to the running request."""
        self.interrupt()
        self.close()

    def abort(self) -> None:
        """Close at once. What was written and the system had no room for is lost."""
        self.transport.abort()

    def reset(self) -> None:
        """Close with a TCP reset, and lose what was not sent. Over TLS the peer sees a lost connection."""
        if not self.transport.is_closing():
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def linger(self) -> None:
        """Close for writing, and throw away what still comes, until the peer closes or a second is over.

        Closing while octets arrive unread makes the system send a reset, which can overtake the answer.
        """
        self._stop_listening()
        self.ended = True
        self.deadline = self.loop.time() + LINGER_SECONDS
        if self.input_ended.is_set() or not self.transport.can_write_eof():
            self.transport.close()  # TLS does all that by itself
        else:
            self.resume_reading()
            self.transport.write_eof()

    # What requests and the listener use

    @property
    def answering(self) -> bool:
        """Whether a request awaits its answer, or the rest of it."""
        return self.running is not None and not self.running.response_complete

    @property
    def unsent(self) -> int:
        """Octets written that the system has no room for, because the peer does not read."""
        return self.transport.get_write_buffer_size()

    def invite_body(self) -> None:
        """Send `100 Continue` to a client that waits for it before it sends its body."""
        if not (self._deaf or self.transport.is_closing()):
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def resume_reading(self) -> None:
        """Take more of what the client sends, unless too much waits to be received, or to be answered."""
        if self._reading or self._held or self._body_waits:
            return
        if not (self.input_ended.is_set() or self.transport.is_closing()):
            self._reading = True
            self.transport.resume_reading()

    def shutdown(self) -> None:
        """Close when idle; otherwise after the answers that are due."""
        if not self.answering:
            self.transport.close()
        elif not self._deaf and self._latest is not None:
            self._latest.keep_alive = False
            self._serve_unfinished()

    def interrupt(self) -> None:
        """Let the running request go unanswered, and without complaint: before its task is cancelled."""
        self.pipelined.clear()
        if self.running is not None:
            self.running.logger = _SILENT_LOG
            self.running.disconnect()
        self._writable.set()

    def expire(self, now: float) -> None:
        """Close a connection that has been idle, or whose request's head has been on its way, for too long."""
        if now < self.deadline:
            return
        if self._awaits_body:
            self._serve_unfinished()
            return
        if self.ended or self.transport.is_closing():
            unsent = self.unsent
            if unsent in (0, self._unsent_before):
                self.transport.abort()
            else:  # the peer is slow, but it does read
                self._unsent_before = unsent
                self.deadline = now + self._terms.head_timeout
            return
        self.deadline = now + LINGER_SECONDS
        if self._reader.phase == HEAD or not self.requests:
            self._terms.observer.on_head_timeout(self, self._reader.excerpt())
            if self.answering:
                self._end_after_answers()
                return
        self.transport.close()

    def on_answered(self, request: HttpRequest) -> None:
        """The answer to the running request is complete: close, or go on with the next one."""
        if not request.keep_alive:
            thrown_away = bool(self.pipelined or self._held)
            self.pipelined.clear()
            self._farewell = b""
            self._end(in_the_middle=thrown_away)
        elif self.pipelined:
            self._start(self.pipelined.popleft())
            self._read_on()
        elif self._deaf:
            self._end(in_the_middle=True)
        else:
            if self._reader.phase != HEAD:
                self.deadline = self.loop.time() + self._terms.keep_alive
            self._read_on()

    # The transport reports

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self.connections.add(self)
        ssl_object = transport.get_extra_info("ssl_object")
        if ssl_object is not None:
            self.scheme = "https"
            if self._terms.tls_facts is not None:
                self.tls = self._terms.tls_facts(ssl_object)
        self.deadline = self.loop.time() + self._terms.head_timeout

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            if self.surplus:
                self.surplus = (self.surplus + data)[:SURPLUS_LIMIT]
        elif self._held:  # over TLS octets still come after reading was paused
            self._held += data
        else:
            self._read(data)

    def eof_received(self) -> bool:
        """The client has closed its side. True keeps this side open for the answers that are due."""
        request = self.running
        secured = self.scheme == "https"
        if secured or not self._terms.half_close or self.ended or request is None or not self.answering:
            return False
        if request.more_body:
            return False  # the rest of its body will never come
        self.input_ended.set()
        if self._latest is not None and not self._latest.more_body and not self._farewell:
            self._latest.keep_alive = False
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.connections.discard(self)
        for request in (self.running, *self.pipelined):
            if request is not None and not request.response_complete:
                request.disconnect()
        self._serve_unfinished()
        self.write_paused = False
        self._writable.set()
        self.input_ended.set()
        self._stop_listening()
        # Requests refer to this object: without this only the garbage collector would part them.
        self.running = self._latest = None
        self.pipelined.clear()
        self._reader.let_go()

    def pause_writing(self) -> None:
        self.write_paused = True
        self._writable.clear()

    def resume_writing(self) -> None:
        self.write_paused = False
        self._writable.set()

    # Octets become requests

    @property
    def has_room(self) -> bool:
        """Whether another request may wait in line."""
        return not self.pipelined or not self._is_full(MOST_WAITING)

    def on_head_begun(self) -> None:
        """A request has begun; the rest of its head is to come in time."""
        self.deadline = self.loop.time() + self._terms.head_timeout

    def on_request(self, head: RequestHead, body: bytes, *, more_body: bool) -> None:
        """A request has come, with as much of its body as came along: start it, or have it wait in line."""
        self.deadline = NEVER
        request = self._latest = HttpRequest(self, head, more_body=more_body)
        if body:
            request.body = body
        if self.answering:
            self.pipelined.append(request)
        else:
            self._start(request)

    def on_body_piece(self, piece: bytes) -> None:
        """More of the latest request's body has come."""
        request = self._latest
        if request is None or request.response_complete:
            return
        request.body += piece
        request.wake()
        if self._body_waits:
            self._pause_reading()

    def on_body_end(self) -> None:
        """The latest request's body is whole."""
        request = self._latest
        if request is not None and not request.response_complete:
            request.more_body = False
            request.wake()
            if self._awaits_body and request is self.running:
                self.deadline = NEVER
                self._serve(request)

    def on_unreadable(self, status: RefusalStatus, reason: str, excerpt: bytes, *, in_body: bool) -> None:
        """What cannot be read is answered as soon as what came before it is."""
        self._terms.observer.on_bad_request(self, excerpt, reason)
        self._farewell = refusal_response(status, reason, self.date_line)
        request = self._latest
        if in_body and request is not None and not request.response_complete:
            # Its own body is broken: nothing will come of it.
            request.response_complete = True
            request.disconnect()
            if request is not self.running:
                self.pipelined.pop()
            elif request.response_started:
                self._farewell = b""
        self._end_after_answers()

    def on_surplus(self, surplus: bytes) -> None:
        """Octets followed a request that are none."""
        self.surplus = surplus[:SURPLUS_LIMIT]
        self._end_after_answers()

    def _read(self, data: bytes) -> None:
        self._held = self._reader.feed(data)
        if self._held:
            self._pause_reading()

    def _is_full(self, most: int) -> bool:
        """Whether so many requests wait in line, or so many octets of them, that no more should be read."""
        waiting = self.pipelined
        return len(waiting) >= most or sum(each.head.octets + len(each.body) for each in waiting) > UNREAD_LIMIT

    def _read_on(self) -> None:
        """Go on with what is held, and with reading, when there is room again."""
        if self._reading:
            return
        if self.pipelined and self._is_full(MOST_WAITING // 2):
            return
        held, self._held = self._held, b""
        self._read(held)
        self.resume_reading()

    def _pause_reading(self) -> None:
        if self._reading and not (self.input_ended.is_set() or self.transport.is_closing()):
            self._reading = False
            self.transport.pause_reading()

    def _start(self, request: HttpRequest) -> None:
        self.running = request
        self.requests += 1
        if request.more_body and self.input_ended.is_set():
            # The rest of its body will never come.
            request.disconnect()
            self.close()
        elif (
            request.more_body
            and self._reader.missing
            and self._terms.batcher is not None
            and request.head.waits_for_body
        ):
            # In a task of its own it would cost twice as much as in a batch.
            self._awaits_body = True
            self.deadline = self.loop.time() + BODY_SECONDS
            return
        self._serve(request)

    def _serve(self, request: HttpRequest) -> None:
        """Give a request to the application."""
        self._awaits_body = False
        if self._terms.batcher is not None:
            self._terms.batcher.add(request)
            return
        task = self.loop.create_task(request.run_asgi(self._terms.app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _serve_unfinished(self) -> None:
        """Give the running request to the application although its body is not there yet."""
        if self._awaits_body and self.running is not None:
            self.deadline = NEVER
            self._serve(self.running)

    @property
    def _body_waits(self) -> bool:
        """Whether so much of a body waits to be received that no more of it should come."""
        if self._reader.phase != BODY or self._latest is None or self._latest.response_complete:
            return False
        return len(self._latest.body) > UNREAD_LIMIT

    # How it ends

    def _end_after_answers(self) -> None:
        """Read no further request, and close after the answers that are due."""
        self._stop_listening()
        self.deadline = NEVER
        if not self.answering:
            self._end(in_the_middle=True)
        elif not self._farewell and self._latest is not None:
            self._latest.keep_alive = False

    def _stop_listening(self) -> None:
        self._deaf = True
        self._held = b""
        self._reader.close()

    def _end(self, *, in_the_middle: bool) -> None:
        """Say the last words, and close: at once when nothing may be on its way from the client, else lingering."""
        if self.surplus:
            self._terms.observer.on_surplus(self, self.surplus)
            self.surplus = b""
        if self._farewell:
            self.transport.write(self._farewell)
            self._farewell = b""
        if in_the_middle or self._deaf or self._reader.phase != BETWEEN:
            self.linger()
        else:
            self.deadline = self.loop.time() + LINGER_SECONDS
            self.transport.close()
