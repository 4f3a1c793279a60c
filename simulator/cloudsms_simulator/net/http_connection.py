"""One accepted connection: who it is, how long it may be silent, how to break it on purpose; and who observes it.

An application finds its `HttpConnection` in `scope["extensions"]["sim.connection"]`, can answer in one piece, write
past HTTP, close, reset, or take bytes that followed a request. Limits on time are looked at once a second by the
listener, which spares every request a timer. A `ConnectionObserver` is told of refused handshakes, unreadable
requests, surplus bytes and heads that never end.

Spec: CloudSMS Platform Server. Spec: Interface specification and communication principle.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from ssl import SSLObject

import msgspec
from uvicorn import Config
from uvicorn.server import ServerState

from cloudsms_simulator.net.http_protocol import HEAD, LINGER_SECONDS, HttpProtocol, RequestBatcher
from cloudsms_simulator.net.wall_clock import WallClock

RemoteAddress = tuple[str, int]
"""Address and port of the other side; an IPv4 peer of an IPv6 socket is written as IPv4."""


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
        """After a request and its answer came bytes that are no request; the connection is closed without a word.

        Bytes that came before the answer and that the application took itself (`Connection.take_surplus`) are not
        told again. Empty lines are not surplus.
        """

    def on_head_timeout(self, connection: HttpConnection, excerpt: bytes) -> None:
        """The head of a request did not arrive in time, or only `excerpt` of it did; the connection is closed."""


_SILENT_LOG = logging.Logger("cloudsms_simulator.interrupted", logging.CRITICAL + 1)


class ConnectionTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What all connections of one listener have in common; durations are seconds of the loop's clock."""

    config: Config
    state: ServerState
    loop: asyncio.AbstractEventLoop
    desk: RequestBatcher | None
    observer: ConnectionObserver
    stopping: asyncio.Event
    tls_facts: Callable[[SSLObject], object] | None
    keep_alive: float
    head_timeout: float


class HttpConnection(HttpProtocol):
    """A connection that was accepted, and if there is TLS, whose handshake succeeded."""

    def __init__(self, terms: ConnectionTerms, connection_id: int, peer: RemoteAddress) -> None:
        super().__init__(
            terms.config,
            terms.state,
            terms.loop,
            terms.desk,
            keep_alive=terms.keep_alive,
            head_timeout=terms.head_timeout,
        )
        self.id = connection_id
        """Counts the connections of all listeners that share a counter."""
        self.peer = peer
        self.opened_at = WallClock().now()
        """The wall's moment."""
        self.tls: object = None
        """What `tls_facts` made of the handshake; None without TLS."""
        self.stopping = terms.stopping
        """Set when the listener stops: streams, long polls and hangs should end then."""
        self.attachment: object = None
        """For the application to keep what it worked out about this connection."""
        self._terms = terms
        self._unread = 0
        self._head_headers: list[tuple[bytes, bytes]] | None = None
        self._head_bytes = b""

    # What the application may use

    def whole_body(self) -> bytes | None:
        """The body of the request being handled, if all of it is there already."""
        cycle = self.running
        return None if cycle is None or cycle.more_body or cycle.disconnected else bytes(cycle.body)

    async def answer_with(self, body: bytes) -> None:
        """Answer as `answer` does, as soon as the client has read enough of what was written before."""
        while not self.answer(body):
            await self.flow.drain()

    def answer(self, body: bytes) -> bool:
        """Answer the request being handled with 200 and a JSON body, in one piece; nothing, if the client is gone.

        False, and nothing happened, if the client must first read what was written before. The same bytes as two ASGI
        messages would send, without looking at headers that are always the same.
        """
        cycle = self.running
        if cycle is None or cycle.disconnected:
            return True
        if self.flow.write_paused:
            return False
        cycle.response_started = cycle.response_complete = True
        end = b"\r\n\r\n" if cycle.keep_alive else b"\r\nconnection: close\r\n\r\n"
        cycle.transport.write(b"%b%d%b%b" % (self._head(), len(body), end, body))
        cycle.wake()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True

    def take_surplus(self) -> bytes:
        """Bytes that followed the request being handled and are no request, at most 64 KiB of them.

        Empty as long as none came, or when they followed a later, pipelined request. Whoever takes them keeps them.
        """
        if self.pipelined:
            return b""
        surplus, self.surplus = self.surplus, b""
        return surplus

    def write(self, data: bytes) -> None:
        """Write raw bytes, past HTTP. The application then ends the connection, and awaits `http.disconnect`."""
        self.transport.write(data)

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

    # What the listener uses

    def shutdown(self) -> None:
        """Close when idle; otherwise after the answers that are due."""
        if not self.answering:
            self.transport.close()
        elif not self.deaf:
            self.cycle.keep_alive = False

    @property
    def unsent(self) -> int:
        """Octets written that the system has no room for, because the peer does not read."""
        return self.transport.get_write_buffer_size()

    def expire(self, now: float) -> None:
        """Close a connection that has been idle, or whose request's head has been on its way, for too long."""
        if now < self.deadline:
            return
        if self.ended or self.transport.is_closing():
            unread = self.unsent
            if unread in (0, self._unread):
                self.transport.abort()
            else:  # the peer is slow, but it does read
                self._unread = unread
                self.deadline = now + self._terms.head_timeout
            return
        self.deadline = now + LINGER_SECONDS
        if self.phase == HEAD or not self.requests:
            self._terms.observer.on_head_timeout(self, self.beginning())
            if self.answering:
                self.end_after_answers()
                return
        self.transport.close()

    def interrupt(self) -> None:
        """Let the running request go unanswered, and without complaint: before its task is cancelled."""
        self.pipelined.clear()
        if self.running is not None:
            self.running.disconnected = True
            self.running.logger = _SILENT_LOG
            self.running.wake()

    # What happens

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.client = self.peer
        ssl_object = transport.get_extra_info("ssl_object")
        if ssl_object is not None and self._terms.tls_facts is not None:
            self.tls = self._terms.tls_facts(ssl_object)
        self.extensions = {"tls": self.tls, "sim.connection": self}
        self.deadline = self.loop.time() + self._terms.head_timeout

    def on_unreadable_request(self, excerpt: bytes, reason: str) -> None:
        self._terms.observer.on_bad_request(self, excerpt, reason)

    def on_unclaimed_surplus(self, surplus: bytes) -> None:
        self._terms.observer.on_surplus(self, surplus)

    def _head(self) -> bytes:
        """Status line and headers up to the value of Content-Length; the Date is new every second."""
        headers = self.server_state.default_headers
        if headers is not self._head_headers:
            lines = [b"HTTP/1.1 200 OK"]
            lines += [b"%b: %b" % header for header in headers]
            lines += [b"content-type: application/json", b"content-length: "]
            self._head_headers, self._head_bytes = headers, b"\r\n".join(lines)
        return self._head_bytes
