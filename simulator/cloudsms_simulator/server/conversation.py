"""HTTP/1.1 on one connection: uvicorn's protocol, except for what it says and does about bytes that are no request.

uvicorn answers those with a 400 of its own, even while an earlier request awaits its answer. Here the answer goes out
first, and then the connection ends in a way that does not tear the answer down.

Spec: Interface specification and communication principle.
"""

import asyncio
import logging
import math
from collections import deque

import httptools
from uvicorn import Config
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from cloudsms_simulator.server.desk import Desk
from cloudsms_simulator.server.refusal import RefusalStatus, reason_of, refusal
from cloudsms_simulator.server.request import Request, scope_of
from cloudsms_simulator.server.request_parser import Continued, Unfinished, end_of_requests, framing_of

HEAD_LIMIT = 64 * 1024
"""Octets of a request's head that may arrive without its end being among them."""
SURPLUS_LIMIT = 64 * 1024
EXCERPT = 256
"""Octets of an unreadable request that are shown."""
LINGER = 1.0
"""Seconds the other side has to read the last answer while what it still sends is thrown away."""
NEVER = math.inf

BETWEEN, HEAD, BODY = range(3)


class Conversation(HttpToolsProtocol):
    """Requests and answers, one after the other. `deadline` (of the loop's clock) is for somebody else to look at."""

    def __init__(
        self,
        config: Config,
        state: ServerState,
        loop: asyncio.AbstractEventLoop,
        desk: Desk | None,
        *,
        keep_alive: float,
        head_timeout: float,
    ) -> None:
        super().__init__(config, state, {}, loop)
        # uvicorn's own parser passes over what follows `Connection: close`.
        self.parser = httptools.HttpRequestParser(self)
        self.access_log = False
        # Not uvicorn's, which may be that of a server of the user's own.
        self.logger = self.access_logger = logging.getLogger("cloudsms_simulator.http")
        self._desk = desk
        self.requests = 0
        """How many requests were handed to the application, the one it is handling now included."""
        self.surplus = b""
        """Bytes that followed the last request and are none, until somebody takes them."""
        self.cycle: Request
        self.running: Request | None = None
        """The request the application handles or handled last."""
        self.deadline = NEVER
        self.ended = False
        """The last word is written; what still comes is thrown away."""
        self.pipelined: deque[Request] = deque()
        """Requests that came before the one ahead of them was answered, in their order."""
        self.extensions: dict[str, object] = {}
        """Goes into the scope of every request."""
        self._keep_alive = keep_alive
        self._head_timeout = head_timeout
        self.phase = BETWEEN
        """What of a request arrives next."""
        self.deaf = False
        """What still comes is thrown away, or at most counts as surplus."""
        self._unfinished = Unfinished()
        self._head_octets = 0
        self._farewell = b""
        self._scope: HTTPScope | None = None
        self._scope_url = b""

    @property
    def answering(self) -> bool:
        """Whether a request awaits its answer, or the rest of it."""
        return self.running is not None and not self.running.response_complete

    def on_unreadable_request(self, excerpt: bytes, reason: str) -> None:
        """For subclasses: something that is not HTTP is about to be answered with 400 or 431."""

    def on_unclaimed_surplus(self, surplus: bytes) -> None:
        """For subclasses: surplus bytes that nobody took before the answer was out."""

    # Bytes come in

    def data_received(self, data: bytes) -> None:
        if self.deaf:
            if self.surplus:
                self.surplus = (self.surplus + data)[:SURPLUS_LIMIT]
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._on_unreadable(self._unfinished.and_then(data), error)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline_upgrade(data[upgrade.args[0] :])
        else:
            if self.phase != BETWEEN:
                self._keep(data)
            elif self._unfinished.pieces:
                self._unfinished.forget()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.running is not None and not self.running.response_complete:
            self.running.disconnected = True
            self.running.wake()
        self.deaf = True
        self._unfinished.forget()
        # The scope refers to this object: without this only the garbage collector would part them.
        self.cycle = self.running = self._scope = None  # type: ignore[assignment]
        self.extensions = {}

    # The parser reports

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self.phase = HEAD
        self._head_octets = 0
        self.deadline = self.loop.time() + self._head_timeout

    def on_headers_complete(self) -> None:
        parser = self.parser
        version = parser.get_http_version()
        if self.url != self._scope_url or self._scope is None:
            # On one connection it is rarely another.
            self._scope, self._scope_url = scope_of(self.url, self.scheme, self.client, self.server), self.url
            self._scope["extensions"] = self.extensions  # type: ignore[typeddict-item]
        scope = self._scope.copy()
        scope["http_version"] = version
        scope["method"] = parser.get_method().decode("ascii")
        scope["headers"] = self.headers
        request = self.cycle = Request(
            scope,
            self.transport,
            self.flow,
            self.server_state.default_headers,
            self.on_response_complete,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
            expects_continue=self.expect_100_continue,
        )
        if self.answering:
            self.flow.pause_reading()
            self.pipelined.append(request)
        else:
            self._start(request)
        self.phase = BODY
        self.deadline = NEVER

    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.body += body
            if len(cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            cycle.wake()

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return  # its body is still to come
        self.phase = BETWEEN
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.wake()

    # The application answers

    def _start(self, request: Request) -> None:
        self.running = request
        self.requests += 1
        if self._desk is not None:
            self._desk.add(request)
            return
        task = self.loop.create_task(request.run_asgi(self.app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def on_response_complete(self) -> None:
        if self.deaf and not self.pipelined:
            self._end()
        elif self.transport.is_closing():
            self.deadline = self.loop.time() + LINGER
        else:
            self.flow.resume_reading()
            if self.pipelined:
                self._start(self.pipelined.popleft())
            elif self.phase != HEAD:
                self.deadline = self.loop.time() + self._keep_alive

    # What uvicorn does not do

    def _keep(self, data: bytes) -> None:
        if self.phase == BODY:
            # The answer may be complete before the request is.
            self._linger_after_last_answer()
        elif self._unfinished.pieces:
            self._head_octets += len(data)
            if self._head_octets > HEAD_LIMIT:
                reason = f"the request's head is longer than {HEAD_LIMIT} octets"
                self._refuse(self._unfinished.and_then(data), 431, reason)
                return
        self._unfinished.keep(data)

    def _decline_upgrade(self, rest: bytes) -> None:
        """Go on as if no other protocol had been asked for."""
        self._unfinished.forget()
        self.parser = httptools.HttpRequestParser(Continued(self))
        self.data_received(framing_of(self.headers) + rest)

    def beginning(self, received: bytes | None = None) -> bytes:
        """How the request begins that is incomplete, at most `EXCERPT` octets."""
        if received is None:
            received = self._unfinished.and_then(b"")
        return received[end_of_requests(received) :][:EXCERPT]

    def _on_unreadable(self, received: bytes, error: httptools.HttpParserError) -> None:
        attempt = self.phase == HEAD and (self.url or isinstance(error, httptools.HttpParserInvalidURLError))
        if self.phase == BODY or attempt or self.cycle is None:
            self._refuse(received, 400, reason_of(error, received))
            return
        # Nobody knows where a request ended that was too long to keep: there the last octet stands for all.
        end = end_of_requests(received) if self._unfinished.complete else -1
        self.surplus = (received[end:].lstrip(b"\r\n") or received[-1:])[:SURPLUS_LIMIT]
        self.end_after_answers()

    def _refuse(self, received: bytes, status: RefusalStatus, reason: str) -> None:
        """Answer what cannot be read, as soon as what came before it is answered."""
        self.on_unreadable_request(self.beginning(received), reason)
        self._farewell = refusal(status, reason, self.server_state.default_headers)
        cycle = self.cycle
        if self.phase == BODY and not cycle.response_complete:
            # Its own body is broken: nothing will come of it.
            cycle.disconnected = True
            cycle.response_complete = True
            cycle.wake()
            if cycle is not self.running:
                self.pipelined.pop()
            elif cycle.response_started:
                self._farewell = b""
        self.end_after_answers()

    # How it ends

    def end_after_answers(self) -> None:
        """Read no further request, and close after the answers that are due."""
        self.deaf = True
        self._unfinished.forget()
        self.deadline = NEVER
        if not self.answering:
            self._end()
        elif not self._farewell:
            self.cycle.keep_alive = False
            self._linger_after_last_answer()

    def linger(self) -> None:
        """Close for writing, and throw away what still comes, until the peer closes or `LINGER` seconds are over.

        Closing while bytes arrive unread makes the system send a reset, which can overtake the answer.
        """
        self.deaf = True
        if self.ended:
            return
        self.ended = True
        self.deadline = self.loop.time() + LINGER
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:  # TLS does all that by itself
            self.transport.close()

    def _linger_after_last_answer(self) -> None:
        if self.cycle.transport is self.transport:
            self.cycle.transport = _Lingering(self)  # type: ignore[assignment]

    def _end(self) -> None:
        if self.surplus:
            self.on_unclaimed_surplus(self.surplus)
            self.surplus = b""
        if self._farewell:
            self.transport.write(self._farewell)
            self._farewell = b""
        self.linger()


class _Lingering:
    """The transport as an answer sees it after which the connection may end while the peer is still sending."""

    def __init__(self, conversation: Conversation) -> None:
        self.write = conversation.transport.write
        self.is_closing = conversation.transport.is_closing
        self.close = conversation.linger
